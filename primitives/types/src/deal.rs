//! Deals and slots as the chain keeps them and as the runtime API returns them.

use crate::{
	Amount, DealId, G1Compressed, Generation, Hash32, Profile, RelayBlock, ServiceKey, SlotIndex,
	provider::{backed_bytes, required_stake},
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What a deal will be used for; decides which providers may be drawn.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[cfg_attr(
	feature = "std",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "lowercase")
)]
pub enum Hint {
	/// Read often: Edge and General providers.
	#[codec(index = 0)]
	Hot,
	/// Read rarely: Archive and General providers.
	#[default]
	#[codec(index = 1)]
	Cold,
}

/// Where a deal is in its life.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[cfg_attr(
	feature = "std",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "lowercase")
)]
pub enum DealStatus {
	/// Slots are not drawn yet.
	#[codec(index = 0)]
	Placing,
	/// Slots are drawn; content may be committed.
	#[codec(index = 1)]
	Active,
}

/// Who holds a slot.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(
	feature = "std",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "lowercase")
)]
pub enum SlotState<AccountId> {
	/// A provider stores the slot.
	#[codec(index = 0)]
	Active {
		/// The provider.
		provider: AccountId,
	},
	/// A candidate rebuilds the slot; until it is ready the old provider, if any, stays responsible.
	#[codec(index = 1)]
	Repairing {
		/// The provider to be released.
		provider: Option<AccountId>,
		/// The provider that rebuilds, drawn by the chain.
		candidate: AccountId,
		/// When the repair began.
		since: RelayBlock,
		/// The deal's generation when the candidate was drawn. A later one may be proved.
		target_gen: Generation,
	},
	/// Nobody stores the slot.
	#[codec(index = 2)]
	Vacant,
}

impl<AccountId> SlotState<AccountId> {
	/// The provider that is responsible for the slot's content now.
	pub const fn provider(&self) -> Option<&AccountId> {
		match self {
			Self::Active { provider } => Some(provider),
			Self::Repairing { provider, .. } => provider.as_ref(),
			Self::Vacant => None,
		}
	}

	/// Whose receipts count for the slot: the responsible provider's, and the candidate's while nobody is responsible.
	pub const fn signer(&self) -> Option<&AccountId> {
		match self {
			Self::Repairing { provider: None, candidate, .. } => Some(candidate),
			state => state.provider(),
		}
	}
}

/// A deal, as the runtime API returns it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DealInfo<AccountId> {
	/// The deal's number.
	pub id: DealId,
	/// Who pays, commits and cancels.
	pub owner: AccountId,
	/// How it is striped.
	pub profile: Profile,
	/// Which providers may be drawn.
	pub hint: Hint,
	/// Where it is in its life.
	pub status: DealStatus,
	/// Commits so far.
	pub generation: Generation,
	/// MDUs so far, over all commits.
	pub total_mdus: u64,
	/// Payload bytes so far, over all commits.
	pub size_bytes: u64,
	/// Bytes that all slots together store.
	pub stored_bytes: u64,
	/// One compressed point per 4,096 MDUs, over the MDU roots.
	pub manifests: Vec<SerdeBytes<48>>,
	/// Relay block of the request.
	pub created_at: RelayBlock,
	/// Relay block after which nothing is owed any more.
	pub expires_at: RelayBlock,
	/// Escrow that no commit has locked yet.
	pub free_escrow: Amount,
	/// Rent locked by commits and not yet earned.
	pub locked_rent: Amount,
	/// Deposits for slots, stored commits and authorisations. The last return to the escrow on revoking, all others when
	/// the deal ends.
	pub deposit: Amount,
	/// What the owner allows to be spent per month beyond rent.
	pub max_monthly_spend: Amount,
	/// Who may upload and commit beside the owner; at most [`MAX_UPLOADERS`], those whose time is over included.
	pub uploaders: Vec<Uploader<AccountId>>,
}

impl<AccountId: PartialEq> DealInfo<AccountId> {
	/// What `account` is authorised to upload, whether or not its time is over.
	pub fn uploader(&self, account: &AccountId) -> Option<&Uploader<AccountId>> {
		self.uploaders.iter().find(|uploader| uploader.account == *account)
	}
}

/// Accounts that may be authorised to upload to a deal at a time.
pub const MAX_UPLOADERS: u32 = 8;

/// An account that may upload and commit to a deal that it does not own.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Uploader<AccountId> {
	/// The account.
	pub account: AccountId,
	/// Payload bytes that it may still commit.
	pub remaining_bytes: u64,
	/// Last relay block at which it may.
	pub until: RelayBlock,
}

impl<AccountId> Uploader<AccountId> {
	/// Whether its time is not over at relay block `now`.
	pub const fn counts_at(&self, now: RelayBlock) -> bool {
		now <= self.until
	}
}

/// One commit of a deal, as it is kept in state.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct CommitInfo {
	/// First MDU of the commit in the slab.
	pub first_mdu: u64,
	/// Payload bytes, index included; the number of MDUs and their live blobs follow from it.
	pub size_bytes: u64,
	/// Length of the index, the payload's tail.
	pub index_len: u32,
	/// `H` of the index bytes as stored.
	pub index_root: Hash32,
	/// `H` of the commit's MDU roots.
	pub roots_hash: Hash32,
	/// Bit `s` is set when slot `s` has signed a receipt.
	pub signed: u32,
	/// Relay block of the commit.
	pub at: RelayBlock,
}

/// A slot of a deal, with what a reader needs to reach its provider.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct SlotInfo<AccountId> {
	/// Position in the stripe.
	pub slot: SlotIndex,
	/// Who holds it.
	pub state: SlotState<AccountId>,
	/// Whose receipts count: the responsible provider's key, or the candidate's while nobody is responsible.
	pub service_key: Option<ServiceKey>,
	/// The addresses of the same, as multiaddr text.
	pub multiaddrs: Vec<Vec<u8>>,
}

/// A request for slots that is not served yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct PlacementInfo {
	/// Relay block of the request.
	pub requested_at: RelayBlock,
	/// The first randomness recorded at or after this relay block decides.
	pub draw_at: RelayBlock,
	/// Draws so far that found too few eligible providers.
	pub attempts: u32,
}

/// Why a slot gets another provider.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[cfg_attr(
	feature = "std",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "kebab-case")
)]
pub enum RepairCause {
	/// Its provider was evicted: it holds the slot no more.
	#[codec(index = 0)]
	Eviction,
	/// Its provider leaves, and stays responsible until then.
	#[codec(index = 1)]
	Drain,
	/// Its provider did not sign a commit in time, and stays responsible for what it signed until then.
	#[codec(index = 2)]
	MissingReceipt,
}

/// A slot that gets another provider.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct RepairInfo<AccountId> {
	/// Position in the stripe.
	pub slot: SlotIndex,
	/// Why.
	pub cause: RepairCause,
	/// Relay block at which it began.
	pub since: RelayBlock,
	/// Draws so far.
	pub attempts: u32,
	/// Who is responsible for the slot meanwhile. Nobody after an eviction.
	pub provider: Option<AccountId>,
	/// Who rebuilds the slot. `None` while nobody is drawn, and when the repair is complete but for its bookkeeping.
	pub candidate: Option<AccountId>,
	/// Bytes that are booked with whoever rebuilds, for what it has not been given yet: the most that they can be.
	pub reserved: u64,
	/// From which the candidate's samples follow. `None` while that is not known.
	pub samples: Option<Hash32>,
	/// Without a candidate: the first randomness recorded at or after this relay block draws one. With one: the same for its
	/// samples, and once they are known the last relay block of its window.
	pub due: RelayBlock,
	/// Of a repair that is complete: commits below and up to this generation are not given to the new provider yet.
	pub adopting: Option<Generation>,
}

/// A page of the repairs in which a provider is the new one, and where the next page begins, if there is one.
pub type Candidacies<AccountId> =
	(Vec<(DealId, RepairInfo<AccountId>)>, Option<(DealId, SlotIndex)>);

/// A fixed-size byte string that reads as hex in JSON.
#[derive(
	Clone, Copy, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SerdeBytes<const N: usize>(pub [u8; N]);

impl<const N: usize> core::fmt::Debug for SerdeBytes<N> {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str("0x")?;
		self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
	}
}

impl From<G1Compressed> for SerdeBytes<48> {
	fn from(bytes: G1Compressed) -> Self {
		Self(bytes)
	}
}

#[cfg(feature = "std")]
impl<const N: usize> serde::Serialize for SerdeBytes<N> {
	fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(&format_args!("{self:?}"))
	}
}

#[cfg(feature = "std")]
impl<'de, const N: usize> serde::Deserialize<'de> for SerdeBytes<N> {
	fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		use serde::de::Error;
		let text = <alloc::string::String as serde::Deserialize>::deserialize(deserializer)?;
		let digits = text.strip_prefix("0x").unwrap_or(&text);
		if digits.len() != 2 * N || !digits.is_ascii() {
			return Err(D::Error::custom(alloc::format!(
				"expected {N} bytes in hex, got {text:?}"
			)));
		}
		let mut bytes = [0; N];
		for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
			let pair = core::str::from_utf8(pair).map_err(D::Error::custom)?;
			*byte = u8::from_str_radix(pair, 16).map_err(D::Error::custom)?;
		}
		Ok(Self(bytes))
	}
}

/// Prices, fees and deadlines in force, and the relay chain's clock.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Terms {
	/// The relay parent of the block that was asked.
	pub relay_block: RelayBlock,
	/// Price of new content, per GiB (of all slots together) and relay block.
	pub storage_price: Amount,
	/// Fee for creating a deal; it is not returned.
	pub creation_fee: Amount,
	/// Deposit for each commit while its deal lives.
	pub commit_deposit: Amount,
	/// Deposit for each slot of a deal while the deal lives, held beside its escrow.
	pub slot_deposit: Amount,
	/// Deposit for each account that may upload to a deal beside its owner, until it is revoked.
	pub uploader_deposit: Amount,
	/// Shortest duration of a deal in relay blocks.
	pub min_duration: RelayBlock,
	/// Longest duration of a deal in relay blocks.
	pub max_duration: RelayBlock,
	/// Relay blocks within which a slot that missed a commit may still sign it.
	pub receipt_grace: RelayBlock,
	/// Stake that every provider holds.
	pub min_stake: Amount,
	/// Stake that backs each GiB.
	pub stake_per_gib: Amount,
}

impl Terms {
	/// The stake that a provider which stores `bytes` must hold.
	pub const fn required_stake(&self, bytes: u64) -> Amount {
		required_stake(self.min_stake, self.stake_per_gib, bytes)
	}

	/// The bytes that `stake` backs.
	pub const fn backed_bytes(&self, stake: Amount) -> u64 {
		backed_bytes(self.min_stake, self.stake_per_gib, stake)
	}
}
