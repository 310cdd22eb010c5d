//! Does the HTTP client work with descriptors above 1023? libcurl built without poll() falls back to
//! select(), which cannot; then busy click traffic would stop every postback. Checked at every start.

use super::client::{Client, ClientError, ClientOptions, Limits};
use super::resolve::{ResolveError, Resolver};
use crate::domain::postback::{Method, Outcome, Request};
use rustix::fd::OwnedFd;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first descriptor that `select()` cannot handle.
const SELECT_LIMIT: i32 = 1_024;
/// Descriptors that the process must be allowed to open, and as many as it asks for.
const LEAST_DESCRIPTORS: u64 = 2_048;
const MOST_DESCRIPTORS: u64 = 65_536;
/// How long the whole test may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the client is not fit to run. Each has a stable code ([`SelfTestError::code`]).
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The process may not open enough descriptors for the test, nor for its work.
    #[error(
        "only {limit} file descriptors may be open; at least 2048 are needed. Raise LimitNOFILE of the service, or `ulimit -n`"
    )]
    FewDescriptors {
        /// The limit.
        limit: u64,
    },
    /// The test itself could not be set up.
    #[error("the HTTP client could not be tested: {0}")]
    Setup(#[from] std::io::Error),
    /// The client could not be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A request on a high descriptor failed.
    #[error(
        "the HTTP client cannot use file descriptors above 1023 ({reason}): this binary was built without -DHAVE_POLL=1, which .cargo/config.toml sets. Build it again with that flag, or postbacks stop under load"
    )]
    NoPoll {
        /// What the client said.
        reason: String,
    },
}

impl SelfTestError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FewDescriptors { .. } => "few_descriptors",
            Self::Setup(_) => "self_test_setup",
            Self::Client(_) => "self_test_client",
            Self::NoPoll { .. } => "client_without_poll",
        }
    }
}

/// Raises the soft limit of open descriptors to the hard one (at most 65,536), holds every descriptor below 1024 that is free, so that what is opened next lies above, and makes one
/// request to a listener of its own on the loopback. Takes a few milliseconds; at most five seconds.
pub fn check() -> Result<(), SelfTestError> {
    check_with(request)
}

/// The check with another client in place of the real one.
fn check_with(probe: impl Fn(&str) -> Result<Outcome, SelfTestError>) -> Result<(), SelfTestError> {
    raise_limit()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let server = std::thread::Builder::new()
        .name("self-test".into())
        .spawn(move || answer_once(&listener))?;
    let held = hold_low_descriptors(&std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?)?;
    let outcome = probe(&format!("http://{address}/"));
    drop(held);
    match outcome? {
        Outcome::Answered { status: 204, .. } => {}
        Outcome::Answered { status, .. } => {
            return Err(SelfTestError::NoPoll {
                reason: format!("answered {status}"),
            });
        }
        Outcome::Error { message, .. } => {
            // The listener still waits for someone.
            drop(std::net::TcpStream::connect(address));
            return Err(SelfTestError::NoPoll { reason: message });
        }
    }
    if server.join().is_err() {
        tracing::warn!(
            code = "self_test_thread",
            "the self-test's listener ended with a panic"
        );
    }
    Ok(())
}

/// The soft limit of open descriptors is raised to the hard one, as far as the work needs.
fn raise_limit() -> Result<(), SelfTestError> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(MOST_DESCRIPTORS, |hard| hard.min(MOST_DESCRIPTORS));
    if limit.current.is_some_and(|soft| soft < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        setrlimit(Resource::Nofile, raised).map_err(std::io::Error::from)?;
    }
    if wanted < LEAST_DESCRIPTORS {
        return Err(SelfTestError::FewDescriptors { limit: wanted });
    }
    Ok(())
}

fn hold_low_descriptors(any: &std::net::UdpSocket) -> std::io::Result<Vec<OwnedFd>> {
    use rustix::fd::AsRawFd;
    let mut held = Vec::new();
    loop {
        let next = rustix::io::fcntl_dupfd_cloexec(any, 0)?;
        if next.as_raw_fd() >= SELECT_LIMIT {
            return Ok(held);
        }
        held.push(next);
    }
}

fn answer_once(listener: &TcpListener) {
    let answered = listener.accept().and_then(|(mut stream, _)| {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = [0; 4096];
        if stream.read(&mut head)? > 0 {
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
        }
        Ok(())
    });
    if let Err(error) = answered {
        tracing::debug!(%error, "the self-test's listener was not asked");
    }
}

fn request(url: &str) -> Result<Outcome, SelfTestError> {
    let options = ClientOptions {
        allow_networks: vec![ipnet::IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST))],
        ..ClientOptions::default()
    };
    let client = Client::with_resolver(&options, Arc::new(NoNames))?;
    let request = Request {
        method: Method::Get,
        url: url.into(),
        headers: Vec::new(),
        body: None,
    };
    let limits = Limits {
        connect: PATIENCE,
        total: PATIENCE,
    };
    Ok(client.exchange(&request, limits, 0).outcome)
}

/// The test calls an address.
struct NoNames;

impl Resolver for NoNames {
    fn resolve(&self, host: &str, _: Instant) -> Result<Vec<IpAddr>, ResolveError> {
        Err(ResolveError::NotFound {
            host: host.into(),
            reason: "the self-test resolves nothing".into(),
        })
    }

    fn stop(&self, _: Instant) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::postback::ErrorClass;
    use std::net::TcpStream;

    /// What libcurl does with select(): it connects, and cannot wait on the descriptor.
    fn client_on_select(url: &str) -> Result<Outcome, SelfTestError> {
        drop(TcpStream::connect(address(url))?);
        Ok(Outcome::Error {
            class: ErrorClass::Internal,
            message: "bad descriptor".into(),
        })
    }

    fn address(url: &str) -> &str {
        url.trim_start_matches("http://").trim_end_matches('/')
    }

    #[test]
    fn a_client_that_cannot_use_high_descriptors_is_found_out() {
        let error = check_with(client_on_select).unwrap_err();
        assert_eq!(error.code(), "client_without_poll");
        let sentence = error.to_string();
        assert!(
            sentence.contains("bad descriptor") && sentence.contains("-DHAVE_POLL=1"),
            "{sentence}"
        );
    }

    #[test]
    fn the_client_is_asked_with_every_low_descriptor_held() {
        // Other tests of this process close descriptors meanwhile: nearly every one is held.
        let held =
            hold_low_descriptors(&std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(open >= 1_000, "{open} are open, {} of them held", held.len());
    }

    #[test]
    fn another_answer_is_a_failure_and_a_client_that_cannot_be_built_is_told_apart() {
        let odd = check_with(|url| {
            drop(TcpStream::connect(address(url))?);
            Ok(Outcome::Answered {
                status: 200,
                retry_after_s: None,
            })
        });
        assert_eq!(odd.unwrap_err().code(), "client_without_poll");
        let unbuilt = check_with(|url| {
            drop(TcpStream::connect(address(url))?);
            Err(SelfTestError::Setup(std::io::ErrorKind::OutOfMemory.into()))
        });
        assert_eq!(unbuilt.unwrap_err().code(), "self_test_setup");
    }
}
