//! One MDU there and back: payload, shards, witness, root.

mod common;

use common::{CODES, encode, engine, profile, random_bytes};
use nil_coding::CodingError;
use nil_kzg::{Blob, G1Affine};
use nil_slab::{
	Branch, MduDecoder, MduEncoder, Members,
	decode::DecodeError,
	encode::EncodeError,
	pack::{self, rows_of},
	tree::{self, TreeError},
	witness::{INFINITY, Witness, WitnessError},
};
use nil_types::{
	CodeKind, ContentShape, Profile,
	layout::{BLOB_BYTES, BLOB_PAYLOAD, MDU_PAYLOAD},
};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

/// A small MDU: 11 live blobs of 8+4, so a full row and a begun one.
fn small(code: CodeKind) -> (Profile, Vec<u8>) {
	(profile(8, 4, code), random_bytes(10 * BLOB_PAYLOAD + 77, 1))
}

#[test]
fn any_k_slots_bring_the_payload_back() {
	let mut rng = StdRng::seed_from_u64(5);
	for code in CODES {
		for (k, m, len) in [
			(8, 4, 10 * BLOB_PAYLOAD + 77),
			(1, 2, 3 * BLOB_PAYLOAD),
			(2, 1, BLOB_PAYLOAD + 1),
			(16, 4, 1),
			(4, 2, 31),
		] {
			let profile = profile(k, m, code);
			let payload = random_bytes(len, len as u64);
			let mdu = encode(profile, &payload);
			assert_eq!(mdu.live, ContentShape::new(len as u64).live(0));
			let rows = profile.live_rows(mdu.live);
			assert_eq!(mdu.shards.len(), usize::from(profile.n()));
			assert!(mdu.shards.iter().all(|s| s.len() == usize::from(rows) * BLOB_BYTES));
			let mut slots: Vec<u8> = (0..profile.n()).collect();
			let decoder = MduDecoder::new(profile).unwrap();
			for _ in 0..4 {
				slots.shuffle(&mut rng);
				let shards: Vec<(u8, &[u8])> = slots[..k.into()]
					.iter()
					.map(|slot| (*slot, mdu.shards[usize::from(*slot)].as_slice()))
					.collect();
				assert!(decoder.decode(0..rows, &shards, 0..len).unwrap() == payload, "{profile}");
				let lost = slots[usize::from(profile.n()) - 1];
				assert!(decoder.repair(lost, &shards).unwrap() == mdu.shards[usize::from(lost)]);
			}
		}
	}
}

#[test]
fn a_range_needs_its_rows_alone() {
	for code in CODES {
		let (profile, payload) = small(code);
		let mdu = encode(profile, &payload);
		let decoder = MduDecoder::new(profile).unwrap();
		for range in [
			0..1,
			5..40,
			8 * BLOB_PAYLOAD - 3..8 * BLOB_PAYLOAD + 5,
			8 * BLOB_PAYLOAD..payload.len(),
			9 * BLOB_PAYLOAD + 30..9 * BLOB_PAYLOAD + 31,
			7..7,
		] {
			let rows = rows_of(&profile, &range);
			let bytes = usize::from(rows.start) * BLOB_BYTES..usize::from(rows.end) * BLOB_BYTES;
			let shards: Vec<(u8, &[u8])> =
				(4..12).map(|slot| (slot, &mdu.shards[usize::from(slot)][bytes.clone()])).collect();
			if range.is_empty() {
				// No rows hold nothing, wherever the empty range stands.
				assert!(decoder.decode(rows, &shards, 0..0).unwrap().is_empty());
			} else {
				assert!(decoder.decode(rows, &shards, range.clone()).unwrap() == payload[range]);
			}
		}
	}
}

#[test]
fn a_full_mdu_keeps_every_byte() {
	let profile = profile(8, 4, CodeKind::Gf16);
	let payload = random_bytes(MDU_PAYLOAD, 9);
	// Only packing and coding are at stake here; commitments of a full MDU are the work of the benches.
	let code = nil_coding::codec_for(profile).unwrap();
	let decoder = MduDecoder::new(profile).unwrap();
	let mut out = Vec::new();
	for row in payload.chunks(8 * BLOB_PAYLOAD) {
		let mut blobs = vec![vec![0; BLOB_BYTES]; 12];
		for (blob, part) in blobs.iter_mut().zip(row.chunks(BLOB_PAYLOAD)) {
			pack::pack_blob(part, blob);
		}
		let (data, parity) = blobs.split_at_mut(8);
		let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
		let mut parity: Vec<&mut [u8]> = parity.iter_mut().map(Vec::as_mut_slice).collect();
		code.encode_row(&data, &mut parity).unwrap();
		let present: Vec<(u8, &[u8])> =
			(0..).zip(blobs.iter().map(Vec::as_slice)).skip(4).collect();
		let mut back = vec![0; 8 * BLOB_BYTES];
		decoder.decode_row(&present, &mut back).unwrap();
		let mut part = vec![0; row.len()];
		assert_eq!(pack::unpack(&back, 0, &mut part), row.len());
		out.extend(part);
	}
	assert!(out == payload);
}

#[test]
fn the_witness_commits_to_every_blob() {
	for code in CODES {
		let (profile, payload) = small(code);
		let mdu = encode(profile, &payload);
		let checked = mdu.witness.check(&profile).unwrap();
		assert_eq!(checked.to_witness(), mdu.witness);
		assert_eq!(checked.root(), mdu.root);
		assert_eq!((checked.live(), checked.live_rows()), (11, 2));
		// The oracle commits to each blob, parity and zeros included, and builds the tree from that.
		let mut leaves = Vec::new();
		for (slot, shard) in (0u8..).zip(&mdu.shards) {
			let blobs: Vec<&Blob> =
				shard.chunks(BLOB_BYTES).map(|blob| Blob::parse(blob).unwrap()).collect();
			let commitments = engine().commit(&blobs);
			assert_eq!(checked.slot(slot).unwrap(), commitments, "slot {slot}");
			leaves.extend(commitments.iter().map(G1Affine::compress));
			leaves.extend([INFINITY; 6]);
		}
		assert_eq!(checked.leaves(), leaves);
		assert_eq!(mdu.witness.leaves(&profile).unwrap(), leaves);
		assert_eq!(tree::mdu_root(&profile, 11, &leaves).unwrap(), mdu.root);
		assert_eq!(mdu.witness.mdu_root(&profile).unwrap(), mdu.root);
		assert_eq!(checked.slot(12).unwrap_err(), WitnessError::Slot { slot: 12, slots: 12 });
	}
}

#[test]
fn payloads_out_of_bounds_are_refused() {
	let encoder = MduEncoder::new(Profile::DEFAULT, engine()).unwrap();
	for found in [0, MDU_PAYLOAD + 1] {
		assert_eq!(encoder.encode(&vec![0; found]), Err(EncodeError::Payload { found }));
	}
}

#[test]
fn a_payload_of_zeros_is_live() {
	let mdu = encode(Profile::DEFAULT, &[0; 10]);
	assert_eq!((mdu.live, mdu.witness.live), (1, 1));
	assert_eq!(mdu.witness.commitments, [INFINITY; 8]);
	assert_eq!(mdu.witness.mdu_root(&Profile::DEFAULT).unwrap(), mdu.root);
	// It is told from longer zeros by `live`.
	assert_ne!(encode(Profile::DEFAULT, &vec![0; BLOB_PAYLOAD + 1]).root, mdu.root);
}

#[test]
fn wrong_witnesses_are_refused() {
	for code in CODES {
		let (profile, payload) = small(code);
		let good = encode(profile, &payload).witness;
		let per_row = if code == CodeKind::Fr { 8 } else { 12 };
		let with = |change: &dyn Fn(&mut Witness)| {
			let mut witness = good.clone();
			change(&mut witness);
			witness.check(&profile).map(|checked| checked.root())
		};
		for live in [0, 65, 255] {
			assert_eq!(with(&|w| w.live = live).unwrap_err(), WitnessError::Live(live));
		}
		let count = |found, expected| WitnessError::Count { found, expected };
		assert_eq!(with(&|w| w.live = 8).unwrap_err(), count(2 * per_row, per_row));
		assert_eq!(with(&|w| w.live = 17).unwrap_err(), count(2 * per_row, 3 * per_row));
		let short = with(&|w| w.commitments.truncate(2 * per_row - 1)).unwrap_err();
		assert_eq!(short, count(2 * per_row - 1, 2 * per_row));
		// Blobs 8, 9 and 10 are the second row's live ones.
		assert_eq!(
			with(&|w| w.live = 10).unwrap_err(),
			WitnessError::NotZero { blob: 10, live: 10 }
		);
		let swapped = with(&|w| w.commitments.swap(0, 1)).unwrap();
		assert_ne!(swapped, good.mdu_root(&profile).unwrap());
		assert_ne!(with(&|w| w.live = 12).unwrap(), good.mdu_root(&profile).unwrap());
		let bad = with(&|w| w.commitments[3] = [0xff; 48]).unwrap_err();
		assert!(matches!(bad, WitnessError::Point { index: 3, .. }), "{bad}");
		// On the curve, but of small order: (0, 2).
		let mut torsion = [0; 48];
		torsion[0] = 0x80;
		let bad = with(&|w| w.commitments[9] = torsion).unwrap_err();
		assert!(matches!(bad, WitnessError::Point { index: 9, .. }), "{bad}");
		let profile = Profile { k: 5, ..profile };
		assert!(matches!(good.check(&profile), Err(WitnessError::Profile(_))));
	}
}

#[test]
fn witnesses_are_read_strictly() {
	use codec::Encode;
	let (profile, payload) = small(CodeKind::Gf16);
	let witness = encode(profile, &payload).witness;
	let bytes = witness.encode();
	assert!(bytes.len() <= Witness::max_encoded_len(&profile));
	assert_eq!(Witness::decode_strict(&bytes).unwrap(), witness);
	for len in 0..bytes.len() {
		assert!(Witness::decode_strict(&bytes[..len]).is_err());
	}
	assert!(Witness::decode_strict(&[bytes.as_slice(), &[0]].concat()).is_err());
	let full = Witness { live: 64, commitments: vec![INFINITY; 96] };
	assert_eq!(full.encode().len(), Witness::max_encoded_len(&profile));
	let most = Profile::new(1, 31, CodeKind::Gf16).unwrap();
	let full = Witness { live: 64, commitments: vec![INFINITY; 2048] };
	assert_eq!(full.encode().len(), Witness::max_encoded_len(&most));
}

#[test]
fn branches_say_of_their_slot_what_the_witness_says() {
	for code in CODES {
		for (k, m, len) in [
			(8, 4, 10 * BLOB_PAYLOAD + 77),
			(1, 2, 3 * BLOB_PAYLOAD),
			(16, 4, 1),
			(4, 2, 5 * BLOB_PAYLOAD),
		] {
			let profile = profile(k, m, code);
			let mdu = encode(profile, &random_bytes(len, len as u64));
			let witness = mdu.witness.check(&profile).unwrap();
			for slot in 0..profile.n() {
				let branch = Branch::of(&witness, slot).unwrap();
				let checked = branch.clone().check(&profile, slot, &mdu.root).unwrap();
				assert_eq!(Members::live(&checked), mdu.live);
				for leaf in 0..profile.leaves() + 1 {
					let own = leaf / u16::from(profile.rows()) == u16::from(slot);
					let missing = Err(TreeError::OtherSlot { leaf, slot });
					let expected = if own { witness.member(leaf) } else { missing };
					assert_eq!(checked.member(leaf), expected, "{profile}, slot {slot}");
				}
				// Slots with the same blobs may have the same branch.
				let other = (slot + 1) % profile.n();
				let same = Branch::of(&witness, other).unwrap() == branch;
				assert_eq!(branch.check(&profile, other, &mdu.root).is_some(), same);
			}
			let none = Branch::of(&witness, profile.n()).unwrap_err();
			assert_eq!(none, WitnessError::Slot { slot: profile.n(), slots: profile.n() });
		}
	}
}

#[test]
fn branches_with_a_wrong_bit_lead_elsewhere() {
	use codec::{DecodeAll, Encode};
	let (profile, payload) = small(CodeKind::Fr);
	let mdu = encode(profile, &payload);
	let witness = mdu.witness.check(&profile).unwrap();
	let bytes = Branch::of(&witness, 9).unwrap().encode();
	let read = |mut bytes: &[u8]| {
		let branch = Branch::decode_all(&mut bytes).ok()?;
		branch.check(&profile, 9, &mdu.root)
	};
	assert!(read(&bytes).is_some());
	for bit in 0..bytes.len() * 8 {
		let mut wrong = bytes.clone();
		wrong[bit / 8] ^= 1 << (bit % 8);
		assert!(read(&wrong).is_none(), "bit {bit}");
	}
}

#[test]
fn decoding_is_strict() {
	let (profile, payload) = small(CodeKind::Fr);
	let mdu = encode(profile, &payload);
	let decoder = MduDecoder::new(profile).unwrap();
	let shards: Vec<(u8, &[u8])> =
		(0..).zip(mdu.shards.iter().map(Vec::as_slice)).take(8).collect();
	let row = 8 * BLOB_PAYLOAD;
	for (rows, range) in [(0..2, 0..2 * row + 1), (1..2, 0..5), (0..1, 0..row + 1)] {
		assert!(
			matches!(decoder.decode(rows, &shards, range), Err(DecodeError::Range { .. })),
			"a range outside of the rows"
		);
	}
	assert!(matches!(
		decoder.decode(7..9, &shards, 7 * row..7 * row),
		Err(DecodeError::Range { .. })
	));
	assert_eq!(
		decoder.decode(0..1, &shards, 0..5),
		Err(DecodeError::Length { slot: 0, found: 2 * BLOB_BYTES, expected: BLOB_BYTES })
	);
	assert_eq!(
		decoder.decode(0..2, &shards[..7], 0..5),
		Err(DecodeError::Coding(CodingError::TooFew { found: 7, needed: 8 }))
	);
	let mut odd = shards.clone();
	odd[5].1 = &odd[5].1[1..];
	assert_eq!(
		decoder.repair(9, &odd),
		Err(DecodeError::Length { slot: 5, found: 2 * BLOB_BYTES - 1, expected: 2 * BLOB_BYTES })
	);
	assert_eq!(
		decoder.repair(12, &shards),
		Err(DecodeError::Coding(CodingError::Slot { slot: 12, slots: 12 }))
	);
	assert_eq!(
		decoder.decode_row(&shards, &mut [0; 5]),
		Err(DecodeError::Output { found: 5, expected: 8 * BLOB_BYTES })
	);
}

proptest! {
	#[test]
	fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
		if let Ok(witness) = Witness::decode_strict(&bytes) {
			prop_assert_eq!(codec::Encode::encode(&witness), bytes);
			let _ = witness.check(&Profile::DEFAULT);
		}
	}
}
