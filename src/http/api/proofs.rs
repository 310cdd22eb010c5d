//! Proof links: made of one trace, listed, revoked. The address is shown once, since only a hash of its token is
//! kept. The public page is `http::proof`.

use super::page::NoQuery;
use super::save::{Note, audit};
use super::trace::trace;
use super::{check, read};
use crate::domain::ids::TimeId;
use crate::domain::proof::{DEFAULT_HOURS, MAX_HOURS, Proof};
use crate::http::auth::Editor;
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::http::{State, proof};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};

/// What a proof link is made of.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProof {
    /// SID, or the id of an activity without a click.
    pub id: String,
    /// Hours until it expires, 1 to 720 (168).
    #[serde(default)]
    pub hours: Option<u32>,
}

/// A proof link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProofDto {
    /// Names it, and opens nothing.
    pub id: String,
    /// SID or activity.
    pub subject: String,
    /// Who made it.
    pub created_by: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
    /// Its address; only in the answer to its making.
    pub url: Option<String>,
}

impl ProofDto {
    fn new(id: String, proof: Proof, url: Option<String>) -> Self {
        Self {
            id,
            subject: proof.subject.to_string(),
            created_by: proof.created_by,
            created_at_ms: proof.created_at_ms,
            expires_at_ms: proof.expires_at_ms,
            url,
        }
    }
}

/// Proof links.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProofList {
    /// Those that have not expired, newest first; at most 1,000.
    pub items: Vec<ProofDto>,
}

/// Makes a link under which anybody can read the redacted story of one click or conversion until it expires.
#[utoipa::path(tag = "records", responses((status = 201, body = ProofDto)))]
#[post("/proofs")]
pub async fn create_proof(
    state: Data<State>,
    editor: Editor,
    body: Json<NewProof>,
) -> Result<HttpResponse, ApiError> {
    let hours = body.0.hours.unwrap_or(DEFAULT_HOURS);
    check::within("hours", hours, 1, MAX_HOURS)?;
    let unknown = || {
        ApiError::invalid(
            "id",
            "unknown_id",
            "give the SID or the activity id of a trace that exists",
        )
    };
    let subject: TimeId = body.0.id.trim().parse().map_err(|_| unknown())?;
    let found = read(&state, move |state| {
        Ok(trace(state, &|_| true, &subject.to_string())?.found_by)
    })
    .await?;
    if found.is_none() {
        return Err(unknown());
    }
    let (actor, from) = (editor.0.actor.clone(), editor.0.from());
    let (token, id, made) = proof::new(subject, &actor, hours, state.now_ms())?;
    let (of_record, of_id) = (made.clone(), id.clone());
    let has_room = state.recorder.try_run(move |group| {
        let has_room = proof::insert(group, &of_id, &of_record)?;
        if has_room {
            let note = Note::new("proof.create", of_record.subject.to_string()).detail(format!("{hours} h"));
            audit(group, &actor, &from, note)?;
        }
        Ok::<_, crate::store::StoreError>(has_room)
    });
    if !has_room.await?? {
        return Err(ApiError::invalid(
            "id",
            "too_many",
            "revoke proof links that are no longer needed first",
        ));
    }
    state.applied().await?;
    let url = format!("{}/proof/{token}", editor.0.caller.origin());
    Ok(HttpResponse::Created().json(ProofDto::new(id, made, Some(url))))
}

/// Lists the proof links that have not expired, newest first.
#[utoipa::path(tag = "records", responses((status = 200, body = ProofList)))]
#[get("/proofs")]
pub async fn list_proofs(
    state: Data<State>,
    _editor: Editor,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    let found = proof::list(state.recorder.reader(), state.now_ms())?;
    let items = found
        .into_iter()
        .map(|(id, proof)| ProofDto::new(id, proof, None));
    Ok(HttpResponse::Ok().json(ProofList {
        items: items.collect(),
    }))
}

/// Revokes a proof link: its page is gone at once.
#[utoipa::path(tag = "records", responses((status = 204)))]
#[delete("/proofs/{id}")]
pub async fn delete_proof(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (actor, from, id) = (editor.0.actor.clone(), editor.0.from(), path.into_inner());
    let of_id = id.clone();
    let removed = state.recorder.try_run(move |group| {
        let removed = proof::remove(group, &of_id)?;
        if let Some(proof) = &removed {
            audit(
                group,
                &actor,
                &from,
                Note::new("proof.revoke", proof.subject.to_string()),
            )?;
        }
        Ok::<_, crate::store::StoreError>(removed)
    });
    if removed.await??.is_none() {
        return Err(ApiError::not_found("proof", id));
    }
    state.applied().await?;
    Ok(HttpResponse::NoContent().finish())
}
