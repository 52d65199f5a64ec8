//! A chain of one deal, kept in memory, that accepts what the real one accepts.

use futures::future::BoxFuture;
use nil_client::{
	account::AccountId,
	chain::{BlockRef, ChainError, CommitContent, DealChain},
	keys::{self, Signer},
};
use nil_slab::manifest;
use nil_types::{
	Capability, CommitInfo, ContentShape, DealId, DealInfo, DealStatus, Generation, Hash32, Hint,
	Profile, ProviderInfo, ProviderStatus, ReceiptMessage, SlotInfo, SlotState, Terms, Uploader,
	deal::SerdeBytes, messages::roots_hash,
};
use std::{
	collections::HashMap,
	sync::{
		Mutex, MutexGuard,
		atomic::{AtomicBool, Ordering},
	},
};

pub const GENESIS: Hash32 = [0x11; 32];
pub const DEAL: DealId = 7;
pub const NOW: u32 = 1_000;

#[derive(Debug)]
pub struct FakeChain {
	state: Mutex<State>,
	/// The next commit is made, and its submitter told that the connection broke.
	pub lose_answer: AtomicBool,
	/// Commits wait for ever and are not made.
	pub hold: AtomicBool,
}

#[derive(Debug)]
struct State {
	deal: DealInfo<AccountId>,
	slots: Vec<SlotInfo<AccountId>>,
	commits: Vec<(Generation, CommitInfo)>,
	roots: Vec<Hash32>,
	/// What providers may hold and what their stake backs; without limits who is not here.
	means: HashMap<AccountId, Means>,
	used: HashMap<AccountId, u64>,
}

/// What a provider may hold.
#[derive(Clone, Copy, Debug)]
pub struct Means {
	pub capacity: u64,
	/// In the units of [`TERMS`]: one for each byte, and [`MIN_STAKE`].
	pub stake: u128,
}

pub const MIN_STAKE: u128 = 100;
const TERMS: Terms = Terms {
	relay_block: NOW,
	storage_price: 1,
	creation_fee: 0,
	commit_deposit: 0,
	slot_deposit: 0,
	uploader_deposit: 0,
	min_duration: 1,
	max_duration: 1_000_000,
	receipt_grace: 100,
	min_stake: MIN_STAKE,
	stake_per_gib: 1 << 30,
};

impl FakeChain {
	pub fn new(owner: AccountId, profile: Profile) -> Self {
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
			expires_at: 1_000_000,
			free_escrow: 0,
			locked_rent: 0,
			deposit: 0,
			max_monthly_spend: 0,
			uploaders: Vec::new(),
		};
		let state = State {
			deal,
			slots: Vec::new(),
			commits: Vec::new(),
			roots: Vec::new(),
			means: HashMap::new(),
			used: HashMap::new(),
		};
		Self {
			state: Mutex::new(state),
			lose_answer: AtomicBool::new(false),
			hold: AtomicBool::new(false),
		}
	}

	fn state(&self) -> MutexGuard<'_, State> {
		self.state.lock().unwrap()
	}

	pub fn set_slot(&self, slot: u8, operator: &Signer, service: &Signer, address: String) {
		let info = SlotInfo {
			slot,
			state: SlotState::Active { provider: operator.account_id() },
			service_key: Some(service.public_key()),
			multiaddrs: vec![b"/unix/nonsense".to_vec(), address.into_bytes()],
		};
		let mut state = self.state();
		state.slots.retain(|known| known.slot != slot);
		state.slots.push(info);
		state.slots.sort_by_key(|info| info.slot);
	}

	pub fn generation(&self) -> Generation {
		self.state().deal.generation
	}

	pub fn profile(&self) -> Profile {
		self.state().deal.profile
	}

	pub fn total_mdus(&self) -> u64 {
		self.state().deal.total_mdus
	}

	/// What `operator` may hold from now on.
	pub fn limit(&self, operator: &Signer, means: Means) {
		self.state().means.insert(operator.account_id(), means);
	}

	pub fn set_status(&self, status: DealStatus) {
		self.state().deal.status = status;
	}

	/// Lets an account upload, and no other one but the owner.
	pub fn authorise(&self, account: AccountId, remaining_bytes: u64, until: u32) {
		self.state().deal.uploaders = vec![Uploader { account, remaining_bytes, until }];
	}

	/// Payload bytes that the account authorised may still commit.
	pub fn budget(&self) -> Option<u64> {
		self.state().deal.uploaders.first().map(|uploader| uploader.remaining_bytes)
	}

	fn apply(&self, signer: &Signer, commit: &CommitContent) -> Result<(), String> {
		let mut state = self.state();
		let profile = state.deal.profile;
		let mut uploaders = state.deal.uploaders.clone();
		if signer.account_id() != state.deal.owner {
			let found = uploaders.iter_mut().find(|entry| entry.account == signer.account_id());
			let uploader = found.ok_or("NotOwner")?;
			if uploader.until < NOW {
				return Err("UploaderExpired".into());
			}
			let left = uploader.remaining_bytes.checked_sub(commit.size_bytes);
			uploader.remaining_bytes = left.ok_or("BudgetExceeded")?;
		}
		if commit.base_gen != state.deal.generation {
			return Err("WrongGeneration".into());
		}
		let shape = ContentShape::new(commit.size_bytes);
		if shape.mdus() != commit.roots.len() as u64
			|| u64::from(commit.index_len) > commit.size_bytes
			|| commit.roots.is_empty()
			|| commit.roots.len() > 1024
		{
			return Err("BadShape".into());
		}
		let generation = commit.base_gen + 1;
		let mut signed = 0u32;
		let mut booked = Vec::new();
		for receipt in &commit.receipts {
			let message = ReceiptMessage {
				genesis: GENESIS,
				deal: DEAL,
				generation,
				slot: receipt.slot,
				roots_hash: roots_hash(&commit.roots),
				index_root: commit.index_root,
				size_bytes: commit.size_bytes,
				index_len: commit.index_len,
				until: receipt.until,
			};
			let slot = state.slots.iter().find(|info| info.slot == receipt.slot);
			let key = slot.and_then(|info| info.service_key).ok_or("NoSuchSlot")?;
			if !keys::verify_signature(&key, &message.signing_bytes(), &receipt.signature) {
				return Err("BadSignature".into());
			}
			if signed & (1 << receipt.slot) != 0 || receipt.until < NOW {
				return Err("Duplicate".into());
			}
			signed |= 1 << receipt.slot;
			let provider = slot.and_then(|info| info.state.provider()).ok_or("NoSuchSlot")?;
			let used = state.used.get(provider).copied().unwrap_or_default();
			let total = used + shape.bytes_per_slot(&profile);
			if let Some(means) = state.means.get(provider) {
				if total > means.capacity {
					return Err("ProviderOutOfCapacity".into());
				}
				if u128::from(total) + MIN_STAKE > means.stake {
					return Err("ProviderOutOfStake".into());
				}
			}
			booked.push((*provider, total));
		}
		if signed.count_ones() <= u32::from(profile.k) {
			return Err("TooFew".into());
		}
		let info = CommitInfo {
			first_mdu: state.deal.total_mdus,
			size_bytes: commit.size_bytes,
			index_len: commit.index_len,
			index_root: commit.index_root,
			roots_hash: roots_hash(&commit.roots),
			signed,
			at: NOW,
		};
		state.commits.push((generation, info));
		state.used.extend(booked);
		state.roots.extend(&commit.roots);
		let points = manifest::points(&state.roots).unwrap();
		state.deal.manifests =
			points.iter().map(|point| SerdeBytes(manifest::compress(point).unwrap())).collect();
		state.deal.uploaders = uploaders;
		state.deal.generation = generation;
		state.deal.total_mdus += shape.mdus();
		state.deal.size_bytes += commit.size_bytes;
		Ok(())
	}
}

impl DealChain for FakeChain {
	fn genesis(&self) -> Hash32 {
		GENESIS
	}

	fn terms(&self) -> BoxFuture<'_, Result<Terms, ChainError>> {
		Box::pin(async { Ok(TERMS) })
	}

	fn deal(&self, deal: DealId) -> BoxFuture<'_, Result<DealInfo<AccountId>, ChainError>> {
		Box::pin(async move {
			match deal {
				DEAL => Ok(self.state().deal.clone()),
				_ => Err(ChainError::NoSuchDeal { deal }),
			}
		})
	}

	fn commits(
		&self,
		_: DealId,
		from: Generation,
	) -> BoxFuture<'_, Result<Vec<(Generation, CommitInfo)>, ChainError>> {
		Box::pin(async move {
			let commits = self.state().commits.clone();
			Ok(commits.into_iter().filter(|(generation, _)| *generation >= from).collect())
		})
	}

	fn slots(&self, _: DealId) -> BoxFuture<'_, Result<Vec<SlotInfo<AccountId>>, ChainError>> {
		Box::pin(async move { Ok(self.state().slots.clone()) })
	}

	fn provider(
		&self,
		operator: AccountId,
	) -> BoxFuture<'_, Result<Option<ProviderInfo<AccountId>>, ChainError>> {
		let state = self.state();
		let unlimited = Means { capacity: u64::MAX, stake: u128::MAX };
		let Means { capacity, stake } = state.means.get(&operator).copied().unwrap_or(unlimited);
		let info = ProviderInfo {
			operator,
			service_key: [0; 32],
			multiaddrs: Vec::new(),
			capability: Capability::General,
			domain: Vec::new(),
			attested: false,
			capacity,
			used: state.used.get(&operator).copied().unwrap_or_default(),
			price_floor: 0,
			stake,
			slots: 1,
			status: ProviderStatus::Active,
			since: 1,
		};
		Box::pin(async move { Ok(Some(info)) })
	}

	fn commit_content<'a>(
		&'a self,
		signer: &'a Signer,
		commit: &'a CommitContent,
	) -> BoxFuture<'a, Result<BlockRef, ChainError>> {
		Box::pin(async move {
			if self.hold.load(Ordering::SeqCst) {
				std::future::pending::<()>().await;
			}
			let block = BlockRef { number: 1, hash: [0; 32] };
			self.apply(signer, commit).map_err(|error| ChainError::Dispatch {
				pallet: "Deals".into(),
				error,
				docs: String::new(),
				block,
			})?;
			if self.lose_answer.swap(false, Ordering::SeqCst) {
				let method = "author_submitExtrinsic".into();
				return Err(ChainError::Transport { method, reason: "connection lost".into() });
			}
			Ok(block)
		})
	}
}
