//! A node that makes blocks when it is told to, where it is told to.

use super::{Devnet, runtime};
use nil_client::account::AccountId;
use serde_json::{Value, json};

/// So rarely does the node seal by itself that the test makes all blocks but the first.
pub const HOUR_MS: &str = "3600000";

/// The node's RPC.
pub struct Node {
	url: String,
	http: reqwest::Client,
}

impl Node {
	pub fn of(devnet: &Devnet) -> Self {
		let http = nil_client::http::plain_builder().unwrap().build().unwrap();
		Self { url: devnet.url().replace("ws://", "http://"), http }
	}

	/// What each provider's metrics say of `name`; `None` while one does not say anything.
	pub fn gauges(&self, devnet: &Devnet, name: &str) -> Option<Vec<u64>> {
		let providers = devnet.describe["providers"].as_array().unwrap();
		let ask = |provider: &Value| {
			let url = provider["metrics"].as_str().unwrap();
			let text = runtime()
				.block_on(async { self.http.get(url).send().await?.text().await })
				.unwrap();
			let line = text.lines().find_map(|line| line.strip_prefix(name))?;
			line.trim().parse().ok()
		};
		providers.iter().map(ask).collect()
	}

	pub fn call(&self, method: &str, params: Value) -> Value {
		let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
		let answer: Value = runtime().block_on(async {
			self.http.post(&self.url).json(&request).send().await.unwrap().json().await.unwrap()
		});
		assert!(answer.get("error").is_none(), "{method}: {answer}");
		answer["result"].clone()
	}

	/// Makes a block on `parent`; its hash.
	pub fn block_on(&self, parent: &Value, finalise: bool) -> Value {
		self.call("engine_createBlock", json!([true, finalise, parent]))["hash"].clone()
	}

	pub fn best(&self) -> Value {
		self.call("chain_getBlockHash", json!([]))
	}

	pub fn number_of(&self, block: &Value) -> u64 {
		let header = self.call("chain_getHeader", json!([block]));
		u64::from_str_radix(header["number"].as_str().unwrap().trim_start_matches("0x"), 16)
			.unwrap()
	}

	/// The next transaction of an account, after those that wait.
	pub fn next_nonce(&self, account: AccountId) -> u64 {
		self.call("system_accountNextIndex", json!([account.to_string()])).as_u64().unwrap()
	}

	pub fn waiting(&self) -> usize {
		self.call("author_pendingExtrinsics", json!([])).as_array().unwrap().len()
	}
}
