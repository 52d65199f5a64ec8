//! The client library's access to a chain, on a running node.

mod common;

use common::{Devnet, runtime};
use futures::{StreamExt, future::try_join_all};
use nil_client::{
	chain::{At, Call, Chain, ChainError, CreateDeal, RegisterProvider, WaitFor},
	keys::Signer,
};
use nil_types::{Capability, DealStatus, Hint, Profile};
use std::time::Duration;

const UNIT: u128 = 1_000_000_000_000;

#[test]
fn transactions_reads_and_blocks() {
	let devnet = Devnet::start(1);
	runtime().block_on(use_everything(&devnet.url()));
}

async fn use_everything(url: &str) {
	let chain = Chain::connect(url).await.unwrap();
	let alice = Signer::from_uri("//Alice").unwrap();
	let terms = chain.best().terms().await.unwrap();

	// Several transactions of one account under way at a time.
	let operators: Vec<_> = (0..13)
		.map(|number| Signer::from_uri(&format!("//Alice//test//{number}")).unwrap())
		.collect();
	try_join_all(operators.iter().map(|operator| {
		let chain = chain.clone();
		let call = Call::transfer(operator.account_id(), 10_000 * UNIT);
		let alice = alice.clone();
		async move { chain.submit(&call, &alice, WaitFor::Best).await }
	}))
	.await
	.unwrap();
	let balance = chain.best().balance(operators[0].account_id()).await.unwrap();
	assert!(balance.free + balance.reserved >= 10_000 * UNIT);

	try_join_all(operators.iter().enumerate().map(|(number, operator)| {
		let chain = chain.clone();
		let call = Call::register(&RegisterProvider {
			service_key: operator.public_key(),
			multiaddrs: vec![format!("/ip4/127.0.0.1/tcp/{}/http", 9_000 + number).into()],
			capability: Capability::General,
			domain: format!("domain-{number}").into_bytes(),
			capacity: 1 << 34,
			price_floor: 0,
			stake: terms.min_stake + 16 * terms.stake_per_gib,
		});
		async move { chain.submit(&call, operator, WaitFor::Finalised).await }
	}))
	.await
	.unwrap();
	let providers = chain.finalised().providers().await.unwrap();
	assert!(providers.iter().any(|info| info.operator == operators[12].account_id()));

	let request = CreateDeal {
		profile: Profile::DEFAULT,
		hint: Hint::Cold,
		duration: terms.min_duration * 2,
		max_monthly_spend: 0,
		escrow: 100 * UNIT,
	};
	let deal = chain.create_deal(&request, &alice).await.unwrap();
	let info = chain.wait_placed(deal, Duration::from_secs(60)).await.unwrap();
	assert_eq!((info.owner, info.status), (alice.account_id(), DealStatus::Active));
	let slots = chain.best().slots(deal).await.unwrap();
	assert_eq!(slots.len(), 12);
	assert!(slots.iter().all(|slot| slot.service_key.is_some() && !slot.multiaddrs.is_empty()));
	assert!(chain.best().deals_of(alice.account_id()).await.unwrap().contains(&deal));
	let mut taken = Vec::new();
	// The network's own provider may have been drawn as well.
	for provider in &providers {
		taken.extend(chain.best().slots_of(provider.operator).await.unwrap());
	}
	assert_eq!(taken.iter().filter(|(of, _)| *of == deal).count(), 12);

	// A failure has the pallet's name and its words.
	let stranger = chain.submit(&Call::cancel_deal(deal), &operators[0], WaitFor::Best).await;
	match stranger {
		Err(ChainError::Dispatch { pallet, docs, .. }) => {
			assert_eq!(pallet, "Deals");
			assert!(!docs.is_empty());
		},
		other => panic!("{other:?}"),
	}
	chain.submit(&Call::cancel_deal(deal), &alice, WaitFor::Best).await.unwrap();

	// Nothing undoes blocks here, so each best block is above the one before.
	let from = chain.head(At::Best).await.unwrap().number;
	let blocks: Vec<_> = chain.best_blocks().take(4).collect().await;
	let numbers: Vec<_> = blocks.into_iter().map(|block| block.unwrap().number).collect();
	assert!(numbers[0] >= from, "{numbers:?} after {from}");
	assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}
