//! Offers, partners, links and rules: each is listed, read, made, replaced and removed under its own address by the
//! same five functions. The macro below writes the five routes of each, with their part of the OpenAPI document.

use crate::admin::links::LinkDto;
use crate::admin::offers::OfferDto;
use crate::admin::partners::PartnerDto;
use crate::admin::resource::{self, Resource, Showing};
use crate::admin::rules::RuleDto;
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::Rule;
use crate::http::State;
use crate::http::auth::{Editor, Viewer};
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::reports::page::{ConfigQuery, Page};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};

fn list<R: Resource>(state: &State, viewer: &Viewer, query: &ConfigQuery) -> Result<HttpResponse, ApiError> {
    let (catalog, origin) = (state.recorder.catalog(), viewer.1.origin());
    let (scope, showing) = (viewer.0.scope(), showing(state, &catalog, &origin));
    let page = query.page(resource::list::<R>(&scope, query, showing))?;
    Ok(HttpResponse::Ok().json(page))
}

fn read<R: Resource>(state: &State, viewer: &Viewer, id: &str) -> Result<HttpResponse, ApiError> {
    let (catalog, origin) = (state.recorder.catalog(), viewer.1.origin());
    let form = resource::read::<R>(id, &viewer.0.scope(), showing(state, &catalog, &origin))?;
    Ok(HttpResponse::Ok().json(form))
}

fn showing<'a>(
    state: &'a State,
    catalog: &'a crate::store::catalog::Catalog,
    origin: &'a str,
) -> Showing<'a> {
    Showing {
        link_names: Some(&state.link_names),
        ..Showing::saved(catalog, origin)
    }
}

async fn create<R: Resource>(
    state: &State,
    editor: &Editor,
    form: R::Form,
) -> Result<HttpResponse, ApiError> {
    let (catalog, origin) = (state.recorder.catalog(), editor.1.origin());
    let (shown, save) = resource::create::<R>(form, &state.saving(&catalog, &origin))?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::Created().json(shown))
}

async fn replace<R: Resource>(
    state: &State,
    editor: &Editor,
    id: &str,
    form: R::Form,
) -> Result<HttpResponse, ApiError> {
    let (catalog, origin) = (state.recorder.catalog(), editor.1.origin());
    let (shown, save) = resource::replace::<R>(id, form, &state.saving(&catalog, &origin))?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::Ok().json(shown))
}

async fn remove<R: Resource>(state: &State, editor: &Editor, id: &str) -> Result<HttpResponse, ApiError> {
    let save = resource::remove::<R>(&state.recorder.catalog(), id)?;
    save.commit(&state.recorder, editor.0.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The five routes of a resource: its object, its form, its tag, the addresses of the list and of one, and each
/// handler with the sentence that the OpenAPI document says of it.
macro_rules! routes {
    (
        $object:ident, $form:ident, $tag:tt, $all:tt, $one:tt,
        $(#[$listing:meta])* $list:ident,
        $(#[$reading:meta])* $read:ident,
        $(#[$making:meta])* $create:ident,
        $(#[$replacing:meta])* $replace:ident,
        $(#[$removing:meta])* $remove:ident $(,)?
    ) => {
        $(#[$listing])*
        #[utoipa::path(tag = $tag, params(ConfigQuery), responses((status = 200, body = Page<$form>)))]
        #[get($all)]
        pub async fn $list(
            state: Data<State>,
            viewer: Viewer,
            query: Query<ConfigQuery>,
        ) -> Result<HttpResponse, ApiError> {
            list::<$object>(&state, &viewer, &query.0)
        }

        $(#[$reading])*
        #[utoipa::path(tag = $tag, responses((status = 200, body = $form)))]
        #[get($one)]
        pub async fn $read(
            state: Data<State>,
            viewer: Viewer,
            path: Path<String>,
        ) -> Result<HttpResponse, ApiError> {
            read::<$object>(&state, &viewer, &path)
        }

        $(#[$making])*
        #[utoipa::path(tag = $tag, responses((status = 201, body = $form)))]
        #[post($all)]
        pub async fn $create(
            state: Data<State>,
            editor: Editor,
            body: Json<$form>,
        ) -> Result<HttpResponse, ApiError> {
            create::<$object>(&state, &editor, body.0).await
        }

        $(#[$replacing])*
        #[utoipa::path(tag = $tag, responses((status = 200, body = $form)))]
        #[put($one)]
        pub async fn $replace(
            state: Data<State>,
            editor: Editor,
            path: Path<String>,
            body: Json<$form>,
        ) -> Result<HttpResponse, ApiError> {
            replace::<$object>(&state, &editor, &path, body.0).await
        }

        $(#[$removing])*
        #[utoipa::path(tag = $tag, responses((status = 204)))]
        #[delete($one)]
        pub async fn $remove(
            state: Data<State>,
            editor: Editor,
            path: Path<String>,
        ) -> Result<HttpResponse, ApiError> {
            remove::<$object>(&state, &editor, &path).await
        }
    };
}

routes! {
    Offer, OfferDto, "offers", "/offers", "/offers/{id}",
    /// Lists offers, newest first.
    list_offers,
    /// Reads one offer.
    get_offer,
    /// Makes an offer.
    create_offer,
    /// Replaces an offer.
    replace_offer,
    /// Removes an offer that no link and no rule uses.
    delete_offer,
}

routes! {
    Partner, PartnerDto, "partners", "/partners", "/partners/{id}",
    /// Lists partners, newest first.
    list_partners,
    /// Reads one partner.
    get_partner,
    /// Makes a partner.
    create_partner,
    /// Replaces a partner.
    replace_partner,
    /// Removes a partner that no link and no rule uses.
    delete_partner,
}

routes! {
    Link, LinkDto, "links", "/links", "/links/{token}",
    /// Lists links, newest first.
    list_links,
    /// Reads one link.
    get_link,
    /// Makes a link.
    create_link,
    /// Replaces a link.
    replace_link,
    /// Removes a link. Its sessions and conversions stay; clicks on it answer 404 from now on.
    delete_link,
}

routes! {
    Rule, RuleDto, "rules", "/rules", "/rules/{id}",
    /// Lists rules, last saved first.
    list_rules,
    /// Reads one rule.
    get_rule,
    /// Makes a rule. One with errors is refused; `/rules/check` tells all of them.
    create_rule,
    /// Replaces a rule. Postbacks that wait keep what was rendered.
    replace_rule,
    /// Removes a rule. Postbacks that wait are still sent.
    delete_rule,
}
