//! Decisions about many conversions at once: the look, the decision, and taking it back.

use super::read;
use crate::admin::bulk::{self, DecisionDto, DecisionRequest, Look, undo};
use crate::admin::identity::Identity;
use crate::admin::jobs::JobDto;
use crate::domain::ids::{ActivityId, TimeId};
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::{Json, id};
use crate::http::problem::ApiError;
use crate::reports::activities::{self, ActivityQuery};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

/// Says what a decision would change, how much money that is, and how many postbacks it makes.
#[utoipa::path(tag = "records", responses((status = 200, body = Look)))]
#[post("/decisions/look")]
pub async fn look_at_decision(
    state: Data<State>,
    editor: Editor,
    body: Json<DecisionRequest>,
) -> Result<HttpResponse, ApiError> {
    let mut request = body.0;
    bulk::one_choice(&request)?;
    let found = found(&state, &editor.0, request.filter.take()).await?;
    let look = bulk::look(&state.recorder, request, found).await?;
    Ok(HttpResponse::Ok().json(look))
}

/// A decision that goes on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Deciding {
    /// Its id, for taking it back.
    pub decision: String,
    /// The job whose progress can be read.
    pub job: JobDto,
}

/// Approves, rejects or puts back many conversions; their postbacks wait for a minute, in which it can be taken back.
#[utoipa::path(tag = "records", responses((status = 202, body = Deciding)))]
#[post("/decisions")]
pub async fn make_decision(
    state: Data<State>,
    editor: Editor,
    body: Json<DecisionRequest>,
) -> Result<HttpResponse, ApiError> {
    let mut request = body.0;
    bulk::one_choice(&request)?;
    let found = found(&state, &editor.0, request.filter.take()).await?;
    let job = super::jobs::start(&state, "decide", &editor.0)?;
    let decision = TimeId::new(state.now_ms(), rand::random());
    let run = match bulk::begin(&state.recorder, &editor.0, request, found, decision).await {
        Ok(run) => run,
        Err(error) => {
            job.fail(&error);
            return Err(error.into());
        }
    };
    let (running, of_job) = (state.clone(), job.clone());
    let work = async move {
        bulk::carry_out(&running.recorder, run, &of_job).await?;
        running.applied().await
    };
    actix_web::rt::spawn(job.run(work));
    let deciding = Deciding {
        decision: decision.to_string(),
        job: job.view(),
    };
    Ok(HttpResponse::Accepted().json(deciding))
}

/// The newest decisions, newest first.
#[utoipa::path(tag = "records", responses((status = 200, body = Vec<DecisionDto>)))]
#[get("/decisions")]
pub async fn list_decisions(state: Data<State>, _editor: Editor) -> Result<HttpResponse, ApiError> {
    let listed = read(&state, |state| Ok(bulk::list(&state.recorder)?)).await?;
    Ok(HttpResponse::Ok().json(listed))
}

/// Takes a decision back: within its minute nobody hears of it, later it is a new change, which fires rules.
#[utoipa::path(tag = "records", responses((status = 200, body = DecisionDto)))]
#[post("/decisions/{id}/undo")]
pub async fn undo_decision(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: TimeId = id("decision", &path)?;
    let undone = undo::undo(&state.recorder, &editor.0.actor(), wanted).await?;
    state.applied().await?;
    Ok(HttpResponse::Ok().json(undone))
}

/// The conversions of a filter.
async fn found(
    state: &Data<State>,
    identity: &Identity,
    filter: Option<ActivityQuery>,
) -> Result<Option<Vec<ActivityId>>, ApiError> {
    let Some(filter) = filter else {
        return Ok(None);
    };
    let scope = identity.scope();
    let ids = read(state, move |state| {
        let view = state.view(scope);
        Ok(activities::conversions(&view, &filter, bulk::MOST)?)
    });
    Ok(Some(ids.await?))
}
