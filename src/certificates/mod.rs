//! The certificates of the listeners: from files, or from an authority by themselves (ACME, RFC 8555), for every name
//! under which visitors come.
//!
//! | file | |
//! | --- | --- |
//! | `files` | chain and key in PEM |
//! | `names` | for which names certificates are wanted |
//! | `shelf` | what is in use, and the answers to challenges |
//! | `kept` | what outlives a restart |
//! | `plan` | when something is done |
//! | `order` | how a certificate is got |
//! | `transport` | the way to the authority |
//! | `renewal` | the thread that does it |
//!
//! Each name has a certificate of its own: one that no longer leads here keeps no other from being renewed. Until
//! there is one, a makeshift certificate is shown, which browsers warn about; without it not even the server's own
//! probe could connect.

mod files;
mod kept;
mod names;
mod order;
mod plan;
mod renewal;
mod shelf;
mod transport;

pub use files::FileError;
pub use renewal::Renewal;
pub use shelf::CHALLENGE_PROTOCOL;

use crate::config::Config;
use crate::recorder::Recorder;
use crate::store::StoreError;
use kept::Named;
use parking_lot::Mutex;
use rustls::server::ResolvesServerCert;
use shelf::Shelf;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Notify;

/// How a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateStatus {
    /// The name that it is for; of a file, all of its names.
    pub name: String,
    /// Until when it is good, unix milliseconds; `None`: there is none yet.
    pub to_ms: Option<i64>,
    /// When it will be renewed, unix milliseconds; `None`: somebody else renews it.
    pub renew_at_ms: Option<i64>,
    /// Why the last try to get one failed.
    pub trouble: Option<String>,
    /// Whether somebody should look: it runs out and has not been renewed, or cannot be got.
    pub is_in_need: bool,
}

impl CertificateStatus {
    /// A sentence for the operator.
    pub fn sentence(&self) -> String {
        let name = &self.name;
        let is = match self.to_ms {
            Some(to_ms) => format!("{name}: good until {}", date(to_ms)),
            None => format!("{name}: there is no certificate yet"),
        };
        match (&self.trouble, self.renew_at_ms) {
            (Some(trouble), _) => format!("{is}; the last try failed: {trouble}"),
            (None, Some(at_ms)) => format!("{is}, renewed by itself on {}", date(at_ms)),
            (None, None) if self.is_in_need => format!("{is}; renew it, then `systemctl reload yamabiko`"),
            (None, None) => is,
        }
    }
}

fn date(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

/// What became of files that were read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reread {
    /// There are none.
    NoFiles,
    /// They hold another certificate than before, which is in use now.
    Renewed,
    /// They hold the same.
    Same,
    /// They hold the same, and always will: systemd makes credentials when it starts the service.
    SameCredential,
}

/// The certificates in use. Shared by listeners, health and the thread that renews them.
pub struct Certificates {
    shelf: Arc<Shelf>,
    /// What is known of each name that is or was wanted.
    known: Mutex<BTreeMap<String, Named>>,
    /// Something is to be looked at now.
    poke: Notify,
}

impl Certificates {
    /// Reads the files that are set, and what is kept of the authority's certificates.
    ///
    /// # Errors
    /// A file cannot be used. What cannot be read of the store is logged and got anew.
    pub fn open(config: &Config, recorder: &Recorder) -> Result<Self, FileError> {
        let certificates = Self {
            shelf: Arc::default(),
            known: Mutex::default(),
            poke: Notify::new(),
        };
        certificates.reread(config)?;
        if config.acme.enabled {
            for name in names::wanted(config, &recorder.catalog().settings) {
                if let Err(error) = certificates.load(recorder, &name) {
                    tracing::error!(code = error.code(), name, %error, "what is kept of a certificate cannot be read");
                }
            }
            if let Err(error) = certificates.shelf.put_makeshift() {
                tracing::error!(
                    code = "certificate",
                    error,
                    "a makeshift certificate cannot be made"
                );
            }
        }
        Ok(certificates)
    }

    /// Takes up what is kept of a name, unless it is known.
    fn load(&self, recorder: &Recorder, name: &str) -> Result<(), StoreError> {
        if self.known.lock().contains_key(name) {
            return Ok(());
        }
        let named = kept::load(recorder, name)?;
        if let Some(issued) = &named.issued {
            match files::parse(&issued.chain_pem, &issued.key_pem) {
                Ok(ready) => self.shelf.put_issued(name, &ready),
                Err(error) => {
                    tracing::error!(
                        code = "certificate",
                        name,
                        error,
                        "a kept certificate cannot be used"
                    );
                }
            }
        }
        self.known.lock().insert(name.to_owned(), named);
        Ok(())
    }

    /// What listeners choose from.
    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.shelf.clone()
    }

    /// The answer to the challenge of a token (HTTP-01).
    pub fn answer(&self, token: &str) -> Option<String> {
        self.shelf.token(token)
    }

    /// Whether a browser will be content with what it is shown under a name.
    pub fn has(&self, name: &str, now_ms: i64) -> bool {
        self.shelf.has(name, now_ms)
    }

    /// Reads the files again; the certificate before stays in use when that fails.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn reread(&self, config: &Config) -> Result<Reread, FileError> {
        let (Some(certificate), Some(key)) = (&config.tls.cert_file, &config.tls.key_file) else {
            self.shelf.put_file(None);
            return Ok(Reread::NoFiles);
        };
        let ready = files::read(certificate, key)?;
        if self.shelf.file().is_some_and(|before| before.is_same(&ready)) {
            return Ok(if is_credential(certificate) {
                Reread::SameCredential
            } else {
                Reread::Same
            });
        }
        self.shelf.put_file(Some(ready));
        Ok(Reread::Renewed)
    }

    /// Tries at once what would be tried later: after the operator has set something right.
    pub fn try_now(&self) {
        for named in self.known.lock().values_mut() {
            if let Some(trouble) = &mut named.trouble {
                trouble.next_ms = 0;
            }
        }
        self.poke.notify_one();
    }

    /// How each certificate is that visitors are shown.
    pub fn status(&self, now_ms: i64) -> Vec<CertificateStatus> {
        let file = self.shelf.file().map(|ready| CertificateStatus {
            name: ready.names.join(", "),
            to_ms: Some(ready.to_ms),
            renew_at_ms: None,
            trouble: None,
            is_in_need: plan::is_endangered(ready.from_ms, ready.to_ms, now_ms),
        });
        let known = self.known.lock();
        let issued = known.iter().map(|(name, named)| CertificateStatus {
            name: name.clone(),
            to_ms: named.issued.as_ref().map(|issued| issued.to_ms),
            renew_at_ms: named.issued.as_ref().map(|issued| issued.renew_at_ms),
            trouble: named.trouble.as_ref().map(|trouble| trouble.message.clone()),
            is_in_need: plan::is_in_need(named, now_ms),
        });
        file.into_iter().chain(issued).collect()
    }
}

/// Whether systemd put the file there (`LoadCredential=`).
fn is_credential(file: &Path) -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|dir| file.starts_with(dir))
}
