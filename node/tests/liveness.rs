//! Samples, from the content to the account: blocks made with the runtime's wasm, in which a provider is asked for what it
//! stores and answers; and what validators make of these blocks.

mod support;

use nil_runtime::{Deals, Liveness};
use nil_slab::manifest;
use nil_types::{DealRentInfo, DutyInfo, Earnings, RentInfo, layout::BLOB_BYTES};
use pallet_liveness::{Call, Earned, Error, Event, INDEX_ONE};
use sp_keyring::Sr25519Keyring::{Alice, Ferdie};
use support::{
	Backend, deals,
	samples::{CONTENT, Network, SAMPLES, SLOT, Submission, refused},
};

#[test]
fn a_provider_answers_round_after_round() {
	for backend in Backend::ALL {
		let mut network = Network::new(backend);
		let provider = network.provider;
		network.commit(0);
		// It was signed in the first round: nothing is asked yet.
		network.go_to(1);
		assert_eq!(network.duty(), DutyInfo { waiting: 1, ..Default::default() });

		network.go_to(2);
		let round = network.round();
		assert_eq!((round.draw_from, round.ends_at), (round.began_at + 4, round.began_at + 20));
		assert_eq!((round.samples, round.prompt_blocks), (SAMPLES, 8));
		let behind = DutyInfo { behind: true, waiting: 1, ..Default::default() };
		assert_eq!(network.duty(), behind);
		assert!(network.samples(0, 100).is_empty());
		let advance = Call::advance { provider: provider.to_account_id(), steps: 1 };
		assert_eq!(network.send(Ferdie, advance.clone()), (Ok(()), 0));
		let (outcome, cost) = network.send(Ferdie, advance);
		assert_eq!(outcome, refused(Error::NothingToDo));
		assert!(cost > 0, "what changes nothing is paid for");
		// A full MDU has 32 rows, and three blobs are in two.
		let due = DutyInfo { due: SAMPLES, blobs: 34, slots: 1, ..Default::default() };
		assert_eq!(network.duty(), due);

		// What is committed in the round changes the manifest, and not what is asked.
		let samples = network.samples(0, 100);
		network.commit(1);
		assert_eq!(network.samples(0, 100), samples);
		assert_eq!(network.samples(3, 2), samples[3..5]);
		let found = manifest::points(&CONTENT.roots[..2]).unwrap()[0];
		let found = manifest::compress(&found).unwrap();
		for (sample, ordinal) in samples.iter().zip(0..SAMPLES) {
			assert_eq!((sample.ordinal, sample.deal, sample.slot), (ordinal, 0, SLOT));
			assert_eq!((sample.manifest.0, sample.first_mdu, sample.mdus), (found, 0, 2));
			assert_eq!(sample.place.is_some(), ordinal == 7);
		}

		// A wrong answer is no error. It is told, paid for, and answers nothing.
		let answer = network.answer();
		let epoch = round.epoch;
		let operator = provider.to_account_id();
		let mut wrong = answer.clone();
		wrong.y[31] ^= 1;
		let (outcome, cost) = network.send(provider, wrong.call());
		assert_eq!(outcome, Ok(()));
		assert!(cost > 0, "a wrong answer is paid for");
		// Development chains do not slash.
		let invalid =
			Event::InvalidProof { provider: operator.clone(), epoch, items: SAMPLES, slashed: 0 };
		assert_eq!(network.told(), [invalid]);
		assert_eq!(network.duty(), DutyInfo { waiting: 1, ..due.clone() });

		// Nobody answers for another.
		let (outcome, _) = network.send(Ferdie, answer.clone().call());
		assert_eq!(outcome, refused(Error::NothingDue));

		assert_eq!(network.send(provider, answer.clone().call()), (Ok(()), 0));
		let ordinals: Vec<_> = (0..SAMPLES).collect();
		let answered = Event::Answered {
			provider: operator,
			epoch,
			ordinals: ordinals.clone(),
			share: 10_000,
		};
		assert_eq!(network.told(), [answered]);
		assert_eq!(network.duty(), DutyInfo { waiting: 1, answered: ordinals, ..due });
		let (outcome, _) = network.send(provider, answer.clone().call());
		assert_eq!(outcome, refused(Error::AlreadyAnswered));

		// The round after has both commits, and its own samples.
		network.go_to(3);
		let (outcome, _) = network.send(provider, answer.clone().call());
		assert_eq!(outcome, refused(Error::WrongEpoch));
		let stale = Submission { epoch: network.round().epoch, ..answer };
		let (outcome, _) = network.send(provider, stale.clone().call());
		assert_eq!(outcome, refused(Error::Stale));
		let block = network.round().drawn.unwrap().block;
		let (outcome, _) = network.send(provider, Submission { block, ..stale }.call());
		assert_eq!(outcome, refused(Error::NotAdvanced));
		let advance = Call::advance { provider: provider.to_account_id(), steps: 64 };
		assert_eq!(network.send(provider, advance), (Ok(()), 0));
		assert!(network.samples(0, 100).iter().all(|sample| sample.mdus == 3));
		let answer = network.answer();
		assert_eq!(network.send(provider, answer.call()), (Ok(()), 0));
		let duty = network.duty();
		assert_eq!((duty.due, duty.answered.len(), duty.blobs), (SAMPLES, 8, 35));
		assert_eq!((duty.index, duty.silent, duty.missed), (INDEX_ONE, 0, 0));
		network.chain.inspect(Liveness::do_try_state).unwrap();
	}
}

#[test]
fn rent_is_paid_for_a_period_and_for_what_is_left_at_the_end() {
	for backend in Backend::ALL {
		let mut network = Network::new(backend);
		let operator = network.provider.to_account_id();
		network.commit(0);
		let price = network.chain.inspect(Deals::params).storage_price;
		// A full MDU has 32 rows, and three blobs are in two. Rounds are of 20 relay blocks.
		let rate = price * (34 * BLOB_BYTES as u128) * 20 / (1 << 30);
		let locked = deals::info(&network.chain).locked_rent;
		assert!(rate > 0 && locked > 100 * rate);

		// Two rounds of the chain's seventh period are answered, and none besides.
		network.go_to(1);
		network.serve();
		network.serve();
		network.go_to_settlement(6);
		let none = Earnings::default();
		let earned = |paid: u128| Earnings { paid: paid as u64, burned: 0 };
		let rent = RentInfo {
			deal: 0,
			slot: SLOT,
			rate: rate as u64,
			open: none,
			closed: earned(2 * rate),
			ended: false,
		};
		assert_eq!(network.rents(), [rent]);
		let told = network.deal_rent();
		assert_eq!((told.left, told.earned, told.until), (locked, 2 * rate, None));

		// What proves nothing is paid nothing.
		let settlement = network.settlement();
		let mut wrong = settlement.clone();
		wrong.y[31] ^= 1;
		assert_eq!(network.settle(wrong), 0);
		let (items, slashed) = (2, 0);
		let invalid =
			Event::InvalidSettlement { provider: operator.clone(), period: 6, items, slashed };
		assert_eq!(network.told(), [invalid]);
		assert_eq!(network.rents(), [rent]);

		assert_eq!(network.settle(settlement.clone()), 2 * rate);
		let settled = |period: u32, paid: u128| Event::Settled {
			provider: operator.clone(),
			deal: 0,
			slot: SLOT,
			period,
			owed: Earned { paid: paid as u64, burned: 0 },
		};
		assert_eq!(network.told(), [settled(6, 2 * rate)]);
		assert_eq!(deals::info(&network.chain).locked_rent, locked - 2 * rate);
		assert_eq!(network.rents(), [RentInfo { closed: none, ..rent }]);
		let (outcome, _) = network.send(network.provider, settlement.call());
		assert_eq!(outcome, refused(Error::NothingOwed));

		// One more round, and the owner cancels in the one after.
		network.serve();
		let next = network.round().round + 1;
		network.go_to(next);
		let info = deals::info(&network.chain);
		let held = network.held_by_owner();
		let cancel = pallet_deals::Call::cancel_deal { deal: 0 };
		let cancel = network.chain.sign(Alice, network.chain.nonce(Alice), cancel);
		let built = network.chain.build_all_good(vec![cancel]);
		network.check(&built);
		let refund = info.free_escrow + info.locked_rent + info.deposit - rate;
		assert_eq!(network.held_by_owner(), held - refund);
		let owed = network.deal_rent();
		assert_eq!((owed.left, owed.earned, owed.reserve), (rate, rate, 0));
		let ended = RentInfo { rate: 0, open: earned(rate), closed: none, ended: true, ..rent };
		assert_eq!(network.rents().last(), Some(&ended));
		network.chain.inspect(Deals::do_try_state).unwrap();

		network.go_to_settlement(7);
		let ended = RentInfo { open: none, closed: earned(rate), ..ended };
		assert_eq!(network.rents().last(), Some(&ended));
		let settlement = network.settlement();
		assert_eq!(network.settle(settlement), rate);
		assert_eq!(network.told(), [settled(7, rate)]);
		assert_eq!(network.held_by_owner(), held - refund - rate);
		assert_eq!(network.deal_rent(), DealRentInfo::default());
		network.chain.inspect(Deals::do_try_state).unwrap();
		network.chain.inspect(Liveness::do_try_state).unwrap();
	}
}
