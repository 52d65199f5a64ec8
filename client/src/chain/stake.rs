//! What stake backs, by the chain's own formulas.

use nil_types::{Amount, Terms};

/// Bytes in a GiB, the unit that stake backs.
const GIB: u128 = 1 << 30;

/// The stake that the chain asks of a provider that stores `bytes`, rounded up.
pub fn required_stake(terms: &Terms, bytes: u64) -> Amount {
	let backing = terms.stake_per_gib.saturating_mul(bytes.into()).div_ceil(GIB);
	terms.min_stake.saturating_add(backing)
}

/// The bytes that `stake` backs, rounded down: the most for which [`required_stake`] is not above it. `None` when it is
/// below what is asked of a provider that stores nothing.
pub fn backed_bytes(terms: &Terms, stake: Amount) -> Option<u64> {
	let surplus = stake.checked_sub(terms.min_stake)?;
	let bytes = surplus.saturating_mul(GIB).checked_div(terms.stake_per_gib);
	// Without a price stake limits nothing.
	Some(bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn terms(min_stake: Amount, stake_per_gib: Amount) -> Terms {
		Terms {
			relay_block: 0,
			storage_price: 0,
			creation_fee: 0,
			commit_deposit: 0,
			min_duration: 0,
			max_duration: 0,
			receipt_grace: 0,
			min_stake,
			stake_per_gib,
		}
	}

	proptest! {
		#[test]
		fn what_is_backed_is_the_most_that_the_stake_suffices_for(
			min_stake in 0u128..1 << 70,
			stake_per_gib in 1u128..1 << 60,
			surplus in 0u128..1 << 70,
		) {
			let terms = terms(min_stake, stake_per_gib);
			let stake = min_stake + surplus;
			let backed = backed_bytes(&terms, stake).unwrap();
			prop_assert!(required_stake(&terms, backed) <= stake);
			if let Some(more) = backed.checked_add(1) {
				prop_assert!(required_stake(&terms, more) > stake);
			}
		}
	}

	#[test]
	fn edges() {
		assert_eq!(backed_bytes(&terms(100, 0), 100), Some(u64::MAX));
		assert_eq!(backed_bytes(&terms(100, 1), 99), None);
		assert_eq!(backed_bytes(&terms(100, 1 << 30), 100), Some(0));
		assert_eq!(required_stake(&terms(100, 1), 1), 101);
	}
}
