//! Whose idempotency keys a request of an app may meet.

use super::{AppContext, AppRequest, Endpoint, cost};
use crate::domain::offer::TrustPolicy;
use crate::recorder::Group;
use crate::store::StoreError;
use crate::tracking::idempotency::{Idempotency, Scope};
use crate::tracking::trust;

/// The scope of the caller: as the offer's trust sees it, or for claims and costs the partner's. `None` when there is
/// neither key nor signature, or trust refuses the caller.
pub(super) fn of(
    endpoint: Endpoint,
    request: &AppRequest,
    context: &AppContext,
    idempotency: Option<&Idempotency>,
    group: &Group<'_>,
) -> Result<Option<Scope>, StoreError> {
    if idempotency.is_none() && context.caller.proof.signature.is_none() {
        return Ok(None);
    }
    let catalog = group.catalog();
    let judged = |policy: &TrustPolicy, of: &str| {
        let judgement = trust::judge(policy, endpoint.scope(), &context.caller, group.now_ms());
        Scope::judged(policy, judgement, &context.caller, of)
    };
    let partner = match endpoint {
        Endpoint::Claim => request
            .field("tracker")
            .and_then(|token| catalog.links.get(token))
            .and_then(|entry| entry.partner.clone()),
        Endpoint::Cost => cost::partner(request, group)?,
        _ => {
            let offer = catalog.offers.get(request.app_token.as_str());
            return Ok(match offer {
                Some(offer) => judged(&offer.trust, offer.id.as_str()),
                None => Some(Scope::unproven(&context.caller, "")),
            });
        }
    };
    Ok(match partner {
        Some(partner) => judged(&partner.trust, partner.id.as_str()),
        None => Some(Scope::unproven(&context.caller, "")),
    })
}
