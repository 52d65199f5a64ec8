//! Commits of content that nobody stores: providers on paper, whose keys the test holds, sign for roots without data. The
//! chain cannot tell, so its blocks can be filled with real commits without gigabytes of files.

use crate::chain::Chain;
use anyhow::{Context, Result};
use nil_types::{Hash32, ReceiptMessage, layout::MDU_PAYLOAD, messages::roots_hash};
use zombienet_sdk::{
	subxt::{
		dynamic::{self, Value},
		tx::DefaultPayload,
		utils::AccountId32,
	},
	subxt_signer::sr25519::{Keypair, dev},
};

/// Bytes that each of them promises: a tebibyte.
const CAPACITY: u64 = 1 << 40;
/// More than the chain asks for that.
const STAKE: u128 = 20_000_000_000_000_000;
/// Relay blocks for which their receipts count.
const RECEIPTS_COUNT_FOR: u32 = 200;

/// A call of `commit_content` with its arguments in order. Only the receipts are a decoded value: one for each byte of
/// the roots would take two megabytes for each commit.
pub type Commit = DefaultPayload<(u64, u32, Vec<Hash32>, Hash32, u64, u32, Value)>;

/// Four operators, who are enough for a 2+2 deal.
#[derive(Debug)]
pub struct PaperProviders {
	keys: [Keypair; 4],
}

impl PaperProviders {
	/// Registers them.
	pub async fn register(para: &Chain) -> Result<Self> {
		let keys = [dev::bob(), dev::charlie(), dev::dave(), dev::eve()];
		for (index, key) in keys.iter().enumerate() {
			let domain = format!("paper-{index}");
			let address = format!("/ip4/127.0.0.1/tcp/{}", 1 + index);
			let arguments = vec![
				Value::from_bytes(key.public_key().0),
				Value::unnamed_composite([Value::from_bytes(address)]),
				Value::unnamed_variant("General", []),
				Value::from_bytes(domain),
				Value::u128(CAPACITY.into()),
				Value::u128(0),
				Value::u128(STAKE),
			];
			let call = dynamic::tx("Providers", "register", arguments);
			para.submit(&call, key).await.with_context(|| format!("registering {index}"))?;
		}
		Ok(Self { keys })
	}

	/// `count` commits of `roots` MDUs each, one on top of the other, for a deal without content whose slots are held by
	/// `holders`. `now` is a relay block of the present.
	pub fn commits(
		&self,
		para: &Chain,
		deal: u64,
		holders: &[String],
		now: u32,
		count: u32,
		roots: u32,
	) -> Result<Vec<Commit>> {
		let mut calls = Vec::new();
		for base in 0..count {
			// Different scalars below the field's order, so that no multiplication is for free.
			let roots: Vec<Hash32> = (0..roots)
				.map(|index| {
					let mut root = pseudo_random(base, index);
					root[0] = 0;
					root
				})
				.collect();
			let message = ReceiptMessage {
				genesis: para.api.genesis_hash().0,
				deal,
				generation: base + 1,
				slot: 0,
				roots_hash: roots_hash(&roots),
				index_root: [7; 32],
				size_bytes: u64::try_from(roots.len() * MDU_PAYLOAD)?,
				index_len: 1,
				until: now + RECEIPTS_COUNT_FOR,
			};
			let receipts = self.sign(&message, holders)?;
			let ReceiptMessage { index_root, size_bytes, index_len, .. } = message;
			let arguments = (deal, base, roots, index_root, size_bytes, index_len, receipts);
			calls.push(DefaultPayload::new("Deals", "commit_content", arguments));
		}
		Ok(calls)
	}

	/// The receipts of all slots.
	fn sign(&self, message: &ReceiptMessage, holders: &[String]) -> Result<Value> {
		let mut receipts = Vec::new();
		for (slot, holder) in (0_u8..).zip(holders) {
			let holder: AccountId32 = holder.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
			let key = self.keys.iter().find(|key| key.public_key().0 == holder.0);
			let key = key.with_context(|| format!("slot {slot} is held by a stranger"))?;
			let signature = key.sign(&ReceiptMessage { slot, ..message.clone() }.signing_bytes());
			receipts.push(Value::named_composite([
				("slot", Value::u128(slot.into())),
				("until", Value::u128(message.until.into())),
				("signature", Value::from_bytes(signature.0)),
			]));
		}
		Ok(Value::unnamed_composite(receipts))
	}
}

fn pseudo_random(base: u32, index: u32) -> Hash32 {
	nil_types::blake2b_256(&[base.to_le_bytes(), index.to_le_bytes()].concat())
}
