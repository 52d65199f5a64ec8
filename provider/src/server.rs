//! The HTTP server: what a connection may cost before there is a request.
//!
//! Requests have limits of their own ([`crate::api`]). Below them, a peer that connects and says nothing, or one byte at a
//! time, holds a place: places are counted, and one whose next request does not come in time is closed.

use axum::{
	Router,
	body::Body,
	extract::{ConnectInfo, Request},
};
use hyper_util::{
	rt::{TokioExecutor, TokioIo, TokioTimer},
	server::{conn::auto, graceful::GracefulShutdown},
	service::TowerToHyperService,
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
	net::{TcpListener, TcpStream},
	sync::{OwnedSemaphorePermit, Semaphore},
	time::sleep,
};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};

/// Pause after a connection could not be accepted, say because this process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
	/// Connections at a time; others wait in the system's queue.
	pub connections: usize,
	/// Time for the head of a request, counted from the end of the one before.
	pub head: Duration,
}

/// Serves `router` over HTTP/1.1 until `stop`; then waits for the requests that run.
pub async fn serve(
	listener: TcpListener,
	router: Router,
	limits: ConnectionLimits,
	stop: CancellationToken,
) {
	let places = Arc::new(Semaphore::new(limits.connections));
	let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
	server.http1().timer(TokioTimer::new()).header_read_timeout(limits.head);
	let running = GracefulShutdown::new();
	loop {
		let (place, stream, client) = tokio::select! {
			() = stop.cancelled() => break,
			Some(accepted) = accept(&listener, &places) => accepted,
			else => break,
		};
		let router = router.clone();
		let service = TowerToHyperService::new(service_fn(move |request: Request<_>| {
			let mut request = request.map(Body::new);
			request.extensions_mut().insert(ConnectInfo(client));
			router.clone().oneshot(request)
		}));
		let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
		let connection = running.watch(connection);
		tokio::spawn(async move {
			if let Err(error) = connection.await {
				tracing::debug!(%client, error, "a connection broke off");
			}
			drop(place);
		});
	}
	drop(listener);
	running.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn accept(
	listener: &TcpListener,
	places: &Arc<Semaphore>,
) -> Option<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
	let place = places.clone().acquire_owned().await.ok()?;
	loop {
		match listener.accept().await {
			Ok((stream, client)) => return Some((place, stream, client)),
			// The peer gave up before its turn.
			Err(error)
				if matches!(
					error.kind(),
					io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
				) => {},
			Err(error) => {
				tracing::warn!(%error, "cannot accept connections");
				sleep(ACCEPT_PAUSE).await;
			},
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use axum::routing::get;
	use tokio::{
		io::{AsyncReadExt, AsyncWriteExt},
		time::timeout,
	};

	const PATIENCE: Duration = Duration::from_secs(10);

	async fn start(connections: usize, head: Duration) -> (SocketAddr, CancellationToken) {
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap();
		let stop = CancellationToken::new();
		let router = Router::new().route(
			"/",
			get(|ConnectInfo(client): ConnectInfo<SocketAddr>| async move { client.to_string() }),
		);
		tokio::spawn(serve(listener, router, ConnectionLimits { connections, head }, stop.clone()));
		(address, stop)
	}

	/// Asks, and reads to the end of the connection.
	async fn ask(stream: &mut TcpStream) -> String {
		stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
		let mut answer = String::new();
		timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
		answer
	}

	#[tokio::test]
	async fn requests_know_their_client() {
		let (address, _stop) = start(1, PATIENCE).await;
		let mut stream = TcpStream::connect(address).await.unwrap();
		let own = stream.local_addr().unwrap().to_string();
		let answer = ask(&mut stream).await;
		assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&own), "{answer}");
	}

	#[tokio::test]
	async fn heads_that_do_not_come_in_time_end_the_connection() {
		let (address, _stop) = start(4, Duration::from_millis(300)).await;
		let mut silent = TcpStream::connect(address).await.unwrap();
		let mut slow = TcpStream::connect(address).await.unwrap();
		slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
		for stream in [&mut silent, &mut slow] {
			let mut rest = Vec::new();
			timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
			let rest = String::from_utf8_lossy(&rest);
			assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
		}
	}

	#[tokio::test]
	async fn connections_beyond_the_limit_wait_for_a_place() {
		let (address, _stop) = start(1, PATIENCE).await;
		let first = TcpStream::connect(address).await.unwrap();
		let mut second = TcpStream::connect(address).await.unwrap();
		second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
		let mut byte = [0];
		assert!(timeout(Duration::from_millis(300), second.read(&mut byte)).await.is_err());
		drop(first);
		assert_eq!(timeout(PATIENCE, second.read(&mut byte)).await.unwrap().unwrap(), 1);
	}

	#[tokio::test]
	async fn stopping_ends_the_server() {
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let stop = CancellationToken::new();
		let limits = ConnectionLimits { connections: 1, head: PATIENCE };
		let server = tokio::spawn(serve(listener, Router::new(), limits, stop.clone()));
		stop.cancel();
		timeout(PATIENCE, server).await.unwrap().unwrap();
	}
}
