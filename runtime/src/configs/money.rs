//! Balances and fees.

use super::collators::CollatorPot;
use crate::{
	Balance, Balances, EXISTENTIAL_DEPOSIT, MAXIMUM_BLOCK_WEIGHT, MICROUNIT, MILLIUNIT, Runtime,
	RuntimeCall, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, System,
	weights::ExtrinsicBaseWeight,
};
use frame_support::{
	parameter_types,
	traits::{ConstU8, ConstU32, ConstU128, VariantCountOf, tokens::imbalance::ResolveTo},
	weights::{
		ConstantMultiplier, FeePolynomial, Weight, WeightToFee as WeightToFeeT,
		WeightToFeeCoefficient, WeightToFeePolynomial,
	},
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use smallvec::smallvec;
use sp_runtime::{FixedPointNumber, Perbill, Perquintill, traits::Bounded};

impl pallet_balances::Config for Runtime {
	type AccountStore = System;
	type Balance = Balance;
	type DoneSlashHandler = ();
	type DustRemoval = ();
	type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
	type MaxLocks = ConstU32<50>;
	type MaxReserves = ConstU32<50>;
	type ReserveIdentifier = [u8; 8];
	type RuntimeEvent = RuntimeEvent;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_balances::weights::SubstrateWeight<Self>;
}

/// The fee for execution time: an empty transaction costs a tenth of a [`MILLIUNIT`].
struct TimeToFee;

impl WeightToFeePolynomial for TimeToFee {
	type Balance = Balance;

	fn polynomial() -> frame_support::weights::WeightToFeeCoefficients<Balance> {
		proportional(MILLIUNIT / 10, ExtrinsicBaseWeight::get().ref_time())
	}
}

/// The fee for proof size: a block full of proof costs as much as a block full of time.
struct ProofToFee;

impl WeightToFeePolynomial for ProofToFee {
	type Balance = Balance;

	fn polynomial() -> frame_support::weights::WeightToFeeCoefficients<Balance> {
		let time: FeePolynomial<Balance> = TimeToFee::polynomial().into();
		let full_block = time.eval(MAXIMUM_BLOCK_WEIGHT.ref_time());
		proportional(full_block, MAXIMUM_BLOCK_WEIGHT.proof_size())
	}
}

/// `fee` for `amount`, and in proportion.
fn proportional(
	fee: Balance,
	amount: u64,
) -> frame_support::weights::WeightToFeeCoefficients<Balance> {
	let amount = Balance::from(amount).max(1);
	smallvec![WeightToFeeCoefficient {
		degree: 1,
		negative: false,
		coeff_frac: Perbill::from_rational(fee % amount, amount),
		coeff_integer: fee / amount,
	}]
}

/// The fee for a weight: that of its time or that of its proof size, whichever is higher.
#[derive(Debug)]
pub struct WeightToFee;

impl WeightToFeeT for WeightToFee {
	type Balance = Balance;

	fn weight_to_fee(weight: &Weight) -> Balance {
		let time: FeePolynomial<Balance> = TimeToFee::polynomial().into();
		let proof: FeePolynomial<Balance> = ProofToFee::polynomial().into();
		time.eval(weight.ref_time()).max(proof.eval(weight.proof_size()))
	}
}

parameter_types! {
	/// The fee for each byte of a transaction. A commit of 1,024 MDUs (8 GiB) has 33 KB: about 0.03 tokens.
	pub const TransactionByteFee: Balance = MICROUNIT;
	/// Fees rise while blocks are fuller than this and fall while they are emptier.
	pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
	/// How fast: at most about 30 % a day.
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(3, 100_000);
	/// Fees never fall below a tenth of their base, so that flooding empty blocks costs something.
	pub MinimumMultiplier: Multiplier = Multiplier::saturating_from_rational(1, 10u128);
	/// Fees may rise without limit.
	pub MaximumMultiplier: Multiplier = Bounded::max_value();
}

/// The fee for a transaction's length.
pub type LengthToFee = ConstantMultiplier<Balance, TransactionByteFee>;

impl pallet_transaction_payment::Config for Runtime {
	type FeeMultiplierUpdate = TargetedFeeAdjustment<
		Self,
		TargetBlockFullness,
		AdjustmentVariable,
		MinimumMultiplier,
		MaximumMultiplier,
	>;
	type LengthToFee = LengthToFee;
	type OnChargeTransaction = FungibleAdapter<Balances, ResolveTo<CollatorPot, Balances>>;
	type OperationalFeeMultiplier = ConstU8<5>;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Self>;
	type WeightToFee = WeightToFee;
}

impl pallet_sudo::Config for Runtime {
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_sudo::weights::SubstrateWeight<Self>;
}
