//! Bearer tokens of the server-to-server endpoints: an offer's, and those of a partner that claims installs or
//! reports costs.

use super::check;
use super::offers::{OfferDto, find};
use super::partners::{self, PartnerDto};
use super::save::{self, Note, saved_at};
use crate::domain::offer::{BearerToken, TrustPolicy, TrustScope};
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
    /// Unique within the offer or partner.
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

/// Adds a token to a policy; gives its secret, of which only the hash is kept.
fn issue(trust: &mut TrustPolicy, new: &NewBearer) -> Result<String, ApiError> {
    check::name("name", &new.name)?;
    if trust.bearer_tokens.iter().any(|token| token.name == new.name) {
        return Err(ApiError::invalid(
            "name",
            "duplicate",
            "another token has this name: choose another one",
        ));
    }
    let secret = format!("ybs_{}", random_text()?);
    trust.bearer_tokens.push(BearerToken {
        name: new.name.clone(),
        sha256: sha256_hex(secret.as_bytes()),
        scopes: new.scopes.clone(),
        enabled: true,
    });
    Ok(secret)
}

/// Takes a token out of a policy.
fn revoke(trust: &mut TrustPolicy, name: &str) -> Result<(), ApiError> {
    let before = trust.bearer_tokens.len();
    trust.bearer_tokens.retain(|token| token.name != name);
    if trust.bearer_tokens.len() == before {
        return Err(ApiError::not_found("bearer token", name));
    }
    Ok(())
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
    let catalog = state.recorder.catalog();
    let before = find(&catalog, &path)?;
    let mut offer = before.clone();
    let secret = issue(&mut offer.trust, &body.0)?;
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
    revoke(&mut offer.trust, &name)?;
    offer.updated_at_ms = saved_at(&state, before.updated_at_ms);
    let preconditions = vec![Precondition::Unchanged(
        ConfigKey::Offer(offer.id.clone()),
        before.updated_at_ms,
    )];
    let note = Note::new("offer.bearer_token_revoked", offer.id.to_string()).detail(name);
    save::update(&state, &editor.0, preconditions, ConfigObject::Offer(offer), note).await?;
    Ok(HttpResponse::NoContent().finish())
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
    let catalog = state.recorder.catalog();
    let before = partners::find(&catalog, &path)?;
    let mut partner = before.clone();
    let secret = issue(&mut partner.trust, &body.0)?;
    partner.updated_at_ms = saved_at(&state, before.updated_at_ms);
    let preconditions = vec![Precondition::Unchanged(
        ConfigKey::Partner(partner.id.clone()),
        before.updated_at_ms,
    )];
    let view = PartnerDto::from(&partner);
    let note = Note::new("partner.bearer_token", partner.id.to_string()).detail(body.0.name.clone());
    save::update(
        &state,
        &editor.0,
        preconditions,
        ConfigObject::Partner(partner),
        note,
    )
    .await?;
    Ok(HttpResponse::Created().json(IssuedPartnerBearer {
        name: body.0.name,
        secret,
        partner: view,
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
    let (id, name) = path.into_inner();
    let catalog = state.recorder.catalog();
    let before = partners::find(&catalog, &id)?;
    let mut partner = before.clone();
    revoke(&mut partner.trust, &name)?;
    partner.updated_at_ms = saved_at(&state, before.updated_at_ms);
    let preconditions = vec![Precondition::Unchanged(
        ConfigKey::Partner(partner.id.clone()),
        before.updated_at_ms,
    )];
    let note = Note::new("partner.bearer_token_revoked", partner.id.to_string()).detail(name);
    save::update(
        &state,
        &editor.0,
        preconditions,
        ConfigObject::Partner(partner),
        note,
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
