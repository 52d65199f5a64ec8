//! Providers as the chain keeps them and as the runtime API returns them.

use crate::{Amount, RelayBlock, ServiceKey};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Addresses that a provider may announce.
pub const MAX_MULTIADDRS: u32 = 8;
/// Bytes of one announced address.
pub const MAX_MULTIADDR_BYTES: u32 = 128;
/// Bytes of a failure domain's name.
pub const MAX_DOMAIN_BYTES: u32 = 32;

/// Bytes in a GiB, the unit that stake backs.
const GIB: u128 = 1 << 30;

/// The stake that a provider which stores `bytes` must hold, rounded up.
pub const fn required_stake(min_stake: Amount, stake_per_gib: Amount, bytes: u64) -> Amount {
	let backing = stake_per_gib.saturating_mul(bytes as u128).div_ceil(GIB);
	min_stake.saturating_add(backing)
}

/// The bytes that `stake` backs, rounded down: the inverse of [`required_stake`].
pub const fn backed_bytes(min_stake: Amount, stake_per_gib: Amount, stake: Amount) -> u64 {
	let Some(surplus) = stake.checked_sub(min_stake) else { return 0 };
	match surplus.saturating_mul(GIB).checked_div(stake_per_gib) {
		Some(bytes) if bytes < u64::MAX as u128 => bytes as u64,
		_ => u64::MAX,
	}
}

/// What a provider is built for.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
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
pub enum Capability {
	/// Large and slow: cold deals.
	#[codec(index = 0)]
	Archive,
	/// Any deal.
	#[default]
	#[codec(index = 1)]
	General,
	/// Small and fast: hot deals.
	#[codec(index = 2)]
	Edge,
}

/// Where a provider is in its life.
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
	serde(rename_all = "lowercase")
)]
pub enum ProviderStatus {
	/// Gets new slots.
	#[codec(index = 0)]
	Active,
	/// Leaving: gets no new slots.
	#[codec(index = 1)]
	Draining,
	/// Convicted: gets no new slots.
	#[codec(index = 2)]
	Jailed,
	/// It has left: the record waits until the last stake is withdrawn.
	#[codec(index = 3)]
	Left,
}

/// A provider, as the runtime API returns it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct ProviderInfo<AccountId> {
	/// The operator's account, which is the provider's identity.
	pub operator: AccountId,
	/// Signs receipts.
	pub service_key: ServiceKey,
	/// Where it can be reached, as multiaddr text.
	pub multiaddrs: Vec<Vec<u8>>,
	/// What it is built for.
	pub capability: Capability,
	/// Its failure domain (say an ASN or a region), as it declares it.
	pub domain: Vec<u8>,
	/// Whether the domain was attested.
	pub attested: bool,
	/// Bytes that it offers.
	pub capacity: u64,
	/// Bytes that commits have given it.
	pub used: u64,
	/// The lowest storage price that it takes, per GiB and relay block.
	pub price_floor: Amount,
	/// Stake held.
	pub stake: Amount,
	/// Slots that it holds.
	pub slots: u32,
	/// Where it is in its life.
	pub status: ProviderStatus,
	/// Relay block of its registration.
	pub since: RelayBlock,
}
