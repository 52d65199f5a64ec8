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
/// Blocks within which a slot has another provider, whatever comes between: twelve rounds until its loss shows are 240, and a
/// candidate has 100.
const BLOCKS: u64 = 2_000;
/// Between two reads: the machine is for those who have to answer in time.
const PAUSE: Duration = Duration::from_millis(250);

/// What the second act begins with.
#[derive(Debug)]
pub struct Scene<'a> {
	/// The network, with one provider gone and one careless.
	pub network: &'a Network,
	/// The command.
	pub nil: &'a Nil,
	/// The deal.
	pub deal: DealId,
	/// The first slots' providers. All of them were killed, and all but the first are back.
	pub killed: &'a [usize],
	/// When they were killed.
	pub since: Instant,
	/// A directory, as it was put.
	pub source: &'a Path,
	/// Where it is in the deal.
	pub target: &'a str,
	/// Where reads go to.
	pub place: &'a Path,
}

/// What came of it.
#[derive(Debug)]
pub struct Healed {
	/// Reads, all of them right.
	pub reads: usize,
	/// Slots that moved.
	pub moved: usize,
}

/// A slot that is to move.
struct Loss {
	slot: u64,
	began: Instant,
	moved: bool,
}

/// How long the chain may take for something, by the pace of its blocks.
pub fn limit(network: &Network) -> Duration {
	Duration::from_millis(network.state().block_ms.saturating_mul(BLOCKS))
}

/// Plays it.
pub async fn play(
	scene: Scene<'_>,
	chain: &Chain,
	ledger: &mut Ledger,
	record: &mut Record,
	output: &Output,
) -> Result<Healed> {
	let Scene { network, nil, deal, killed, since, source, target, place } = scene;
	let limit = limit(network);
	let mut reads = 0;
	let heal = async {
		delete(network, nil, killed, record, output).await?;
		let began = [since, Instant::now()];
		let losses = (0..).zip(began).map(|(slot, began)| Loss { slot, began, moved: false });
		let followed = follow(network, ledger, deal, losses.collect(), record, output);
		let moved = timeout(limit, followed).await.map_err(|_| {
			CliError::failure(format_args!("not every slot moved within {} s", limit.as_secs()))
		})??;
		// Those that have the slots now are asked for all of it.
		let verified = nil.run(["verify", &deal.to_string()], STEP).await?;
		record.add("nil verify (every blob of all 12 slots)", None, verified.time);
		Ok::<usize, CliError>(moved)
	};
	let moved = tokio::select! {
		healed = heal => healed?,
		error = read_on(nil, target, source, place, &mut reads) => return Err(error),
	};
	if reads == 0 {
		return Err(CliError::failure("nothing was read while slots moved"));
	}
	if chain.best().slots(deal).await?.iter().any(|slot| slot.state.provider().is_none()) {
		return Err(CliError::failure("a slot has no provider"));
	}
	record.add(format!("{reads} reads of {target} meanwhile, all right"), None, Duration::ZERO);
	Ok(Healed { reads, moved })
}

/// The names of who is gone for good and of who is careless.
fn parts(network: &Network, killed: &[usize]) -> Result<[String; 2]> {
	match *killed {
		[gone, careless, ..] => Ok([gone, careless].map(|index| network.name(index))),
		_ => Err(CliError::failure("too few providers were killed for a second act")),
	}
}

/// Brings all but the first of the killed providers back, the next one careless.
pub async fn bring_back(
	network: &mut Network,
	killed: &[usize],
	record: &mut Record,
) -> Result<()> {
	let [gone, broken] = parts(network, killed)?;
	let began = Instant::now();
	members::neglect(network.home(), &broken)?;
	let back = killed.get(1..).unwrap_or_default();
	network.start_providers(back, &mut Ports::default()).await?;
	let what = format!("bring {} of them back; {gone} is gone for good", back.len());
	record.add(what, None, began.elapsed());
	Ok(())
}

/// Deletes of what the careless provider stores.
async fn delete(
	network: &Network,
	nil: &Nil,
	killed: &[usize],
	record: &mut Record,
	output: &Output,
) -> Result<()> {
	let [_, broken] = parts(network, killed)?;
	let home = network.home().dir().to_string_lossy().into_owned();
	let corrupt = ["devnet", "corrupt", &broken, "--fraction", LOST, "--delete", "--dir", &home];
	let deleted = nil.run(corrupt, STEP).await?;
	let bytes = deleted.value.pointer("/damaged/bytes").and_then(Value::as_u64);
	output.note(format_args!("{broken} has lost {LOST} of its files .."));
	let what = format!("{broken} loses {LOST} of its files, and does not look");
	record.add(what, bytes, deleted.time);
	Ok(())
}

/// Waits until these slots have moved, and all others that the chain takes meanwhile, and tells what happens to them. How many
/// there were.
async fn follow(
	network: &Network,
	ledger: &mut Ledger,
	deal: DealId,
	mut losses: Vec<Loss>,
	record: &mut Record,
	output: &Output,
) -> Result<usize> {
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
			let Some(slot) = slot_of(deal, event) else { continue };
			let is_lost = event.is("Liveness", "SlotTaken") || event.is("Mode2", "SlotEvicted");
			if is_lost && !losses.iter().any(|loss| loss.slot == slot) {
				losses.push(Loss { slot, began: Instant::now(), moved: false });
			}
			let Some(loss) = losses.iter_mut().find(|loss| loss.slot == slot) else { continue };
			// Who got it may lose it as well.
			loss.moved &= !is_lost;
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
	Ok(losses.len())
}

/// The slot of the deal that an event is about.
fn slot_of(deal: DealId, event: &ChainEvent) -> Option<u64> {
	event.number("slot").filter(|_| event.number("deal") == Some(deal))
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
