//! The token that authorises an upload.

use crate::{account::AccountId, keys, keys::Signer};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use codec::{Decode, DecodeAll, Encode};
use nil_types::{UploadToken, messages::UPLOAD_TAG};

/// The scheme in the `Authorization` header.
pub const AUTHORIZATION_SCHEME: &str = "Nil";

/// The longest header value that is read: the token has a fixed size, this is about twice that.
const MAX_HEADER: usize = 512;

/// An [`UploadToken`] with its signature by the deal's owner or by an account that the owner authorised on the chain.
///
/// In a request: `Authorization: Nil <base64url without padding of the SCALE encoding>`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedToken {
	/// What is allowed.
	pub token: UploadToken,
	/// Who allows it: the deal's owner, or an uploader within its budget.
	pub signer: [u8; 32],
	/// sr25519 over [`UploadToken::signing_bytes`], or over the same within `<Bytes>` and `</Bytes>`, which is how
	/// browser wallets sign.
	pub signature: [u8; 64],
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
	/// Not `Nil` and a token in base64url.
	#[error("the authorization is not \"Nil\" and a token in base64url")]
	Malformed,
	/// The signature is not the signer's over this token.
	#[error("the signature is not {signer}'s over this token")]
	BadSignature {
		/// Who the token names.
		signer: AccountId,
	},
	/// The token's time is over.
	#[error("the token expired at {expires} s, and it is {now} s since the epoch")]
	Expired {
		/// When it expired, in seconds since the Unix epoch.
		expires: u64,
		/// The time of the check.
		now: u64,
	},
	/// The token is for another chain.
	#[error("the token is for another chain")]
	OtherChain,
}

impl SignedToken {
	/// Signs `token` as the deal's owner or uploader.
	pub fn sign(token: UploadToken, signer: &Signer) -> Self {
		let signature = signer.sign(&token.signing_bytes());
		Self { token, signer: signer.public_key(), signature }
	}

	/// The `Authorization` header's value.
	pub fn to_header(&self) -> String {
		format!("{AUTHORIZATION_SCHEME} {}", URL_SAFE_NO_PAD.encode(self.encode()))
	}

	/// Reads the `Authorization` header's value. Nothing is checked but the form.
	pub fn from_header(value: &str) -> Result<Self, TokenError> {
		if value.len() > MAX_HEADER {
			return Err(TokenError::Malformed);
		}
		let (scheme, token) = value.split_once(' ').ok_or(TokenError::Malformed)?;
		if !scheme.eq_ignore_ascii_case(AUTHORIZATION_SCHEME) {
			return Err(TokenError::Malformed);
		}
		let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::Malformed)?;
		Self::decode_all(&mut bytes.as_slice()).map_err(|_| TokenError::Malformed)
	}

	/// Checks chain, time (`now` in seconds since the Unix epoch) and signature. Whether the signer may upload
	/// to the deal, and whether the token covers the request, is for the caller to check.
	pub fn verify(&self, genesis: &[u8; 32], now: u64) -> Result<(), TokenError> {
		if self.token.genesis != *genesis {
			return Err(TokenError::OtherChain);
		}
		if self.token.expires < now {
			return Err(TokenError::Expired { expires: self.token.expires, now });
		}
		let message = self.token.signing_bytes();
		debug_assert!(message.starts_with(UPLOAD_TAG));
		let wrapped = [b"<Bytes>", message.as_slice(), b"</Bytes>"].concat();
		if keys::verify_signature(&self.signer, &message, &self.signature)
			|| keys::verify_signature(&self.signer, &wrapped, &self.signature)
		{
			Ok(())
		} else {
			Err(TokenError::BadSignature { signer: AccountId(self.signer) })
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn token() -> UploadToken {
		UploadToken {
			genesis: [1; 32],
			deal: 2,
			generation: 3,
			slot: 5,
			max_bytes: 4,
			expires: 100,
		}
	}

	#[test]
	fn a_token_survives_the_header_and_holds_until_it_expires() {
		let alice = Signer::from_uri("//Alice").unwrap();
		let signed = SignedToken::sign(token(), &alice);
		let read = SignedToken::from_header(&signed.to_header()).unwrap();
		assert_eq!(read, signed);
		assert_eq!(read.verify(&[1; 32], 100), Ok(()));
		assert_eq!(read.verify(&[1; 32], 101), Err(TokenError::Expired { expires: 100, now: 101 }));
		assert_eq!(read.verify(&[2; 32], 1), Err(TokenError::OtherChain));
	}

	#[test]
	fn wallets_that_wrap_are_accepted() {
		let alice = Signer::from_uri("//Alice").unwrap();
		let message = [b"<Bytes>", token().signing_bytes().as_slice(), b"</Bytes>"].concat();
		let signature = alice.sign(&message);
		let signed = SignedToken { token: token(), signer: alice.public_key(), signature };
		assert_eq!(signed.verify(&[1; 32], 1), Ok(()));
	}

	#[test]
	fn a_changed_field_or_signer_is_found() {
		let alice = Signer::from_uri("//Alice").unwrap();
		let bob = Signer::from_uri("//Bob").unwrap();
		let good = SignedToken::sign(token(), &alice);
		let mut larger = good.clone();
		larger.token.max_bytes = 5;
		let mut elsewhere = good.clone();
		elsewhere.token.slot = 6;
		let mut other = good.clone();
		other.signer = bob.public_key();
		for bad in [larger, elsewhere, other] {
			assert!(matches!(bad.verify(&[1; 32], 1), Err(TokenError::BadSignature { .. })));
		}
	}

	#[test]
	fn malformed_headers_are_refused() {
		let alice = Signer::from_uri("//Alice").unwrap();
		let good = SignedToken::sign(token(), &alice).to_header();
		let long = format!("{good}AAAA");
		for text in ["", "Nil", "Nil ", "Bearer abc", "Nil ***", &good[..good.len() - 2], &long] {
			assert_eq!(SignedToken::from_header(text), Err(TokenError::Malformed), "{text}");
		}
	}
}
