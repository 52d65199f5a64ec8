//! Account ids as clients see them: 32 bytes, written as SS58.

use codec::{Decode, Encode, MaxEncodedLen};
use std::{fmt, str::FromStr};
use subxt::utils::AccountId32;

/// An account's public key. Encodes like FRAME's `AccountId32`; reads and prints as SS58 with prefix 42.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode, MaxEncodedLen,
)]
pub struct AccountId(pub [u8; 32]);

/// A text that is neither SS58 nor 32 bytes in hex.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an account: expected SS58 or 0x and 64 hex digits")]
pub struct AccountIdError {
	/// What was given.
	pub text: String,
}

impl fmt::Display for AccountId {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{}", AccountId32(self.0))
	}
}

impl fmt::Debug for AccountId {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		fmt::Display::fmt(self, f)
	}
}

impl FromStr for AccountId {
	type Err = AccountIdError;

	fn from_str(text: &str) -> Result<Self, AccountIdError> {
		let error = || AccountIdError { text: text.to_owned() };
		if let Some(digits) = text.strip_prefix("0x") {
			let mut bytes = [0; 32];
			hex::decode_to_slice(digits, &mut bytes).map_err(|_| error())?;
			return Ok(Self(bytes));
		}
		AccountId32::from_str(text).map(|account| Self(account.0)).map_err(|_| error())
	}
}

impl From<[u8; 32]> for AccountId {
	fn from(bytes: [u8; 32]) -> Self {
		Self(bytes)
	}
}

impl serde::Serialize for AccountId {
	fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(self)
	}
}

impl<'de> serde::Deserialize<'de> for AccountId {
	fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		let text = String::deserialize(deserializer)?;
		text.parse().map_err(serde::de::Error::custom)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
	const ALICE_HEX: &str = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

	#[test]
	fn ss58_and_hex_name_the_same_account() {
		let account: AccountId = ALICE.parse().unwrap();
		assert_eq!(ALICE_HEX.parse(), Ok(account));
		assert_eq!(account.to_string(), ALICE);
		assert_eq!(serde_json::to_string(&account).unwrap(), format!("{ALICE:?}"));
		assert_eq!(account.encode(), account.0);
	}

	#[test]
	fn other_texts_are_refused() {
		let wrong_checksum = ALICE.replace("utQY", "utQZ");
		for text in ["", "0x", "0x00", "alice", &wrong_checksum, &ALICE_HEX[2..], "é"] {
			assert!(text.parse::<AccountId>().is_err(), "{text:?}");
		}
	}
}
