//! A chain that tests set: a best and a finalised state of each thing, and an outage.

mod candidate;
mod liveness;

use codec::DecodeAll;
use futures::{StreamExt, stream::BoxStream};
use nil_client::{
	account::AccountId,
	chain::{At, BlockRef, Call, ChainError, Included, Noter, Transaction},
	keys::Signer,
	wire::Receipt,
};
use nil_provider::chain::{Asked, ChainView};
use nil_types::{
	Capability, CommitInfo, DealId, DealInfo, DealStatus, DutyInfo, Generation, Hash32, Hint,
	Profile, ProviderInfo, ProviderStatus, RentInfo, RepairInfo, RoundInfo, SampleInfo,
	SettleSampleInfo, SettlementInfo, SlotIndex, SlotInfo, SlotState, Terms,
};
use std::{
	collections::{BTreeMap, HashMap},
	ops::Range,
	sync::{
		Arc, Mutex,
		atomic::{AtomicBool, AtomicUsize, Ordering},
	},
};
use tokio::sync::{Barrier, watch};

pub const GENESIS: Hash32 = [0x11; 32];
pub const DEAL: DealId = 7;
pub const NOW: u32 = 1_000;

/// What one block says.
#[derive(Clone, Debug)]
pub struct State {
	pub number: u32,
	pub terms: Terms,
	pub deal: Option<DealInfo<AccountId>>,
	pub slots: BTreeMap<SlotIndex, AccountId>,
	pub commits: BTreeMap<Generation, CommitInfo>,
	pub provider: Option<ProviderInfo<AccountId>>,
	/// Where slots are reached.
	pub addresses: BTreeMap<SlotIndex, String>,
	/// The round in force.
	pub round: RoundInfo,
	/// What the provider owes in it.
	pub duty: DutyInfo,
	/// What it is asked.
	pub samples: Vec<SampleInfo>,
	/// The period that can be settled.
	pub settlement: Option<SettlementInfo>,
	/// What its slots earned.
	pub rents: Vec<RentInfo>,
	/// What those are owed that ended.
	pub endings: Vec<RentInfo>,
	/// What settles them.
	pub settle_samples: Vec<SettleSampleInfo>,
	/// The repair of the slot that the provider is to rebuild, if there is one.
	pub repair: Option<RepairInfo<AccountId>>,
	/// What it proves for each generation.
	pub repair_samples: BTreeMap<Generation, Vec<SampleInfo>>,
}

/// An answer that the chain took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
	pub round: u32,
	pub block: Hash32,
	pub ordinals: Vec<u32>,
}

#[derive(Debug)]
pub struct FakeChain {
	best: Mutex<State>,
	finalised: Mutex<State>,
	/// Blocks by their hash.
	named: Mutex<HashMap<Hash32, State>>,
	down: Mutex<bool>,
	ticks: watch::Sender<u32>,
	/// When set, who asks for the provider waits here for others who do.
	pub gate: Mutex<Option<Arc<Barrier>>>,
	/// Reads of the best block that were refused because the node was away.
	pub refused: AtomicUsize,
	/// Receipts that were added late, with their generations.
	pub added: Mutex<Vec<(Generation, Receipt)>>,
	/// Transactions that are refused from now on.
	pub refuse: AtomicUsize,
	/// Answers that were taken, all of which verified.
	pub taken: Mutex<Vec<Taken>>,
	/// Ordinals that were waived, call by call.
	pub waived: Mutex<Vec<Vec<u32>>>,
	/// Whether credits are gone when they are spent.
	pub broke: AtomicBool,
	/// Slots that were settled, call by call.
	pub settled: Mutex<Vec<Vec<SlotIndex>>>,
	/// Steps by which the provider was advanced, call by call.
	pub advanced: Mutex<Vec<u32>>,
	/// What ended candidacies: the generation that was proved, or `None` for those that were declined.
	pub repaired: Mutex<Vec<Option<Generation>>>,
	/// Proofs that the chain takes for wrong from now on.
	pub doubts: AtomicUsize,
	/// The error of every `complete_repair` from now on.
	pub refusal: Mutex<Option<&'static str>>,
	/// Calls of `complete_repair`.
	pub repairs_sent: AtomicUsize,
	/// Transactions that were written down and sent for the first time.
	pub noted: AtomicUsize,
	/// Whether those get no further than the pool.
	pub hold: AtomicBool,
	/// Whether nobody is told what became of those.
	pub unseen: AtomicBool,
	/// Whether nodes have forgotten what happened in blocks with those.
	pub pruned: AtomicBool,
	/// What those did that are in a block, by their bytes.
	included: Mutex<HashMap<String, Included>>,
	/// Whether the next one expires with its round, and is signed again.
	pub lapses: AtomicBool,
	/// From which generations on commits were asked for.
	pub commits_asked: Mutex<Vec<Generation>>,
	/// The block that draws the round in a reorganisation between the next answer's making and its inclusion.
	pub redraw: Mutex<Option<Hash32>>,
}

impl FakeChain {
	/// A placed deal of `owner`, with all slots at `operator` but the last, and the provider registered.
	pub fn new(
		owner: AccountId,
		operator: AccountId,
		service_key: Hash32,
		profile: Profile,
	) -> Self {
		let deal = DealInfo {
			id: DEAL,
			owner,
			profile,
			hint: Hint::Cold,
			status: DealStatus::Active,
			generation: 0,
			total_mdus: 0,
			size_bytes: 0,
			stored_bytes: 0,
			manifests: Vec::new(),
			created_at: 1,
			expires_at: NOW + 10_000,
			free_escrow: u128::MAX,
			locked_rent: 0,
			deposit: 0,
			max_monthly_spend: 0,
			uploaders: Vec::new(),
		};
		let stranger = AccountId([0xee; 32]);
		let last = profile.n() - 1;
		let slots =
			(0..profile.n()).map(|slot| (slot, if slot == last { stranger } else { operator }));
		let provider = ProviderInfo {
			operator,
			service_key,
			multiaddrs: Vec::new(),
			capability: Capability::General,
			domain: Vec::new(),
			attested: false,
			capacity: 1 << 40,
			used: 0,
			price_floor: 0,
			stake: 1 << 60,
			slots: 1,
			status: ProviderStatus::Active,
			since: 1,
		};
		let terms = Terms {
			relay_block: NOW,
			storage_price: 1 << 30,
			creation_fee: 0,
			commit_deposit: 5,
			slot_deposit: 0,
			uploader_deposit: 0,
			min_duration: 1,
			max_duration: 1_000_000,
			receipt_grace: 100,
			min_stake: 100,
			stake_per_gib: 1 << 30,
		};
		let state = State {
			number: 10,
			terms,
			deal: Some(deal),
			slots: slots.collect(),
			commits: BTreeMap::new(),
			provider: Some(provider),
			addresses: BTreeMap::new(),
			round: RoundInfo {
				round: 0,
				epoch: 0,
				began_at: 0,
				draw_from: 0,
				drawn: None,
				ends_at: NOW + 600,
				prompt_blocks: 200,
				samples: 22,
				max_items: 22,
				max_steps: 8,
			},
			duty: DutyInfo::default(),
			samples: Vec::new(),
			settlement: None,
			rents: Vec::new(),
			endings: Vec::new(),
			settle_samples: Vec::new(),
			repair: None,
			repair_samples: BTreeMap::new(),
		};
		Self {
			best: Mutex::new(state.clone()),
			finalised: Mutex::new(state),
			named: Mutex::default(),
			down: Mutex::new(false),
			ticks: watch::Sender::new(0),
			gate: Mutex::default(),
			refused: AtomicUsize::new(0),
			added: Mutex::default(),
			refuse: AtomicUsize::new(0),
			taken: Mutex::default(),
			waived: Mutex::default(),
			broke: AtomicBool::new(false),
			settled: Mutex::default(),
			advanced: Mutex::default(),
			repaired: Mutex::default(),
			doubts: AtomicUsize::new(0),
			refusal: Mutex::default(),
			repairs_sent: AtomicUsize::new(0),
			noted: AtomicUsize::new(0),
			hold: AtomicBool::new(false),
			unseen: AtomicBool::new(false),
			pruned: AtomicBool::new(false),
			included: Mutex::default(),
			lapses: AtomicBool::new(false),
			commits_asked: Mutex::default(),
			redraw: Mutex::default(),
		}
	}

	/// Makes a best block.
	pub fn best(&self, change: impl FnOnce(&mut State)) {
		let mut state = self.best.lock().unwrap();
		state.number += 1;
		change(&mut state);
		self.ticks.send_modify(|tick| *tick += 1);
	}

	/// Makes a block that is best and finalised.
	pub fn finalised(&self, change: impl FnOnce(&mut State)) {
		self.best(change);
		*self.finalised.lock().unwrap() = self.best.lock().unwrap().clone();
		self.ticks.send_modify(|tick| *tick += 1);
	}

	/// Drops the best blocks after the finalised one.
	pub fn reorganise(&self) {
		let mut best = self.finalised.lock().unwrap().clone();
		best.number += 1;
		*self.best.lock().unwrap() = best;
		self.ticks.send_modify(|tick| *tick += 1);
	}

	/// As if the node had been set back: the finalised block has this number and `change`.
	pub fn set_back(&self, number: u32, change: impl FnOnce(&mut State)) {
		self.finalised(|state| {
			change(state);
			state.number = number;
		});
	}

	/// Whether the node is away.
	pub fn set_down(&self, down: bool) {
		*self.down.lock().unwrap() = down;
		self.ticks.send_modify(|tick| *tick += 1);
	}

	/// The state that `at` means. A block that was named once never changes, whatever comes after it.
	fn state(&self, at: At) -> Result<State, ChainError> {
		if *self.down.lock().unwrap() {
			if at == At::Best {
				self.refused.fetch_add(1, Ordering::SeqCst);
			}
			return Err(ChainError::Connect { url: "ws://fake".into(), reason: "away".into() });
		}
		Ok(match at {
			At::Best => self.best.lock().unwrap().clone(),
			At::Finalised => self.finalised.lock().unwrap().clone(),
			At::Block(hash) => self.named.lock().unwrap()[&hash].clone(),
		})
	}

	/// The name of a block with this state.
	fn name(&self, state: State) -> BlockRef {
		let mut blocks = self.named.lock().unwrap();
		let mut hash = [0; 32];
		hash[..8].copy_from_slice(&(blocks.len() as u64).to_le_bytes());
		let number = state.number;
		blocks.insert(hash, state);
		BlockRef { number, hash }
	}

	/// Whether the chain takes a right proof for wrong.
	fn doubts_it(&self) -> bool {
		let left = self
			.doubts
			.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
		left.is_ok()
	}

	/// Executes a transaction that was noted.
	fn include(&self, transaction: &Transaction) -> Result<Included, ChainError> {
		let included = self.execute(&hex::decode(&transaction.encoded).unwrap())?;
		self.included.lock().unwrap().insert(transaction.encoded.clone(), included.clone());
		Ok(included)
	}

	/// What a transaction did that is in a block.
	fn included(&self, transaction: &Transaction) -> Option<Result<Included, ChainError>> {
		let included = self.included.lock().unwrap().get(&transaction.encoded).cloned()?;
		let pruned = self.pruned.load(Ordering::SeqCst);
		Some(if pruned {
			Err(ChainError::StateGone { block: included.block })
		} else {
			Ok(included)
		})
	}

	fn ask<T: Send + 'static>(&self, at: At, answer: impl FnOnce(&State) -> T) -> Asked<'_, T> {
		let answer = self.state(at).map(|state| answer(&state));
		Box::pin(async { answer })
	}
}

impl ChainView for FakeChain {
	fn genesis(&self) -> Hash32 {
		GENESIS
	}

	fn head(&self, at: At) -> Asked<'_, BlockRef> {
		let named = self.state(at).map(|state| self.name(state));
		Box::pin(async { named })
	}

	fn terms(&self, at: At) -> Asked<'_, Terms> {
		self.ask(at, |state| state.terms.clone())
	}

	fn deal(&self, at: At, deal: DealId) -> Asked<'_, Option<DealInfo<AccountId>>> {
		self.ask(at, |state| state.deal.clone().filter(|info| info.id == deal))
	}

	/// Last slots first: whoever takes a place in the list for a slot is found out.
	fn slots(&self, at: At, _: DealId) -> Asked<'_, Vec<SlotInfo<AccountId>>> {
		self.ask(at, |state| {
			let slots = state.slots.iter().rev();
			slots
				.map(|(slot, provider)| SlotInfo {
					slot: *slot,
					state: match &state.repair {
						Some(repair) if repair.slot == *slot => SlotState::Repairing {
							provider: repair.provider,
							candidate: repair.candidate.unwrap(),
							since: repair.since,
							target_gen: 0,
						},
						_ => SlotState::Active { provider: *provider },
					},
					service_key: None,
					multiaddrs: state
						.addresses
						.get(slot)
						.map(|a| a.clone().into_bytes())
						.into_iter()
						.collect(),
				})
				.collect()
		})
	}

	fn commits(
		&self,
		at: At,
		_: DealId,
		from: Generation,
	) -> Asked<'_, Vec<(Generation, CommitInfo)>> {
		self.commits_asked.lock().unwrap().push(from);
		self.ask(at, move |state| {
			state.commits.range(from..).map(|(key, commit)| (*key, commit.clone())).collect()
		})
	}

	fn provider(&self, at: At, operator: AccountId) -> Asked<'_, Option<ProviderInfo<AccountId>>> {
		let answer =
			self.ask(at, move |state| state.provider.clone().filter(|i| i.operator == operator));
		let gate = self.gate.lock().unwrap().clone();
		Box::pin(async move {
			if let Some(gate) = gate {
				gate.wait().await;
			}
			answer.await
		})
	}

	fn slots_of(&self, at: At, operator: AccountId) -> Asked<'_, Vec<(DealId, SlotIndex)>> {
		self.ask(at, |state| {
			let slots = state.slots.iter().filter(|(_, provider)| **provider == operator);
			let rebuilt = state.repair.iter().filter(|repair| repair.candidate == Some(operator));
			let slots = slots.map(|(slot, _)| *slot).chain(rebuilt.map(|repair| repair.slot));
			slots.map(|slot| (DEAL, slot)).collect()
		})
	}

	fn repairs(&self, at: At, _: DealId) -> Asked<'_, Vec<RepairInfo<AccountId>>> {
		self.ask(at, |state| state.repair.clone().into_iter().collect())
	}

	fn candidacies(
		&self,
		at: At,
		operator: AccountId,
	) -> Asked<'_, Vec<(DealId, RepairInfo<AccountId>)>> {
		self.ask(at, move |state| {
			let mine = state.repair.clone().filter(|repair| repair.candidate == Some(operator));
			mine.map(|repair| (DEAL, repair)).into_iter().collect()
		})
	}

	fn repair_samples(
		&self,
		at: At,
		_: DealId,
		_: SlotIndex,
		generation: Generation,
	) -> Asked<'_, Vec<SampleInfo>> {
		self.ask(at, move |state| {
			state.repair_samples.get(&generation).cloned().unwrap_or_default()
		})
	}

	fn round(&self, at: At) -> Asked<'_, RoundInfo> {
		self.ask(at, |state| state.round)
	}

	/// Takes `add_receipt` of deal [`DEAL`], in a block that is final at once.
	fn submit<'a>(&'a self, call: &'a Call, signer: &'a Signer) -> Asked<'a, BlockRef> {
		if call.pallet() == "Liveness" {
			let outcome = self.execute(call.bytes()).map(|included| included.block);
			return Box::pin(async { outcome });
		}
		if call.pallet() == "Mode2" {
			let outcome = self.candidate_says(call.bytes());
			return Box::pin(async { outcome });
		}
		let [42, 2, arguments @ ..] = call.bytes() else { panic!("another call: {call:?}") };
		let (deal, generation, receipt) =
			<(DealId, Generation, Receipt)>::decode_all(&mut &*arguments).unwrap();
		assert_eq!(deal, DEAL);
		assert!(
			self.state(At::Best).unwrap().provider.as_ref().unwrap().operator
				== signer.account_id()
		);
		let refused = self
			.refuse
			.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
		if refused.is_ok() {
			return Box::pin(async { Err(ChainError::Refused { reason: "not today".into() }) });
		}
		let mut number = 0;
		self.finalised(|state| {
			let commit = state.commits.get_mut(&generation).unwrap();
			assert!(commit.signed & (1 << receipt.slot) == 0, "signed twice");
			assert!(receipt.until >= state.terms.relay_block, "void");
			assert!(state.terms.relay_block <= commit.at + state.terms.receipt_grace, "too late");
			commit.signed |= 1 << receipt.slot;
			number = state.number;
		});
		self.added.lock().unwrap().push((generation, receipt));
		Box::pin(async move { Ok(BlockRef { number, hash: [2; 32] }) })
	}

	fn duty(&self, at: At, operator: AccountId) -> Asked<'_, DutyInfo> {
		self.ask(at, move |state| {
			assert_eq!(state.provider.as_ref().unwrap().operator, operator);
			let due = match state.round.drawn {
				Some(_) if !state.duty.behind => state.samples.len() as u32,
				_ => 0,
			};
			DutyInfo { due, ..state.duty.clone() }
		})
	}

	fn samples(&self, at: At, _: AccountId, ordinals: Range<u32>) -> Asked<'_, Vec<SampleInfo>> {
		self.ask(at, move |state| {
			let samples = state.samples.iter().copied();
			samples.filter(|sample| ordinals.contains(&sample.ordinal)).collect()
		})
	}

	fn settlement(&self, at: At) -> Asked<'_, Option<SettlementInfo>> {
		self.ask(at, |state| state.settlement)
	}

	fn rents(&self, at: At, _: AccountId) -> Asked<'_, Vec<RentInfo>> {
		self.ask(at, |state| state.rents.clone())
	}

	fn endings(&self, at: At, _: AccountId) -> Asked<'_, Vec<RentInfo>> {
		self.ask(at, |state| state.endings.clone())
	}

	fn settle_samples(
		&self,
		at: At,
		_: AccountId,
		slots: Vec<(DealId, SlotIndex)>,
		_: u32,
	) -> Asked<'_, Vec<SettleSampleInfo>> {
		self.ask(at, move |state| {
			let all = state.settle_samples.iter();
			all.filter(|sample| slots.contains(&(sample.deal, sample.slot))).cloned().collect()
		})
	}

	fn submit_noted<'a>(
		&'a self,
		call: &'a Call,
		signer: &'a Signer,
		note: &'a Noter<'a>,
	) -> Asked<'a, Included> {
		Box::pin(async move {
			let transaction = Transaction {
				account: signer.account_id(),
				nonce: self.noted.load(Ordering::SeqCst) as u64,
				encoded: hex::encode(call.bytes()),
				birth: BlockRef { number: 1, hash: [1; 32] },
			};
			note(&transaction).await.map_err(|reason| ChainError::NotNoted { reason })?;
			self.noted.fetch_add(1, Ordering::SeqCst);
			if self.hold.load(Ordering::SeqCst) {
				std::future::pending::<()>().await;
			}
			if self.lapses.swap(false, Ordering::SeqCst) {
				self.finalised(|state| {
					state.round.round += 1;
					state.round.epoch += 1;
				});
				note(&transaction).await.map_err(|reason| ChainError::NotNoted { reason })?;
				panic!("signed again for a round that is over");
			}
			if let Some(block) = self.redraw.lock().unwrap().take() {
				self.finalised(|state| state.round.drawn.as_mut().unwrap().block = block);
			}
			let outcome = self.include(&transaction);
			if self.unseen.load(Ordering::SeqCst) {
				std::future::pending::<()>().await;
			}
			outcome
		})
	}

	fn resume<'a>(&'a self, transaction: &'a Transaction) -> Asked<'a, Included> {
		let outcome = self.included(transaction).unwrap_or_else(|| self.include(transaction));
		Box::pin(async { outcome })
	}

	fn find<'a>(&'a self, transaction: &'a Transaction) -> Asked<'a, Option<Included>> {
		let outcome = self.included(transaction).transpose();
		Box::pin(async { outcome })
	}

	fn best_blocks(&self) -> BoxStream<'static, Result<BlockRef, ChainError>> {
		let ticks = self.ticks.subscribe();
		let block = BlockRef { number: 0, hash: [1; 32] };
		futures::stream::unfold((ticks, true), move |(mut ticks, first)| async move {
			if !first && ticks.changed().await.is_err() {
				return None;
			}
			Some((Ok(block), (ticks, false)))
		})
		.boxed()
	}
}
