//! The RPC server: its address, and the methods that this node adds to those of every Substrate node.

use crate::{
	cli::Cli,
	service::{FullClient, FullPool},
};
use jsonrpsee::RpcModule;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_service::Configuration;
use std::{error::Error, net::TcpListener, sync::Arc};
use substrate_frame_rpc_system::{System, SystemApiServer};

/// Holds the server to the port that it was given.
///
/// Substrate's default is to take a random port when its own is taken. Whoever then connects to the usual port talks to
/// another node than the one that was started, so here a port that is taken is an error. Endpoints that were written out
/// with `--experimental-rpc-endpoint` say for themselves what is to happen.
pub fn hold_port(cli: &Cli, config: &mut Configuration) -> sc_cli::Result<()> {
	if !cli.rpc_params().experimental_rpc_endpoint.is_empty() {
		return Ok(());
	}
	for endpoint in config.rpc.addr.iter_mut().flatten() {
		endpoint.retry_random_port = false;
		let address = endpoint.listen_addr;
		match TcpListener::bind(address) {
			Err(error) if !endpoint.is_optional => {
				return Err(format!(
					"cannot listen for RPC on {address}: {error}. Stop what listens there, or choose another port with \
					 --rpc-port (0: any that is free)"
				)
				.into());
			},
			_ => {},
		}
	}
	Ok(())
}

/// Account nonces and fees.
pub fn full(
	client: &Arc<FullClient>,
	pool: &Arc<FullPool>,
) -> Result<RpcModule<()>, Box<dyn Error + Send + Sync>> {
	let mut module = RpcModule::new(());
	module.merge(System::new(client.clone(), pool.clone()).into_rpc())?;
	module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
	Ok(module)
}
