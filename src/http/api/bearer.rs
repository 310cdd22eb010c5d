//! Bearer tokens of an offer's server-to-server endpoints.

use super::check;
use super::offers::{OfferDto, find};
use super::save::{self, Note, saved_at};
use crate::domain::offer::{BearerToken, TrustScope};
use crate::http::State;
use crate::http::auth::{Editor, random_text, sha256_hex};
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use crate::store::catalog::{ConfigKey, ConfigObject, Precondition};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, post};
use serde::{Deserialize, Serialize};

/// What a new bearer token is called and good for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBearer {
    /// Unique within the offer.
    pub name: String,
    /// What it is good for; empty means everything.
    #[serde(default)]
    pub scopes: Vec<TrustScope>,
}

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

/// Makes a bearer token for the offer's server-to-server endpoints; its secret is shown once.
#[utoipa::path(tag = "offers", responses((status = 201, body = IssuedBearer)))]
#[post("/offers/{id}/bearer_tokens")]
pub async fn create_bearer_token(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<NewBearer>,
) -> Result<HttpResponse, ApiError> {
    check::name("name", &body.0.name)?;
    let catalog = state.recorder.catalog();
    let before = find(&catalog, &path)?;
    let mut offer = before.clone();
    if offer.trust.bearer_tokens.iter().any(|t| t.name == body.0.name) {
        return Err(ApiError::invalid(
            "name",
            "duplicate",
            "another token has this name: choose another one",
        ));
    }
    let secret = format!("ybs_{}", random_text()?);
    offer.trust.bearer_tokens.push(BearerToken {
        name: body.0.name.clone(),
        sha256: sha256_hex(secret.as_bytes()),
        scopes: body.0.scopes,
        enabled: true,
    });
    offer.updated_at_ms = saved_at(&state, before.updated_at_ms);
    let preconditions = vec![Precondition::Unchanged(
        ConfigKey::Offer(offer.id.clone()),
        before.updated_at_ms,
    )];
    let view = OfferDto::from(&offer);
    let note = Note::new("offer.bearer_token", offer.id.to_string()).detail(body.0.name.clone());
    save::update(&state, &editor.0, preconditions, ConfigObject::Offer(offer), note).await?;
    Ok(HttpResponse::Created().json(IssuedBearer {
        name: body.0.name,
        secret,
        offer: view,
    }))
}

/// Revokes a bearer token of an offer: calls that send it are not known any more.
#[utoipa::path(tag = "offers", responses((status = 204)))]
#[delete("/offers/{id}/bearer_tokens/{name}")]
pub async fn delete_bearer_token(
    state: Data<State>,
    editor: Editor,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, name) = path.into_inner();
    let catalog = state.recorder.catalog();
    let before = find(&catalog, &id)?;
    let mut offer = before.clone();
    offer.trust.bearer_tokens.retain(|token| token.name != name);
    if offer.trust.bearer_tokens.len() == before.trust.bearer_tokens.len() {
        return Err(ApiError::not_found("bearer token", name));
    }
    offer.updated_at_ms = saved_at(&state, before.updated_at_ms);
    let preconditions = vec![Precondition::Unchanged(
        ConfigKey::Offer(offer.id.clone()),
        before.updated_at_ms,
    )];
    let note = Note::new("offer.bearer_token_revoked", offer.id.to_string()).detail(name);
    save::update(&state, &editor.0, preconditions, ConfigObject::Offer(offer), note).await?;
    Ok(HttpResponse::NoContent().finish())
}
