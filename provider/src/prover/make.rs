//! Answers from what is on disk: the part of the prover that blocks.
//!
//! Blobs are read one after the other, and one is in memory at a time. An answer costs one multi-scalar multiplication,
//! whatever its length, and is verified before anybody sees it. Only when it is wrong are its blobs read again, all of
//! them, to find those that are not what they were.

use crate::{
	content::{ReadError, Reader, row_bit},
	store::{HoldingKey, ReadableShard, StagedKey},
	verifier::parse_blob,
};
use nil_client::chain::ProofItem;
use nil_kzg::{G1Affine, MsmEngine, PointRef, bulk};
use nil_slab::{
	Answer, AnswerBuilder, AnswerPart, CheckedBranch, DealManifests, Members,
	answer::{AnswerError, AnswerMakeError},
	manifest,
};
use nil_types::{DealId, G1Compressed, Hash32, MduIndex, SampleInfo};
use std::{
	collections::{BTreeSet, VecDeque},
	sync::Arc,
	time::{Duration, Instant},
};

/// Why a manifest point was not opened, for any of the samples under it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
	/// The roots that make it are not here.
	#[error("the root of the deal's MDU {mdu} is missing here, and cannot be fetched: {reason}")]
	Roots {
		/// The first MDU without a root.
		mdu: MduIndex,
		/// Why not.
		reason: String,
	},
	/// The roots that are here make another one.
	#[error("the roots on disk do not make the manifest that the chain has of the deal")]
	OtherManifest,
	/// The openings could not be made.
	#[error(transparent)]
	Manifest(#[from] manifest::ManifestError),
}

/// Why a sample is left out of the answers.
#[derive(Debug, thiserror::Error)]
pub enum LeftOut {
	/// What it asks for cannot be read.
	#[error(transparent)]
	Read(#[from] ReadError),
	/// Its manifest was not opened.
	#[error(transparent)]
	Unopened(#[from] Unopened),
	/// It cannot be part of an answer.
	#[error(transparent)]
	Make(#[from] AnswerMakeError),
	/// No answer with it verifies, though every blob is what was committed to.
	#[error("an answer with it does not verify: {0}; the deal's openings will be made anew")]
	Wrong(String),
}

/// A sample with the opening of its manifest.
#[derive(Clone, Debug)]
pub struct Ready {
	/// The sample.
	pub sample: SampleInfo,
	/// The opening of its manifest at its MDU.
	pub manifest_opening: G1Compressed,
}

impl Ready {
	fn held(&self) -> StagedKey {
		let SampleInfo { deal, slot, generation, mdu, .. } = self.sample;
		StagedKey { holding: HoldingKey { deal, generation, slot }, mdu }
	}

	/// Which of the slot's rows of its MDU it is.
	fn row(&self) -> u8 {
		let row = self.sample.leaf.checked_rem(self.sample.profile.rows().into());
		row.and_then(|row| u8::try_from(row).ok()).unwrap_or(u8::MAX)
	}
}

/// One call's answer.
#[derive(Clone, Debug)]
pub struct Made {
	/// The samples.
	pub items: Vec<ProofItem>,
	/// `sum gamma_i p_i(z)`.
	pub y: [u8; 32],
	/// Its opening.
	pub pi: G1Compressed,
}

/// What came of a round's samples.
#[derive(Debug, Default)]
pub struct Outcome {
	/// Answers, each for one call.
	pub made: Vec<Made>,
	/// Samples that are in none of them.
	pub left_out: Vec<(SampleInfo, LeftOut)>,
	/// Deals one of whose openings may be wrong.
	pub doubtful: BTreeSet<DealId>,
	/// Time spent reading.
	pub reading: Duration,
	/// Time spent making and verifying.
	pub answering: Duration,
}

/// What is read for a sample.
struct Part {
	branch: CheckedBranch,
	shard: ReadableShard,
	blob: Vec<u8>,
}

/// Makes answers.
#[derive(Debug)]
pub struct Maker {
	/// The disk.
	pub reader: Reader,
	/// Multiplies.
	pub engine: Arc<dyn MsmEngine>,
	/// The round's randomness, or that of the period that is settled.
	pub r_e: Hash32,
	/// Who answers.
	pub provider: Hash32,
	/// Samples that one call may answer.
	pub max_items: usize,
}

impl Maker {
	/// Answers all of these samples, by rising ordinal, that can be answered.
	pub fn make(&self, samples: Vec<Ready>) -> Outcome {
		let mut outcome = Outcome::default();
		let mut rest = VecDeque::from(samples);
		while !rest.is_empty() {
			let mut builder = AnswerBuilder::new(&self.r_e, &self.provider);
			let mut taken = Vec::new();
			while taken.len() < self.max_items.max(1) {
				let Some(ready) = rest.pop_front() else { break };
				match self.add(&mut builder, &ready, ready.sample.ordinal, None, &mut outcome) {
					Ok(()) => taken.push(ready),
					Err(why) => outcome.left_out.push((ready.sample, why)),
				}
			}
			if taken.is_empty() {
				continue;
			}
			let started = Instant::now();
			let finished =
				builder.finish(&*self.engine).map_err(LeftOut::from).and_then(|answer| {
					let verdict = self.verify(&answer, &taken, None);
					verdict.map_err(|error| LeftOut::Wrong(error.to_string()))?;
					Ok(answer)
				});
			outcome.answering += started.elapsed();
			match finished {
				Ok(answer) => outcome.made.push(made(answer, &taken)),
				Err(why) => self.sort_out(taken, why, &mut rest, &mut outcome),
			}
		}
		outcome
	}

	/// Adds a sample under an ordinal, with a factor if it is not the round's.
	pub(crate) fn add(
		&self,
		builder: &mut AnswerBuilder,
		ready: &Ready,
		ordinal: u32,
		factor: Option<&[u8; 32]>,
		outcome: &mut Outcome,
	) -> Result<(), LeftOut> {
		let started = Instant::now();
		let part = self.read(ready);
		outcome.reading += started.elapsed();
		let Part { branch, shard, blob } = part?;
		let started = Instant::now();
		let SampleInfo { slot, profile, mdu, leaf, .. } = ready.sample;
		let Ok(blob) = parse_blob(&profile, slot, &blob) else {
			let rows = row_bit(ready.row());
			return Err(self.reader.condemn_rows(&ready.held(), &shard, rows).into());
		};
		let manifest_opening = ready.manifest_opening;
		let part = AnswerPart { ordinal, mdu, manifest_opening, witness: &branch, leaf, blob };
		let added = match factor {
			Some(factor) => builder.add_with(&part, factor),
			None => builder.add(&part),
		};
		outcome.answering += started.elapsed();
		Ok(added?)
	}

	fn read(&self, ready: &Ready) -> Result<Part, ReadError> {
		let held = ready.held();
		let shard = self.reader.store.held_shard(&held)?.ok_or(ReadError::NotHeld)?;
		let branch = self.reader.branch(&held, shard.mdu.root, &ready.sample.profile)?;
		let blob = self.reader.row(&held, &shard, ready.row())?;
		Ok(Part { branch, shard, blob })
	}

	/// As the chain does, which takes a wrong answer for an attempt at fraud. `at` is the point, and a factor for each sample,
	/// if these are not the round's.
	pub(crate) fn verify(
		&self,
		answer: &Answer,
		taken: &[Ready],
		at: Option<(&[u8; 32], &[[u8; 32]])>,
	) -> Result<(), AnswerError> {
		// Of a deal's points the one over the item's MDU is looked at alone.
		let points: Vec<Vec<PointRef>> = taken
			.iter()
			.map(|ready| {
				let group = usize::try_from(manifest::group_of(ready.sample.mdu)).unwrap_or(0);
				vec![PointRef::Compressed(ready.sample.manifest.0); group.saturating_add(1)]
			})
			.collect();
		let deals: Vec<_> = taken
			.iter()
			.zip(&points)
			.map(|(ready, points)| {
				let SampleInfo { profile, first_mdu, mdus, .. } = ready.sample;
				let total_mdus = first_mdu.saturating_add(mdus.into());
				DealManifests { profile, total_mdus, points }
			})
			.collect();
		match at {
			Some((z, factors)) => answer.verify_with(z, factors, &deals),
			None => answer.verify(&self.r_e, &self.provider, &deals),
		}
	}

	/// An answer is wrong. What is rotten in it is put into quarantine and left out, and the rest gets another try; when
	/// nothing is, all of it is left out.
	pub(crate) fn sort_out(
		&self,
		taken: Vec<Ready>,
		why: LeftOut,
		rest: &mut VecDeque<Ready>,
		outcome: &mut Outcome,
	) {
		tracing::error!(%why, samples = taken.len(), "an answer came out wrong, looking for the cause");
		let started = Instant::now();
		let mut read = Vec::new();
		let mut sound = Vec::new();
		let mut found = false;
		for ready in taken {
			match self.read(&ready) {
				Ok(part) => read.push((ready, part)),
				Err(error) => {
					found = true;
					outcome.left_out.push((ready.sample, error.into()));
				},
			}
		}
		let rotten = self.rotten(&read);
		for (index, (ready, part)) in read.into_iter().enumerate() {
			if rotten.contains(&index) {
				found = true;
				let rows = row_bit(ready.row());
				let error = self.reader.condemn_rows(&ready.held(), &part.shard, rows);
				outcome.left_out.push((ready.sample, error.into()));
			} else {
				sound.push(ready);
			}
		}
		outcome.reading += started.elapsed();
		if found {
			for ready in sound.into_iter().rev() {
				rest.push_front(ready);
			}
			return;
		}
		for ready in sound {
			outcome.doubtful.insert(ready.sample.deal);
			outcome.left_out.push((ready.sample, LeftOut::Wrong(why.to_string())));
		}
	}

	/// Which of these blobs, by index, are not the ones that their commitments commit to.
	fn rotten(&self, read: &[(Ready, Part)]) -> Vec<usize> {
		let points: Vec<Option<G1Affine>> = read
			.iter()
			.map(|(ready, part)| {
				let (commitment, _) = part.branch.member(ready.sample.leaf).ok()?;
				G1Affine::decompress(&commitment).ok()
			})
			.collect();
		let mut bad = Vec::new();
		let mut claims: Vec<bulk::Claim<'_>> = Vec::new();
		let mut owners = Vec::new();
		for (index, ((ready, part), point)) in read.iter().zip(&points).enumerate() {
			let SampleInfo { slot, profile, .. } = ready.sample;
			match (point, parse_blob(&profile, slot, &part.blob)) {
				(Some(point), Ok(blob)) => {
					claims.push((point, blob));
					owners.push(index);
				},
				_ => bad.push(index),
			}
		}
		let wrong = bulk::find_bad(&*self.engine, &claims);
		bad.extend(wrong.into_iter().filter_map(|claim| owners.get(claim).copied()));
		bad
	}
}

fn made(answer: Answer, taken: &[Ready]) -> Made {
	let Answer { items, y, pi } = answer;
	let items = items
		.into_iter()
		.zip(taken)
		.map(|(item, ready)| ProofItem::new(item, ready.sample.place))
		.collect();
	Made { items, y, pi }
}
