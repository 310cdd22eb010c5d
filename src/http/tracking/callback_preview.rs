//! `GET /c/cbtest?install_callback=...`: shows what callbacks of a click URL would send, made from sample data. For
//! partners who try out their encoding before the first real install.
//!
//! Anybody can open this address, so it sends nothing by itself: with `ticket=...`, which an editor gets from the API
//! and which is good once, hosts that some partner may name on its click URLs are really called, at most four tests at
//! a time, and the audit log names the editor.

use super::TrackingState;
use crate::admin::AdminError;
use crate::admin::callback_preview::{MOST, callbacks, simulate};
use crate::admin::save::{self, Note};
use crate::delivery::{DeliveryPolicy, RuleTerms};
use crate::domain::postback::{Attempt, Postback, PostbackState};
use crate::domain::session::LinkCallback;
use crate::http::State;
use crate::http::problem::ApiError;
use crate::tracking::hosts::is_callback_listed;
use crate::tracking::query::Pairs;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

/// Stands where a link token would: no link can have it.
pub(super) const TOKEN: &str = "cbtest";
/// Answers with every callback: what would be sent or was sent, and what came back.
pub(super) async fn test(
    request: HttpRequest,
    tracking: Data<TrackingState>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let callbacks = callbacks(request.query_string());
    let may_send = spend_ticket(request.query_string(), &callbacks, &state).await?;
    let catalog = tracking.recorder.catalog();
    let hosts: Vec<String> = catalog
        .partners
        .values()
        .flat_map(|partner| partner.callback_hosts.iter().cloned())
        .collect();
    let turn = tracking.callback_tests.take()?;
    let policy = DeliveryPolicy::default();
    let done = web::block(move || {
        let _turn = turn;
        let now_ms = state.now_ms();
        let mut shown = Vec::new();
        for callback in &callbacks {
            let postbacks = simulate(callback, now_ms);
            if postbacks.is_empty() {
                shown.push(json!({"callback": callback.name, "result": "not_called", "message": NOT_CALLED}));
            }
            for postback in postbacks.into_iter().take(MOST) {
                let is_allowed =
                    url::Url::parse(&postback.request.url).is_ok_and(|url| is_callback_listed(&hosts, &url));
                let attempt = match postback.state {
                    PostbackState::Waiting { .. } if is_allowed && may_send => {
                        Some(state.delivery.send_test(
                            postback.id,
                            &postback.request,
                            &policy,
                            (&RuleTerms::default(), None),
                            now_ms,
                        ))
                    }
                    _ => None,
                };
                shown.push(show(&callback.name, &postback, (is_allowed, may_send), attempt));
            }
        }
        shown
    })
    .await
    .map_err(|_| AdminError::Busy)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({"callbacks": done})))
}

const NOT_CALLED: &str =
    "Nothing would be called: check the name of the parameter, the condition and the encoding of the URL.";

/// Uses up the ticket of the query, if it has one, and enters the test in the audit log; whether it may send.
async fn spend_ticket(query: &str, callbacks: &[LinkCallback], state: &State) -> Result<bool, ApiError> {
    let pairs = Pairs::parse(query.as_bytes()).list;
    let Some(ticket) = pairs.into_iter().find(|pair| pair.name == "ticket") else {
        return Ok(false);
    };
    let Some(actor) = state.callback_tickets.spend(&ticket.value, state.now_ms()) else {
        return Ok(false);
    };
    let names: Vec<&str> = callbacks.iter().map(|callback| &*callback.name).collect();
    let entry = Note::new("callback.test", TOKEN).detail(names.join(" "));
    save::note(&state.recorder, actor, entry).await?;
    Ok(true)
}

const NOT_SENT: &str =
    "Shown, not sent: an editor can get a ticket for one real test (POST /api/v1/test/callback_tickets).";

fn show(
    name: &str,
    postback: &Postback,
    (is_allowed, may_send): (bool, bool),
    attempt: Option<Attempt>,
) -> Value {
    let is_rendered = matches!(postback.state, PostbackState::Waiting { .. });
    let (result, message) = match (&attempt, is_allowed) {
        (Some(_), _) => ("sent", format!("callbackTest called: {}", postback.request.url)),
        (None, true) if is_rendered && !may_send => ("shown", NOT_SENT.to_owned()),
        (None, true) => ("unrenderable", "The URL cannot be made from the sample values.".to_owned()),
        (None, false) => (
            "host_not_allowed",
            "Not sent: the host is not among the callback hosts of any partner; add it in the partner's settings."
                .to_owned(),
        ),
    };
    json!({
        "callback": name,
        "result": result,
        "message": message,
        "url": postback.request.url,
        "attempt": attempt.map(|attempt| json!({
            "outcome": attempt.outcome,
            "duration_ms": attempt.duration_ms,
            "body": attempt.excerpt,
        })),
    })
}
