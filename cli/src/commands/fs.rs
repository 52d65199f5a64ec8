//! `nil ls`, `nil stat` and `nil rm`: names in a deal.

use super::{
	get::{needed_path, nothing_at},
	put::Outcome,
};
use crate::{
	args::{LsArgs, RmArgs, StatArgs},
	context::{Context, put_options, read_options},
	error::{CliError, Result},
	output::{Align, fields, table},
	progress::{Usage, Watch},
	target::Target,
	units,
};
use nil_client::{
	fs::{DealFs, Listed, Stat},
	get::Reader,
	prepare::Parent,
	put,
};
use nil_slab::Encryption;
use serde_json::json;
use std::{
	fs::OpenOptions,
	io::{self, Write},
	os::unix::fs::OpenOptionsExt,
	path::Path,
	sync::Arc,
};

/// Runs `nil ls`.
pub async fn ls(arguments: &LsArgs, context: &Context) -> Result<()> {
	let target = &arguments.target;
	let reader = open(target, &arguments.opening, context).await?;
	let path = target.path.as_deref().unwrap_or_default();
	let listed = list(reader.fs(), path).ok_or_else(|| nothing_at(target))?;
	if let Some(file) = &arguments.save_index {
		let index = Parent::of(target.deal, reader.fs());
		save_index(&index, file).map_err(|error| CliError::local(file.display(), &error))?;
	}
	let document = json!({
		"deal": target.deal,
		"generation": reader.fs().generation(),
		"path": path.trim_end_matches('/'),
		"entries": listed,
	});
	context.output.result(&document, || {
		let rows: Vec<_> = listed.iter().map(row).collect();
		table(&[Align::Right, Align::Left, Align::Left, Align::Left], &rows)
	})
}

/// Writes the whole index in clear to a new file that its owner alone can read: it has the names of encrypted files.
fn save_index(index: &Parent, file: &Path) -> io::Result<()> {
	let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
	file.write_all(&index.save())
}

/// The top of a deal without files is an empty directory.
fn list(fs: &DealFs, path: &str) -> Option<Vec<Listed>> {
	fs.list(path).or_else(|| path.trim_end_matches('/').is_empty().then(Vec::new))
}

fn row(listed: &Listed) -> Vec<String> {
	match listed {
		Listed::Directory { name } => {
			vec!["-".into(), String::new(), String::new(), format!("{name}/")]
		},
		Listed::File { name, stat } => vec![
			stat.size.to_string(),
			units::timestamp(stat.mtime),
			encryption(stat.encryption).into(),
			name.clone(),
		],
	}
}

fn encryption(kind: Encryption) -> &'static str {
	match kind {
		Encryption::Plain => "plain",
		Encryption::Age => "age",
	}
}

/// Runs `nil stat`.
pub async fn stat(arguments: &StatArgs, context: &Context) -> Result<()> {
	let target = &arguments.target;
	let path = needed_path(target)?;
	let reader = open(target, &arguments.opening, context).await?;
	let stat = reader.fs().stat(path).ok_or_else(|| nothing_at(target))?;
	context.output.result(&stat, || describe(target, &stat))
}

fn describe(target: &Target, stat: &Stat) -> String {
	fields(&[
		("file", target.to_string()),
		("size", format!("{} ({} bytes)", units::size(stat.size), stat.size)),
		("stored", format!("{} bytes in {} extents", stat.stored, stat.extents)),
		("modified", units::timestamp(stat.mtime)),
		("encryption", encryption(stat.encryption).into()),
		("BLAKE2b-256", format!("{:?} of the stored bytes", stat.hash)),
	])
}

/// Runs `nil rm`.
pub async fn rm(arguments: &RmArgs, context: &Context) -> Result<()> {
	let Some(first) = arguments.targets.first() else {
		return Err(CliError::usage("which files?"));
	};
	if let Some(other) = arguments.targets.iter().find(|target| target.deal != first.deal) {
		return Err(CliError::usage(format_args!(
			"{first} and {other} are in different deals: remove them one deal at a time"
		)));
	}
	let paths = arguments
		.targets
		.iter()
		.map(|target| needed_path(target).map(ToOwned::to_owned))
		.collect::<Result<Vec<_>>>()?;
	let signer = context.signer()?;
	let watch = Watch::new("rm", &context.output);
	let options = put_options(&arguments.sealing, &watch, &context.output)?;
	let chain = context.chain().await?;
	let removed = put::remove(Arc::new(chain), &signer, first.deal, &paths, options).await;
	let seen = watch.finish();
	let outcome = Outcome { report: removed?, seen, usage: Usage::now() };
	context.output.result(&outcome, || {
		let report = &outcome.report;
		format!(
			"removed {} files, {}; deal {} is at generation {}",
			report.files,
			units::size(report.bytes),
			report.deal,
			report.generation
		)
	})
}

async fn open(
	target: &Target,
	opening: &crate::args::Opening,
	context: &Context,
) -> Result<Reader> {
	let watch = Watch::silent(&context.output);
	let options = read_options(opening, &watch)?;
	let chain = Arc::new(context.chain().await?);
	Ok(Reader::open(chain, target.deal, options).await?)
}
