//! The demo, on a network of its own. First act: store a directory of real files, kill four providers, read everything back
//! and compare it bit for bit. Second act ([`super::healing`]): one provider loses data and one is gone for good, and the
//! network replaces both. At the end, the account of the deal's rent.

use super::{
	files::{self, Tree},
	healing::{self, Healed, Scene},
	ledger::{Account, Ledger, News},
	network::{Network, Wanted},
	own::Nil,
	process::Lifetime,
	state::Home,
};
use crate::{
	args::DemoArgs,
	error::{CliError, Exit, Result},
	output::{Align, Output, table, write_stdout},
	units,
};
use futures::future::try_join_all;
use nil_client::{account::AccountId, chain::Chain};
use nil_types::{DealId, DutyInfo};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::{
	path::Path,
	time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// A deal's twelve, and some to take over from them.
const PROVIDERS: u16 = 16;
const KILLED: usize = 4;
const SMALL_FILES: u32 = 120;
/// The least milliseconds between blocks: few enough that the rounds of samples after which somebody counts as gone do not
/// take minutes, enough for a busy machine.
const BLOCK_MS: u64 = 300;
/// Blocks for which providers may be away without losing a slot: five rounds of 20. The sixth silent one would cost it.
const PATIENCE: u64 = 100;
/// Bytes per second at which a small machine reads.
const SLOW: u64 = 8_000_000;
/// The longest that one step may take.
pub const STEP: Duration = Duration::from_secs(600);

/// One line of the table at the end.
#[derive(Debug)]
struct Step {
	what: String,
	bytes: Option<u64>,
	time: Duration,
}

/// What the demo did, for the table and for JSON.
#[derive(Debug, Default)]
pub struct Record {
	steps: Vec<Step>,
}

impl Record {
	/// A step that took so long.
	pub fn add(&mut self, what: impl Into<String>, bytes: Option<u64>, time: Duration) {
		self.steps.push(Step { what: what.into(), bytes, time });
	}

	fn table(&self) -> String {
		let mut rows = vec![["what", "bytes", "seconds", "MB/s"].map(Into::into).to_vec()];
		rows.extend(self.steps.iter().map(|step| {
			vec![
				step.what.clone(),
				step.bytes.map_or(String::new(), |bytes| bytes.to_string()),
				format!("{:.1}", step.time.as_secs_f64()),
				step.bytes
					.map_or(String::new(), |bytes| format!("{:.1}", units::rate(bytes, step.time))),
			]
		}));
		table(&[Align::Left, Align::Right, Align::Right, Align::Right], &rows)
	}

	fn json(&self) -> Value {
		let steps = self.steps.iter().map(|step| {
			json!({
				"what": step.what,
				"bytes": step.bytes,
				"seconds": step.time.as_secs_f64(),
				"mb_per_second": step.bytes.map(|bytes| units::rate(bytes, step.time)),
			})
		});
		steps.collect()
	}
}

/// Runs the demo. Its last line begins with `DEMO OK` or `DEMO FAILED`.
pub async fn run(arguments: &DemoArgs, output: &Output) -> Result<()> {
	let dir = tempfile::Builder::new()
		.prefix("nil-demo-")
		.tempdir()
		.map_err(|error| CliError::local("a temporary directory", &error))?;
	let mut record = Record::default();
	let start = Instant::now();
	let outcome = tokio::select! {
		outcome = play(arguments, dir.path(), &mut record, output) => outcome,
		() = super::asked_to_stop() => Err(CliError::new(Exit::Interrupted, "interrupted")),
	};
	let logs = dir.path().join("net/logs");
	let seconds = start.elapsed().as_secs_f64();
	let keep = arguments.keep || outcome.is_err();
	finish(dir, keep, output);
	let verdict = match &outcome {
		Ok(played) => format!(
			"DEMO OK {} files, {} stored and read back bit for bit without {KILLED} of the deal's \
			 12 providers; {} slots moved during {} reads; the rent adds up; {seconds:.0} s",
			played.files,
			units::size(played.bytes),
			played.moved,
			played.reads,
		),
		Err(error) => format!("DEMO FAILED: {error} (logs: {})", logs.display()).replace('\n', " "),
	};
	if output.json {
		let played = outcome.as_ref().ok();
		let document = json!({
			"ok": outcome.is_ok(),
			"verdict": verdict,
			"steps": record.json(),
			"reads": played.map(|played| played.reads),
			"rent": played.map(|played| played.account.json()),
		});
		output.result(&document, String::new)?;
	} else {
		let account = match &outcome {
			Ok(played) => format!("{}\n", played.account.table()),
			Err(_) => String::new(),
		};
		write_stdout(format!("\n{}\n{account}{verdict}\n", record.table()).as_bytes())?;
	}
	match outcome {
		Ok(_) => Ok(()),
		// The verdict has said why; the line must stay the last one.
		Err(error) => Err(error.told()),
	}
}

/// What was done.
struct Played {
	/// Files that were stored.
	files: usize,
	/// Their bytes.
	bytes: u64,
	/// Reads during the second act.
	reads: usize,
	/// Slots that moved in it.
	moved: usize,
	/// Where the rent is.
	account: Account,
}

async fn play(
	arguments: &DemoArgs,
	dir: &Path,
	record: &mut Record,
	output: &Output,
) -> Result<Played> {
	let say = |text: &str| output.note(text);
	say("making files ..");
	let start = Instant::now();
	let source = dir.join("files");
	let tree = Tree { large: arguments.size, small: SMALL_FILES };
	let (count, bytes) = files::make_tree(&source, tree)?;
	record.add(format!("make {count} files"), Some(bytes), start.elapsed());

	let wanted = Wanted {
		providers: PROVIDERS,
		fresh: true,
		block_ms: Some(block_ms(bytes)),
		rpc_port: Some(0),
		usual_ports: false,
		lifetime: Lifetime::Bound,
	};
	let start = Instant::now();
	let mut network = Guard(Network::up(Home::at(dir.join("net")), wanted, output).await?);
	record.add(format!("start 1 node and {PROVIDERS} providers"), None, start.elapsed());

	let nil = Nil::new(network.0.state().url(), &dir.join("config"))?;
	let chain = Chain::connect(&network.0.state().url()).await?;
	let news = News::of(chain.clone()).await?;
	say("creating a deal with profile 8+4 ..");
	let size = (bytes * 2).to_string();
	let created = nil
		.run(["deal", "create", "--profile", "8+4", "--size", &size, "--duration", "30d"], STEP)
		.await?;
	let deal = number(&created.value, "deal")?;
	let mut ledger = Ledger::new(deal, news);
	record.add(format!("create deal {deal}, draw its slots"), None, created.time);

	say("storing the files ..");
	let target = format!("{deal}:/demo");
	let put = nil.run([Path::new("put"), &source, Path::new(&target)], STEP).await?;
	record.add("nil put (encrypt, code, commit, upload)", Some(bytes), put.time);

	say("waiting for the first samples to be answered ..");
	let start = Instant::now();
	all_answer(&chain, deal).await?;
	record.add("all 12 prove that they have it", None, start.elapsed());

	let shown = nil.run(["deal", "show", &deal.to_string()], STEP).await?;
	let since = Instant::now();
	let killed = network.0.kill_holders(&shown.value, KILLED)?;
	let names: Vec<_> = killed.iter().map(|index| network.0.name(*index)).collect();
	say(&format!("killed {} ..", names.join(", ")));
	record.add(format!("SIGKILL {}", names.join(", ")), None, Duration::ZERO);

	say("reading everything back ..");
	let restored = dir.join("restored");
	let get =
		nil.run([Path::new("get"), Path::new(&target), Path::new("-o"), &restored], STEP).await?;
	record.add("nil get (fetch, rebuild, check, decrypt)", Some(bytes), get.time);
	// Before anything else: the chain's patience with those that are away runs out.
	healing::bring_back(&mut network.0, &killed, record).await?;

	let start = Instant::now();
	files::compare(&source, &restored)?;
	record.add("compare bit for bit", Some(bytes), start.elapsed());

	let (small, part, place) = (source.join("small"), format!("{target}/small"), dir.join("reads"));
	let scene = Scene {
		network: &network.0,
		nil: &nil,
		deal,
		killed: &killed,
		since,
		source: &small,
		target: &part,
		place: &place,
	};
	let Healed { reads, moved } = healing::play(scene, &chain, &mut ledger, record, output).await?;
	say("waiting until rent was paid ..");
	let limit = healing::limit(&network.0);
	let account = timeout(limit, ledger.account(&chain)).await.map_err(|_| {
		CliError::failure(format_args!("no rent was paid within {} s", limit.as_secs()))
	})??;

	say("stopping everything ..");
	let start = Instant::now();
	network.0.stop();
	record.add("stop everything", None, start.elapsed());
	Ok(Played { files: count, bytes, reads, moved, account })
}

/// Milliseconds between blocks, for so many bytes: they can be read three times before who was killed loses a slot.
fn block_ms(bytes: u64) -> u64 {
	let thrice = bytes.saturating_mul(3 * 1000) / SLOW;
	BLOCK_MS.max(thrice / PATIENCE)
}

/// Waits until each provider of the deal has answered all samples of a round. The chain watches from then on who is silent.
async fn all_answer(chain: &Chain, deal: DealId) -> Result<()> {
	const LOOK: Duration = Duration::from_millis(200);
	let slots = chain.best().slots(deal).await?;
	let mut left: Vec<AccountId> =
		slots.iter().filter_map(|slot| slot.state.provider().copied()).collect();
	let deadline = Instant::now() + STEP;
	while !left.is_empty() {
		let view = chain.best();
		let duties = try_join_all(left.iter().map(|provider| view.duty(*provider))).await?;
		let is_done = |duty: &DutyInfo| duty.due > 0 && duty.answered.len() == duty.due as usize;
		let found = left.into_iter().zip(&duties);
		left = found.filter(|(_, duty)| !is_done(duty)).map(|(provider, _)| provider).collect();
		if Instant::now() >= deadline {
			let count = left.len();
			return Err(CliError::failure(format_args!("{count} providers answer no samples")));
		}
		sleep(LOOK).await;
	}
	Ok(())
}

/// A network that is stopped on every way out, Ctrl-C included.
#[derive(Debug)]
pub struct Guard(pub Network);

impl Drop for Guard {
	fn drop(&mut self) {
		self.0.stop();
	}
}

impl Network {
	/// The name of the provider with a number.
	pub fn name(&self, index: usize) -> String {
		let member = self.state().providers.get(index);
		member.map_or_else(|| format!("provider {index}"), |member| member.name.clone())
	}

	/// Kills the providers of the deal's first `count` slots, which are data slots, so that a reader has to rebuild.
	/// Returns their numbers, in the order of slots.
	fn kill_holders(&self, shown: &Value, count: usize) -> Result<Vec<usize>> {
		let slots = shown.get("slots").and_then(Value::as_array).map(Vec::as_slice);
		let holders =
			slots.unwrap_or_default().iter().filter_map(|slot| slot.get("provider")?.as_str());
		let mut killed = Vec::new();
		for holder in holders.take(count) {
			let (index, member) = self
				.state()
				.providers
				.iter()
				.enumerate()
				.find(|(_, member)| member.operator.as_deref() == Some(holder))
				.ok_or_else(|| CliError::not_found(format_args!("{holder} is none of ours")))?;
			let process = member.process.as_ref();
			if !process.is_some_and(|process| process.signal(Signal::SIGKILL) && process.wait(STEP))
			{
				return Err(CliError::failure(format_args!("{} did not die", member.name)));
			}
			killed.push(index);
		}
		if killed.len() == count {
			Ok(killed)
		} else {
			Err(CliError::failure(format_args!("the deal has {} held slots", killed.len())))
		}
	}
}

/// A number that a command printed.
pub fn number(value: &Value, field: &str) -> Result<u64> {
	value
		.get(field)
		.and_then(Value::as_u64)
		.ok_or_else(|| CliError::failure(format_args!("nil did not tell the {field}: {value}")))
}

fn finish(dir: TempDir, keep: bool, output: &Output) {
	if keep {
		let path = dir.keep();
		output.note(format_args!("kept {}", path.display()));
	} else if let Err(error) = dir.close() {
		output.note(format_args!("the demo's files could not be removed: {error}"));
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn patience_grows_with_what_is_read() {
		// What the default size makes.
		assert_eq!(block_ms(73_582_714), BLOCK_MS);
		assert_eq!(block_ms(800_000_000), 3_000);
	}
}
