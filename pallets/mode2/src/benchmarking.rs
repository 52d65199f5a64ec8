//! Benchmarks of the slots: draws of the widest stripe, and the steps of the queue.
//!
//! What deals ask of this pallet (requests, receipts, closing) is measured where it is called: in the calls of the deals.

use crate::{Call, Config, Lane, LaneEnds, Lanes, Pallet, Requests, SlotsOf, Stripes};
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::weights::WeightMeter;
use frame_system::RawOrigin;
use nil_types::{
	CodeKind, DealId, Hint, Profile, ReceiptMessage, SlotIndex,
	layout::MAX_SLOTS,
	traits::{
		BENCHMARK_KEY_TYPE, CommitTerms, DealHooks, ProviderRegistry, Receipt, RelayBeacon,
		SlotManager,
	},
};
use sp_core::{crypto::KeyTypeId, sr25519};

/// The widest stripe.
const WIDEST: Profile = Profile { k: 16, m: 16, code: CodeKind::Fr };
/// Providers from which a draw of the widest stripe picks.
const CANDIDATES: u32 = 4 * MAX_SLOTS;

/// Gives a deal its slots, whether or not it waits for them.
pub(crate) fn place<T: Config>(deal: DealId, profile: Profile) {
	if let Some(request) = Requests::<T>::take(deal) {
		Pallet::<T>::dequeue(request.place);
	}
	let providers = T::Providers::benchmark_providers(profile.n().into());
	let drawn = providers.into_iter().map(|(provider, _)| provider).collect();
	Pallet::<T>::give_slots(deal, profile, drawn).expect("the registry knows its providers");
	T::Deals::placed(deal);
}

/// Valid receipts for `terms` from every slot.
pub(crate) fn receipts<T: Config>(terms: &CommitTerms) -> Vec<Receipt> {
	let stripe = Stripes::<T>::get(terms.deal).expect("the deal has slots");
	let until = T::Beacon::now();
	(SlotIndex::MIN..)
		.zip(stripe.slots)
		.map(|(slot, held)| {
			let provider = held.state.provider().expect("somebody holds the slot");
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

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
