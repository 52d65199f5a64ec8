//! What needs the runtime's metadata: events, errors by name, the form of transactions.

use super::{
	BlockRef, Chain, ChainError,
	calls::Call,
	connection::to_hex,
	view::{At, Balance},
};
use crate::{account::AccountId, keys::Signer};
use codec::{Decode, DecodeAll};
use nil_types::{Amount, Hash32};
use serde::Serialize;
use serde_json::Value as Json;
use subxt::{
	SubstrateConfig,
	client::OnlineClientAtBlock,
	config::DefaultExtrinsicParamsBuilder,
	dynamic::Value,
	error::DispatchError,
	events::Phase,
	ext::scale_value::{Composite, Primitive, ValueDef},
	utils::H256,
};

/// An event of a block, decoded with the runtime's own metadata.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChainEvent {
	/// The pallet's name.
	pub pallet: String,
	/// The event's name.
	pub name: String,
	/// The extrinsic during which it was emitted; `None` for hooks.
	pub extrinsic: Option<u32>,
	/// Its fields by name. Byte strings of 16 bytes and more are hex, integers above 2^64 are decimal text.
	pub fields: Json,
}

impl ChainEvent {
	/// Whether this is `pallet`'s event `name`.
	pub fn is(&self, pallet: &str, name: &str) -> bool {
		self.pallet == pallet && self.name == name
	}

	/// An integer field.
	pub fn number(&self, field: &str) -> Option<u64> {
		self.fields.get(field)?.as_u64()
	}

	/// An amount.
	pub fn amount(&self, field: &str) -> Option<Amount> {
		match self.fields.get(field)? {
			Json::String(digits) => digits.parse().ok(),
			number => number.as_u64().map(Amount::from),
		}
	}

	/// An account.
	pub fn account(&self, field: &str) -> Option<AccountId> {
		self.fields.get(field)?.as_str()?.parse().ok()
	}
}

impl Chain {
	/// The events of a block.
	pub async fn events(&self, block: BlockRef) -> Result<Vec<ChainEvent>, ChainError> {
		self.client_at(block).await?.events().await
	}
}

/// The events of final blocks, in order and without gaps. Nodes keep the state of their last blocks only, in which events are,
/// so whoever wants them all must not be slow.
#[derive(Debug)]
pub struct FinalEvents {
	chain: Chain,
	last: BlockRef,
}

impl FinalEvents {
	/// From the block on that is final after the present one.
	pub async fn from_now(chain: Chain) -> Result<Self, ChainError> {
		let last = chain.head(At::Finalised).await?;
		Ok(Self { chain, last })
	}

	/// The last block that was read, or that after which it begins.
	pub fn last(&self) -> BlockRef {
		self.last
	}

	/// The events of the next block, or `None` while that is not final. After an error the same block comes again.
	pub async fn next(&mut self) -> Result<Option<(BlockRef, Vec<ChainEvent>)>, ChainError> {
		let number = self.last.number.saturating_add(1);
		if self.chain.head(At::Finalised).await?.number < number {
			return Ok(None);
		}
		let Some(hash) = self.chain.block_hash(Some(number)).await? else { return Ok(None) };
		let block = BlockRef { number, hash };
		let events = self.chain.events(block).await?;
		self.last = block;
		Ok(Some((block, events)))
	}
}

/// subxt's client at a block.
pub(super) struct BlockClient {
	block: BlockRef,
	client: OnlineClientAtBlock<SubstrateConfig>,
}

/// Blocks for which a transaction is valid.
pub(super) const ERA_BLOCKS: u32 = 64;

impl BlockClient {
	pub(super) fn new(block: BlockRef, client: OnlineClientAtBlock<SubstrateConfig>) -> Self {
		Self { block, client }
	}

	pub(super) async fn events(&self) -> Result<Vec<ChainEvent>, ChainError> {
		let unreadable = |error: subxt::error::EventsError| ChainError::Decode {
			what: format!("the events of block {}", self.block.number),
			reason: error.to_string(),
		};
		let events = self.client.events().fetch().await.map_err(unreadable)?;
		events
			.iter()
			.map(|event| {
				let event = event.map_err(unreadable)?;
				let fields: Composite<()> =
					event.decode_fields_unchecked_as().map_err(unreadable)?;
				Ok(ChainEvent {
					pallet: event.pallet_name().to_owned(),
					name: event.event_name().to_owned(),
					extrinsic: match event.phase() {
						Phase::ApplyExtrinsic(index) => Some(index),
						Phase::Initialization | Phase::Finalization => None,
					},
					fields: composite_to_json(&fields),
				})
			})
			.collect()
	}

	/// The events of one extrinsic, or the error with which it failed.
	pub(super) async fn outcome(&self, extrinsic: u32) -> Result<Vec<ChainEvent>, ChainError> {
		let unreadable = |reason: String| ChainError::Decode {
			what: format!("extrinsic {extrinsic} of block {}", self.block.number),
			reason,
		};
		let events = self.client.events().fetch().await.map_err(|e| unreadable(e.to_string()))?;
		for event in events.iter() {
			let event = event.map_err(|error| unreadable(error.to_string()))?;
			let ours = event.phase() == Phase::ApplyExtrinsic(extrinsic);
			if ours && event.pallet_name() == "System" && event.event_name() == "ExtrinsicFailed" {
				let error = DispatchError::decode_from(event.field_bytes(), self.client.metadata())
					.map_err(|error| unreadable(error.to_string()))?;
				return Err(named(&error, self.block));
			}
		}
		let all = self.events().await?;
		Ok(all.into_iter().filter(|event| event.extrinsic == Some(extrinsic)).collect())
	}

	/// The bytes of a signed transaction, valid for [`ERA_BLOCKS`] blocks after `birth`.
	pub(super) fn sign(
		&self,
		call: &Call,
		signer: &Signer,
		nonce: u64,
		birth: BlockRef,
	) -> Result<Vec<u8>, ChainError> {
		let transactions = self.client.tx();
		let incompatible = |reason: String| ChainError::Incompatible {
			pallet: call.pallet(),
			call: call.name(),
			reason,
		};
		let payload = transactions
			.from_call_data_bytes(call.bytes())
			.map_err(|error| incompatible(error.to_string()))?;
		let found = (payload.pallet_name(), payload.call_name());
		if found != (call.pallet(), call.name()) {
			return Err(incompatible(format!("its indices mean {}.{}", found.0, found.1)));
		}
		let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
			.nonce(nonce)
			.mortal_from_unchecked(ERA_BLOCKS.into(), birth.number.into(), H256(birth.hash))
			.build();
		let build =
			|error: subxt::error::ExtrinsicError| ChainError::Build { reason: error.to_string() };
		let mut transaction =
			transactions.create_signable_offline(&payload, params).map_err(build)?;
		Ok(transaction.sign(signer.pair()).map_err(build)?.into_encoded())
	}

	pub(super) async fn balance(&self, account: AccountId) -> Result<Balance, ChainError> {
		/// The head of FRAME's `AccountInfo`: nonce and three reference counters.
		type Counters = (u32, u32, u32, u32);
		let unreadable = |reason: String| ChainError::Decode {
			what: format!("the balance of {account}"),
			reason,
		};
		let address = subxt::dynamic::storage::<([u8; 32],), Value>("System", "Account");
		let stored = self
			.client
			.storage()
			.try_fetch(address, (account.0,))
			.await
			.map_err(|error| unreadable(error.to_string()))?;
		let Some(stored) = stored else { return Ok(Balance::default()) };
		<(Counters, Balance, u128)>::decode_all(&mut stored.bytes())
			.map(|(_, balance, _)| balance)
			.map_err(|error| unreadable(error.to_string()))
	}
}

/// The error with which a call failed in `block`. Errors of pallets have names, and so have the runtime's own about tokens:
/// with one of those a transfer or a hold ends that its account cannot pay.
fn named(error: &DispatchError, block: BlockRef) -> ChainError {
	match error {
		DispatchError::Module(module) => match module.details() {
			Ok(details) => ChainError::Dispatch {
				pallet: details.pallet.name().to_owned(),
				error: details.variant.name.clone(),
				docs: details
					.variant
					.docs
					.iter()
					.map(|line| line.trim())
					.collect::<Vec<_>>()
					.join(" "),
				block,
			},
			Err(_) => ChainError::DispatchOther { reason: module.details_string(), block },
		},
		DispatchError::Token(token) => ChainError::Dispatch {
			pallet: "Token".to_owned(),
			error: format!("{token:?}"),
			docs: token.to_string(),
			block,
		},
		other => ChainError::DispatchOther { reason: other.to_string(), block },
	}
}

/// The nonce in state, from the runtime's `AccountNonceApi`.
pub(super) async fn state_nonce(
	chain: &Chain,
	account: AccountId,
	block: Hash32,
) -> Result<u64, ChainError> {
	let function = "AccountNonceApi_account_nonce";
	let answer = chain.runtime_call(function, &account.0, Some(block)).await?;
	u32::decode(&mut answer.as_slice())
		.map(u64::from)
		.map_err(|error| ChainError::Decode { what: function.into(), reason: error.to_string() })
}

fn composite_to_json(composite: &Composite<()>) -> Json {
	match composite {
		Composite::Named(fields) => fields
			.iter()
			.map(|(name, value)| (name.clone(), value_to_json(value)))
			.collect::<serde_json::Map<_, _>>()
			.into(),
		// A newtype reads as what it wraps.
		Composite::Unnamed(values) => match (values.as_slice(), as_bytes(values)) {
			(_, Some(bytes)) => to_hex(&bytes).into(),
			([only], None) => value_to_json(only),
			(many, None) => many.iter().map(value_to_json).collect(),
		},
	}
}

fn value_to_json(value: &Value) -> Json {
	match &value.value {
		ValueDef::Composite(composite) => composite_to_json(composite),
		ValueDef::Variant(variant) if variant.values.is_empty() => match variant.name.as_str() {
			"None" => Json::Null,
			name => name.into(),
		},
		ValueDef::Variant(variant) if variant.name == "Some" => composite_to_json(&variant.values),
		ValueDef::Variant(variant) => {
			let inner = composite_to_json(&variant.values);
			Json::Object([(variant.name.clone(), inner)].into_iter().collect())
		},
		ValueDef::BitSequence(bits) => bits.iter().collect::<Vec<bool>>().into(),
		ValueDef::Primitive(primitive) => match primitive {
			Primitive::Bool(value) => (*value).into(),
			Primitive::Char(value) => value.to_string().into(),
			Primitive::String(value) => value.clone().into(),
			Primitive::U128(value) => match u64::try_from(*value) {
				Ok(small) => small.into(),
				Err(_) => value.to_string().into(),
			},
			Primitive::I128(value) => match i64::try_from(*value) {
				Ok(small) => small.into(),
				Err(_) => value.to_string().into(),
			},
			Primitive::U256(bytes) | Primitive::I256(bytes) => to_hex(bytes).into(),
		},
	}
}

/// The bytes of a long list of small integers, which is how byte strings look without their type.
fn as_bytes(values: &[Value]) -> Option<Vec<u8>> {
	const SHORTEST: usize = 16;
	if values.len() < SHORTEST {
		return None;
	}
	values
		.iter()
		.map(|value| match value.value {
			ValueDef::Primitive(Primitive::U128(byte)) => u8::try_from(byte).ok(),
			_ => None,
		})
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use subxt::error::TokenError;

	#[test]
	fn a_hold_without_funds_tells_that_the_signer_cannot_pay() {
		let block = BlockRef { number: 1, hash: [1; 32] };
		let failed = |token| named(&DispatchError::Token(token), block);
		let unpaid = failed(TokenError::FundsUnavailable);
		assert!(unpaid.is_dispatch("Token", "FundsUnavailable") && unpaid.cannot_pay(), "{unpaid}");
		assert_eq!(unpaid.to_string(), "Token::FundsUnavailable: Funds are unavailable.");
		assert!(!failed(TokenError::Frozen).cannot_pay());
		let other = named(&DispatchError::BadOrigin, block);
		assert!(matches!(&other, ChainError::DispatchOther { .. }) && !other.cannot_pay());
	}

	#[test]
	fn fields_read_as_plain_json() {
		let account = Value::unnamed_composite([Value::from_bytes([7u8; 32])]);
		let fields = Composite::Named(vec![
			("deal".to_owned(), Value::u128(3)),
			("owner".to_owned(), account),
			("amount".to_owned(), Value::u128(u128::MAX)),
			("kind".to_owned(), Value::unnamed_variant("Cold", [])),
			("none".to_owned(), Value::unnamed_variant("None", [])),
			("some".to_owned(), Value::unnamed_variant("Some", [Value::u128(1)])),
			("slots".to_owned(), Value::unnamed_composite([Value::u128(1), Value::u128(2)])),
		]);
		let event = ChainEvent {
			pallet: "Deals".to_owned(),
			name: "DealCreated".to_owned(),
			extrinsic: Some(1),
			fields: composite_to_json(&fields),
		};
		assert_eq!(
			event.fields,
			serde_json::json!({
				"deal": 3,
				"owner": format!("0x{}", "07".repeat(32)),
				"amount": u128::MAX.to_string(),
				"kind": "Cold",
				"none": null,
				"some": 1,
				"slots": [1, 2],
			})
		);
		assert_eq!(event.number("deal"), Some(3));
		assert_eq!(event.account("owner"), Some(AccountId([7; 32])));
		assert_eq!((event.amount("amount"), event.amount("deal")), (Some(u128::MAX), Some(3)));
		assert_eq!((event.amount("owner"), event.account("deal")), (None, None));
	}
}
