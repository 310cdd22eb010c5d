//! The admin API under `/api/v1`: one file a resource. Every route is in the table at the end of this file,
//! which registers it and puts it into the OpenAPI document, so that neither can be without the other.
//!
//! Shapes: lists are pages with a cursor; POST makes (201), PUT replaces what was read (`updated_at_ms` must
//! match, else 409), DELETE removes (204). Times are unix milliseconds, ids text, money an exact decimal
//! with its currency. Secrets are written and never shown.

pub mod account;
pub mod activities;
pub mod address;
pub mod alerts;
pub mod bearer;
pub mod check;
pub mod export;
mod export_columns;
pub mod jobs;
pub mod links;
pub mod offers;
pub mod page;
pub mod partners;
pub mod payouts;
pub mod postbacks;
pub mod presets;
pub mod proofs;
pub mod records;
pub mod rules;
pub mod save;
pub mod scan;
pub mod second_factor;
pub mod secret;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod sign_in;
pub mod stats;
pub mod system;
pub mod tests_api;
pub mod trace;
mod trace_device;
pub mod transfer;
pub mod transfer_plan;
pub mod trust;
pub mod upload;
pub mod users;

#[cfg(test)]
mod account_tests;
#[cfg(test)]
mod route_tests;
#[cfg(test)]
mod test_instance;
#[cfg(test)]
mod transfer_tests;

use self::activities::VerdictFilter;
use self::stats::GroupBy;
use super::State;
use super::auth::Viewer;
use super::problem::{ApiError, ErrorBody};
use super::stream;
use crate::domain::stats::Environment;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, get};
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi as Document, PathItem, Ref, RefOr, Response};

/// Random bytes for a token of the longest kind.
const ID_BYTES: usize = 16;

/// The id that was asked for, else a new one.
pub(crate) fn made_id<T>(given: Option<T>, make: impl FnOnce(&[u8]) -> T) -> Result<T, ApiError> {
    if let Some(given) = given {
        return Ok(given);
    }
    let mut bytes = [0; ID_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::Defect {
        what: "random numbers",
    })?;
    Ok(make(&bytes))
}

/// The id in a body must be that of the path.
pub(crate) fn same_id<T: PartialEq + Clone>(given: Option<T>, own: &T) -> Result<T, ApiError> {
    match given {
        Some(given) if given != *own => Err(ApiError::invalid(
            "id",
            "id_mismatch",
            "ids never change: leave the id out, or send the one of the address",
        )),
        _ => Ok(own.clone()),
    }
}

/// A DTO as JSON, for the audit log. Secrets are masked by the DTO itself.
pub(crate) fn to_json(dto: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(dto).unwrap_or_default()
}

fn yes() -> bool {
    true
}

/// Reads the store on a thread that may wait, so that those that answer clicks need not.
pub(crate) async fn read<T: Send + 'static>(
    state: &Data<State>,
    work: impl FnOnce(&State) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let state = state.clone();
    web::block(move || work(&state))
        .await
        .map_err(|_| ApiError::Busy)?
}

macro_rules! table {
    ($($module:ident :: $handler:ident),+ $(,)?) => {
        #[derive(OpenApi)]
        #[openapi(
            info(
                title = "Yamabiko",
                description = "Admin API of the Yamabiko postback server. Sign in for a cookie, or send Authorization: Bearer with an API token.",
                license(name = "Apache-2.0")
            ),
            paths($($module::$handler),+),
            // Those that only parameters of queries name have to be listed.
            components(schemas(ErrorBody, Environment, GroupBy, VerdictFilter))
        )]
        struct Table;

        fn services(config: &mut ServiceConfig) {
            $(config.service($module::$handler);)+
        }
    };
}

/// Adds the API below `/api`.
pub fn routes(config: &mut ServiceConfig) {
    config.service(openapi_json).service(
        web::scope("/v1")
            .configure(services)
            .default_service(web::to(unknown)),
    );
}

/// Tells a wrong method from a wrong address.
async fn unknown(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let is_known = DOCUMENT
        .paths
        .paths
        .keys()
        .any(|template| matches(template, request.path()));
    Err(if is_known {
        ApiError::Method
    } else {
        ApiError::NoRoute
    })
}

/// Whether a path is an instance of `/a/{b}/c` or `/a/{b}.csv`.
fn matches(template: &str, path: &str) -> bool {
    let fits = |wanted: &str, given: &str| match wanted.strip_prefix('{').and_then(|t| t.split_once('}')) {
        Some((_, suffix)) => given.len() > suffix.len() && given.ends_with(suffix),
        None => wanted == given,
    };
    let (mut a, mut b) = (template.split('/'), path.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if fits(wanted, given) => {}
            _ => return false,
        }
    }
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(document);

/// The OpenAPI document of the API, made from the code.
pub fn document() -> Document {
    let mut document = Document::default();
    let mut table = Table::openapi();
    document.info = std::mem::take(&mut table.info);
    document.info.version = env!("CARGO_PKG_VERSION").into();
    let mut document = document.nest("/api/v1", table);
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let mut error =
        Response::new("What went wrong: a stable code, a sentence that says what to do, and the field.");
    error.content.insert("application/json".into(), RefOr::T(content));
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation
                .responses
                .responses
                .insert("default".into(), RefOr::T(error.clone()));
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        item.get.as_mut(),
        item.put.as_mut(),
        item.post.as_mut(),
        item.delete.as_mut(),
    ]
    .into_iter()
    .flatten()
}

/// The OpenAPI document.
#[get("/openapi.json")]
async fn openapi_json(_viewer: Viewer) -> HttpResponse {
    HttpResponse::Ok().json(&*DOCUMENT)
}

table! {
    setup::setup_status, setup::setup_claim, sign_in::sign_in, sign_in::sign_out, account::get_me,
    account::change_me, account::change_password, account::list_logins, account::delete_login,
    second_factor::offer_totp, second_factor::set_totp, second_factor::remove_totp,
    users::list_users, users::get_user, users::create_user, users::replace_user, users::delete_user,
    users::list_tokens, users::create_token, users::delete_token,
    settings::get_settings, settings::replace_settings,
    alerts::get_alerts, alerts::test_alert, address::check_address,
    offers::list_offers, offers::get_offer, offers::create_offer, offers::replace_offer, offers::delete_offer,
    bearer::create_bearer_token, bearer::delete_bearer_token,
    partners::list_partners, partners::get_partner, partners::create_partner, partners::replace_partner,
    partners::delete_partner, bearer::create_partner_bearer_token, bearer::delete_partner_bearer_token,
    links::list_links, links::get_link, links::create_link, links::replace_link, links::delete_link,
    rules::check_rule, rules::preview_rule, rules::list_rules, rules::get_rule, rules::create_rule,
    rules::replace_rule, rules::delete_rule, rules::list_placeholders,
    presets::list_presets, presets::get_preset,
    sessions::list_sessions, sessions::get_session,
    activities::change_status, activities::list_activities, activities::get_activity,
    postbacks::queue_view, postbacks::resend_postbacks, postbacks::cancel_postbacks, postbacks::list_postbacks,
    postbacks::get_postback,
    jobs::get_job,
    stats::get_stats, payouts::get_payouts,
    trace::get_trace,
    proofs::create_proof, proofs::list_proofs, proofs::delete_proof,
    transfer::export_configuration, transfer::import_configuration,
    tests_api::test_rule, tests_api::test_click, tests_api::test_conversion, tests_api::list_echo,
    system::get_system, system::list_audit,
    upload::upload_conversions,
    export::export_list,
    stream::live,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_their_paths() {
        assert!(matches("/api/v1/offers/{id}", "/api/v1/offers/abc"));
        assert!(!matches("/api/v1/offers/{id}", "/api/v1/offers/"));
        assert!(!matches("/api/v1/offers/{id}", "/api/v1/offers/a/b"));
        assert!(matches("/api/v1/{list}.csv", "/api/v1/stats.csv"));
        assert!(!matches("/api/v1/{list}.csv", "/api/v1/stats"));
    }

    #[test]
    fn the_document_is_openapi_3_1_with_every_error_described() {
        let json = serde_json::to_value(document()).unwrap();
        assert_eq!(json["openapi"], "3.1.0");
        let mut ids = std::collections::HashSet::new();
        for (path, item) in json["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["responses"]["default"].is_object(), "{method} {path}");
                assert!(
                    operation["summary"].is_string(),
                    "{method} {path} says what it does"
                );
                assert!(
                    ids.insert(operation["operationId"].clone()),
                    "{method} {path}: the operation id is taken"
                );
            }
        }
        assert!(json["components"]["schemas"]["ErrorBody"].is_object());
        assert!(ids.len() > 60);
    }
}
