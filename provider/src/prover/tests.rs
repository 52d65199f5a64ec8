use super::{
	open::{first_gap, open_missing},
	send::is_over,
	*,
};
use nil_client::chain::BlockRef;
use nil_kzg::Engines;
use nil_slab::manifest;
use nil_types::hash_to_fr;

fn duty(due: u32, answered: &[u32]) -> DutyInfo {
	DutyInfo { due, answered: answered.to_vec(), ..DutyInfo::default() }
}

#[test]
fn what_is_open_is_wanted_but_for_what_waits_or_was_given_up() {
	let mut work = Work::default();
	assert_eq!(work.wanted(&duty(4, &[1])), [0, 2, 3].into());
	work.left_out.insert(2);
	work.again = Some(Instant::now() + Duration::from_secs(60));
	work.given_up.insert(3);
	assert_eq!(work.wanted(&duty(4, &[1])), [0].into());
	// The pause is over.
	work.again = Some(Instant::now());
	assert_eq!(work.wanted(&duty(4, &[1])), [0, 2].into());
	assert_eq!(work.again, None);
	assert_eq!(work.wanted(&duty(0, &[])), BTreeSet::new());
}

#[test]
fn answers_are_spread_over_a_quarter_of_the_prompt_blocks() {
	let drawn = DrawnInfo { randomness: [7; 32], at: 100, block: [1; 32] };
	let from = |prompt_blocks| -> BTreeSet<RelayBlock> {
		(0..=255).map(|byte| answers_from(&drawn, prompt_blocks, &[byte; 32])).collect()
	};
	assert_eq!(from(0), [100].into());
	assert_eq!(from(3), [100].into());
	assert_eq!(from(8), [100, 101, 102].into());
	let wide = from(200);
	assert!(wide.len() > 40 && wide.iter().all(|block| (100..=150).contains(block)), "{wide:?}");
	let late = DrawnInfo { at: RelayBlock::MAX, ..drawn };
	assert_eq!(answers_from(&late, RelayBlock::MAX, &[3; 32]), RelayBlock::MAX);
	// Another round, another order.
	let next = DrawnInfo { randomness: [8; 32], ..drawn };
	let moved = |byte: &u8| {
		answers_from(&next, 200, &[*byte; 32]) != answers_from(&drawn, 200, &[*byte; 32])
	};
	assert!((0..=255).any(|byte| moved(&byte)));
}

#[test]
fn what_is_wanted_and_has_credit_is_waived_unless_that_failed() {
	let duty = DutyInfo { waivable: vec![0, 2, 3], ..duty(6, &[1]) };
	let mut work = Work::default();
	work.given_up.insert(2);
	let wanted = work.wanted(&duty);
	assert_eq!(work.waivable(&duty, &wanted, 22), [0, 3]);
	assert_eq!(work.waivable(&duty, &wanted, 1), [0]);
	work.waives_nothing = true;
	assert_eq!(work.waivable(&duty, &wanted, 22), [0u32; 0]);
}

#[test]
fn only_what_cannot_come_any_more_is_over() {
	let block = BlockRef { number: 1, hash: [0; 32] };
	let dispatch = ChainError::Dispatch {
		pallet: "Liveness".into(),
		error: "Stale".into(),
		docs: String::new(),
		block,
	};
	let gone = ChainError::StateGone { block };
	for over in [dispatch, gone, ChainError::Expired { last: 1 }, ChainError::Usurped { nonce: 1 }]
	{
		assert!(is_over(&over), "{over}");
	}
	let away = ChainError::Transport { method: "x".into(), reason: "away".into() };
	for open in [away, ChainError::OutcomeUnknown { seconds: 600 }] {
		assert!(!is_over(&open), "{open}");
	}
}

#[test]
fn gaps_are_found_where_they_are() {
	assert_eq!(first_gap(4096, &[]), None);
	assert_eq!(first_gap(4096, &[Some([1; 32])]), None);
	assert_eq!(first_gap(4096, &[Some([1; 32]), None, None]), Some(4097));
}

#[test]
fn openings_are_made_of_the_right_roots_alone() {
	let engine = Engines::pippenger();
	let roots: Vec<Hash32> = (0..5u64).map(|mdu| hash_to_fr(&mdu.to_le_bytes())).collect();
	let [point] = manifest::points(&roots).unwrap()[..] else { panic!("one point") };
	let point = manifest::compress(&point).unwrap();
	let opened = open_missing(&*engine, &roots, &point, 4096, vec![4097, 4100]).unwrap();
	let expected = [1, 4].map(|mdu| (4096 + mdu, manifest::open(&*engine, &roots, mdu).unwrap()));
	assert_eq!(opened, expected);
	let fewer = open_missing(&*engine, &roots[..4], &point, 4096, vec![4097]);
	assert_eq!(fewer, Err(Unopened::OtherManifest));
}
