use super::{chain::NOW, following::commit, *};
use nil_provider::store::{HoldingKey, StagedKey, Upload};
use nil_types::{ProviderStatus, layout::BLOB_BYTES};

#[tokio::test]
async fn a_receipt_signs_the_protocols_bytes_and_makes_all_of_it_readable() {
	let world = World::new().await;
	let receipt = world.promised(1, &COMMIT).await;
	assert_eq!((receipt.slot, receipt.until), (1, NOW + 100));
	assert!(world.holds(&receipt, &COMMIT));
	assert!(!world.holds(&receipt, &OTHER));

	let mdu = &COMMIT.mdus[0];
	let shard = &mdu.shards[1];
	assert_eq!(&world.blobs(1).await.unwrap(), shard);
	let second = wire::RowRange { first: 1, last: 1 };
	let path = wire::blobs_path(DEAL, 0, 1, Some(second));
	assert_eq!(world.get(&path).await.unwrap(), shard[BLOB_BYTES..]);
	let witness = world.get(&wire::witness_path(DEAL, &mdu.root)).await.unwrap();
	assert_eq!(witness, mdu.witness.encode());
	let roots = COMMIT.roots();
	let object = world.get(&wire::object_path(DEAL, &roots_hash(&roots))).await.unwrap();
	assert_eq!(object, roots.concat());
	let index = world.get(&wire::object_path(DEAL, &blake2b_256(&COMMIT.index))).await.unwrap();
	assert_eq!(index, COMMIT.index);

	let past = wire::RowRange { first: 1, last: 2 };
	let path = wire::blobs_path(DEAL, 0, 1, Some(past));
	world.get(&path).await.unwrap_err().is(416, ErrorCode::NotFound);
	world.get(&wire::blobs_path(DEAL, 1, 1, None)).await.unwrap_err().is(404, ErrorCode::NotFound);
	world.get(&wire::witness_path(8, &mdu.root)).await.unwrap_err().is(404, ErrorCode::NotFound);
	let bad = format!("/v1/deals/{DEAL}/objects/../../lock");
	assert_eq!(world.get(&bad).await.unwrap_err().status, 404);
	let upper = wire::object_path(DEAL, &[0xab; 32]).replace("ab", "AB");
	world.get(&upper).await.unwrap_err().is(400, ErrorCode::BadRequest);
}

#[tokio::test]
async fn the_same_receipt_is_given_again_and_a_conflicting_one_refused_until_it_is_void() {
	let world = World::new().await;
	let first = world.promised(0, &COMMIT).await;
	let again = world.receipt(0, &COMMIT.request()).await.unwrap();
	assert_eq!(again.until, first.until);
	assert!(world.holds(&again, &COMMIT));
	assert_eq!(world.staged(0).await[0].root.0, COMMIT.mdus[0].root, "nothing to send again");

	world.upload(0, OTHER.body(0)).await.unwrap();
	let refusal = world.receipt(0, &OTHER.request()).await.unwrap_err();
	refusal.is(409, ErrorCode::Forbidden);
	assert!(refusal.body.retry);
	// Void on the best block, which may be undone: on another branch the first may be committed.
	world.chain.best(|state| state.terms.relay_block = first.until + 1);
	let refusal = world.receipt(0, &OTHER.request()).await.unwrap_err();
	refusal.is(409, ErrorCode::Forbidden);
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	world.chain.finalised(|_| {});
	// A sweep may have dropped what is void already; either way the other content takes its place.
	let second = world.receipt(0, &OTHER.request()).await.unwrap();
	assert!(world.holds(&second, &OTHER));
	assert_eq!(world.blobs(0).await.unwrap(), OTHER.mdus[0].shards[0]);
}

#[tokio::test]
async fn a_branch_that_lost_costs_no_promise_that_the_other_one_committed() {
	let world = World::new().await;
	let first = world.promised(0, &COMMIT).await;
	world.upload(0, OTHER.body(0)).await.unwrap();
	// The node still takes a block without the commit for the best one.
	world.chain.finalised(|state| {
		commit(state, &COMMIT, 1);
		state.terms.relay_block = first.until + 1;
	});
	world.chain.best(|state| {
		state.commits.clear();
		let deal = state.deal.as_mut().unwrap();
		(deal.generation, deal.total_mdus) = (0, 0);
	});
	let refusal = world.receipt(0, &OTHER.request()).await.unwrap_err();
	refusal.is(409, ErrorCode::WrongGeneration);
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
}

#[tokio::test]
async fn bytes_that_do_not_match_their_commitments_get_no_receipt() {
	let world = World::new().await;
	let head = wire::upload_prefix(&COMMIT.mdus[0].witness.encode()).len();
	let mut flipped = COMMIT.body(0);
	flipped[head + 31] ^= 1;
	let mut swapped_rows = COMMIT.body(0);
	let (first, second) = swapped_rows[head..].split_at_mut(BLOB_BYTES);
	first.swap_with_slice(second);
	let mut other_slot = COMMIT.body(0);
	other_slot.truncate(head);
	other_slot.extend(&COMMIT.mdus[0].shards[1]);
	for (what, body) in
		[("flipped", flipped), ("swapped rows", swapped_rows), ("another slot's", other_slot)]
	{
		world.upload(0, body).await.unwrap();
		let refusal = world.receipt(0, &COMMIT.request()).await.unwrap_err();
		assert_eq!(refusal.status, 422, "{what}: {refusal:?}");
		assert_eq!(refusal.body.code, ErrorCode::BadShard, "{what}");
		assert_eq!(world.staged(0).await, [], "{what}");
		assert_eq!(files(&world.data().join("shards")).len(), 0, "{what}");
	}
	// The right ones still find their place.
	let receipt = world.promised(0, &COMMIT).await;
	assert!(world.holds(&receipt, &COMMIT));
}

#[tokio::test]
async fn a_receipt_covers_exactly_what_is_staged() {
	let world = World::new().await;
	world.receipt(0, &COMMIT.request()).await.unwrap_err().is(409, ErrorCode::NotStaged);
	world.upload(0, COMMIT.body(0)).await.unwrap();
	let good = COMMIT.request();
	let other_root = ReceiptRequest { roots: OTHER.roots(), ..good.clone() };
	world.receipt(0, &other_root).await.unwrap_err().is(409, ErrorCode::NotStaged);
	// One live blob fewer than the witness says, though the root is right.
	let smaller = ReceiptRequest { size_bytes: BLOB_PAYLOAD as u64, ..good.clone() };
	world.receipt(0, &smaller).await.unwrap_err().is(409, ErrorCode::NotStaged);
	for bad in [
		ReceiptRequest { roots: vec![], size_bytes: 0, ..good.clone() },
		ReceiptRequest { roots: vec![good.roots[0]; 2], ..good.clone() },
		ReceiptRequest { index: vec![0; good.size_bytes as usize + 1], ..good.clone() },
	] {
		world.receipt(0, &bad).await.unwrap_err().is(400, ErrorCode::BadRequest);
	}
	let url = world.url(&wire::receipt_path(DEAL, 1, 0));
	let garbled = world.http.post(url).header(AUTHORIZATION, world.auth(0)).body("garbage");
	answer(garbled.send().await.unwrap()).await.unwrap_err().is(400, ErrorCode::BadRequest);
	world.receipt(0, &good).await.unwrap();
}

#[tokio::test]
async fn nothing_is_promised_beyond_escrow_capacity_or_stake() {
	let world = World::new().await;
	world.upload(0, COMMIT.body(0)).await.unwrap();
	world.upload(1, COMMIT.body(1)).await.unwrap();
	let bytes = 2 * BLOB_BYTES as u64;
	let set = |capacity: u64, stake: u128, status| {
		world.chain.best(|state| {
			let info = state.provider.as_mut().unwrap();
			(info.capacity, info.stake, info.used, info.status) = (capacity, stake, 7, status);
		});
	};
	let enough = 100 + u128::from(7 + bytes);
	for (capacity, stake, status) in [
		(7 + bytes - 1, enough, ProviderStatus::Active),
		(7 + bytes, enough - 1, ProviderStatus::Active),
		(7 + bytes, enough, ProviderStatus::Jailed),
	] {
		set(capacity, stake, status);
		world.receipt(0, &COMMIT.request()).await.unwrap_err().is(507, ErrorCode::NoSpace);
	}
	set(7 + bytes, enough, ProviderStatus::Draining);
	world.receipt(0, &COMMIT.request()).await.unwrap();
	// What slot 0 was promised counts against slot 1.
	world.receipt(1, &COMMIT.request()).await.unwrap_err().is(507, ErrorCode::NoSpace);
	set(7 + 2 * bytes, enough + u128::from(bytes), ProviderStatus::Active);
	world.receipt(1, &COMMIT.request()).await.unwrap();

	world.chain.best(|state| state.provider.as_mut().unwrap().service_key = [0; 32]);
	world.receipt(1, &COMMIT.request()).await.unwrap_err().is(507, ErrorCode::NoSpace);
}

#[tokio::test]
async fn two_receipts_at_once_promise_no_more_than_there_is_room_for() {
	let world = World::new().await;
	for slot in [0, 1] {
		world.upload(slot, COMMIT.body(slot)).await.unwrap();
	}
	let bytes = 2 * BLOB_BYTES as u64;
	world.chain.best(|state| state.provider.as_mut().unwrap().capacity = 2 * bytes - 1);
	// Both learn what is free before either has promised anything.
	*world.chain.gate.lock().unwrap() = Some(Arc::new(tokio::sync::Barrier::new(2)));
	let request = COMMIT.request();
	let (first, second) = tokio::join!(world.receipt(0, &request), world.receipt(1, &request));
	*world.chain.gate.lock().unwrap() = None;
	let refused: Vec<_> = [&first, &second].into_iter().filter_map(|r| r.as_ref().err()).collect();
	assert_eq!(refused.len(), 1, "{first:?} {second:?}");
	refused[0].is(507, ErrorCode::NoSpace);
	assert!(refused[0].body.retry);
}

#[tokio::test]
async fn uploads_checks_and_promises_survive_a_restart() {
	let mut world = World::new().await;
	world.upload(0, COMMIT.body(0)).await.unwrap();
	world.restart().await;
	assert_eq!(world.staged(0).await.len(), 1);
	let receipt = world.receipt(0, &COMMIT.request()).await.unwrap();
	world.restart().await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	let again = world.receipt(0, &COMMIT.request()).await.unwrap();
	assert_eq!(again.until, receipt.until);
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_never_served() {
	let world = World::new().await;
	world.promised(0, &COMMIT).await;
	let [shard] = &files(&world.data().join("shards"))[..] else { panic!("one shard") };
	std::fs::write(shard, "short").unwrap();
	world.blobs(0).await.unwrap_err().is(500, ErrorCode::Internal);
	std::fs::remove_file(shard).unwrap();
	world.blobs(0).await.unwrap_err().is(500, ErrorCode::Internal);
}

#[tokio::test]
async fn what_a_kill_left_unchecked_is_checked_at_the_next_start() {
	let mut world = World::new().await;
	world.daemon.take().unwrap().stop().await.unwrap();
	let mdu = &COMMIT.mdus[0];
	let witness = mdu.witness.encode();
	let (store, _) = Store::open(&world.data()).unwrap();
	let mut flipped = mdu.shards[1].clone();
	flipped[31] ^= 1;
	for (slot, shards) in [(0, &mdu.shards[0]), (1, &flipped)] {
		let mut incoming = store.incoming().unwrap();
		incoming.write(shards).unwrap();
		let holding = HoldingKey { deal: DEAL, generation: 1, slot };
		let upload = Upload {
			root: mdu.root,
			profile: profile(),
			live: mdu.live,
			witness: &witness,
			branch: None,
			at: unix_now(),
		};
		let staged = store.stage(StagedKey { holding, mdu: 0 }, upload, incoming).unwrap();
		assert!(staged.unverified.is_some());
	}
	drop(store);

	world.start().await;
	assert_eq!(world.daemon.as_ref().unwrap().recovery.unverified.len(), 2);
	let receipt = world.receipt(0, &COMMIT.request()).await.unwrap();
	assert!(world.holds(&receipt, &COMMIT));
	world.receipt(1, &COMMIT.request()).await.unwrap_err().is(422, ErrorCode::BadShard);
}
