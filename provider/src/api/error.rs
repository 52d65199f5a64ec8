//! Answers that are not a success.

use crate::{chain::registration::RoomError, store::StoreError, verifier::Stopped};
use axum::{
	Json,
	http::{HeaderValue, StatusCode, header},
	response::{IntoResponse, Response},
};
use nil_client::{
	chain::ChainError,
	wire::{ErrorBody, ErrorCode, TokenError},
};

/// Seconds after which a client may try again when nothing better is known.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub struct ApiError {
	/// The status.
	pub status: StatusCode,
	/// The body.
	pub body: ErrorBody,
}

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
	/// An error that a later attempt of the same request does not heal.
	pub fn new(status: StatusCode, code: ErrorCode, error: impl ToString) -> Self {
		Self { status, body: ErrorBody { error: error.to_string(), code, retry: false } }
	}

	/// The same request may succeed later.
	pub fn retry(mut self) -> Self {
		self.body.retry = true;
		self
	}

	/// 400.
	pub fn bad_request(error: impl ToString) -> Self {
		Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, error)
	}

	/// 403.
	pub fn forbidden(error: impl ToString) -> Self {
		Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, error)
	}

	/// 404.
	pub fn not_found(error: impl ToString) -> Self {
		Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, error)
	}

	/// 413.
	pub fn too_large(error: impl ToString) -> Self {
		Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, error)
	}

	/// 422: blobs, witness and root do not go together.
	pub fn bad_shard(error: impl ToString) -> Self {
		Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::BadShard, error)
	}

	/// 429.
	pub fn too_many(error: impl ToString) -> Self {
		Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, error).retry()
	}

	/// 507.
	pub fn no_space(error: impl ToString) -> Self {
		Self::new(StatusCode::INSUFFICIENT_STORAGE, ErrorCode::NoSpace, error).retry()
	}

	/// 500. What happened is for the log; a client learns that it was not its fault.
	pub fn internal(error: impl std::fmt::Display) -> Self {
		tracing::error!(%error, "request failed");
		let message = "the provider failed; its log says more";
		Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message).retry()
	}
}

impl From<StoreError> for ApiError {
	fn from(error: StoreError) -> Self {
		match &error {
			StoreError::NotStaged { .. } => {
				Self::new(StatusCode::CONFLICT, ErrorCode::NotStaged, error)
			},
			StoreError::Conflict { .. } => {
				Self::new(StatusCode::CONFLICT, ErrorCode::Forbidden, error).retry()
			},
			StoreError::NoRoom { .. } => Self::no_space(error),
			_ if error.is_full() => Self::no_space("the provider's disk is full"),
			_ => Self::internal(error),
		}
	}
}

impl From<ChainError> for ApiError {
	fn from(error: ChainError) -> Self {
		tracing::warn!(%error, "cannot ask the chain");
		let message = "the provider cannot ask its chain now";
		Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::ChainUnavailable, message).retry()
	}
}

impl From<RoomError> for ApiError {
	fn from(error: RoomError) -> Self {
		match error {
			RoomError::Chain(error) => error.into(),
			RoomError::None(reason) => Self::no_space(reason),
		}
	}
}

impl From<TokenError> for ApiError {
	fn from(error: TokenError) -> Self {
		Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, error)
	}
}

impl From<Stopped> for ApiError {
	fn from(error: Stopped) -> Self {
		Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Internal, error).retry()
	}
}

impl From<tokio::task::JoinError> for ApiError {
	fn from(error: tokio::task::JoinError) -> Self {
		Self::internal(error)
	}
}

impl IntoResponse for ApiError {
	fn into_response(self) -> Response {
		let mut response = (self.status, Json(self.body)).into_response();
		let headers = response.headers_mut();
		match self.status {
			StatusCode::UNAUTHORIZED => {
				headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Nil"));
			},
			StatusCode::TOO_MANY_REQUESTS
			| StatusCode::SERVICE_UNAVAILABLE
			| StatusCode::INSUFFICIENT_STORAGE => {
				headers.insert(header::RETRY_AFTER, RETRY_AFTER);
			},
			_ => {},
		}
		response
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::io;

	#[test]
	fn a_full_disk_is_507_wherever_it_shows() {
		let full = || io::Error::from(io::ErrorKind::StorageFull);
		let written = |source| StoreError::Io { path: "data/tmp/1".into(), source };
		let errors = [
			written(full()),
			written(io::ErrorKind::QuotaExceeded.into()),
			redb::StorageError::Io(full()).into(),
			redb::CommitError::Storage(redb::StorageError::Io(full())).into(),
		];
		for error in errors {
			let error = ApiError::from(error);
			assert_eq!(error.status, StatusCode::INSUFFICIENT_STORAGE);
			assert_eq!(error.body.code, ErrorCode::NoSpace);
			assert!(error.body.retry, "space may be freed");
			let response = error.into_response();
			assert_eq!(response.status().as_u16(), 507);
			assert!(response.headers().contains_key(header::RETRY_AFTER));
		}
		let denied = ApiError::from(written(io::ErrorKind::PermissionDenied.into()));
		assert_eq!(denied.status, StatusCode::INTERNAL_SERVER_ERROR);
	}
}
