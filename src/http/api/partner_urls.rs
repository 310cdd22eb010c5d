//! A partner together with its status URLs, in one request and one commit.

use crate::admin::partner_urls::{self, PartnerWithUrls};
use crate::http::State;
use crate::http::auth::{Editor, Viewer};
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post, put};

/// Reads a partner with its status URLs.
#[utoipa::path(tag = "partners", responses((status = 200, body = PartnerWithUrls)))]
#[get("/partners/{id}/with_urls")]
pub async fn get_partner_with_urls(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (scope, catalog) = (viewer.0.scope(), state.recorder.catalog());
    Ok(HttpResponse::Ok().json(partner_urls::read(&path, &scope, &catalog)?))
}

/// Makes a partner and the rules of its status URLs, all of it or nothing.
#[utoipa::path(tag = "partners", responses((status = 201, body = PartnerWithUrls)))]
#[post("/partners/with_urls")]
pub async fn create_partner_with_urls(
    state: Data<State>,
    editor: Editor,
    body: Json<PartnerWithUrls>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let (shown, save) = partner_urls::create(body.0, &state.saving(&catalog, ""))?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::Created().json(shown))
}

/// Replaces a partner and the rules of its status URLs, all of it or nothing.
#[utoipa::path(tag = "partners", responses((status = 200, body = PartnerWithUrls)))]
#[put("/partners/{id}/with_urls")]
pub async fn replace_partner_with_urls(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<PartnerWithUrls>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let (shown, save) = partner_urls::replace(&path, body.0, &state.saving(&catalog, ""))?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::Ok().json(shown))
}
