//! One certificate from the authority: the account, the order, the proof that the name leads here, the certificate.
//! Each step is kept before the next one begins; an order that a restart interrupted is gone on with.

use super::files;
use super::kept::{self, Account, Issued, Named, Pending};
use super::plan;
use super::shelf::Shelf;
use super::transport::Transport;
use crate::recorder::Recorder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use instant_acme::{
    AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, Key, NewOrder, Order,
    OrderStatus, Problem, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::time::Duration;

/// How long the authority may take to look, and to issue.
const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_secs(90));
/// An order that is older is given up: its proofs are out of date.
const ORDER_LIFE_MS: i64 = 24 * 3_600_000;

/// With whom and for what.
pub(super) struct Desk<'a> {
    /// Where everything is kept.
    pub(super) recorder: &'a Recorder,
    /// Where answers to challenges stand.
    pub(super) shelf: &'a Shelf,
    /// The way to the authority.
    pub(super) transport: &'a Transport,
    /// The authority.
    pub(super) directory: &'a str,
    /// Whether the authority can ask on port 80.
    pub(super) has_http: bool,
}

/// Why there is no certificate.
#[derive(Debug)]
pub(super) struct Failure {
    /// A sentence.
    pub(super) message: String,
    /// Only a nonce was refused, which says nothing about the order: it is gone on with at once.
    pub(super) is_nonce: bool,
}

impl<T: Into<String>> From<T> for Failure {
    fn from(message: T) -> Self {
        Self {
            message: message.into(),
            is_nonce: false,
        }
    }
}

impl Desk<'_> {
    /// The account, made and kept when there is none.
    async fn account(&self) -> Result<instant_acme::Account, Failure> {
        let known = (self.recorder.reader().load(&kept::account()))
            .map_err(|error| error.to_string())?
            .filter(|account| account.directory == self.directory);
        let mut account = match known {
            Some(account) => account,
            None => {
                let (_, key) = Key::generate_pkcs8().map_err(told)?;
                let fresh = Account {
                    directory: self.directory.into(),
                    key: STANDARD.encode(key.secret_pkcs8_der()),
                    id: None,
                };
                kept::save_account(self.recorder, &fresh).await?;
                fresh
            }
        };
        let der = STANDARD
            .decode(&account.key)
            .map_err(|_| "the account's key cannot be read")?;
        let builder = instant_acme::Account::builder_with_http(Box::new(self.transport.clone()));
        if let Some(id) = &account.id {
            let key = PrivatePkcs8KeyDer::from(der);
            return builder
                .from_parts(id.clone(), key, self.directory.into())
                .await
                .map_err(told);
        }
        let key = Key::from_pkcs8_der(PrivatePkcs8KeyDer::from(der.as_slice())).map_err(told)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.clone()));
        // The same key gives the same account, so that a lost answer makes no second one.
        let (made, _) = builder
            .create_from_key((key, private), self.directory.into())
            .await
            .map_err(told)?;
        account.id = Some(made.id().to_owned());
        kept::save_account(self.recorder, &account).await?;
        tracing::info!(
            directory = self.directory,
            "an account with the certificate authority was made"
        );
        Ok(made)
    }

    /// Gets a certificate for a name and keeps it; `named` is what is known of it, and is kept up to date.
    pub(super) async fn obtain(&self, name: &str, named: &mut Named, now_ms: i64) -> Result<(), Failure> {
        let account = self.account().await?;
        let mut pending = match named.pending.take() {
            Some(known) if known.directory == self.directory && now_ms - known.since_ms < ORDER_LIFE_MS => {
                known
            }
            _ => {
                let key = KeyPair::generate().map_err(|error| error.to_string())?;
                Pending {
                    directory: self.directory.into(),
                    key_pem: key.serialize_pem(),
                    order: None,
                    since_ms: now_ms,
                }
            }
        };
        named.pending = Some(pending.clone());
        kept::save(self.recorder, name, named).await?;
        let mut order = match self.resumed(&account, &pending).await? {
            Some(order) => order,
            None => {
                let order = self.ordered(&account, name, named.issued.as_ref()).await?;
                self.shelf.forget_challenges(name);
                tracing::info!(name, order = order.url(), "a certificate was ordered");
                pending.order = Some(order.url().to_owned());
                named.pending = Some(pending.clone());
                kept::save(self.recorder, name, named).await?;
                order
            }
        };
        let chain_pem = match self.fulfil(&mut order, name, &pending, named).await {
            Ok(chain) => chain,
            Err(failure) => {
                // What cannot be fulfilled any more is not gone on with; of what is only late the rest follows.
                if order
                    .refresh()
                    .await
                    .is_ok_and(|state| state.status == OrderStatus::Invalid)
                    && let Some(pending) = &mut named.pending
                {
                    pending.order = None;
                    self.shelf.forget_challenges(name);
                }
                return Err(failure);
            }
        };
        let ready = files::parse(&chain_pem, &pending.key_pem)?;
        if !ready.names.iter().any(|known| known == name) || ready.to_ms <= now_ms {
            return Err("the authority's certificate is for another name or time".into());
        }
        named.issued = Some(Issued {
            directory: self.directory.into(),
            chain_pem,
            key_pem: pending.key_pem,
            from_ms: ready.from_ms,
            to_ms: ready.to_ms,
            renew_at_ms: plan::usual_renewal(ready.from_ms, ready.to_ms),
            window: None,
            ask_at_ms: now_ms,
        });
        self.shelf.forget_challenges(name);
        named.pending = None;
        named.trouble = None;
        kept::save(self.recorder, name, named).await?;
        self.shelf.put_issued(name, &ready);
        Ok(())
    }

    /// The order that was under way; `None`: there is none that leads anywhere.
    async fn resumed(
        &self,
        account: &instant_acme::Account,
        pending: &Pending,
    ) -> Result<Option<Order>, Failure> {
        let Some(url) = &pending.order else {
            return Ok(None);
        };
        match account.order(url.clone()).await {
            Ok(mut order) => {
                let leads_on = order.state().status != OrderStatus::Invalid;
                Ok(leads_on.then_some(order))
            }
            // The authority has forgotten it.
            Err(Error::Api(problem)) if !is_passing(&problem) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    /// A new order, which names the certificate that it replaces where the authority wants to know.
    async fn ordered(
        &self,
        account: &instant_acme::Account,
        name: &str,
        before: Option<&Issued>,
    ) -> Result<Order, Failure> {
        let names = [Identifier::Dns(name.to_owned())];
        let before = before.filter(|issued| issued.directory == self.directory);
        let leaf = before.and_then(|issued| files::leaf(&issued.chain_pem).ok());
        let replaced = leaf
            .as_ref()
            .and_then(|leaf| CertificateIdentifier::try_from(leaf).ok());
        if let Some(replaced) = replaced {
            match account.new_order(&NewOrder::new(&names).replaces(replaced)).await {
                // An authority without renewal information, or one that knows the certificate as replaced.
                Err(Error::Unsupported(_)) => {}
                Err(Error::Api(problem)) if !is_passing(&problem) => {}
                other => return other.map_err(told),
            }
        }
        match account.new_order(&NewOrder::new(&names)).await {
            Err(Error::Api(problem)) if has_type(&problem, "accountDoesNotExist") => {
                self.forget_account().await?;
                Err("the authority has forgotten the account; it is made again".into())
            }
            other => other.map_err(told),
        }
    }

    /// The account is confirmed anew next time, with its key.
    async fn forget_account(&self) -> Result<(), Failure> {
        let known = self.recorder.reader().load(&kept::account());
        let Some(account) = known.map_err(|error| error.to_string())? else {
            return Ok(());
        };
        Ok(kept::save_account(self.recorder, &Account { id: None, ..account }).await?)
    }

    /// Proves that the name leads here and fetches the certificate; the chain in PEM.
    async fn fulfil(
        &self,
        order: &mut Order,
        name: &str,
        pending: &Pending,
        named: &Named,
    ) -> Result<String, Failure> {
        if order.state().status == OrderStatus::Pending {
            // After a failure the other way is tried, where there are two.
            let failures = named.trouble.as_ref().map_or(0, |trouble| trouble.failures);
            let kind = if self.has_http && failures.is_multiple_of(2) {
                ChallengeType::Http01
            } else {
                ChallengeType::TlsAlpn01
            };
            // The authority looks when it likes, from several places, and also while we are told that it is busy: the
            // answers stay until it has judged.
            self.prove(order, name, &kind).await?;
        }
        if order.state().status == OrderStatus::Ready {
            let request = KeyPair::from_pem(&pending.key_pem)
                .and_then(|key| {
                    let mut params = CertificateParams::new(vec![name.to_owned()])?;
                    params.distinguished_name = DistinguishedName::new();
                    params.serialize_request(&key)
                })
                .map_err(|error| error.to_string())?;
            order.finalize_csr(request.der()).await.map_err(told)?;
        }
        order.poll_certificate(&PATIENCE).await.map_err(told)
    }

    /// Puts the answers to the challenges in place and waits for the authority's judgement.
    async fn prove(&self, order: &mut Order, name: &str, kind: &ChallengeType) -> Result<(), Failure> {
        let mut refused = None;
        let mut authorizations = order.authorizations();
        while let Some(next) = authorizations.next().await {
            let mut authorization = next.map_err(told)?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let mut challenge = authorization
                .challenge(kind.clone())
                .ok_or_else(|| format!("the authority offers no {kind:?} challenge"))?;
            let answer = challenge.key_authorization();
            match kind {
                ChallengeType::Http01 => self.shelf.put_token(name, &challenge.token, answer.as_str()),
                _ => self.shelf.put_challenge(name, answer.digest().as_ref())?,
            }
            refused = challenge.set_ready().await.err();
            if refused.is_some() {
                break;
            }
        }
        if let Some(error) = refused {
            // What was told before the last try may have been judged just now: then the authority takes nothing more.
            let may_be_judged = matches!(&error, Error::Api(problem) if !is_passing(problem));
            if !may_be_judged || order.refresh().await.map_err(told)?.status == OrderStatus::Pending {
                return Err(told(error));
            }
        }
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) => Err(why(order, kind).await.into()),
            Err(Error::Api(problem)) if !has_type(&problem, "badNonce") => {
                Err(format!("{}: {problem}", why(order, kind).await).into())
            }
            Err(error) => Err(told(error)),
        }
    }

    /// Asks when a certificate is best renewed, and keeps the answer.
    pub(super) async fn ask(
        &self,
        name: &str,
        named: &mut Named,
        share: f64,
        now_ms: i64,
    ) -> Result<(), Failure> {
        let Some(issued) = &mut named.issued else {
            return Ok(());
        };
        issued.ask_at_ms = now_ms + plan::ASK_AGAIN_MS;
        let account = self.account().await?;
        let leaf = files::leaf(&issued.chain_pem)?;
        let id = CertificateIdentifier::try_from(&leaf)?;
        match account.renewal_info(&id).await {
            Ok((info, wished)) => {
                let window = kept::Window {
                    start_ms: info.suggested_window.start.unix_timestamp().saturating_mul(1000),
                    end_ms: info.suggested_window.end.unix_timestamp().saturating_mul(1000),
                };
                let before = issued.window.replace(window);
                issued.window = before;
                plan::suggested(issued, window, wished, share, now_ms);
                if before != Some(window) {
                    let page = info.explanation_url.unwrap_or_default();
                    tracing::info!(
                        name,
                        renew_at_ms = issued.renew_at_ms,
                        page,
                        "the certificate authority says when to renew"
                    );
                }
            }
            // It has no opinion; two thirds of the life is a good time.
            Err(Error::Unsupported(_)) => issued.ask_at_ms = issued.to_ms,
            Err(error) => {
                tracing::warn!(
                    code = "renewal_info",
                    name,
                    error = told(error).message,
                    "the certificate authority does not say when to renew; it is asked again later"
                );
            }
        }
        Ok(kept::save(self.recorder, name, named).await?)
    }
}

/// Why the authority did not find the answer to a challenge.
async fn why(order: &mut Order, kind: &ChallengeType) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let errors = authorization
            .challenges
            .iter()
            .filter_map(|challenge| challenge.error.as_ref())
            .map(ToString::to_string);
        reasons.extend(errors);
    }
    let way = match kind {
        ChallengeType::Http01 => "port 80",
        _ => "port 443",
    };
    format!(
        "the authority could not prove on {way} that the name leads here ({}); check its DNS records and the firewall",
        reasons.join("; ")
    )
}

/// Whether the answer says nothing about what was asked: the authority wants to be left alone for a while, is broken,
/// or refused a nonce.
fn is_passing(problem: &Problem) -> bool {
    problem.status.is_none_or(|status| status == 429 || status >= 500)
        || has_type(problem, "rateLimited")
        || has_type(problem, "badNonce")
}

fn has_type(problem: &Problem, name: &str) -> bool {
    let known = problem.r#type.as_deref().unwrap_or_default();
    known.strip_prefix("urn:ietf:params:acme:error:") == Some(name)
}

fn told(error: Error) -> Failure {
    let is_nonce = matches!(&error, Error::Api(problem) if has_type(problem, "badNonce"));
    let message = match error {
        Error::Timeout(_) => "the authority takes longer than expected; the order is gone on with".into(),
        other => other.to_string(),
    };
    Failure { message, is_nonce }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_forgotten_only_where_the_authority_says_so() {
        let cases = [
            (Some(400), "badNonce", true),
            (Some(400), "rateLimited", true),
            (Some(429), "malformed", true),
            (Some(503), "serverInternal", true),
            (None, "malformed", true),
            (Some(404), "malformed", false),
            (Some(403), "unauthorized", false),
        ];
        for (status, kind, is_passing_by) in cases {
            let problem = Problem {
                r#type: Some(format!("urn:ietf:params:acme:error:{kind}")),
                detail: None,
                status,
                subproblems: Vec::new(),
            };
            assert_eq!(is_passing(&problem), is_passing_by, "{status:?} {kind}");
        }
    }
}
