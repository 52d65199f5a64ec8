//! The demo's second act: a disk that loses data, a provider that is gone for good, and a network that replaces both by
//! itself while somebody reads.
//!
//! Nobody touches a key. Who lost data answers some of its samples only, until its slot has too many misses. Who is gone
//! answers none, until it has been silent for too long. Either slot goes to a provider that the chain draws, which rebuilds
//! and proves it.

use super::{
	demo::{Record, STEP},
	files,
	ledger::Ledger,
	members,
	network::Network,
	own::Nil,
	ports::Ports,
};
use crate::{
	error::{CliError, Result},
	output::Output,
};
use nil_client::{
	account::AccountId,
	chain::{Chain, ChainEvent},
};
use nil_types::DealId;
use serde_json::Value;
use std::{
	fs,
	path::Path,
	time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// The share of its files that the careless provider loses.
const LOST: &str = "60%";
/// Between two reads: the machine is for those who have to answer in time.
const PAUSE: Duration = Duration::from_millis(250);

/// What the second act begins with.
#[derive(Debug)]
pub struct Scene<'a> {
	/// The network, with some providers killed.
	pub network: &'a mut Network,
	/// The command.
	pub nil: &'a Nil,
	/// The deal.
	pub deal: DealId,
	/// The first slots' providers, all of them killed.
	pub killed: &'a [usize],
	/// A directory, as it was put.
	pub source: &'a Path,
	/// Where it is in the deal.
	pub target: &'a str,
	/// Where reads go to.
	pub place: &'a Path,
}

/// A slot that is to move.
struct Loss {
	slot: u64,
	began: Instant,
	moved: bool,
}

/// Plays it. Returns how many reads there were, all of them right.
pub async fn play(
	scene: Scene<'_>,
	chain: &Chain,
	ledger: &mut Ledger,
	record: &mut Record,
	output: &Output,
) -> Result<usize> {
	let Scene { network, nil, deal, killed, source, target, place } = scene;
	let mut reads = 0;
	let heal = async {
		let losses = cause(network, nil, killed, record, output).await?;
		let followed = follow(network, ledger, deal, losses, record, output);
		timeout(STEP, followed).await.map_err(|_| {
			CliError::failure(format_args!("no slot moved within {} s", STEP.as_secs()))
		})??;
		// Those that have the slots now are asked for all of it.
		let verified = nil.run(["verify", &deal.to_string()], STEP).await?;
		record.add("nil verify (every blob of all 12 slots)", None, verified.time);
		Ok::<(), CliError>(())
	};
	tokio::select! {
		healed = heal => healed?,
		error = read_on(nil, target, source, place, &mut reads) => return Err(error),
	}
	if chain.best().slots(deal).await?.iter().any(|slot| slot.state.provider().is_none()) {
		return Err(CliError::failure("a slot has no provider"));
	}
	record.add(format!("{reads} reads of {target} meanwhile, all right"), None, Duration::ZERO);
	Ok(reads)
}

/// Brings all but the first of the killed providers back, one of them careless, and deletes of what that stores.
async fn cause(
	network: &mut Network,
	nil: &Nil,
	killed: &[usize],
	record: &mut Record,
	output: &Output,
) -> Result<Vec<Loss>> {
	let [gone, careless, ..] = *killed else {
		return Err(CliError::failure("too few providers were killed for a second act"));
	};
	let (gone, broken) = (network.name(gone), network.name(careless));
	let began = Instant::now();
	members::neglect(network.home(), &broken)?;
	let back = killed.get(1..).unwrap_or_default();
	network.start_providers(back, &mut Ports::default()).await?;
	let what = format!("bring {} of them back; {gone} is gone for good", back.len());
	record.add(what, None, began.elapsed());

	let home = network.home().dir().to_string_lossy().into_owned();
	let corrupt = ["devnet", "corrupt", &broken, "--fraction", LOST, "--delete", "--dir", &home];
	let deleted = nil.run(corrupt, STEP).await?;
	let bytes = deleted.value.pointer("/damaged/bytes").and_then(Value::as_u64);
	output.note(format_args!("{broken} has lost {LOST} of its files .."));
	let what = format!("{broken} loses {LOST} of its files, and does not look");
	record.add(what, bytes, deleted.time);
	let now = Instant::now();
	Ok((0..2).map(|slot| Loss { slot, began: now, moved: false }).collect())
}

/// Waits until every slot has moved, and tells what happens to them.
async fn follow(
	network: &Network,
	ledger: &mut Ledger,
	deal: DealId,
	mut losses: Vec<Loss>,
	record: &mut Record,
	output: &Output,
) -> Result<()> {
	while !losses.iter().all(|loss| loss.moved) {
		let (_, events) = ledger.next().await?;
		for event in &events {
			let who = event.account("provider").map(|account| name_of(network, account));
			let who = who.unwrap_or_default();
			let count = |field| event.number(field).unwrap_or_default();
			if event.is("Liveness", "Reported") {
				output.note(format_args!("{who} is jailed .."));
				let began = losses.first().map_or_else(Instant::now, |loss| loss.began);
				let what = format!("{who} jailed: silent in {} rounds in a row", count("silent"));
				record.add(what, None, began.elapsed());
				continue;
			}
			let Some(loss) = lost(&mut losses, deal, event) else { continue };
			let slot = loss.slot;
			let what = match event.name.as_str() {
				"SlotTaken" => format!("slot {slot} taken from {who}: {} misses", count("misses")),
				"RepairCompleted" => {
					loss.moved = true;
					format!("slot {slot} rebuilt and proved by {who}")
				},
				_ => continue,
			};
			output.note(format_args!("{what} .."));
			record.add(what, None, loss.began.elapsed());
		}
	}
	Ok(())
}

/// The loss that an event is about.
fn lost<'a>(losses: &'a mut [Loss], deal: DealId, event: &ChainEvent) -> Option<&'a mut Loss> {
	if event.number("deal") != Some(deal) {
		return None;
	}
	let slot = event.number("slot")?;
	losses.iter_mut().find(|loss| loss.slot == slot)
}

/// A provider's name in the network.
fn name_of(network: &Network, operator: AccountId) -> String {
	let operator = operator.to_string();
	let is_it = |found: &Option<String>| found.as_deref() == Some(operator.as_str());
	let member = network.state().providers.iter().find(|member| is_it(&member.operator));
	member.map_or_else(|| operator.clone(), |member| member.name.clone())
}

/// Reads the same directory over and over, until a read fails.
async fn read_on(
	nil: &Nil,
	target: &str,
	source: &Path,
	place: &Path,
	reads: &mut usize,
) -> CliError {
	loop {
		let read = async {
			let get = [Path::new("get"), Path::new(target), Path::new("-o"), place];
			nil.run(get, STEP).await?;
			files::compare(source, place)?;
			fs::remove_dir_all(place).map_err(|error| CliError::local(place.display(), &error))
		};
		if let Err(error) = read.await {
			return error;
		}
		*reads += 1;
		sleep(PAUSE).await;
	}
}
