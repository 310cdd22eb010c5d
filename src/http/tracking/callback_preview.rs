//! `GET /c/cbtest?install_callback=...`: shows what callbacks of a click URL would send, made from sample data. For
//! partners who try out their encoding before the first real install.
//!
//! Anybody can open this address, so it sends nothing by itself: with `ticket=...`, which an editor gets from the API
//! and which is good once, hosts that some partner may name on its click URLs are really called, at most four tests at
//! a time, and the audit log names the editor.

use super::TrackingState;
use crate::admin::AdminError;
use crate::admin::save::{self, Note};
use crate::delivery::{DeliveryPolicy, RuleTerms};
use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::ids::{EventToken, PostbackId};
use crate::domain::plan;
use crate::domain::postback::{Attempt, Postback, PostbackState};
use crate::domain::session::LinkCallback;
use crate::domain::template::sample::sample_activity;
use crate::http::State;
use crate::http::problem::ApiError;
use crate::tracking::hosts::is_callback_listed;
use crate::tracking::query::Pairs;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Stands where a link token would: no link can have it.
pub(super) const TOKEN: &str = "cbtest";
/// Callbacks of one request at most.
const MOST: usize = 8;
/// Tests under way at most.
const MOST_AT_ONCE: usize = 4;

/// Places for tests under way; one is given back when its permit is dropped.
#[derive(Debug, Clone)]
pub struct CallbackTests(Arc<Semaphore>);

impl Default for CallbackTests {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_AT_ONCE)))
    }
}

impl CallbackTests {
    fn take(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.0
            .clone()
            .try_acquire_owned()
            .map_err(|_| AdminError::Busy.into())
    }
}

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

/// The callbacks of the query; `callback` stands for `install_callback` here.
fn callbacks(query: &str) -> Vec<LinkCallback> {
    let pairs = Pairs::parse(query.as_bytes()).list;
    let named = pairs.into_iter().filter(|pair| pair.name.contains("callback"));
    named
        .map(|pair| LinkCallback {
            name: if pair.name == "callback" {
                "install_callback".into()
            } else {
                pair.name
            },
            text: pair.value,
        })
        .take(MOST)
        .collect()
}

/// What the callback would send for the first kind of activity that it is for.
fn simulate(callback: &LinkCallback, now_ms: i64) -> Vec<Postback> {
    let kinds = [
        ActivityKind::Install,
        ActivityKind::Reattribution,
        ActivityKind::Session,
        ActivityKind::Event,
        ActivityKind::Click,
        ActivityKind::Impression,
        ActivityKind::RejectedInstall,
        ActivityKind::RejectedReattribution,
    ];
    let token = callback
        .name
        .rsplit('_')
        .next()
        .and_then(|token| token.parse::<EventToken>().ok());
    for kind in kinds {
        let Ok(sample) = sample_activity(kind) else {
            continue;
        };
        let mut activity: Activity = sample.activity.clone();
        if let (Some(token), ActivityKind::Event) = (&token, kind) {
            activity.event = Some(token.clone());
        }
        if let Some(session) = activity.session.as_deref_mut() {
            session.callbacks = vec![callback.clone()];
        }
        let mut make_id = || (PostbackId::new(now_ms, rand::random()), rand::random());
        let plan = plan::plan(&activity, &sample.context(), [], &mut make_id);
        if !plan.outcomes.is_empty() {
            return plan.postbacks;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_callback_is_simulated_with_the_kind_that_it_is_for() {
        for (name, part) in [
            ("install_callback", "k=install"),
            ("conversion_callback", "k=install"),
            ("session_callback", "k=session"),
            ("event_callback_41i3c9", "k=event&e=41i3c9"),
            ("click_callback", "k=click"),
        ] {
            let text = "https://net.example/?k={activity_kind}&e={event}".to_owned();
            let postbacks = simulate(
                &LinkCallback {
                    name: name.into(),
                    text,
                },
                1_795_000_000_000,
            );
            assert_eq!(postbacks.len(), 1, "{name}");
            assert!(
                postbacks[0].request.url.contains(part),
                "{name}: {}",
                postbacks[0].request.url
            );
        }
        let unknown = LinkCallback {
            name: "nothing_callback".into(),
            text: "https://net.example/".into(),
        };
        assert_eq!(simulate(&unknown, 0), vec![]);
        assert_eq!(
            callbacks("callback=https%3A%2F%2Fa.example%2F&x=1")[0].name,
            "install_callback"
        );
    }
}
