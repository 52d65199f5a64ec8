//! Benchmarks of the calls and of the steps of upkeep, with real slots, receipts and manifest arithmetic.

use crate::{
	Agenda, AgendaCursor, Call, Commits, Config, Deal, Deals, HoldReason, Ledger, NextDealId, Owed,
	Owing, Pallet, Params, Remnant, RemnantQueue, Remnants, Uploaders,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
	BoundedVec,
	traits::{
		EnsureOrigin, Get,
		fungible::{Mutate, hold::Mutate as HoldMutate},
	},
	weights::WeightMeter,
};
use frame_system::RawOrigin;
use nil_types::{
	Amount, CodeKind, CommitInfo, ContentShape, DealId, DealStatus, Hash32, Hint, Profile,
	RelayBlock,
	deal::MAX_UPLOADERS,
	layout::{MAX_ROOTS, MAX_SLOTS, MDU_PAYLOAD, MDUS_PER_MANIFEST},
	messages::roots_hash,
	traits::{
		CommitTerms, ContentSource, EpochClock, ManifestMath, Receipt, RelayBeacon, SlotManager,
	},
};

/// As many slots as there may be, of which two make a commit.
const WIDEST: Profile = Profile { k: 1, m: 31, code: CodeKind::Fr };
/// Escrow that covers any commit at any price and term.
const ESCROW: Amount = 1 << 100;

/// A relay block with many periods of rent before it: slots may be owed something of the last one.
const LATE: RelayBlock = 10_000_000;

/// An account with money for several deals.
fn rich<T: Config>(name: &'static str) -> T::AccountId {
	let who = account(name, 0, 0);
	T::Currency::set_balance(&who, ESCROW.saturating_mul(8));
	who
}

fn owner<T: Config>() -> T::AccountId {
	account("owner", 0, 0)
}

/// A deal of the owner that waits for its slots, at the shortest term.
pub(crate) fn create<T: Config>(profile: Profile, hint: Hint) -> DealId {
	let deal = NextDealId::<T>::get();
	let duration = Params::<T>::get().min_duration;
	Pallet::<T>::do_create_deal(rich::<T>("owner"), profile, hint, duration, 0, ESCROW)
		.expect("the deal is in order");
	deal
}

/// Gives somebody an account.
pub(crate) fn endow<T: Config>(who: &T::AccountId) {
	T::Currency::set_balance(who, ESCROW);
}

/// A deal of that number that has so much locked, and lasts as long as one may. Its slots are nobody's.
pub(crate) fn locked<T: Config>(id: DealId, amount: Amount) {
	let owner = rich::<T>("owner");
	T::Currency::hold(&HoldReason::Escrow.into(), &owner, amount).expect("the owner is rich");
	let now = T::Beacon::now();
	let deal = Deal {
		owner,
		profile: WIDEST,
		hint: Hint::Cold,
		status: DealStatus::Active,
		generation: 0,
		total_mdus: 0,
		size_bytes: 0,
		stored_bytes: 0,
		created_at: now,
		expires_at: RelayBlock::MAX,
		ledger: Ledger { locked: amount, ..Default::default() },
		max_monthly_spend: 0,
	};
	Deals::<T>::insert(id, deal);
}

/// A deal of that number that has ended and owes so much. Another one stands behind it in its bucket of the agenda, and takes its
/// place when it leaves.
pub(crate) fn owed<T: Config>(id: DealId, amount: Amount) {
	let owner = rich::<T>("owner");
	T::Currency::hold(&HoldReason::Escrow.into(), &owner, amount).expect("the owner is rich");
	let until = T::Beacon::now().saturating_add(T::BucketLength::get());
	let ended_in = T::Epochs::round();
	let remnant = Remnant { deal: id, commits: 1, manifests: 0, ended_in };
	Owed::<T>::insert(id, Owing { owner, left: amount, until, remnant });
	Pallet::<T>::agenda_enter(id, until);
	Pallet::<T>::agenda_enter(id.saturating_add(1), until);
}

/// A deal with slots. Another one ends with it, and leads its bucket of the agenda, so that leaving it moves an entry.
fn active<T: Config>() -> DealId {
	T::Beacon::set_record(LATE, [7; 64]);
	let deal = create::<T>(WIDEST, Hint::Cold);
	create::<T>(WIDEST, Hint::Cold);
	T::Slots::benchmark_place(deal, WIDEST, Hint::Cold);
	deal
}

/// Authorises as many uploaders as a deal may have, for ever and for everything; the last of them.
fn authorise_all<T: Config>(deal: DealId) -> T::AccountId {
	let uploader = |number| account::<T::AccountId>("uploader", number, 0);
	for number in 1..=MAX_UPLOADERS {
		Pallet::<T>::do_authorize_uploader(
			owner::<T>(),
			deal,
			uploader(number),
			u64::MAX,
			RelayBlock::MAX,
		)
		.expect("the list has room");
	}
	uploader(MAX_UPLOADERS)
}

/// The arguments of a commit of `mdus` MDUs on top of what the deal has, signed by all slots.
struct Prepared {
	roots: BoundedVec<Hash32, frame_support::traits::ConstU32<MAX_ROOTS>>,
	size_bytes: u64,
	index_root: Hash32,
	index_len: u32,
	base_gen: u32,
	receipts: Vec<Receipt>,
}

impl Prepared {
	fn new<T: Config>(deal: DealId, mdus: u32) -> Self {
		let held = Deals::<T>::get(deal).expect("the deal exists");
		let base_gen = held.generation;
		let roots: Vec<_> =
			(0..mdus).map(|index| nil_types::hash_to_fr(&index.to_le_bytes())).collect();
		let size_bytes = u64::from(mdus) * MDU_PAYLOAD as u64;
		let (index_root, index_len) = ([1; 32], 1);
		let terms = CommitTerms {
			deal,
			hint: held.hint,
			generation: base_gen + 1,
			first_mdu: held.total_mdus,
			roots_hash: roots_hash(&roots),
			index_root,
			size_bytes,
			index_len,
			bytes_per_slot: ContentShape::new(size_bytes).bytes_per_slot(&WIDEST),
			price: Params::<T>::get().storage_price,
		};
		let receipts = T::Slots::benchmark_receipts(&terms);
		let roots = BoundedVec::truncate_from(roots);
		Self { roots, size_bytes, index_root, index_len, base_gen, receipts }
	}

	/// Commits with receipts of the first `signers` slots.
	fn commit<T: Config>(&self, deal: DealId, signers: usize) {
		Pallet::<T>::commit_content(
			RawOrigin::Signed(owner::<T>()).into(),
			deal,
			self.base_gen,
			self.roots.clone(),
			self.index_root,
			self.size_bytes,
			self.index_len,
			BoundedVec::truncate_from(self.receipts.iter().take(signers).cloned().collect()),
		)
		.expect("the commit is in order");
	}
}

/// Moves the relay clock to a deal's deadline's bucket, and the cursor there.
fn expire<T: Config>(deal: DealId) {
	let deadline = Deals::<T>::get(deal).expect("the deal exists").expires_at;
	let bucket = Pallet::<T>::bucket_of(deadline);
	T::Beacon::set_record(bucket.saturating_mul(T::BucketLength::get()), [0; 64]);
	AgendaCursor::<T>::put(bucket);
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn create_deal() {
		let caller = rich::<T>("owner");
		let duration = Params::<T>::get().max_duration;
		#[extrinsic_call]
		_(RawOrigin::Signed(caller), WIDEST, Hint::Cold, duration, 0, ESCROW);
		assert_eq!(Deals::<T>::count(), 1);
	}

	#[benchmark]
	fn commit_content(r: Linear<1, MAX_ROOTS>, s: Linear<2, MAX_SLOTS>) {
		let deal = active::<T>();
		T::Slots::benchmark_candidates(deal);
		// Half of the roots go to another manifest point.
		let first_mdu = (MDUS_PER_MANIFEST as u64).saturating_sub(u64::from(r / 2));
		let start = vec![[0; 32], nil_types::hash_to_fr(&[1])];
		let point = T::Manifests::extend(&T::Manifests::empty(), 0, &start);
		Pallet::<T>::set_manifest(deal, 0, point.expect("canonical roots"));
		Deals::<T>::mutate(deal, |deal| {
			if let Some(deal) = deal {
				deal.total_mdus = first_mdu;
			}
		});
		let prepared = Prepared::new::<T>(deal, r);
		let receipts = prepared.receipts.iter().take(s as usize).cloned().collect();
		// An uploader's budget is looked at beside what the owner's commit looks at.
		let uploader = authorise_all::<T>(deal);
		#[extrinsic_call]
		_(
			RawOrigin::Signed(uploader),
			deal,
			0,
			prepared.roots,
			prepared.index_root,
			prepared.size_bytes,
			prepared.index_len,
			BoundedVec::truncate_from(receipts),
		);
		let commit = Commits::<T>::get(deal, 1).expect("the commit stands");
		assert_eq!((commit.first_mdu, commit.signed.count_ones()), (first_mdu, s));
	}

	#[benchmark]
	fn add_receipt() {
		let deal = active::<T>();
		T::Slots::benchmark_candidates(deal);
		let prepared = Prepared::new::<T>(deal, 1);
		prepared.commit::<T>(deal, 31);
		let last = prepared.receipts.last().cloned().expect("all slots sign");
		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), deal, 1, last);
		assert_eq!(Commits::<T>::get(deal, 1).map(|commit| commit.signed), Some(u32::MAX));
	}

	#[benchmark]
	fn replace_slot() {
		let deal = active::<T>();
		Prepared::new::<T>(deal, 1).commit::<T>(deal, 31);
		let over = T::Beacon::now().saturating_add(T::ReceiptGrace::get()).saturating_add(1);
		T::Beacon::set_record(over, [7; 64]);
		// Nobody pays for so short a term.
		Deals::<T>::mutate(deal, |deal| {
			deal.as_mut().expect("the deal exists").expires_at = RelayBlock::MAX;
		});
		#[block]
		{
			Pallet::<T>::do_replace_slot(owner::<T>(), deal, 31, 1).expect("a receipt is missing");
		}
	}

	#[benchmark]
	fn top_up() {
		let deal = active::<T>();
		let sponsor = rich::<T>("sponsor");
		#[extrinsic_call]
		_(RawOrigin::Signed(sponsor), deal, ESCROW);
		assert_eq!(Deals::<T>::get(deal).map(|deal| deal.ledger.free), Some(2 * ESCROW));
	}

	#[benchmark]
	fn extend_deal() {
		let deal = active::<T>();
		Prepared::new::<T>(deal, 1).commit::<T>(deal, 32);
		let before = Deals::<T>::get(deal).expect("the deal exists").expires_at;
		let blocks = T::BucketLength::get();
		// The price has risen, so that every slot earns more.
		Params::<T>::mutate(|params| params.storage_price = T::MaxStoragePrice::get());
		#[extrinsic_call]
		_(RawOrigin::Signed(owner::<T>()), deal, blocks);
		assert_eq!(Deals::<T>::get(deal).map(|deal| deal.expires_at), Some(before + blocks));
	}

	#[benchmark]
	fn cancel_deal() {
		let deal = active::<T>();
		Prepared::new::<T>(deal, 1).commit::<T>(deal, 32);
		T::Slots::benchmark_aged(deal);
		authorise_all::<T>(deal);
		#[extrinsic_call]
		_(RawOrigin::Signed(owner::<T>()), deal);
		assert!(Deals::<T>::get(deal).is_none());
	}

	#[benchmark]
	fn set_params() -> Result<(), BenchmarkError> {
		let origin =
			T::AdminOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let mut params = Params::<T>::get();
		params.storage_price = T::MaxStoragePrice::get();
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, params);
		assert_eq!(Params::<T>::get(), params);
		Ok(())
	}

	#[benchmark]
	fn authorize_uploader() {
		let deal = active::<T>();
		let uploader = authorise_all::<T>(deal);
		#[extrinsic_call]
		_(RawOrigin::Signed(owner::<T>()), deal, uploader, 7, RelayBlock::MAX);
		let left = |entry: &crate::Authorisation<_>| entry.uploader.remaining_bytes;
		assert_eq!(Uploaders::<T>::get(deal).last().map(left), Some(7));
	}

	#[benchmark]
	fn revoke_uploader() {
		let deal = active::<T>();
		authorise_all::<T>(deal);
		let first: T::AccountId = account("uploader", 1, 0);
		#[extrinsic_call]
		_(RawOrigin::Signed(first.clone()), deal, first.clone());
		assert_eq!(Uploaders::<T>::get(deal).len() as u32, MAX_UPLOADERS - 1);
	}

	#[benchmark]
	fn upkeep_base() {
		let deal = active::<T>();
		let deadline = Deals::<T>::get(deal).expect("the deal exists").expires_at;
		AgendaCursor::<T>::put(Pallet::<T>::bucket_of(deadline));
		let done;
		#[block]
		{
			done = Pallet::<T>::run_upkeep(&mut WeightMeter::new(), u32::MAX);
		}
		assert_eq!(done, 0);
	}

	#[benchmark]
	fn expire_deal() {
		let deal = active::<T>();
		Prepared::new::<T>(deal, 1).commit::<T>(deal, 32);
		T::Slots::benchmark_aged(deal);
		authorise_all::<T>(deal);
		// The agenda serves its last entry first.
		let bucket = Pallet::<T>::bucket_of(Deals::<T>::get(deal).expect("exists").expires_at);
		let other = Agenda::<T>::get(bucket, 1).expect("two deals end together");
		Pallet::<T>::agenda_leave(other);
		Pallet::<T>::agenda_leave(deal);
		// Its term is over soon: where periods are short, what its slots earned would be forfeited in the shortest one.
		let deadline = T::Beacon::now().saturating_add(T::BucketLength::get());
		Deals::<T>::mutate(deal, |deal| {
			deal.as_mut().expect("the deal exists").expires_at = deadline;
		});
		Pallet::<T>::agenda_enter(other, deadline);
		Pallet::<T>::agenda_enter(deal, deadline);
		expire::<T>(deal);
		let done;
		#[block]
		{
			done = Pallet::<T>::run_upkeep(&mut WeightMeter::new(), 1);
		}
		assert_eq!(done, 1);
		assert!(Deals::<T>::get(deal).is_none() && Deals::<T>::get(other).is_some());
	}

	#[benchmark]
	fn pass_bucket() {
		let deal = active::<T>();
		expire::<T>(deal);
		let cursor = AgendaCursor::<T>::mutate(|cursor| {
			*cursor -= 1;
			*cursor
		});
		let done;
		#[block]
		{
			done = Pallet::<T>::run_upkeep(&mut WeightMeter::new(), 1);
		}
		assert_eq!((done, AgendaCursor::<T>::get()), (1, cursor + 1));
	}

	#[benchmark]
	fn remove_remnant() {
		let commit = CommitInfo {
			first_mdu: 0,
			size_bytes: 1,
			index_len: 1,
			index_root: [1; 32],
			roots_hash: [2; 32],
			signed: 3,
			at: 0,
		};
		Commits::<T>::insert(0, 1, commit);
		let ended_in = T::Epochs::round().wrapping_sub(1);
		Pallet::<T>::leave_remnant(Remnant { deal: 0, commits: 1, manifests: 0, ended_in });
		let done;
		#[block]
		{
			done = Pallet::<T>::run_upkeep(&mut WeightMeter::new(), 1);
		}
		assert_eq!(done, 1);
		assert_eq!(RemnantQueue::<T>::get().head, 1);
		assert!(Commits::<T>::get(0, 1).is_none() && Remnants::<T>::get(0).is_none());
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
