//! The slots of a deal as somebody to talk to.

use crate::{
	account::AccountId,
	http::{Http, ProviderClient},
	wire::Endpoint,
};
use nil_types::{ServiceKey, SlotIndex, SlotInfo, SlotState};

/// A slot and its provider.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
	pub(crate) slot: SlotIndex,
	pub(crate) provider: AccountId,
	pub(crate) service_key: Option<ServiceKey>,
	pub(crate) client: ProviderClient,
}

/// Why a slot cannot be talked to.
#[derive(Clone, Debug)]
pub(crate) struct Absent {
	pub(crate) slot: SlotIndex,
	pub(crate) provider: Option<AccountId>,
	pub(crate) reason: String,
}

/// Sorts slots into those that can be reached and those that cannot. `who` tells whom to talk to about a slot: to read,
/// [`SlotState::provider`]; to have it signed, [`SlotState::signer`].
pub(crate) fn peers(
	http: &Http,
	slots: &[SlotInfo<AccountId>],
	who: fn(&SlotState<AccountId>) -> Option<&AccountId>,
) -> (Vec<Peer>, Vec<Absent>) {
	let mut peers = Vec::new();
	let mut absent = Vec::new();
	for info in slots {
		let slot = info.slot;
		let provider = who(&info.state).copied();
		match (provider, Endpoint::first_of(&info.multiaddrs)) {
			(Some(operator), Some(endpoint)) => match http.provider(endpoint) {
				Ok(client) => peers.push(Peer {
					slot,
					provider: operator,
					service_key: info.service_key,
					client,
				}),
				Err(error) => absent.push(Absent { slot, provider, reason: error.to_string() }),
			},
			(None, _) => {
				absent.push(Absent { slot, provider, reason: "nobody holds it".to_owned() });
			},
			(Some(_), None) => absent.push(Absent {
				slot,
				provider,
				reason: "its provider announces no usable address".to_owned(),
			}),
		}
	}
	(peers, absent)
}

/// What went wrong with several slots, in one line.
pub(crate) fn summary(failures: &[(SlotIndex, String)]) -> String {
	let parts: Vec<_> =
		failures.iter().map(|(slot, reason)| format!("slot {slot}: {reason}")).collect();
	if parts.is_empty() { "no slot was asked".to_owned() } else { parts.join("; ") }
}
