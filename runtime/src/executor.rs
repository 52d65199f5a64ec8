//! How blocks are executed where our host functions are missing.

use core::marker::PhantomData;
use frame_support::traits::ExecuteBlock;
use sp_runtime::traits::Block as BlockT;

/// The arithmetic of this runtime.
#[cfg(all(substrate_runtime, not(feature = "rfc163")))]
pub type Arithmetic = nil_host::in_runtime::Portable;
/// The arithmetic of this runtime.
#[cfg(all(substrate_runtime, feature = "rfc163"))]
pub type Arithmetic = nil_host::in_runtime::Rfc163;

/// Executes a block with `Inner`, with the curve arithmetic of `nil-host` done by this runtime itself.
///
/// For relay chain validators. They execute `validate_block` with a fixed set of host functions; an import outside
/// of it traps when it is called. The storage functions are replaced by the parachain system in the same way.
#[derive(Debug)]
pub struct InRuntimeArithmetic<Inner>(PhantomData<Inner>);

impl<Block: BlockT, Inner: ExecuteBlock<Block>> ExecuteBlock<Block> for InRuntimeArithmetic<Inner> {
	fn verify_and_remove_seal(block: &mut Block::LazyBlock) {
		Inner::verify_and_remove_seal(block);
	}

	fn execute_verified_block(block: Block::LazyBlock) {
		#[cfg(substrate_runtime)]
		let _until_the_block_is_done = nil_host::in_runtime::replace::<Arithmetic>();
		Inner::execute_verified_block(block);
	}
}
