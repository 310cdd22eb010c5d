//! Why a receiver's certificate is not taken. libcurl has one code for all causes, so the receiver is asked for what it
//! shows: a handshake that ends before anything is sent. It is made only after an attempt has failed for this, to the
//! address of that attempt.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Certificates of a chain that are looked at.
const MOST_SHOWN: usize = 10;
/// Of a name in a certificate, what is shown.
const MOST_NAME: usize = 80;

/// A sentence that says why, as far as the certificates tell it. `authorities` are those that are trusted, as PEM.
pub(super) fn why_refused(
    address: SocketAddr,
    host: &str,
    authorities: &[u8],
    patience: Duration,
) -> Option<String> {
    let Shown { chain, verdict } = shown(address, host, authorities, patience.min(PATIENCE))?;
    match verdict? {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Some(
            "the receiver's certificate is not valid today: its owner must renew it (or this machine's clock is wrong)"
                .into(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Some(
            "the receiver's certificate is for another name: correct the host in the rule, or its owner must get one for this name"
                .into(),
        ),
        CertificateError::Revoked => {
            Some("the receiver's certificate was revoked: its owner must get a new one".into())
        }
        _ => why_unknown(&chain),
    }
}

/// Why no trusted authority vouches for a chain.
fn why_unknown(chain: &[CertificateDer<'_>]) -> Option<String> {
    let certificates: Vec<Names<'_>> = chain.iter().filter_map(|der| names(der)).collect();
    let (own, others) = certificates.split_first()?;
    if own.issuer == own.subject {
        return Some(
            "the receiver's certificate is self-signed: its owner must get one from an authority, or delivery.ca_file names it"
                .into(),
        );
    }
    let mut top = own;
    for _ in others {
        let above = others.iter().find(|other| other.subject == top.issuer);
        top = above.unwrap_or(top);
    }
    let authority = common_name(top.issuer);
    Some(if others.is_empty() {
        format!(
            "the receiver shows its certificate without the intermediate one (issued by {authority}): its owner must send the whole chain; if that is a private authority, delivery.ca_file makes it known"
        )
    } else {
        format!(
            "the receiver's certificate comes from an authority that is not known here ({authority}): delivery.ca_file makes it known"
        )
    })
}

/// What a receiver shows, its own certificate first, and what is wrong with it.
#[derive(Debug, Clone)]
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    verdict: Option<CertificateError>,
}

fn shown(address: SocketAddr, host: &str, authorities: &[u8], patience: Duration) -> Option<Shown> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(authorities).filter_map(Result::ok));
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let look = Arc::new(Look {
        judge: builder.build().ok()?,
        shown: OnceLock::new(),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(look.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.set_write_timeout(Some(patience)).ok()?;
    while look.shown.get().is_none()
        && connection
            .complete_io(&mut stream)
            .is_ok_and(|(read, _)| read > 0)
    {}
    look.shown.get().cloned()
}

/// Keeps what it is shown, and lets no handshake come to its end.
#[derive(Debug)]
struct Look {
    judge: Arc<WebPkiServerVerifier>,
    shown: OnceLock<Shown>,
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match self.judge.verify_server_cert(own, others, name, status, now) {
            Err(Error::InvalidCertificate(error)) => Some(error),
            Ok(_) | Err(_) => None,
        };
        let chain = std::iter::once(own).chain(others).take(MOST_SHOWN);
        self.shown.get_or_init(|| Shown {
            chain: chain.map(|der| der.clone().into_owned()).collect(),
            verdict,
        });
        Err(only_looked())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_looked())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_looked())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

fn only_looked() -> Error {
    Error::General("only looked at".into())
}

/// Who a certificate is for, and who signed it, as they are written in it.
struct Names<'c> {
    issuer: &'c [u8],
    subject: &'c [u8],
}

/// Reads them (RFC 5280, 4.1): of the signed part, behind version, serial number and algorithm.
fn names(der: &[u8]) -> Option<Names<'_>> {
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = element(der)?;
    let (_, signed, _) = element(certificate)?;
    let (tag, _, behind) = element(signed)?;
    let rest = if tag == VERSION {
        element(behind)?.2
    } else {
        behind
    };
    let (_, _, rest) = element(rest)?;
    let (_, issuer, rest) = element(rest)?;
    let (_, _, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    Some(Names { issuer, subject })
}

/// An element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                bytes
                    .iter()
                    .fold(0, |length, byte| length << 8 | usize::from(*byte)),
                rest,
            )
        }
        _ => return None,
    };
    let (content, behind) = rest.split_at_checked(length)?;
    Some((tag, content, behind))
}

/// The name of an issuer for people: its common name, else its organisation.
fn common_name(name: &[u8]) -> String {
    const COMMON: &[u8] = &[0x55, 4, 3];
    const ORGANISATION: &[u8] = &[0x55, 4, 10];
    let mut found: [Option<&[u8]>; 2] = [None, None];
    let mut rest = name;
    while let Some((_, set, behind)) = element(rest) {
        rest = behind;
        let pair = element(set).and_then(|(_, pair, _)| element(pair));
        if let Some((_, kind, value)) = pair
            && let Some(at) = [COMMON, ORGANISATION].iter().position(|known| *known == kind)
        {
            found[at] = element(value).map(|(_, text, _)| text);
        }
    }
    let text = found.into_iter().flatten().next().unwrap_or(b"unnamed");
    let text = String::from_utf8_lossy(text);
    text.chars().filter(|c| !c.is_control()).take(MOST_NAME).collect()
}
