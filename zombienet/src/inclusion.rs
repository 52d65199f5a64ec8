//! What the relay chain says about our blocks: which it included, when, and on which relay parent they were built.

use crate::chain::{Chain, Head, Header, blake2b, bytes_of, hash_of, number_of};
use anyhow::{Context, Result};
use zombienet_sdk::subxt::{
	dynamic::At,
	ext::{
		codec::{Decode, Encode},
		scale_value::{Composite, Value},
	},
};

/// A block of ours in the relay chain.
#[derive(Clone, Copy, Debug)]
pub struct Inclusion {
	/// The block.
	pub block: Head,
	/// Number of the relay block that it was built on.
	pub relay_parent: u32,
	/// Number of the relay block from which on it is available and included.
	pub included_in: u32,
}

impl Inclusion {
	/// Relay blocks between the one it was built on and the one that included it.
	pub fn lag(&self) -> u32 {
		self.included_in.saturating_sub(self.relay_parent)
	}
}

/// The blocks of parachain `para_id` that the relay block `at` included.
pub async fn inclusions(relay: &Chain, at: Head, para_id: u32) -> Result<Vec<Inclusion>> {
	let mut found = Vec::new();
	for event in relay.events(at.hash).await?.iter() {
		let event = event?;
		if (event.pallet_name(), event.variant_name()) != ("ParaInclusion", "CandidateIncluded") {
			continue;
		}
		let fields = event.field_values()?;
		let receipt = fields.at(0);
		let descriptor = receipt.at("descriptor");
		let of = |name: &str| descriptor.at(name).with_context(|| format!("a candidate's {name}"));
		if number_of(of("para_id")?)? != para_id {
			continue;
		}
		let relay_parent = relay.header(hash_of(of("relay_parent")?)?).await?.number;
		let block = head_of(&fields)?;
		found.push(Inclusion { block, relay_parent, included_in: at.number });
	}
	Ok(found)
}

/// The header that a candidate carries as head data.
fn head_of<T>(fields: &Composite<T>) -> Result<Head> {
	let head: &Value<T> = fields.at(1).context("a candidate's head data")?;
	// The head data is a list of bytes which hold an encoded header.
	let header = Header::decode(&mut bytes_of(head)?.as_slice())?;
	Ok(Head { number: header.number, hash: blake2b(&header.encode()) })
}

/// Waits until the relay chain has included, and finalised the inclusion of, our block `number` or a later one; gives up
/// after `patience` relay blocks. Returns the newest block that is included.
pub async fn included_and_final(
	relay: &Chain,
	para_id: u32,
	number: u32,
	patience: u32,
) -> Result<Head> {
	let what = format!("block {number} of parachain {para_id} is included and final");
	relay
		.within(patience, &what, async || {
			let at = relay.finalised().await?;
			let head = included_head(relay, at, para_id).await?;
			Ok(head.filter(|head| head.number >= number))
		})
		.await
}

/// Our newest block that is included at the relay block `at`; `None` before the parachain is registered.
pub async fn included_head(relay: &Chain, at: Head, para_id: u32) -> Result<Option<Head>> {
	let key = vec![zombienet_sdk::subxt::dynamic::Value::u128(para_id.into())];
	let Some(stored) = relay.stored(at.hash, "Paras", "Heads", key).await? else { return Ok(None) };
	let head = Vec::<u8>::decode(&mut stored.as_slice())?;
	let header = Header::decode(&mut head.as_slice())?;
	Ok(Some(Head { number: header.number, hash: blake2b(&head) }))
}
