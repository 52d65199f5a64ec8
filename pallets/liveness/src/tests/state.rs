//! How much state what providers store takes.

use super::rent::{MDU, Settlement, commit, open};
use crate::{mock::*, *};
use codec::Encode;
use frame_support::{
	assert_ok,
	storage::unhashed,
	traits::{Hooks, PalletInfoAccess, StorageInfo, StorageInfoTrait},
	weights::Weight,
};

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
			let value = unhashed::get_raw(&key).unwrap();
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
			assert_ok!(Submission::of(&provider, 0..16).dispatch());
		}
		// Beside the bits of the samples.
		assert_eq!(size(), before + 2);
		sign(&provider, allocation(0, 50, 9));
		next_epoch();
		catch_up(&provider);
		assert_eq!(size(), before + 5);
	});
}

/// Entries that the pallet keeps, and their bytes, keys included.
fn kept() -> (usize, usize) {
	let prefix = Liveness::name_hash();
	let after = |key: &[u8]| sp_io::storage::next_key(key).filter(|key| key.starts_with(&prefix));
	let (mut entries, mut bytes) = (0, 0);
	let mut next = after(&prefix);
	while let Some(key) = next {
		let value = unhashed::get_raw(&key).expect("a key has a value");
		entries += 1;
		bytes += key.len() + value.len();
		next = after(&key);
	}
	(entries, bytes)
}

#[test]
fn blobs_and_mdus_take_nothing() {
	let kept_with = |rows: u64| {
		new_test_ext().execute_with(|| {
			let provider = account(1);
			sign(&provider, allocation(0, 1, rows));
			begin();
			catch_up(&provider);
			assert_eq!(book(&provider).blobs, rows);
			kept()
		})
	};
	assert_eq!(kept_with(1), kept_with(1 << 22));
}

/// A period, whose first round leaves the samples below `first` open, and its settlement.
fn pass_period(provider: &AccountId, first: u32) {
	for round in 0..SETTLEMENT {
		let first = if round == 0 { first } else { 0 };
		assert_ok!(Submission::of(provider, first..16).dispatch());
		next_epoch();
		catch_up(provider);
		Liveness::on_idle(0, Weight::MAX);
	}
	assert_ok!(Settlement::of(provider, &[0]).dispatch());
}

#[test]
fn nothing_grows_with_rounds() {
	run(|| {
		let provider = account(1);
		open(0, 1 << 30);
		commit(&provider, 0, 2 * MDU, true);
		begin();
		catch_up(&provider);
		// One sample stays open and is named, and the miss is forgiven in the period after.
		let pass = || {
			pass_period(&provider, 1);
			pass_period(&provider, 0);
			kept()
		};
		let before = pass();
		for _ in 0..20 {
			assert_eq!(pass(), before);
		}
		// It was not for want of anything to write down.
		assert_eq!(book(&provider).missed, 21);
		assert!(Wallets::get(&provider) > 0);
	});
}
