//! Every payload byte has one place, and what is packed comes out again.

mod common;

use nil_slab::pack::{Place, blobs_of, live_blobs, pack_blob, rows_of, split, unpack};
use nil_types::{
	CodeKind, Profile,
	layout::{BLOB_BYTES, BLOB_PAYLOAD, MAX_MDUS, MDU_PAYLOAD},
};
use proptest::prelude::*;

const SLAB: u64 = MAX_MDUS * MDU_PAYLOAD as u64;

#[test]
fn places_at_the_borders() {
	let place = |mdu, blob, scalar, byte| Place { mdu, blob, scalar, byte };
	for (offset, expected) in [
		(0, place(0, 0, 0, 1)),
		(30, place(0, 0, 0, 31)),
		(31, place(0, 0, 1, 1)),
		(126_975, place(0, 0, 4095, 31)),
		(126_976, place(0, 1, 0, 1)),
		(8_126_463, place(0, 63, 4095, 31)),
		(8_126_464, place(1, 0, 0, 1)),
		(SLAB - 1, place(MAX_MDUS - 1, 63, 4095, 31)),
	] {
		assert_eq!(Place::of(offset), expected);
		assert_eq!(expected.offset(), Some(offset));
	}
	for bad in [
		place(0, 64, 0, 1),
		place(0, 0, 4096, 1),
		place(0, 0, 0, 0),
		place(0, 0, 0, 32),
		place(u64::MAX, 0, 0, 1),
	] {
		assert_eq!(bad.offset(), None, "{bad:?}");
	}
}

#[test]
fn ranges_name_their_blobs_and_rows() {
	let profile = Profile::DEFAULT;
	assert_eq!((blobs_of(&(0..0)), rows_of(&profile, &(5..5))), (0..0, 0..0));
	assert_eq!(blobs_of(&(0..1)), 0..1);
	assert_eq!(blobs_of(&(BLOB_PAYLOAD - 1..BLOB_PAYLOAD + 1)), 0..2);
	assert_eq!(blobs_of(&(0..MDU_PAYLOAD)), 0..64);
	assert_eq!(blobs_of(&(MDU_PAYLOAD..MDU_PAYLOAD + 1)), 64..64);
	assert_eq!(rows_of(&profile, &(0..1)), 0..1);
	assert_eq!(rows_of(&profile, &(8 * BLOB_PAYLOAD - 1..8 * BLOB_PAYLOAD + 1)), 0..2);
	assert_eq!(rows_of(&profile, &(63 * BLOB_PAYLOAD..MDU_PAYLOAD)), 7..8);
	assert_eq!(live_blobs(0), 0);
	assert_eq!(live_blobs(MDU_PAYLOAD + 1), 64);
}

proptest! {
	#[test]
	fn the_place_is_the_formula(offset in 0..SLAB) {
		let place = Place::of(offset);
		prop_assert_eq!(place.mdu, offset / 8_126_464);
		let rest = offset % 8_126_464;
		prop_assert_eq!(u64::from(place.blob), rest / 126_976);
		prop_assert_eq!(u64::from(place.scalar), rest % 126_976 / 31);
		prop_assert_eq!(u64::from(place.byte), 1 + rest % 126_976 % 31);
		prop_assert_eq!(place.offset(), Some(offset));
	}

	#[test]
	fn packed_bytes_stand_in_their_places(len in 0..BLOB_PAYLOAD + 100, seed: u64) {
		let payload = common::random_bytes(len, seed);
		let mut blob = vec![0xff; BLOB_BYTES];
		let taken = pack_blob(&payload, &mut blob);
		prop_assert_eq!(taken, len.min(BLOB_PAYLOAD));
		let mut expected = vec![0; BLOB_BYTES];
		for (offset, byte) in payload.iter().take(taken).enumerate() {
			let place = Place::of(offset as u64);
			expected[usize::from(place.scalar) * 32 + usize::from(place.byte)] = *byte;
		}
		prop_assert!(blob == expected);
	}

	#[test]
	fn any_range_is_unpacked(start in 0..2 * BLOB_PAYLOAD + 40, len in 0..1_000usize, seed: u64) {
		let payload = common::random_bytes(2 * BLOB_PAYLOAD, seed);
		let mut blobs = vec![0; 2 * BLOB_BYTES];
		let (first, second) = blobs.split_at_mut(BLOB_BYTES);
		pack_blob(&payload[..BLOB_PAYLOAD], first);
		pack_blob(&payload[BLOB_PAYLOAD..], second);
		let mut out = vec![0; len];
		let found = unpack(&blobs, start, &mut out);
		let expected = &payload[start.min(payload.len())..(start + len).min(payload.len())];
		prop_assert_eq!(&out[..found], expected);
	}

	#[test]
	fn splitting_covers_a_range_once(start in 0..SLAB, len in 0..3 * MDU_PAYLOAD as u64) {
		let mut at = start;
		for (mdu, part) in split(start..start + len) {
			prop_assert!(part.start < part.end && part.end <= MDU_PAYLOAD);
			prop_assert_eq!(mdu * MDU_PAYLOAD as u64 + part.start as u64, at);
			at += part.len() as u64;
		}
		prop_assert_eq!(at, start + len);
	}

	#[test]
	fn rows_hold_every_byte_of_their_range(
		start in 0..MDU_PAYLOAD,
		len in 1..MDU_PAYLOAD,
		log in 0u32..5,
	) {
		let profile = common::profile(1 << log, 1, CodeKind::Fr);
		let end = (start + len).min(MDU_PAYLOAD);
		let rows = rows_of(&profile, &(start..end));
		let row_of = |offset: usize| profile.place(Place::of(offset as u64).blob).0;
		prop_assert_eq!(rows, row_of(start)..row_of(end - 1) + 1);
	}
}
