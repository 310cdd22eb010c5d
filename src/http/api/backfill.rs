//! Sending a rule over what came before it: the look, and the job.

use super::{jobs, read};
use crate::admin::backfill::{self, BackfillLook, BackfillRequest, Chosen, Found};
use crate::admin::identity::Identity;
use crate::admin::jobs::JobDto;
use crate::domain::ids::RuleId;
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::{Json, id};
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use std::time::Duration;

/// Tells what a saved rule would send for what came in a period; nothing is sent.
#[utoipa::path(tag = "rules", responses((status = 200, body = BackfillLook)))]
#[post("/rules/{id}/backfill/look")]
pub async fn look_at_backfill(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<BackfillRequest>,
) -> Result<HttpResponse, ApiError> {
    let chosen = chosen(&state, &editor.0, &path, &body.0)?;
    let found = gather(&state, &editor.0, &chosen).await?;
    Ok(HttpResponse::Ok().json(found.into_look(&chosen)))
}

/// Sends a saved rule over what came in a period; what it told before is left. Answers with a job whose progress can
/// be read, and which can be cancelled.
#[utoipa::path(tag = "rules", responses((status = 202, body = JobDto)))]
#[post("/rules/{id}/backfill")]
pub async fn start_backfill(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<BackfillRequest>,
) -> Result<HttpResponse, ApiError> {
    let chosen = chosen(&state, &editor.0, &path, &body.0)?;
    let job = jobs::start(&state, "backfill", &editor.0)?;
    let (running, of_job, identity) = (state.clone(), job.clone(), editor.0);
    let work = async move {
        let found = gather(&running, &identity, &chosen).await?;
        let ids = found.into_work(&of_job)?;
        backfill::send_all(&running.recorder, &chosen, &ids, &identity.actor(), &of_job).await?;
        running.applied().await
    };
    actix_web::rt::spawn(job.run(work));
    Ok(HttpResponse::Accepted().json(job.view()))
}

fn chosen(
    state: &Data<State>,
    identity: &Identity,
    rule: &str,
    request: &BackfillRequest,
) -> Result<Chosen, ApiError> {
    let rule: RuleId = id("rule", rule)?;
    let (catalog, now_ms) = (state.recorder.catalog(), state.now_ms());
    Ok(backfill::choose(rule, request, identity, &catalog, now_ms)?)
}

/// All of the period, page by page.
async fn gather(state: &Data<State>, identity: &Identity, chosen: &Chosen) -> Result<Found, ApiError> {
    let (mut found, mut before) = (Found::default(), None);
    loop {
        let (of_page, scope) = (chosen.clone(), identity.scope());
        let page = read(state, move |state| {
            let next = backfill::page(&of_page, &state.view(scope), before, &mut found)?;
            Ok((found, next))
        });
        let (so_far, next) = page.await?;
        found = so_far;
        before = next;
        if before.is_none() {
            return Ok(found);
        }
        actix_web::rt::time::sleep(Duration::from_millis(1)).await;
    }
}
