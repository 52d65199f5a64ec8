//! `nil prepare`: everything that a put would make, offline.

use crate::{
	args::PrepareArgs,
	context::{self, Context},
	error::{CliError, Result},
	output::fields,
	progress::Watch,
	units,
};
use nil_client::prepare::{Parent, PrepareOptions, prepare};
use nil_types::Profile;

/// Runs the command.
pub async fn run(arguments: &PrepareArgs, context: &Context) -> Result<()> {
	std::fs::symlink_metadata(&arguments.path)
		.map_err(|error| CliError::local(arguments.path.display(), &error))?;
	let profile = Profile { code: arguments.code.into(), ..arguments.profile };
	let parent = arguments
		.parent_index
		.as_deref()
		.map(|path| std::fs::read(path).map_err(|error| CliError::local(path.display(), &error)));
	let parent = parent.transpose()?;
	let (sealing, identities) = context::sealing(&arguments.sealing, &context.output)?;
	let parent = parent.map(|bytes| Parent::read(&bytes, &identities)).transpose()?;
	let watch = Watch::new("prepare", &context.output);
	let options = PrepareOptions {
		target: arguments.deal.path.clone().unwrap_or_default(),
		deal: arguments.deal.deal,
		base_gen: arguments.base_gen,
		first_mdu: arguments.first_mdu,
		parent,
		progress: watch.progress(),
		..PrepareOptions::new(profile, sealing)
	};
	let prepared = prepare(&arguments.path, &arguments.output, options).await;
	watch.finish();
	let prepared = prepared?;
	context.output.result(&prepared, || {
		fields(&[
			("prepared", format!("{} files, {}", prepared.files, units::size(prepared.bytes))),
			("deal", format!("{} upon generation {}", prepared.deal, prepared.base_gen)),
			("profile", format!("{} {}", prepared.profile, prepared.profile.code)),
			("MDUs", format!("{} from {} on", prepared.roots.len(), prepared.first_mdu)),
			("index root", format!("{:?}", prepared.index_root)),
			(
				"manifest",
				prepared.manifests.iter().map(|p| format!("{p:?}")).collect::<Vec<_>>().join(" "),
			),
			("written to", prepared.directory.display().to_string()),
		])
	})
}
