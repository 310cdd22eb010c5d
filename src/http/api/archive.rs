//! The archive off the machine: how it is, and whether the bucket does what it needs.

use super::read;
use crate::archive::Status;
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

/// The archive.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ArchiveDto {
    /// How it is; `null`: none is set.
    pub status: Option<Status>,
}

/// What a try of the bucket found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ArchiveTestDto {
    /// Whether objects are taken, given back and removed, and conditional writes are enforced.
    pub is_ok: bool,
    /// Stable code of what is wrong.
    pub code: Option<String>,
    /// The same as a sentence.
    pub message: Option<String>,
}

/// How the archive is: where, up to which commit, what waits, what it costs a day.
#[utoipa::path(tag = "system", responses((status = 200, description = "How it is.", body = ArchiveDto)))]
#[get("/archive")]
pub async fn get_archive(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let status = state.archiving.as_ref().map(|archiving| archiving.status());
    Ok(HttpResponse::Ok().json(ArchiveDto { status }))
}

/// Tries the bucket: writes an object, tries to write it again against its conditions, reads and removes it.
#[utoipa::path(tag = "system", responses((status = 200, description = "What the try found.", body = ArchiveTestDto)))]
#[post("/archive/test")]
pub async fn test_archive(state: Data<State>, _owner: Owner) -> Result<HttpResponse, ApiError> {
    let found = read(&state, |state| {
        let tried = state.archiving.as_ref().map(|archiving| archiving.prove());
        Ok(match tried {
            Some(Ok(())) => ArchiveTestDto {
                is_ok: true,
                code: None,
                message: None,
            },
            Some(Err(error)) => ArchiveTestDto {
                is_ok: false,
                code: Some(error.code().to_owned()),
                message: Some(error.to_string()),
            },
            None => ArchiveTestDto {
                is_ok: false,
                code: Some("archive_setting".into()),
                message: Some(
                    "no archive is set: name a bucket under [archive] in the configuration file".into(),
                ),
            },
        })
    })
    .await?;
    Ok(HttpResponse::Ok().json(found))
}
