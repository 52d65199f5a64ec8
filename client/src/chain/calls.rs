//! The calls that users, providers and governance make, as SCALE bytes.
//!
//! Indices and argument types are pinned by the protocol, so that calls can be made offline. Before a call is signed it
//! is decoded against the connected runtime's metadata, and refused when that disagrees.

use crate::account::AccountId;
use codec::{Compact, Encode};
use nil_slab::AnswerItem;
use nil_types::{
	Amount, Capability, DealId, Epoch, G1Compressed, Generation, Hash32, Hint, MduIndex, Profile,
	RelayBlock, ServiceKey, SlotIndex, challenge::Place, traits::Receipt,
};

const BALANCES: u8 = 10;
const PROVIDERS: u8 = 41;
const DEALS: u8 = 42;
const MODE2: u8 = 43;
const LIVENESS: u8 = 44;

/// A call with its arguments, ready to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
	pallet: &'static str,
	name: &'static str,
	bytes: Vec<u8>,
}

impl Call {
	fn new(pallet: (&'static str, u8), name: (&'static str, u8), arguments: impl Encode) -> Self {
		let mut bytes = vec![pallet.1, name.1];
		arguments.encode_to(&mut bytes);
		Self { pallet: pallet.0, name: name.0, bytes }
	}

	/// The pallet's name.
	pub const fn pallet(&self) -> &'static str {
		self.pallet
	}

	/// The call's name.
	pub const fn name(&self) -> &'static str {
		self.name
	}

	/// Pallet index, call index and arguments.
	pub fn bytes(&self) -> &[u8] {
		&self.bytes
	}

	/// Sends `amount` to `to` without letting the sender's account die.
	pub fn transfer(to: AccountId, amount: Amount) -> Self {
		const ADDRESS_ID: u8 = 0;
		let arguments = (ADDRESS_ID, to, Compact(amount));
		Self::new(("Balances", BALANCES), ("transfer_keep_alive", 3), arguments)
	}

	/// `Deals.create_deal`.
	pub fn create_deal(deal: &CreateDeal) -> Self {
		Self::new(("Deals", DEALS), ("create_deal", 0), deal)
	}

	/// `Deals.commit_content`.
	pub fn commit_content(commit: &CommitContent) -> Self {
		Self::new(("Deals", DEALS), ("commit_content", 1), commit)
	}

	/// `Deals.add_receipt`: a slot that missed a commit signs it later.
	pub fn add_receipt(deal: DealId, generation: Generation, receipt: &Receipt) -> Self {
		Self::new(("Deals", DEALS), ("add_receipt", 2), (deal, generation, receipt))
	}

	/// `Deals.top_up`: adds to a deal's escrow; anybody may.
	pub fn top_up(deal: DealId, amount: Amount) -> Self {
		Self::new(("Deals", DEALS), ("top_up", 3), (deal, amount))
	}

	/// `Deals.extend_deal`: lets a deal live `blocks` relay blocks longer.
	pub fn extend_deal(deal: DealId, blocks: RelayBlock) -> Self {
		Self::new(("Deals", DEALS), ("extend_deal", 4), (deal, blocks))
	}

	/// `Deals.cancel_deal`.
	pub fn cancel_deal(deal: DealId) -> Self {
		Self::new(("Deals", DEALS), ("cancel_deal", 5), deal)
	}

	/// `Deals.authorize_uploader`: lets `uploader` commit up to `max_bytes` payload bytes until relay block `until` has
	/// passed.
	pub fn authorize_uploader(
		deal: DealId,
		uploader: AccountId,
		max_bytes: u64,
		until: RelayBlock,
	) -> Self {
		let arguments = (deal, uploader, max_bytes, until);
		Self::new(("Deals", DEALS), ("authorize_uploader", 8), arguments)
	}

	/// `Deals.revoke_uploader`: the deal's owner and the uploader itself may.
	pub fn revoke_uploader(deal: DealId, uploader: AccountId) -> Self {
		Self::new(("Deals", DEALS), ("revoke_uploader", 9), (deal, uploader))
	}

	/// `Mode2.place`: tries the draw of a waiting deal; anybody may.
	pub fn place(deal: DealId) -> Self {
		Self::new(("Mode2", MODE2), ("place", 0), deal)
	}

	/// `Mode2.decline`: the signer is no longer the candidate for a slot. Free of fees.
	pub fn decline(deal: DealId, slot: SlotIndex) -> Self {
		Self::new(("Mode2", MODE2), ("decline", 2), (deal, slot))
	}

	/// `Mode2.complete_repair`: gives a slot to its candidate, the signer. Wrong proofs do not fail: the event
	/// `Mode2.InvalidRepair` stands in the place of `Mode2.RepairCompleted` then. Free of fees when they are right.
	pub fn complete_repair(repair: &CompleteRepair) -> Self {
		Self::new(("Mode2", MODE2), ("complete_repair", 3), repair)
	}

	/// `Mode2.relieve`: does with a slot of a provider that drains or was jailed what that asks for; anybody may. Free of
	/// fees.
	pub fn relieve(provider: AccountId, deal: DealId, slot: SlotIndex) -> Self {
		Self::new(("Mode2", MODE2), ("relieve", 4), (provider, deal, slot))
	}

	/// `Mode2.come_back`: the signer, from whom the slot was taken, is its candidate again, since the deal is lost.
	pub fn come_back(deal: DealId, slot: SlotIndex) -> Self {
		Self::new(("Mode2", MODE2), ("come_back", 5), (deal, slot))
	}

	/// `Liveness.submit_proofs`: answers samples of the signer's, who must be the provider's operator. A wrong answer does
	/// not fail, and is slashed: the event `Liveness.InvalidProof` stands in the place of `Liveness.Answered` then.
	pub fn submit_proofs(proofs: &SubmitProofs) -> Self {
		Self::new(("Liveness", LIVENESS), ("submit_proofs", 0), proofs)
	}

	/// `Liveness.waive`: waives samples of the signer's with credits of the slots that they fall on, in the round that `block`
	/// drew for `epoch`. Ordinals rise, and are at most as many as a call may answer. Free of fees.
	pub fn waive(epoch: Epoch, block: Hash32, ordinals: &[u32]) -> Self {
		Self::new(("Liveness", LIVENESS), ("waive", 7), (epoch, block, ordinals))
	}

	/// `Liveness.advance`: applies what happened to a provider's allocations in earlier rounds; anybody may.
	pub fn advance(provider: AccountId, steps: u32) -> Self {
		Self::new(("Liveness", LIVENESS), ("advance", 1), (provider, steps))
	}

	/// `Liveness.settle`: has the rent of the signer's slots paid that they earned in the last period. Wrong proofs do not
	/// fail, and are slashed: the event `Liveness.InvalidSettlement` stands in the place of `Liveness.Settled` then.
	pub fn settle(settlement: &Settle) -> Self {
		Self::new(("Liveness", LIVENESS), ("settle", 3), settlement)
	}

	/// `Providers.register`.
	pub fn register(provider: &RegisterProvider) -> Self {
		Self::new(("Providers", PROVIDERS), ("register", 0), provider)
	}

	/// `Providers.update`.
	pub fn update(update: &UpdateProvider) -> Self {
		Self::new(("Providers", PROVIDERS), ("update", 1), update)
	}

	/// `Providers.rotate_service_key`.
	pub fn rotate_service_key(new: ServiceKey) -> Self {
		Self::new(("Providers", PROVIDERS), ("rotate_service_key", 2), new)
	}

	/// `Providers.add_stake`.
	pub fn add_stake(amount: Amount) -> Self {
		Self::new(("Providers", PROVIDERS), ("add_stake", 3), amount)
	}

	/// `Providers.remove_stake`: starts to release stake; it stays answerable for a while.
	pub fn remove_stake(amount: Amount) -> Self {
		Self::new(("Providers", PROVIDERS), ("remove_stake", 4), amount)
	}

	/// `Providers.withdraw_stake`: takes what has been released.
	pub fn withdraw_stake() -> Self {
		Self::new(("Providers", PROVIDERS), ("withdraw_stake", 5), ())
	}

	/// `Providers.drain`: no new slots from now on.
	pub fn drain() -> Self {
		Self::new(("Providers", PROVIDERS), ("drain", 6), ())
	}

	/// `Providers.leave`: ends a registration without slots.
	pub fn leave() -> Self {
		Self::new(("Providers", PROVIDERS), ("leave", 7), ())
	}
}

/// Arguments of `Deals.create_deal`.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct CreateDeal {
	/// How the deal is striped.
	pub profile: Profile,
	/// Which providers may be drawn.
	pub hint: Hint,
	/// How long it lives, in relay blocks.
	pub duration: RelayBlock,
	/// What may be spent per month beyond rent.
	pub max_monthly_spend: Amount,
	/// What is set aside for rent and deposits.
	pub escrow: Amount,
}

/// Arguments of `Deals.commit_content`.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct CommitContent {
	/// The deal.
	pub deal: DealId,
	/// The generation that the commit builds on: the deal's current one.
	pub base_gen: Generation,
	/// Roots of the new MDUs, at most 1,024.
	pub roots: Vec<Hash32>,
	/// `H` of the index bytes as stored.
	pub index_root: Hash32,
	/// Payload bytes, index included.
	pub size_bytes: u64,
	/// Length of the index, the payload's tail.
	pub index_len: u32,
	/// Receipts of at least `k + 1` slots.
	pub receipts: Vec<Receipt>,
}

/// Arguments of `Liveness.submit_proofs`.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct SubmitProofs {
	/// The epoch for which the round in force was drawn.
	pub epoch: Epoch,
	/// The hash of the block that drew it.
	pub block: Hash32,
	/// The answers to samples, by rising ordinal; at most as many as the round allows a call.
	pub items: Vec<ProofItem>,
	/// `sum gamma_i p_i(z)`.
	pub y: [u8; 32],
	/// Opening of `sum gamma_i C_i` at `z` to `y`.
	pub pi: G1Compressed,
}

/// The answer to one sample, as the chain takes it.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct ProofItem {
	/// Which sample of the round.
	#[codec(compact)]
	pub ordinal: u32,
	/// [`SampleInfo::place`](nil_types::SampleInfo::place).
	pub place: Option<Place>,
	/// MDU in the slab.
	#[codec(compact)]
	pub mdu: MduIndex,
	/// Data blobs of that MDU that hold payload.
	pub live: u8,
	/// Leaf of the MDU tree.
	pub leaf: u16,
	/// Commitment of the blob.
	pub commitment: G1Compressed,
	/// Siblings from the leaf up.
	pub path: Vec<Hash32>,
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: G1Compressed,
}

impl ProofItem {
	/// An item of an answer, for the sample that stands at `place`.
	pub fn new(item: AnswerItem, place: Option<Place>) -> Self {
		let AnswerItem { ordinal, mdu, live, leaf, commitment, path, manifest_opening } = item;
		Self { ordinal, place, mdu, live, leaf, commitment, path, manifest_opening }
	}
}

/// Arguments of `Liveness.settle`.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Settle {
	/// The period that is settled: the last one.
	pub period: u32,
	/// The hash of the block that drew the round in force.
	pub block: Hash32,
	/// All samples of each slot, the slots rising; at most as many as a call may have.
	pub items: Vec<SettleItem>,
	/// `sum gamma_i p_i(z)`.
	pub y: [u8; 32],
	/// Opening of `sum gamma_i C_i` at `z` to `y`.
	pub pi: G1Compressed,
}

/// The proof of one sample of a settlement, as the chain takes it.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct SettleItem {
	/// The deal.
	#[codec(compact)]
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// [`SettleSampleInfo::commits`](nil_types::SettleSampleInfo::commits).
	pub commits: Vec<Generation>,
	/// The blob; `None` when nothing was drawn that the slot signed.
	pub blob: Option<BlobProof>,
}

/// How a blob's commitment leads up to its deal's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct BlobProof {
	/// Commitment of the blob.
	pub commitment: G1Compressed,
	/// Siblings from the leaf up.
	pub path: Vec<Hash32>,
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: G1Compressed,
}

impl From<AnswerItem> for BlobProof {
	fn from(item: AnswerItem) -> Self {
		let AnswerItem { commitment, path, manifest_opening, .. } = item;
		Self { commitment, path, manifest_opening }
	}
}

/// Arguments of `Mode2.complete_repair`.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct CompleteRepair {
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// Up to which generation the signer has the slot.
	pub generation: Generation,
	/// All samples, in order.
	pub items: Vec<RepairItem>,
	/// `sum gamma_i p_i(z)`.
	pub y: [u8; 32],
	/// Opening of `sum gamma_i C_i` at `z` to `y`.
	pub pi: G1Compressed,
}

/// The proof of one sample of a candidate, as the chain takes it.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct RepairItem {
	/// The generation whose commit has the MDU that was drawn.
	#[codec(compact)]
	pub generation: Generation,
	/// The blob.
	pub blob: BlobProof,
}

/// Arguments of `Providers.register`.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct RegisterProvider {
	/// The key that will sign receipts.
	pub service_key: ServiceKey,
	/// Where the provider can be reached, as multiaddr text; at most 8.
	pub multiaddrs: Vec<Vec<u8>>,
	/// What it is built for.
	pub capability: Capability,
	/// Its failure domain.
	pub domain: Vec<u8>,
	/// Bytes that it offers.
	pub capacity: u64,
	/// The lowest storage price that it takes, per GiB and relay block.
	pub price_floor: Amount,
	/// Stake to hold.
	pub stake: Amount,
}

/// Arguments of `Providers.update`: what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct UpdateProvider {
	/// New addresses.
	pub multiaddrs: Option<Vec<Vec<u8>>>,
	/// New capability.
	pub capability: Option<Capability>,
	/// New failure domain.
	pub domain: Option<Vec<u8>>,
	/// New capacity in bytes.
	pub capacity: Option<u64>,
	/// New price floor.
	pub price_floor: Option<Amount>,
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_types::challenge::SizeClass;

	#[test]
	fn calls_are_pinned() {
		let create = Call::create_deal(&CreateDeal {
			profile: Profile::DEFAULT,
			hint: Hint::Cold,
			duration: 100,
			max_monthly_spend: 0,
			escrow: 1,
		});
		let expected = [
			"2a00",
			"080400",
			"01",
			"64000000",
			"00000000000000000000000000000000",
			"01000000000000000000000000000000",
		];
		assert_eq!(hex::encode(create.bytes()), expected.concat());
		assert_eq!((create.pallet(), create.name()), ("Deals", "create_deal"));

		let commit = Call::commit_content(&CommitContent {
			deal: 1,
			base_gen: 2,
			roots: vec![[3; 32]],
			index_root: [4; 32],
			size_bytes: 5,
			index_len: 6,
			receipts: vec![Receipt { slot: 7, until: 8, signature: [9; 64] }],
		});
		let expected = [
			"2a01".to_owned(),
			"0100000000000000".to_owned(),
			"02000000".to_owned(),
			"04".to_owned() + &"03".repeat(32),
			"04".repeat(32),
			"0500000000000000".to_owned(),
			"06000000".to_owned(),
			"04".to_owned() + "07" + "08000000" + &"09".repeat(64),
		];
		assert_eq!(hex::encode(commit.bytes()), expected.concat());

		let authorise = Call::authorize_uploader(1, AccountId([2; 32]), 3, 4);
		let expected =
			["2a08", "0100000000000000", &"02".repeat(32), "0300000000000000", "04000000"];
		assert_eq!(hex::encode(authorise.bytes()), expected.concat());
		let revoke = Call::revoke_uploader(1, AccountId([2; 32]));
		let expected = ["2a09", "0100000000000000", &"02".repeat(32)];
		assert_eq!(hex::encode(revoke.bytes()), expected.concat());

		let class = SizeClass::of(7).unwrap();
		let answer = Call::submit_proofs(&SubmitProofs {
			epoch: 1,
			block: [2; 32],
			items: vec![ProofItem {
				ordinal: 3,
				place: Some(Place { class, index: 4 }),
				mdu: 5,
				live: 6,
				leaf: 7,
				commitment: [8; 48],
				path: vec![[9; 32]],
				manifest_opening: [10; 48],
			}],
			y: [11; 32],
			pi: [12; 48],
		});
		let expected = [
			"2c00".to_owned() + "01000000" + &"02".repeat(32),
			"04".to_owned() + "0c" + "01" + "07" + "04000000" + "14" + "06" + "0700",
			"08".repeat(48) + "04" + &"09".repeat(32) + &"0a".repeat(48),
			"0b".repeat(32) + &"0c".repeat(48),
		];
		assert_eq!(hex::encode(answer.bytes()), expected.concat());
		let settle = Call::settle(&Settle {
			period: 1,
			block: [2; 32],
			items: vec![SettleItem {
				deal: 3,
				slot: 4,
				commits: vec![5],
				blob: Some(BlobProof {
					commitment: [6; 48],
					path: vec![[7; 32]],
					manifest_opening: [8; 48],
				}),
			}],
			y: [9; 32],
			pi: [10; 48],
		});
		let expected = [
			"2c03".to_owned() + "01000000" + &"02".repeat(32),
			"04".to_owned() + "0c" + "04" + "04" + "05000000" + "01",
			"06".repeat(48) + "04" + &"07".repeat(32) + &"08".repeat(48),
			"09".repeat(32) + &"0a".repeat(48),
		];
		assert_eq!(hex::encode(settle.bytes()), expected.concat());
		let complete = Call::complete_repair(&CompleteRepair {
			deal: 1,
			slot: 2,
			generation: 3,
			items: vec![RepairItem {
				generation: 4,
				blob: BlobProof {
					commitment: [5; 48],
					path: vec![[6; 32]],
					manifest_opening: [7; 48],
				},
			}],
			y: [8; 32],
			pi: [9; 48],
		});
		let expected = [
			"2b03".to_owned() + "0100000000000000" + "02" + "03000000",
			"04".to_owned() + "10" + &"05".repeat(48) + "04" + &"06".repeat(32) + &"07".repeat(48),
			"08".repeat(32) + &"09".repeat(48),
		];
		assert_eq!(hex::encode(complete.bytes()), expected.concat());
		let slot = "010000000000000002";
		assert_eq!(hex::encode(Call::decline(1, 2).bytes()), ["2b02", slot].concat());
		assert_eq!(hex::encode(Call::come_back(1, 2).bytes()), ["2b05", slot].concat());
		let relieve = Call::relieve(AccountId([3; 32]), 1, 2);
		let expected = ["2b04", &"03".repeat(32), slot];
		assert_eq!(hex::encode(relieve.bytes()), expected.concat());
		let waive = Call::waive(1, [2; 32], &[3, 4]);
		let expected = ["2c07", "01000000", &"02".repeat(32), "08", "03000000", "04000000"];
		assert_eq!(hex::encode(waive.bytes()), expected.concat());
		let advance = Call::advance(AccountId([2; 32]), 3);
		let expected = ["2c01", &"02".repeat(32), "03000000"];
		assert_eq!(hex::encode(advance.bytes()), expected.concat());
	}
}
