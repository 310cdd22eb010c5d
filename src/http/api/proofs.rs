//! Proof links: made of one trace, listed, revoked. The public page is `http::proof`.

use super::read;
use crate::admin::proofs::{self, NewProof, ProofDto, ProofList};
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::{Json, NoQuery, Query};
use crate::http::problem::ApiError;
use crate::reports::PartnerScope;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post};

/// Makes a link under which anybody can read the redacted story of one click or conversion until it expires.
#[utoipa::path(tag = "records", responses((status = 201, body = ProofDto)))]
#[post("/proofs")]
pub async fn create_proof(
    state: Data<State>,
    editor: Editor,
    body: Json<NewProof>,
) -> Result<HttpResponse, ApiError> {
    let checked = read(&state, move |state| {
        Ok(proofs::check_new(&body.0, &state.view(PartnerScope::all()))?)
    });
    let (checked, origin) = (checked.await?, editor.1.origin());
    let made = proofs::create(checked, &state.recorder, editor.0.actor(), &origin).await?;
    state.applied().await?;
    Ok(HttpResponse::Created().json(made))
}

/// Lists the proof links that have not expired, newest first.
#[utoipa::path(tag = "records", responses((status = 200, body = ProofList)))]
#[get("/proofs")]
pub async fn list_proofs(
    state: Data<State>,
    _editor: Editor,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(proofs::list(state.recorder.reader(), state.now_ms())?))
}

/// Revokes a proof link: its page is gone at once.
#[utoipa::path(tag = "records", responses((status = 204)))]
#[delete("/proofs/{id}")]
pub async fn delete_proof(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    proofs::revoke(path.into_inner(), &state.recorder, editor.0.actor()).await?;
    state.applied().await?;
    Ok(HttpResponse::NoContent().finish())
}
