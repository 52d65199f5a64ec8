//! `nil deal`: create, look at, fund, share and end deals.

use super::{
	health::Health,
	repairs::{self, Repairs},
};
use crate::{
	args::{DealCommand, DealCreateArgs},
	context::Context,
	error::{CliError, Result},
	output::{Align, fields, table},
	units::{self, amount},
};
use nil_client::{
	account::AccountId,
	chain::{Call, Chain, ChainError, CreateDeal, WaitFor},
	wire::Endpoint,
};
use nil_types::{
	Amount, CommitInfo, ContentShape, DealId, DealInfo, DealStatus, Generation, Profile,
	RelayBlock, SlotInfo, SlotState, Terms, deal::SerdeBytes, layout::rent,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Commits that an escrow computed from a size allows for.
const COMMITS: Amount = 64;

/// Runs a command.
pub async fn run(command: DealCommand, context: &Context) -> Result<()> {
	match command {
		DealCommand::Create(arguments) => create(&arguments, context).await,
		DealCommand::List { owner } => list(owner.as_deref(), context).await,
		DealCommand::Show { deal } => show(deal, context).await,
		DealCommand::RepairStatus { deal, watch } => repairs::status(deal, watch, context).await,
		DealCommand::TopUp { deal, amount } => {
			let told = format!("added {} to deal {deal}", units::amount(amount));
			change(deal, &Call::top_up(deal, amount), told, context).await
		},
		DealCommand::Extend { deal, duration } => {
			let told = format!("deal {deal} lasts {} longer", units::blocks(duration));
			change(deal, &Call::extend_deal(deal, duration), told, context).await
		},
		DealCommand::Authorize { deal, account, bytes, duration } => {
			authorize(deal, account, bytes, duration, context).await
		},
		DealCommand::Revoke { deal, account } => revoke(deal, account, context).await,
		DealCommand::Cancel { deal } => cancel(deal, context).await,
	}
}

async fn create(arguments: &DealCreateArgs, context: &Context) -> Result<()> {
	let signer = context.signer()?;
	let chain = context.chain().await?;
	let profile = Profile { code: arguments.code.into(), ..arguments.profile };
	let terms = chain.best().terms().await?;
	let escrow = match (arguments.escrow, arguments.size) {
		(Some(escrow), _) => escrow,
		(None, size) => escrow_for(size.unwrap_or_default(), &profile, arguments.duration, &terms),
	};
	if !(terms.min_duration..=terms.max_duration).contains(&arguments.duration) {
		return Err(CliError::usage(format_args!(
			"a deal may last from {} to {}, not {}",
			units::blocks(terms.min_duration),
			units::blocks(terms.max_duration),
			units::blocks(arguments.duration),
		))
		.code("bad_duration"));
	}
	let request = CreateDeal {
		profile,
		hint: arguments.hint.into(),
		duration: arguments.duration,
		max_monthly_spend: arguments.max_monthly_spend,
		escrow,
	};
	let deal = chain.create_deal(&request, &signer).await?;
	context.output.note(format_args!("deal {deal} is on chain"));
	let info = if arguments.no_wait {
		existing(&chain, deal).await?
	} else {
		context.output.note("waiting for its slots to be drawn ..");
		chain.wait_placed(deal, Duration::from_secs(arguments.timeout)).await?
	};
	let document = json!({
		"deal": deal,
		"status": info.status,
		"profile": info.profile,
		"escrow": info.free_escrow.to_string(),
		"deposit": info.deposit.to_string(),
		"expires_at": info.expires_at,
	});
	context.output.result(&document, || match info.status {
		DealStatus::Active => format!(
			"deal {deal}: {} slots drawn, {} in escrow, a deposit of {} for the slots\n\
			 store something: nil put PATH {deal}:/",
			profile.n(),
			amount(info.free_escrow),
			amount(info.deposit)
		),
		DealStatus::Placing => format!(
			"deal {deal}: its slots are being drawn; {} in escrow, a deposit of {} for the slots",
			amount(info.free_escrow),
			amount(info.deposit)
		),
	})
}

/// Escrow for `size` bytes of files over the whole duration, with some room for the ends of MDUs, the index, and the
/// deposits of a number of commits.
fn escrow_for(size: u64, profile: &Profile, duration: RelayBlock, terms: &Terms) -> Amount {
	let roomy = size.saturating_add(size / 16).saturating_add(1 << 20);
	let stored =
		ContentShape::new(roomy).bytes_per_slot(profile).saturating_mul(profile.n().into());
	rent(terms.storage_price, stored, duration)
		.saturating_add(terms.commit_deposit.saturating_mul(COMMITS))
}

async fn existing(chain: &Chain, deal: DealId) -> Result<DealInfo<AccountId>> {
	chain.best().deal(deal).await?.ok_or_else(|| ChainError::NoSuchDeal { deal }.into())
}

async fn list(owner: Option<&str>, context: &Context) -> Result<()> {
	let owner = match owner {
		Some(text) => text.parse::<AccountId>().map_err(CliError::usage)?,
		None => context.signer()?.account_id(),
	};
	let chain = context.chain().await?;
	let mut numbers = chain.best().deals_of(owner).await?;
	numbers.sort_unstable();
	let now = chain.best().terms().await?.relay_block;
	let mut deals = Vec::with_capacity(numbers.len());
	for number in numbers {
		// It may have ended since the list was made.
		deals.extend(chain.best().deal(number).await?);
	}
	let document: Vec<_> = deals.iter().map(describe).collect();
	context.output.result(&document, || {
		if deals.is_empty() {
			return format!("{owner} has no deals: make one with `nil deal create`");
		}
		let heading = ["deal", "status", "profile", "gen", "size", "escrow", "ends in"];
		let mut rows = vec![heading.map(Into::into).to_vec()];
		rows.extend(deals.iter().map(|deal| {
			vec![
				deal.id.to_string(),
				status(deal.status).into(),
				profile_name(&deal.profile),
				deal.generation.to_string(),
				units::size(deal.size_bytes),
				amount(deal.free_escrow),
				units::blocks(deal.expires_at.saturating_sub(now)),
			]
		}));
		use Align::{Left, Right};
		table(&[Right, Left, Left, Right, Right, Right, Left], &rows)
	})
}

async fn show(deal: DealId, context: &Context) -> Result<()> {
	let chain = context.chain().await?;
	let info = existing(&chain, deal).await?;
	let now = chain.best().terms().await?.relay_block;
	let slots = chain.best().slots(deal).await?;
	let commits = chain.best().commits(deal, 0).await?;
	let rent = chain.best().deal_rent(deal).await?;
	let placement = match info.status {
		DealStatus::Placing => chain.best().placement(deal).await?,
		DealStatus::Active => None,
	};
	let health = Health::read(&chain, deal, &slots).await?;
	let repairs = Repairs::read(&chain, deal).await?;
	let mut document = describe(&info);
	if let Some(object) = document.as_object_mut() {
		let slots = slots.iter().enumerate();
		let slots = slots.map(|(index, slot)| describe_slot(slot, health.slot(index)));
		object.insert("relay_block".into(), now.into());
		object.insert("rounds".into(), health.rounds());
		object.insert("slots".into(), slots.collect());
		object.insert("commits".into(), commits.iter().map(describe_commit).collect());
		object.insert("placement".into(), json!(placement));
		object.insert("repairs".into(), repairs.json());
		object.insert("lost_since".into(), json!(repairs.lost_since()));
		object.insert("earned_rent".into(), rent.earned.to_string().into());
		object.insert("repair_reserve".into(), rent.reserve.to_string().into());
	}
	context.output.result(&document, || {
		let mut slot_rows = vec![["slot", "state", "provider", "address"].map(Into::into).to_vec()];
		slot_rows.extend(slots.iter().map(|slot| {
			vec![
				slot.slot.to_string(),
				slot_state(&slot.state).into(),
				slot.state.provider().map_or("-".into(), ToString::to_string),
				address(slot).unwrap_or_else(|| "-".into()),
			]
		}));
		let mut commit_rows =
			vec![["gen", "first MDU", "size", "signed", "at"].map(Into::into).to_vec()];
		commit_rows.extend(commits.iter().map(|(generation, commit)| {
			vec![
				generation.to_string(),
				commit.first_mdu.to_string(),
				units::size(commit.size_bytes),
				format!("{} of {}", commit.signed.count_ones(), info.profile.n()),
				commit.at.to_string(),
			]
		}));
		use Align::{Left, Right};
		let mut uploader_rows = vec![["may upload", "bytes", "for"].map(Into::into).to_vec()];
		uploader_rows.extend(info.uploaders.iter().map(|uploader| {
			let over = !uploader.counts_at(now);
			// The last block counts.
			let blocks = uploader.until.saturating_sub(now).saturating_add(1);
			vec![
				uploader.account.to_string(),
				units::size(uploader.remaining_bytes),
				if over { "its time is over".into() } else { units::blocks(blocks) },
			]
		}));
		let mut heads = heads(&info, now);
		heads.push(("earned rent", amount(rent.earned)));
		heads.push(("repair reserve", amount(rent.reserve)));
		let mut text = fields(&heads);
		if let Some(placement) = placement {
			text.push_str(&format!(
				"drawn from:   the first randomness at relay block {} or later ({} draws found too few)\n",
				placement.draw_at, placement.attempts
			));
		}
		if !info.uploaders.is_empty() {
			text.push_str(&format!("\n{}", table(&[Left, Right, Left], &uploader_rows)));
		}
		if !slots.is_empty() {
			text.push_str(&format!("\n{}", table(&[Right, Left, Left, Left], &slot_rows)));
			let health = health.text(&slots);
			for more in [health, repairs.text()].iter().filter(|text| !text.is_empty()) {
				text.push_str(&format!("\n{more}"));
			}
		}
		if !commits.is_empty() {
			text.push_str(&format!(
				"\n{}",
				table(&[Right, Right, Right, Left, Right], &commit_rows)
			));
		}
		text
	})
}

/// What a deal is, name by name; generation and MDUs are what `nil prepare` asks for.
fn heads(info: &DealInfo<AccountId>, now: RelayBlock) -> Vec<(&'static str, String)> {
	let manifests = info.manifests.iter().map(|point| format!("{point:?}"));
	vec![
		("deal", info.id.to_string()),
		("owner", info.owner.to_string()),
		("status", status(info.status).into()),
		("profile", profile_name(&info.profile)),
		("generation", info.generation.to_string()),
		("size", format!("{} in {} MDUs", units::size(info.size_bytes), info.total_mdus)),
		("stored", units::size(info.stored_bytes)),
		("free escrow", amount(info.free_escrow)),
		("locked rent", amount(info.locked_rent)),
		("deposits", amount(info.deposit)),
		("ends in", units::blocks(info.expires_at.saturating_sub(now))),
		("manifest", manifests.collect::<Vec<_>>().join(" ")),
	]
}

async fn change(deal: DealId, call: &Call, told: String, context: &Context) -> Result<()> {
	let signer = context.signer()?;
	let chain = context.chain().await?;
	existing(&chain, deal).await?;
	let included = chain.submit(call, &signer, WaitFor::Best).await?;
	let mut document = describe(&existing(&chain, deal).await?);
	if let Some(object) = document.as_object_mut() {
		object.insert("block".into(), json!(included.block));
	}
	context.output.result(&document, || told)
}

async fn authorize(
	deal: DealId,
	account: AccountId,
	bytes: u64,
	duration: RelayBlock,
	context: &Context,
) -> Result<()> {
	let now = context.chain().await?.best().terms().await?.relay_block;
	let until = now.saturating_add(duration);
	let told = format!(
		"{account} may upload {} to deal {deal} for {}",
		units::size(bytes),
		units::blocks(duration)
	);
	change(deal, &Call::authorize_uploader(deal, account, bytes, until), told, context).await
}

async fn revoke(deal: DealId, account: AccountId, context: &Context) -> Result<()> {
	let signer = context.signer()?;
	let chain = context.chain().await?;
	existing(&chain, deal).await?;
	let call = Call::revoke_uploader(deal, account);
	let included = chain.submit(&call, &signer, WaitFor::Best).await?;
	let revoked = included.event("Deals", "UploaderRevoked");
	let left = revoked.and_then(|event| event.number("left"));
	let document =
		json!({ "deal": deal, "account": account, "left_bytes": left, "block": included.block });
	context.output.result(&document, || {
		let left = units::size(left.unwrap_or_default());
		format!("{account} may not upload to deal {deal} any more; {left} of its budget were left")
	})
}

async fn cancel(deal: DealId, context: &Context) -> Result<()> {
	let signer = context.signer()?;
	let chain = context.chain().await?;
	let before = existing(&chain, deal).await?;
	let included = chain.submit(&Call::cancel_deal(deal), &signer, WaitFor::Best).await?;
	let held = before.free_escrow.saturating_add(before.locked_rent).saturating_add(before.deposit);
	let document = json!({
		"deal": deal,
		"block": included.block,
		"held_before": held.to_string(),
		"events": included.events,
	});
	context
		.output
		.result(&document, || format!("deal {deal} has ended; {} were held for it", amount(held)))
}

/// A deal as JSON output shows it. Amounts are decimal text in smallest units: they exceed what JSON numbers hold.
fn describe(deal: &DealInfo<AccountId>) -> Value {
	json!({
		"deal": deal.id,
		"owner": deal.owner,
		"profile": deal.profile,
		"hint": deal.hint,
		"status": deal.status,
		"generation": deal.generation,
		"total_mdus": deal.total_mdus,
		"size_bytes": deal.size_bytes,
		"stored_bytes": deal.stored_bytes,
		"manifests": deal.manifests,
		"created_at": deal.created_at,
		"expires_at": deal.expires_at,
		"free_escrow": deal.free_escrow.to_string(),
		"locked_rent": deal.locked_rent.to_string(),
		"deposit": deal.deposit.to_string(),
		"max_monthly_spend": deal.max_monthly_spend.to_string(),
		"uploaders": deal.uploaders,
	})
}

fn describe_slot(slot: &SlotInfo<AccountId>, samples: Value) -> Value {
	json!({
		"slot": slot.slot,
		"state": slot_state(&slot.state),
		"provider": slot.state.provider(),
		"service_key": slot.service_key.map(SerdeBytes),
		"multiaddrs": texts(&slot.multiaddrs),
		"samples": samples,
	})
}

fn describe_commit((generation, commit): &(Generation, CommitInfo)) -> Value {
	json!({
		"generation": generation,
		"first_mdu": commit.first_mdu,
		"size_bytes": commit.size_bytes,
		"index_len": commit.index_len,
		"index_root": SerdeBytes(commit.index_root),
		"roots_hash": SerdeBytes(commit.roots_hash),
		"signed": (0..32).filter(|slot| commit.signed >> slot & 1 == 1).collect::<Vec<u32>>(),
		"at": commit.at,
	})
}

fn texts(multiaddrs: &[Vec<u8>]) -> Vec<String> {
	multiaddrs.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

fn address(slot: &SlotInfo<AccountId>) -> Option<String> {
	Some(Endpoint::first_of(&slot.multiaddrs)?.base_url())
}

fn status(status: DealStatus) -> &'static str {
	match status {
		DealStatus::Placing => "placing",
		DealStatus::Active => "active",
	}
}

fn slot_state(state: &SlotState<AccountId>) -> &'static str {
	match state {
		SlotState::Active { .. } => "active",
		SlotState::Repairing { .. } => "repairing",
		SlotState::Vacant => "vacant",
	}
}

fn profile_name(profile: &Profile) -> String {
	format!("{profile} {}", profile.code)
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_types::{CodeKind, Hint};

	#[test]
	fn a_deal_is_shown_with_the_numbers_that_prepare_asks_for() {
		let deal = DealInfo {
			id: 7,
			owner: AccountId([1; 32]),
			profile: Profile::new(8, 4, CodeKind::Fr).unwrap(),
			hint: Hint::Cold,
			status: DealStatus::Active,
			generation: 2,
			total_mdus: 31,
			size_bytes: 1,
			stored_bytes: 1,
			manifests: Vec::new(),
			created_at: 1,
			expires_at: 100,
			free_escrow: 0,
			locked_rent: 0,
			deposit: 0,
			max_monthly_spend: 0,
			uploaders: Vec::new(),
		};
		let text = fields(&heads(&deal, 1));
		let shows = |name: &str, value: &str| {
			text.lines().any(|line| line.starts_with(name) && line.ends_with(value))
		};
		assert!(shows("generation: ", " 2") && shows("size: ", " in 31 MDUs"), "{text}");
	}
}
