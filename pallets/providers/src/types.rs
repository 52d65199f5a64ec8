//! What the registry keeps.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	BoundedVec, CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound,
	traits::{ConstU32, Get},
};
use nil_types::{
	Amount, Capability, Hint, ProviderStatus, RelayBlock, ServiceKey,
	provider::{
		MAX_DOMAIN_BYTES, MAX_MULTIADDR_BYTES, MAX_MULTIADDRS, backed_bytes, required_stake,
	},
};
use scale_info::TypeInfo;

/// One announced address, as multiaddr text.
pub type Multiaddr = BoundedVec<u8, ConstU32<MAX_MULTIADDR_BYTES>>;
/// All announced addresses of a provider.
pub type Multiaddrs = BoundedVec<Multiaddr, ConstU32<MAX_MULTIADDRS>>;
/// The name of a failure domain (say an ASN or a region). Empty: none is declared.
pub type Domain = BoundedVec<u8, ConstU32<MAX_DOMAIN_BYTES>>;
/// An attested failure domain, or `None`: the one domain that all providers without an attestation share.
pub type DomainKey = Option<Domain>;

/// All capability classes, each of which has a candidate list and a weight tree of its own.
pub const CLASSES: [Capability; 3] = [Capability::Archive, Capability::General, Capability::Edge];

/// The classes that a hint allows.
pub const fn classes(hint: Hint) -> [Capability; 2] {
	match hint {
		Hint::Hot => [Capability::Edge, Capability::General],
		Hint::Cold => [Capability::Archive, Capability::General],
	}
}

/// What the registry's administrator decides.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	serde::Serialize,
	serde::Deserialize,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Params {
	/// Stake that every provider holds, whatever it stores.
	pub min_stake: Amount,
	/// Stake that backs each GiB beyond that. 0: stake does not limit what a provider may store.
	pub stake_per_gib: Amount,
	/// Below this many active providers, draws do not look at failure domains (bootstrap mode).
	pub diversity_threshold: u32,
}

impl Params {
	/// The bytes that `stake` backs, rounded down.
	pub const fn backed(&self, stake: Amount) -> u64 {
		backed_bytes(self.min_stake, self.stake_per_gib, stake)
	}

	/// What of the stake that a provider must hold is for `bytes` that it stores, rounded up.
	pub const fn backing(&self, bytes: u64) -> Amount {
		required_stake(0, self.stake_per_gib, bytes)
	}

	/// The stake that a provider of `used` bytes must hold, rounded up.
	pub const fn required(&self, used: u64) -> Amount {
		required_stake(self.min_stake, self.stake_per_gib, used)
	}
}

/// What changes with every slot and commit of a provider, and decides how often it is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Ledger {
	/// Stake that backs slots. What unbonds is not in it.
	pub stake: Amount,
	/// Bytes offered.
	pub capacity: u64,
	/// Bytes that commits have given it.
	pub used: u64,
	/// Slots held.
	pub slots: u32,
	/// The lowest storage price taken, per GiB and relay block.
	pub price_floor: Amount,
	/// What it is built for.
	pub capability: Capability,
	/// Its failure domain, as declared.
	pub domain: Domain,
	/// Whether the domain was attested.
	pub attested: bool,
	/// Where it is in its life.
	pub status: ProviderStatus,
	/// Its place in its class's candidate list, while it is active.
	pub position: Option<u32>,
}

impl Ledger {
	/// Whether it has left, and nothing but its record is there.
	pub fn has_left(&self) -> bool {
		self.status == ProviderStatus::Left
	}

	/// Bytes that it could take: capacity, as far as stake backs it, less what is used.
	pub fn free(&self, params: &Params) -> u64 {
		self.capacity.min(params.backed(self.stake)).saturating_sub(self.used)
	}

	/// Its weight in draws: free MiB, rounded down. 0 unless it is active.
	pub fn weight(&self, params: &Params) -> u64 {
		match self.status {
			ProviderStatus::Active => self.free(params) >> 20,
			ProviderStatus::Draining | ProviderStatus::Jailed | ProviderStatus::Left => 0,
		}
	}

	/// The domain that counts in draws.
	pub fn domain_key(&self) -> DomainKey {
		self.attested.then(|| self.domain.clone())
	}
}

/// A part of the stake on its way out. It is held, and answerable, until `until`.
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
pub struct Unbonding {
	/// How much.
	pub amount: Amount,
	/// The first relay block at which it may be withdrawn.
	pub until: RelayBlock,
}

/// A service key that was replaced. What it signed counts until `until`.
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
pub struct RetiredKey {
	/// The key.
	pub key: ServiceKey,
	/// The first relay block at which it no longer counts.
	pub until: RelayBlock,
}

/// What changes rarely: how a provider is reached, and by which keys it answers.
#[derive(
	CloneNoBound, DebugNoBound, PartialEqNoBound, EqNoBound, Encode, Decode, MaxEncodedLen, TypeInfo,
)]
#[scale_info(skip_type_params(MaxRetiredKeys, MaxUnbonding))]
#[codec(mel_bound())]
pub struct Profile<MaxRetiredKeys: Get<u32>, MaxUnbonding: Get<u32>> {
	/// Signs receipts.
	pub service_key: ServiceKey,
	/// Keys replaced within the evidence window, oldest first.
	pub retired_keys: BoundedVec<RetiredKey, MaxRetiredKeys>,
	/// Where it can be reached.
	pub multiaddrs: Multiaddrs,
	/// Stake on its way out, oldest first.
	pub unbonding: BoundedVec<Unbonding, MaxUnbonding>,
	/// Relay block of the registration.
	pub since: RelayBlock,
}

/// A re-weighing of all candidates after the parameters changed: the classes from `class` on are still to do, of
/// `class` itself the positions below `below`.
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
pub struct Sweep {
	/// The class being re-weighed, as a number: 0 Archive, 1 General, 2 Edge.
	pub class: u8,
	/// Positions below this one still have the weight of before.
	pub below: u32,
}
