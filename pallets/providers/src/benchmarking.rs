//! Benchmarks of the registry: each call at its longest lists, moving another candidate where it can.

use crate::{
	Call, Config, Ledgers, Pallet, Parameters, Profiles, Reweighing, ServiceKeys, Sweep,
	draw::max_descents, tree::LEAVES,
};
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{EnsureOrigin, Get, Hooks},
	weights::Weight,
};
use frame_system::RawOrigin;
use helpers::*;
use nil_types::{Amount, Capability, Hint, ProviderStatus};

/// What benchmarks start from, here and, through the registry's trait, in other pallets.
pub(crate) mod helpers {
	use crate::{
		CandidateCount, Config, Domain, Ledgers, MAX_CAPACITY, Multiaddr, Multiaddrs, Pallet,
		Parameters, ServiceKeys, tree::LEAVES,
	};
	use alloc::{format, vec, vec::Vec};
	use frame_benchmarking::account;
	use frame_support::{
		BoundedVec,
		traits::fungible::{Inspect, Mutate},
	};
	use frame_system::RawOrigin;
	use nil_types::{
		Amount, Capability, ServiceKey,
		provider::{MAX_DOMAIN_BYTES, MAX_MULTIADDR_BYTES, MAX_MULTIADDRS},
		traits::{BENCHMARK_KEY_TYPE, RelayBeacon},
	};
	use sp_core::crypto::KeyTypeId;

	/// Bytes that a provider of the benchmarks offers: 16 TiB.
	pub const CAPACITY: u64 = 1 << 44;
	/// Stake beyond what the capacity takes.
	pub const SURPLUS: Amount = 1 << 20;

	const _: () = assert!(CAPACITY <= MAX_CAPACITY);
	const _: () = assert!(LEAVES.is_power_of_two());

	/// The longest list of the longest addresses.
	pub fn longest_multiaddrs() -> Multiaddrs {
		let mut text = vec![b'a'; MAX_MULTIADDR_BYTES as usize];
		if let Some(first) = text.first_mut() {
			*first = b'/';
		}
		let longest = Multiaddr::truncate_from(text);
		BoundedVec::truncate_from(vec![longest; MAX_MULTIADDRS as usize])
	}

	/// A domain name of full length.
	pub fn longest_domain(number: u32) -> Domain {
		let mut name = format!("domain {number} ").into_bytes();
		name.resize(MAX_DOMAIN_BYTES as usize, b'.');
		BoundedVec::truncate_from(name)
	}

	/// The stake that backs [`CAPACITY`], and some more.
	pub fn stake<T: Config>() -> Amount {
		Parameters::<T>::get().required(CAPACITY).saturating_add(SURPLUS)
	}

	/// An account that owns three times what it stakes.
	pub fn endowed<T: Config>(number: u32) -> T::AccountId {
		let operator = account("provider", number, 0);
		let balance = stake::<T>()
			.saturating_mul(3)
			.saturating_add(T::Currency::minimum_balance().saturating_mul(2));
		T::Currency::set_balance(&operator, balance);
		operator
	}

	/// A service key that nobody else has and nobody can sign with.
	pub fn key(number: u32) -> ServiceKey {
		let mut key = [0xbe; 32];
		for (byte, digit) in key.iter_mut().zip(number.to_le_bytes()) {
			*byte = digit;
		}
		key
	}

	/// Registers an endowed account.
	pub fn register<T: Config>(
		operator: &T::AccountId,
		service_key: ServiceKey,
		number: u32,
		price_floor: Amount,
	) {
		Pallet::<T>::register(
			RawOrigin::Signed(operator.clone()).into(),
			service_key,
			longest_multiaddrs(),
			Capability::General,
			longest_domain(number),
			CAPACITY,
			price_floor,
			stake::<T>(),
		)
		.expect("an endowed account with a key of its own can register");
	}

	/// A registered provider whose key nobody can sign with.
	pub fn provider<T: Config>(number: u32) -> T::AccountId {
		let operator = endowed::<T>(number);
		register::<T>(&operator, key(number), number, 0);
		operator
	}

	/// Lets the next candidate of the benchmarks' class be at `position`.
	///
	/// The list has gaps then. Nothing that benchmarks measure looks at a place without weight, except where a candidate
	/// leaves, which looks at the last place alone.
	pub fn next_at<T: Config>(position: u32) {
		CandidateCount::<T>::insert(Capability::General, position);
	}

	/// Where provider `number` is: its bits reversed, so that providers whose numbers follow one another share as few nodes
	/// of the tree as can be. 32 of them have nodes of their own on the two lowest levels, and 16 above.
	pub const fn far_apart(number: u32) -> u32 {
		number.reverse_bits() >> (u32::BITS - LEAVES.trailing_zeros())
	}

	/// Attests the domain that a provider of the benchmarks declares.
	pub fn attest_domain<T: Config>(operator: &T::AccountId, number: u32) {
		Pallet::<T>::do_attest(operator.clone(), Some(longest_domain(number)))
			.expect("the domain is the one declared");
	}

	/// Providers that take any price, with keys in the keystore, far apart in the tree and each in an attested domain of
	/// its own: whatever is booked with one of them touches nodes and a domain that no other one shares.
	pub fn providers<T: Config>(count: u32) -> Vec<(T::AccountId, ServiceKey)> {
		(0u32..)
			.filter(|number| {
				let operator: T::AccountId = account("provider", *number, 0);
				!Ledgers::<T>::contains_key(operator)
			})
			.take(count as usize)
			.map(|number| {
				let operator = endowed::<T>(number);
				let seed = format!("//provider/{number}").into_bytes();
				let service_key =
					sp_io::crypto::sr25519_generate(KeyTypeId(BENCHMARK_KEY_TYPE), Some(seed)).0;
				if !ServiceKeys::<T>::contains_key(service_key) {
					next_at::<T>(far_apart(number));
					register::<T>(&operator, service_key, number, 0);
					attest_domain::<T>(&operator, number);
				}
				(operator, service_key)
			})
			.collect()
	}

	/// Moves the clock on.
	pub fn pass<T: Config>(relay_blocks: u32) {
		T::Beacon::set_record(T::Beacon::now().saturating_add(relay_blocks), [0; 64]);
	}
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn register() {
		let operator = endowed::<T>(0);
		#[extrinsic_call]
		_(
			RawOrigin::Signed(operator.clone()),
			key(0),
			longest_multiaddrs(),
			Capability::General,
			longest_domain(0),
			CAPACITY,
			1,
			stake::<T>(),
		);
		assert_eq!(ServiceKeys::<T>::get(key(0)), Some(operator));
	}

	/// A provider in an attested domain, and one at the other end of the tree that moves when the first one leaves.
	fn first_and_last<T: Config>() -> (T::AccountId, T::AccountId) {
		let first = provider::<T>(0);
		attest_domain::<T>(&first, 0);
		next_at::<T>(LEAVES - 1);
		(first, provider::<T>(1))
	}

	#[benchmark]
	fn update() {
		let (operator, moved) = first_and_last::<T>();
		#[extrinsic_call]
		_(
			RawOrigin::Signed(operator.clone()),
			Some(longest_multiaddrs()),
			Some(Capability::Edge),
			Some(longest_domain(2)),
			Some(CAPACITY / 2),
			Some(7),
		);
		let ledger = Ledgers::<T>::get(operator).expect("registered");
		assert_eq!((ledger.capability, ledger.price_floor), (Capability::Edge, 7));
		assert_eq!(Ledgers::<T>::get(moved).and_then(|ledger| ledger.position), Some(0));
	}

	#[benchmark]
	fn rotate_service_key() -> Result<(), BenchmarkError> {
		let operator = provider::<T>(0);
		let keys = T::MaxRetiredKeys::get();
		for number in 1..=keys {
			Pallet::<T>::do_rotate_service_key(operator.clone(), key(number))?;
		}
		pass::<T>(T::EvidenceWindow::get());
		#[extrinsic_call]
		_(RawOrigin::Signed(operator.clone()), key(keys + 1));
		let profile = Profiles::<T>::get(operator).expect("registered");
		assert_eq!((profile.service_key, profile.retired_keys.len()), (key(keys + 1), 1));
		Ok(())
	}

	/// A provider in an attested domain whose stake decides its weight in draws, and half of what its capacity takes.
	fn half_staked<T: Config>() -> Result<(T::AccountId, Amount), BenchmarkError> {
		let operator = provider::<T>(0);
		attest_domain::<T>(&operator, 0);
		Pallet::<T>::do_remove_stake(operator.clone(), SURPLUS)?;
		let half = Parameters::<T>::get().required(CAPACITY).div_ceil(2);
		Ok((operator, half))
	}

	fn weight_of<T: Config>(operator: &T::AccountId) -> u64 {
		Ledgers::<T>::get(operator).map_or(0, |ledger| ledger.weight(&Parameters::<T>::get()))
	}

	#[benchmark]
	fn add_stake() -> Result<(), BenchmarkError> {
		let (operator, half) = half_staked::<T>()?;
		Pallet::<T>::do_remove_stake(operator.clone(), half)?;
		let before = weight_of::<T>(&operator);
		#[extrinsic_call]
		_(RawOrigin::Signed(operator.clone()), half);
		assert!(weight_of::<T>(&operator) > before, "stake does not decide the weight");
		Ok(())
	}

	/// Removes stake in as many parts as unbond at once, but `spare`.
	fn unbond<T: Config>(operator: &T::AccountId, spare: u32) -> Result<(), BenchmarkError> {
		for _ in spare..T::MaxUnbonding::get() {
			Pallet::<T>::do_remove_stake(operator.clone(), 1)?;
			pass::<T>(1);
		}
		Ok(())
	}

	#[benchmark]
	fn remove_stake() -> Result<(), BenchmarkError> {
		let (operator, half) = half_staked::<T>()?;
		pass::<T>(1);
		// One part is there already, and one more shall come.
		unbond::<T>(&operator, 3)?;
		let before = weight_of::<T>(&operator);
		#[extrinsic_call]
		_(RawOrigin::Signed(operator.clone()), half);
		assert!(weight_of::<T>(&operator) < before, "stake does not decide the weight");
		let profile = Profiles::<T>::get(operator).expect("registered");
		assert_eq!(profile.unbonding.len() as u32, T::MaxUnbonding::get() - 1);
		Ok(())
	}

	#[benchmark]
	fn withdraw_stake() -> Result<(), BenchmarkError> {
		let operator = provider::<T>(0);
		for number in 1..=T::MaxRetiredKeys::get() {
			Pallet::<T>::do_rotate_service_key(operator.clone(), key(number))?;
		}
		unbond::<T>(&operator, 1)?;
		Pallet::<T>::do_drain(operator.clone())?;
		Pallet::<T>::do_leave(operator.clone())?;
		pass::<T>(T::EvidenceWindow::get());
		#[extrinsic_call]
		_(RawOrigin::Signed(operator.clone()));
		assert!(!Ledgers::<T>::contains_key(&operator));
		assert!(!ServiceKeys::<T>::contains_key(key(0)));
		Ok(())
	}

	#[benchmark]
	fn drain() {
		let (operator, moved) = first_and_last::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(operator.clone()));
		assert_eq!(
			Ledgers::<T>::get(operator).map(|ledger| ledger.status),
			Some(ProviderStatus::Draining)
		);
		assert_eq!(Ledgers::<T>::get(moved).and_then(|ledger| ledger.position), Some(0));
	}

	#[benchmark]
	fn leave() -> Result<(), BenchmarkError> {
		let operator = provider::<T>(0);
		unbond::<T>(&operator, 1)?;
		Pallet::<T>::do_drain(operator.clone())?;
		#[extrinsic_call]
		_(RawOrigin::Signed(operator.clone()));
		assert!(Ledgers::<T>::get(operator).is_some_and(|ledger| ledger.has_left()));
		Ok(())
	}

	#[benchmark]
	fn attest() -> Result<(), BenchmarkError> {
		let operator = provider::<T>(0);
		let origin =
			T::AttestOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, operator.clone(), Some(longest_domain(0)));
		assert!(Ledgers::<T>::get(operator).is_some_and(|ledger| ledger.attested));
		Ok(())
	}

	#[benchmark]
	fn set_params() -> Result<(), BenchmarkError> {
		let origin =
			T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		let params = crate::Params { min_stake: 1, stake_per_gib: 2, diversity_threshold: 3 };
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, params);
		assert_eq!(Parameters::<T>::get(), params);
		Ok(())
	}

	#[benchmark]
	fn sweep_base() {
		#[block]
		{
			Pallet::<T>::on_idle(1u32.into(), Weight::MAX);
		}
		assert!(!Reweighing::<T>::exists());
	}

	#[benchmark]
	fn sweep_candidate() {
		let operator = provider::<T>(0);
		let ledger = Ledgers::<T>::get(operator).expect("registered");
		Pallet::<T>::set_weight(&ledger, 1);
		Reweighing::<T>::put(Sweep { class: 0, below: u32::MAX });
		#[block]
		{
			Pallet::<T>::on_idle(1u32.into(), Weight::MAX);
		}
		assert!(!Reweighing::<T>::exists());
	}

	#[benchmark]
	fn draw(n: Linear<1, 32>) {
		// All are too dear, far apart, and each in a domain of its own: every descent reads all that one can.
		for number in 0..=max_descents(n) {
			let operator = endowed::<T>(number);
			next_at::<T>(far_apart(number));
			helpers::register::<T>(&operator, key(number), number, 1);
			attest_domain::<T>(&operator, number);
		}
		let drawn;
		#[block]
		{
			drawn = Pallet::<T>::draw_operators([7; 32], n, Hint::Hot, 0);
		}
		assert_eq!(drawn.operators, None);
		assert_eq!(drawn.descents, max_descents(n));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
