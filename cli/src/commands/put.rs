//! `nil put`: store a file or a directory.

use crate::{
	args::PutArgs,
	context::{Context, put_options},
	error::{CliError, Result},
	output::fields,
	progress::{Seen, Usage, Watch},
	units,
};
use nil_client::put::{self, PutReport};
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// What a put, or a removal, did.
#[derive(Debug, Serialize)]
pub struct Outcome {
	/// The client's report.
	#[serde(flatten)]
	pub report: PutReport,
	/// What happened on the way.
	#[serde(flatten)]
	pub seen: Seen,
	/// What it took of this machine.
	pub usage: Usage,
}

/// Runs the command.
pub async fn run(arguments: &PutArgs, context: &Context) -> Result<()> {
	std::fs::symlink_metadata(&arguments.path)
		.map_err(|error| CliError::local(arguments.path.display(), &error))?;
	let signer = context.signer()?;
	let watch = Watch::new("put", &context.output);
	let options = put_options(&arguments.sealing, &watch, &context.output)?;
	let chain = context.chain().await?;
	let target = arguments.target.path.as_deref().unwrap_or_default();
	let deal = arguments.target.deal;
	let put = put::put(Arc::new(chain), &signer, deal, &arguments.path, target, options).await;
	let seen = watch.finish();
	let outcome = Outcome { report: put?, seen, usage: Usage::now() };
	context.output.result(&outcome, || {
		let report = &outcome.report;
		let time = Duration::from_secs_f64(report.timings.total);
		let mut heads = vec![
			("stored", format!("{} files, {}", report.files, units::size(report.bytes))),
			("deal", format!("{} at generation {}", report.deal, report.generation)),
			("on providers", units::size(report.stored_bytes)),
			(
				"time",
				format!("{:.1} s, {:.1} MB/s", time.as_secs_f64(), units::rate(report.bytes, time)),
			),
			("used", outcome.usage.text()),
		];
		let silent: Vec<_> = report
			.commits
			.iter()
			.filter(|commit| !commit.silent.is_empty())
			.map(|commit| format!("{:?} of generation {}", commit.silent, commit.generation))
			.collect();
		if !silent.is_empty() {
			heads.push(("not signed by", format!("slots {}", silent.join(", "))));
		}
		if !report.skipped.is_empty() {
			heads.push(("left out", report.skipped.join(", ")));
		}
		fields(&heads)
	})
}
