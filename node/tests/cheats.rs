//! Who submits what it proved before, what another one proves, or answers for a slot that it lost; and who leaves as soon as it
//! knows what it is asked. Nothing of it is of use.

mod support;

use nil_runtime::{Liveness, Mode2, Runtime};
use nil_types::{Hash32, ProviderInfo, traits::Evictions};
use pallet_liveness::{Call, Error, Event};
use sp_keyring::Sr25519Keyring::{self, Ferdie};
use sp_runtime::DispatchResult;
use support::{
	Backend, deals,
	samples::{Network, SAMPLES, SLOT, Submission, profile, refused},
};

/// A network whose second round is drawn; all providers of the deal are asked for what they signed in the first.
fn asked() -> Network {
	let mut network = Network::new(Backend::Portable);
	let holders: Vec<_> =
		(0..profile().n()).map(|slot| deals::holder(&network.chain, slot)).collect();
	network.commit(0);
	network.go_to(2);
	for holder in holders {
		advance(&mut network, holder);
	}
	assert_eq!(network.duty().due, SAMPLES);
	network
}

fn advance(network: &mut Network, provider: Sr25519Keyring) {
	let call = Call::advance { provider: provider.to_account_id(), steps: 64 };
	assert_eq!(network.chain.send(Ferdie, call), Ok(()));
}

fn randomness(network: &Network) -> Hash32 {
	network.round().drawn.expect("the round is drawn").randomness
}

/// The same, as if it were for the round in force.
fn renamed(network: &Network, answer: &Submission) -> Submission {
	let round = network.round();
	let block = round.drawn.expect("the round is drawn").block;
	Submission { epoch: round.epoch, block, ..answer.clone() }
}

/// What the registry has of the provider.
fn registered(network: &Network) -> ProviderInfo<[u8; 32]> {
	let found: Option<_> = network.chain.query("NilApi_provider", &network.account());
	found.expect("it is registered")
}

/// Refused for being of blobs that were not asked for.
fn is_elsewhere(outcome: DispatchResult) -> bool {
	[Error::WrongPlace, Error::WrongMdu, Error::WrongLeaf]
		.into_iter()
		.any(|error| outcome == refused(error))
}

/// Taken for a wrong proof, which answers nothing.
fn assert_wrong(network: &mut Network, answer: Submission) {
	let (provider, epoch) = (network.provider, answer.epoch);
	assert_eq!(network.chain.send(provider, answer.call()), Ok(()));
	let provider = provider.to_account_id();
	let invalid = Event::InvalidProof { provider, epoch, items: SAMPLES, slashed: 0 };
	assert_eq!(network.told(), [invalid]);
	assert!(network.duty().answered.is_empty());
}

#[test]
fn what_was_proved_before_or_by_another_answers_nothing() {
	let mut network = asked();
	let (me, other) = (network.provider, deals::holder(&network.chain, 0));
	let old = randomness(&network);
	let yesterday = network.answer();
	assert_eq!(network.chain.send(me, yesterday.clone().call()), Ok(()));
	network.go_to(3);
	assert_ne!(randomness(&network), old);

	// Yesterday's proof, under today's name; then of today's blobs, at yesterday's point.
	let replayed = renamed(&network, &yesterday);
	let outcome = network.chain.send(me, replayed.call());
	assert!(is_elsewhere(outcome), "{outcome:?}");
	let late = network.answer_to(&network.samples(0, SAMPLES), &old);
	assert_wrong(&mut network, late);

	// What another one was asked for; then its proof, for blobs of one's own.
	network.provider = other;
	let theirs = network.answer();
	network.provider = me;
	let outcome = network.chain.send(me, theirs.clone().call());
	assert!(is_elsewhere(outcome), "{outcome:?}");
	let mine = network.answer();
	let copied = Submission { y: theirs.y, pi: theirs.pi, ..mine.clone() };
	assert_wrong(&mut network, copied);

	// The other is not harmed by having been copied, and the right answer counts as ever.
	for (provider, answer) in [(other, theirs), (me, mine)] {
		assert_eq!(network.chain.send(provider, answer.call()), Ok(()));
		let told = network.told();
		let [Event::Answered { ordinals, .. }] = told.as_slice() else { panic!("{told:?}") };
		assert_eq!(ordinals.len(), SAMPLES as usize);
	}
	network.chain.inspect(Liveness::do_try_state).unwrap();
}

#[test]
fn a_slot_that_was_lost_is_answered_for_until_the_round_is_over_and_then_no_more() {
	let mut network = asked();
	let me = network.provider;
	let samples = network.samples(0, SAMPLES);
	let account = me.to_account_id();
	assert!(network.chain.alter(|| <Mode2 as Evictions<_>>::evict(&account, 0, SLOT)));
	// What was asked before is owed still.
	assert_eq!(network.samples(0, SAMPLES), samples);
	let answer = network.answer();
	assert_eq!(network.chain.send(me, answer.clone().call()), Ok(()));
	assert_eq!(network.duty().answered.len(), SAMPLES as usize);

	network.go_to(3);
	let again = renamed(&network, &answer);
	assert_eq!(network.chain.send(me, again.clone().call()), refused(Error::NotAdvanced));
	advance(&mut network, me);
	assert_eq!((network.duty().due, network.duty().blobs), (0, 0));
	assert_eq!(network.chain.send(me, again.call()), refused(Error::NothingDue));
	network.chain.inspect(Liveness::do_try_state).unwrap();
}

#[test]
fn who_leaves_when_it_knows_what_it_is_asked_escapes_nothing() {
	let mut network = asked();
	let me = network.provider;
	let (samples, randomness) = (network.samples(0, SAMPLES), randomness(&network));
	let before = registered(&network);
	assert_eq!(network.chain.send(me, pallet_providers::Call::<Runtime>::drain {}), Ok(()));
	let in_use = pallet_providers::Error::<Runtime>::StillInUse;
	let leave = pallet_providers::Call::<Runtime>::leave {};
	assert_eq!(network.chain.send(me, leave), Err(in_use.into()));

	// It is asked the same, and what it leaves open is missed.
	assert_eq!((network.samples(0, SAMPLES), network.duty().due), (samples.clone(), SAMPLES));
	let [_, some @ ..] = samples.as_slice() else { panic!("it was asked nothing") };
	let partial = network.answer_to(some, &randomness);
	assert_eq!(network.chain.send(me, partial.call()), Ok(()));
	network.go_to(3);
	advance(&mut network, me);
	let (duty, account) = (network.duty(), me.to_account_id());
	assert_eq!((duty.missed, duty.silent, duty.due), (1, 0, SAMPLES));
	let health = network.chain.inspect(|| Liveness::slot_health(&account, 0, SLOT));
	assert_eq!(health.expect("it holds the slot").misses, 1);

	// It goes on to be asked, and answers for all of its stake.
	let after = registered(&network);
	assert_eq!((after.stake, after.used, after.slots), (before.stake, before.used, before.slots));
	let answer = network.answer();
	assert_eq!(network.chain.send(me, answer.call()), Ok(()));
	assert_eq!(network.duty().answered.len(), SAMPLES as usize);
	network.chain.inspect(Liveness::do_try_state).unwrap();
}
