//! The tracks: what referenda of each kind need, and how long they take.
//!
//! A referendum waits for its *preparation* to be over, is *decided* as soon as approval (the part of ayes, each weighed
//! by its conviction) and support (the part of all tokens that vote aye) reach curves that fall over the decision
//! period, must stay above them for the *confirmation*, and is *enacted* a while after. So what nearly everybody wants
//! passes soon, and what few have an opinion about takes the whole period.

use super::origins::GovernanceOrigin;
use crate::{Balance, BlockNumber, DAYS, HOURS, MINUTES, OriginCaller, UNIT};
use alloc::borrow::Cow;
use frame_system::RawOrigin;
use pallet_referenda::{Curve, Track, TrackInfo, TracksInfo};
use sp_runtime::{FixedI64, str_array};

/// Number of the track for calls of root.
pub const ROOT: u16 = 0;
/// Number of the track for calls that the technical committee has whitelisted.
pub const WHITELISTED_CALLER: u16 = 1;
/// Number of the track for the parameters of storage.
pub const STORAGE_ADMIN: u16 = 2;

const fn percent(value: u128) -> FixedI64 {
	FixedI64::from_rational(value, 100)
}

/// Nearly unanimous at first, 80 % after a seventh of the period, and more than half at its end.
const STRICT_APPROVAL: Curve = Curve::make_reciprocal(1, 7, percent(80), percent(50), percent(100));
/// Half of all tokens at first, and down evenly.
const ROOT_SUPPORT: Curve = Curve::make_linear(1, 1, percent(0), percent(50));
/// 96 % after four hours, as nobody is to be surprised by what is decided quickly, and more than half at the end.
const WHITELISTED_APPROVAL: Curve =
	Curve::make_reciprocal(1, 42, percent(96), percent(50), percent(100));
/// A fifth of all tokens after six hours, never less than a tenth.
const WHITELISTED_SUPPORT: Curve =
	Curve::make_reciprocal(1, 28, percent(20), percent(10), percent(50));
/// A tenth of all tokens after a quarter of the period.
const STORAGE_SUPPORT: Curve = Curve::make_reciprocal(1, 4, percent(10), percent(0), percent(50));

/// All tracks, by their numbers.
static TRACKS: [Track<u16, Balance, BlockNumber>; 3] = [
	Track {
		id: ROOT,
		info: TrackInfo {
			name: str_array("root"),
			// One at a time: such a referendum deserves everybody's attention.
			max_deciding: 1,
			decision_deposit: 1_000 * UNIT,
			prepare_period: 2 * HOURS,
			decision_period: 14 * DAYS,
			confirm_period: DAYS,
			// Enough to leave before it comes into force, for whoever does not want to stay.
			min_enactment_period: DAYS,
			min_approval: STRICT_APPROVAL,
			min_support: ROOT_SUPPORT,
		},
	},
	Track {
		id: WHITELISTED_CALLER,
		info: TrackInfo {
			name: str_array("whitelisted_caller"),
			max_deciding: 10,
			decision_deposit: 100 * UNIT,
			// For what cannot wait; the committee has looked at it already.
			prepare_period: 10 * MINUTES,
			decision_period: 7 * DAYS,
			confirm_period: 10 * MINUTES,
			min_enactment_period: 10 * MINUTES,
			min_approval: WHITELISTED_APPROVAL,
			min_support: WHITELISTED_SUPPORT,
		},
	},
	Track {
		id: STORAGE_ADMIN,
		info: TrackInfo {
			name: str_array("storage_admin"),
			max_deciding: 5,
			decision_deposit: 100 * UNIT,
			prepare_period: HOURS,
			decision_period: 7 * DAYS,
			confirm_period: 12 * HOURS,
			// Prices do not touch what is committed, so a day is for those who were about to commit.
			min_enactment_period: DAYS,
			min_approval: STRICT_APPROVAL,
			min_support: STORAGE_SUPPORT,
		},
	},
];

/// The tracks, for the pallet of referenda.
#[derive(Debug)]
pub struct Tracks;

impl TracksInfo<Balance, BlockNumber> for Tracks {
	type Id = u16;
	type RuntimeOrigin = OriginCaller;

	fn tracks() -> impl Iterator<Item = Cow<'static, Track<u16, Balance, BlockNumber>>> {
		TRACKS.iter().map(Cow::Borrowed)
	}

	fn track_for(origin: &OriginCaller) -> Result<u16, ()> {
		match origin {
			OriginCaller::system(RawOrigin::Root) => Ok(ROOT),
			OriginCaller::Origins(GovernanceOrigin::WhitelistedCaller) => Ok(WHITELISTED_CALLER),
			OriginCaller::Origins(GovernanceOrigin::StorageAdmin) => Ok(STORAGE_ADMIN),
			_ => Err(()),
		}
	}
}
