//! `tests/vectors/challenge-v1.json`, which `scripts/challenge-vectors.py` wrote and other implementations can hold
//! themselves to.

use crate::table::Table;
use codec::Decode;
use nil_types::{
	Epoch, Hint, RelayBlock,
	challenge::{
		Census, Draw, MAX_ATTEMPTS, Sample, SizeClass, challenge_seed, epoch_of, epoch_randomness,
		epoch_start, evaluation_point, gamma, sample, samples_of, settle_draw, settle_gamma,
		settle_point, settle_seed,
	},
	deal::SerdeBytes,
	repair::{RepairDraw, repair_gamma, repair_point, repair_seed},
	uniform,
};
use serde::Deserialize;

type Hex32 = SerdeBytes<32>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
	#[serde(rename = "about")]
	_about: Vec<String>,
	epochs: Vec<EpochVector>,
	epoch_randomness: Vec<RandomnessVector>,
	evaluation_points: Vec<PointVector>,
	gammas: Vec<GammaVector>,
	seeds: Vec<SeedVector>,
	uniform: Vec<UniformVector>,
	size_classes: Vec<ClassVector>,
	samples_of: Vec<SamplesVector>,
	draws: Vec<SingleVector>,
	cases: Vec<CaseVector>,
	settlements: Vec<SettlementVector>,
	repairs: Vec<RepairVector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochVector {
	block: RelayBlock,
	length: RelayBlock,
	epoch: Epoch,
	start: RelayBlock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RandomnessVector {
	genesis: Hex32,
	epoch: Epoch,
	randomness: SerdeBytes<64>,
	r_e: Hex32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PointVector {
	r_e: Hex32,
	provider: Hex32,
	z: Hex32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GammaVector {
	r_e: Hex32,
	provider: Hex32,
	ordinal: u32,
	gamma: Hex32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedVector {
	r_e: Hex32,
	provider: Hex32,
	ordinal: u32,
	attempt: u32,
	seed: Hex32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UniformVector {
	bytes: SerdeBytes<16>,
	total: String,
	number: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassVector {
	rows: u64,
	class: Option<u8>,
	bound: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SamplesVector {
	per_epoch: u32,
	blobs: String,
	samples: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CensusVector {
	cold: Vec<(u8, u32)>,
	hot: Vec<(u8, u32)>,
	slots: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SingleVector {
	census: CensusVector,
	seed: Hex32,
	ordinal: u32,
	hot_factor: u32,
	draw: Option<DrawVector>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum DrawVector {
	Listed { hint: Hint, class: u8, index: u32, offset: u64 },
	Slot { index: u32, pick: SerdeBytes<16> },
}

impl From<Draw> for DrawVector {
	fn from(draw: Draw) -> Self {
		match draw {
			Draw::Listed { hint, class, index, offset } => {
				Self::Listed { hint, class: class.number(), index, offset }
			},
			Draw::Slot { index, pick } => Self::Slot { index, pick: SerdeBytes(pick) },
		}
	}
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum SampleVector {
	Listed { hint: Hint, class: u8, index: u32, row: u64 },
	Slot { index: u32, row: u64 },
}

impl From<Sample> for SampleVector {
	fn from(sample: Sample) -> Self {
		match sample {
			Sample::Listed { hint, class, index, row } => {
				Self::Listed { hint, class: class.number(), index, row }
			},
			Sample::Slot { index, row } => Self::Slot { index, row },
		}
	}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListVector {
	class: u8,
	rows: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrdinalVector {
	ordinal: u32,
	attempts: Vec<Option<DrawVector>>,
	sample: Option<SampleVector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseVector {
	name: String,
	r_e: Hex32,
	provider: Hex32,
	hot_factor: u32,
	cold: Vec<ListVector>,
	hot: Vec<ListVector>,
	slots: Vec<u64>,
	samples: Vec<OrdinalVector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TryVector {
	attempt: u32,
	seed: Hex32,
	mdu: u32,
	row: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettlementVector {
	r: Hex32,
	provider: Hex32,
	deal: String,
	slot: u8,
	sample: u32,
	mdus: u32,
	rows: u32,
	tries: Vec<TryVector>,
	z: Hex32,
	gamma: Hex32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepairVector {
	genesis: Hex32,
	deal: String,
	slot: u8,
	attempts: u32,
	randomness: SerdeBytes<64>,
	relay_block: RelayBlock,
	candidate_seed: Hex32,
	r: Hex32,
	sample: u32,
	generation: u32,
	mdus: u32,
	rows: u32,
	seed: Hex32,
	mdu: u32,
	row: Option<u32>,
	z: Hex32,
	gamma: Hex32,
}

fn vectors() -> Vectors {
	serde_json::from_str(include_str!("../vectors/challenge-v1.json")).expect("valid vectors")
}

#[test]
fn epochs() {
	for vector in vectors().epochs {
		let epoch = epoch_of(vector.block, vector.length);
		assert_eq!(epoch, vector.epoch);
		assert_eq!(epoch_start(epoch, vector.length), vector.start);
	}
}

#[test]
fn hashes() {
	let vectors = vectors();
	for vector in vectors.epoch_randomness {
		let r_e = epoch_randomness(&vector.genesis.0, vector.epoch, &vector.randomness.0);
		assert_eq!(SerdeBytes(r_e), vector.r_e);
	}
	for vector in vectors.evaluation_points {
		let z = evaluation_point(&vector.r_e.0, &vector.provider.0);
		assert_eq!(SerdeBytes(z), vector.z);
	}
	for vector in vectors.gammas {
		let gamma = gamma(&vector.r_e.0, &vector.provider.0, vector.ordinal);
		assert_eq!(SerdeBytes(gamma), vector.gamma);
	}
	for vector in vectors.seeds {
		let SeedVector { r_e, provider, ordinal, attempt, seed } = vector;
		let found = challenge_seed(&r_e.0, &provider.0, ordinal, attempt);
		assert_eq!(SerdeBytes(found), seed);
	}
}

#[test]
fn uniform_numbers() {
	let number = |text: &String| text.parse::<u128>().expect("a decimal number");
	for vector in vectors().uniform {
		let found = uniform(vector.bytes.0, number(&vector.total));
		assert_eq!(found, vector.number.as_ref().map(number), "{:?}", vector.bytes);
	}
}

#[test]
fn size_classes() {
	for vector in vectors().size_classes {
		let class = SizeClass::of(vector.rows);
		assert_eq!(class.map(SizeClass::number), vector.class, "{} rows", vector.rows);
		assert_eq!(class.map(SizeClass::bound), vector.bound, "{} rows", vector.rows);
	}
}

#[test]
fn numbers_of_samples() {
	for vector in vectors().samples_of {
		let blobs = vector.blobs.parse().expect("a decimal number");
		assert_eq!(samples_of(vector.per_epoch, blobs), vector.samples, "{blobs} blobs");
	}
}

#[test]
fn draws() {
	let lengths = |list: Vec<(u8, u32)>| -> Vec<(SizeClass, u32)> {
		let class = |number: u8| SizeClass::decode(&mut &[number][..]).expect("one byte");
		list.into_iter().map(|(number, len)| (class(number), len)).collect()
	};
	for vector in vectors().draws {
		let SingleVector { census: CensusVector { cold, hot, slots }, .. } = vector;
		let census = Census { cold: lengths(cold), hot: lengths(hot), slots };
		let found = census.draw(&vector.seed.0, vector.ordinal, vector.hot_factor);
		assert_eq!(found.map(DrawVector::from), vector.draw, "{:?}", vector.seed);
	}
}

#[test]
fn samples() {
	for case in vectors().cases {
		let name = &case.name;
		let flat = |lists: &[ListVector]| -> Vec<u64> {
			lists.iter().flat_map(|list| list.rows.clone()).collect()
		};
		let mut table = Table::new(&flat(&case.cold), &flat(&case.hot), &case.slots);
		let census = table.census();
		let lengths = |lists: &[ListVector]| -> Vec<(u8, u32)> {
			lists.iter().map(|list| (list.class, list.rows.len() as u32)).collect()
		};
		let numbers = |list: &[(SizeClass, u32)]| -> Vec<(u8, u32)> {
			list.iter().map(|(class, len)| (class.number(), *len)).collect()
		};
		assert_eq!(numbers(&census.cold), lengths(&case.cold), "{name}");
		assert_eq!(numbers(&census.hot), lengths(&case.hot), "{name}");

		let (r_e, provider, hot_factor) = (&case.r_e.0, &case.provider.0, case.hot_factor);
		for vector in case.samples {
			let OrdinalVector { ordinal, attempts, sample: expected } = vector;
			assert!(attempts.len() <= MAX_ATTEMPTS as usize);
			assert_eq!(expected.is_none(), attempts.len() == MAX_ATTEMPTS as usize);
			for (attempt, drawn) in (0..).zip(attempts) {
				let seed = challenge_seed(r_e, provider, ordinal, attempt);
				let found = census.draw(&seed, ordinal, hot_factor).map(DrawVector::from);
				assert_eq!(found, drawn, "{name}, {ordinal}, {attempt}");
			}
			let found = sample(r_e, provider, ordinal, &census, hot_factor, &mut table);
			assert_eq!(found.map(|found| found.map(SampleVector::from)), Ok(expected), "{name}");
		}
	}
}

fn deal_of(text: &str) -> u64 {
	text.parse().expect("a decimal number")
}

#[test]
fn settlements() {
	for vector in vectors().settlements {
		let (r, provider) = (&vector.r.0, &vector.provider.0);
		let (key, sample) = ((deal_of(&vector.deal), vector.slot), vector.sample);
		for TryVector { attempt, seed, mdu, row } in vector.tries {
			let found = settle_seed(r, provider, key, sample, attempt);
			assert_eq!(SerdeBytes(found), seed);
			let (drawn, pick) = settle_draw(&found, vector.mdus);
			assert_eq!((drawn, uniform(pick, vector.rows)), (mdu, row), "{seed:?}");
		}
		assert_eq!(SerdeBytes(settle_point(r, provider)), vector.z);
		assert_eq!(SerdeBytes(settle_gamma(r, provider, key, sample)), vector.gamma);
	}
}

#[test]
fn repairs() {
	for vector in vectors().repairs {
		let draw = RepairDraw {
			genesis: vector.genesis.0,
			deal: deal_of(&vector.deal),
			slot: vector.slot,
			attempts: vector.attempts,
			randomness: vector.randomness.0,
			relay_block: vector.relay_block,
		};
		assert_eq!(SerdeBytes(draw.candidate_seed()), vector.candidate_seed);
		let r = draw.samples();
		assert_eq!(SerdeBytes(r), vector.r);
		let seed = repair_seed(&r, vector.sample);
		assert_eq!(SerdeBytes(seed), vector.seed);
		let (mdu, pick) = settle_draw(&seed, vector.mdus);
		assert_eq!((mdu, uniform(pick, vector.rows)), (vector.mdu, vector.row));
		assert_eq!(SerdeBytes(repair_point(&r, vector.generation)), vector.z);
		assert_eq!(SerdeBytes(repair_gamma(&r, vector.sample)), vector.gamma);
	}
}
