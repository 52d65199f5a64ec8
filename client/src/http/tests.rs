//! Requests over plain and encrypted connections, and what becomes of bad answers.

use super::*;
use crate::account::AccountId;
use nil_types::deal::SerdeBytes;
use rustls::{
	ServerConfig,
	pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// Self-signed, for `localhost` and 127.0.0.1, from 2020 to 2120. Made with openssl for this test alone.
const CERTIFICATE: &str = include_str!("test-certificate.pem");
const KEY: &str = include_str!("test-key.pem");

fn certificate() -> CertificateDer<'static> {
	CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()
}

fn trusting(roots: RootCertStore) -> Http {
	let http = Http::new(HttpTimeouts::default()).unwrap();
	http.tls.set(Http::client(http.timeouts, http.reach, roots).unwrap()).unwrap();
	http
}

fn roots() -> RootCertStore {
	let mut roots = RootCertStore::empty();
	roots.add(certificate()).unwrap();
	roots
}

fn some_health() -> Health {
	Health {
		operator: AccountId([1; 32]),
		service_key: SerdeBytes([2; 32]),
		version: "1".into(),
		genesis: SerdeBytes([3; 32]),
		chain: wire::ChainHealth::default(),
		free_bytes: 4,
		quarantine: 0,
		refused: Vec::new(),
		repairs: wire::RepairHealth::default(),
	}
}

/// Answers every request to `ip` over TLS with [`some_health`]; its port.
async fn serve(ip: &str) -> u16 {
	let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
	let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
		.with_safe_default_protocol_versions()
		.unwrap()
		.with_no_client_auth()
		.with_single_cert(vec![certificate()], key)
		.unwrap();
	let acceptor = TlsAcceptor::from(Arc::new(config));
	let listener = TcpListener::bind((ip, 0)).await.unwrap();
	let port = listener.local_addr().unwrap().port();
	tokio::spawn(async move {
		loop {
			let (stream, _) = listener.accept().await.unwrap();
			// Clients that trust nobody break off here.
			let Ok(mut stream) = acceptor.accept(stream).await else { continue };
			let mut head = Vec::new();
			while !head.ends_with(b"\r\n\r\n") {
				head.push(stream.read_u8().await.unwrap());
			}
			let body = serde_json::to_string(&some_health()).unwrap();
			let answer = format!(
				"HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
				body.len()
			);
			stream.write_all(answer.as_bytes()).await.unwrap();
			stream.shutdown().await.unwrap();
		}
	});
	port
}

fn endpoint(text: String) -> Endpoint {
	text.parse().unwrap()
}

#[tokio::test]
async fn a_provider_behind_tls_is_reached_by_name_and_by_address() {
	let port = serve("127.0.0.1").await;
	let http = trusting(roots());
	for host in ["dns/localhost", "ip4/127.0.0.1"] {
		let provider = http.provider(endpoint(format!("/{host}/tcp/{port}/https"))).unwrap();
		assert_eq!(provider.health().await.unwrap(), some_health(), "{host}");
	}
}

#[tokio::test]
async fn certificates_that_nobody_vouches_for_are_refused() {
	let refused = |http: Http, host: &str, port: u16| {
		let provider = http.provider(endpoint(format!("/{host}/tcp/{port}/https"))).unwrap();
		async move {
			let error = provider.health().await.unwrap_err();
			assert!(matches!(error, HttpError::Unreachable { .. }), "{error}");
			assert!(error.to_string().contains("certificate"), "{error}");
		}
	};
	let port = serve("127.0.0.1").await;
	refused(trusting(RootCertStore::empty()), "dns/localhost", port).await;
	// What the machine trusts does not lead to it either.
	refused(Http::new(HttpTimeouts::default()).unwrap(), "dns/localhost", port).await;
	// A certificate that is trusted, at an address that it does not name.
	let port = serve("127.0.0.2").await;
	refused(trusting(roots()), "ip4/127.0.0.2", port).await;
}

#[tokio::test]
async fn an_address_without_tls_is_asked_without_it() {
	let port = serve("127.0.0.1").await;
	let http = trusting(roots());
	let plain = http.provider(endpoint(format!("/dns/localhost/tcp/{port}/http"))).unwrap();
	assert!(matches!(plain.health().await, Err(HttpError::Unreachable { .. })));
}

/// Refuses a request without TLS with `body`; its port.
async fn refuse(body: String) -> u16 {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let port = listener.local_addr().unwrap().port();
	tokio::spawn(async move {
		let (mut stream, _) = listener.accept().await.unwrap();
		let mut head = Vec::new();
		while !head.ends_with(b"\r\n\r\n") {
			head.push(stream.read_u8().await.unwrap());
		}
		let answer = format!(
			"HTTP/1.1 404 No\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
			body.len()
		);
		stream.write_all(answer.as_bytes()).await.unwrap();
		stream.shutdown().await.unwrap();
	});
	port
}

#[tokio::test]
async fn a_refusals_words_are_cut_short_and_command_no_terminal() {
	let said = format!("\u{1b}[2J\nslot 3: {}", "x".repeat(1000));
	let body = ErrorBody { error: said.clone(), code: ErrorCode::NotFound, retry: false };
	for body in [serde_json::to_string(&body).unwrap(), said] {
		let port = refuse(body).await;
		let http = Http::new(HttpTimeouts::default()).unwrap();
		let provider = http.provider(endpoint(format!("/ip4/127.0.0.1/tcp/{port}/http")));
		let refusal = provider.unwrap().health().await.unwrap_err();
		let HttpError::Refused { error, .. } = &refusal else { panic!("{refusal}") };
		assert!(error.starts_with(r"\u{1b}[2J\nslot 3: xxx"), "{error}");
		assert!(error.ends_with("x…") && error.len() < 2 * MAX_WORDS, "{error}");
	}
	assert_eq!(words("short"), "short");
}

#[tokio::test]
async fn who_asks_the_public_internet_alone_knocks_at_no_private_door() {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let port = listener.local_addr().unwrap().port();
	let public = Http::with_reach(HttpTimeouts::default(), Reach::Public).unwrap();
	let provider = |host: &str, scheme: &str| {
		public.provider(endpoint(format!("/{host}/tcp/{port}/{scheme}")))
	};
	for scheme in ["http", "https"] {
		for host in [
			"ip4/127.0.0.1",
			"ip4/10.1.2.3",
			"ip4/169.254.169.254",
			"ip6/::1",
			"ip6/::ffff:127.0.0.1",
		] {
			let error = provider(host, scheme).unwrap_err().to_string();
			assert!(error.contains("not an address of the public internet"), "{error}");
		}
		provider("ip4/1.1.1.1", scheme).unwrap();
		// A name is judged by what it leads to at the moment.
		let named = provider("dns/localhost", scheme).unwrap();
		let error = named.health().await.unwrap_err().to_string();
		assert!(error.contains("localhost has no address of the public internet"), "{error}");
	}
	let knocked = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
	assert!(knocked.is_err(), "{knocked:?}");
}
