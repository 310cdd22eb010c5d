//! Secrets of partners: named, set and deleted, never shown; and partners whose postbacks wait.

use super::read;
use crate::admin::save;
use crate::admin::secrets::{self, SecretDto, SecretForm, SecretList};
use crate::http::State;
use crate::http::auth::{Editor, Viewer};
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};

/// Lists the secrets of a partner by name, without their values, and says whether its postbacks wait.
#[utoipa::path(tag = "partners", responses((status = 200, body = SecretList)))]
#[get("/partners/{id}/secrets")]
pub async fn list_secrets(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let catalog = state.recorder.catalog();
    let list = secrets::list(&path, &viewer.0.scope(), &catalog, &state.holds)?;
    Ok(HttpResponse::Ok().json(list))
}

/// Sets or replaces a secret of a partner. What waits for it is sent with the new value.
#[utoipa::path(tag = "partners", responses((status = 200, body = SecretDto)))]
#[put("/partners/{id}/secrets/{name}")]
pub async fn set_secret(
    state: Data<State>,
    editor: Editor,
    path: Path<(String, String)>,
    body: Json<SecretForm>,
) -> Result<HttpResponse, ApiError> {
    let (partner, name) = path.into_inner();
    let catalog = state.recorder.catalog();
    let (shown, save) = secrets::set(&partner, &name, body.0, &catalog, state.now_ms())?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::Ok().json(shown))
}

/// Deletes a secret of a partner. Postbacks of rules that use it wait.
#[utoipa::path(tag = "partners", responses((status = 204)))]
#[delete("/partners/{id}/secrets/{name}")]
pub async fn delete_secret(
    state: Data<State>,
    editor: Editor,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (partner, name) = path.into_inner();
    let save = secrets::delete(&partner, &name, &state.recorder.catalog())?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lets the postbacks of a partner go on that wait because of a refused token or a missing secret.
#[utoipa::path(tag = "partners", responses((status = 204)))]
#[post("/partners/{id}/go_on")]
pub async fn let_partner_go_on(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (partner, actor) = (path.into_inner(), editor.0.actor());
    let scope = editor.0.scope();
    let note = read(&state, move |state| {
        Ok(secrets::let_go_on(
            &partner,
            &scope,
            &state.recorder,
            &state.holds,
        )?)
    })
    .await?;
    save::note(&state.recorder, actor, note).await?;
    Ok(HttpResponse::NoContent().finish())
}
