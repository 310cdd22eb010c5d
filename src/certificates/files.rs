//! Certificates as they stand in files: chain and key in PEM.

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate file {path} cannot be used: {message}; give PEM files that belong together")]
pub struct FileError {
    /// Which file.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// A certificate with its key, ready to be used, and what it says of itself.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) key: Arc<CertifiedKey>,
    /// Its names, lower case.
    pub(super) names: Vec<String>,
    /// From when on it is good, unix milliseconds.
    pub(super) from_ms: i64,
    /// Until when.
    pub(super) to_ms: i64,
}

impl Ready {
    /// Whether it is the same chain.
    pub(super) fn is_same(&self, other: &Ready) -> bool {
        self.key.cert == other.key.cert
    }
}

/// Reads a chain and its key from files.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<Ready, FileError> {
    let failed = |path: &Path, message: String| FileError {
        path: path.display().to_string(),
        message,
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(certificate, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
    // Which of the two is wrong cannot be told when they do not belong together.
    ready(chain, private).map_err(|message| failed(key, message))
}

/// Reads a chain and its key.
pub(super) fn parse(chain_pem: &str, key_pem: &str) -> Result<Ready, String> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|error| error.to_string())?;
    ready(chain, key)
}

/// The first certificate of a chain.
pub(super) fn leaf(chain_pem: &str) -> Result<CertificateDer<'static>, String> {
    CertificateDer::from_pem_slice(chain_pem.as_bytes()).map_err(|error| error.to_string())
}

fn ready(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Ready, String> {
    let first = chain.first().ok_or("there is no certificate in it")?.clone();
    let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map_err(|error| error.to_string())?;
    let (_, certificate) = X509Certificate::from_der(&first).map_err(|error| error.to_string())?;
    let validity = certificate.validity();
    let names = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .into_iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    Ok(Ready {
        key: Arc::new(key),
        names,
        from_ms: validity.not_before.timestamp().saturating_mul(1000),
        to_ms: validity.not_after.timestamp().saturating_mul(1000),
    })
}
