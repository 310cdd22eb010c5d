//! Whether a conversion or a request of an app is taken now, or comes too often. Who is vouched for is always taken;
//! that is found out only for those who are beyond a bound, so that nobody else pays for it.

use super::caller::Caller;
use super::conversion::{ConversionRequest, Sid};
use super::gate::Gate;
use super::trust;
use crate::domain::ids::{OfferId, SessionId};
use crate::domain::offer::TrustScope;
use crate::domain::session::Session;
use crate::recorder::Recorder;
use crate::store::keys;
use crate::telemetry;

/// What a request says of whose it is.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// The offer, or app.
    pub offer: Option<OfferId>,
    /// The session.
    pub sid: Option<Sid>,
    /// It is a partner's: its claims and costs.
    pub is_partners: bool,
}

impl From<&ConversionRequest> for Named {
    fn from(request: &ConversionRequest) -> Self {
        Self {
            offer: request.cid.clone(),
            sid: request.sid.clone(),
            is_partners: false,
        }
    }
}

impl Named {
    /// Of an app, by the token that it sent.
    pub fn app(token: &str) -> Self {
        Self {
            offer: token.parse().ok(),
            ..Self::default()
        }
    }
}

/// Counts a request.
///
/// # Errors
/// It is one too many: after how many seconds it is taken.
pub fn admit(
    named: &Named,
    scope: TrustScope,
    caller: &Caller,
    gate: &Gate,
    recorder: &Recorder,
) -> Result<(), u64> {
    let sid = named.sid.as_ref().map(ToString::to_string);
    let mut taken = gate.request(caller.ip, sid.as_deref());
    if taken.is_ok()
        && let (Some(sid), Err(wait_s)) = (&named.sid, gate.may_guess(caller.ip))
        && session(sid, recorder).is_none()
    {
        taken = Err(wait_s);
    }
    if taken.is_err() && !is_vouched_for(named, scope, caller, recorder) {
        telemetry::throttled();
        return taken;
    }
    Ok(())
}

fn is_vouched_for(named: &Named, scope: TrustScope, caller: &Caller, recorder: &Recorder) -> bool {
    let (catalog, now_ms) = (recorder.catalog(), recorder.clock().now_ms());
    if named.is_partners {
        let mut partners = catalog.partners.values();
        return partners.any(|partner| trust::vouches(&partner.trust, scope, caller, now_ms));
    }
    let of_session = || Some(session(named.sid.as_ref()?, recorder)?.offer);
    let offer = named.offer.clone().or_else(of_session);
    let offer = offer.and_then(|id| catalog.offers.get(&id).cloned());
    offer.is_some_and(|offer| trust::vouches(&offer.trust, scope, caller, now_ms))
}

/// A session that can be read now.
fn session(sid: &Sid, recorder: &Recorder) -> Option<Session> {
    let Sid::Id(id): &Sid = sid else { return None };
    let id: SessionId = *id;
    recorder.reader().load(&keys::session(id)).ok().flatten()
}
