//! Rules before they are saved: checked while they are typed, previewed, tried on the past; and the placeholders
//! that they may hold.

use super::read;
use crate::admin::rule_backtest::{self, Backtest, BacktestRequest};
use crate::admin::rule_preview::{self, Checked, PreviewRequest};
use crate::admin::rules::RuleDto;
use crate::domain::activity::ActivityKind;
use crate::domain::plan::Preview;
use crate::domain::template::catalogue;
use crate::http::State;
use crate::http::auth::{Editor, Viewer};
use crate::http::extract::{Json, NoQuery, Query};
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

/// Checks an unsaved rule: everything that saving would say, with positions and remedies.
#[utoipa::path(tag = "rules", responses((status = 200, body = Checked)))]
#[post("/rules/check")]
pub async fn check_rule(
    state: Data<State>,
    _viewer: Editor,
    body: Json<RuleDto>,
) -> Result<HttpResponse, ApiError> {
    let checked = rule_preview::check(body.0, &state.recorder.catalog(), state.limits())?;
    Ok(HttpResponse::Ok().json(checked))
}

/// Shows what an unsaved rule would send for a real activity or the sample, with the code that delivers.
#[utoipa::path(tag = "rules", responses((status = 200, body = Preview)))]
#[post("/rules/preview")]
pub async fn preview_rule(
    state: Data<State>,
    editor: Editor,
    body: Json<PreviewRequest>,
) -> Result<HttpResponse, ApiError> {
    let preview = rule_preview::preview(body.0, &state.view(editor.0.scope()), state.limits())?;
    Ok(HttpResponse::Ok().json(preview))
}

/// Tells what an unsaved rule would have sent for what came in a period, with the code that delivers.
#[utoipa::path(tag = "rules", responses((status = 200, body = Backtest)))]
#[post("/rules/backtest")]
pub async fn backtest_rule(
    state: Data<State>,
    editor: Editor,
    body: Json<BacktestRequest>,
) -> Result<HttpResponse, ApiError> {
    let (request, scope) = (body.0, editor.0.scope());
    let tried = read(&state, move |state| {
        Ok(rule_backtest::run(request, &state.view(scope), state.limits())?)
    });
    Ok(HttpResponse::Ok().json(tried.await?))
}

/// One name of the catalogue of placeholders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaceholderDto {
    /// As between the braces; in capitals between `##`.
    pub name: &'static str,
    /// What it is about.
    pub group: catalogue::Group,
    /// What it holds, English.
    pub meaning_en: &'static str,
    /// What it holds, Japanese.
    pub meaning_ja: &'static str,
    /// Form of its values, English.
    pub format_en: String,
    /// Form of its values, Japanese.
    pub format_ja: String,
    /// A value as it could be.
    pub sample: &'static str,
    /// Kinds that have data for it.
    pub kinds: Vec<ActivityKind>,
    /// Where the value comes from.
    pub source: catalogue::Source,
}

/// The catalogue of placeholders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaceholderList {
    /// By group.
    pub items: Vec<PlaceholderDto>,
}

/// Lists every placeholder: meaning, format, sample, kinds.
#[utoipa::path(tag = "rules", responses((status = 200, body = PlaceholderList)))]
#[get("/placeholders")]
pub async fn list_placeholders(_viewer: Viewer, _query: Query<NoQuery>) -> Result<HttpResponse, ApiError> {
    let items = catalogue::all().map(|p| {
        let (format_en, format_ja) = p.format.describe();
        PlaceholderDto {
            name: p.name,
            group: p.group,
            meaning_en: p.en,
            meaning_ja: p.ja,
            format_en,
            format_ja,
            sample: p.sample,
            kinds: p.kinds.iter().collect(),
            source: p.source,
        }
    });
    Ok(HttpResponse::Ok().json(PlaceholderList {
        items: items.collect(),
    }))
}
