//! Two cores of the relay chain take more blocks of ours than one could, and our clock stays the relay chain's.

use anyhow::Context;
use nil_zombienet::{
	inclusion::included_and_final,
	network::{FIRST_BLOCK_WITHIN, PARA_ID, Plan, run},
	window::Window,
};
use std::time::Duration;
use zombienet_sdk::subxt::ext::codec::Decode;

/// Cores of ours, one for each validator.
const CORES: u32 = 2;
/// Relay blocks that are looked at.
const WINDOW: u32 = 30;
/// Blocks of ours that pass before, so that everybody has found everybody.
const WARM_UP: u32 = 10;
/// Blocks of ours for each 10 relay blocks, at least. A core includes one in a relay block at the very most, and none where a
/// session starts: one core cannot have more than 10 in 10, two have 18 in 10 when all goes well. How much of that remains
/// depends on the machine, which runs both validators and both collators; that it is more than 10 does not.
const IN_TEN: usize = 12;

#[test]
fn scaling() {
	let plan = Plan { cores: CORES, ..Plan::PUBLIC };
	run("scaling", plan, Duration::from_secs(1_200), async |network| {
		let patience = FIRST_BLOCK_WITHIN + 2 * WARM_UP;
		included_and_final(&network.relay, PARA_ID, WARM_UP, patience).await?;
		let window = Window::next(&network.relay, PARA_ID, WINDOW).await?;
		eprintln!("{}", window.row("scaling"));

		let included = window.included();
		assert!(included.len() * 10 >= window.blocks.len() * IN_TEN, "{window:?}");
		window.check(&network.para, 2 * WARM_UP).await?;

		// Durations and deadlines count relay blocks, however many blocks of ours there are to each.
		let mut clock = Vec::new();
		for inclusion in &included {
			let at = inclusion.block.hash;
			let shown = network.para.stored(at, "Beacon", "LastRelayBlock", Vec::new()).await?;
			let shown = u32::decode(&mut shown.context("the clock")?.as_slice())?;
			assert_eq!(shown, inclusion.relay_parent, "the clock of {inclusion:?}");
			clock.push(shown);
		}
		assert!(clock.is_sorted(), "the clock goes back: {clock:?}");
		let ticks = clock[clock.len() - 1] - clock[0];
		eprintln!("scaling: {} blocks of ours in {ticks} ticks of the clock", clock.len());
		assert!(clock.len() - 1 > usize::try_from(ticks)?, "a tick for each block: {clock:?}");
		Ok(())
	});
}
