//! Trying things out: a test click, a test conversion, a test send of a rule, and what the built-in receiver
//! has seen.

use super::read;
use crate::admin::callback_tests;
use crate::admin::save::{self, Note};
use crate::admin::trials::{self, TestClick, TestConversion, TestSend, TestSends};
use crate::http::State;
use crate::http::auth::{Editor, Viewer, place};
use crate::http::echo::EchoArrival;
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::reports::records::SessionDto;
use crate::tracking::record_conversion::Answer;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};

/// Makes a click on a link, labelled test, as if the operator's browser had followed it.
#[utoipa::path(tag = "tests", responses((status = 201, body = SessionDto)))]
#[post("/test/click")]
pub async fn test_click(
    state: Data<State>,
    request: HttpRequest,
    editor: Editor,
    body: Json<TestClick>,
) -> Result<HttpResponse, ApiError> {
    let (lookups, place) = ((&*state.geo, &*state.link_names), place(&request, &editor.1));
    let made = trials::click(body.0, &state.recorder, lookups, place).await?;
    state.applied().await?;
    Ok(HttpResponse::Created().json(made))
}

/// Sends a conversion through the same decisions as `/cv`, labelled test. Rules fire, partners are called.
#[utoipa::path(tag = "tests", responses((status = 200, body = Answer)))]
#[post("/test/conversion")]
pub async fn test_conversion(
    state: Data<State>,
    editor: Editor,
    body: Json<TestConversion>,
) -> Result<HttpResponse, ApiError> {
    let scope = editor.0.scope();
    let request = read(&state, move |state| {
        Ok(trials::conversion_of(body.0, &state.view(scope))?)
    });
    let answer = trials::convert(request.await?, &state.recorder, &editor.0).await?;
    state.applied().await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Sends what a rule makes of an activity or of the sample, at once and outside of the queue, and shows
/// request and answer. The receiver cannot tell it from a real one, except by the label in the values.
#[utoipa::path(tag = "tests", responses((status = 200, body = TestSends)))]
#[post("/test/rule")]
pub async fn test_rule(
    state: Data<State>,
    editor: Editor,
    body: Json<TestSend>,
) -> Result<HttpResponse, ApiError> {
    let scope = editor.0.scope();
    let sending = read(&state, move |state| {
        Ok(trials::sending(&body.0, &state.view(scope), state.config.now())?)
    });
    let sending = sending.await?;
    sending.note(&state.recorder, &editor.0).await?;
    let sent = read(&state, move |state| {
        Ok(sending.send(&state.delivery, state.now_ms()))
    });
    Ok(HttpResponse::Ok().json(sent.await?))
}

/// Lets one `/c/cbtest` call the partner's server.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallbackTicket {
    /// The value of the parameter `ticket`. Shown once.
    pub ticket: String,
    /// Unix milliseconds: good until then, and for one request.
    pub expires_at_ms: i64,
}

/// Issues a ticket for one test of callbacks: `/c/cbtest?ticket=...&install_callback=...` then really calls the
/// partner's server. Without a ticket that address only shows the requests.
#[utoipa::path(tag = "tests", responses((status = 201, body = CallbackTicket)))]
#[post("/test/callback_tickets")]
pub async fn issue_callback_ticket(state: Data<State>, editor: Editor) -> Result<HttpResponse, ApiError> {
    let (actor, now_ms) = (editor.0.actor(), state.now_ms());
    let ticket = state.callback_tickets.issue(actor.clone(), now_ms)?;
    save::note(&state.recorder, actor, Note::new("callback.ticket", "")).await?;
    Ok(HttpResponse::Created().json(CallbackTicket {
        ticket,
        expires_at_ms: now_ms + callback_tests::LIFE_MS,
    }))
}

/// From where on the receiver's memory is read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EchoQuery {
    /// Only requests after this number.
    #[serde(default)]
    pub after: u64,
}

/// What the built-in receiver has seen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EchoList {
    /// Where it listens; a rule may call it.
    pub address: String,
    /// Oldest first; the last 200 are remembered.
    pub items: Vec<EchoArrival>,
}

/// Shows the requests that the built-in receiver has seen.
#[utoipa::path(tag = "tests", params(EchoQuery), responses((status = 200, body = EchoList)))]
#[get("/test/echo")]
pub async fn list_echo(
    state: Data<State>,
    viewer: Viewer,
    query: Query<EchoQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let address = format!("http://{}", state.echo.address());
    Ok(HttpResponse::Ok().json(EchoList {
        address,
        items: state.echo.after(query.0.after),
    }))
}
