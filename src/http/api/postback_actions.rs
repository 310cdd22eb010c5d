//! What operators do with postbacks: send them again, give up waiting ones.

use super::{jobs, read, report};
use crate::admin::check;
use crate::admin::identity::Identity;
use crate::admin::jobs::JobDto;
use crate::admin::postbacks::{MOST_OF_JOB, cancel_all, resend_all};
use crate::domain::ids::PostbackId;
use crate::domain::postback::PostbackState;
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use crate::reports::page;
use crate::reports::postbacks::{PostbackQuery, gather, ids_of_order};
use crate::reports::records::{StateFilter, postback};
use crate::reports::scan::Window;
use crate::tracking::resend::Rendering;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// Those that were delivered are left alone.
    #[serde(default)]
    pub leave_delivered: bool,
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
    let ResendRequest {
        ids,
        filter,
        rendering,
        leave_delivered,
    } = body.0;
    one_choice(&ids, filter.as_ref())?;
    let job = jobs::start(&state, "resend", &editor.0)?;
    let (running, of_job, identity) = (state.clone(), job.clone(), editor.0);
    let work = async move {
        let mut ids = chosen(&running, &identity, ids, filter).await?;
        if leave_delivered {
            ids = undelivered(&running, ids).await?;
        }
        let (recorder, actor) = (&running.recorder, identity.actor());
        resend_all(recorder, &running.delivery, &actor, &ids, rendering, &of_job).await?;
        running.applied().await
    };
    actix_web::rt::spawn(job.run(work));
    Ok(HttpResponse::Accepted().json(job.view()))
}

/// Which postbacks are looked at before they are sent again or given up.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostbackLookRequest {
    /// These; at most 1,000.
    #[serde(default)]
    pub ids: Vec<PostbackId>,
    /// Or those that a filter finds (at most 100,000); `limit` and `cursor` are not used.
    #[serde(default)]
    pub filter: Option<PostbackQuery>,
}

/// How many postbacks were chosen, by where they stand.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct PostbackLook {
    /// All of them.
    pub total: usize,
    /// Waiting.
    pub waiting: usize,
    /// Delivered.
    pub delivered: usize,
    /// Failed.
    pub failed: usize,
}

/// Counts postbacks before they are sent again or given up.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = PostbackLook)))]
#[post("/postbacks/look")]
pub async fn look_at_postbacks(
    state: Data<State>,
    editor: Editor,
    body: Json<PostbackLookRequest>,
) -> Result<HttpResponse, ApiError> {
    let PostbackLookRequest { ids, filter } = body.0;
    one_choice(&ids, filter.as_ref())?;
    let ids = chosen(&state, &editor.0, ids, filter).await?;
    let look = read(&state, move |state| {
        let mut look = PostbackLook {
            total: ids.len(),
            ..PostbackLook::default()
        };
        for id in ids {
            match postback(state.recorder.reader(), id)?.map(|postback| postback.state) {
                Some(PostbackState::Waiting { .. }) => look.waiting += 1,
                Some(PostbackState::Delivered { .. }) => look.delivered += 1,
                Some(PostbackState::Failed { .. }) => look.failed += 1,
                None => {}
            }
        }
        Ok(look)
    });
    Ok(HttpResponse::Ok().json(look.await?))
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
    let CancelRequest { ids, filter } = body.0;
    one_choice(&ids, filter.as_ref())?;
    let filter = filter.map(|filter| PostbackQuery {
        state: Some(StateFilter::Waiting),
        ..filter
    });
    let job = jobs::start(&state, "cancel", &editor.0)?;
    let (running, of_job, identity) = (state.clone(), job.clone(), editor.0);
    let work = async move {
        let ids = chosen(&running, &identity, ids, filter).await?;
        cancel_all(&running.recorder, &identity.actor(), &ids, &of_job).await?;
        running.applied().await
    };
    actix_web::rt::spawn(job.run(work));
    Ok(HttpResponse::Accepted().json(job.view()))
}

/// What a job is about: the ids that were named, or what the filter finds.
async fn chosen(
    state: &Data<State>,
    identity: &Identity,
    ids: Vec<PostbackId>,
    filter: Option<PostbackQuery>,
) -> Result<Vec<PostbackId>, ApiError> {
    match filter {
        None => visible(state, identity.clone(), ids).await,
        Some(filter) => matching(state, identity.clone(), filter).await,
    }
}

/// Those of the ids that were not delivered.
async fn undelivered(state: &Data<State>, ids: Vec<PostbackId>) -> Result<Vec<PostbackId>, ApiError> {
    read(state, move |state| {
        let mut left = Vec::with_capacity(ids.len());
        for id in ids {
            let found = postback(state.recorder.reader(), id)?;
            let is_delivered =
                found.is_some_and(|found| matches!(found.state, PostbackState::Delivered { .. }));
            if !is_delivered {
                left.push(id);
            }
        }
        Ok(left)
    })
    .await
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
    if let Some(uid) = filter.uid.clone() {
        let of_order = report(state, identity.scope(), move |view| {
            ids_of_order(view, &filter, &uid)
        });
        return of_order.await;
    }
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let window = Window::new(filter.from_ms, filter.to_ms, cursor.as_deref())?;
        let (filter, identity) = (filter.clone(), identity.clone());
        let page = read(state, move |state| {
            Ok(gather(
                state.recorder.reader(),
                filter.state,
                window,
                usize::from(page::MAX_LIMIT),
                |postback| filter.wants(postback, &identity.scope()).then_some(postback.id),
            )?)
        })
        .await?;
        ids.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || ids.len() >= MOST_OF_JOB {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(1)).await;
    }
    ids.truncate(MOST_OF_JOB);
    ids.reverse();
    Ok(ids)
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
