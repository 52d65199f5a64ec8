//! Ranges of the slab as a stream of bytes.

use super::{GetError, source::DealSource};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use nil_slab::pack;
use nil_types::MduIndex;
use std::{ops::Range, sync::Arc};

/// What is fetched from one MDU at once: the hull of some neighbouring parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unit {
	mdu: MduIndex,
	parts: Vec<Range<usize>>,
}

impl Unit {
	fn hull(&self) -> Range<usize> {
		let start = self.parts.first().map_or(0, |part| part.start);
		let end = self.parts.last().map_or(start, |part| part.end);
		start..end
	}
}

/// Groups ranges by MDU as long as they go forward in it.
fn units(ranges: impl IntoIterator<Item = Range<u64>>) -> Vec<Unit> {
	let mut units: Vec<Unit> = Vec::new();
	for (mdu, part) in ranges.into_iter().flat_map(pack::split) {
		match units.last_mut() {
			Some(unit) if unit.mdu == mdu && unit.hull().end <= part.start => {
				match unit.parts.last_mut() {
					Some(last) if last.end == part.start => last.end = part.end,
					_ => unit.parts.push(part),
				}
			},
			_ => units.push(Unit { mdu, parts: vec![part] }),
		}
	}
	units
}

impl DealSource {
	/// The bytes of `ranges` of the slab, one range after the other, in pieces of any size. A few MDUs are fetched ahead.
	pub(crate) fn read(
		self: &Arc<Self>,
		ranges: Vec<Range<u64>>,
	) -> impl Stream<Item = Result<Bytes, GetError>> + Send + use<> {
		let ahead = self.options.mdus_in_flight.max(1);
		let source = self.clone();
		stream::iter(units(ranges).into_iter().map(move |unit| {
			let source = source.clone();
			async move {
				let hull = unit.hull();
				let payload = source.payload(unit.mdu, hull.clone()).await?;
				let parts: Vec<_> = unit
					.parts
					.into_iter()
					.map(|part| Ok(payload.slice(part.start - hull.start..part.end - hull.start)))
					.collect();
				Ok::<_, GetError>(stream::iter(parts))
			}
		}))
		.buffered(ahead)
		.try_flatten()
	}

	/// A few bytes of the slab as a whole.
	pub(crate) async fn read_all(
		self: &Arc<Self>,
		ranges: Vec<Range<u64>>,
	) -> Result<Vec<u8>, GetError> {
		self.read(ranges)
			.try_fold(Vec::new(), |mut all, piece| async move {
				all.extend_from_slice(&piece);
				Ok(all)
			})
			.await
	}
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod tests {
	use super::*;
	use nil_types::layout::MDU_PAYLOAD;

	#[test]
	fn ranges_are_grouped_as_long_as_they_go_forward() {
		let mdu = MDU_PAYLOAD as u64;
		let grouped = units([0..10, 10..20, 30..40, mdu - 5..mdu + 5, mdu + 1..mdu + 2]);
		let expected = [
			Unit { mdu: 0, parts: vec![0..20, 30..40, MDU_PAYLOAD - 5..MDU_PAYLOAD] },
			Unit { mdu: 1, parts: vec![0..5] },
			Unit { mdu: 1, parts: vec![1..2] },
		];
		assert_eq!(grouped, expected);
		assert_eq!(units([5..5]), []);
	}
}
