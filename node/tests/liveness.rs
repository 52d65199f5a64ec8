//! Samples, from the content to the account: blocks made with the runtime's wasm, in which a provider is asked for what it
//! stores and answers with commitments, paths and openings that are real; and what validators make of these blocks.

mod support;

use codec::Encode;
use nil_kzg::{Blob, Engines, MsmEngine};
use nil_runtime::{Balance, Balances, Deals, Liveness, Runtime, RuntimeEvent, System};
use nil_slab::{
	Answer, AnswerBuilder, AnswerPart, CheckedWitness, EncodedMdu, MduEncoder, manifest,
};
use nil_types::{
	ContentShape, DealRentInfo, DrawnInfo, DutyInfo, Earnings, Hash32, Profile, RentInfo,
	RoundInfo, SampleInfo, SettleSampleInfo, SettlementInfo,
	challenge::{settle_gamma, settle_point},
	layout::{BLOB_BYTES, BLOB_PAYLOAD, MDU_PAYLOAD},
};
use pallet_liveness::{Call, Earned, Error, Event, INDEX_ONE, Item, SettleBlob, SettleItem};
use sp_keyring::Sr25519Keyring::{self, *};
use sp_runtime::DispatchResult;
use std::sync::LazyLock;
use support::{Backend, Built, TestChain, deals};

/// The slot whose provider answers: parity.
const SLOT: u8 = 2;
/// Payload bytes of two commits: two MDUs, and one.
const SIZES: [usize; 2] = [MDU_PAYLOAD + 3 * BLOB_PAYLOAD - 5, 100];
/// Samples that the development chain asks for in a round.
const SAMPLES: u32 = 8;

/// Everything that deal 0 holds after both commits.
struct Content {
	mdus: Vec<(EncodedMdu, CheckedWitness)>,
	roots: Vec<Hash32>,
}

/// How deal 0 is striped, on the chain of [`deals::placed`].
fn profile() -> Profile {
	Profile { k: 2, m: 1, ..Profile::DEFAULT }
}

static CONTENT: LazyLock<Content> = LazyLock::new(|| {
	let encoder = MduEncoder::new(profile(), Engines::pippenger()).unwrap();
	let bytes = |size: usize| (0..size).map(|i| (i * 31 / 7) as u8).collect::<Vec<_>>();
	let mdus: Vec<_> = SIZES
		.iter()
		.flat_map(|size| bytes(*size).chunks(MDU_PAYLOAD).map(<[u8]>::to_vec).collect::<Vec<_>>())
		.map(|payload| {
			let encoded = encoder.encode(&payload).unwrap();
			let witness = encoded.witness.check(&profile()).unwrap();
			(encoded, witness)
		})
		.collect();
	let roots = mdus.iter().map(|(mdu, _)| mdu.root).collect();
	Content { mdus, roots }
});

/// A chain, the provider that answers, and how validators check its blocks.
struct Network {
	chain: TestChain,
	provider: Sr25519Keyring,
	backend: Backend,
	artifact: Vec<u8>,
}

impl Network {
	/// With a deal that has its slots, and no content.
	fn new(backend: Backend) -> Self {
		let (chain, placed) = deals::placed(backend);
		assert_eq!(placed, profile());
		let provider = deals::holder(&chain, SLOT);
		Self { chain, provider, backend, artifact: support::artifact(backend) }
	}

	fn account(&self) -> [u8; 32] {
		self.provider.to_raw_public()
	}

	fn round(&self) -> RoundInfo {
		self.chain.query("NilApi_round", &())
	}

	fn duty(&self) -> DutyInfo {
		self.chain.query("NilApi_duty", &self.account())
	}

	fn samples(&self, from: u32, limit: u32) -> Vec<SampleInfo> {
		self.chain.query("NilApi_samples", &(self.account(), from, limit))
	}

	fn balance(&self, account: Sr25519Keyring) -> Balance {
		self.chain.inspect(|| Balances::free_balance(account.to_account_id()))
	}

	/// The next block validates, as it is built.
	fn check(&self, built: &Built) {
		let result = support::validate(self.backend, &self.artifact, built).unwrap();
		let [block] = built.pov.blocks() else { panic!("one block was built") };
		assert_eq!(result.head_data.0, block.header.encode());
	}

	/// Commits the content's commit `index`, and builds on.
	fn commit(&mut self, index: usize) {
		let size = SIZES[index] as u64;
		let first = SIZES[..index].iter().map(|size| size.div_ceil(MDU_PAYLOAD)).sum::<usize>();
		let count = ContentShape::new(size).mdus() as usize;
		let roots = CONTENT.roots[first..first + count].to_vec();
		let nonce = self.chain.nonce(Alice);
		let commit = deals::commit_roots(&self.chain, profile(), index as u32, nonce, roots, size);
		self.chain.build_all_good(vec![commit]);
		assert_eq!(deals::info(&self.chain).generation, 1 + index as u32);
	}

	/// Makes blocks until a round is drawn.
	fn go_to(&mut self, round: u32) {
		for _ in 0..100 {
			let now = self.round();
			if now.round == round && now.drawn.is_some() {
				return;
			}
			self.chain.build_all_good(Vec::new());
		}
		panic!("no round {round}: {:?}", self.round());
	}

	/// Makes a block with this transaction of `signer`, which validates. What came of it, and what it cost.
	fn send(&mut self, signer: Sr25519Keyring, call: Call<Runtime>) -> (DispatchResult, Balance) {
		let before = self.balance(signer);
		let transaction = self.chain.sign(signer, self.chain.nonce(signer), call);
		let built = self.chain.build(vec![transaction]);
		self.check(&built);
		let outcome = built.outcomes[0].expect("the transaction is valid");
		(outcome, before - self.balance(signer))
	}

	/// What the newest block tells of answers.
	fn told(&self) -> Vec<Event<Runtime>> {
		self.chain.inspect(|| {
			System::read_events_no_consensus()
				.filter_map(|record| match record.event {
					RuntimeEvent::Liveness(
						event @ (Event::Answered { .. }
						| Event::InvalidProof { .. }
						| Event::Settled { .. }
						| Event::InvalidSettlement { .. }),
					) => Some(event),
					_ => None,
				})
				.collect()
		})
	}

	/// Makes blocks until a round is drawn of which nothing was asked for before, and has the provider answer all of it.
	fn serve(&mut self) {
		let before = self.round().round;
		self.go_to(before + 1);
		if self.duty().behind {
			let call = Call::advance { provider: self.provider.to_account_id(), steps: 64 };
			assert_eq!(self.send(self.provider, call).0, Ok(()));
		}
		let answer = self.answer();
		assert_eq!(self.send(self.provider, answer.call()), (Ok(()), 0));
	}

	/// Makes blocks until a period can be settled.
	fn go_to_settlement(&mut self, period: u32) {
		for _ in 0..400 {
			let info: Option<SettlementInfo> = self.chain.query("NilApi_settlement", &());
			let is_it = info.is_some_and(|info| info.period == period);
			if is_it && self.round().drawn.is_some() {
				if self.duty().behind {
					let provider = self.provider.to_account_id();
					let call = Call::advance { provider, steps: 64 };
					assert_eq!(self.send(self.provider, call).0, Ok(()));
				}
				return;
			}
			self.chain.build_all_good(Vec::new());
		}
		panic!("period {period} cannot be settled");
	}

	/// The provider's settlement of its slot, as the runtime API tells what it must prove.
	fn settlement(&self) -> Settlement {
		let info: Option<SettlementInfo> = self.chain.query("NilApi_settlement", &());
		let SettlementInfo { period, randomness: r, samples, .. } = info.expect("one is over");
		let (id, slots) = (self.account(), vec![(0u64, SLOT)]);
		let asked: Vec<SettleSampleInfo> = self.chain.query("NilApi_settle_samples", &(id, slots));
		assert_eq!(asked.len(), samples as usize);
		let engine = Engines::pippenger();
		let mut builder = AnswerBuilder::new(&r, &id);
		for asked in &asked {
			let sample = asked.blob.expect("the slot signed everything");
			let factor = settle_gamma(&r, &id, (0, SLOT), asked.sample);
			builder.add_with(&part(engine.as_ref(), &sample), &factor).unwrap();
		}
		let z = settle_point(&r, &id);
		let Answer { items, y, pi } = builder.finish_at(engine.as_ref(), &z).unwrap();
		let items = items
			.into_iter()
			.zip(asked)
			.map(|(item, asked)| SettleItem {
				deal: 0,
				slot: SLOT,
				commits: asked.commits.try_into().unwrap(),
				blob: Some(SettleBlob {
					commitment: item.commitment,
					path: item.path.try_into().unwrap(),
					manifest_opening: item.manifest_opening,
				}),
			})
			.collect();
		let block = self.round().drawn.expect("the round is drawn").block;
		Settlement { period, block, items, y, pi }
	}

	/// Submits a settlement, in a block that validates. What the provider's balance grew by, but for the fee.
	fn settle(&mut self, settlement: Settlement) -> Balance {
		let before = self.balance(self.provider);
		let nonce = self.chain.nonce(self.provider);
		let transaction = self.chain.sign(self.provider, nonce, settlement.call());
		let built = self.chain.build(vec![transaction]);
		self.check(&built);
		assert_eq!(built.outcomes[0].expect("the transaction is valid"), Ok(()));
		let fee = self.chain.inspect(|| {
			System::read_events_no_consensus()
				.filter_map(|record| match record.event {
					RuntimeEvent::TransactionPayment(
						pallet_transaction_payment::Event::TransactionFeePaid {
							actual_fee, ..
						},
					) => Some(actual_fee),
					_ => None,
				})
				.sum::<Balance>()
		});
		assert!(fee > 0, "settlements are paid for");
		self.balance(self.provider) + fee - before
	}

	/// What the slot earned and was not paid.
	fn rents(&self) -> Vec<RentInfo> {
		let mut all: Vec<RentInfo> =
			self.chain.query("NilApi_rents", &(self.account(), 0u32, 100u32));
		let none: Option<(u64, u8)> = None;
		all.extend(
			self.chain.query::<Vec<RentInfo>>("NilApi_endings", &(self.account(), none, 100u32)),
		);
		all
	}

	fn deal_rent(&self) -> DealRentInfo {
		self.chain.query("NilApi_deal_rent", &0u64)
	}

	/// What the deal's owner has on hold.
	fn held_by_owner(&self) -> Balance {
		let alice = Alice.to_account_id();
		self.chain.inspect(|| frame_system::Account::<Runtime>::get(alice).data.reserved)
	}

	/// The provider's answer to everything that it is asked, as the runtime API tells it.
	fn answer(&self) -> Submission {
		let round = self.round();
		let DrawnInfo { randomness, block, .. } = round.drawn.expect("the round is drawn");
		let engine = Engines::pippenger();
		let mut builder = AnswerBuilder::new(&randomness, &self.account());
		let samples = self.samples(0, u32::MAX);
		for sample in &samples {
			builder.add(&part(engine.as_ref(), sample)).unwrap();
		}
		let Answer { items, y, pi } = builder.finish(engine.as_ref()).unwrap();
		let items = items
			.into_iter()
			.zip(&samples)
			.map(|(item, sample)| Item {
				ordinal: item.ordinal,
				place: sample.place,
				mdu: item.mdu,
				live: item.live,
				leaf: item.leaf,
				commitment: item.commitment,
				path: item.path.try_into().unwrap(),
				manifest_opening: item.manifest_opening,
			})
			.collect();
		Submission { epoch: round.epoch, block, items, y, pi }
	}
}

/// What proves a sample.
fn part(engine: &dyn MsmEngine, sample: &SampleInfo) -> AnswerPart<'static> {
	let content: &'static Content = &CONTENT;
	let covered = sample.first_mdu as usize..;
	let roots = &content.roots[covered][..sample.mdus as usize];
	let (mdu, witness) = &content.mdus[sample.mdu as usize];
	let row = usize::from(sample.leaf - sample.profile.leaf(sample.slot, 0));
	let shard = &mdu.shards[usize::from(sample.slot)];
	let manifest_opening = manifest::open(engine, roots, sample.mdu - sample.first_mdu).unwrap();
	AnswerPart {
		ordinal: sample.ordinal,
		mdu: sample.mdu,
		manifest_opening,
		witness,
		leaf: sample.leaf,
		blob: Blob::parse(&shard[row * BLOB_BYTES..][..BLOB_BYTES]).unwrap(),
	}
}

/// An answer, before it is a call.
#[derive(Clone)]
struct Submission {
	epoch: u32,
	block: Hash32,
	items: Vec<Item>,
	y: [u8; 32],
	pi: [u8; 48],
}

impl Submission {
	fn call(self) -> Call<Runtime> {
		let Self { epoch, block, items, y, pi } = self;
		Call::submit_proofs { epoch, block, items: items.try_into().unwrap(), y, pi }
	}
}

/// A settlement, before it is a call.
#[derive(Clone)]
struct Settlement {
	period: u32,
	block: Hash32,
	items: Vec<SettleItem>,
	y: [u8; 32],
	pi: [u8; 48],
}

impl Settlement {
	fn call(self) -> Call<Runtime> {
		let Self { period, block, items, y, pi } = self;
		Call::settle { period, block, items: items.try_into().unwrap(), y, pi }
	}
}

fn refused(error: Error<Runtime>) -> DispatchResult {
	Err(error.into())
}

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
