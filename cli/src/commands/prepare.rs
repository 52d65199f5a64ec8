//! `nil prepare`: everything that a put would make, offline.

use crate::{
	args::PrepareArgs,
	context::{self, Context},
	error::{CliError, Result},
	output::fields,
	progress::Watch,
	units,
};
use nil_client::prepare::{PrepareOptions, prepare};
use nil_types::Profile;

/// Runs the command.
pub async fn run(arguments: &PrepareArgs, context: &Context) -> Result<()> {
	std::fs::symlink_metadata(&arguments.path)
		.map_err(|error| CliError::local(arguments.path.display(), &error))?;
	let profile = Profile { code: arguments.code.into(), ..arguments.profile };
	let watch = Watch::new("prepare", &context.output);
	let (sealing, _) = context::sealing(&arguments.sealing, &context.output)?;
	let mut options = PrepareOptions::new(profile, sealing);
	options.progress = watch.progress();
	let prepared = prepare(&arguments.path, &arguments.output, options).await;
	watch.finish();
	let prepared = prepared?;
	context.output.result(&prepared, || {
		fields(&[
			("prepared", format!("{} files, {}", prepared.files, units::size(prepared.bytes))),
			("profile", format!("{} {}", prepared.profile, prepared.profile.code)),
			("MDUs", prepared.roots.len().to_string()),
			("index root", format!("{:?}", prepared.index_root)),
			(
				"manifest",
				prepared.manifests.iter().map(|p| format!("{p:?}")).collect::<Vec<_>>().join(" "),
			),
			("written to", prepared.directory.display().to_string()),
		])
	})
}
