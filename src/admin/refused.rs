//! What operators do with what does not count: accept it after all, or delete it.

use super::save::{Actor, Note, audit};
use super::{AdminError, check};
use crate::admin::identity::Identity;
use crate::domain::activity::{RefusalReason, Verdict};
use crate::domain::ids::{ActivityId, OfferId};
use crate::recorder::Recorder;
use crate::tracking::accept_refused::{self, Acceptance};
use crate::tracking::caller::Caller;
use crate::tracking::refused_sweep;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How many refusals one request may accept.
const MOST_ACCEPTED: usize = 200;
/// How long one request deletes.
const PATIENCE: Duration = Duration::from_secs(3);

/// Which refusals are to count.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// Refused activities, at most 200: conversions that failed a check (`bad_token`, `bad_signature`,
    /// `ip_not_allowed`), came `outside_window` or of a `bot`.
    pub ids: Vec<ActivityId>,
}

/// What came of one of them.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AcceptResult {
    /// The refusal.
    pub id: ActivityId,
    /// `accepted`, `already_accepted`, `duplicate`, `not_acceptable`, `unknown_activity`, or the reason that is against it.
    pub result: &'static str,
    /// The conversion that counts.
    pub conversion: Option<ActivityId>,
}

/// What came of each.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AcceptResults {
    /// In the order of the request.
    pub items: Vec<AcceptResult>,
    /// How many count now.
    pub accepted: usize,
}

/// Plays refusals through the pipeline, each in a commit of its own; rules fire.
pub async fn accept(
    request: AcceptRequest,
    recorder: &Recorder,
    identity: &Identity,
) -> Result<AcceptResults, AdminError> {
    if request.ids.is_empty() {
        return Err(AdminError::invalid("ids", "empty", "name at least one refusal"));
    }
    check::at_most("ids", &request.ids, MOST_ACCEPTED)?;
    let mut items = Vec::with_capacity(request.ids.len());
    for id in request.ids {
        let (caller, actor) = (Caller::operator(identity.ip, String::new()), identity.actor());
        let done = recorder.try_run(move |group| -> Result<Acceptance, AdminError> {
            let accepted = accept_refused::accept(id, &caller, &actor.name, group)?;
            if let Acceptance::Made(conversion) = accepted {
                let note = Note::new("refused.accept", id.to_string()).detail(conversion.to_string());
                audit(group, &actor, note)?;
            }
            Ok(accepted)
        });
        let accepted = done.await??;
        items.push(AcceptResult {
            id,
            result: accepted.code(),
            conversion: accepted.conversion(),
        });
    }
    let accepted = items.iter().filter(|item| item.result == "accepted").count();
    Ok(AcceptResults { items, accepted })
}

/// Which refused activities and duplicates are to be deleted.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteRequest {
    /// Received from this time on, unix milliseconds.
    #[serde(default)]
    pub from_ms: Option<i64>,
    /// Received before this time, unix milliseconds.
    #[serde(default)]
    pub to_ms: Option<i64>,
    /// Only of this offer.
    #[serde(default)]
    pub offer: Option<OfferId>,
    /// Only for this reason.
    #[serde(default)]
    pub reason: Option<RefusalReason>,
    /// `more` of the answer before: goes on behind it.
    #[serde(default)]
    pub behind: Option<ActivityId>,
}

/// What was deleted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeleteResult {
    /// How many.
    pub deleted: usize,
    /// There is more: the same request with this as `behind` goes on.
    pub more: Option<ActivityId>,
}

/// Deletes for a few seconds; they stay counted.
pub fn delete(
    request: &DeleteRequest,
    recorder: &Recorder,
    actor: &Actor,
) -> Result<DeleteResult, AdminError> {
    let (from_ms, to_ms) = (
        request.from_ms.unwrap_or(0).max(0),
        request.to_ms.unwrap_or(i64::MAX),
    );
    if from_ms >= to_ms {
        return Err(AdminError::invalid(
            "to_ms",
            "out_of_range",
            "to_ms must be later than from_ms",
        ));
    }
    let began = Instant::now();
    let mut deleted = 0;
    let mut more = Some(request.behind.unwrap_or(ActivityId::new(from_ms, 0)));
    while let Some(behind) = more.filter(|_| began.elapsed() < PATIENCE) {
        let part = refused_sweep::remove_part(
            behind,
            to_ms,
            |activity| {
                let reason = match activity.verdict {
                    Verdict::Refused { reason } | Verdict::Duplicate { reason, .. } => Some(reason),
                    Verdict::Accepted => None,
                };
                request
                    .offer
                    .as_ref()
                    .is_none_or(|offer| activity.offer.as_ref() == Some(offer))
                    && request.reason.is_none_or(|wanted| reason == Some(wanted))
            },
            recorder,
        )?;
        deleted += part.removed;
        more = part.more;
    }
    if deleted > 0 {
        let note = Note::new("refused.delete", "").detail(format!("{deleted} deleted"));
        let actor = actor.clone();
        recorder.try_run_blocking(move |group| audit(group, &actor, note))??;
    }
    Ok(DeleteResult { deleted, more })
}
