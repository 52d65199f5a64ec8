//! Manifest points for the pallets, through `nil-host`.

use nil_types::{G1Compressed, G1Uncompressed, Hash32, traits::ManifestMath};

/// [`ManifestMath`] by the host functions, or by this runtime where a validator executes it.
#[derive(Debug)]
pub struct HostManifest;

impl ManifestMath for HostManifest {
	fn extend(manifest: &G1Uncompressed, first: u32, roots: &[Hash32]) -> Option<G1Uncompressed> {
		nil_host::extend_manifest(manifest, first, roots).ok()
	}

	fn compress(manifest: &G1Uncompressed) -> G1Compressed {
		// Only points that `extend` made, or the empty manifest, come here, and those are valid. The all-zero answer
		// is no encoding of a point, so it could not be mistaken for one.
		nil_host::compress(manifest).unwrap_or_else(|error| {
			frame_support::defensive!("a manifest in state is not a point", error);
			[0; 48]
		})
	}
}
