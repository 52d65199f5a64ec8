//! What clients may use up: requests by rate and number, bytes of disk by reservation.

use super::{ApiError, ApiResult};
use crate::{config::LimitsConfig, store::HoldingKey};
use std::{
	collections::HashMap,
	net::IpAddr,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients remembered at most; beyond, those that are idle are forgotten.
const MOST_CLIENTS: usize = 16_384;
/// Requests for receipts that may run at a time: each holds an index of up to 64 MiB in memory.
const RECEIPTS: usize = 2;

/// The gate that every request passes.
#[derive(Debug)]
pub struct Limits {
	per_client: usize,
	rate: f64,
	burst: f64,
	clients: Mutex<HashMap<IpAddr, Client>>,
	uploads: Arc<Semaphore>,
	receipts: Arc<Semaphore>,
	reserved: Mutex<Reserved>,
}

#[derive(Debug)]
struct Client {
	/// Requests that may start now; refilled at the rate, up to the burst.
	tokens: f64,
	at: Instant,
	running: usize,
}

#[derive(Debug, Default)]
struct Reserved {
	total: u64,
	by_holding: HashMap<HoldingKey, u64>,
}

/// A request that runs. Dropped, it makes room for the next.
#[derive(Debug)]
pub struct Admitted {
	limits: Arc<Limits>,
	client: IpAddr,
}

/// Bytes of disk set aside for something that arrives. Dropped, they are free again.
#[derive(Debug)]
pub struct Reservation {
	limits: Arc<Limits>,
	key: HoldingKey,
	bytes: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limits {
	/// A gate with nobody in it.
	pub fn new(config: &LimitsConfig) -> Self {
		Self {
			per_client: config.per_client,
			rate: f64::from(config.requests_per_sec),
			burst: f64::from(config.burst),
			clients: Mutex::default(),
			uploads: Arc::new(Semaphore::new(config.uploads)),
			receipts: Arc::new(Semaphore::new(RECEIPTS)),
			reserved: Mutex::default(),
		}
	}

	/// Lets a request of `client` in, or refuses it.
	pub fn admit(self: &Arc<Self>, client: IpAddr) -> ApiResult<Admitted> {
		let now = Instant::now();
		let mut clients = lock(&self.clients);
		if clients.len() >= MOST_CLIENTS {
			clients
				.retain(|_, client| client.running > 0 || self.refilled(client, now) < self.burst);
		}
		if clients.len() >= MOST_CLIENTS && !clients.contains_key(&client) {
			return Err(ApiError::too_many("the provider serves too many clients"));
		}
		let entry =
			clients.entry(client).or_insert(Client { tokens: self.burst, at: now, running: 0 });
		entry.tokens = self.refilled(entry, now);
		entry.at = now;
		if entry.running >= self.per_client {
			let message = format!("{} requests of {client} run already", entry.running);
			return Err(ApiError::too_many(message));
		}
		if entry.tokens < 1.0 {
			let message = format!("more than {} requests per second from {client}", self.rate);
			return Err(ApiError::too_many(message));
		}
		entry.tokens -= 1.0;
		entry.running = entry.running.saturating_add(1);
		Ok(Admitted { limits: self.clone(), client })
	}

	fn refilled(&self, client: &Client, now: Instant) -> f64 {
		let elapsed = now.saturating_duration_since(client.at).as_secs_f64();
		(client.tokens + elapsed * self.rate).min(self.burst)
	}

	/// Room for an upload, if there is any.
	pub fn upload(&self) -> ApiResult<OwnedSemaphorePermit> {
		let permit = self.uploads.clone().try_acquire_owned();
		permit.map_err(|_| ApiError::too_many("too many uploads run already"))
	}

	/// Room for a receipt; waits for it.
	pub async fn receipt(&self) -> ApiResult<OwnedSemaphorePermit> {
		self.receipts.clone().acquire_owned().await.map_err(ApiError::internal)
	}

	/// Sets `bytes` aside for `key`, when `fits` agrees, given the bytes set aside for `key` and for all.
	pub fn reserve<E>(
		self: &Arc<Self>,
		key: HoldingKey,
		bytes: u64,
		fits: impl FnOnce(u64, u64) -> Result<(), E>,
	) -> Result<Reservation, E> {
		let mut reserved = lock(&self.reserved);
		let own = reserved.by_holding.get(&key).copied().unwrap_or_default();
		fits(own, reserved.total)?;
		reserved.total = reserved.total.saturating_add(bytes);
		reserved.by_holding.insert(key, own.saturating_add(bytes));
		Ok(Reservation { limits: self.clone(), key, bytes })
	}
}

impl Drop for Admitted {
	fn drop(&mut self) {
		if let Some(client) = lock(&self.limits.clients).get_mut(&self.client) {
			client.running = client.running.saturating_sub(1);
		}
	}
}

impl Drop for Reservation {
	fn drop(&mut self) {
		let mut reserved = lock(&self.limits.reserved);
		reserved.total = reserved.total.saturating_sub(self.bytes);
		if let Some(own) = reserved.by_holding.get_mut(&self.key) {
			*own = own.saturating_sub(self.bytes);
			if *own == 0 {
				reserved.by_holding.remove(&self.key);
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn limits(config: LimitsConfig) -> Arc<Limits> {
		Arc::new(Limits::new(&config))
	}

	#[test]
	fn a_client_has_so_many_requests_at_a_time_and_no_more() {
		let limits = limits(LimitsConfig { per_client: 2, ..Default::default() });
		let [a, b] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
		let first = limits.admit(a).unwrap();
		let _second = limits.admit(a).unwrap();
		assert!(limits.admit(a).is_err());
		let _other = limits.admit(b).unwrap();
		drop(first);
		limits.admit(a).unwrap();
	}

	#[test]
	fn a_burst_is_followed_by_the_rate() {
		let limits = limits(LimitsConfig { requests_per_sec: 1, burst: 3, ..Default::default() });
		let client = IpAddr::from([10, 0, 0, 1]);
		for _ in 0..3 {
			limits.admit(client).unwrap();
		}
		assert!(limits.admit(client).unwrap_err().body.retry);
		// As if a second had passed.
		let earlier = Instant::now().checked_sub(std::time::Duration::from_secs(1)).unwrap();
		lock(&limits.clients).get_mut(&client).unwrap().at = earlier;
		limits.admit(client).unwrap();
		assert!(limits.admit(client).is_err());
	}

	#[test]
	fn reservations_add_up_and_end() {
		let limits = limits(LimitsConfig::default());
		let [a, b] = [1, 2].map(|deal| HoldingKey { deal, generation: 1, slot: 0 });
		let first = limits.reserve(a, 10, |own, all| {
			assert_eq!((own, all), (0, 0));
			Ok::<_, ApiError>(())
		});
		let _second = limits.reserve(b, 5, |own, all| {
			assert_eq!((own, all), (0, 10));
			Ok::<_, ApiError>(())
		});
		drop(first);
		let refused = limits.reserve(b, 1, |own, all| {
			assert_eq!((own, all), (5, 5));
			Err(ApiError::no_space("full"))
		});
		assert!(refused.is_err());
		assert_eq!(lock(&limits.reserved).total, 5);
		assert_eq!(lock(&limits.reserved).by_holding.len(), 1);
	}
}
