//! Offers (広告 / アプリ) with their events.

mod checks;
mod dto;

pub use checks::{check_attribution, check_host, check_payout, checked_destinations};
pub use dto::{EventDto, Limits, OfferDto};

use super::page::{ConfigQuery, Ordered, Page, holds};
use super::save::{self, Note, difference, saved_at, unchanged};
use super::to_json;
use super::trust::TrustDto;
use crate::domain::ids::OfferId;
use crate::domain::offer::Offer;
use crate::http::State;
use crate::http::auth::{Editor, Identity, Viewer};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};

/// Whether somebody may see an offer: all, or those that their partners have links of.
pub fn sees_offer(identity: &Identity, catalog: &Catalog, offer: &OfferId) -> bool {
    let of_theirs = |entry: &std::sync::Arc<crate::store::catalog::LinkEntry>| {
        entry.link.offer == *offer && identity.sees(entry.link.partner.as_ref())
    };
    identity.partners.is_empty() || catalog.links.values().any(of_theirs)
}

/// Lists offers, newest first.
#[utoipa::path(tag = "offers", params(ConfigQuery), responses((status = 200, body = Page<OfferDto>)))]
#[get("/offers")]
pub async fn list_offers(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let word = query.0.word();
    let all = catalog
        .offers
        .values()
        .filter(|o| sees_offer(&viewer.0, &catalog, &o.id));
    let all = all
        .filter(|o| holds(&o.name, word) || o.id.as_str().contains(word))
        .map(|o| Ordered {
            at_ms: o.created_at_ms,
            id: o.id.to_string(),
            item: seen(&viewer.0, o),
        });
    let page = query.0.page(all)?;
    Ok(HttpResponse::Ok().json(page))
}

/// Reads one offer.
#[utoipa::path(tag = "offers", responses((status = 200, body = OfferDto)))]
#[get("/offers/{id}")]
pub async fn get_offer(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let offer = find(&catalog, &path)?;
    if !sees_offer(&viewer.0, &catalog, &offer.id) {
        return Err(ApiError::not_found("offer", path.into_inner()));
    }
    Ok(HttpResponse::Ok().json(seen(&viewer.0, offer)))
}

/// An offer as somebody may see it: who may send conversions is not told to those who are limited to partners.
fn seen(identity: &Identity, offer: &Offer) -> OfferDto {
    let mut dto = OfferDto::from(offer);
    if identity.whole().is_err() {
        dto.trust = TrustDto::default();
    }
    dto
}

/// The offer of an id.
pub fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a Offer, ApiError> {
    let key: OfferId = id("offer", text)?;
    catalog
        .offers
        .get(&key)
        .map(|o| &**o)
        .ok_or_else(|| ApiError::not_found("offer", text))
}

fn limits(state: &State) -> Limits {
    Limits {
        sessions_days: state.config.retention.sessions_days,
        currency: state.recorder.catalog().settings.currency,
    }
}

/// Makes an offer.
#[utoipa::path(tag = "offers", responses((status = 201, body = OfferDto)))]
#[post("/offers")]
pub async fn create_offer(
    state: Data<State>,
    editor: Editor,
    body: Json<OfferDto>,
) -> Result<HttpResponse, ApiError> {
    let offer = body.0.into_offer(None, limits(&state), saved_at(&state, 0))?;
    let view = OfferDto::from(&offer);
    let note = Note::new("offer.create", offer.id.to_string()).detail(to_json(&view).to_string());
    save::insert(&state, &editor.0, ConfigObject::Offer(offer), note).await?;
    Ok(HttpResponse::Created().json(view))
}

/// Replaces an offer.
#[utoipa::path(tag = "offers", responses((status = 200, body = OfferDto)))]
#[put("/offers/{id}")]
pub async fn replace_offer(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<OfferDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let before = find(&catalog, &path)?;
    let preconditions = unchanged(ConfigKey::Offer(before.id.clone()), body.0.updated_at_ms)?;
    let offer = body.0.into_offer(
        Some(before),
        limits(&state),
        saved_at(&state, before.updated_at_ms),
    )?;
    let view = OfferDto::from(&offer);
    let note = Note::new("offer.update", offer.id.to_string())
        .detail(difference(&to_json(&OfferDto::from(before)), &to_json(&view)));
    save::update(&state, &editor.0, preconditions, ConfigObject::Offer(offer), note).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Removes an offer that no link and no rule uses.
#[utoipa::path(tag = "offers", responses((status = 204)))]
#[delete("/offers/{id}")]
pub async fn delete_offer(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key = ConfigKey::Offer(find(&state.recorder.catalog(), &path)?.id.clone());
    let note = Note::new("offer.delete", path.into_inner());
    save::remove(&state, &editor.0, key, note).await?;
    Ok(HttpResponse::NoContent().finish())
}
