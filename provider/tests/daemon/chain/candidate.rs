//! What candidates say to the chain.

use super::{liveness::SettleBlob, *};
use codec::Decode;
use nil_kzg::PointRef;
use nil_slab::{Answer, AnswerItem, DealManifests};
use nil_types::{
	ContentShape,
	repair::{repair_gamma, repair_point},
};

/// An item of `complete_repair`, as the chain reads it.
#[derive(Clone, Debug, Decode)]
struct RepairItem {
	#[codec(compact)]
	generation: Generation,
	blob: SettleBlob,
}

impl FakeChain {
	/// Takes what a candidate says: `decline` and `complete_repair`, in a block that is final at once.
	pub(super) fn candidate_says(&self, call: &[u8]) -> Result<BlockRef, ChainError> {
		let proved = match call {
			[43, 2, arguments @ ..] => {
				let (deal, slot) = <(DealId, SlotIndex)>::decode_all(&mut &*arguments).unwrap();
				let repair = self.best.lock().unwrap().repair.clone().expect("it is a candidate");
				assert_eq!((deal, slot), (DEAL, repair.slot));
				None
			},
			[43, 3, arguments @ ..] => {
				self.repairs_sent.fetch_add(1, Ordering::SeqCst);
				if let Some(error) = *self.refusal.lock().unwrap() {
					return Err(ChainError::Dispatch {
						pallet: "Mode2".into(),
						error: error.into(),
						docs: String::new(),
						block: BlockRef { number: 1, hash: [4; 32] },
					});
				}
				Some(self.check_repair(arguments))
			},
			other => panic!("another call: {other:?}"),
		};
		if !self.doubts_it() {
			self.finalised(|state| {
				let repair = state.repair.take().unwrap();
				let Some(proved) = proved else { return };
				state.slots.insert(repair.slot, repair.candidate.unwrap());
				for (generation, commit) in &mut state.commits {
					let owed = u32::from(*generation <= proved) << repair.slot;
					commit.signed = (commit.signed & !(1 << repair.slot)) | owed;
				}
			});
			self.repaired.lock().unwrap().push(proved);
		}
		let number = self.finalised.lock().unwrap().number;
		Ok(BlockRef { number, hash: [4; 32] })
	}

	/// The generation that a right call proves.
	fn check_repair(&self, arguments: &[u8]) -> Generation {
		type Arguments = (DealId, SlotIndex, Generation, Vec<RepairItem>, [u8; 32], [u8; 48]);
		let (deal, slot, generation, items, y, pi) =
			Arguments::decode_all(&mut &*arguments).unwrap();
		let state = self.best.lock().unwrap().clone();
		let repair = state.repair.as_ref().expect("it is a candidate");
		assert_eq!((deal, slot), (DEAL, repair.slot));
		let r = repair.samples.expect("it was drawn");
		let asked = &state.repair_samples[&generation];
		assert_eq!(asked.len(), items.len());
		let live = |asked: &SampleInfo| {
			let commit = &state.commits[&asked.generation];
			ContentShape::new(commit.size_bytes).live(asked.mdu - commit.first_mdu)
		};
		let items = (0u32..).zip(items).zip(asked).map(|((ordinal, item), asked)| {
			assert_eq!(item.generation, asked.generation);
			AnswerItem {
				ordinal,
				mdu: asked.mdu,
				live: live(asked),
				leaf: asked.leaf,
				commitment: item.blob.commitment,
				path: item.blob.path,
				manifest_opening: item.blob.manifest_opening,
			}
		});
		let items: Vec<_> = items.collect();
		let factors: Vec<_> =
			items.iter().map(|item: &AnswerItem| repair_gamma(&r, item.ordinal)).collect();
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
		let answer = Answer { items, y, pi };
		let verdict = answer.verify_with(&repair_point(&r, generation), &factors, &deals);
		verdict.expect("a wrong proof costs a fee");
		generation
	}
}
