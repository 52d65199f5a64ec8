//! The randomness that placement draws from, as our chain recorded it and as the relay chain has it.

use crate::chain::{Chain, Head, bytes_of};
use anyhow::{Context, Result, bail};
use zombienet_sdk::subxt::{
	dynamic::{At, Value},
	ext::codec::Decode,
};

/// What our chain keeps of a relay block: its number, and the two parts of its randomness one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Decode)]
#[codec(crate = zombienet_sdk::subxt::ext::codec)]
pub struct Record {
	/// The relay block.
	pub relay_block: u32,
	/// Randomness of the epoch before the present one, then the VRF output of the block's author.
	pub randomness: [u8; 64],
}

/// All records that our chain keeps at one of its blocks, the oldest first.
pub async fn records(para: &Chain, at: Head) -> Result<Vec<Record>> {
	let Some(ring) = para.stored(at.hash, "Beacon", "Ring", Vec::new()).await? else {
		return Ok(Vec::new());
	};
	let (first, next) = <(u64, u64)>::decode(&mut ring.as_slice())?;
	let mut records = Vec::new();
	for number in first..next {
		let key = vec![Value::u128(number.into())];
		let record = para.stored(at.hash, "Beacon", "Records", key).await?;
		let record = record.with_context(|| format!("record {number}"))?;
		records.push(Record::decode(&mut record.as_slice())?);
	}
	Ok(records)
}

/// The same of a relay block as the relay chain's own state has it; `None` when that lacks a part.
pub async fn of_relay_block(relay: &Chain, number: u32) -> Result<Option<Record>> {
	let at = relay.at(number).await?;
	let epoch = relay.stored(at.hash, "Babe", "NextRandomness", Vec::new()).await?;
	let author = relay.stored(at.hash, "Babe", "AuthorVrfRandomness", Vec::new()).await?;
	let (Some(epoch), Some(author)) = (epoch, author) else { return Ok(None) };
	let Some(author) = Option::<[u8; 32]>::decode(&mut author.as_slice())? else { return Ok(None) };
	let epoch = <[u8; 32]>::decode(&mut epoch.as_slice())?;
	let mut randomness = [0; 64];
	let (left, right) = randomness.split_at_mut(32);
	left.copy_from_slice(&epoch);
	right.copy_from_slice(&author);
	Ok(Some(Record { relay_block: number, randomness }))
}

/// How the slots of a deal came to be drawn.
#[derive(Clone, Debug)]
pub struct Draw {
	/// Our block in which the slots were asked for.
	pub requested: Head,
	/// The first relay block whose randomness may decide.
	pub draw_at: u32,
	/// Our block in which they were drawn.
	pub placed: Head,
	/// The relay block whose randomness decided.
	pub record: u32,
	/// Draws before this one.
	pub attempts: u32,
	/// The operators of the slots, in the order of the slots.
	pub operators: Vec<[u8; 32]>,
}

/// Finds the draw of a deal in the events of our blocks `first..=last`.
pub async fn draw_of(para: &Chain, deal: u64, first: u32, last: u32) -> Result<Draw> {
	let mut requested = None;
	for number in first..=last {
		let at = para.at(number).await?;
		for event in para.events(at.hash).await?.iter() {
			let event = event?;
			if event.pallet_name() != "Mode2" {
				continue;
			}
			let fields = event.field_values()?;
			let field = |name: &str| fields.at(name).and_then(Value::as_u128);
			if field("deal") != Some(deal.into()) {
				continue;
			}
			let number = |name: &str| -> Result<u32> {
				Ok(u32::try_from(field(name).with_context(|| name.to_owned())?)?)
			};
			match (event.variant_name(), requested) {
				("SlotsRequested", _) => requested = Some((at, number("draw_at")?)),
				("PlacementDeferred", Some((requested_in, _))) => {
					requested = Some((requested_in, number("draw_at")?));
				},
				("SlotsPlaced", Some((requested, draw_at))) => {
					let operators = bytes_of(fields.at("providers").context("providers")?)?;
					let (operators, _) = operators.as_chunks::<32>();
					return Ok(Draw {
						requested,
						draw_at,
						placed: at,
						record: number("record")?,
						attempts: number("attempts")?,
						operators: operators.to_vec(),
					});
				},
				_ => {},
			}
		}
	}
	bail!("blocks {first} to {last} say nothing about how the slots of deal {deal} were drawn")
}
