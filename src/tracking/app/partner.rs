//! Who speaks for a partner: networks that claim installs and report costs.

use super::Failure;
use crate::domain::activity::RefusalReason;
use crate::domain::offer::{TrustMode, TrustScope};
use crate::domain::partner::Partner;
use crate::tracking::caller::Caller;
use crate::tracking::trust::{self, Judgement};

/// A field of a wrong form.
pub(super) fn invalid(field: &str, message: &str) -> Failure {
    Failure {
        field: Some(field.into()),
        message: message.into(),
        ..Failure::new(400, "Invalid parameter", RefusalReason::InvalidField)
    }
}

/// Whether the caller may speak for the partner.
pub(super) fn authorize(partner: Option<&Partner>, caller: &Caller, now_ms: i64) -> Result<(), Failure> {
    let refused = |reason| Failure::new(401, "Failed to authorize request", reason);
    let Some(policy) = partner
        .map(|partner| &partner.trust)
        .filter(|policy| policy.mode == TrustMode::Enforced)
    else {
        let message =
            "Claims and costs need an enforced trust policy of the partner: set one in its settings.";
        return Err(Failure {
            message: message.into(),
            ..refused(RefusalReason::BadToken)
        });
    };
    match trust::judge(policy, TrustScope::Claims, caller, now_ms) {
        Judgement::Proven => Ok(()),
        Judgement::Refused(reason) | Judgement::Noted(reason) => Err(refused(reason)),
        Judgement::Pass => Err(refused(RefusalReason::BadToken)),
    }
}
