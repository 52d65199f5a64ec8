//! A chain that tests set: a best and a finalised state of each thing, and an outage.

use codec::DecodeAll;
use futures::{StreamExt, stream::BoxStream};
use nil_client::{
	account::AccountId,
	chain::{At, BlockRef, Call, ChainError},
	keys::Signer,
	wire::Receipt,
};
use nil_provider::chain::{Asked, ChainView};
use nil_types::{
	Capability, CommitInfo, DealId, DealInfo, DealStatus, Generation, Hash32, Hint, Profile,
	ProviderInfo, ProviderStatus, RoundInfo, SlotIndex, SlotInfo, SlotState, Terms,
};
use std::{
	collections::{BTreeMap, HashMap},
	sync::{
		Arc, Mutex,
		atomic::{AtomicUsize, Ordering},
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
		let named = self.state(at).map(|state| {
			let mut blocks = self.named.lock().unwrap();
			let mut hash = [0; 32];
			hash[..8].copy_from_slice(&(blocks.len() as u64).to_le_bytes());
			let number = state.number;
			blocks.insert(hash, state);
			BlockRef { number, hash }
		});
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
					state: SlotState::Active { provider: *provider },
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
		self.ask(at, |state| {
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
			slots.map(|(slot, _)| (DEAL, *slot)).collect()
		})
	}

	fn round(&self, at: At) -> Asked<'_, RoundInfo> {
		self.ask(at, |state| state.round)
	}

	/// Takes `add_receipt` of deal [`DEAL`], in a block that is final at once.
	fn submit<'a>(&'a self, call: &'a Call, signer: &'a Signer) -> Asked<'a, BlockRef> {
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
