//! The proof that a candidate has a slot.

use crate::prover::{LeftOut, Maker, Outcome, Ready};
use nil_client::chain::{CompleteRepair, RepairItem};
use nil_slab::AnswerBuilder;
use nil_types::{
	DealId, Generation, SlotIndex,
	repair::{repair_gamma, repair_point},
};
use std::collections::VecDeque;

/// The call that gives `slot` to its candidate with what the deal had at `generation`. `maker.r_e` is the candidate's `R`;
/// `samples` are all of its samples, in order, and none for a deal without content.
///
/// The proof is verified as the chain does. What turns out to be rotten is in quarantine then, and fails the call.
pub fn complete(
	maker: &Maker,
	(deal, slot, generation): (DealId, SlotIndex, Generation),
	samples: Vec<Ready>,
	outcome: &mut Outcome,
) -> Result<CompleteRepair, LeftOut> {
	let mut call =
		CompleteRepair { deal, slot, generation, items: Vec::new(), y: [0; 32], pi: [0; 48] };
	if samples.is_empty() {
		return Ok(call);
	}
	let r = maker.r_e;
	let mut builder = AnswerBuilder::new(&r, &maker.provider);
	let mut factors = Vec::new();
	for ready in &samples {
		let sample = ready.sample.ordinal;
		let factor = repair_gamma(&r, sample);
		maker.add(&mut builder, ready, sample, Some(&factor), outcome)?;
		factors.push(factor);
	}
	let z = repair_point(&r, generation);
	let answer = builder.finish_at(&*maker.engine, &z)?;
	if let Err(error) = maker.verify(&answer, &samples, Some((&z, factors.as_slice()))) {
		let why = || LeftOut::Wrong(error.to_string());
		maker.sort_out(samples, why(), &mut VecDeque::new(), outcome);
		return Err(why());
	}
	(call.y, call.pi) = (answer.y, answer.pi);
	let items = answer.items.into_iter().zip(&samples);
	call.items = items
		.map(|(item, ready)| RepairItem { generation: ready.sample.generation, blob: item.into() })
		.collect();
	Ok(call)
}
