//! The trace of one id, order number or URL.

use super::report;
use crate::http::State;
use crate::http::auth::Viewer;
use crate::http::extract::Query;
use crate::http::problem::ApiError;
use crate::reports::trace::{Trace, trace};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Deserialize;

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TraceQuery {
    /// SID, activity id, postback id, order number, partner click id, `adid`, device id (`idfa`, `gps_adid`, ..., plain or
    /// hashed), the referrer of the store with its `reftag`, or a URL that holds one of them.
    pub q: String,
}

/// Everything that one id, order number or URL caused.
#[utoipa::path(tag = "records", params(TraceQuery), responses((status = 200, body = Trace)))]
#[get("/trace")]
pub async fn get_trace(
    state: Data<State>,
    viewer: Viewer,
    query: Query<TraceQuery>,
) -> Result<HttpResponse, ApiError> {
    let made = report(&state, viewer.0.scope(), move |view| trace(view, &query.0.q));
    Ok(HttpResponse::Ok().json(made.await?))
}
