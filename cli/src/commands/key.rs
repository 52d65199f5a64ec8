//! `nil key`: make and show keys.

use crate::{
	args::KeyCommand,
	context::{self, Context},
	error::Result,
	output::fields,
};
use nil_client::keys;
use serde_json::json;

/// Runs a command.
pub fn run(command: KeyCommand, context: &Context) -> Result<()> {
	match command {
		KeyCommand::New { output } => {
			let path = output.map_or_else(context::key_path, Ok)?;
			let signer = keys::create_key_file(
				&path,
				"Account key of the nil command. Whoever has it controls the account's funds and deals.",
			)?;
			let account = signer.account_id();
			let document = json!({ "account": account, "file": path });
			context.output.result(&document, || {
				format!("made account {account}\nits key is in {}: keep a copy", path.display())
			})
		},
		KeyCommand::Show => show(context),
	}
}

fn show(context: &Context) -> Result<()> {
	let account = context.signer()?.account_id();
	let identity = context::identity_path()?;
	let recipient = context::own_recipients()?.map(|own| own.texts().join(" "));
	let document = json!({
		"account": account,
		"recipient": recipient,
		"identity_file": recipient.as_ref().map(|_| &identity),
	});
	context.output.result(&document, || {
		let none = || "none yet: the first put makes one".to_owned();
		fields(&[
			("account", account.to_string()),
			("age recipient", recipient.clone().unwrap_or_else(none)),
			("identity", identity.display().to_string()),
		])
	})
}
