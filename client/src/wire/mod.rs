//! The provider's HTTP interface, version 1: what its two ends share.
//!
//! | request | authorised | body | answer |
//! |---|---|---|---|
//! | `GET /v1/health` | no | | [`Health`] as JSON |
//! | `PUT /v1/deals/{deal}/generations/{generation}/mdus/{mdu}/slots/{slot}` | yes | [`upload_prefix`], then the slot's live blobs | [`Stored`] as JSON |
//! | `GET /v1/deals/{deal}/generations/{generation}/slots/{slot}` | yes | | [`StagedList`] as JSON |
//! | `POST /v1/deals/{deal}/generations/{generation}/slots/{slot}/receipt` | yes | [`ReceiptRequest`], SCALE | [`Receipt`], SCALE |
//! | `GET /v1/deals/{deal}/mdus/{mdu}/slots/{slot}?rows=a-b` | no | | the blobs, raw |
//! | `GET /v1/deals/{deal}/witnesses/{mdu_root}` | no | | the witness, SCALE |
//! | `GET /v1/deals/{deal}/objects/{hash}` | no | | a roots list or an index, raw |
//!
//! `mdu` is the MDU's position in the deal's slab. An authorised request carries a [`SignedToken`] for the deal, the
//! generation and the slot in its path: a token of one slot is of no use at another, whoever got hold of it. Every answer
//! that is not a success is an [`ErrorBody`] as JSON. Hashes in paths are 64 lower-case hex digits.

mod address;
mod token;

pub(crate) use address::is_public;
pub use address::{AddressError, Endpoint};
pub use token::{AUTHORIZATION_SCHEME, SignedToken, TokenError};

use crate::account::AccountId;
use codec::{Decode, Encode};
use nil_types::{
	DealId, Generation, Hash32, MduIndex, SlotIndex,
	deal::SerdeBytes,
	layout::{BLOBS_PER_MDU, MAX_INDEX_BYTES, MAX_ROOTS},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

pub use nil_types::traits::Receipt;

/// Path of `GET` health.
pub const HEALTH: &str = "/v1/health";
/// Route of uploads, with axum's placeholders.
pub const UPLOAD_ROUTE: &str = "/v1/deals/{deal}/generations/{generation}/mdus/{mdu}/slots/{slot}";
/// Route of the list of what is staged.
pub const STAGED_ROUTE: &str = "/v1/deals/{deal}/generations/{generation}/slots/{slot}";
/// Route of receipts.
pub const RECEIPT_ROUTE: &str = "/v1/deals/{deal}/generations/{generation}/slots/{slot}/receipt";
/// Route of blobs.
pub const BLOBS_ROUTE: &str = "/v1/deals/{deal}/mdus/{mdu}/slots/{slot}";
/// Route of witnesses.
pub const WITNESS_ROUTE: &str = "/v1/deals/{deal}/witnesses/{mdu_root}";
/// Route of roots lists and indexes.
pub const OBJECT_ROUTE: &str = "/v1/deals/{deal}/objects/{hash}";

/// The longest SCALE witness: `live`, a length of two bytes and 64 commitments for each of at most 32 slots.
pub const MAX_WITNESS_BYTES: usize = 1 + 4 + 48 * BLOBS_PER_MDU * 32;
/// The longest body of a request for a receipt.
pub const MAX_RECEIPT_REQUEST_BYTES: usize =
	MAX_INDEX_BYTES as usize + MAX_ROOTS as usize * 32 + 64;

/// Path of an upload.
pub fn upload_path(deal: DealId, generation: Generation, mdu: MduIndex, slot: SlotIndex) -> String {
	format!("/v1/deals/{deal}/generations/{generation}/mdus/{mdu}/slots/{slot}")
}

/// Path of the list of what is staged.
pub fn staged_path(deal: DealId, generation: Generation, slot: SlotIndex) -> String {
	format!("/v1/deals/{deal}/generations/{generation}/slots/{slot}")
}

/// Path of a request for a receipt.
pub fn receipt_path(deal: DealId, generation: Generation, slot: SlotIndex) -> String {
	format!("/v1/deals/{deal}/generations/{generation}/slots/{slot}/receipt")
}

/// Path of a slot's blobs of an MDU: all live rows, or some.
pub fn blobs_path(deal: DealId, mdu: MduIndex, slot: SlotIndex, rows: Option<RowRange>) -> String {
	match rows {
		Some(rows) => format!("/v1/deals/{deal}/mdus/{mdu}/slots/{slot}?rows={rows}"),
		None => format!("/v1/deals/{deal}/mdus/{mdu}/slots/{slot}"),
	}
}

/// Path of a witness, by the root of its MDU.
pub fn witness_path(deal: DealId, mdu_root: &Hash32) -> String {
	format!("/v1/deals/{deal}/witnesses/{}", hex::encode(mdu_root))
}

/// Path of a roots list or an index, by its hash.
pub fn object_path(deal: DealId, hash: &Hash32) -> String {
	format!("/v1/deals/{deal}/objects/{}", hex::encode(hash))
}

/// Rows of an MDU, both ends included. Reads and prints as `2-5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowRange {
	/// The first row.
	pub first: u8,
	/// The last row; not below `first`.
	pub last: u8,
}

impl RowRange {
	/// How many rows these are.
	pub const fn count(&self) -> usize {
		(self.last as usize + 1).saturating_sub(self.first as usize)
	}

	/// Whether `row` is among them.
	pub const fn contains(&self, row: u8) -> bool {
		self.first <= row && row <= self.last
	}
}

/// A text that is no range of rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rows {text:?}: expected first-last with first <= last <= 63")]
pub struct RowRangeError {
	/// What was given.
	pub text: String,
}

impl fmt::Display for RowRange {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{}-{}", self.first, self.last)
	}
}

impl FromStr for RowRange {
	type Err = RowRangeError;

	fn from_str(text: &str) -> Result<Self, RowRangeError> {
		let number = |digits: &str| {
			let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
			digits.parse::<u8>().ok().filter(|row| plain && usize::from(*row) < BLOBS_PER_MDU)
		};
		text.split_once('-')
			.and_then(|(first, last)| Some(Self { first: number(first)?, last: number(last)? }))
			.filter(|range| range.first <= range.last)
			.ok_or_else(|| RowRangeError { text: text.to_owned() })
	}
}

/// What precedes the blobs in an upload's body: the SCALE witness, behind its length in four bytes, little-endian.
pub fn upload_prefix(witness: &[u8]) -> Vec<u8> {
	let mut prefix = Vec::with_capacity(witness.len().saturating_add(4));
	// A witness has at most MAX_WITNESS_BYTES; a longer one saturates and every provider refuses it.
	prefix.extend(u32::try_from(witness.len()).unwrap_or(u32::MAX).to_le_bytes());
	prefix.extend(witness);
	prefix
}

/// The answer to an upload: it is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
	/// The MDU's root, as the provider computed it from the witness.
	pub root: SerdeBytes<32>,
}

/// What a provider has staged of a commit for one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedList {
	/// The MDUs, in order.
	pub staged: Vec<StagedMdu>,
}

/// One staged MDU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedMdu {
	/// Its position in the deal's slab.
	pub mdu: MduIndex,
	/// Its root.
	pub root: SerdeBytes<32>,
}

/// A request for a receipt: everything that the receipt binds, beside what the path names.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptRequest {
	/// The commit's MDU roots, in order.
	pub roots: Vec<Hash32>,
	/// The index bytes, as they stand at the payload's end.
	pub index: Vec<u8>,
	/// Payload bytes of the commit, index included.
	pub size_bytes: u64,
}

/// Who a provider is and how it fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
	/// The operator's account.
	pub operator: AccountId,
	/// The key that signs receipts.
	pub service_key: SerdeBytes<32>,
	/// The daemon's version.
	pub version: String,
	/// Hash of its chain's block 0.
	pub genesis: SerdeBytes<32>,
	/// How far it has followed the chain.
	pub chain: ChainHealth,
	/// Bytes that it can still take.
	pub free_bytes: u64,
	/// Pieces of content that it found damaged and does not use until they are rebuilt.
	#[serde(default)]
	pub quarantine: u64,
	/// Kinds of proofs that the chain took for wrong, and that it does not send any more: `answers`, `settlements`.
	#[serde(default)]
	pub refused: Vec<String>,
	/// Slots that it rebuilds.
	#[serde(default)]
	pub repairs: RepairHealth,
}

/// How far a provider has come with slots that the chain has it rebuild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairHealth {
	/// How many there are.
	pub slots: u64,
	/// Bytes of them that can be proved now.
	pub needed_bytes: u64,
	/// Those of these bytes that it has.
	pub held_bytes: u64,
}

/// How far a provider has followed the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHealth {
	/// The best block's number.
	pub best: u32,
	/// The finalised block's number.
	pub finalised: u32,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
	/// What is wrong, for people.
	pub error: String,
	/// What is wrong, for programs.
	pub code: ErrorCode,
	/// Whether the same request may succeed later.
	pub retry: bool,
}

/// What is wrong, for programs; `snake_case` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
	/// The path, a parameter or the body cannot be read.
	BadRequest,
	/// No token, or one that does not hold.
	Unauthorized,
	/// The token does not cover this.
	Forbidden,
	/// No such deal, MDU, row, witness or object here.
	NotFound,
	/// The deal's slot is not held by this provider.
	NotMySlot,
	/// The generation is not the deal's next one.
	WrongGeneration,
	/// The blobs do not match the witness, or the witness does not make the root.
	BadShard,
	/// Something that the receipt needs is not staged, or staged with another root.
	NotStaged,
	/// The deal's free escrow does not cover the bytes.
	EscrowTooSmall,
	/// The provider's capacity, stake or disk is exhausted.
	NoSpace,
	/// The body is too large.
	TooLarge,
	/// Too many requests.
	TooManyRequests,
	/// The provider cannot reach its chain now.
	ChainUnavailable,
	/// Anything else.
	#[serde(other)]
	Internal,
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn row_ranges_are_strict() {
		assert_eq!("2-5".parse(), Ok(RowRange { first: 2, last: 5 }));
		assert_eq!("0-63".parse::<RowRange>().unwrap().count(), 64);
		for text in ["", "1", "-", "1-", "-1", "5-2", "0-64", "+1-2", "1-2-3", " 1-2", "1-256"] {
			assert!(text.parse::<RowRange>().is_err(), "{text:?}");
		}
	}

	#[test]
	fn unknown_error_codes_read_as_internal() {
		let body: ErrorBody =
			serde_json::from_str(r#"{"error":"x","code":"new_one","retry":true}"#).unwrap();
		assert_eq!(body.code, ErrorCode::Internal);
		assert_eq!(serde_json::to_string(&ErrorCode::NotMySlot).unwrap(), "\"not_my_slot\"");
	}

	#[test]
	fn paths_are_those_of_the_routes() {
		let fill = |route: &str, values: &[(&str, &str)]| {
			values.iter().fold(route.to_owned(), |path, (name, value)| {
				path.replace(&format!("{{{name}}}"), value)
			})
		};
		let ids = [("deal", "7"), ("generation", "2"), ("mdu", "9"), ("slot", "3")];
		assert_eq!(upload_path(7, 2, 9, 3), fill(UPLOAD_ROUTE, &ids));
		assert_eq!(staged_path(7, 2, 3), fill(STAGED_ROUTE, &ids));
		assert_eq!(receipt_path(7, 2, 3), fill(RECEIPT_ROUTE, &ids));
		assert_eq!(blobs_path(7, 9, 3, None), fill(BLOBS_ROUTE, &ids));
		let rows = RowRange { first: 1, last: 4 };
		assert_eq!(blobs_path(7, 9, 3, Some(rows)), fill(BLOBS_ROUTE, &ids) + "?rows=1-4");
		let hash = "ab".repeat(32);
		assert_eq!(
			witness_path(7, &[0xab; 32]),
			fill(WITNESS_ROUTE, &[("deal", "7"), ("mdu_root", &hash)])
		);
		assert_eq!(
			object_path(7, &[0xab; 32]),
			fill(OBJECT_ROUTE, &[("deal", "7"), ("hash", &hash)])
		);
	}

	proptest! {
		#[test]
		fn row_ranges_print_as_they_read(first in 0u8..64, more in 0u8..64) {
			let range = RowRange { first, last: first.saturating_add(more).min(63) };
			prop_assert_eq!(range.to_string().parse(), Ok(range));
		}
	}
}
