//! One exchange with a destination: vet, connect to what was vetted, send, read a little.
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

use super::certificate::why_refused;
use super::egress;
use super::exchange::{Exchange, Failure, classify, read};
use super::libcurl;
use super::resolve::{ResolveError, Resolver, ThreadedResolver};
use super::userinfo::Userinfo;
use crate::domain::postback::{ErrorClass, Method, Request};
use arc_swap::ArcSwap;
use ipnet::IpNet;
use isahc::HttpClient;
use isahc::config::{Configurable, VersionNegotiation};
use isahc::http;
use isahc::http::header::{HeaderName, HeaderValue};
use isahc::tls::{TlsConfig, TrustStore};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Look-ups at once.
const RESOLVERS: usize = 16;
/// A connection that was idle for longer is not used again: the receiver may be about to close it.
const MOST_IDLE: Duration = Duration::from_secs(1);
/// Vetted addresses of one name that are tried.
const MOST_ADDRESSES: usize = 3;
/// Bundles of certificate authorities as distributions place them.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Every network; what is allowed so does not open metadata services.
pub(super) const EVERYWHERE: [IpNet; 2] = [
    IpNet::V4(ipnet::Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
    IpNet::V6(ipnet::Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
];

/// How requests leave the machine.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// Who is asked for the addresses of names; `None`: the system's resolver.
    pub dns_server: Option<SocketAddr>,
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

/// Why the client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of certificate authorities cannot be read.
    #[error("the file of certificate authorities {path} cannot be read: {source}; check delivery.ca_file")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread of the resolver.
    #[error("a thread of the resolver cannot be started: {0}; raise the limit of processes")]
    Thread(std::io::Error),
    /// The client cannot be built.
    #[error("the HTTP client cannot be started: {0}")]
    Client(#[from] isahc::Error),
}

/// Sends requests. Shared by all who send.
pub struct Client {
    http: HttpClient,
    resolver: Arc<dyn Resolver>,
    allow: ArcSwap<Vec<IpNet>>,
    allow_sockets: Vec<SocketAddr>,
    source_address: Option<IpAddr>,
    ca_file: Option<PathBuf>,
}

impl Client {
    /// Starts the client with its resolver; its own thread ends when the client is dropped.
    pub fn start(options: &ClientOptions) -> Result<Self, ClientError> {
        let resolver = ThreadedResolver::start(RESOLVERS, options.dns_server).map_err(ClientError::Thread)?;
        Self::with_resolver(options, Arc::new(resolver))
    }

    /// The same with another resolver.
    pub fn with_resolver(options: &ClientOptions, resolver: Arc<dyn Resolver>) -> Result<Self, ClientError> {
        libcurl::link();
        let mut client = HttpClient::builder()
            .proxy(None)
            .redirect_policy(isahc::config::RedirectPolicy::None)
            .automatic_decompression(false)
            .expect_continue(false)
            .version_negotiation(VersionNegotiation::http11())
            .title_case_headers(true)
            .tcp_nodelay()
            .connection_cache_size(256)
            .connection_cache_ttl(MOST_IDLE);
        if let Some(address) = options.source_address {
            client = client.interface(address);
        }
        if let Some(path) = &options.ca_file {
            let store = TrustStore::builder()
                .certificate_from_pem(authorities(Some(path))?)
                .build();
            client = client.tls_config(TlsConfig::builder().trust_store(store).build());
        }
        Ok(Self {
            http: build(client)?,
            resolver,
            allow: ArcSwap::from_pointee(options.allow_networks.clone()),
            allow_sockets: options.allow_sockets.clone(),
            source_address: options.source_address,
            ca_file: options.ca_file.clone(),
        })
    }

    /// Sends one request and reads the answer. Never fails: what went wrong is in the outcome. `at_ms` is the time of
    /// the attempt, unix milliseconds, from which dates of the answer count.
    pub fn exchange(&self, request: &Request, limits: Limits, at_ms: i64) -> Exchange {
        self.exchange_within(request, limits, at_ms, 0, &self.allowed())
    }

    /// The n-th try of the same request (from 0): each begins with the next address of the host, so that one that is
    /// broken does not hold all of them back.
    pub fn exchange_again(&self, request: &Request, limits: Limits, at_ms: i64, nth: usize) -> Exchange {
        self.exchange_within(request, limits, at_ms, nth, &self.allowed())
    }

    /// The same to an address that the operator calls their own, wherever it lies: loopback and private networks are
    /// called too, metadata services are not. The caller must show no more of the answer than that it came.
    pub fn exchange_with_own(&self, request: &Request, limits: Limits, at_ms: i64) -> Exchange {
        self.exchange_within(request, limits, at_ms, 0, &EVERYWHERE)
    }

    fn exchange_within(
        &self,
        request: &Request,
        limits: Limits,
        at_ms: i64,
        nth: usize,
        allow: &[IpNet],
    ) -> Exchange {
        let begun = Instant::now();
        let deadline = begun + limits.total;
        let sent = url::Url::parse(&request.url)
            .map_err(|e| Failure::new(ErrorClass::Internal, format!("the URL cannot be parsed: {e}")))
            .and_then(|url| self.vetted(&url, deadline, allow))
            .and_then(|mut addresses| {
                let first = nth % addresses.len().max(1);
                addresses.rotate_left(first);
                send_to_first(&addresses, limits, deadline, |address, limits| {
                    self.send_to(address, request, limits)
                })
            });
        match sent {
            Ok((response, address)) => {
                let exchange = read(response, address, at_ms, begun);
                Exchange {
                    duration: begun.elapsed(),
                    ..exchange
                }
            }
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
        let mut addresses = self.vetted(&url, deadline, &self.allowed()).map_err(failed)?;
        addresses.truncate(MOST_ADDRESSES);
        addresses.iter_mut().for_each(|address| address.set_port(port));
        Ok(addresses)
    }

    /// The file of certificate authorities that are trusted beside the system's.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The addresses of the URL's host, every one of them allowed. One refused address refuses them all.
    pub(super) fn vetted(
        &self,
        url: &url::Url,
        deadline: Instant,
        allow: &[IpNet],
    ) -> Result<Vec<SocketAddr>, Failure> {
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
        let mut reachable: Vec<_> = addresses
            .into_iter()
            .filter(same_family)
            .map(|a| SocketAddr::new(a, port))
            .collect();
        // Plain ones first.
        reachable.sort_by_key(|address| egress::is_nat64(address.ip()));
        if reachable.is_empty() {
            let message =
                "the host has no address of the family of the source address; check delivery.source_address";
            return Err(Failure::new(ErrorClass::Connect, message));
        }
        Ok(reachable)
    }

    /// Sends what is ready to a vetted address.
    pub(super) fn dial(
        &self,
        address: SocketAddr,
        request: http::request::Builder,
        body: isahc::Body,
        limits: Limits,
    ) -> Result<http::Response<isahc::Body>, Failure> {
        let host = request.uri_ref().and_then(|uri| uri.host()).map(str::to_owned);
        let request = request
            .dial(address)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .body(body)
            .map_err(|e| Failure::new(ErrorClass::Internal, format!("the request cannot be built: {e}")))?;
        let why = || {
            // From another address than that of the attempts the look may be answered otherwise.
            if self.source_address.is_some() {
                return None;
            }
            let authorities = authorities(self.ca_file.as_deref()).ok()?;
            why_refused(address, &host?, &authorities, limits.total)
        };
        self.http.send(request).map_err(|error| classify(&error, why))
    }

    /// The networks that may be called although they are not public.
    pub(super) fn allowed(&self) -> Arc<Vec<IpNet>> {
        self.allow.load_full()
    }

    /// From now on these networks may be called although they are not public.
    pub fn allow(&self, networks: &[IpNet]) {
        self.allow.store(Arc::new(networks.to_vec()));
    }

    fn send_to(
        &self,
        address: SocketAddr,
        request: &Request,
        limits: Limits,
    ) -> Result<http::Response<isahc::Body>, Failure> {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(&*Userinfo::split(&request.url).0);
        for (name, value) in headers_of(request) {
            builder = builder.header(name, value);
        }
        let body = match (&request.method, &request.body) {
            (Method::Get, _) | (Method::Post, None) => isahc::Body::empty(),
            (Method::Post, Some(body)) => isahc::Body::from(body.as_bytes()),
        };
        self.dial(address, builder, body, limits)
    }

    /// Ends the resolver's threads.
    pub fn stop(&self, deadline: Instant) {
        self.resolver.stop(deadline);
    }
}

/// The first address that can be connected to gets the request.
pub(super) fn send_to_first(
    addresses: &[SocketAddr],
    limits: Limits,
    deadline: Instant,
    send: impl Fn(SocketAddr, Limits) -> Result<http::Response<isahc::Body>, Failure>,
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
        match send(address, limits) {
            Ok(response) => return Ok((response, address)),
            Err(failure) if failure.is_unconnected() => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

/// The headers of a request: its own, and those that every request of ours has. One that is no valid HTTP is left out.
fn headers_of(request: &Request) -> Vec<(HeaderName, HeaderValue)> {
    let is_there = |wanted: &str| {
        request
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    let agent = ("user-agent", concat!("Yamabiko/", env!("CARGO_PKG_VERSION")));
    let authorization = Userinfo::split(&request.url)
        .1
        .filter(|_| !is_there("authorization"))
        .map(Userinfo::basic);
    let is_empty_post = request.method == Method::Post && request.body.as_ref().is_none_or(String::is_empty);
    let ours = [
        (!is_there("user-agent")).then_some(agent),
        is_empty_post.then_some(("content-length", "0")),
        authorization.as_deref().map(|basic| ("authorization", basic)),
    ];
    let own = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    own.chain(ours.into_iter().flatten())
        .filter_map(|(name, value)| {
            let parsed = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            );
            if let (Ok(name), Ok(value)) = parsed {
                return Some((name, value));
            }
            tracing::warn!(
                code = "header_unsendable",
                name,
                "a header of a request is not valid HTTP and was left out"
            );
            None
        })
        .collect()
}

/// Builds the client on a thread that steps back, so that its own threads do too.
fn build(client: isahc::HttpClientBuilder) -> Result<HttpClient, ClientError> {
    let on_thread = move || {
        crate::priority::step_back(crate::priority::Step::Last);
        client.build()
    };
    let builder = std::thread::Builder::new().name("wire-setup".into());
    let built = builder.spawn(on_thread).map_err(isahc::Error::from)?.join();
    Ok(built.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
}

/// The system's certificate authorities and those of the file, if there is one, as one PEM text.
fn authorities(path: Option<&Path>) -> Result<Vec<u8>, ClientError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| ClientError::CaFile {
            path: path.into(),
            source,
        })
    };
    let mut pem = path.map(read).transpose()?.unwrap_or_default();
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
#[path = "client_tests.rs"]
mod tests;
