//! Postbacks (ポストバックログ): what waits, what was sent, what failed, and sending again.

use super::jobs::{Job, JobDto};
use super::page::{Budget, Page};
use super::records::{PostbackDetail, PostbackDto, detail, postback};
use super::scan::{self, End, Window};
use super::{check, page, read};
use crate::delivery::{LaneState, Snapshot};
use crate::domain::ids::{PostbackId, TimeId};
use crate::domain::postback::{FailReason, Origin, Outcome, Postback, PostbackState};
use crate::http::State;
use crate::http::auth::{Editor, Identity, Viewer};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::{Db, Reader, StoreError, codec, keys};
use crate::tracking::resend::{self, Rendering};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// Postbacks of one resend at most; a filter that finds more is carried out up to here.
const MOST_RESENDS: usize = 100_000;
/// Of them in one commit.
const RESENDS_A_COMMIT: usize = 50;

/// Where a postback stands, as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateFilter {
    /// Not settled yet.
    Waiting,
    /// Answered with 2xx.
    Delivered,
    /// Given up.
    Failed,
}

impl StateFilter {
    /// As in JSON and CSV.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// Filters of the log of postbacks.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PostbackQuery {
    /// Items of a page, 1 to 200 (50).
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Accepted from this time on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Accepted before this time, unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only in this state.
    pub state: Option<StateFilter>,
    /// Only to this partner.
    pub partner: Option<String>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only of this activity (or SID).
    pub activity: Option<String>,
    /// Only to this destination (`https://partner.example:443`).
    pub lane: Option<String>,
    /// Only whose last answer had this status.
    pub answer: Option<u16>,
    /// Only failed for this reason.
    pub fail_reason: Option<FailReason>,
    /// Only tests, or only others.
    pub test: Option<bool>,
}

impl PostbackQuery {
    /// Whether a postback is wanted and may be seen.
    pub fn wants(&self, postback: &Postback, identity: &Identity) -> bool {
        let is = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|w| w == own);
        let rule = match &postback.origin {
            Origin::Rule(rule) | Origin::Test(rule) => rule.as_str(),
            Origin::Link(_) => "",
        };
        let state_fits = |wanted| match wanted {
            StateFilter::Waiting => !postback.state.is_settled(),
            StateFilter::Delivered => matches!(postback.state, PostbackState::Delivered { .. }),
            StateFilter::Failed => matches!(postback.state, PostbackState::Failed { .. }),
        };
        let answered = postback.last.as_ref().and_then(|last| match last.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Error { .. } => None,
        });
        identity.sees(postback.partner.as_ref())
            && is(
                &self.partner,
                postback.partner.as_ref().map_or("", |p| p.as_str()),
            )
            && is(&self.offer, postback.offer.as_str())
            && is(&self.rule, rule)
            && is(&self.activity, &postback.activity.to_string())
            && is(&self.lane, &postback.lane.0)
            && self.state.is_none_or(state_fits)
            && self.answer.is_none_or(|wanted| answered == Some(wanted))
            && self.fail_reason.is_none_or(
                |wanted| matches!(postback.state, PostbackState::Failed { reason, .. } if reason == wanted),
            )
            && self.test.is_none_or(|test| test == postback.is_test)
    }
}

/// Collects wanted postbacks out of the three places that may hold them, newest first, up to `limit` each.
fn gather<T>(
    reader: &Reader,
    state: Option<StateFilter>,
    window: Window,
    limit: usize,
    mut pick: impl FnMut(&Postback) -> Option<T>,
) -> Result<Page<T>, ApiError> {
    let mut found: Vec<(TimeId, T)> = Vec::new();
    let mut budget = Budget::of_page();
    let mut waiting = End::Exhausted;
    if state.is_none_or(|s| s == StateFilter::Waiting) {
        let start = found.len();
        let parse = |key: &[u8]| keys::parse_waiting(key).map(|id| id.0);
        let key = |id| keys::waiting(PostbackId(id));
        waiting = scan::newest_hot(
            reader,
            &keys::waiting_prefix(),
            parse,
            key,
            window,
            &mut budget,
            |id, key, value| {
                let postback = codec::decode_postback(value, Db::Hot, key)?;
                found.extend(pick(&postback).map(|item| (id, item)));
                Ok(enough(found.len() - start, limit))
            },
        )?;
    }
    let mut settled = End::Exhausted;
    let mut budget = Budget::of_page();
    let start = found.len();
    match state {
        Some(StateFilter::Waiting) => {}
        // Failed postbacks have an index, so that a few of them are found among many delivered ones.
        Some(StateFilter::Failed) => {
            let parse = |key: &[u8]| keys::parse_failed(key).map(|id| id.0);
            let key = |id| keys::failed(PostbackId(id));
            settled = scan::newest_hot(
                reader,
                &keys::failed_prefix(),
                parse,
                key,
                window,
                &mut budget,
                |id, _, _| {
                    if let Some(postback) = postback(reader, PostbackId(id))? {
                        found.extend(pick(&postback).map(|item| (id, item)));
                    }
                    Ok(enough(found.len() - start, limit))
                },
            )?;
        }
        Some(StateFilter::Delivered) | None => {
            settled = scan::newest_first(
                reader,
                scan::POSTBACKS,
                window,
                &mut budget,
                |id, db, key, value| {
                    let postback = codec::decode_postback(value, db, key)?;
                    found.extend(pick(&postback).map(|item| (id, item)));
                    Ok(enough(found.len() - start, limit))
                },
            )?;
        }
    }
    Ok(scan::merge(found, [waiting, settled], limit))
}

fn enough(found: usize, limit: usize) -> ControlFlow<()> {
    if found < limit {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// One page of postbacks.
pub async fn page_of(
    state: &Data<State>,
    identity: Identity,
    query: PostbackQuery,
) -> Result<Page<PostbackDto>, ApiError> {
    let limit = page::limit(query.limit)?;
    let window = Window::new(query.from_ms, query.to_ms, query.cursor.as_deref())?;
    read(state, move |state| {
        gather(state.recorder.reader(), query.state, window, limit, |postback| {
            query
                .wants(postback, &identity)
                .then(|| PostbackDto::from(postback))
        })
    })
    .await
}

/// Lists postbacks, newest first, waiting and settled ones together unless a state is named.
#[utoipa::path(tag = "postbacks", params(PostbackQuery), responses((status = 200, body = Page<PostbackDto>)))]
#[get("/postbacks")]
pub async fn list_postbacks(
    state: Data<State>,
    viewer: Viewer,
    query: Query<PostbackQuery>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(page_of(&state, viewer.0, query.0).await?))
}

/// Reads one postback with every attempt that is kept.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = PostbackDetail)))]
#[get("/postbacks/{id}")]
pub async fn get_postback(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: PostbackId = id("postback", &path)?;
    let found = read(&state, move |state| Ok(detail(state.recorder.reader(), wanted)?)).await?;
    match found.filter(|found| viewer.0.sees(found.postback.partner.as_ref())) {
        Some(found) => Ok(HttpResponse::Ok().json(found)),
        None => Err(ApiError::not_found("postback", path.into_inner())),
    }
}

/// A destination with what waits for it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LaneDto {
    /// Scheme, host and port.
    pub lane: String,
    /// How it stands.
    pub state: LaneState,
    /// Waiting postbacks, those in flight included.
    pub waiting: usize,
    /// Of these, due now.
    pub ready: usize,
    /// On the wire.
    pub in_flight: usize,
    /// Requests at once that it would be sent.
    pub concurrency: u16,
    /// Failures in a row that concern the destination.
    pub failures_in_row: u16,
    /// When the next probe goes out, unix milliseconds.
    pub next_probe_at_ms: Option<i64>,
    /// Until when it asked to be left alone, unix milliseconds.
    pub paused_until_ms: Option<i64>,
}

/// The queue as it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QueueDto {
    /// Every destination that is known, the longest queue first.
    pub lanes: Vec<LaneDto>,
    /// Waiting postbacks in all.
    pub waiting: usize,
    /// On the wire.
    pub on_wire: usize,
    /// Worker threads.
    pub workers: usize,
    /// Whether the waiting postbacks of before the start are still being read.
    pub is_scanning: bool,
    /// For how long the longest neglected postback waits whose lane may send, milliseconds.
    pub oldest_due_age_ms: i64,
}

/// The queue for the API.
pub fn queue_dto(snapshot: Snapshot, oldest_due_age_ms: i64) -> QueueDto {
    let lanes = snapshot.lanes.into_iter().map(|l| LaneDto {
        lane: l.lane.to_string(),
        state: l.state,
        waiting: l.waiting,
        ready: l.ready,
        in_flight: l.in_flight,
        concurrency: l.concurrency,
        failures_in_row: l.failures_in_row,
        next_probe_at_ms: l.next_probe_at_ms,
        paused_until_ms: l.paused_until_ms,
    });
    QueueDto {
        lanes: lanes.collect(),
        waiting: snapshot.waiting,
        on_wire: snapshot.on_wire,
        workers: snapshot.workers,
        is_scanning: snapshot.is_scanning,
        oldest_due_age_ms,
    }
}

/// Shows the queue by destination.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = QueueDto)))]
#[get("/postbacks/queue")]
pub async fn queue_view(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let queue = read(&state, |state| {
        Ok(queue_dto(
            state.delivery.snapshot(),
            state.delivery.oldest_due_age_ms(),
        ))
    })
    .await?;
    Ok(HttpResponse::Ok().json(queue))
}

/// Which postbacks are sent again, and how.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendRequest {
    /// These; at most 1,000.
    #[serde(default)]
    pub ids: Vec<PostbackId>,
    /// Or those that a filter finds (at most 100,000); `limit` and `cursor` are not used.
    #[serde(default)]
    pub filter: Option<PostbackQuery>,
    /// As it was, or rendered anew with today's rule.
    #[serde(default = "as_it_was")]
    pub rendering: Rendering,
}

fn as_it_was() -> Rendering {
    Rendering::AsItWas
}

/// Sends settled postbacks again, and waiting ones at once. Answers with a job whose progress can be read.
#[utoipa::path(tag = "postbacks", responses((status = 202, body = JobDto)))]
#[post("/postbacks/resend")]
pub async fn resend_postbacks(
    state: Data<State>,
    editor: Editor,
    body: Json<ResendRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.0;
    one_choice(&request.ids, request.filter.as_ref())?;
    let job = state.jobs.start("resend", &editor.0)?;
    let (running, of_job, identity) = (state.clone(), job.clone(), editor.0);
    job.spawn(async move { resend_all(&running, &identity, request, &of_job).await });
    Ok(HttpResponse::Accepted().json(job.view()))
}

async fn resend_all(
    state: &Data<State>,
    identity: &Identity,
    request: ResendRequest,
    job: &Job,
) -> Result<(), ApiError> {
    let rendering = request.rendering;
    let ids = match request.filter {
        None => visible(state, identity.clone(), request.ids).await?,
        Some(filter) => matching(state, identity.clone(), filter).await?,
    };
    job.expect(ids.len());
    for part in ids.chunks(RESENDS_A_COMMIT) {
        job.may_go_on()?;
        let (part, actor, from) = (part.to_vec(), identity.actor.clone(), identity.from());
        let results = state
            .recorder
            .try_run(
                move |group| -> Result<BTreeMap<&'static str, Vec<PostbackId>>, StoreError> {
                    let mut results: BTreeMap<&'static str, Vec<PostbackId>> = BTreeMap::new();
                    for id in part {
                        results
                            .entry(resend::resend(group, id, rendering)?.code())
                            .or_default()
                            .push(id);
                    }
                    let queued = results.get("queued").map_or(0, Vec::len);
                    let note = super::save::Note::new("postback.resend", format!("{queued} postbacks"));
                    super::save::audit(group, &actor, &from, note)?;
                    Ok(results)
                },
            )
            .await??;
        if let Some(waiting) = results.get("already_waiting") {
            state.delivery.resend_now(waiting.clone());
        }
        for (result, ids) in results {
            job.count(result, ids.len());
        }
    }
    state.applied().await
}

/// Those of the ids that somebody may see; unknown ones stay, to be told as unknown.
async fn visible(
    state: &Data<State>,
    identity: Identity,
    ids: Vec<PostbackId>,
) -> Result<Vec<PostbackId>, ApiError> {
    read(state, move |state| {
        let mut seen = Vec::with_capacity(ids.len());
        for id in ids {
            let found = postback(state.recorder.reader(), id)?;
            if found.is_none_or(|p| identity.sees(p.partner.as_ref())) {
                seen.push(id);
            }
        }
        Ok(seen)
    })
    .await
}

/// Everything that a filter finds, page by page, oldest first in the end.
async fn matching(
    state: &Data<State>,
    identity: Identity,
    filter: PostbackQuery,
) -> Result<Vec<PostbackId>, ApiError> {
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let window = Window::new(filter.from_ms, filter.to_ms, cursor.as_deref())?;
        let (filter, identity) = (filter.clone(), identity.clone());
        let page = read(state, move |state| {
            gather(
                state.recorder.reader(),
                filter.state,
                window,
                usize::from(page::MAX_LIMIT),
                |postback| filter.wants(postback, &identity).then_some(postback.id),
            )
        })
        .await?;
        ids.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || ids.len() >= MOST_RESENDS {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(1)).await;
    }
    ids.truncate(MOST_RESENDS);
    ids.reverse();
    Ok(ids)
}

/// Which waiting postbacks are given up.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// These; at most 1,000.
    #[serde(default)]
    pub ids: Vec<PostbackId>,
    /// Or those that a filter finds (at most 100,000) and that wait; `state`, `limit` and `cursor` are not used.
    #[serde(default)]
    pub filter: Option<PostbackQuery>,
}

/// Gives up waiting postbacks; they are kept as failed and can be sent again. Answers with a job whose progress
/// can be read; its results are `cancelled`, and `not_waiting` for what was settled meanwhile.
#[utoipa::path(tag = "postbacks", responses((status = 202, body = JobDto)))]
#[post("/postbacks/cancel")]
pub async fn cancel_postbacks(
    state: Data<State>,
    editor: Editor,
    body: Json<CancelRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.0;
    one_choice(&request.ids, request.filter.as_ref())?;
    let job = state.jobs.start("cancel", &editor.0)?;
    let (running, of_job, identity) = (state.clone(), job.clone(), editor.0);
    job.spawn(async move { cancel_all(&running, &identity, request, &of_job).await });
    Ok(HttpResponse::Accepted().json(job.view()))
}

async fn cancel_all(
    state: &Data<State>,
    identity: &Identity,
    request: CancelRequest,
    job: &Job,
) -> Result<(), ApiError> {
    let ids = match request.filter {
        None => visible(state, identity.clone(), request.ids).await?,
        Some(filter) => {
            let waiting = PostbackQuery {
                state: Some(StateFilter::Waiting),
                ..filter
            };
            matching(state, identity.clone(), waiting).await?
        }
    };
    job.expect(ids.len());
    for part in ids.chunks(RESENDS_A_COMMIT) {
        job.may_go_on()?;
        let (asked, part, actor, from) = (part.len(), part.to_vec(), identity.actor.clone(), identity.from());
        let done = state
            .recorder
            .try_run(move |group| -> Result<Vec<PostbackId>, StoreError> {
                let mut done = Vec::new();
                for id in part {
                    if resend::cancel(group, id)? {
                        done.push(id);
                    }
                }
                let note = super::save::Note::new("postback.cancel", format!("{} postbacks", done.len()));
                super::save::audit(group, &actor, &from, note)?;
                Ok(done)
            });
        let done = done.await??;
        let cancelled = done.len();
        job.count("cancelled", cancelled);
        job.count("not_waiting", asked - cancelled);
    }
    state.applied().await
}

/// Ids or a filter, and not both.
fn one_choice(ids: &[PostbackId], filter: Option<&PostbackQuery>) -> Result<(), ApiError> {
    if ids.is_empty() == filter.is_none() {
        return Err(ApiError::invalid(
            "ids",
            "missing_field",
            "name either ids or a filter",
        ));
    }
    check::at_most("ids", ids, 1000)?;
    if let Some(filter) = filter {
        Window::new(filter.from_ms, filter.to_ms, None)?;
    }
    Ok(())
}
