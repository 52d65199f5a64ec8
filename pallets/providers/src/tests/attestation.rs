//! Failure domains and who vouches for them.

use super::*;
use crate::DomainWeights;
use sp_runtime::DispatchError;

fn declare(who: AccountId, name: &str) {
	let call = Call::update {
		multiaddrs: None,
		capability: None,
		domain: Some(domain(name)),
		capacity: None,
		price_floor: None,
	};
	assert_ok!(send(who, call));
}

fn attest(who: AccountId, name: Option<&str>) -> DispatchResult {
	send_as_root(Call::attest { provider: who, domain: name.map(domain) })
}

fn domain_weight(name: Option<&str>) -> u64 {
	DomainWeights::<Test>::get(Capability::General, name.map(domain))
}

#[test]
fn attesting_moves_the_weight_into_a_domain_of_its_own() {
	run(|| {
		register(1);
		register(2);
		declare(1, "eu");
		assert_eq!((domain_weight(None), domain_weight(Some("eu"))), (20 * 1024, 0));
		assert_ok!(attest(1, Some("eu")));
		System::assert_last_event(
			Event::Attested { operator: 1, domain: Some(domain("eu")) }.into(),
		);
		assert_eq!((domain_weight(None), domain_weight(Some("eu"))), (10 * 1024, 10 * 1024));
		assert!(Providers::provider_info(&1).unwrap().attested);
		assert_ok!(attest(1, None));
		assert_eq!((domain_weight(None), domain_weight(Some("eu"))), (20 * 1024, 0));
	});
}

#[test]
fn a_change_of_the_domain_ends_the_attestation_and_a_repetition_does_not() {
	run(|| {
		register(1);
		declare(1, "eu");
		assert_ok!(attest(1, Some("eu")));
		declare(1, "eu");
		assert!(ledger(1).attested);
		declare(1, "us");
		assert!(!ledger(1).attested);
		assert_eq!((domain_weight(None), domain_weight(Some("eu"))), (10 * 1024, 0));
	});
}

#[test]
fn only_the_declared_name_is_attested_and_never_the_empty_one() {
	run(|| {
		register(1);
		assert_noop!(attest(1, Some("")), Error::<Test>::DomainMismatch);
		declare(1, "eu");
		assert_noop!(attest(1, Some("us")), Error::<Test>::DomainMismatch);
		assert_noop!(attest(2, Some("eu")), Error::<Test>::NotRegistered);
	});
}

#[test]
fn providers_cannot_attest_or_set_parameters() {
	run(|| {
		register(1);
		declare(1, "eu");
		assert_noop!(
			send(1, Call::attest { provider: 1, domain: Some(domain("eu")) }),
			DispatchError::BadOrigin
		);
		assert_noop!(send(1, Call::set_params { params: PARAMS }), DispatchError::BadOrigin);
	});
}

#[test]
fn a_draining_provider_can_be_attested_without_weight() {
	run(|| {
		register(1);
		declare(1, "eu");
		assert_ok!(send(1, Call::drain {}));
		assert_ok!(attest(1, Some("eu")));
		assert_eq!(domain_weight(Some("eu")), 0);
	});
}
