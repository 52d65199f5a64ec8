//! Benchmarks of the slots: draws of the widest stripe, and the steps of the queue.
//!
//! What deals ask of this pallet (requests, receipts, closing) is measured where it is called: in the calls of the deals.

use crate::{
	ADOPT_STEPS, Adoption, Asked, Call, Config, Lane, LaneEnds, Lanes, MAX_OWN, OwnCommits, Pallet,
	RepairItem, Repairs, Requests, Slot, SlotsOf, Stage, Stripe, Stripes,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{BoundedVec, traits::Get, weights::WeightMeter};
use frame_system::RawOrigin;
use nil_types::{
	CodeKind, CommitInfo, ContentShape, DealId, G1Compressed, G1Uncompressed, Generation, Hint,
	Profile, ReceiptMessage, RepairCause, SlotIndex, SlotState,
	layout::MAX_SLOTS,
	traits::{
		Allocation, AnswerMath, BENCHMARK_KEY_TYPE, CommitTerms, ContentSource, DealHooks,
		DepartureHooks, ProviderRegistry, Receipt, RelayBeacon, SlotHooks, SlotManager,
	},
};
use sp_core::{crypto::KeyTypeId, sr25519};

/// The widest stripe.
const WIDEST: Profile = Profile { k: 16, m: 16, code: CodeKind::Fr };
/// Providers from which a draw of the widest stripe picks.
const CANDIDATES: u32 = 4 * MAX_SLOTS;

/// Takes a deal's request out of the queue, if it has one.
fn withdraw<T: Config>(deal: DealId) {
	if let Some(place) = Requests::<T>::take(deal).and_then(|request| request.place) {
		Pallet::<T>::dequeue(place);
	}
}

/// Gives a deal its slots, whether or not it waits for them.
pub(crate) fn place<T: Config>(deal: DealId, profile: Profile) {
	withdraw::<T>(deal);
	let providers = T::Providers::benchmark_providers(profile.n().into());
	let drawn = providers.into_iter().map(|(provider, _)| provider).collect();
	Pallet::<T>::give_slots(deal, profile, drawn).expect("the registry knows its providers");
	T::Deals::placed(deal);
}

/// Takes every slot of a deal without content from its holder, and gives it a candidate that signed nearly as many commits as it
/// may: its receipts cost the most.
pub(crate) fn leave_to_candidates<T: Config>(deal: DealId) {
	let slots = Stripes::<T>::get(deal).expect("the deal has slots").profile.n();
	let candidates = T::Providers::benchmark_providers(slots.into());
	for (index, (candidate, _)) in (SlotIndex::MIN..).zip(candidates) {
		assert!(Pallet::<T>::do_evict(deal, index));
		let stripe = Stripes::<T>::get(deal).expect("the deal has slots");
		let mut repair = Repairs::<T>::get(deal, index).expect("the slot is repaired");
		Pallet::<T>::propose(deal, index, &mut repair, candidate, stripe, 0, 0, 0)
			.expect("the candidate has room");
		if let Stage::Rebuilding(candidate) = &mut repair.stage {
			candidate.own = OwnCommits::truncate_from((1..MAX_OWN).collect());
		}
		Repairs::<T>::insert(deal, index, repair);
	}
}

/// Valid receipts for `terms` from every slot.
pub(crate) fn receipts<T: Config>(terms: &CommitTerms) -> Vec<Receipt> {
	let stripe = Stripes::<T>::get(terms.deal).expect("the deal has slots");
	let until = T::Beacon::now();
	(SlotIndex::MIN..)
		.zip(stripe.slots)
		.map(|(slot, held)| {
			let provider = held.state.signer().expect("somebody signs for the slot");
			let key = T::Providers::service_key(provider).expect("providers have keys");
			let message = ReceiptMessage {
				genesis: Pallet::<T>::genesis(),
				deal: terms.deal,
				generation: terms.generation,
				slot,
				roots_hash: terms.roots_hash,
				index_root: terms.index_root,
				size_bytes: terms.size_bytes,
				index_len: terms.index_len,
				until,
			};
			let signature = sp_io::crypto::sr25519_sign(
				KeyTypeId(BENCHMARK_KEY_TYPE),
				&sr25519::Public::from_raw(key),
				&message.signing_bytes(),
			)
			.expect("the keystore has the providers' keys");
			Receipt { slot, until, signature: signature.0 }
		})
		.collect()
}

/// A point of the group: the generator.
const POINT: G1Uncompressed = [
	0x17, 0xf1, 0xd3, 0xa7, 0x31, 0x97, 0xd7, 0x94, 0x26, 0x95, 0x63, 0x8c, 0x4f, 0xa9, 0xac, 0x0f,
	0xc3, 0x68, 0x8c, 0x4f, 0x97, 0x74, 0xb9, 0x05, 0xa1, 0x4e, 0x3a, 0x3f, 0x17, 0x1b, 0xac, 0x58,
	0x6c, 0x55, 0xe8, 0x3f, 0xf9, 0x7a, 0x1a, 0xef, 0xfb, 0x3a, 0xf0, 0x0a, 0xdb, 0x22, 0xc6, 0xbb,
	0x08, 0xb3, 0xf4, 0x81, 0xe3, 0xaa, 0xa0, 0xf1, 0xa0, 0x9e, 0x30, 0xed, 0x74, 0x1d, 0x8a, 0xe4,
	0xfc, 0xf5, 0xe0, 0x95, 0xd5, 0xd0, 0x0a, 0xf6, 0x00, 0xdb, 0x18, 0xcb, 0x2c, 0x04, 0xb3, 0xed,
	0xd0, 0x3c, 0xc7, 0x44, 0xa2, 0x88, 0x8a, 0xe4, 0x0c, 0xaa, 0x23, 0x29, 0x46, 0xc5, 0xe7, 0xe1,
];

/// The same in 48 bytes. Its second coordinate is the smaller one of the two, which needs no flag.
fn compressed() -> G1Compressed {
	let mut point = [0; 48];
	for (to, from) in point.iter_mut().zip(POINT) {
		*to = from;
	}
	point[0] |= 0x80;
	point
}

/// A placed deal of the widest stripe, with others that could be drawn.
fn stored<T: Config>() -> DealId {
	let deal = T::Deals::benchmark_deal(WIDEST, Hint::Cold);
	withdraw::<T>(deal);
	let providers = T::Providers::benchmark_providers(CANDIDATES);
	let stripe = usize::from(WIDEST.n());
	let drawn = providers.into_iter().map(|(provider, _)| provider).take(stripe).collect();
	Pallet::<T>::give_slots(deal, WIDEST, drawn).expect("the registry knows its providers");
	T::Deals::placed(deal);
	deal
}

/// A slot of a placed deal in which something is stored, and who holds it.
pub(crate) fn held<T: Config>() -> (T::AccountId, DealId, SlotIndex) {
	let deal = stored::<T>();
	let mut stripe = Stripes::<T>::get(deal).expect("the deal has slots");
	let slot = stripe.slots.get_mut(0).expect("no stripe is empty");
	let provider = slot.state.provider().cloned().expect("somebody holds it");
	slot.bytes = 4 << 20;
	assert!(T::Providers::add_used(&provider, slot.bytes).is_ok());
	Stripes::<T>::insert(deal, stripe);
	(provider, deal, 0)
}

/// What a slot of the widest stripe owes for a commit.
const fn allocation(deal: DealId, slot: SlotIndex) -> Allocation {
	Allocation {
		deal,
		slot,
		generation: 1,
		hint: Hint::Cold,
		profile: WIDEST,
		first_mdu: 0,
		rows: 32,
		price: 1_000_000,
	}
}

/// As [`held`], by somebody who earned rent with it: to take it away costs the most.
fn earning<T: Config>() -> (T::AccountId, DealId) {
	let (provider, deal, slot) = held::<T>();
	T::Hooks::signed(&provider, allocation(deal, slot));
	T::Hooks::benchmark_earn(&provider);
	(provider, deal)
}

/// Gives every slot of a deal with one commit, which all have signed, another holder and a candidate; who held it and who
/// holds it have earned rent. To end such a deal costs the most.
pub(crate) fn age<T: Config>(deal: DealId) {
	let Stripe { profile, slots } = Stripes::<T>::get(deal).expect("the deal has slots");
	let (hint, generation) = T::Deals::living(deal).expect("the deal lives");
	let (commit, price) = T::Deals::stored(deal, generation).expect("it has content");
	let shape = ContentShape::new(commit.size_bytes);
	let (bytes, rows) = (shape.bytes_per_slot(&profile), shape.blobs_per_slot(&profile));
	let others = T::Providers::benchmark_providers(u32::from(profile.n()).saturating_mul(2));
	let mut others = others.into_iter().map(|(provider, _)| provider);
	for (index, slot) in (SlotIndex::MIN..).zip(slots) {
		let former = slot.state.provider().expect("somebody holds the slot");
		T::Hooks::benchmark_earn(former);
		assert!(Pallet::<T>::do_evict(deal, index));

		let holder = others.next().expect("as many were asked for");
		assert!(T::Providers::slot_taken(&holder).is_ok());
		assert!(T::Providers::add_used(&holder, bytes).is_ok());
		SlotsOf::<T>::insert(&holder, (deal, index), ());
		let first_mdu = commit.first_mdu;
		let slot = index;
		let allocation =
			Allocation { deal, slot, generation, hint, profile, first_mdu, rows, price };
		T::Hooks::signed(&holder, allocation);
		T::Hooks::benchmark_earn(&holder);
		let mut stripe = Stripes::<T>::get(deal).expect("the deal has slots");
		let held = stripe.slots.get_mut(usize::from(index)).expect("it is one of the stripe's");
		*held = Slot { state: SlotState::Active { provider: holder }, bytes, signed: 1 };

		let candidate = others.next().expect("as many were asked for");
		let mut repair = Repairs::<T>::get(deal, index).expect("the slot is repaired");
		Pallet::<T>::propose(deal, index, &mut repair, candidate, stripe, generation, bytes, 0)
			.expect("the candidate has room");
		Repairs::<T>::insert(deal, index, repair);
		Asked::<T>::insert(deal, index, T::Beacon::now());
	}
}

/// Commits of one MDU each, up to a generation, which nobody has signed.
fn committed<T: Config>(deal: DealId, generation: Generation) {
	for generation in 1..=generation {
		let first_mdu = u64::from(generation.saturating_sub(1));
		let info = CommitInfo {
			first_mdu,
			size_bytes: 1,
			index_len: 0,
			index_root: [1; 32],
			roots_hash: [2; 32],
			signed: 0,
			at: 0,
		};
		T::Content::set_commit(deal, generation, info);
	}
}

/// Does the next step of a slot's repair, with a record for it.
fn step<T: Config>(deal: DealId) {
	let repair = Repairs::<T>::get(deal, 0).expect("the slot is repaired");
	T::Beacon::set_record(repair.due, [7; 64]);
	Pallet::<T>::do_repair(deal, 0).expect("the step is due");
}

/// Draws a candidate for a deal's first slot, which is repaired, and its samples. Who that is.
fn rebuilding<T: Config>(deal: DealId) -> T::AccountId {
	step::<T>(deal);
	step::<T>(deal);
	let stage = Repairs::<T>::get(deal, 0).map(|repair| repair.stage);
	let Some(Stage::Rebuilding(candidate)) = stage else { unreachable!() };
	candidate.provider
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn place() {
		T::Providers::benchmark_providers(CANDIDATES);
		let deal = T::Deals::benchmark_deal(WIDEST, Hint::Cold);
		let request = Requests::<T>::get(deal).expect("the deal waits");
		T::Beacon::set_record(request.draw_at, [7; 64]);
		let caller = whitelisted_caller();
		#[extrinsic_call]
		_(RawOrigin::Signed(caller), deal);
		assert_eq!(SlotsOf::<T>::iter_keys().count(), usize::from(WIDEST.n()));
		assert!(Requests::<T>::get(deal).is_none());
	}

	#[benchmark]
	fn serve_base() {
		let mut meter = WeightMeter::new();
		#[block]
		{
			Pallet::<T>::serve_queue(&mut meter);
		}
		assert!(meter.consumed().ref_time() > 0);
	}

	#[benchmark]
	fn pass_ticket() {
		let first = T::Deals::benchmark_deal(WIDEST, Hint::Cold);
		let second = T::Deals::benchmark_deal(WIDEST, Hint::Cold);
		// The second leaves a gap, and the first moves the head to it.
		<Pallet<T> as SlotManager<_>>::close(second);
		<Pallet<T> as SlotManager<_>>::close(first);
		let LaneEnds { head, tail, .. } = Lanes::<T>::get(Lane::Fresh);
		assert_eq!(head + 1, tail);
		let mut meter = WeightMeter::new();
		let goes_on;
		#[block]
		{
			goes_on = Pallet::<T>::serve_head(Lane::Fresh, T::Beacon::now(), &mut meter);
		}
		assert_eq!(goes_on, Some(true));
		assert_eq!(Lanes::<T>::get(Lane::Fresh).head, tail);
	}

	#[benchmark]
	fn serve_repairs_base() {
		let mut meter = WeightMeter::new();
		#[block]
		{
			Pallet::<T>::serve_repairs(&mut meter);
		}
		assert!(meter.consumed().ref_time() > 0);
	}

	#[benchmark]
	fn draw_candidate() {
		let deal = stored::<T>();
		assert!(Pallet::<T>::do_evict(deal, 0));
		let repair = Repairs::<T>::get(deal, 0).expect("the slot is repaired");
		T::Beacon::set_record(repair.due, [7; 64]);
		#[block]
		{
			Pallet::<T>::do_repair(deal, 0).expect("the draw is due");
		}
		let stage = Repairs::<T>::get(deal, 0).map(|repair| repair.stage);
		assert!(matches!(stage, Some(Stage::Rebuilding(_))));
	}

	#[benchmark]
	fn dismiss() {
		let deal = stored::<T>();
		assert!(Pallet::<T>::do_evict(deal, 0));
		let who = rebuilding::<T>(deal);
		committed::<T>(deal, MAX_OWN);
		T::Hooks::signed(&who, allocation(deal, 0));
		T::Hooks::benchmark_earn(&who);
		let mut repair = Repairs::<T>::get(deal, 0).expect("the slot is repaired");
		if let Stage::Rebuilding(candidate) = &mut repair.stage {
			candidate.own = OwnCommits::truncate_from((1..=MAX_OWN).collect());
		}
		Repairs::<T>::insert(deal, 0, repair);
		for generation in 1..=MAX_OWN {
			T::Deals::set_signed(deal, generation, 0, true);
		}
		#[block]
		{
			Pallet::<T>::do_decline(who, deal, 0).expect("it is the candidate");
		}
		let stage = Repairs::<T>::get(deal, 0).map(|repair| repair.stage);
		assert!(matches!(stage, Some(Stage::Waiting)));
	}

	#[benchmark]
	fn adopt() {
		let deal = stored::<T>();
		committed::<T>(deal, ADOPT_STEPS);
		let stripe = Stripes::<T>::get(deal).expect("the deal has slots");
		let provider = stripe.slots[0].state.provider().cloned().expect("somebody holds it");
		let reserved = u64::from(ADOPT_STEPS).saturating_mul(4 << 20);
		assert!(T::Providers::add_used(&provider, reserved).is_ok());
		let own = OwnCommits::default();
		let (proved, next) = (ADOPT_STEPS, ADOPT_STEPS);
		let mut adoption = Adoption { provider, proved, next, reserved, own };
		let through;
		#[block]
		{
			through = Pallet::<T>::adopt(deal, 0, &mut adoption, ADOPT_STEPS);
		}
		assert!(through);
	}

	#[benchmark]
	fn complete_repair(n: Linear<1, { T::RepairSamples::get() }>) {
		let (_, deal) = earning::<T>();
		assert!(Pallet::<T>::begin(deal, 0, RepairCause::MissingReceipt));
		let who = rebuilding::<T>(deal);
		committed::<T>(deal, 1);
		T::Content::set_manifest(deal, 0, POINT);
		let item = RepairItem {
			generation: 1,
			commitment: compressed(),
			path: BoundedVec::truncate_from(vec![[1; 32]; WIDEST.path_len()]),
			manifest_opening: compressed(),
		};
		let items = vec![item; n as usize];
		let last = T::Content::commit(deal, 1).expect("it was committed");
		// A deal that has content has a history, which only its owner can make. So the check and the rest are measured one
		// after the other: of proofs, and of the end of the repair of a deal without content.
		#[block]
		{
			let claims = Pallet::<T>::repair_claims((deal, 0), &WIDEST, &last, &[7; 32], &items)
				.expect("the items are of their form");
			T::Answers::verify(&claims, &[0; 32], &[0; 32], &compressed());
			Pallet::<T>::do_complete(who, deal, 0, 0, &[], &[0; 32], &[0; 48])
				.expect("it is the candidate");
		}
		assert!(Repairs::<T>::get(deal, 0).is_none());
	}

	#[benchmark]
	fn departure_step() {
		let (provider, deal) = earning::<T>();
		<Pallet<T> as DepartureHooks<_>>::departs(&provider);
		let (evicted, stepped);
		#[block]
		{
			evicted = Pallet::<T>::do_evict(deal, 0);
			stepped = Pallet::<T>::departure_step();
		}
		assert!(evicted && stepped);
	}

	#[benchmark]
	fn come_back() {
		let deal = stored::<T>();
		for slot in 0..=WIDEST.m {
			assert!(Pallet::<T>::do_evict(deal, slot));
		}
		let repair = Repairs::<T>::get(deal, 0).expect("the slot is repaired");
		let former = repair.former.expect("somebody held it");
		#[block]
		{
			Pallet::<T>::do_come_back(former, deal, 0).expect("the deal is lost");
		}
		let stage = Repairs::<T>::get(deal, 0).map(|repair| repair.stage);
		assert!(matches!(stage, Some(Stage::Rebuilding(_))));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
