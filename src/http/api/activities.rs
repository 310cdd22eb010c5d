//! Activities (成果ログ, 成果エラーログ) and the status of conversions (承認 / 否認).

use super::page::Page;
use super::records::{
    ActivityDto, activities_of_order, activity_or_engagement, seen_activity, sees_activity,
};
use super::save::{Note, audit};
use super::scan::{self, End, Window};
use super::{check, page, read};
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus, RefusalReason, Verdict};
use crate::domain::ids::{ActivityId, PartnerId};
use crate::domain::money::Money;
use crate::http::State;
use crate::http::auth::{Editor, Identity, Viewer};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::codec;
use crate::tracking::status;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};

/// Conversions whose status is changed with one request.
const MOST_CHANGES: usize = 1000;
/// Of them in one commit.
const CHANGES_A_COMMIT: usize = 50;
/// Activities of one order number that are looked at.
const MOST_OF_ORDER: usize = 1000;

/// Whether an activity counts, as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictFilter {
    /// It counts.
    Accepted,
    /// The same as an earlier one.
    Duplicate,
    /// It does not count.
    Refused,
    /// Duplicates and refused ones together: 成果エラーログ.
    NotAccepted,
}

/// Filters of the logs of activities.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// Items of a page, 1 to 200 (50).
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// From this time of receipt on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Before this time of receipt, unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only credited to this partner.
    pub partner: Option<String>,
    /// Only credited to this link.
    pub link: Option<String>,
    /// Only of this kind.
    pub kind: Option<ActivityKind>,
    /// Only conversions: installs and first occurrences of events.
    pub conversions: Option<bool>,
    /// Only of this event (token).
    pub event: Option<String>,
    /// Only of this verdict.
    pub verdict: Option<VerdictFilter>,
    /// Only refused or duplicate for this reason.
    pub reason: Option<RefusalReason>,
    /// Only of this status.
    pub status: Option<ConversionStatus>,
    /// Only of this SID, or sent with it although there is no such session.
    pub sid: Option<String>,
    /// Only with this order number (any of uid1 to uid8).
    pub uid: Option<String>,
    /// Only tests, or only others.
    pub test: Option<bool>,
}

impl ActivityQuery {
    /// Whether an activity is wanted and may be seen.
    pub fn wants(&self, activity: &Activity, identity: &Identity) -> bool {
        let is =
            |wanted: &Option<String>, own: Option<&str>| wanted.as_deref().is_none_or(|w| own == Some(w));
        let session = activity.session.as_deref();
        let reason = match activity.verdict {
            Verdict::Accepted => None,
            Verdict::Duplicate { reason, .. } | Verdict::Refused { reason } => Some(reason),
        };
        let verdict_fits = |wanted| match wanted {
            VerdictFilter::Accepted => activity.verdict == Verdict::Accepted,
            VerdictFilter::Duplicate => matches!(activity.verdict, Verdict::Duplicate { .. }),
            VerdictFilter::Refused => matches!(activity.verdict, Verdict::Refused { .. }),
            VerdictFilter::NotAccepted => activity.verdict != Verdict::Accepted,
        };
        let is_conversion = matches!(activity.kind, ActivityKind::Install | ActivityKind::Event);
        let sid = session.map(|s| s.id.to_string());
        sees_activity(identity, activity)
            && is(&self.offer, activity.offer.as_ref().map(|o| o.as_str()))
            && is(
                &self.partner,
                session.and_then(|s| s.partner.as_ref()).map(|p| p.as_str()),
            )
            && is(&self.link, session.map(|s| s.link.as_str()))
            && is(&self.event, activity.event.as_ref().map(|e| e.as_str()))
            && is(&self.sid, sid.as_deref().or(activity.unresolved_sid()))
            && self.kind.is_none_or(|kind| kind == activity.kind)
            && self.conversions.is_none_or(|wanted| wanted == is_conversion)
            && self.verdict.is_none_or(verdict_fits)
            && self.reason.is_none_or(|wanted| reason == Some(wanted))
            && self.status.is_none_or(|wanted| activity.status == Some(wanted))
            && self.test.is_none_or(|test| test == activity.is_test)
            && self
                .uid
                .as_deref()
                .is_none_or(|uid| activity.input.uids.iter().any(|own| own == uid))
    }
}

/// One page of activities.
pub async fn page_of(
    state: &Data<State>,
    identity: Identity,
    query: ActivityQuery,
) -> Result<Page<ActivityDto>, ApiError> {
    let limit = page::limit(query.limit)?;
    let window = Window::new(query.from_ms, query.to_ms, query.cursor.as_deref())?;
    read(state, move |state| {
        let catalog = state.recorder.catalog();
        // An order number has an index, so that an old one is found at once.
        if let Some(uid) = &query.uid {
            let of_order = activities_of_order(state.recorder.reader(), uid, MOST_OF_ORDER)?;
            let fit = of_order
                .iter()
                .filter(|a| window.holds(a.id.0) && query.wants(a, &identity))
                .map(|a| (a.id.0, seen_activity(&|p| identity.sees(p), &catalog, a)));
            return Ok(scan::merge(
                fit.collect(),
                [End::Exhausted, End::Exhausted],
                limit,
            ));
        }
        scan::page(
            state.recorder.reader(),
            scan::ACTIVITIES,
            window,
            limit,
            |db, key, value| {
                let activity = codec::decode_activity(value, db, key)?;
                Ok(query
                    .wants(&activity, &identity)
                    .then(|| seen_activity(&|p| identity.sees(p), &catalog, &activity)))
            },
        )
    })
    .await
}

/// Lists activities, newest first: conversions, refused ones, everything.
#[utoipa::path(tag = "records", params(ActivityQuery), responses((status = 200, body = Page<ActivityDto>)))]
#[get("/activities")]
pub async fn list_activities(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ActivityQuery>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(page_of(&state, viewer.0, query.0).await?))
}

/// Reads one activity; a SID gives the click or impression as an activity.
#[utoipa::path(tag = "records", responses((status = 200, body = ActivityDto)))]
#[get("/activities/{id}")]
pub async fn get_activity(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: ActivityId = id("activity", &path)?;
    let found = read(&state, move |state| activity_or_engagement(state, wanted)).await?;
    match found.filter(|activity| sees_activity(&viewer.0, activity)) {
        Some(activity) => {
            let catalog = state.recorder.catalog();
            let sees = |partner: Option<&PartnerId>| viewer.0.sees(partner);
            Ok(HttpResponse::Ok().json(seen_activity(&sees, &catalog, &activity)))
        }
        None => Err(ApiError::not_found("activity", path.into_inner())),
    }
}

/// A change of status.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusRequest {
    /// Conversions, at most 1,000.
    pub ids: Vec<ActivityId>,
    /// New status.
    pub status: ConversionStatus,
    /// A new amount, for a single conversion.
    #[serde(default)]
    pub money: Option<Money>,
}

/// What became of one conversion.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StatusResult {
    /// The conversion.
    pub id: ActivityId,
    /// `changed`, `unchanged`, `unknown_conversion`, `not_a_conversion`.
    pub result: &'static str,
    /// The `event_update` that was made.
    pub update: Option<ActivityId>,
}

/// What became of each conversion.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StatusResults {
    /// In the order of the request.
    pub items: Vec<StatusResult>,
    /// How many were changed.
    pub changed: usize,
}

/// Approves, rejects or puts back conversions (一括承認 / 一括否認). Each change fires the rules of its status.
#[utoipa::path(tag = "records", responses((status = 200, body = StatusResults)))]
#[post("/activities/status")]
pub async fn change_status(
    state: Data<State>,
    editor: Editor,
    body: Json<StatusRequest>,
) -> Result<HttpResponse, ApiError> {
    let StatusRequest { ids, status, money } = body.0;
    if ids.is_empty() {
        return Err(ApiError::invalid("ids", "empty", "name at least one conversion"));
    }
    check::at_most("ids", &ids, MOST_CHANGES)?;
    if let Some(money) = money {
        if ids.len() > 1 {
            return Err(ApiError::invalid(
                "money",
                "contradiction",
                "an amount can be changed for one conversion at a time",
            ));
        }
        crate::domain::money::parse_amount(&money.amount.to_string())
            .map_err(|error| ApiError::invalid("money.amount", "invalid_amount", error.to_string()))?;
    }
    let mut items = Vec::with_capacity(ids.len());
    for part in ids.chunks(CHANGES_A_COMMIT) {
        items.extend(change_part(&state, &editor.0, part.to_vec(), status, money).await?);
    }
    state.applied().await?;
    let changed = items.iter().filter(|item| item.update.is_some()).count();
    Ok(HttpResponse::Ok().json(StatusResults { items, changed }))
}

async fn change_part(
    state: &State,
    identity: &Identity,
    ids: Vec<ActivityId>,
    wanted: ConversionStatus,
    money: Option<Money>,
) -> Result<Vec<StatusResult>, ApiError> {
    let (actor, from) = (identity.actor.clone(), identity.from());
    let done = state
        .recorder
        .try_run(move |group| -> Result<Vec<StatusResult>, ApiError> {
            let mut items = Vec::with_capacity(ids.len());
            for id in ids {
                let changed = status::change(group, id, wanted, money, &actor)?;
                let update = if let status::Changed::Made(update) = changed {
                    Some(update)
                } else {
                    None
                };
                items.push(StatusResult {
                    id,
                    result: changed.code(),
                    update,
                });
            }
            let made: Vec<String> = items
                .iter()
                .filter(|i| i.update.is_some())
                .map(|i| i.id.to_string())
                .collect();
            if !made.is_empty() {
                let note = Note::new("conversion.status", wanted.as_str()).detail(made.join(" "));
                audit(group, &actor, &from, note)?;
            }
            Ok(items)
        });
    done.await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::extract::parse_json;

    #[test]
    fn a_new_amount_is_read_like_that_of_a_conversion() {
        let read = |amount: &str| {
            let body = serde_json::json!({
                "ids": ["0mhz9k2x0a1b2c3d"],
                "status": "approved",
                "money": {"amount": amount, "currency": "JPY"},
            });
            parse_json::<StatusRequest>(body.to_string().as_bytes())
        };
        let money = read("１０００").unwrap().money.unwrap();
        assert_eq!(money.amount_text(), "1000");
        for amount in ["1e3", "1_000", "+7", ".5", "5."] {
            let error = read(amount).unwrap_err();
            assert_eq!(error.field(), Some("money.amount"), "{amount}: {error}");
            assert!(error.to_string().contains("plain number"), "{amount}: {error}");
        }
    }
}
