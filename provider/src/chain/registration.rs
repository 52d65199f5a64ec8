//! Transactions about the provider itself.
//!
//! Nonces, mortality and repetition are [`Chain::submit`]'s: one transaction of an account enters the pool after the other,
//! and one that expires unseen is signed again. What is here is idempotent on top of that: the difference between
//! chain and configuration is read anew before every attempt, so an update whose outcome was not seen is not repeated
//! when it took effect.

use super::ChainView;
use crate::{
	config::{Config, StakeConfig},
	store::{Room, Store},
};
use nil_client::{
	account::AccountId,
	chain::{At, Call, Chain, ChainError, RegisterProvider, UpdateProvider, WaitFor},
	keys::Signer,
};
use nil_types::{Amount, ProviderInfo, ProviderStatus, ServiceKey, Terms};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// First and longest pause between attempts.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];

/// The stake that `config` asks for.
pub fn wanted_stake(config: &Config, terms: &Terms) -> Amount {
	match config.registration.stake {
		StakeConfig::Auto => terms.required_stake(config.registration.capacity.0),
		StakeConfig::Fixed(stake) => stake.0,
	}
}

/// The registration that `config` asks for.
pub fn registration(config: &Config, service_key: ServiceKey, terms: &Terms) -> RegisterProvider {
	let wanted = &config.registration;
	RegisterProvider {
		service_key,
		multiaddrs: multiaddrs(config),
		capability: wanted.capability,
		domain: wanted.domain.clone().into_bytes(),
		capacity: wanted.capacity.0,
		price_floor: wanted.price_floor.0,
		stake: wanted_stake(config, terms),
	}
}

fn multiaddrs(config: &Config) -> Vec<Vec<u8>> {
	config.api.multiaddrs().into_iter().map(String::into_bytes).collect()
}

/// What must change on chain so that it agrees with `config`, in this order; empty when it does.
///
/// Missing stake is added, and only then is a larger capacity offered, so that no offer stands without its stake. What
/// needs no stake goes before, lest an operator who cannot pay be out of reach as well. Stake beyond what `config` asks
/// for stays: it is answerable for a while once it is released, so releasing it is for the operator to say
/// (`nil-provider stake --remove`).
pub fn changes(
	config: &Config,
	service_key: ServiceKey,
	found: &ProviderInfo<AccountId>,
	terms: &Terms,
) -> Vec<Call> {
	fn differs<T: PartialEq>(wanted: T, found: &T) -> Option<T> {
		(wanted != *found).then_some(wanted)
	}
	let wanted = &config.registration;
	// Who leaves needs no more stake than it has.
	let missing = match found.status {
		ProviderStatus::Active => wanted_stake(config, terms).saturating_sub(found.stake),
		_ => 0,
	};
	let mut update = UpdateProvider {
		multiaddrs: differs(multiaddrs(config), &found.multiaddrs),
		capability: differs(wanted.capability, &found.capability),
		domain: differs(wanted.domain.clone().into_bytes(), &found.domain),
		capacity: differs(wanted.capacity.0, &found.capacity),
		price_floor: differs(wanted.price_floor.0, &found.price_floor),
	};
	let capacity = update.capacity.take_if(|wanted| missing > 0 && *wanted > found.capacity);
	let mut calls = Vec::new();
	if service_key != found.service_key {
		calls.push(Call::rotate_service_key(service_key));
	}
	if update != UpdateProvider::default() {
		calls.push(Call::update(&update));
	}
	if missing > 0 {
		calls.push(Call::add_stake(missing));
	}
	if capacity.is_some() {
		calls.push(Call::update(&UpdateProvider { capacity, ..Default::default() }));
	}
	calls
}

/// Why a provider may promise nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPromises {
	/// The chain gives it no slots and takes no receipts of it.
	#[error("the provider is not registered, is jailed or has left")]
	NotInService,
	/// Its signature would not count.
	#[error("the chain knows another service key of this provider")]
	OtherKey,
}

/// Bytes beyond those in use that a provider may sign for: its capacity and its stake both bound them.
pub fn room_for_promises(
	found: Option<&ProviderInfo<AccountId>>,
	service_key: &ServiceKey,
	terms: &Terms,
) -> Result<u64, NoPromises> {
	let may_sign = |status| matches!(status, ProviderStatus::Active | ProviderStatus::Draining);
	let found = found.filter(|info| may_sign(info.status)).ok_or(NoPromises::NotInService)?;
	if found.service_key != *service_key {
		return Err(NoPromises::OtherKey);
	}
	let backed = terms.backed_bytes(found.stake);
	Ok(found.capacity.min(backed).saturating_sub(found.used))
}

/// Why the room for promises is not known, or is none.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
	/// The chain could not be asked.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The provider may promise nothing.
	#[error(transparent)]
	None(#[from] NoPromises),
}

/// The room that the best block leaves `operator` for promises in `store`.
pub async fn room(
	chain: &dyn ChainView,
	store: &Store,
	operator: AccountId,
	service_key: &ServiceKey,
	terms: &Terms,
) -> Result<Room, RoomError> {
	// Before the chain is asked: see `Store::settled_bytes`.
	let settled = store.settled_bytes();
	let found = chain.provider(At::Best, operator).await?;
	let bytes = room_for_promises(found.as_ref(), service_key, terms)?;
	Ok(Room { bytes, settled })
}

/// How a provider's stake stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StakeStanding {
	/// What is held.
	pub held: Amount,
	/// What the bytes in use need.
	pub needed: Amount,
	/// What the configuration asks for.
	pub wanted: Amount,
	/// What the chain would release.
	pub releasable: Amount,
	/// The part of it that the configuration does not ask for either.
	pub spare: Amount,
}

impl StakeStanding {
	/// Of `found` under `terms`, beside `config`.
	pub fn of(config: &Config, found: &ProviderInfo<AccountId>, terms: &Terms) -> Self {
		let (held, wanted) = (found.stake, wanted_stake(config, terms));
		let needed = terms.required_stake(found.used);
		let spare = held.saturating_sub(needed.max(wanted));
		Self { held, needed, wanted, releasable: held.saturating_sub(needed), spare }
	}
}

/// Brings the registration in step with `config` once, with as many attempts as it takes. Ends when chain and
/// configuration agree, when the provider is not registered, when the chain refuses, or with `stop`; waits for an operator
/// who cannot pay yet, and for a chain that makes no blocks.
pub async fn keep_updated(
	chain: Chain,
	config: Config,
	service_key: ServiceKey,
	operator: Signer,
	stop: CancellationToken,
) {
	let [mut pause, longest] = PAUSES;
	loop {
		let attempt = update_once(&chain, &config, service_key, &operator);
		let outcome = tokio::select! {
			() = stop.cancelled() => return,
			outcome = attempt => outcome,
		};
		let Err(error) = outcome else { return };
		if !may_heal(&error) {
			tracing::error!(%error, "the chain refuses to update the registration");
			return;
		}
		if error.cannot_pay() {
			let operator = operator.account_id();
			tracing::error!(
				%error, %operator,
				"the operator cannot pay for what the configuration asks of the registration: send it NIL"
			);
		} else {
			tracing::warn!(%error, "cannot update the registration, trying again");
		}
		tokio::select! {
			() = stop.cancelled() => return,
			() = sleep(pause) => pause = pause.saturating_mul(2).min(longest),
		}
	}
}

/// Whether an update that failed like this may succeed later. One whose outcome was not seen is among them: what it has
/// changed is no difference any more when the next one looks.
fn may_heal(error: &ChainError) -> bool {
	error.is_retryable() || error.cannot_pay() || matches!(error, ChainError::OutcomeUnknown { .. })
}

async fn update_once(
	chain: &Chain,
	config: &Config,
	service_key: ServiceKey,
	operator: &Signer,
) -> Result<(), ChainError> {
	let account = AccountId(config.operator.account.0);
	let Some(found) = chain.best().provider(account).await? else {
		tracing::warn!(operator = %account, "not registered: run `nil-provider register`");
		return Ok(());
	};
	let terms = chain.best().terms().await?;
	for call in changes(config, service_key, &found, &terms) {
		let included = chain.submit(&call, operator, WaitFor::Finalised).await?;
		tracing::info!(call = call.name(), block = included.block.number, "registration updated");
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::config::Nil;
	use nil_client::chain::BlockRef;
	use nil_types::Capability;
	use std::path::Path;

	const KEY: ServiceKey = [7; 32];
	/// Stake for a GiB: 100 in any case, and 10.
	const TERMS: Terms = Terms {
		relay_block: 1,
		storage_price: 0,
		creation_fee: 0,
		commit_deposit: 0,
		slot_deposit: 0,
		uploader_deposit: 0,
		min_duration: 1,
		max_duration: 1,
		receipt_grace: 1,
		min_stake: 100,
		stake_per_gib: 10,
	};

	/// A configuration that offers `gib` GiB.
	fn config(gib: u64) -> Config {
		let text = format!(
			"node.url = \"ws://x\"\nservice.key_file = \"x\"\nregistration.capacity = \"{gib} GiB\"\n\
			 operator.account = \"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\""
		);
		Config::parse(&text, Path::new("provider.toml"), []).unwrap()
	}

	/// As it stands on chain when `config` was registered.
	fn registered(config: &Config) -> ProviderInfo<AccountId> {
		let registration = registration(config, KEY, &TERMS);
		ProviderInfo {
			operator: AccountId(config.operator.account.0),
			service_key: KEY,
			multiaddrs: registration.multiaddrs,
			capability: registration.capability,
			domain: registration.domain,
			attested: false,
			capacity: registration.capacity,
			used: 0,
			price_floor: registration.price_floor,
			stake: registration.stake,
			slots: 0,
			status: ProviderStatus::Active,
			since: 1,
		}
	}

	fn capacity(bytes: u64) -> UpdateProvider {
		UpdateProvider { capacity: Some(bytes), ..Default::default() }
	}

	#[test]
	fn an_update_waits_for_money_and_blocks_and_not_for_another_answer() {
		let refusal = |pallet: &str, error: &str| ChainError::Dispatch {
			pallet: pallet.into(),
			error: error.into(),
			docs: String::new(),
			block: BlockRef { number: 1, hash: [1; 32] },
		};
		let fee = "Inability to pay some fees (e.g. account balance too low)".to_owned();
		for heals in [
			refusal("Token", "FundsUnavailable"),
			ChainError::Refused { reason: fee },
			ChainError::OutcomeUnknown { seconds: 600 },
			ChainError::Expired { last: 1 },
		] {
			assert!(may_heal(&heals), "{heals}");
		}
		for stays in [refusal("Providers", "HasLeft"), ChainError::Refused { reason: "no".into() }]
		{
			assert!(!may_heal(&stays), "{stays}");
		}
	}

	#[test]
	fn what_was_registered_needs_no_change() {
		let config = config(5);
		let found = registered(&config);
		assert_eq!(found.stake, 150);
		assert_eq!(changes(&config, KEY, &found, &TERMS), []);
	}

	#[test]
	fn a_larger_capacity_is_offered_after_its_stake_is_held() {
		let found = registered(&config(5));
		let calls = changes(&config(8), KEY, &found, &TERMS);
		assert_eq!(calls, [Call::add_stake(30), Call::update(&capacity(8 << 30))]);

		// Everything else does not wait for the stake.
		let mut wanted = config(8);
		wanted.registration.capability = Capability::Edge;
		let other =
			UpdateProvider { capability: Some(Capability::Edge), ..UpdateProvider::default() };
		let calls = changes(&wanted, [8; 32], &found, &TERMS);
		let expected = [
			Call::rotate_service_key([8; 32]),
			Call::update(&other),
			Call::add_stake(30),
			Call::update(&capacity(8 << 30)),
		];
		assert_eq!(calls, expected);
	}

	#[test]
	fn stake_is_added_when_the_chain_or_the_operator_asks_for_more_and_never_removed() {
		let config = config(5);
		let found = registered(&config);
		let dearer = Terms { min_stake: 120, ..TERMS };
		assert_eq!(changes(&config, KEY, &found, &dearer), [Call::add_stake(20)]);
		let cheaper = Terms { min_stake: 1, ..TERMS };
		assert_eq!(changes(&config, KEY, &found, &cheaper), []);
		let mut fixed = config.clone();
		fixed.registration.stake = StakeConfig::Fixed(Nil(151));
		assert_eq!(changes(&fixed, KEY, &found, &TERMS), [Call::add_stake(1)]);

		let smaller = self::config(3);
		assert_eq!(changes(&smaller, KEY, &found, &TERMS), [Call::update(&capacity(3 << 30))]);
	}

	#[test]
	fn promises_have_the_room_that_capacity_and_stake_leave_both() {
		let info = ProviderInfo { capacity: 3 << 30, used: 1 << 30, ..registered(&config(5)) };
		let room = |info: &ProviderInfo<AccountId>| room_for_promises(Some(info), &KEY, &TERMS);
		assert_eq!(room(&info), Ok(2 << 30));
		assert_eq!(room(&ProviderInfo { stake: 120, ..info.clone() }), Ok(1 << 30));
		assert_eq!(room(&ProviderInfo { stake: 99, ..info.clone() }), Ok(0));
		for status in [ProviderStatus::Jailed, ProviderStatus::Left] {
			let info = ProviderInfo { status, ..info.clone() };
			assert_eq!(room(&info), Err(NoPromises::NotInService));
		}
		assert_eq!(room_for_promises(None, &KEY, &TERMS), Err(NoPromises::NotInService));
		let other = ProviderInfo { service_key: [0; 32], ..info };
		assert_eq!(room(&other), Err(NoPromises::OtherKey));
	}

	#[test]
	fn standing_tells_what_could_be_released() {
		let found = ProviderInfo { used: 1 << 30, stake: 160, ..registered(&config(5)) };
		let standing = StakeStanding::of(&config(5), &found, &TERMS);
		let expected =
			StakeStanding { held: 160, needed: 110, wanted: 150, releasable: 50, spare: 10 };
		assert_eq!(standing, expected);
		let poor = ProviderInfo { stake: 90, ..found };
		let standing = StakeStanding::of(&config(5), &poor, &TERMS);
		assert_eq!((standing.releasable, standing.spare), (0, 0));
	}

	#[test]
	fn who_leaves_holds_no_more_stake() {
		let draining = ProviderInfo { status: ProviderStatus::Draining, ..registered(&config(5)) };
		assert_eq!(changes(&config(8), KEY, &draining, &TERMS), [Call::update(&capacity(8 << 30))]);
	}
}
