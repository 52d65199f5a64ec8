//! A network in which a provider is asked for what it stores and answers with commitments, paths and openings that are real.

use super::{Backend, Built, TestChain, deals};
use codec::Encode;
use nil_kzg::{Blob, Engines, MsmEngine};
use nil_runtime::{Balance, Balances, Runtime, RuntimeEvent, System};
use nil_slab::{
	Answer, AnswerBuilder, AnswerPart, CheckedWitness, EncodedMdu, MduEncoder, manifest,
};
use nil_types::{
	ContentShape, DealRentInfo, DutyInfo, Hash32, Profile, RentInfo, RoundInfo, SampleInfo,
	SettleSampleInfo, SettlementInfo,
	challenge::{settle_gamma, settle_point},
	layout::{BLOB_BYTES, BLOB_PAYLOAD, MDU_PAYLOAD},
};
use pallet_liveness::{Call, Error, Event, Item, SettleBlob, SettleItem};
use sp_keyring::Sr25519Keyring::{self, Alice};
use sp_runtime::DispatchResult;
use std::sync::LazyLock;

/// The slot whose provider answers: parity.
pub const SLOT: u8 = 2;
/// Payload bytes of two commits: two MDUs, and one.
pub const SIZES: [usize; 2] = [MDU_PAYLOAD + 3 * BLOB_PAYLOAD - 5, 100];
/// Samples that the development chain asks for in a round.
pub const SAMPLES: u32 = 8;

/// Everything that deal 0 holds after both commits.
pub struct Content {
	pub mdus: Vec<(EncodedMdu, CheckedWitness)>,
	pub roots: Vec<Hash32>,
}

/// How deal 0 is striped, on the chain of [`deals::placed`].
pub fn profile() -> Profile {
	Profile { k: 2, m: 1, ..Profile::DEFAULT }
}

pub static CONTENT: LazyLock<Content> = LazyLock::new(|| {
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
pub struct Network {
	pub chain: TestChain,
	pub provider: Sr25519Keyring,
	backend: Backend,
	artifact: Vec<u8>,
}

impl Network {
	/// With a deal that has its slots, and no content.
	pub fn new(backend: Backend) -> Self {
		let (chain, placed) = deals::placed(backend);
		assert_eq!(placed, profile());
		let provider = deals::holder(&chain, SLOT);
		Self { chain, provider, backend, artifact: super::artifact(backend) }
	}

	pub fn account(&self) -> [u8; 32] {
		self.provider.to_raw_public()
	}

	pub fn round(&self) -> RoundInfo {
		self.chain.query("NilApi_round", &())
	}

	pub fn duty(&self) -> DutyInfo {
		self.chain.query("NilApi_duty", &self.account())
	}

	pub fn samples(&self, from: u32, limit: u32) -> Vec<SampleInfo> {
		self.chain.query("NilApi_samples", &(self.account(), from, limit))
	}

	pub fn balance(&self, account: Sr25519Keyring) -> Balance {
		self.chain.inspect(|| Balances::free_balance(account.to_account_id()))
	}

	/// The next block validates, as it is built.
	pub fn check(&self, built: &Built) {
		let result = super::validate(self.backend, &self.artifact, built).unwrap();
		let [block] = built.pov.blocks() else { panic!("one block was built") };
		assert_eq!(result.head_data.0, block.header.encode());
	}

	/// Commits the content's commit `index`, and builds on.
	pub fn commit(&mut self, index: usize) {
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
	pub fn go_to(&mut self, round: u32) {
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
	pub fn send(
		&mut self,
		signer: Sr25519Keyring,
		call: Call<Runtime>,
	) -> (DispatchResult, Balance) {
		let before = self.balance(signer);
		let transaction = self.chain.sign(signer, self.chain.nonce(signer), call);
		let built = self.chain.build(vec![transaction]);
		self.check(&built);
		let outcome = built.outcomes[0].expect("the transaction is valid");
		(outcome, before - self.balance(signer))
	}

	/// What the newest block tells of answers.
	pub fn told(&self) -> Vec<Event<Runtime>> {
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
	pub fn serve(&mut self) {
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
	pub fn go_to_settlement(&mut self, period: u32) {
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
	pub fn settlement(&self) -> Settlement {
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
	pub fn settle(&mut self, settlement: Settlement) -> Balance {
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
	pub fn rents(&self) -> Vec<RentInfo> {
		let mut all: Vec<RentInfo> =
			self.chain.query("NilApi_rents", &(self.account(), 0u32, 100u32));
		let none: Option<(u64, u8)> = None;
		all.extend(
			self.chain.query::<Vec<RentInfo>>("NilApi_endings", &(self.account(), none, 100u32)),
		);
		all
	}

	pub fn deal_rent(&self) -> DealRentInfo {
		self.chain.query("NilApi_deal_rent", &0u64)
	}

	/// What the deal's owner has on hold.
	pub fn held_by_owner(&self) -> Balance {
		let alice = Alice.to_account_id();
		self.chain.inspect(|| frame_system::Account::<Runtime>::get(alice).data.reserved)
	}

	/// The provider's answer to everything that it is asked, as the runtime API tells it.
	pub fn answer(&self) -> Submission {
		let drawn = self.round().drawn.expect("the round is drawn");
		self.answer_to(&self.samples(0, u32::MAX), &drawn.randomness)
	}

	/// Its answer to some of it, at the point that follows from this randomness.
	pub fn answer_to(&self, samples: &[SampleInfo], randomness: &Hash32) -> Submission {
		let round = self.round();
		let block = round.drawn.expect("the round is drawn").block;
		let engine = Engines::pippenger();
		let mut builder = AnswerBuilder::new(randomness, &self.account());
		for sample in samples {
			builder.add(&part(engine.as_ref(), sample)).unwrap();
		}
		let Answer { items, y, pi } = builder.finish(engine.as_ref()).unwrap();
		let items = items
			.into_iter()
			.zip(samples)
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
pub struct Submission {
	pub epoch: u32,
	pub block: Hash32,
	pub items: Vec<Item>,
	pub y: [u8; 32],
	pub pi: [u8; 48],
}

impl Submission {
	pub fn call(self) -> Call<Runtime> {
		let Self { epoch, block, items, y, pi } = self;
		Call::submit_proofs { epoch, block, items: items.try_into().unwrap(), y, pi }
	}
}

/// A settlement, before it is a call.
#[derive(Clone)]
pub struct Settlement {
	pub period: u32,
	pub block: Hash32,
	pub items: Vec<SettleItem>,
	pub y: [u8; 32],
	pub pi: [u8; 48],
}

impl Settlement {
	pub fn call(self) -> Call<Runtime> {
		let Self { period, block, items, y, pi } = self;
		Call::settle { period, block, items: items.try_into().unwrap(), y, pi }
	}
}

pub fn refused(error: Error<Runtime>) -> DispatchResult {
	Err(error.into())
}
