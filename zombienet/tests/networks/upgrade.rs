//! The runtime is exchanged under a relay chain that offers RFC-163's arithmetic.

use anyhow::{Context, Result, ensure};
use nil_zombienet::{
	chain::{Chain, blake2b, hash_of},
	inclusion::{included_and_final, included_head},
	network::{FIRST_BLOCK_WITHIN, Network, PARA_ID, Plan, RelayOffers, run},
	programs::skip,
	storage::{Storage, random_bytes},
};
use std::{env, fs, time::Duration};
use zombienet_sdk::{
	subxt::{
		dynamic::{self, Value},
		tx::DefaultPayload,
		utils::H256,
	},
	subxt_signer::sr25519::dev,
};

/// The variable that names the runtime to upgrade to: the same one with the other backend and a higher version.
const WASM_VARIABLE: &str = "NIL_RFC163_WASM";
/// The last digit of the version of runtimes whose validators use RFC-163.
const RFC163: u32 = 1;
const PROVIDERS: usize = 4;
/// Relay blocks from the order to the first block under the new code: the relay chain delays upgrades, and prepares the
/// new code on every validator first.
const UPGRADE_WITHIN: u32 = 80;
/// Blocks that follow under the new code.
const AFTER: u32 = 5;

#[test]
fn upgrade() {
	let Some(path) = env::var_os(WASM_VARIABLE) else {
		return skip("upgrade", &format!("{WASM_VARIABLE} names no runtime to upgrade to"));
	};
	let plan = Plan { offers: RelayOffers::EccRfc163, ..Plan::PUBLIC };
	run("upgrade", plan, Duration::from_secs(2_400), async |network| {
		let code = fs::read(&path).with_context(|| format!("{}", path.display()))?;
		included_and_final(&network.relay, PARA_ID, 1, FIRST_BLOCK_WITHIN).await?;
		let storage = Storage::start(network, PROVIDERS).await?;
		let user = &storage.user;
		let deal = user.create_deal("2+2", 64).await?;
		let old = random_bytes(2_000_000, 1);
		user.put(deal, "old", &old).await?;
		let before = user.deal(deal).await?;

		let version = exchange_runtime(network, &code).await?;
		eprintln!("upgrade: the runtime has version {version} now");
		assert_eq!(version % 10, RFC163, "version {version} is not for RFC-163");

		assert_eq!(user.deal(deal).await?, before, "the upgrade left the deal as it was");
		assert!(user.cat(deal, "old").await? == old);
		// A commit under the new code: the validators run its arithmetic through their host functions.
		let new = random_bytes(2_000_000, 2);
		user.put(deal, "new", &new).await?;
		let best = network.para.best().await?.number;
		included_and_final(&network.relay, PARA_ID, best + AFTER, 4 * AFTER).await?;
		assert!(user.cat(deal, "new").await? == new && user.cat(deal, "old").await? == old);
		assert_ne!(user.deal(deal).await?["generation"], before["generation"]);
		Ok(())
	});
}

/// Lets the administrator order the upgrade and waits until blocks under the new code are included and final. The
/// version that is in force then.
async fn exchange_runtime(network: &Network, code: &[u8]) -> Result<u32> {
	let Network { relay, para, .. } = network;
	let hash = blake2b(code);
	let old = para.spec_version(para.best().await?.hash).await?;
	ensure!(code_hash(relay).await? != hash, "this is the code in force");

	let authorise = dynamic::tx("System", "authorize_upgrade", vec![Value::from_bytes(hash)]);
	let authorise = dynamic::tx("Sudo", "sudo", vec![authorise.into_value()]);
	para.submit(&authorise, &dev::alice()).await.context("authorising the upgrade")?;
	let apply = DefaultPayload::new("System", "apply_authorized_upgrade", (code,));
	let ordered = para.submit(&apply, &dev::alice()).await.context("ordering the upgrade")?;

	relay
		.within(UPGRADE_WITHIN, "the relay chain has the new code", async || {
			Ok((code_hash(relay).await? == hash).then_some(()))
		})
		.await?;
	relay
		.within(UPGRADE_WITHIN, "a block under the new code is included and final", async || {
			let at = relay.finalised().await?;
			let Some(head) = included_head(relay, at, PARA_ID).await? else { return Ok(None) };
			let version = para.spec_version(head.hash).await?;
			Ok((version > old && head.number > ordered.number).then_some(version))
		})
		.await
}

/// The hash of our code as the relay chain has it.
async fn code_hash(relay: &Chain) -> Result<H256> {
	let at = relay.finalised().await?;
	let key = vec![Value::u128(PARA_ID.into())];
	let stored = relay.value(at.hash, "Paras", "CurrentCodeHash", key).await?;
	hash_of(&stored.context("our code's hash")?)
}
