//! `nil get` and `nil cat`: read back, every byte checked.

use crate::{
	args::{CatArgs, GetArgs},
	context::{Context, read_options},
	error::{CliError, Result},
	output::fields,
	progress::{FailedSlot, Seen, Usage, Watch},
	target::Target,
	units,
};
use nil_client::get::{GetReport, Reader};
use serde::Serialize;
use std::{
	path::PathBuf,
	pin::Pin,
	sync::Arc,
	task::{Poll, ready},
	time::Duration,
};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// What a get did.
#[derive(Debug, Serialize)]
struct Outcome {
	output: PathBuf,
	#[serde(flatten)]
	report: GetReport,
	failed: Vec<FailedSlot>,
	warnings: Vec<String>,
	usage: Usage,
}

/// Runs `nil get`.
pub async fn run(arguments: &GetArgs, context: &Context) -> Result<()> {
	let watch = Watch::new("get", &context.output);
	let options = read_options(&arguments.opening, &watch)?;
	let chain = Arc::new(context.chain().await?);
	let path = arguments.target.path.as_deref().unwrap_or_default().trim_end_matches('/');
	let reader = Reader::open(chain, arguments.target.deal, options).await?;
	let own_name = path.rsplit('/').next().filter(|name| !name.is_empty());
	let default = || match own_name {
		Some(name) => PathBuf::from(name),
		None => PathBuf::from(format!("deal-{}", arguments.target.deal)),
	};
	let output = match (&arguments.output, own_name) {
		// A file that is read into a directory keeps its name, as with cp.
		(Some(output), Some(name)) if output.is_dir() && reader.fs().stat(path).is_some() => {
			output.join(name)
		},
		(Some(output), _) => output.clone(),
		(None, _) => default(),
	};
	let got = reader.get(path, &output, arguments.force).await;
	let Seen { failed, warnings, .. } = watch.finish();
	let outcome = Outcome { output, report: got?, failed, warnings, usage: Usage::now() };
	context.output.result(&outcome, || {
		let report = &outcome.report;
		let time = Duration::from_secs_f64(report.seconds);
		let mut heads = vec![
			("read", format!("{} files, {}", report.files, units::size(report.bytes))),
			("into", outcome.output.display().to_string()),
			(
				"time",
				format!("{:.1} s, {:.1} MB/s", report.seconds, units::rate(report.bytes, time)),
			),
			("used", outcome.usage.text()),
		];
		if !outcome.failed.is_empty() {
			let slots: Vec<_> = outcome.failed.iter().map(|failed| failed.slot).collect();
			heads.push(("without", format!("slots {slots:?}, which did not answer")));
		}
		if !report.blamed.is_empty() {
			let mut slots: Vec<_> = report.blamed.iter().map(|blame| blame.slot).collect();
			slots.dedup();
			heads.push(("wrong bytes", format!("slots {slots:?}, rebuilt from others")));
		}
		fields(&heads)
	})
}

/// Runs `nil cat`.
pub async fn cat(arguments: &CatArgs, context: &Context) -> Result<()> {
	let path = needed_path(&arguments.target)?;
	// Bytes go to the terminal, where a bar would be in their way.
	let watch = Watch::silent(&context.output);
	let options = read_options(&arguments.opening, &watch)?;
	let chain = Arc::new(context.chain().await?);
	let reader = Reader::open(chain, arguments.target.deal, options).await?;
	let Some(stat) = reader.fs().stat(path) else {
		return Err(if reader.fs().list(path).is_some() {
			CliError::usage(format_args!("{path:?} is a directory"))
				.code("is_directory")
				.hint(format_args!("read it with `nil get {}`", arguments.target))
		} else {
			nothing_at(&arguments.target)
		});
	};
	let (offset, length) = match arguments.range {
		None => (0, stat.size),
		Some(range) => range.within(stat.size).ok_or_else(|| {
			CliError::usage(format_args!(
				"the range {range} begins past the end: {} has {} bytes",
				arguments.target, stat.size
			))
			.code("bad_range")
		})?,
	};
	let mut sink = Stdout(tokio::io::stdout());
	reader.cat(path, offset..offset.saturating_add(length), &mut sink).await?;
	sink.flush().await.map_err(|error| CliError::local("standard output", &error))
}

/// The path of a target that must have one.
pub fn needed_path(target: &Target) -> Result<&str> {
	target.path.as_deref().map(|path| path.trim_end_matches('/')).ok_or_else(|| {
		CliError::usage(format_args!("which file? write {}:/path", target.deal))
			.hint(format_args!("`nil ls {}` lists them", target.deal))
	})
}

/// The deal has nothing at the target's path.
pub fn nothing_at(target: &Target) -> CliError {
	CliError::not_found(format_args!("there is nothing at {target}"))
		.code("path_not_found")
		.hint(format_args!("`nil ls {}` lists what there is", target.deal))
}

/// Standard output whose reader may have seen enough: what it does not take any more is dropped.
struct Stdout(tokio::io::Stdout);

impl AsyncWrite for Stdout {
	fn poll_write(
		mut self: Pin<&mut Self>,
		context: &mut std::task::Context<'_>,
		bytes: &[u8],
	) -> Poll<std::io::Result<usize>> {
		match ready!(Pin::new(&mut self.0).poll_write(context, bytes)) {
			Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
				Poll::Ready(Ok(bytes.len()))
			},
			other => Poll::Ready(other),
		}
	}

	fn poll_flush(
		mut self: Pin<&mut Self>,
		context: &mut std::task::Context<'_>,
	) -> Poll<std::io::Result<()>> {
		match ready!(Pin::new(&mut self.0).poll_flush(context)) {
			Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Poll::Ready(Ok(())),
			other => Poll::Ready(other),
		}
	}

	fn poll_shutdown(
		mut self: Pin<&mut Self>,
		context: &mut std::task::Context<'_>,
	) -> Poll<std::io::Result<()>> {
		Pin::new(&mut self.0).poll_shutdown(context)
	}
}
