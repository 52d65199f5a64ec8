//! `nil verify`: fetch every live blob of every slot and check it against the chain.

use crate::{
	args::VerifyArgs,
	context::Context,
	error::{CliError, Exit, Result},
	output::{Align, table},
	progress::{Usage, Watch},
};
use nil_client::{
	crypt::Identities,
	get::ReadOptions,
	verify::{Fault, SlotReport, VerifyReport, verify},
};
use serde::Serialize;
use std::sync::Arc;

/// What was found.
#[derive(Debug, Serialize)]
struct Outcome {
	sound: bool,
	sound_slots: usize,
	#[serde(flatten)]
	report: VerifyReport,
	usage: Usage,
}

/// Runs the command.
pub async fn run(arguments: &VerifyArgs, context: &Context) -> Result<()> {
	let watch = Watch::new("verify", &context.output);
	let mut options = ReadOptions::new(Identities::none());
	options.progress = watch.progress();
	let chain = Arc::new(context.chain().await?);
	let report = verify(chain, arguments.deal, options).await;
	watch.finish();
	let report = report?;
	let outcome = Outcome {
		sound: report.is_sound(),
		sound_slots: report.sound_slots(),
		usage: Usage::now(),
		report,
	};
	context.output.result(&outcome, || text(&outcome))?;
	verdict(&outcome.report)
}

fn text(outcome: &Outcome) -> String {
	let report = &outcome.report;
	let mut rows = vec![["slot", "good", "owed", "", "provider", ""].map(Into::into).to_vec()];
	rows.extend(report.slots.iter().map(|slot| {
		vec![
			slot.slot.to_string(),
			slot.good.to_string(),
			slot.owed.to_string(),
			if slot.is_sound() { "ok" } else { "BAD" }.into(),
			slot.provider.map_or("-".into(), |provider| provider.to_string()),
			remarks(slot),
		]
	}));
	use Align::{Left, Right};
	format!(
		"deal {} at generation {}: {} MDUs, {} of {} slots sound, manifest {}\n{}",
		report.deal,
		report.generation,
		report.mdus,
		outcome.sound_slots,
		report.slots.len(),
		if report.manifest { "right" } else { "WRONG" },
		table(&[Right, Right, Right, Left, Left, Left], &rows)
	)
}

fn remarks(slot: &SlotReport) -> String {
	let mut remarks: Vec<_> = slot
		.faults
		.iter()
		.take(3)
		.map(|fault| match fault {
			Fault::Wrong { mdu, rows } => format!("MDU {mdu} rows {rows:?} wrong"),
			Fault::Missing { mdu, reason } => format!("MDU {mdu} missing: {reason}"),
			Fault::Unreachable { reason } => format!("unreachable: {reason}"),
		})
		.collect();
	if slot.faults.len() > remarks.len() {
		remarks.push(format!("and {} more faults", slot.faults.len() - remarks.len()));
	}
	if !slot.unsigned.is_empty() {
		remarks.push(format!("did not sign generations {:?}", slot.unsigned));
	}
	remarks.join("; ")
}

/// Corrupt when bytes are wrong or gone, insufficient when providers merely do not answer.
fn verdict(report: &VerifyReport) -> Result<()> {
	if report.is_sound() {
		return Ok(());
	}
	let bad: Vec<_> =
		report.slots.iter().filter(|slot| !slot.is_sound()).map(|slot| slot.slot).collect();
	let silent = |slot: &SlotReport| {
		let mut faults = slot.faults.iter();
		!slot.faults.is_empty() && faults.all(|fault| matches!(fault, Fault::Unreachable { .. }))
	};
	let only_silent =
		report.manifest && report.slots.iter().all(|slot| slot.is_sound() || silent(slot));
	let (exit, code) = if only_silent {
		(Exit::Insufficient, "providers_unreachable")
	} else {
		(Exit::Corrupt, "not_sound")
	};
	let message = if report.manifest {
		format!("slots {bad:?} of deal {} are not sound", report.deal)
	} else {
		format!("the manifest of deal {} does not follow from its roots", report.deal)
	};
	Err(CliError::new(exit, message).code(code))
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_client::account::AccountId;

	fn report(faults: &[Fault]) -> VerifyReport {
		let slot = |slot, faults: &[Fault]| SlotReport {
			slot,
			provider: Some(AccountId([slot; 32])),
			good: if faults.is_empty() { 3 } else { 1 },
			owed: 3,
			faults: faults.to_vec(),
			unsigned: Vec::new(),
		};
		let slots = vec![slot(0, &[]), slot(1, faults)];
		VerifyReport { deal: 7, generation: 1, mdus: 3, manifest: true, slots }
	}

	fn exit(report: &VerifyReport) -> Option<Exit> {
		verdict(report).err().map(|error| error.exit())
	}

	#[test]
	fn a_slot_is_only_silent_if_nothing_else_is_wrong_with_it() {
		let wrong = Fault::Wrong { mdu: 0, rows: vec![1] };
		let missing = Fault::Missing { mdu: 1, reason: "not found".into() };
		let silent = Fault::Unreachable { reason: "connection refused".into() };
		assert_eq!(exit(&report(&[])), None);
		assert_eq!(exit(&report(std::slice::from_ref(&silent))), Some(Exit::Insufficient));
		for fault in [wrong, missing] {
			assert_eq!(exit(&report(std::slice::from_ref(&fault))), Some(Exit::Corrupt));
			// It answered, with that, until it did not answer any more.
			assert_eq!(exit(&report(&[fault, silent.clone()])), Some(Exit::Corrupt));
		}
		let manifest = VerifyReport { manifest: false, ..report(&[silent]) };
		assert_eq!(exit(&manifest), Some(Exit::Corrupt));
	}

	#[test]
	fn a_slot_that_nobody_holds_has_lost_what_it_owes() {
		let mut report = report(&[]);
		report.slots[1].provider = None;
		assert_eq!(exit(&report), Some(Exit::Corrupt));
	}
}
