//! The certificates in use, by name, and the answers to challenges under way. Listeners take from it with each
//! handshake; nothing waits for a lock.

use super::files::Ready;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The protocol in which an authority asks for the answer to a challenge (RFC 8737).
pub const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";

/// What stands there.
#[derive(Debug, Clone, Default)]
struct Content {
    /// From the authority, by name.
    issued: BTreeMap<String, Ready>,
    /// From files.
    file: Option<Ready>,
    /// Stands in where there is no other: it vouches for itself only.
    makeshift: Option<Arc<CertifiedKey>>,
    /// Answers to TLS-ALPN-01, by name.
    challenges: HashMap<String, Arc<CertifiedKey>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    content: ArcSwap<Content>,
    /// Answers to HTTP-01 with the name they are about, by token.
    tokens: Mutex<HashMap<String, (String, String)>>,
}

impl Shelf {
    fn change(&self, change: impl Fn(&mut Content)) {
        self.content.rcu(|content| {
            let mut content = Content::clone(content);
            change(&mut content);
            content
        });
    }

    pub(super) fn put_issued(&self, name: &str, ready: &Ready) {
        self.change(|content| {
            content.issued.insert(name.to_owned(), ready.clone());
        });
    }

    pub(super) fn put_file(&self, ready: Option<Ready>) {
        self.change(|content| content.file.clone_from(&ready));
    }

    pub(super) fn file(&self) -> Option<Ready> {
        self.content.load().file.clone()
    }

    /// Whether browsers accept what is shown under a name, as far as its names and dates say.
    pub(super) fn has(&self, name: &str, now_ms: i64) -> bool {
        let content = self.content.load();
        let fits = |ready: &Ready| (ready.from_ms..ready.to_ms).contains(&now_ms);
        content.issued.get(name).is_some_and(fits)
            || (content.file.as_ref()).is_some_and(|file| fits(file) && covers(&file.names, name))
    }

    /// Puts a certificate there that vouches for itself, so that a connection can be made at all.
    pub(super) fn put_makeshift(&self) -> Result<(), String> {
        let made = KeyPair::generate()
            .and_then(|key| {
                let params = CertificateParams::new(vec!["localhost".to_owned()])?;
                Ok((params.self_signed(&key)?, key))
            })
            .map_err(|error| error.to_string())?;
        let key = certified(&made.0, &made.1)?;
        self.change(|content| content.makeshift = Some(key.clone()));
        Ok(())
    }

    /// Answers TLS-ALPN-01 for a name; `digest` is that of the key authorization.
    pub(super) fn put_challenge(&self, name: &str, digest: &[u8]) -> Result<(), String> {
        let made = KeyPair::generate()
            .and_then(|key| {
                let mut params = CertificateParams::new(vec![name.to_owned()])?;
                params.distinguished_name = DistinguishedName::new();
                params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
                Ok((params.self_signed(&key)?, key))
            })
            .map_err(|error| error.to_string())?;
        let key = certified(&made.0, &made.1)?;
        self.change(|content| {
            content.challenges.insert(name.to_owned(), key.clone());
        });
        Ok(())
    }

    /// Answers HTTP-01 for a name.
    pub(super) fn put_token(&self, name: &str, token: &str, answer: &str) {
        let answer = (name.to_owned(), answer.to_owned());
        self.tokens.lock().insert(token.to_owned(), answer);
    }

    pub(super) fn token(&self, token: &str) -> Option<String> {
        self.tokens.lock().get(token).map(|(_, answer)| answer.clone())
    }

    /// The authority has judged: no challenge of this name is under way any more.
    pub(super) fn forget_challenges(&self, name: &str) {
        self.tokens.lock().retain(|_, (known, _)| known != name);
        self.change(|content| {
            content.challenges.remove(name);
        });
    }

    fn pick(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let content = self.content.load();
        let name = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let own = name.and_then(|name| content.issued.get(&name));
        own.or(content.file.as_ref())
            .or_else(|| content.issued.values().next())
            .map(|ready| ready.key.clone())
            .or_else(|| content.makeshift.clone())
    }
}

fn certified(certificate: &rcgen::Certificate, key: &KeyPair) -> Result<Arc<CertifiedKey>, String> {
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der())?;
    // Not by `from_der`, which reads the certificate and stumbles over the extension of challenges.
    let key =
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&private).map_err(|error| error.to_string())?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}

/// Whether names of a certificate, of which one may begin with `*.`, cover a name.
fn covers(names: &[String], name: &str) -> bool {
    names.iter().any(|known| match known.strip_prefix("*.") {
        Some(parent) => name
            .split_once('.')
            .is_some_and(|(first, rest)| !first.is_empty() && rest == parent),
        None => known == name,
    })
}

impl ResolvesServerCert for Shelf {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asks_challenge = (hello.alpn())
            .is_some_and(|mut protocols| protocols.any(|protocol| protocol == CHALLENGE_PROTOCOL));
        if asks_challenge {
            let name = hello.server_name()?.to_ascii_lowercase();
            return self.content.load().challenges.get(&name).cloned();
        }
        self.pick(hello.server_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(name: &str, to_ms: i64) -> Ready {
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = made.self_signed(&key).unwrap();
        Ready {
            key: certified(&certificate, &key).unwrap(),
            names: vec![name.to_owned()],
            from_ms: 0,
            to_ms,
        }
    }

    #[test]
    fn every_name_gets_its_own_and_strangers_get_one_at_all() {
        let shelf = Shelf::default();
        assert!(shelf.pick(Some("a.example")).is_none());
        shelf.put_makeshift().unwrap();
        let makeshift = shelf.pick(Some("a.example")).unwrap();
        let (a, b, file) = (
            ready("a.example", 9),
            ready("b.example", 9),
            ready("*.f.example", 9),
        );
        shelf.put_issued("a.example", &a);
        shelf.put_issued("b.example", &b);
        let picked = |name| shelf.pick(name).unwrap();
        assert!(Arc::ptr_eq(&picked(Some("B.example.")), &b.key));
        assert!(Arc::ptr_eq(&picked(None), &a.key));
        shelf.put_file(Some(file.clone()));
        assert!(Arc::ptr_eq(&picked(None), &file.key));
        assert!(Arc::ptr_eq(&picked(Some("a.example")), &a.key));
        assert!(!Arc::ptr_eq(&picked(Some("c.example")), &makeshift));
    }

    #[test]
    fn browsers_are_sent_only_where_they_will_be_content() {
        let shelf = Shelf::default();
        shelf.put_issued("a.example", &ready("a.example", 9));
        shelf.put_file(Some(ready("*.f.example", 9)));
        for (name, now_ms, expected) in [
            ("a.example", 8, true),
            ("a.example", 9, false),
            ("x.f.example", 8, true),
            ("f.example", 8, false),
            ("y.x.f.example", 8, false),
            (".f.example", 8, false),
            ("b.example", 8, false),
        ] {
            assert_eq!(shelf.has(name, now_ms), expected, "{name} at {now_ms}");
        }
    }

    #[test]
    fn answers_to_challenges_go_with_them() {
        let shelf = Shelf::default();
        for name in ["a.example", "b.example"] {
            shelf.put_token(name, &format!("t-{name}"), "t.thumb");
            shelf.put_challenge(name, &[7; 32]).unwrap();
        }
        let answers = |name: &str| {
            let by_tls = shelf.content.load().challenges.contains_key(name);
            (shelf.token(&format!("t-{name}")).is_some(), by_tls)
        };
        assert_eq!(shelf.token("t-a.example").as_deref(), Some("t.thumb"));
        assert_eq!(answers("a.example"), (true, true));
        shelf.forget_challenges("a.example");
        assert_eq!(answers("a.example"), (false, false));
        assert_eq!(answers("b.example"), (true, true), "of another name");
    }
}
