//! A partner's server behind TLS, and the certificates to go with it.

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// An authority of the test's own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    /// What is shown beside it.
    others: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Some take a certificate for self-signed whose issuer has its name.
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of tests");
        let key = KeyPair::generate().expect("key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("authority"),
        }
    }

    /// An intermediate authority that this one vouches for.
    pub fn intermediate(&self, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().expect("key");
        Self {
            issuer: CertifiedIssuer::signed_by(params, key, &self.issuer).expect("intermediate"),
        }
    }

    /// The same certificate, shown with this authority's own.
    pub fn beside(&self, mut identity: Identity) -> Identity {
        let own: &rcgen::Certificate = self.issuer.as_ref();
        identity.others.push(own.der().clone());
        identity
    }

    /// As it stands in `delivery.ca_file`.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for `name`, good from the first to the second year.
    pub fn certify(&self, name: &str, years: (i32, i32)) -> Identity {
        self.certify_all(&[name], years)
    }

    /// One certificate for several names.
    pub fn certify_all(&self, names: &[&str], years: (i32, i32)) -> Identity {
        let key = KeyPair::generate().expect("key");
        let certificate = parameters(names, years)
            .signed_by(&key, &self.issuer)
            .expect("certificate");
        identity(&certificate, &key)
    }
}

impl Identity {
    /// What a server behind TLS that shows it needs.
    pub fn server_config(self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert([vec![self.certificate], self.others].concat(), self.key)
            .expect("certificate");
        Arc::new(config)
    }

    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|n| &text[n..text.len().min(n + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// A certificate for `name` that vouches for itself.
pub fn self_signed(name: &str) -> Identity {
    let key = KeyPair::generate().expect("key");
    let certificate = parameters(&[name], (2020, 2040))
        .self_signed(&key)
        .expect("certificate");
    identity(&certificate, &key)
}

fn parameters(names: &[&str], years: (i32, i32)) -> CertificateParams {
    let all: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(all).expect("parameters");
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, names[0]);
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    params
}

fn identity(certificate: &rcgen::Certificate, key: &KeyPair) -> Identity {
    Identity {
        certificate: certificate.der().clone(),
        others: Vec::new(),
        key: PrivateKeyDer::try_from(key.serialize_der()).expect("key"),
    }
}

/// Answers every request 200; ends when it is dropped.
pub struct TlsReceiver {
    address: SocketAddr,
    count: Arc<AtomicUsize>,
    is_stopping: Arc<AtomicBool>,
}

impl TlsReceiver {
    pub fn start(identity: Identity) -> Self {
        let config = identity.server_config();
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("address");
        let (count, is_stopping) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stopping) = (count.clone(), is_stopping.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopping.load(Ordering::Acquire) {
                    return;
                }
                let (config, counter) = (config.clone(), counter.clone());
                // A handshake that the other side gives up is what some tests are about.
                std::thread::spawn(move || drop(serve(stream, config, &counter)));
            }
        });
        Self {
            address,
            count,
            is_stopping,
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Requests that came through.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

impl Drop for TlsReceiver {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut tcp: TcpStream, config: Arc<ServerConfig>, count: &AtomicUsize) -> std::io::Result<()> {
    let mut connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(Stream::new(&mut connection, &mut tcp));
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    count.fetch_add(1, Ordering::AcqRel);
    let stream = reader.get_mut();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")?;
    stream.flush()?;
    // libcurl on rustls throws an answer away that ends without it.
    connection.send_close_notify();
    while connection.wants_write() {
        connection.write_tls(&mut tcp)?;
    }
    tcp.shutdown(std::net::Shutdown::Write)?;
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut tcp, &mut rest)?;
    Ok(())
}
