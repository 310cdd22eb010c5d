//! Bearer tokens of offers and partners: made (the secret is shown once) and revoked.

use crate::admin::bearer::{self, NewBearer};
use crate::admin::offers::OfferDto;
use crate::admin::partners::PartnerDto;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::http::State;
use crate::http::auth::Editor;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, post};
use serde::Serialize;

/// A new bearer token: the only time that its secret is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IssuedBearer {
    /// As asked for.
    pub name: String,
    /// Send it as `Authorization: Bearer ...`.
    pub secret: String,
    /// The offer as it is now.
    pub offer: OfferDto,
}

/// A new bearer token of a partner: the only time that its secret is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IssuedPartnerBearer {
    /// As asked for.
    pub name: String,
    /// Send it as `Authorization: Bearer ...`.
    pub secret: String,
    /// The partner as it is now.
    pub partner: PartnerDto,
}

async fn issue<R: bearer::Trusting>(
    state: &State,
    editor: Editor,
    id: &str,
    new: &NewBearer,
) -> Result<(String, R::Form), ApiError> {
    let (catalog, origin) = (state.recorder.catalog(), editor.1.origin());
    let (secret, shown, save) = bearer::issue::<R>(id, new, &state.saving(&catalog, &origin))?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok((secret, shown))
}

async fn revoke<R: bearer::Trusting>(
    state: &State,
    editor: Editor,
    (id, name): (String, String),
) -> Result<HttpResponse, ApiError> {
    let (catalog, origin) = (state.recorder.catalog(), editor.1.origin());
    let save = bearer::revoke::<R>(&id, &name, &state.saving(&catalog, &origin))?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Makes a bearer token for the offer's server-to-server endpoints; its secret is shown once.
#[utoipa::path(tag = "offers", responses((status = 201, body = IssuedBearer)))]
#[post("/offers/{id}/bearer_tokens")]
pub async fn create_bearer_token(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<NewBearer>,
) -> Result<HttpResponse, ApiError> {
    let (secret, offer) = issue::<Offer>(&state, editor, &path, &body.0).await?;
    let name = body.0.name;
    Ok(HttpResponse::Created().json(IssuedBearer { name, secret, offer }))
}

/// Revokes a bearer token of an offer: calls that send it are not known any more.
#[utoipa::path(tag = "offers", responses((status = 204)))]
#[delete("/offers/{id}/bearer_tokens/{name}")]
pub async fn delete_bearer_token(
    state: Data<State>,
    editor: Editor,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    revoke::<Offer>(&state, editor, path.into_inner()).await
}

/// Makes a bearer token with which a partner claims installs and reports costs; its secret is shown once.
#[utoipa::path(tag = "partners", responses((status = 201, body = IssuedPartnerBearer)))]
#[post("/partners/{id}/bearer_tokens")]
pub async fn create_partner_bearer_token(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<NewBearer>,
) -> Result<HttpResponse, ApiError> {
    let (secret, partner) = issue::<Partner>(&state, editor, &path, &body.0).await?;
    let name = body.0.name;
    Ok(HttpResponse::Created().json(IssuedPartnerBearer {
        name,
        secret,
        partner,
    }))
}

/// Revokes a bearer token of a partner: calls that send it are not known any more.
#[utoipa::path(tag = "partners", responses((status = 204)))]
#[delete("/partners/{id}/bearer_tokens/{name}")]
pub async fn delete_partner_bearer_token(
    state: Data<State>,
    editor: Editor,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    revoke::<Partner>(&state, editor, path.into_inner()).await
}
