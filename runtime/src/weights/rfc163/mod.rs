//! Weights of our pallets, as `scripts/weights.sh` measured them in the runtime with the backend `rfc163`.

generated!(pallet_beacon, pallet_deals, pallet_liveness, pallet_mode2, pallet_providers);
