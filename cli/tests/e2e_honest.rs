//! An honest network over twenty epochs: every sample is answered, and every balance is what the chain told, to the last unit.

mod common;

use common::{Devnet, eventually, following::Following, random_bytes, runtime, write};
use nil_client::{
	account::AccountId,
	chain::{At, Balance, Chain, ChainEvent, View},
	keys::Signer,
};
use nil_types::{Amount, DutyInfo};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// Milliseconds between blocks: an epoch lasts 3 s, and a settlement period 24 s.
const BLOCK_MS: u64 = 150;
const EPOCHS: u32 = 20;
const SAMPLES: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// The sum of amounts of events, for one account.
fn sum(events: &[ChainEvent], name: [&str; 2], who: (&str, AccountId), amount: &str) -> Amount {
	let [pallet, name] = name;
	let found = events.iter().filter(|event| event.is(pallet, name));
	let found = found.filter(|event| event.account(who.0) == Some(who.1));
	found.map(|event| event.amount(amount).unwrap()).sum()
}

#[test]
fn who_stores_everything_answers_everything_and_all_money_is_accounted_for() {
	let devnet = Devnet::start_with_blocks(3, BLOCK_MS);
	let chain = runtime().block_on(Chain::connect(&devnet.url())).unwrap();
	let alice = Signer::from_uri("//Alice").unwrap().account_id();
	let following = Following::start(&chain);
	let balances = |view: View<'_>| -> BTreeMap<AccountId, Balance> {
		let providers = devnet.describe["providers"].as_array().unwrap();
		let operators = providers.iter().map(|one| one["operator"].as_str().unwrap());
		let operators = operators.map(|operator| operator.parse::<AccountId>().unwrap());
		let read = |account| (account, runtime().block_on(view.balance(account)).unwrap());
		operators.chain([alice]).map(read).collect()
	};
	// The node will have dropped this state at the end.
	let before_all = balances(chain.at(following.from.hash));

	let deal = devnet.deal("2+1", 64);
	let holders: Vec<AccountId> =
		devnet.holders(deal).iter().map(|holder| holder.parse().unwrap()).collect();
	for (name, size) in [("large", 12_000_000), ("small", 1000)] {
		let file = devnet.root.join(name);
		write(&file, &random_bytes(size, size as u64));
		let target = format!("{deal}:/{name}");
		let put = devnet.nil([Path::new("put"), &file, Path::new(&target)]).ok();
		assert_eq!(put["commits"][0]["signed"], serde_json::json!([0, 1, 2]), "{put}");
	}

	let look = || -> (u32, Vec<DutyInfo>) {
		runtime().block_on(async {
			let view = chain.at(chain.head(At::Best).await.unwrap().hash);
			let mut duties = Vec::new();
			for holder in &holders {
				duties.push(view.duty(*holder).await.unwrap());
			}
			(view.round().await.unwrap().round, duties)
		})
	};
	let mut first = 0;
	eventually("everybody answers everything", PATIENCE, || {
		let (round, duties) = look();
		first = round + 1;
		duties.iter().all(|duty| duty.due == SAMPLES && duty.answered.len() == SAMPLES as usize)
	});
	let rounds = |round: u32| {
		let mut found = None;
		eventually(&format!("round {round} begins"), 2 * PATIENCE, || {
			let (now, duties) = look();
			let is_there = now >= round;
			found = is_there.then_some((now, duties));
			is_there
		});
		found.unwrap()
	};
	let (began, before) = rounds(first);
	let (ended, after) = rounds(first + EPOCHS);
	for (before, after) in before.iter().zip(&after) {
		assert_eq!((before.silent, before.missed), (after.silent, after.missed), "{after:?}");
		let most = u64::from(ended - began) * 1_000_000_000;
		let grown = after.index - before.index;
		assert!(grown > 0 && grown <= most, "{grown} in {} rounds", ended - began);
	}

	let (to, events) = following.stop();
	let failed: Vec<_> = events
		.iter()
		.filter(|event| {
			["InvalidProof", "InvalidSettlement", "SlotMissed", "RentForfeited", "Reported"]
				.iter()
				.any(|name| event.is("Liveness", name))
		})
		.collect();
	assert!(failed.is_empty(), "{failed:?}");
	let view = chain.at(to.hash);
	let after_all = balances(view);
	let total =
		|of: &BTreeMap<AccountId, Balance>, who: &AccountId| of[who].free + of[who].reserved;
	let (mut paid, mut burned) = (0, 0);
	for holder in &holders {
		let rent = sum(&events, ["Deals", "RentPaid"], ("to", *holder), "paid");
		let fees = ["TransactionPayment", "TransactionFeePaid"];
		let fees = sum(&events, fees, ("who", *holder), "actual_fee");
		let (before, after) = (total(&before_all, holder), total(&after_all, holder));
		assert!(rent > 0, "nothing was settled in {EPOCHS} epochs");
		assert_eq!(after, before + rent - fees, "{holder}: {rent} of rent, {fees} of fees");
		paid += rent;
		burned += sum(&events, ["Deals", "RentPaid"], ("to", *holder), "burned");
	}
	let of_deal = |event: &&ChainEvent| event.number("deal") == Some(deal);
	let commits = events.iter().filter(|event| event.is("Deals", "ContentCommitted"));
	let locked: Amount = commits.filter(of_deal).map(|event| event.amount("rent").unwrap()).sum();
	let (info, rent) = runtime().block_on(async {
		(view.deal(deal).await.unwrap().unwrap(), view.deal_rent(deal).await.unwrap())
	});
	assert_eq!((locked, rent.left), (paid + burned + info.locked_rent, info.locked_rent));
	assert!(rent.earned + rent.reserve <= rent.left, "{rent:?}");
	let held = after_all[&alice].reserved - before_all[&alice].reserved;
	assert_eq!(held, info.free_escrow + info.locked_rent + info.deposit);
}
