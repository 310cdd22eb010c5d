//! Payout statements: looked at, written on, closed, opened again.

use super::{read, report};
use crate::admin::statement_mail::{self, MailSent, Recipients, StatementMail};
use crate::admin::statements::{self, DraftRequest, MonthRequest};
use crate::domain::ids::PartnerId;
use crate::domain::statement::Sender;
use crate::http::State;
use crate::http::auth::{Editor, Owner, Viewer};
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::reports::PartnerScope;
use crate::reports::statements::{self as shown, StatementDto, StatementQuery, Statements, StatementsQuery};
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post, put};
use serde::Deserialize;

/// The statements of a month: closed ones, and open ones of partners that are owed something.
#[utoipa::path(tag = "reports", params(StatementsQuery), responses((status = 200, body = Statements)))]
#[get("/statements")]
pub async fn list_statements(
    state: Data<State>,
    viewer: Viewer,
    query: Query<StatementsQuery>,
) -> Result<HttpResponse, ApiError> {
    let made = report(&state, viewer.0.scope(), move |view| shown::list(view, &query.0));
    Ok(HttpResponse::Ok().json(made.await?))
}

/// One statement, open or closed.
#[utoipa::path(tag = "reports", params(StatementQuery), responses((status = 200, body = StatementDto)))]
#[get("/statements/one")]
pub async fn get_statement(
    state: Data<State>,
    viewer: Viewer,
    query: Query<StatementQuery>,
) -> Result<HttpResponse, ApiError> {
    let name = format!("{} {}", query.0.partner, query.0.month);
    let found = report(&state, viewer.0.scope(), move |view| shown::find(view, &query.0)).await?;
    match found {
        Some(found) => Ok(HttpResponse::Ok().json(found)),
        None => Err(ApiError::not_found("statement", name)),
    }
}

/// Who pays, as statements name them.
#[utoipa::path(tag = "reports", responses((status = 200, body = Sender)))]
#[get("/statements/sender")]
pub async fn get_statement_sender(state: Data<State>, _editor: Editor) -> Result<HttpResponse, ApiError> {
    let sender = read(&state, |state| Ok(statements::sender(&state.recorder)?));
    Ok(HttpResponse::Ok().json(sender.await?))
}

/// Saves who pays.
#[utoipa::path(tag = "reports", responses((status = 200, body = Sender)))]
#[put("/statements/sender")]
pub async fn replace_statement_sender(
    state: Data<State>,
    owner: Owner,
    body: Json<Sender>,
) -> Result<HttpResponse, ApiError> {
    let saved = statements::set_sender(&state.recorder, owner.0.actor(), body.0).await?;
    state.applied().await?;
    Ok(HttpResponse::Ok().json(saved))
}

/// Saves what stands on an open statement: number, recipient, due date, adjustments.
#[utoipa::path(tag = "reports", responses((status = 200, body = StatementDto)))]
#[put("/statements/draft")]
pub async fn write_statement(
    state: Data<State>,
    editor: Editor,
    body: Json<DraftRequest>,
) -> Result<HttpResponse, ApiError> {
    let of = MonthRequest {
        partner: body.0.partner.clone(),
        month: body.0.month,
    };
    statements::set_draft(&state.recorder, editor.0.actor(), body.0).await?;
    answer(&state, of).await
}

/// Closes the statement of a month that is over. It does not change any more.
#[utoipa::path(tag = "reports", responses((status = 200, body = StatementDto)))]
#[post("/statements/close")]
pub async fn close_statement(
    state: Data<State>,
    editor: Editor,
    body: Json<MonthRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.0;
    let of = request.clone();
    let (view, made) = read(&state, move |state| {
        let view = state.view(PartnerScope::all());
        let made = statements::to_close(&view, &request)?;
        Ok((view, made))
    })
    .await?;
    statements::close(&state.recorder, editor.0.actor(), &view, made).await?;
    answer(&state, of).await
}

/// Opens the last closed statement of a partner again; closing it anew makes a new version.
#[utoipa::path(tag = "reports", responses((status = 200, body = StatementDto)))]
#[post("/statements/reopen")]
pub async fn reopen_statement(
    state: Data<State>,
    owner: Owner,
    body: Json<MonthRequest>,
) -> Result<HttpResponse, ApiError> {
    let of = body.0.clone();
    statements::reopen(&state.recorder, owner.0.actor(), body.0).await?;
    answer(&state, of).await
}

/// Which partner's statements.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecipientsQuery {
    /// Whose.
    pub partner: PartnerId,
}

/// Who the statements of a partner were sent to the last time.
#[utoipa::path(tag = "reports", params(RecipientsQuery), responses((status = 200, body = Recipients)))]
#[get("/statements/recipients")]
pub async fn get_statement_recipients(
    state: Data<State>,
    _editor: Editor,
    query: Query<RecipientsQuery>,
) -> Result<HttpResponse, ApiError> {
    let found = read(&state, move |state| {
        Ok(statement_mail::recipients(&state.recorder, &query.0.partner)?)
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// Sends a closed statement by mail, with its lines as a CSV file, and tells what the mail server said.
#[utoipa::path(tag = "reports", responses((status = 200, body = MailSent)))]
#[post("/statements/mail")]
pub async fn mail_statement(
    state: Data<State>,
    editor: Editor,
    body: Json<StatementMail>,
) -> Result<HttpResponse, ApiError> {
    let (request, scope) = (body.0, editor.0.scope());
    let of_mail = request.clone();
    let sent = read(&state, move |state| {
        let ready = statement_mail::write(&state.view(scope), &of_mail)?;
        Ok(statement_mail::send(state.delivery.client(), ready))
    })
    .await?;
    statement_mail::note(&state.recorder, editor.0.actor(), request, sent.is_ok).await?;
    Ok(HttpResponse::Ok().json(sent))
}

async fn answer(state: &Data<State>, of: MonthRequest) -> Result<HttpResponse, ApiError> {
    state.applied().await?;
    let name = format!("{} {}", of.partner, of.month);
    let query = StatementQuery {
        partner: of.partner,
        month: of.month,
        version: None,
    };
    let found = report(state, PartnerScope::all(), move |view| shown::find(view, &query)).await?;
    let found = found.ok_or_else(|| ApiError::not_found("statement", name))?;
    Ok(HttpResponse::Ok().json(found))
}
