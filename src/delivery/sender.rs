//! One exchange with a destination: vet, connect to what was vetted, send, read a little. The only place that
//! names isahc. It knows nothing of schedules, lanes or the store.
//!
//! * 2026-11-21: the verdict is the status line. A receiver that answers 200 and then drips its body has taken
//!   the postback; reading stops at the cap or the deadline and the status counts.
//! * 2026-11-21: when connecting to the first vetted address fails, the next two are tried within the same
//!   deadline. Nothing has been sent by then, so nothing can arrive twice.
//! * 2026-11-21: one client serves everyone (its connections are kept alive by host and pinned address);
//!   the address is pinned on each request.
//! * 2026-11-21: libcurl 8.22 on rustls loses an answer when the receiver ends the connection in the same
//!   moment without TLS's goodbye (close_notify): the attempt counts as `reset` and is made again, though it
//!   may have arrived. Nothing above libcurl can tell the two apart; the sentence of the error names it.

mod answer;
mod headers;

pub use answer::Exchange;

use super::egress;
use super::resolve::{ResolveError, Resolver};
use super::sign::Signer;
use crate::domain::ids::PostbackId;
use crate::domain::postback::{ErrorClass, Method, Request};
use answer::{Failure, classify, read};
use headers::{headers_of, plain_headers};
use ipnet::IpNet;
use isahc::HttpClient;
use isahc::config::{Configurable, VersionNegotiation};
use isahc::http;
use isahc::http::header::{HeaderName, HeaderValue};
use isahc::tls::{TlsConfig, TrustStore};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Vetted addresses of one name that are tried.
const MOST_ADDRESSES: usize = 3;
/// Bundles of certificate authorities as distributions place them.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How requests leave the machine.
#[derive(Debug, Clone, Default)]
pub struct SenderOptions {
    /// Networks that may be called although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// Single addresses with their ports that may be called although they are not public: the built-in receiver.
    pub allow_sockets: Vec<SocketAddr>,
    /// The source address of every request.
    pub source_address: Option<IpAddr>,
    /// A PEM file of certificate authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Limits of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To connect, TLS handshake included.
    pub connect: Duration,
    /// The whole exchange, from looking up the name to the end of the body.
    pub total: Duration,
}

/// Why the sender could not be built.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The file of certificate authorities cannot be read.
    #[error("the file of certificate authorities {path} cannot be read: {source}; check delivery.ca_file")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The client cannot be built.
    #[error("the HTTP client cannot be started: {0}")]
    Client(#[from] isahc::Error),
}

/// Sends requests. Shared by all workers.
pub struct Sender {
    client: HttpClient,
    resolver: Arc<dyn Resolver>,
    allow: Vec<IpNet>,
    allow_sockets: Vec<SocketAddr>,
    source_address: Option<IpAddr>,
    ca_file: Option<PathBuf>,
}

impl Sender {
    /// Builds the client; its own thread ends when the sender is dropped.
    pub fn new(options: &SenderOptions, resolver: Arc<dyn Resolver>) -> Result<Self, SenderError> {
        let mut client = HttpClient::builder()
            .proxy(None)
            .redirect_policy(isahc::config::RedirectPolicy::None)
            .automatic_decompression(false)
            .expect_continue(false)
            .version_negotiation(VersionNegotiation::http11())
            .title_case_headers(true)
            .tcp_nodelay()
            .connection_cache_size(256)
            .connection_cache_ttl(Duration::from_secs(60));
        if let Some(address) = options.source_address {
            client = client.interface(address);
        }
        if let Some(path) = &options.ca_file {
            let store = TrustStore::builder()
                .certificate_from_pem(authorities(path)?)
                .build();
            client = client.tls_config(TlsConfig::builder().trust_store(store).build());
        }
        Ok(Self {
            client: build(client)?,
            resolver,
            allow: options.allow_networks.clone(),
            allow_sockets: options.allow_sockets.clone(),
            source_address: options.source_address,
            ca_file: options.ca_file.clone(),
        })
    }

    /// Sends one request and reads the answer. Never fails: what went wrong is in the outcome. `at_ms` is the
    /// time of the attempt, unix milliseconds; `signer` adds the signature of that time.
    pub fn send(
        &self,
        id: PostbackId,
        request: &Request,
        limits: Limits,
        signer: Option<&Signer>,
        at_ms: i64,
    ) -> Exchange {
        let begun = Instant::now();
        let exchange = self.exchange(id, request, limits, signer, at_ms, begun);
        let duration = begun.elapsed();
        match exchange {
            Ok(exchange) => Exchange { duration, ..exchange },
            Err(failure) => Exchange {
                remote_addr: failure.remote_addr,
                ..Exchange::failed(failure.class, failure.message, duration)
            },
        }
    }

    fn exchange(
        &self,
        id: PostbackId,
        request: &Request,
        limits: Limits,
        signer: Option<&Signer>,
        at_ms: i64,
        begun: Instant,
    ) -> Result<Exchange, Failure> {
        let deadline = begun + limits.total;
        let url = url::Url::parse(&request.url)
            .map_err(|e| Failure::new(ErrorClass::Internal, format!("the URL cannot be parsed: {e}")))?;
        let addresses = self.vetted(&url, deadline, &self.allow)?;
        let headers = headers_of(id, request, signer, at_ms);
        self.send_to_first(&addresses, request, &headers, limits, deadline)
            .map(|(response, address)| read(response, address, at_ms, begun))
    }

    /// Sends one request that is no postback: same egress policy, no id and no signature.
    pub(super) fn send_plain(&self, request: &Request, limits: Limits) -> Exchange {
        self.send_within(request, limits, &self.allow)
    }

    /// Sends one request to an address that the operator calls their own, wherever it lies: loopback and
    /// private networks are called too, metadata services are not.
    pub(super) fn send_to_own(&self, request: &Request, limits: Limits) -> Exchange {
        let everywhere = [
            IpNet::V4(ipnet::Ipv4Net::default()),
            IpNet::V6(ipnet::Ipv6Net::default()),
        ];
        self.send_within(request, limits, &everywhere)
    }

    fn send_within(&self, request: &Request, limits: Limits, allow: &[IpNet]) -> Exchange {
        let begun = Instant::now();
        let deadline = begun + limits.total;
        let sent = url::Url::parse(&request.url)
            .map_err(|e| Failure::new(ErrorClass::Internal, format!("the URL cannot be parsed: {e}")))
            .and_then(|url| self.vetted(&url, deadline, allow))
            .and_then(|addresses| {
                let headers = plain_headers(request);
                self.send_to_first(&addresses, request, &headers, limits, deadline)
            });
        match sent {
            Ok((response, address)) => Exchange {
                duration: begun.elapsed(),
                ..read(response, address, 0, begun)
            },
            Err(failure) => Exchange {
                remote_addr: failure.remote_addr,
                ..Exchange::failed(failure.class, failure.message, begun.elapsed())
            },
        }
    }

    /// The addresses of a mail server, every one of them allowed.
    pub(super) fn mail_addresses(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, (ErrorClass, String)> {
        let failed = |failure: Failure| (failure.class, failure.message);
        let bracketed = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        // Looked up as a web address would be: the spelling of hosts and the policy are the same.
        let url = url::Url::parse(&format!("http://{bracketed}:{port}/"))
            .map_err(|_| (ErrorClass::Dns, "this is no name of a server".to_owned()))?;
        let mut addresses = self.vetted(&url, deadline, &self.allow).map_err(failed)?;
        addresses.truncate(MOST_ADDRESSES);
        addresses.iter_mut().for_each(|address| address.set_port(port));
        Ok(addresses)
    }

    /// The file of certificate authorities that are trusted beside the system's.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The first address that can be connected to gets the request.
    fn send_to_first(
        &self,
        addresses: &[SocketAddr],
        request: &Request,
        headers: &[(HeaderName, HeaderValue)],
        limits: Limits,
        deadline: Instant,
    ) -> Result<(http::Response<isahc::Body>, SocketAddr), Failure> {
        let mut last = Failure::new(ErrorClass::Connect, "no address of the host can be reached");
        for address in addresses.iter().copied().take(MOST_ADDRESSES) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let limits = Limits {
                connect: limits.connect.min(left),
                total: left,
            };
            match self.send_to(address, request, headers, limits) {
                Ok(response) => return Ok((response, address)),
                Err(failure) if failure.is_unconnected() => last = failure,
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }

    /// The addresses of the URL's host, every one of them allowed. One refused address refuses them all.
    fn vetted(&self, url: &url::Url, deadline: Instant, allow: &[IpNet]) -> Result<Vec<SocketAddr>, Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::new(
                ErrorClass::Egress,
                "only http and https URLs are called",
            ));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(Failure::new(ErrorClass::Internal, "the URL names no host"));
        };
        let addresses = match host {
            url::Host::Ipv4(address) => vec![address.into()],
            url::Host::Ipv6(address) => vec![address.into()],
            url::Host::Domain(name) => self.resolver.resolve(name, deadline).map_err(|error| {
                let class = match error {
                    ResolveError::NotFound { .. } | ResolveError::Timeout { .. } | ResolveError::Busy => {
                        ErrorClass::Dns
                    }
                    ResolveError::Stopped => ErrorClass::Internal,
                };
                Failure::new(class, error.to_string())
            })?,
        };
        let is_ours = |address: &&IpAddr| self.allow_sockets.contains(&SocketAddr::new(**address, port));
        for address in addresses.iter().filter(|address| !is_ours(address)) {
            egress::judge(*address, allow)
                .map_err(|refusal| Failure::new(ErrorClass::Egress, refusal.to_string()))?;
        }
        let same_family = |address: &IpAddr| {
            self.source_address
                .is_none_or(|source| source.is_ipv4() == address.is_ipv4())
        };
        let reachable: Vec<_> = addresses
            .into_iter()
            .filter(same_family)
            .map(|a| SocketAddr::new(a, port))
            .collect();
        if reachable.is_empty() {
            let message =
                "the host has no address of the family of the source address; check delivery.source_address";
            return Err(Failure::new(ErrorClass::Connect, message));
        }
        Ok(reachable)
    }

    fn send_to(
        &self,
        address: SocketAddr,
        request: &Request,
        headers: &[(HeaderName, HeaderValue)],
        limits: Limits,
    ) -> Result<http::Response<isahc::Body>, Failure> {
        let unsendable =
            |e: http::Error| Failure::new(ErrorClass::Internal, format!("the request cannot be built: {e}"));
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(&request.url)
            .dial(address)
            .connect_timeout(limits.connect)
            .timeout(limits.total);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let body = match (&request.method, &request.body) {
            (Method::Get, _) | (Method::Post, None) => isahc::Body::empty(),
            (Method::Post, Some(body)) => isahc::Body::from(body.as_bytes()),
        };
        let built = builder.body(body).map_err(unsendable)?;
        self.client.send(built).map_err(|error| classify(&error))
    }

    /// Ends the resolver's threads.
    pub fn stop(&self, deadline: Instant) {
        self.resolver.stop(deadline);
    }
}

/// Builds the client on a thread that steps back, so that its own threads do too.
fn build(client: isahc::HttpClientBuilder) -> Result<HttpClient, SenderError> {
    let on_thread = move || {
        crate::priority::step_back(crate::priority::Step::Last);
        client.build()
    };
    let builder = std::thread::Builder::new().name("sender-setup".into());
    let built = builder.spawn(on_thread).map_err(isahc::Error::from)?.join();
    Ok(built.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
}

/// The system's certificate authorities and those of the file, as one PEM text.
fn authorities(path: &Path) -> Result<Vec<u8>, SenderError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| SenderError::CaFile {
            path: path.into(),
            source,
        })
    };
    let mut pem = read(path)?;
    let from_environment = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let bundles = from_environment
        .into_iter()
        .chain(SYSTEM_BUNDLES.iter().map(PathBuf::from));
    match bundles.into_iter().find(|bundle| bundle.is_file()) {
        Some(bundle) => {
            pem.push(b'\n');
            pem.extend(read(&bundle)?);
        }
        None => tracing::warn!(
            code = "no_system_authorities",
            "no bundle of the system's certificate authorities was found; only those of delivery.ca_file are trusted"
        ),
    }
    Ok(pem)
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
