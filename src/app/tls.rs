//! TLS from certificate files; they can be replaced while the server runs.

use super::AppError;
use crate::config::Tls;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;

/// The certificate in use.
#[derive(Clone)]
pub(super) struct Certificates {
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificates {
    /// Reads the files; `None` when none are set.
    pub(super) fn load(config: &Tls) -> Result<Option<Self>, AppError> {
        let (Some(certificate), Some(key)) = (&config.cert_file, &config.key_file) else {
            return Ok(None);
        };
        let current = Arc::new(Current(ArcSwap::from_pointee(read(certificate, key)?)));
        Ok(Some(Self { current }))
    }

    /// Reads them again; the ones before stay in use when that fails.
    pub(super) fn reload(&self, config: &Tls) -> Result<(), AppError> {
        if let (Some(certificate), Some(key)) = (&config.cert_file, &config.key_file) {
            self.current.0.store(Arc::new(read(certificate, key)?));
        }
        Ok(())
    }

    /// Settings for a listener.
    pub(super) fn server_config(&self) -> ServerConfig {
        ServerConfig::builder()
            .with_no_client_auth()
            .with_cert_resolver(self.current.clone())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, AppError> {
    let failed = |path: &Path, message: String| AppError::Certificate {
        path: path.display().to_string(),
        message,
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(certificate, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
    CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
        .map_err(|error| failed(key, error.to_string()))
}
