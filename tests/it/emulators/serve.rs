//! All emulators at one address of loopback, behind TLS under the platforms' own names: a DNS server and an authority
//! of the test's own lead there, so that the URLs of presets stay as they are.

use super::PLATFORMS;
use super::asked::Asked;
use super::host::{Answered, Emulated};
use super::platform::Platform;
use crate::support::dns::Dns;
use crate::support::eventually;
use crate::support::server::Setup;
use crate::support::tls::Authority;
use rustls::{ServerConfig, ServerConnection, Stream};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How long is waited for what has to come; machines of tests are slow at times.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The running emulators; they end when dropped.
pub struct Emulators {
    address: SocketAddr,
    shared: Arc<Shared>,
    dns: Dns,
    authority: Authority,
}

struct Shared {
    all: Mutex<HashMap<&'static str, Emulated>>,
    is_stopping: AtomicBool,
}

impl Emulators {
    /// `None` where port 443 cannot be had, which takes root.
    pub fn start() -> Option<Self> {
        let (listener, ip) = listen()?;
        let address = listener.local_addr().expect("address");
        let hosts: Vec<&str> = PLATFORMS.iter().flat_map(Platform::hosts).collect();
        let authority = Authority::new();
        let config = authority.certify_all(&hosts, (2020, 2040)).server_config();
        let dns = Dns::start(move |name, _| {
            let is_known = hosts.contains(&name.trim_end_matches('.'));
            is_known.then_some(ip.into()).into_iter().collect()
        });
        let all = PLATFORMS
            .iter()
            .map(|platform| (platform.preset, Emulated::new(platform)));
        let shared = Arc::new(Shared {
            all: Mutex::new(all.collect()),
            is_stopping: AtomicBool::new(false),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.is_stopping.load(Ordering::Acquire) {
                    return;
                }
                let (config, shared) = (config.clone(), serving.clone());
                // A connection that breaks is the server's business.
                std::thread::spawn(move || drop(serve(stream, config, &shared)));
            }
        });
        Some(Self {
            address,
            shared,
            dns,
            authority,
        })
    }

    /// A server over `dir` that finds the emulators, and believes what is told of visitors' addresses.
    pub fn setup(&self, dir: &Path) -> Setup {
        let ca_file = dir.join("authority.pem");
        std::fs::write(&ca_file, self.authority.pem()).expect("write");
        Setup::new(&dir.join("data"))
            .env("YAMABIKO_DELIVERY_DNS_SERVER", &self.dns.address().to_string())
            .env("YAMABIKO_DELIVERY_CA_FILE", ca_file.to_str().expect("a path"))
            .env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.1")
            // A machine that is busy takes its time for a handshake.
            .env("YAMABIKO_DELIVERY_TIMEOUT_S", "30")
            .env("YAMABIKO_DELIVERY_CONNECT_TIMEOUT_S", "30")
    }

    /// The emulator of a preset.
    pub fn of<T>(&self, preset: &str, with: impl FnOnce(&mut Emulated) -> T) -> T {
        let mut all = self.shared.all.lock().unwrap_or_else(PoisonError::into_inner);
        with(
            all.get_mut(preset)
                .unwrap_or_else(|| panic!("no emulator of {preset}")),
        )
    }

    /// Waits for what an emulator has.
    pub fn wait<T>(&self, preset: &str, what: &str, mut ready: impl FnMut(&Emulated) -> Option<T>) -> T {
        eventually(&format!("{preset}: {what}"), PATIENCE, || {
            self.of(preset, |emulated| ready(emulated))
        })
    }
}

impl Drop for Emulators {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
    }
}

/// Port 443 of an address in the loopback range that no test beside this one has.
fn listen() -> Option<(TcpListener, Ipv4Addr)> {
    static TAKEN: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id().to_le_bytes();
    let number = TAKEN.fetch_add(1, Ordering::Relaxed);
    let ip = Ipv4Addr::new(127, process[0] | 2, process[1], number.max(1));
    Some((TcpListener::bind((ip, 443)).ok()?, ip))
}

fn serve(mut tcp: TcpStream, config: Arc<ServerConfig>, shared: &Shared) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(Duration::from_secs(120)))?;
    let mut connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(Stream::new(&mut connection, &mut tcp));
    while let Some(asked) = read(&mut reader)? {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_err(std::io::Error::other)?;
        let now_s = i64::try_from(now.as_secs()).map_err(std::io::Error::other)?;
        let answer = {
            let mut all = shared.all.lock().unwrap_or_else(PoisonError::into_inner);
            let is_host = |platform: &&&Platform| platform.hosts().any(|host| host == asked.host);
            let of_host: Vec<&Platform> = PLATFORMS.iter().filter(|platform| is_host(&platform)).collect();
            let is_meant = |platform: &&&Platform| all[platform.preset].is_meant(&asked);
            let by_path = || of_host.iter().find(|platform| platform.is_at(&asked));
            let platform = of_host
                .iter()
                .find(is_meant)
                .or_else(by_path)
                .or_else(|| of_host.first());
            let emulated = platform.and_then(|platform| all.get_mut(platform.preset));
            emulated.map(|emulated| emulated.answer(&asked, now_s))
        };
        let Some(answer) = answer else { return Ok(()) };
        reader.get_mut().write_all(&bytes(&answer))?;
        reader.get_mut().flush()?;
        // What comes in chunks is not taken in, so that nothing after it could be told apart.
        if asked.header("transfer-encoding").is_some() {
            return Ok(());
        }
    }
    Ok(())
}

fn bytes(answer: &Answered) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.status != 204 {
        head.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
    }
    format!("{head}\r\n{}", answer.body).into_bytes()
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut asked = Asked {
        method,
        path: path.into(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers,
        ..Asked::default()
    };
    asked.host = asked.header("host").unwrap_or_default().to_owned();
    let length = asked
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    asked.body = vec![0; length];
    reader.read_exact(&mut asked.body)?;
    Ok(Some(asked))
}
