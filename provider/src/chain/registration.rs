//! Transactions about the provider itself.
//!
//! Nonces, mortality and repetition are [`Chain::submit`]'s: one transaction of an account enters the pool after the other,
//! and one that expires unseen is signed again. What is here is idempotent on top of that: the difference between
//! chain and configuration is read anew before every attempt, so an update whose outcome was not seen is not repeated
//! when it took effect.

use crate::config::{Config, StakeConfig};
use nil_client::{
	account::AccountId,
	chain::{Call, Chain, ChainError, RegisterProvider, UpdateProvider, WaitFor},
	keys::Signer,
};
use nil_types::{Amount, ProviderInfo, ServiceKey, Terms};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Bytes in a GiB, the unit that stake backs.
const GIB: u128 = 1 << 30;
/// First and longest pause between attempts.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];

/// The stake that the chain asks of a provider that stores `bytes`.
pub fn required_stake(terms: &Terms, bytes: u64) -> Amount {
	let backing = terms.stake_per_gib.saturating_mul(bytes.into()).div_ceil(GIB);
	terms.min_stake.saturating_add(backing)
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
		stake: match wanted.stake {
			StakeConfig::Auto => required_stake(terms, wanted.capacity.0),
			StakeConfig::Fixed(stake) => stake.0,
		},
	}
}

fn multiaddrs(config: &Config) -> Vec<Vec<u8>> {
	config.api.multiaddrs().into_iter().map(String::into_bytes).collect()
}

/// What must change on chain so that it agrees with `config`; empty when it does.
pub fn changes(
	config: &Config,
	service_key: ServiceKey,
	found: &ProviderInfo<AccountId>,
) -> Vec<Call> {
	fn differs<T: PartialEq>(wanted: T, found: &T) -> Option<T> {
		(wanted != *found).then_some(wanted)
	}
	let wanted = &config.registration;
	let update = UpdateProvider {
		multiaddrs: differs(multiaddrs(config), &found.multiaddrs),
		capability: differs(wanted.capability, &found.capability),
		domain: differs(wanted.domain.clone().into_bytes(), &found.domain),
		capacity: differs(wanted.capacity.0, &found.capacity),
		price_floor: differs(wanted.price_floor.0, &found.price_floor),
	};
	let mut calls = Vec::new();
	if service_key != found.service_key {
		calls.push(Call::rotate_service_key(service_key));
	}
	if update != UpdateProvider::default() {
		calls.push(Call::update(&update));
	}
	calls
}

/// Brings the registration in step with `config` once, with as many attempts as it takes. Ends when chain and
/// configuration agree, when the provider is not registered, when the chain refuses, or with `stop`.
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
		match outcome {
			Ok(()) => return,
			Err(error) if error.is_retryable() => {
				tracing::warn!(%error, "cannot update the registration, trying again");
			},
			Err(error) => {
				tracing::error!(%error, "the chain refuses to update the registration");
				return;
			},
		}
		tokio::select! {
			() = stop.cancelled() => return,
			() = sleep(pause) => pause = pause.saturating_mul(2).min(longest),
		}
	}
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
	for call in changes(config, service_key, &found) {
		let included = chain.submit(&call, operator, WaitFor::Finalised).await?;
		tracing::info!(call = call.name(), block = included.block.number, "registration updated");
	}
	Ok(())
}
