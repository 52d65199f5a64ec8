//! Rows of an MDU from the fastest slots, checked.

use super::{
	GetError,
	source::{DealSource, ReadPeer, blocking},
};
use crate::{http::HttpError, peers::summary, wire::RowRange};
use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use nil_kzg::{Blob, G1Affine, MsmEngine, bulk};
use nil_slab::{CheckedWitness, pack};
use nil_types::{
	MduIndex, Profile, SlotIndex,
	layout::{BLOB_BYTES, BLOB_PAYLOAD},
};
use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

/// How many times slower than the median a slot is to count as slow.
const SLOW_FACTOR: u32 = 3;
/// Waiting for ever, in practice.
const NEVER: Duration = Duration::from_secs(24 * 3600);

impl DealSource {
	/// Payload bytes `range` of an MDU, counted from its first.
	#[tracing::instrument(name = "fetch", skip_all, fields(deal = self.id(), mdu = mdu))]
	pub(crate) async fn payload(
		self: &Arc<Self>,
		mdu: MduIndex,
		range: Range<usize>,
	) -> Result<Bytes, GetError> {
		let commit = self.commit_of(mdu)?;
		let live = commit.shape().live(mdu - commit.info.first_mdu);
		let profile = *self.profile();
		let needed = pack::rows_of(&profile, &range);
		let (Some(last), true) = (needed.end.checked_sub(1), needed.end <= profile.live_rows(live))
		else {
			let offset = pack_offset(mdu, range.start);
			return Err(GetError::OutsideSlab { offset });
		};
		let rows = RowRange { first: needed.start, last };
		let wanted = wanted_slots(&profile, &range);
		let shards = self.shards(mdu, rows, wanted, commit.info.signed).await?;
		let source = self.clone();
		blocking(move || assemble(&source, rows, &shards, range)).await?.map(Bytes::from)
	}

	/// Checked blobs in `rows` of an MDU: of all slots in `wanted`, or of any `k`. Slots of `signed` are asked first.
	pub(super) async fn shards(
		self: &Arc<Self>,
		mdu: MduIndex,
		rows: RowRange,
		wanted: u32,
		signed: u32,
	) -> Result<BTreeMap<SlotIndex, Bytes>, GetError> {
		let witness = self.witness(mdu).await?;
		let engine = self.engine().await?;
		let k = usize::from(self.profile().k);
		let blobs = rows.count();
		let order = self.order(signed);
		// The data slots in question suffice when nothing speaks against any of them.
		let direct = bits(wanted).all(|slot| {
			order.iter().any(|ranked| ranked.peer.peer.slot == slot && !ranked.doubtful)
		});
		let mut direct = direct && wanted.count_ones() as usize <= k;
		let (mut first, mut rest): (Vec<_>, Vec<_>) = order
			.into_iter()
			.map(|ranked| ranked.peer)
			.partition(|peer| direct && wanted & (1 << peer.peer.slot) != 0);
		first.reverse();
		rest.reverse();

		let mut failures = self.absent().to_vec();
		let mut good: BTreeMap<SlotIndex, Bytes> = BTreeMap::new();
		let mut unchecked: Vec<(&ReadPeer, Bytes)> = Vec::new();
		let mut asked = FuturesUnordered::new();
		let mut outstanding: Vec<(SlotIndex, Instant)> = Vec::new();
		let mut spare = 0usize;
		let mut hedge = Instant::now() + self.patience(blobs);
		loop {
			let arrived =
				good.keys().copied().chain(unchecked.iter().map(|(peer, _)| peer.peer.slot));
			let have = arrived.fold(0u32, |have, slot| have | 1 << slot);
			let complete = have & wanted == wanted || have.count_ones() as usize >= k;
			if complete {
				if unchecked.is_empty() {
					break;
				}
				self.check(mdu, rows, &witness, &engine, &mut unchecked, &mut good, &mut failures)
					.await?;
				direct &= good.len() == have.count_ones() as usize;
				continue;
			}
			// Ask as many as may complete it, and one more for each that is slow.
			let target = if direct { wanted.count_ones() as usize } else { k };
			while (have.count_ones() as usize).saturating_add(outstanding.len())
				< target.saturating_add(spare)
			{
				let Some(peer) = first.pop().or_else(|| rest.pop()) else { break };
				let (deal, slot) = (self.id(), peer.peer.slot);
				outstanding.push((slot, Instant::now()));
				let client = peer.peer.client.clone();
				let answer = async move { (peer, client.blobs(deal, mdu, slot, rows).await) };
				asked.push(answer.instrument(tracing::info_span!("ask", slot)));
			}
			if asked.is_empty() {
				let have = have.count_ones() as usize;
				let failures = summary(&failures);
				return Err(GetError::TooFewSlots { mdu, have, need: k, failures });
			}
			tokio::select! {
				Some((peer, answer)) = asked.next() => {
					let place = outstanding.iter().position(|(slot, _)| *slot == peer.peer.slot);
					let since = place.map(|place| outstanding.swap_remove(place).1);
					match answer {
						Ok(bytes) => {
							peer.succeeded(since.map_or(Duration::ZERO, |since| since.elapsed()), blobs);
							unchecked.push((peer, bytes));
						},
						Err(error) => {
							direct = false;
							failures.push((peer.peer.slot, error.to_string()));
							match error {
								// A wrong length is a wrong answer.
								HttpError::Malformed { .. } => {
									self.blame(peer, mdu, (rows.first..=rows.last).collect());
								},
								_ => peer.failed(),
							}
						},
					}
				},
				() = sleep_until(hedge) => {
					direct = false;
					spare = spare.saturating_add(1);
					hedge = if first.is_empty() && rest.is_empty() {
						Instant::now() + NEVER
					} else {
						Instant::now() + self.patience(blobs)
					};
				},
			}
		}
		for peer in self.peers() {
			if let Some((_, since)) = outstanding.iter().find(|(slot, _)| *slot == peer.peer.slot) {
				peer.was_slow(since.elapsed(), blobs);
			}
		}
		Ok(good)
	}

	/// Checks what has arrived in one go; moves what is right to `good` and blames the rest.
	#[expect(clippy::too_many_arguments, reason = "the state of one loop")]
	async fn check<'a>(
		&'a self,
		mdu: MduIndex,
		rows: RowRange,
		witness: &Arc<CheckedWitness>,
		engine: &Arc<dyn MsmEngine>,
		unchecked: &mut Vec<(&'a ReadPeer, Bytes)>,
		good: &mut BTreeMap<SlotIndex, Bytes>,
		failures: &mut Vec<(SlotIndex, String)>,
	) -> Result<(), GetError> {
		let batch: Vec<(SlotIndex, Bytes)> =
			unchecked.iter().map(|(peer, bytes)| (peer.peer.slot, bytes.clone())).collect();
		let (witness, engine, k) = (witness.clone(), engine.clone(), self.profile().k);
		let wrong = blocking(move || wrong_rows(&*engine, &witness, k, rows, &batch)).await?;
		for (peer, bytes) in unchecked.drain(..) {
			match wrong.get(&peer.peer.slot) {
				Some(rows) => {
					failures.push((peer.peer.slot, format!("wrong blobs in rows {rows:?}")));
					self.blame(peer, mdu, rows.clone());
				},
				None => {
					good.insert(peer.peer.slot, bytes);
				},
			}
		}
		Ok(())
	}

	/// Slots to ask, best first: those that signed the commit and did not fail, the fast ones, data before parity.
	fn order(&self, signed: u32) -> Vec<Ranked<'_>> {
		let mut speeds: Vec<Duration> =
			self.peers().iter().filter_map(ReadPeer::per_blob).collect();
		speeds.sort_unstable();
		let median = speeds.get(speeds.len() / 2).copied();
		let k = self.profile().k;
		let mut order: Vec<_> = self
			.peers()
			.iter()
			.filter(|peer| !peer.is_blamed())
			.map(|peer| {
				let slot = peer.peer.slot;
				let slow = match (peer.per_blob(), median) {
					(Some(own), Some(median)) => own > median * SLOW_FACTOR,
					_ => false,
				};
				let absent = signed.checked_shr(slot.into()).unwrap_or(0) & 1 == 0;
				let key = (absent, peer.has_failed(), slow, slot >= k, slot);
				Ranked { peer, doubtful: absent || peer.has_failed() || slow, key }
			})
			.collect();
		order.sort_by_key(|ranked| ranked.key);
		order
	}

	/// How long an answer may take before another slot is asked as well.
	fn patience(&self, blobs: usize) -> Duration {
		let mut speeds: Vec<Duration> =
			self.peers().iter().filter_map(ReadPeer::per_blob).collect();
		speeds.sort_unstable();
		let usual = speeds.get(speeds.len() / 2).copied().unwrap_or_default();
		let blobs = u32::try_from(blobs).unwrap_or(u32::MAX);
		usual.saturating_mul(blobs).saturating_mul(SLOW_FACTOR).max(self.options.hedge_after)
	}
}

struct Ranked<'a> {
	peer: &'a ReadPeer,
	/// Something speaks against it.
	doubtful: bool,
	key: (bool, bool, bool, bool, SlotIndex),
}

fn pack_offset(mdu: MduIndex, start: usize) -> u64 {
	mdu.saturating_mul(nil_types::layout::MDU_PAYLOAD as u64).saturating_add(start as u64)
}

fn bits(mask: u32) -> impl Iterator<Item = SlotIndex> {
	(0u8..32).filter(move |slot| mask & (1 << slot) != 0)
}

/// The data slots that hold payload bytes `range` of an MDU, as bits.
fn wanted_slots(profile: &Profile, range: &Range<usize>) -> u32 {
	pack::blobs_of(range).map(|blob| profile.place(blob).1).fold(0, |mask, slot| mask | 1 << slot)
}

/// The rows of each slot that are not what the witness commits to. One check when all is well.
pub(crate) fn wrong_rows(
	engine: &dyn MsmEngine,
	witness: &CheckedWitness,
	k: u8,
	rows: RowRange,
	batch: &[(SlotIndex, Bytes)],
) -> BTreeMap<SlotIndex, Vec<u8>> {
	let mut wrong: BTreeMap<SlotIndex, Vec<u8>> = BTreeMap::new();
	let mut places: Vec<(SlotIndex, u8)> = Vec::new();
	let mut claims: Vec<(&G1Affine, &Blob)> = Vec::new();
	for (slot, bytes) in batch {
		let commitments = witness.slot(*slot).unwrap_or_default();
		for (row, bytes) in (rows.first..=rows.last).zip(bytes.chunks(BLOB_BYTES)) {
			let parsed = if *slot < k { Blob::parse_data(bytes) } else { Blob::parse(bytes) };
			match (commitments.get(usize::from(row)), parsed) {
				(Some(commitment), Ok(blob)) => {
					places.push((*slot, row));
					claims.push((commitment, blob));
				},
				_ => wrong.entry(*slot).or_default().push(row),
			}
		}
	}
	for place in bulk::find_bad(engine, &claims) {
		if let Some((slot, row)) = places.get(place) {
			wrong.entry(*slot).or_default().push(*row);
		}
	}
	for rows in wrong.values_mut() {
		rows.sort_unstable();
	}
	wrong
}

/// Payload bytes `range` of an MDU from checked blobs: straight from the data slots where all that matter are there, else
/// by decoding.
fn assemble(
	source: &DealSource,
	rows: RowRange,
	shards: &BTreeMap<SlotIndex, Bytes>,
	range: Range<usize>,
) -> Result<Vec<u8>, GetError> {
	let profile = source.profile();
	let wanted = wanted_slots(profile, &range);
	if !bits(wanted).all(|slot| shards.contains_key(&slot)) {
		let shards: Vec<(SlotIndex, &[u8])> = shards
			.iter()
			.take(profile.k.into())
			.map(|(slot, bytes)| (*slot, bytes.as_ref()))
			.collect();
		let rows = rows.first..rows.last.saturating_add(1);
		return Ok(source.decoder.decode(rows, &shards, range)?);
	}
	let mut out = vec![0; range.len()];
	let mut done = 0usize;
	for blob in pack::blobs_of(&range) {
		let (row, slot) = profile.place(blob);
		let start = usize::from(row.saturating_sub(rows.first)).saturating_mul(BLOB_BYTES);
		let bytes = shards
			.get(&slot)
			.and_then(|shard| shard.get(start..start.saturating_add(BLOB_BYTES)))
			.unwrap_or_default();
		let base = usize::from(blob).saturating_mul(BLOB_PAYLOAD);
		let from = range.start.saturating_sub(base);
		let len = BLOB_PAYLOAD.saturating_sub(from).min(range.len().saturating_sub(done));
		let copied = pack::unpack(
			bytes,
			from,
			out.get_mut(done..done.saturating_add(len)).unwrap_or_default(),
		);
		done = done.saturating_add(copied);
	}
	Ok(out)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn wanted_slots_are_those_of_the_blobs() {
		let profile = Profile::DEFAULT;
		assert_eq!(wanted_slots(&profile, &(0..1)), 1);
		assert_eq!(wanted_slots(&profile, &(0..BLOB_PAYLOAD + 1)), 0b11);
		assert_eq!(wanted_slots(&profile, &(7 * BLOB_PAYLOAD..9 * BLOB_PAYLOAD)), 0b1000_0001);
		assert_eq!(wanted_slots(&profile, &(0..8 * BLOB_PAYLOAD)), 0xff);
		assert_eq!(wanted_slots(&profile, &(5..5)), 0);
	}
}
