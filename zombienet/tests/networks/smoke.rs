//! The shortest test: does the relay chain take our blocks at all?

use nil_zombienet::{
	inclusion::included_and_final,
	network::{FIRST_BLOCK_WITHIN, PARA_ID, Plan, run},
};
use std::time::Duration;

const BLOCKS: u32 = 10;

#[test]
fn smoke() {
	run("smoke", Plan::PUBLIC, Duration::from_secs(600), async |network| {
		let patience = FIRST_BLOCK_WITHIN + 2 * BLOCKS;
		let included = included_and_final(&network.relay, PARA_ID, BLOCKS, patience).await?;
		// Our nodes see it as the relay chain does.
		let ours = network
			.para
			.within(BLOCKS, "our node finalises what the relay chain finalised", async || {
				let head = network.para.finalised().await?;
				Ok((head.number >= included.number).then_some(head))
			})
			.await?;
		assert!(ours.number >= BLOCKS);
		assert_eq!(network.para.at(included.number).await?, included);
		Ok(())
	});
}
