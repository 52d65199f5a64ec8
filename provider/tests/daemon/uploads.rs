use super::{chain::NOW, *};
use nil_types::{
	DealStatus, Uploader,
	layout::{BLOB_BYTES, MDU_BYTES},
};
use std::sync::atomic::Ordering;

/// The group order, big-endian: the smallest scalar that is an alias of another one, zero.
const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

fn witness_len() -> usize {
	wire::upload_prefix(&COMMIT.mdus[0].witness.encode()).len()
}

#[tokio::test]
async fn shards_are_staged_again_and_again_and_listed() {
	let world = World::new().await;
	for _ in 0..2 {
		let stored = world.upload(1, COMMIT.body(1)).await.unwrap();
		assert_eq!(stored.root.0, COMMIT.mdus[0].root);
	}
	let staged = world.staged(1).await;
	assert_eq!(staged.len(), 1);
	assert_eq!((staged[0].mdu, staged[0].root.0), (0, COMMIT.mdus[0].root));
	assert_eq!(world.staged(0).await, []);
	assert_eq!(files(&world.data().join("shards")).len(), 1);
	world.blobs(1).await.unwrap_err().is(404, ErrorCode::NotFound);
}

#[tokio::test]
async fn bodies_that_are_not_the_shards_of_their_witness_are_refused() {
	let world = World::new().await;
	let good = COMMIT.body(0);
	let head = witness_len();
	let mut aliased = good.clone();
	aliased[head..head + 32].copy_from_slice(&hex::decode(ORDER).unwrap());
	let mut padded = good.clone();
	padded[head + BLOB_BYTES] = 1;
	let mut short_witness = good.clone();
	short_witness[0] -= 1;
	let mut long_witness = good.clone();
	long_witness[..4].copy_from_slice(&u32::MAX.to_le_bytes());
	let mut point = good.clone();
	point[4 + 3] ^= 1;
	let mut live = good.clone();
	live[4] = 65;
	for (what, body) in [
		("empty", Vec::new()),
		("cut inside the witness", good[..head - 1].to_vec()),
		("cut inside a blob", good[..good.len() - 1].to_vec()),
		("a blob short", good[..good.len() - BLOB_BYTES].to_vec()),
		("a byte too many", [&good[..], &[0]].concat()),
		("a blob too many", [&good[..], &vec![0; BLOB_BYTES]].concat()),
		("aliased scalar", aliased),
		("data scalar with a byte in front", padded),
		("witness length too small", short_witness),
		("witness length too large", long_witness),
		("damaged point", point),
		("more live blobs than there are", live),
	] {
		let refusal = world.upload(0, body).await.unwrap_err();
		assert_eq!(refusal.status, 422, "{what}: {refusal:?}");
		assert_eq!(refusal.body.code, ErrorCode::BadShard, "{what}");
	}
	assert_eq!(world.staged(0).await, []);
	assert_eq!(files(&world.data().join("shards")).len(), 0);
	assert_eq!(files(&world.data().join("tmp")).len(), 0);
	let huge = vec![0; MDU_BYTES + wire::MAX_WITNESS_BYTES];
	world.upload(0, huge).await.unwrap_err().is(413, ErrorCode::TooLarge);
}

#[tokio::test]
async fn a_parity_scalar_may_be_large_but_not_aliased() {
	let world = World::new().await;
	world.upload(2, COMMIT.body(2)).await.unwrap();
	let mut aliased = COMMIT.body(2);
	let head = witness_len();
	aliased[head..head + 32].copy_from_slice(&hex::decode(ORDER).unwrap());
	world.upload(2, aliased).await.unwrap_err().is(422, ErrorCode::BadShard);
}

#[tokio::test]
async fn tokens_must_be_the_owners_for_this_deal_generation_slot_and_time() {
	let world = World::new().await;
	let sign = |token| SignedToken::sign(token, &world.owner).to_header();
	let stranger = Signer::from_uri("//Bob").unwrap();
	let good = world.token(0);
	let mut forged = SignedToken::sign(good.clone(), &stranger);
	forged.signer = world.owner.public_key();
	for (what, auth, status, code) in [
		("nonsense", "Bearer x".into(), 401, ErrorCode::Unauthorized),
		("forged", forged.to_header(), 401, ErrorCode::Unauthorized),
		(
			"expired",
			sign(UploadToken { expires: unix_now() - 1, ..good.clone() }),
			401,
			ErrorCode::Unauthorized,
		),
		(
			"another chain",
			sign(UploadToken { genesis: [0; 32], ..good.clone() }),
			401,
			ErrorCode::Unauthorized,
		),
		(
			"not the owner",
			SignedToken::sign(good.clone(), &stranger).to_header(),
			403,
			ErrorCode::Forbidden,
		),
		("another deal", sign(UploadToken { deal: 8, ..good.clone() }), 403, ErrorCode::Forbidden),
		(
			"another generation",
			sign(UploadToken { generation: 2, ..good.clone() }),
			403,
			ErrorCode::Forbidden,
		),
		("another slot", sign(UploadToken { slot: 1, ..good.clone() }), 403, ErrorCode::Forbidden),
		(
			"too few bytes",
			sign(UploadToken { max_bytes: 2 * BLOB_BYTES as u64 - 1, ..good.clone() }),
			413,
			ErrorCode::TooLarge,
		),
	] {
		let refusal = world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap_err();
		assert_eq!(
			(refusal.status.as_u16(), refusal.body.code),
			(status, code),
			"{what}: {refusal:?}"
		);
	}
	let response = world.http.put(world.url(&wire::upload_path(DEAL, 1, 0, 0))).send().await;
	answer(response.unwrap()).await.unwrap_err().is(401, ErrorCode::Unauthorized);

	let later = sign(UploadToken { generation: 2, ..good.clone() });
	let refusal = world.upload_with(&later, 2, 0, 0, COMMIT.body(0)).await.unwrap_err();
	refusal.is(409, ErrorCode::WrongGeneration);
	let exact = sign(UploadToken { max_bytes: 2 * BLOB_BYTES as u64, ..good });
	world.upload_with(&exact, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	// Sent again it replaces what was sent; an MDU more is beyond the budget.
	world.upload_with(&exact, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	let refusal = world.upload_with(&exact, 1, 1, 0, COMMIT.body(0)).await.unwrap_err();
	refusal.is(413, ErrorCode::TooLarge);
}

/// What the provider of slot 0 was shown, it has: all that slot 1 would do with it is refused.
#[tokio::test]
async fn a_token_of_one_slot_is_of_no_use_at_another() {
	let world = World::new().await;
	let shown = world.auth(0);
	world.upload_with(&shown, 1, 0, 0, OTHER.body(0)).await.unwrap();
	let url = world.url(&wire::staged_path(DEAL, 1, 1));
	let listed = world.http.get(url).header(AUTHORIZATION, &shown).send().await.unwrap();
	for refusal in [
		world.upload_with(&shown, 1, 0, 1, OTHER.body(1)).await.unwrap_err(),
		world.receipt_with(&shown, 1, &OTHER.request()).await.unwrap_err(),
		answer(listed).await.unwrap_err(),
	] {
		refusal.is(403, ErrorCode::Forbidden);
		let said = &refusal.body.error;
		assert!(
			said.contains("generation 1, slot 0, the request") && !refusal.body.retry,
			"{said}"
		);
		assert!(said.ends_with("generation 1, slot 1"), "{said}");
	}
	// Nothing stands in the owner's way there.
	assert_eq!(world.staged(1).await, []);
	let receipt = world.promised(1, &COMMIT).await;
	assert!(world.holds(&receipt, &COMMIT));
}

/// Lets Bob upload to the deal.
fn authorise_bob(world: &World, remaining_bytes: u64, until: u32) -> Signer {
	let bob = Signer::from_uri("//Bob").unwrap();
	let account = bob.account_id();
	world.chain.best(|state| {
		state.deal.as_mut().unwrap().uploaders = vec![Uploader { account, remaining_bytes, until }];
	});
	bob
}

#[tokio::test]
async fn an_uploader_may_stage_and_be_promised_what_its_budget_covers() {
	let world = World::new().await;
	let bob = authorise_bob(&world, COMMIT.size, NOW);
	let auth = SignedToken::sign(world.token(0), &bob).to_header();
	world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	// Again is not more, whatever the token allows; another MDU is.
	world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	let refusal = world.upload_with(&auth, 1, 1, 0, COMMIT.body(0)).await.unwrap_err();
	refusal.is(413, ErrorCode::TooLarge);
	world.upload(0, COMMIT.body(0)).await.unwrap();
	assert_eq!(world.staged(0).await.len(), 1);
	let receipt = world.receipt_with(&auth, 0, &COMMIT.request()).await.unwrap();
	assert!(world.holds(&receipt, &COMMIT));

	// A byte less, which the shards do not show.
	let world = World::new().await;
	authorise_bob(&world, COMMIT.size - 1, NOW);
	world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	let refusal = world.receipt_with(&auth, 0, &COMMIT.request()).await.unwrap_err();
	refusal.is(413, ErrorCode::TooLarge);
	// The owner has no such limit.
	world.receipt(0, &COMMIT.request()).await.unwrap();
}

#[tokio::test]
async fn an_uploader_without_time_budget_or_authorisation_is_refused() {
	let world = World::new().await;
	let bob = authorise_bob(&world, 1 << 30, NOW);
	let auth = SignedToken::sign(world.token(0), &bob).to_header();
	let refused = async |what: &str| {
		// A receipt is refused by the newest block; an upload may be taken by a view of seconds ago.
		let refusal = world.receipt_with(&auth, 0, &COMMIT.request()).await.unwrap_err();
		assert_eq!(refusal.body.code, ErrorCode::Forbidden, "{what}: {refusal:?}");
		let refusal = world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap_err();
		assert_eq!(refusal.body.code, ErrorCode::Forbidden, "{what}: {refusal:?}");
	};
	world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	authorise_bob(&world, 0, NOW);
	refused("no bytes are left").await;
	authorise_bob(&world, 1 << 30, NOW - 1);
	refused("its time is over").await;
	world.chain.best(|state| state.deal.as_mut().unwrap().uploaders.clear());
	refused("revoked").await;

	// What the newest block allows is allowed at once, also beyond what was allowed before.
	authorise_bob(&world, 1, NOW);
	let refusal = world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap_err();
	refusal.is(413, ErrorCode::TooLarge);
	authorise_bob(&world, COMMIT.size, NOW);
	world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	world.receipt_with(&auth, 0, &COMMIT.request()).await.unwrap();
}

/// A receipt names no account: whoever may commit may use it.
#[tokio::test]
async fn a_receipt_outlives_the_authorisation_under_which_it_was_given() {
	let world = World::with("store.sweep_secs = 1").await;
	let bob = authorise_bob(&world, COMMIT.size, NOW);
	let auth = SignedToken::sign(world.token(0), &bob).to_header();
	world.upload_with(&auth, 1, 0, 0, COMMIT.body(0)).await.unwrap();
	let receipt = world.receipt_with(&auth, 0, &COMMIT.request()).await.unwrap();
	world.chain.finalised(|state| state.deal.as_mut().unwrap().uploaders.clear());
	following::blocks_pass(&world).await;
	world.upload(0, OTHER.body(0)).await.unwrap();
	let refusal = world.receipt(0, &OTHER.request()).await.unwrap_err();
	refusal.is(409, ErrorCode::Forbidden);
	assert!(refusal.body.error.contains(&receipt.until.to_string()), "{refusal:?}");
	// The owner commits on what Bob was given.
	world.chain.finalised(|state| following::commit(state, &COMMIT, 1));
	eventually("the promise is a commit", async || {
		world.chain.finalised(|_| {});
		world.metric("held{state=\"committed\"}").await == 1
	})
	.await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
}

#[tokio::test]
async fn the_chain_decides_whose_slot_it_is_and_where_the_slab_ends() {
	let world = World::new().await;
	world.upload(3, COMMIT.body(3)).await.unwrap_err().is(403, ErrorCode::NotMySlot);
	world.upload(4, COMMIT.body(0)).await.unwrap_err().is(403, ErrorCode::NotMySlot);
	let auth = world.auth(0);
	let refusal = world.upload_with(&auth, 1, 1024, 0, COMMIT.body(0)).await.unwrap_err();
	refusal.is(400, ErrorCode::BadRequest);

	// A view of seconds ago still says that the deal is placed: a receipt asks the chain anew.
	world.chain.best(|state| state.deal.as_mut().unwrap().status = DealStatus::Placing);
	let refusal = world.receipt(0, &COMMIT.request()).await.unwrap_err();
	refusal.is(403, ErrorCode::Forbidden);
	assert!(refusal.body.retry && refusal.body.error.contains("not drawn"), "{refusal:?}");
	// And now the view is one of a deal that is not placed: an upload that does not fit it looks again.
	world.chain.best(|state| {
		let deal = state.deal.as_mut().unwrap();
		deal.status = DealStatus::Active;
		deal.generation = 1;
	});
	let next = SignedToken::sign(UploadToken { generation: 2, ..world.token(0) }, &world.owner);
	let auth = next.to_header();
	world.upload_with(&auth, 2, 0, 0, COMMIT.body(0)).await.unwrap();
}

#[tokio::test]
async fn uploads_beyond_escrow_disk_or_numbers_are_refused() {
	let world = World::new().await;
	// One byte of slack in what 2 rows in 4 slots cost for 10,000 relay blocks at 1 per byte.
	let price = 2 * 4 * BLOB_BYTES as u128 * 10_000;
	world.chain.best(|state| state.deal.as_mut().unwrap().free_escrow = price - 1);
	world.upload(0, COMMIT.body(0)).await.unwrap_err().is(402, ErrorCode::EscrowTooSmall);

	let full = World::with("store.reserve = \"8000000 TiB\"").await;
	let refusal = full.upload(0, COMMIT.body(0)).await.unwrap_err();
	refusal.is(507, ErrorCode::NoSpace);
	assert!(refusal.body.retry);
	assert_eq!(files(&full.data().join("tmp")).len(), 0);

	let busy = World::with("limits.requests_per_sec = 1\nlimits.burst = 2").await;
	for _ in 0..2 {
		busy.get(wire::HEALTH).await.unwrap();
	}
	busy.get(wire::HEALTH).await.unwrap_err().is(429, ErrorCode::TooManyRequests);
}

#[tokio::test]
async fn without_its_node_the_provider_takes_nothing_for_deals_that_it_never_saw() {
	let world = World::new().await;
	world.chain.set_down(true);
	let refusal = world.upload(0, COMMIT.body(0)).await.unwrap_err();
	refusal.is(503, ErrorCode::ChainUnavailable);
	assert!(refusal.body.retry);
	world.chain.set_down(false);
	world.upload(0, COMMIT.body(0)).await.unwrap();
}

#[tokio::test]
async fn without_its_node_the_provider_stages_and_serves_but_promises_nothing() {
	let world = World::new().await;
	world.promised(0, &COMMIT).await;
	world.chain.set_down(true);
	// An answer of the node is used for a while without asking again; then it is asked in vain, and uploads go on.
	eventually("an upload asks the node in vain", async || {
		world.upload(1, COMMIT.body(1)).await.unwrap();
		world.chain.refused.load(Ordering::SeqCst) > 0
	})
	.await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	let refusal = world.receipt(1, &COMMIT.request()).await.unwrap_err();
	refusal.is(503, ErrorCode::ChainUnavailable);
	assert!(refusal.body.retry);
	world.chain.set_down(false);
	let receipt = world.receipt(1, &COMMIT.request()).await.unwrap();
	assert!(world.holds(&receipt, &COMMIT));
}

#[tokio::test]
async fn health_and_metrics_tell_how_it_fares() {
	let world = World::new().await;
	world.upload(0, COMMIT.body(0)).await.unwrap();
	let health: wire::Health =
		serde_json::from_slice(&world.get(wire::HEALTH).await.unwrap()).unwrap();
	assert_eq!(health.operator, operator());
	assert_eq!(health.service_key.0, world.service.public_key());
	assert_eq!(health.genesis.0, GENESIS);
	assert_eq!(world.metric("uploaded_bytes_total").await, 2 * BLOB_BYTES as u64);
	let healthy = format!("requests_total{{route=\"{}\",status=\"200\"}}", wire::HEALTH);
	assert_eq!(world.metric(&healthy).await, 1);
	world.get(wire::HEALTH).await.unwrap();
	assert_eq!(world.metric(&healthy).await, 2);
}
