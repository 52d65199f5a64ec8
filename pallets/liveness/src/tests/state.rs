//! How much state what providers store takes.

use crate::{mock::*, *};
use codec::Encode;
use frame_support::traits::{StorageInfo, StorageInfoTrait};

/// The most bytes that an entry of an item takes, its key included but for what all of the item's keys begin with.
fn bound(item: &str) -> u32 {
	let is_it = |info: &StorageInfo| info.storage_name == item.as_bytes();
	let info = Liveness::storage_info().into_iter().find(is_it).expect("there is such an item");
	info.max_size.expect("the item is bounded")
}

#[test]
fn a_slot_and_a_commit_take_at_most_300_bytes_each() {
	let commit = bound("Entries") + bound("Places");
	let slot = bound("Slots") + bound("SlotPlaces") + bound("Tenures");
	// As the pallet's documentation has them.
	assert_eq!((commit, slot), (152, 296));
	assert_eq!(bound("Journal"), 110);
}

#[test]
fn bounds_are_what_entries_take() {
	/// Of every key: the hashes of the pallet's and the item's name.
	const PREFIX: usize = 32;
	run(|| {
		let provider = account(1);
		let many = allocation(u64::MAX, 1, 1 << 22);
		sign(&provider, many);
		let key = Journal::<Test>::hashed_key_for(&provider, 0);
		let value = Journal::<Test>::get(&provider, 0).unwrap();
		assert_eq!(key.len() - PREFIX + value.encoded_size(), bound("Journal") as usize);

		begin();
		catch_up(&provider);
		let taken = |key: Vec<u8>| {
			let value = frame_support::storage::unhashed::get_raw(&key).unwrap();
			(key.len() - PREFIX + value.len()) as u32
		};
		let (deal, slot, generation) = (many.deal, many.slot, many.generation);
		let place = Places::<Test>::get(&provider, (deal, slot, generation)).unwrap();
		let (class, index) = (place.class, place.index);
		assert_eq!(
			[
				taken(Entries::<Test>::hashed_key_for(&provider, (many.hint, class, index))),
				taken(Places::<Test>::hashed_key_for(&provider, (deal, slot, generation))),
				taken(Slots::<Test>::hashed_key_for(&provider, 0)),
				taken(SlotPlaces::<Test>::hashed_key_for(&provider, (deal, slot))),
			],
			["Entries", "Places", "Slots", "SlotPlaces"].map(bound)
		);
	});
}

#[test]
fn books_grow_with_lists_alone() {
	run(|| {
		let provider = account(1);
		sign(&provider, allocation(0, 1, 8));
		begin();
		catch_up(&provider);
		let size = || book(&provider).encoded_size();
		let before = size();
		for generation in 2..50 {
			sign(&provider, allocation(0, generation, 8));
		}
		next_epoch();
		catch_up(&provider);
		assert_eq!(size(), before);
		for _ in 0..20 {
			next_epoch();
			frame_support::assert_ok!(Submission::of(&provider, 0..16).dispatch());
		}
		// Beside the bits of the samples.
		assert_eq!(size(), before + 2);
		sign(&provider, allocation(0, 50, 9));
		next_epoch();
		catch_up(&provider);
		assert_eq!(size(), before + 5);
	});
}
