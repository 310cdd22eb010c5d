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
pub mod archive;
pub mod backfill;
pub mod bearer;
pub mod bulk;
pub mod decisions;
mod delivery;
mod document;
pub mod erasures;
pub mod export;
pub mod jobs;
pub mod objects;
pub mod partner_urls;
pub mod postback_actions;
pub mod postbacks;
pub mod presets;
pub mod proofs;
pub mod rates;
pub mod raw_data;
pub mod refused;
pub mod rules;
pub mod secrets;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod sheets;
pub mod sign_in;
pub mod statements;
pub mod stats;
pub mod system;
pub mod tags;
pub mod trace;
pub mod transfer;
pub mod trials;
pub mod upload;
pub mod users;

#[cfg(test)]
mod account_tests;
#[cfg(test)]
mod route_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod test_instance;

use super::State;
use super::auth::Viewer;
use super::problem::{ApiError, ErrorBody};
use super::stream;
use crate::admin::sheets::SheetKind;
use crate::domain::stats::Environment;
use crate::reports::activities::VerdictFilter;
use crate::reports::stats::GroupBy;
use crate::reports::{PartnerScope, ReportError, View};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::{Map, Value};
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi as Document, PathItem, Ref, RefOr, Response};

/// Reads the store on a thread that may wait, and that steps back behind those that answer clicks.
pub(crate) async fn read<T: Send + 'static>(
    state: &Data<State>,
    work: impl FnOnce(&State) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let of_work = state.clone();
    state.readers.run(move || work(&of_work)).await?
}

/// Makes a report on a thread that may wait, with what the scope allows.
pub(crate) async fn report<T: Send + 'static>(
    state: &Data<State>,
    scope: PartnerScope,
    make: impl FnOnce(&View) -> Result<T, ReportError> + Send + 'static,
) -> Result<T, ApiError> {
    read(state, move |state| Ok(make(&state.view(scope))?)).await
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
            components(schemas(ErrorBody, Environment, GroupBy, VerdictFilter, SheetKind))
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
    let paths = DOCUMENT["paths"].as_object().into_iter().flatten();
    let known = paths.filter(|(template, _)| matches(template, request.path()));
    let methods: Vec<String> = known.flat_map(|(_, item)| methods(item)).collect();
    Err(if methods.is_empty() {
        ApiError::NoRoute
    } else {
        ApiError::Method {
            allow: methods.join(", ").into(),
        }
    })
}

/// The methods of a path of the document.
fn methods(item: &Value) -> impl Iterator<Item = String> {
    let names = item.as_object().into_iter().flat_map(Map::keys);
    let is_method = |name: &&String| matches!(name.as_str(), "get" | "put" | "post" | "delete" | "patch");
    names.filter(is_method).map(|name| name.to_uppercase())
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

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The OpenAPI document of the API, made from the code.
pub fn document() -> Value {
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
    document::complete(&document).unwrap_or_default()
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
    setup::setup_status, setup::setup_claim, sign_in::sign_in_state,
 sign_in::sign_in, sign_in::sign_out, account::get_me,
    account::change_me, account::change_password, account::list_logins, account::delete_login,
    account::offer_totp, account::set_totp, account::remove_totp,
    users::list_users, users::get_user, users::create_user, users::replace_user, users::delete_user,
    users::list_tokens, users::create_token, users::delete_token,
    settings::get_settings, settings::replace_settings, rates::get_rates, rates::replace_rates,
    alerts::get_alerts, alerts::test_alert, alerts::send_summary, address::check_address,
    objects::list_offers, objects::get_offer, objects::create_offer, objects::replace_offer, objects::delete_offer,
    bearer::create_bearer_token, bearer::delete_bearer_token,
    objects::list_partners, objects::get_partner, objects::create_partner, objects::replace_partner,
    objects::delete_partner, partner_urls::get_partner_with_urls,
    partner_urls::create_partner_with_urls, partner_urls::replace_partner_with_urls,
    secrets::list_secrets, secrets::set_secret, secrets::delete_secret, secrets::let_partner_go_on,
    bearer::create_partner_bearer_token, bearer::delete_partner_bearer_token,
    objects::list_links, objects::get_link, objects::create_link, objects::replace_link, objects::delete_link,
    rules::check_rule, rules::preview_rule, rules::backtest_rule, objects::list_rules, objects::get_rule, objects::create_rule,
    objects::replace_rule, objects::delete_rule, rules::list_placeholders,
    presets::list_presets, presets::get_preset, presets::connect_platform,
    sessions::list_sessions, sessions::get_session,
    bulk::look_at_decision, bulk::make_decision, bulk::list_decisions, bulk::undo_decision,
    decisions::change_status, refused::accept_refused, refused::delete_refused, activities::list_activities, activities::get_activity,
    postback_actions::look_at_postbacks, postbacks::queue_view, postback_actions::resend_postbacks,
    postback_actions::cancel_postbacks, postbacks::list_postbacks,
    postbacks::get_postback,
    backfill::look_at_backfill, backfill::start_backfill, jobs::get_job, jobs::cancel_job,
    statements::list_statements, statements::get_statement, statements::get_statement_sender,
    statements::replace_statement_sender, statements::write_statement, statements::close_statement,
    statements::reopen_statement, statements::get_statement_recipients, statements::mail_statement,
    stats::get_stats, stats::get_delays, stats::get_notes, stats::get_unproven, stats::get_taken, stats::get_payouts,
    trace::get_trace,
    erasures::list_erasures,
    erasures::cancel_erasure,
    erasures::carry_out_erasure,
    proofs::create_proof, proofs::list_proofs, proofs::delete_proof,
    transfer::export_configuration, transfer::import_configuration, sheets::take_sheet,
    trials::test_rule, trials::test_click, trials::test_conversion, trials::issue_callback_ticket,
    trials::list_echo, tags::list_tags_seen,
    delivery::get_delivery, delivery::pause_delivery, delivery::resume_delivery,
    system::get_system, system::list_audit, raw_data::get_raw_data, raw_data::test_stream,
    raw_data::test_export,
    archive::get_archive, archive::test_archive,
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
        let json = document();
        assert_eq!(json["openapi"], "3.1.0");
        let mut ids = std::collections::HashSet::new();
        assert!(document::complete(&Document::default()).is_ok());
        assert!(json["components"]["securitySchemes"]["bearer"].is_object());
        for (path, item) in json["paths"].as_object().unwrap() {
            if !path.starts_with("/api/") {
                continue;
            }
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
