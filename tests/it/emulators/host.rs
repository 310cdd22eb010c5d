//! One platform with its state: requests are judged, answered, counted and kept.

use super::asked::{Asked, Says};
use super::platform::{Beside, BesideKind, Fault, Odd, Platform};
use std::collections::{HashMap, HashSet};

/// An answer on its way.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A request that came, and what the platform thought of it.
#[derive(Clone, Debug)]
pub struct Came {
    pub asked: Asked,
    pub fault: Option<Fault>,
    pub is_test: bool,
}

/// One platform with its state.
pub struct Emulated {
    platform: &'static Platform,
    token: String,
    /// By the texts that mark the request that is answered so, each once.
    odd: Vec<(String, &'static Odd)>,
    /// What is told of requests that are looked at, the last one from then on.
    looks: Vec<Says>,
    /// What claims of a service account are signed with.
    signer: Vec<u8>,
    /// Events that count, and those among them that are known by their ids.
    counted: usize,
    expires_at: Option<usize>,
    known: HashSet<String>,
    came: Vec<Came>,
}

impl Emulated {
    pub fn new(platform: &'static Platform) -> Self {
        Self {
            platform,
            token: platform.example_token.into(),
            odd: Vec::new(),
            looks: vec![super::asked::says(404, "{}")],
            signer: Vec::new(),
            counted: 0,
            expires_at: None,
            known: HashSet::new(),
            came: Vec::new(),
        }
    }

    /// The only token that is good from now on.
    pub fn set_token(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    /// The token is refused once so many events more have counted.
    pub fn expire_after(&mut self, events: usize) {
        self.expires_at = Some(self.counted + events);
    }

    /// The next request with the marker is answered oddly.
    pub fn be_odd(&mut self, marker: &str, odd: &'static Odd) {
        self.odd.push((marker.into(), odd));
    }

    /// What later looks are told, one after the other.
    pub fn tell(&mut self, looks: &[Says]) {
        self.looks = looks.to_vec();
    }

    /// Whether a request is meant for it, of several that answer under one host.
    pub fn is_meant(&self, asked: &Asked) -> bool {
        self.platform.is_meant(asked, &self.token)
    }

    /// The public key that claims have to be signed with.
    pub fn set_signer(&mut self, public_key: Vec<u8>) {
        self.signer = public_key;
    }

    pub fn counted(&self) -> usize {
        self.counted
    }

    pub fn came(&self) -> &[Came] {
        &self.came
    }

    pub fn answer(&mut self, asked: &Asked, now_s: i64) -> Answered {
        if let Some(beside) = self.platform.beside(asked) {
            return self.answer_beside(asked, beside);
        }
        if self.expires_at.is_some_and(|at| self.counted >= at) {
            self.expires_at = None;
            self.token = "expired".into();
        }
        let judged = self.platform.check(asked, &self.token, now_s);
        let odd = self.odd.iter().position(|(marker, _)| asked.has(marker));
        let odd = odd.filter(|_| judged.is_ok()).map(|at| self.odd.remove(at).1);
        let (says, words) = match (&judged, odd) {
            (Ok(_), Some(odd)) => (odd.says, String::new()),
            (Ok(_), None) => (self.platform.taken, String::new()),
            (Err(Fault::Token), _) => (self.platform.token_refused, String::new()),
            (Err(Fault::Head(status, why)), _) => (
                Says {
                    status: *status,
                    ..self.platform.refused
                },
                (*why).to_owned(),
            ),
            (Err(Fault::Body(why)), _) => (self.platform.refused, why.clone()),
        };
        let is_test = judged.as_ref().is_ok_and(|good| good.is_test);
        if let Ok(good) = &judged
            && !good.is_test
            && odd.is_none_or(|odd| odd.counts)
        {
            let is_new = good.one_by.clone().is_none_or(|one_by| self.known.insert(one_by));
            self.counted += usize::from(is_new);
        }
        self.came.push(Came {
            asked: asked.clone(),
            fault: judged.err(),
            is_test,
        });
        self.says(says, &words)
    }

    fn answer_beside(&mut self, asked: &Asked, beside: &Beside) -> Answered {
        let (says, fault) = match beside.kind {
            BesideKind::Tokens => match check_grant(asked, &self.signer) {
                Ok(()) => (
                    super::asked::says(
                        200,
                        r#"{"access_token":"{token}","expires_in":3599,"token_type":"Bearer"}"#,
                    ),
                    None,
                ),
                Err(fault) => (
                    super::asked::says(400, r#"{"error":"invalid_request"}"#),
                    Some(fault),
                ),
            },
            BesideKind::Look => match self.platform.check_token(asked, &self.token) {
                Ok(()) => {
                    let next = self.looks.len() > 1;
                    let says = if next { self.looks.remove(0) } else { self.looks[0] };
                    (says, None)
                }
                Err(fault) => (self.platform.token_refused, Some(fault)),
            },
        };
        self.came.push(Came {
            asked: asked.clone(),
            fault,
            is_test: false,
        });
        self.says(says, "")
    }

    fn says(&self, says: Says, words: &str) -> Answered {
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        headers.extend(
            says.headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Answered {
            status: says.status,
            headers,
            body: says
                .body
                .replace("{words}", words)
                .replace("{token}", &self.token),
        }
    }
}

/// A form that asks for a token, by one of the two ways that there are.
fn check_grant(asked: &Asked, signer: &[u8]) -> Result<(), Fault> {
    if asked.header("content-type") != Some("application/x-www-form-urlencoded") {
        return Err(Fault::Head(415, "media type"));
    }
    let form: HashMap<String, String> = asked.form().into_iter().collect();
    if form
        .get("grant_type")
        .is_some_and(|grant| grant.ends_with(":jwt-bearer"))
    {
        let claim = form
            .get("assertion")
            .and_then(|assertion| claim_of(assertion, signer));
        let claim = claim.ok_or_else(|| Fault::Body("assertion: not signed with the key".into()))?;
        let scope = "https://www.googleapis.com/auth/datamanager";
        let is_right = claim["scope"] == scope && claim["aud"] == "https://oauth2.googleapis.com/token";
        let life_s = claim["exp"]
            .as_i64()
            .zip(claim["iat"].as_i64())
            .map(|(exp, iat)| exp - iat);
        let is_short = life_s.is_some_and(|life_s| (1..=3600).contains(&life_s));
        let is_good = is_right && is_short && claim["iss"].is_string();
        return if is_good {
            Ok(())
        } else {
            Err(Fault::Body(format!("assertion: {claim}")))
        };
    }
    let needed = ["client_id", "client_secret", "refresh_token"];
    let missing = needed
        .iter()
        .find(|name| form.get(**name).is_none_or(String::is_empty));
    missing.map_or(Ok(()), |name| Err(Fault::Body(format!("{name}: missing"))))
}

/// What a signed claim says.
fn claim_of(assertion: &str, signer: &[u8]) -> Option<serde_json::Value> {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (message, signature) = assertion.rsplit_once('.')?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer);
    key.verify(message.as_bytes(), &coded.decode(signature).ok()?)
        .ok()?;
    let claim = message.split_once('.')?.1;
    serde_json::from_slice(&coded.decode(claim).ok()?).ok()
}
