//! What the daemon counts, in the form of Prometheus.

use crate::store::{ProofKind, Tally, Usage};
use nil_client::wire::RepairHealth;
use prometheus::{
	Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
	Registry, TextEncoder,
};

/// All metrics. Names start with `nil_provider_`.
#[derive(Debug)]
pub struct Metrics {
	registry: Registry,
	/// Requests by route and status.
	pub requests: IntCounterVec,
	/// Bytes of shards taken.
	pub uploaded_bytes: IntCounter,
	/// Bytes of blobs, witnesses and objects sent.
	pub served_bytes: IntCounter,
	/// Receipts signed.
	pub receipts: IntCounter,
	/// Commits that lack this provider's receipt, which may still come.
	pub late_open: IntGauge,
	/// Receipts added to commits that had missed them.
	pub late_receipts: IntCounter,
	/// Attempts to add one that failed.
	pub late_failures: IntCounter,
	/// Commits that slots of this provider have signed and that are not here.
	pub lost_open: IntGauge,
	/// Those that are here again.
	pub restored: IntCounter,
	/// Attempts to fetch what is lacking of a commit that failed.
	pub restore_failures: IntCounter,
	/// Bytes of shards made from what other slots hold.
	pub rebuilt_bytes: IntCounter,
	/// Slots that the chain had this provider rebuild when it was asked last.
	pub repairs_open: IntGauge,
	/// Bytes of what can be proved of them now, by state.
	pub repair_bytes: IntGaugeVec,
	/// Slots that were rebuilt and are this provider's.
	pub repaired: IntCounter,
	/// Slots that it declined to rebuild.
	pub declined: IntCounter,
	/// Attempts to rebuild one that failed.
	pub repair_failures: IntCounter,
	/// Blobs checked against their commitments.
	pub verified_blobs: IntCounter,
	/// MDUs whose blobs did not match.
	pub rejected_mdus: IntCounter,
	/// Seconds of a check of a batch.
	pub verify_seconds: Histogram,
	/// Holdings and uploads dropped, by reason.
	pub dropped: IntCounterVec,
	/// Seconds of a sweep.
	pub sweep_seconds: Histogram,
	/// Bytes held, by state.
	pub held_bytes: IntGaugeVec,
	/// Things held, by state.
	pub held: IntGaugeVec,
	/// Bytes that may still be written.
	pub free_bytes: IntGauge,
	/// Pieces of content that the disk has lost.
	pub damaged: IntGauge,
	/// The round in force.
	pub round: IntGauge,
	/// Samples of the round, by state.
	pub samples: IntGaugeVec,
	/// Calls with answers that are final.
	pub answers: IntCounter,
	/// 1 for each kind of proof that the chain took for wrong, and that is not sent any more.
	pub refused: IntGaugeVec,
	/// Samples that could not be answered when their round was looked at first.
	pub left_out: IntCounter,
	/// Looks at a round that came to nothing.
	pub prover_failures: IntCounter,
	/// What earlier rounds have left in the provider's account on the chain, by kind.
	pub account: IntGaugeVec,
	/// What slots earned and were not paid, in the token's smallest unit, by state.
	pub rent: IntGaugeVec,
	/// Calls with settlements that are final.
	pub settlements: IntCounter,
	/// Slots whose settlement could not be proven in a round.
	pub unsettled: IntCounter,
	/// Seconds of reading the blobs and witnesses of a round's samples.
	pub read_seconds: Histogram,
	/// Seconds of opening manifests for a round's samples, or finding openings that were made before.
	pub opening_seconds: Histogram,
	/// Seconds of making and checking a round's answers.
	pub answer_seconds: Histogram,
	/// Pieces of content in quarantine.
	pub quarantine: IntGauge,
	/// Pieces of content that right bytes took the place of.
	pub mended: IntCounter,
	/// Bytes that the scrubber has checked.
	pub scrubbed_bytes: IntCounter,
	/// MDUs that the scrubber could not check because the index refused.
	pub unchecked: IntCounter,
	/// Times that the scrubber has gone through everything.
	pub scrub_passes: IntCounter,
	/// The chain's blocks, by kind.
	pub blocks: IntGaugeVec,
	/// Whether the node answers.
	pub chain_up: IntGauge,
}

impl Metrics {
	/// A fresh set.
	pub fn new() -> Result<Self, prometheus::Error> {
		let registry = Registry::new_custom(Some("nil_provider".into()), None)?;
		let counter = |name: &str, help: &str| {
			let metric = IntCounter::new(name, help)?;
			registry.register(Box::new(metric.clone()))?;
			Ok::<_, prometheus::Error>(metric)
		};
		let counters = |name: &str, help: &str, labels: &[&str]| {
			let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
			registry.register(Box::new(metric.clone()))?;
			Ok::<_, prometheus::Error>(metric)
		};
		let gauge = |name: &str, help: &str| {
			let metric = IntGauge::new(name, help)?;
			registry.register(Box::new(metric.clone()))?;
			Ok::<_, prometheus::Error>(metric)
		};
		let gauges = |name: &str, help: &str, labels: &[&str]| {
			let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
			registry.register(Box::new(metric.clone()))?;
			Ok::<_, prometheus::Error>(metric)
		};
		let histogram = |name: &str, help: &str| {
			let buckets = prometheus::exponential_buckets(0.005, 2.0, 14)?;
			let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
			registry.register(Box::new(metric.clone()))?;
			Ok::<_, prometheus::Error>(metric)
		};
		Ok(Self {
			requests: counters("requests_total", "HTTP requests", &["route", "status"])?,
			uploaded_bytes: counter("uploaded_bytes_total", "Bytes of shards taken")?,
			served_bytes: counter("served_bytes_total", "Bytes sent to readers")?,
			receipts: counter("receipts_total", "Receipts signed")?,
			late_open: gauge("late_open", "Commits that lack this provider's receipt")?,
			late_receipts: counter("late_receipts_total", "Receipts added late")?,
			late_failures: counter("late_failures_total", "Failed attempts to add a receipt late")?,
			lost_open: gauge("lost_open", "Signed commits that are not here")?,
			restored: counter("restored_total", "Commits that were lost and are here again")?,
			restore_failures: counter(
				"restore_failures_total",
				"Failed attempts to fetch what is lacking of a commit",
			)?,
			rebuilt_bytes: counter(
				"rebuilt_bytes_total",
				"Bytes of shards rebuilt from other slots",
			)?,
			repairs_open: gauge("repairs_open", "Slots that are to be rebuilt")?,
			repair_bytes: gauges("repair_bytes", "Bytes of slots to be rebuilt", &["state"])?,
			repaired: counter("repaired_total", "Slots rebuilt")?,
			declined: counter("declined_total", "Slots that were not to be rebuilt here")?,
			repair_failures: counter("repair_failures_total", "Failed attempts to rebuild a slot")?,
			verified_blobs: counter("verified_blobs_total", "Blobs checked")?,
			rejected_mdus: counter("rejected_mdus_total", "MDUs whose blobs did not match")?,
			verify_seconds: histogram("verify_seconds", "Time of a check of a batch of blobs")?,
			dropped: counters("dropped_total", "Holdings and uploads dropped", &["reason"])?,
			sweep_seconds: histogram("sweep_seconds", "Time of a sweep")?,
			held_bytes: gauges("held_bytes", "Bytes of shards held", &["state"])?,
			held: gauges("held", "Staged MDUs, promises and commits held", &["state"])?,
			free_bytes: gauge("free_bytes", "Bytes that may still be written")?,
			damaged: gauge("damaged", "Pieces of content that the disk has lost")?,
			round: gauge("round", "The round in force")?,
			samples: gauges("samples", "Samples of the round in force", &["state"])?,
			answers: counter("answers_total", "Calls with answers that are final")?,
			refused: gauges("refused", "Proofs that the chain took for wrong", &["kind"])?,
			left_out: counter("left_out_total", "Samples that could not be answered")?,
			prover_failures: counter("prover_failures_total", "Failed looks at a round")?,
			account: gauges("account", "What earlier rounds left on the chain", &["kind"])?,
			rent: gauges("rent", "What slots earned and were not paid", &["state"])?,
			settlements: counter("settlements_total", "Calls with settlements that are final")?,
			unsettled: counter("unsettled_total", "Slots that could not be settled in a round")?,
			read_seconds: histogram("read_seconds", "Time of reading a round's samples")?,
			opening_seconds: histogram("opening_seconds", "Time of opening manifests in a round")?,
			answer_seconds: histogram("answer_seconds", "Time of making a round's answers")?,
			quarantine: gauge("quarantine", "Pieces of content in quarantine")?,
			mended: counter("mended_total", "Pieces of content that were rebuilt")?,
			scrubbed_bytes: counter("scrubbed_bytes_total", "Bytes checked by the scrubber")?,
			unchecked: counter("unchecked_total", "MDUs that the scrubber could not check")?,
			scrub_passes: counter("scrub_passes_total", "Passes of the scrubber")?,
			blocks: gauges("chain_block", "Number of the chain's blocks", &["kind"])?,
			chain_up: gauge("chain_up", "1 when the node answered last")?,
			registry,
		})
	}

	/// Tells what the store holds.
	pub fn set_usage(&self, usage: &Usage) {
		for (state, Tally { count, bytes }) in [
			("staged", usage.staged),
			("promised", usage.promised),
			("committed", usage.committed),
			("files", usage.files),
		] {
			self.held.with_label_values(&[state]).set(clamp(count));
			self.held_bytes.with_label_values(&[state]).set(clamp(bytes));
		}
	}

	/// The kinds of proofs that the chain took for wrong.
	pub fn refused_kinds(&self) -> Vec<String> {
		let refused = |kind: &ProofKind| self.refused.with_label_values(&[kind.name()]).get() > 0;
		ProofKind::ALL.into_iter().filter(refused).map(|kind| kind.name().into()).collect()
	}

	/// How far slots are rebuilt.
	pub fn repair_health(&self) -> RepairHealth {
		let count = |gauge: &IntGauge| u64::try_from(gauge.get()).unwrap_or_default();
		RepairHealth {
			slots: count(&self.repairs_open),
			needed_bytes: count(&self.repair_bytes.with_label_values(&["needed"])),
			held_bytes: count(&self.repair_bytes.with_label_values(&["held"])),
		}
	}

	/// The text that Prometheus reads.
	pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
		let mut text = Vec::new();
		TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
		Ok(text)
	}
}

/// A gauge's value.
pub fn clamp(value: u64) -> i64 {
	i64::try_from(value).unwrap_or(i64::MAX)
}
