//! One MDU: payload bytes to shards, witness and root.

use crate::{
	pack::{self, live_blobs},
	witness::{CheckedWitness, Witness, WitnessError},
};
use nil_coding::{CodingError, StripeCode};
use nil_kzg::{Blob, BlobError, G1Affine, MsmEngine};
use nil_types::{
	CodeKind, Hash32, Profile,
	layout::{BLOB_BYTES, BLOB_PAYLOAD, MDU_PAYLOAD},
};
use rayon::prelude::*;
use std::sync::Arc;
use thiserror::Error;

/// Why an MDU cannot be encoded.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum EncodeError {
	/// The payload is empty or more than an MDU holds.
	#[error("payload of {found} bytes: an MDU holds 1 to {MDU_PAYLOAD}")]
	Payload {
		/// Bytes given.
		found: usize,
	},
	/// The stripe code refused.
	#[error(transparent)]
	Coding(#[from] CodingError),
	/// A blob was refused, which packing rules out.
	#[error(transparent)]
	Blob(#[from] BlobError),
	/// The witness was refused.
	#[error(transparent)]
	Witness(#[from] WitnessError),
}

/// An MDU as it is sent and committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedMdu {
	/// Data blobs that hold payload.
	pub live: u8,
	/// For each of the `n` slots its blobs in row order, live rows only: `live_rows * 131072` bytes.
	pub shards: Vec<Vec<u8>>,
	/// The commitments.
	pub witness: Witness,
	/// The MDU root.
	pub root: Hash32,
}

/// Encodes MDUs of one profile. Cheap to clone; used from many threads at once.
#[derive(Clone, Debug)]
pub struct MduEncoder {
	profile: Profile,
	code: Arc<dyn StripeCode>,
	engine: Arc<dyn MsmEngine>,
}

impl MduEncoder {
	/// An encoder for `profile` that commits with `engine`.
	pub fn new(profile: Profile, engine: Arc<dyn MsmEngine>) -> Result<Self, EncodeError> {
		Ok(Self { profile, code: nil_coding::codec_for(profile)?, engine })
	}

	/// The profile.
	pub const fn profile(&self) -> &Profile {
		&self.profile
	}

	/// Encodes an MDU from its payload, `1..=MDU_PAYLOAD` bytes. All MDUs of a commit but the last are full.
	///
	/// Works on the global rayon pool; blocks until done. Needs about `n / k * 8` MiB for the shards.
	pub fn encode(&self, payload: &[u8]) -> Result<EncodedMdu, EncodeError> {
		if payload.is_empty() || payload.len() > MDU_PAYLOAD {
			return Err(EncodeError::Payload { found: payload.len() });
		}
		let live = live_blobs(payload.len());
		let live_rows = usize::from(self.profile.live_rows(live));
		let mut shards = vec![vec![0; live_rows * BLOB_BYTES]; usize::from(self.profile.n())];
		self.fill(payload, &mut shards)?;
		let points = self.commit(live, &shards)?;
		let commitments = G1Affine::batch_compress(&points);
		let root = CheckedWitness::derive(self.profile, live, &points, &commitments)?.root();
		Ok(EncodedMdu { live, shards, witness: Witness { live, commitments }, root })
	}

	/// Packs `payload` into the data slots' shards, and makes the others' parity.
	fn fill(&self, payload: &[u8], shards: &mut [Vec<u8>]) -> Result<(), CodingError> {
		let k = usize::from(self.profile.k);
		let mut blobs: Vec<_> =
			shards.iter_mut().map(|shard| shard.chunks_exact_mut(BLOB_BYTES)).collect();
		let rows: Vec<Vec<&mut [u8]>> = payload
			.chunks(k * BLOB_PAYLOAD)
			.map(|_| blobs.iter_mut().filter_map(Iterator::next).collect())
			.collect();
		rows.into_par_iter().zip(payload.par_chunks(k * BLOB_PAYLOAD)).try_for_each(
			|(mut row, payload)| {
				let (data, parity) = row.split_at_mut(k);
				for (blob, payload) in data.iter_mut().zip(payload.chunks(BLOB_PAYLOAD)) {
					pack::pack_blob(payload, blob);
				}
				let data: Vec<&[u8]> = data.iter().map(|blob| &**blob).collect();
				self.code.encode_row(&data, parity)
			},
		)
	}

	/// The commitments that the witness carries, row-major. Data blobs without payload are not looked at.
	fn commit(&self, live: u8, shards: &[Vec<u8>]) -> Result<Vec<G1Affine>, EncodeError> {
		let Profile { k, code, .. } = self.profile;
		let committed = match code {
			CodeKind::Fr => &shards[..usize::from(k)],
			CodeKind::Gf16 => shards,
		};
		let rows = usize::from(self.profile.live_rows(live));
		let mut places = Vec::with_capacity(rows * committed.len());
		let mut blobs = Vec::with_capacity(rows * committed.len());
		for row in 0..rows {
			for (slot, shard) in committed.iter().enumerate() {
				let data_blob = row * usize::from(k) + slot;
				if slot >= usize::from(k) || data_blob < usize::from(live) {
					places.push(row * committed.len() + slot);
					blobs.push(Blob::parse_data(&shard[row * BLOB_BYTES..][..BLOB_BYTES])?);
				}
			}
		}
		let mut points = vec![G1Affine::INFINITY; rows * committed.len()];
		for (place, point) in places.into_iter().zip(self.engine.commit(&blobs)) {
			points[place] = point;
		}
		Ok(points)
	}
}
