//! The pallet that asks for samples.

use super::*;
use codec::Decode;
use nil_client::chain::ChainEvent;
use nil_kzg::PointRef;
use nil_slab::{Answer, AnswerItem, DealManifests};
use nil_types::challenge::{Place, settle_gamma, settle_point};

/// Live blobs of the MDUs that settlements are about.
const LIVE: u8 = 3;

/// The place of every transaction in its block.
const EXTRINSIC: u32 = 2;

/// An item of `settle`, as the chain reads it.
#[derive(Clone, Debug, Decode)]
struct SettleItem {
	#[codec(compact)]
	deal: DealId,
	slot: SlotIndex,
	commits: Vec<Generation>,
	blob: Option<SettleBlob>,
}

/// The blob of one.
#[derive(Clone, Debug, Decode)]
pub(super) struct SettleBlob {
	pub commitment: [u8; 48],
	pub path: Vec<Hash32>,
	pub manifest_opening: [u8; 48],
}

/// An item of `submit_proofs`, as the chain reads it.
#[derive(Clone, Debug, Decode)]
struct Item {
	#[codec(compact)]
	ordinal: u32,
	place: Option<Place>,
	#[codec(compact)]
	mdu: u64,
	live: u8,
	leaf: u16,
	commitment: [u8; 48],
	path: Vec<Hash32>,
	manifest_opening: [u8; 48],
}

/// A refusal of the pallet that asks for samples.
fn refused(error: &str, number: u32) -> ChainError {
	ChainError::Dispatch {
		pallet: "Liveness".into(),
		error: error.into(),
		docs: String::new(),
		block: BlockRef { number, hash: [3; 32] },
	}
}

/// That the pallet took a proof for wrong.
fn wrong(name: &str) -> Vec<ChainEvent> {
	let (pallet, name) = ("Liveness".into(), name.into());
	vec![ChainEvent { pallet, name, extrinsic: Some(EXTRINSIC), fields: Default::default() }]
}

impl FakeChain {
	/// Executes a call of the operator's to the pallet that asks for samples, in a block that is final at once.
	pub(super) fn execute(&self, call: &[u8]) -> Result<Included, ChainError> {
		let mut events = Vec::new();
		match call {
			[44, 0, arguments @ ..] => events = self.answer(arguments)?,
			[44, 1, arguments @ ..] => {
				let (provider, steps) = <(AccountId, u32)>::decode_all(&mut &*arguments).unwrap();
				self.finalised(|state| {
					assert_eq!(state.provider.as_ref().unwrap().operator, provider);
					assert!(state.duty.behind, "a call that applies nothing costs a fee");
					assert!((1..=state.round.max_steps).contains(&steps));
					state.duty.waiting = state.duty.waiting.saturating_sub(steps.into());
					state.duty.behind = state.duty.waiting > 0;
				});
				self.advanced.lock().unwrap().push(steps);
			},
			[44, 3, arguments @ ..] => events = self.settle(arguments),
			[44, 7, arguments @ ..] => self.waive(arguments)?,
			other => panic!("another call: {other:?}"),
		}
		let state = self.finalised.lock().unwrap().clone();
		Ok(Included { block: self.name(state), extrinsic: EXTRINSIC, events })
	}

	fn answer(&self, arguments: &[u8]) -> Result<Vec<ChainEvent>, ChainError> {
		type Proofs = (u32, Hash32, Vec<Item>, [u8; 32], [u8; 48]);
		let (epoch, block, items, y, pi) = Proofs::decode_all(&mut &*arguments).unwrap();
		let state = self.best.lock().unwrap().clone();
		let operator = state.provider.as_ref().unwrap().operator;
		let drawn = state.round.drawn.unwrap();
		if drawn.block != block {
			return Err(refused("Stale", state.number));
		}
		assert_eq!(epoch, state.round.epoch);
		assert!(!state.duty.behind);
		assert!((1..=state.round.max_items as usize).contains(&items.len()));
		let ordinals: Vec<u32> = items.iter().map(|item| item.ordinal).collect();
		let asked: Vec<SampleInfo> = items
			.iter()
			.map(|item| {
				let found = state.samples.iter().find(|sample| sample.ordinal == item.ordinal);
				let sample = *found.expect("only what is asked is answered");
				assert_eq!(item.place, sample.place);
				assert_eq!((item.mdu, item.leaf), (sample.mdu, sample.leaf));
				sample
			})
			.collect();
		let points: Vec<_> =
			asked.iter().map(|sample| [PointRef::Compressed(sample.manifest.0)]).collect();
		let deals: Vec<_> = asked
			.iter()
			.zip(&points)
			.map(|(sample, points)| DealManifests {
				profile: sample.profile,
				total_mdus: sample.mdus.into(),
				points,
			})
			.collect();
		let items = items
			.into_iter()
			.map(|item| AnswerItem {
				ordinal: item.ordinal,
				mdu: item.mdu,
				live: item.live,
				leaf: item.leaf,
				commitment: item.commitment,
				path: item.path,
				manifest_opening: item.manifest_opening,
			})
			.collect();
		let answer = Answer { items, y, pi };
		answer
			.verify(&drawn.randomness, &operator.0, &deals)
			.expect("a wrong proof is taken for fraud");
		if self.doubts_it() {
			self.finalised(|_| {});
			return Ok(wrong("InvalidProof"));
		}
		let round = state.round.round;
		self.finalised(|state| {
			for ordinal in &ordinals {
				assert!(!state.duty.answered.contains(ordinal), "{ordinal} is answered twice");
			}
			state.duty.answered.extend(&ordinals);
			state.duty.answered.sort_unstable();
		});
		self.taken.lock().unwrap().push(Taken { round, block, ordinals });
		Ok(Vec::new())
	}

	fn waive(&self, arguments: &[u8]) -> Result<(), ChainError> {
		let (epoch, block, ordinals) =
			<(u32, Hash32, Vec<u32>)>::decode_all(&mut &*arguments).unwrap();
		let state = self.best.lock().unwrap().clone();
		assert_eq!((epoch, Some(block)), (state.round.epoch, state.round.drawn.map(|d| d.block)));
		assert!((1..=state.round.max_items as usize).contains(&ordinals.len()));
		assert!(ordinals.is_sorted() && ordinals.iter().all(|i| state.duty.waivable.contains(i)));
		if self.broke.load(Ordering::SeqCst) {
			return Err(refused("NoCredit", state.number));
		}
		self.finalised(|state| {
			state.duty.waivable.retain(|ordinal| !ordinals.contains(ordinal));
			state.duty.answered.extend(&ordinals);
			state.duty.answered.sort_unstable();
		});
		self.waived.lock().unwrap().push(ordinals);
		Ok(())
	}

	/// Takes a settlement of slots of deal [`DEAL`]. A slot that ended and is held again is paid for the term that ended first.
	fn settle(&self, arguments: &[u8]) -> Vec<ChainEvent> {
		type Arguments = (u32, Hash32, Vec<SettleItem>, [u8; 32], [u8; 48]);
		let (period, block, items, y, pi) = Arguments::decode_all(&mut &*arguments).unwrap();
		let state = self.best.lock().unwrap().clone();
		let provider = state.provider.as_ref().unwrap().operator.0;
		let info = state.settlement.unwrap();
		assert_eq!((period, block), (info.period, state.round.drawn.unwrap().block));
		let r = info.randomness;
		assert!((1..=info.max_items as usize).contains(&items.len()));
		let (mut slots, mut factors) = (Vec::<SlotIndex>::new(), Vec::new());
		let (mut proven, mut asked) = (Vec::<AnswerItem>::new(), Vec::<SampleInfo>::new());
		for group in items.chunks(info.samples as usize) {
			let slot = group[0].slot;
			assert!(slots.last() < Some(&slot), "slots rise");
			slots.push(slot);
			let wanted = state.settle_samples.iter().filter(|sample| sample.slot == slot);
			let wanted: Vec<_> = wanted.collect();
			assert_eq!(wanted.len(), group.len(), "all of a slot is proven");
			for (item, wanted) in group.iter().zip(wanted) {
				assert_eq!((item.deal, item.slot), (DEAL, slot));
				assert_eq!(item.commits, wanted.commits);
				assert_eq!(item.blob.is_some(), wanted.blob.is_some());
				let (Some(blob), Some(sample)) = (&item.blob, wanted.blob) else { continue };
				proven.push(AnswerItem {
					ordinal: proven.len() as u32,
					mdu: sample.mdu,
					live: LIVE,
					leaf: sample.leaf,
					commitment: blob.commitment,
					path: blob.path.clone(),
					manifest_opening: blob.manifest_opening,
				});
				factors.push(settle_gamma(&r, &provider, (DEAL, slot), wanted.sample));
				asked.push(sample);
			}
		}
		let points: Vec<_> =
			asked.iter().map(|sample| [PointRef::Compressed(sample.manifest.0)]).collect();
		let deals: Vec<_> = asked
			.iter()
			.zip(&points)
			.map(|(sample, points)| DealManifests {
				profile: sample.profile,
				total_mdus: sample.mdus.into(),
				points,
			})
			.collect();
		if !proven.is_empty() {
			let answer = Answer { items: proven, y, pi };
			let verdict = answer.verify_with(&settle_point(&r, &provider), &factors, &deals);
			verdict.expect("a wrong settlement is taken for fraud");
		}
		if self.doubts_it() {
			self.finalised(|_| {});
			return wrong("InvalidSettlement");
		}
		self.finalised(|state| {
			for slot in &slots {
				let is_it = |rent: &RentInfo| rent.slot == *slot && rent.closed.total() > 0;
				if let Some(at) = state.endings.iter().position(is_it) {
					state.endings.remove(at);
					continue;
				}
				let listed = state.rents.iter_mut().find(|rent| is_it(rent));
				listed.expect("settled twice").closed = Default::default();
			}
		});
		self.settled.lock().unwrap().push(slots);
		Vec::new()
	}
}
