//! Partners whose postbacks wait: their token is refused, a secret is missing. Kept in the store, so that a start asks
//! no refused token again, and known in memory, since the scheduler asks often.
//!
//! Held time does not count against the time to live: spans of it are kept, and deadlines move by them.

use super::pause::Pause;
use super::survey::{Survey, survey};
use crate::domain::ids::PartnerId;
use crate::domain::retry::HeldSpan;
use crate::recorder::{Group, Recorder};
use crate::store::catalog::Catalog;
use crate::store::{JsonRecord, Key, Reader, StoreError, keys};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Spans that are kept of one partner; the oldest go.
const MOST_SPANS: usize = 50;
/// Spans that ended before this are forgotten, milliseconds: no postback waits longer.
const FORGET_AFTER_MS: i64 = 60 * 86_400_000;

/// Why the postbacks of a partner wait.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HoldCause {
    /// It refused our token or account; ends with a new value of a secret, or by hand.
    TokenRefused,
    /// A rule uses a secret that is not there.
    SecretMissing,
    /// A secret is sealed with a key that is not at hand.
    SecretSealed,
    /// The endpoint that gives a token refuses or is down; asked again by itself.
    TokenEndpoint,
    /// An operator stopped the partner with its postbacks; said by the partner itself, never kept here.
    Stopped,
}

impl HoldCause {
    /// Stable code.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether one request is let through from time to time to see whether it is over.
    pub fn is_probed(self) -> bool {
        self == Self::TokenEndpoint
    }
}

/// A partner is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when, unix milliseconds.
    pub since_ms: i64,
    /// Why.
    pub cause: HoldCause,
    /// Name of the secret, or what the partner said.
    #[serde(default)]
    pub detail: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PartnerHold {
    #[serde(default)]
    current: Option<Hold>,
    #[serde(default)]
    spans: Vec<HeldSpan>,
}

/// What the store keeps. The key is the partner's id; empty: the advertiser's own servers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct HeldPartners {
    #[serde(default)]
    partners: BTreeMap<String, PartnerHold>,
}

impl JsonRecord for HeldPartners {}

fn at() -> Key<HeldPartners> {
    keys::instance("held_partners")
}

fn name(partner: Option<&PartnerId>) -> &str {
    partner.map_or("", PartnerId::as_str)
}

/// See the module; clones share it.
#[derive(Clone, Default)]
pub struct Holds {
    known: Arc<ArcSwap<HeldPartners>>,
    changing: Arc<Mutex<()>>,
    seen: Arc<ArcSwap<Survey>>,
}

impl Holds {
    /// What waits, as it was last looked at.
    pub fn seen(&self) -> Arc<Survey> {
        self.seen.load_full()
    }

    /// Looks at what waits.
    ///
    /// # Errors
    /// The store is down.
    pub fn look(&self, recorder: &Recorder, pause: &Pause) -> Result<(), StoreError> {
        let held = self.all().into_iter().map(|(id, _)| id).collect();
        let seen = survey(recorder, held, pause.is_on())?;
        recorder.rooms().held().found(seen.held.clone());
        self.seen.store(Arc::new(seen));
        Ok(())
    }

    /// What the store says.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn load(reader: &Reader) -> Result<Self, StoreError> {
        let known = reader.load(&at())?.unwrap_or_default();
        Ok(Self {
            known: Arc::new(ArcSwap::from_pointee(known)),
            changing: Arc::default(),
            seen: Arc::default(),
        })
    }

    /// Why a partner's postbacks wait; `None`: they are sent.
    pub fn of(&self, partner: Option<&PartnerId>) -> Option<Hold> {
        self.known.load().partners.get(name(partner))?.current.clone()
    }

    /// Every partner that is held, by id; empty: the advertiser's own servers.
    pub fn all(&self) -> Vec<(String, Hold)> {
        let known = self.known.load();
        let held = known.partners.iter();
        held.filter_map(|(id, hold)| Some((id.clone(), hold.current.clone()?)))
            .collect()
    }

    /// When a partner was held, the present time last and open-ended.
    pub fn spans(&self, partner: Option<&PartnerId>) -> Arc<[HeldSpan]> {
        let known = self.known.load();
        let Some(hold) = known.partners.get(name(partner)) else {
            return Arc::default();
        };
        let current = hold.current.as_ref().map(|hold| HeldSpan {
            from_ms: hold.since_ms,
            to_ms: i64::MAX,
        });
        hold.spans.iter().copied().chain(current).collect()
    }

    /// Holds a partner, unless it is held. In force at once, durable soon.
    pub fn begin(&self, recorder: &Recorder, partner: Option<&PartnerId>, cause: HoldCause, detail: &str) {
        let now_ms = recorder.clock().now_ms();
        let is_new = self.change(recorder, |known| {
            let hold = known.partners.entry(name(partner).to_owned()).or_default();
            let is_new = hold.current.is_none();
            if is_new {
                hold.current = Some(Hold {
                    since_ms: now_ms,
                    cause,
                    detail: detail.to_owned(),
                });
            }
            is_new
        });
        if is_new {
            tracing::warn!(
                code = cause.code(),
                partner = name(partner),
                detail,
                "the partner's postbacks wait; nothing is lost, and the UI says what to do"
            );
        }
    }

    /// Lets a partner's postbacks go on. `false` when they are not held.
    pub fn end(&self, recorder: &Recorder, partner: Option<&PartnerId>) -> bool {
        self.end_of(recorder, name(partner))
    }

    fn end_of(&self, recorder: &Recorder, name: &str) -> bool {
        let now_ms = recorder.clock().now_ms();
        let has_ended = self.change(recorder, |known| {
            let Some(hold) = known.partners.get_mut(name) else {
                return false;
            };
            let Some(current) = hold.current.take() else {
                return false;
            };
            hold.spans.push(HeldSpan {
                from_ms: current.since_ms,
                to_ms: now_ms.max(current.since_ms),
            });
            hold.spans.retain(|span| now_ms - span.to_ms < FORGET_AFTER_MS);
            let surplus = hold.spans.len().saturating_sub(MOST_SPANS);
            hold.spans.drain(..surplus);
            true
        });
        if has_ended {
            tracing::info!(partner = name, "the partner's postbacks go on");
        }
        has_ended
    }

    /// Ends the holds whose cause is gone.
    pub fn tidy(&self, recorder: &Recorder) {
        let held = self.all();
        if held.is_empty() {
            return;
        }
        let catalog = recorder.catalog();
        for (id, hold) in held {
            if is_over(&id, &hold, &catalog) {
                self.end_of(recorder, &id);
            }
        }
    }

    fn change(&self, recorder: &Recorder, change: impl FnOnce(&mut HeldPartners) -> bool) -> bool {
        let guard = self.changing.lock();
        let mut next = HeldPartners::clone(&self.known.load());
        if !change(&mut next) {
            return false;
        }
        let next = Arc::new(next);
        self.known.store(next.clone());
        let job = Box::new(move |group: &mut Group<'_>| {
            if let Err(error) = group.save(at(), &*next) {
                tracing::error!(code = error.code(), %error, "which partners are held cannot be kept");
            }
        });
        // While the store is down nothing is sent; memory knows it until then.
        drop(recorder.submit_outcome(job));
        drop(guard);
        true
    }
}

fn is_over(id: &str, hold: &Hold, catalog: &Catalog) -> bool {
    let mut secrets = catalog.secrets_of(id);
    match hold.cause {
        HoldCause::TokenRefused | HoldCause::TokenEndpoint => {
            secrets.any(|secret| secret.updated_at_ms > hold.since_ms)
        }
        HoldCause::SecretMissing => secrets.any(|secret| secret.name.as_str() == hold.detail),
        HoldCause::SecretSealed => !catalog.has_sealed(),
        HoldCause::Stopped => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::testing::Instance;

    #[test]
    fn a_hold_stands_through_restarts_and_its_time_is_kept() {
        let instance = Instance::start(1_795_000_000_000);
        let partner: PartnerId = "part1".parse().unwrap();
        let holds = Holds::load(instance.recorder.reader()).unwrap();
        holds.begin(
            &instance.recorder,
            Some(&partner),
            HoldCause::TokenRefused,
            "bad token",
        );
        holds.begin(
            &instance.recorder,
            Some(&partner),
            HoldCause::SecretMissing,
            "later",
        );
        assert_eq!(holds.of(Some(&partner)).unwrap().cause, HoldCause::TokenRefused);
        assert!(holds.of(None).is_none());
        Instance::wait_for("it is kept", || {
            Holds::load(instance.recorder.reader())
                .unwrap()
                .of(Some(&partner))
                .is_some()
        });
        assert_eq!(holds.spans(Some(&partner))[0].to_ms, i64::MAX);
        holds.tidy(&instance.recorder);
        assert!(holds.of(Some(&partner)).is_some(), "nothing has changed");
        assert!(
            holds.end(&instance.recorder, Some(&partner)) && !holds.end(&instance.recorder, Some(&partner))
        );
        assert_eq!(holds.spans(Some(&partner)).len(), 1);
        Instance::wait_for("the end is kept", || {
            Holds::load(instance.recorder.reader())
                .unwrap()
                .of(Some(&partner))
                .is_none()
        });
    }
}
