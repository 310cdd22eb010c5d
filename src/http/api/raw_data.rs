//! Raw data: how the stream of activities and the files are, and tests of where they go.

use super::read;
use crate::admin::save::{Note, note};
use crate::export::{self, Export};
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::extract::{NoQuery, Query};
use crate::http::problem::ApiError;
use crate::stream::{Stream, Trouble};
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

/// What is wrong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TroubleDto {
    /// Since when, unix milliseconds.
    pub since_ms: i64,
    /// Stable code.
    pub code: &'static str,
    /// What happened and what to do: a sentence.
    pub message: String,
}

/// How the stream is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StreamDto {
    /// Scheme, host and port of the receiver.
    pub receiver: String,
    /// Rows that it took since the stream began.
    pub rows: u64,
    /// How old the oldest row is that waits, milliseconds; 0: none does.
    pub lag_ms: i64,
    /// When a batch was taken last since the start of the server, unix milliseconds.
    pub taken_at_ms: Option<i64>,
    /// What is wrong; `null`: nothing.
    pub trouble: Option<TroubleDto>,
}

/// How raw data is handed on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RawDataDto {
    /// Activities to a receiver; `null`: none is configured.
    pub stream: Option<StreamDto>,
    /// Files to a bucket or directory; `null`: none are written.
    pub export: Option<ExportDto>,
}

/// How the files of raw data are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExportDto {
    /// The bucket or directory.
    pub place: String,
    /// Rows in files since they began.
    pub rows: u64,
    /// Files since they began.
    pub files: u64,
    /// Up to when everything is in files, unix milliseconds.
    pub until_ms: i64,
    /// For how long the hour that comes next could have been written, milliseconds; 0: it is not over.
    pub lag_ms: i64,
    /// What is wrong; `null`: nothing.
    pub trouble: Option<TroubleDto>,
}

/// What came of a test.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RawDataTest {
    /// Whether the receiver took a batch without rows, or the place an object.
    pub is_ok: bool,
    /// Stable code: `taken`, or what went wrong.
    pub code: &'static str,
    /// A sentence; empty when it was taken.
    pub message: String,
}

fn stream(stream: &Stream) -> StreamDto {
    let status = stream.status();
    StreamDto {
        receiver: stream.receiver(),
        rows: status.rows,
        lag_ms: status.lag_ms,
        taken_at_ms: status.taken_at_ms,
        trouble: status
            .trouble
            .map(|(since_ms, Trouble { code, message })| TroubleDto {
                since_ms,
                code,
                message,
            }),
    }
}

fn files(files: &Export) -> ExportDto {
    let status = files.status();
    ExportDto {
        place: files.place().to_owned(),
        rows: status.rows,
        files: status.files,
        until_ms: status.until_ms,
        lag_ms: status.lag_ms,
        trouble: status.trouble.map(|trouble| TroubleDto {
            since_ms: trouble.since_ms,
            code: trouble.code,
            message: trouble.message,
        }),
    }
}

/// How raw data is handed on: how far the stream and the files are, and what is wrong.
#[utoipa::path(tag = "system", responses((status = 200, body = RawDataDto)))]
#[get("/raw-data")]
pub async fn get_raw_data(
    state: Data<State>,
    viewer: Viewer,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    Ok(HttpResponse::Ok().json(RawDataDto {
        stream: state.stream.as_deref().map(stream),
        export: state.export.as_deref().map(files),
    }))
}

/// Sends a batch without rows to the receiver of the stream, and tells what came of it.
#[utoipa::path(tag = "system", responses((status = 200, body = RawDataTest)))]
#[post("/raw-data/stream/test")]
pub async fn test_stream(state: Data<State>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let tested = read(&state, |state| Ok(state.stream.as_deref().map(Stream::test))).await?;
    let (is_ok, code, message) = match tested {
        Some(Ok(())) => (true, "taken", String::new()),
        Some(Err(trouble)) => (false, trouble.code, trouble.message),
        None => (
            false,
            "not_set_up",
            "stream.url is not set in the configuration".into(),
        ),
    };
    let entry = Note::new("raw_data.test", "stream").detail(if is_ok { "taken" } else { "failed" });
    note(&state.recorder, owner.0.actor(), entry).await?;
    Ok(HttpResponse::Ok().json(RawDataTest { is_ok, code, message }))
}

/// Writes an object to the place of the files, reads and removes it, and tells what came of it.
#[utoipa::path(tag = "system", responses((status = 200, body = RawDataTest)))]
#[post("/raw-data/export/test")]
pub async fn test_export(state: Data<State>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let tested = read(&state, |state| Ok(state.export.as_deref().map(Export::test))).await?;
    let (is_ok, code, message) = match tested {
        Some(Ok(())) => (true, "taken", String::new()),
        Some(Err(export::Trouble { code, message, .. })) => (false, code, message),
        None => (
            false,
            "not_set_up",
            "neither export.bucket nor export.directory is set in the configuration".into(),
        ),
    };
    let entry = Note::new("raw_data.test", "export").detail(if is_ok { "taken" } else { "failed" });
    note(&state.recorder, owner.0.actor(), entry).await?;
    Ok(HttpResponse::Ok().json(RawDataTest { is_ok, code, message }))
}
