//! What callers are told: replies, and failures with the text and code that they become.

use super::Endpoint;
use crate::domain::activity::RefusalReason;
use crate::domain::ids::ActivityId;
use crate::domain::session::Session;
use crate::store::StoreError;
use crate::tracking::idempotency::Told;
use crate::tracking::outcome::Ended;
use crate::tracking::query::{FieldError, cut};
use serde_json::{Map, Value, json};

/// The answer to erasures that come faster than they are taken.
pub fn too_many_erasures(retry_after_s: u64) -> Reply {
    let body = json!({
        "error": format!("{} request failed (Too many requests)", Endpoint::Forget.word()),
        "code": "throttled",
        "message": format!("At most ten erasures a minute are taken; send this one again in {retry_after_s} seconds."),
        "field": null,
    });
    Reply { status: 429, body }
}

/// The answer to requests that come too often.
pub fn too_often(endpoint: Endpoint, retry_after_s: u64) -> Reply {
    let body = json!({
        "error": format!("{} request failed (Too many requests)", endpoint.word()),
        "code": "too_often",
        "message": format!("Send this one again in {retry_after_s} seconds; servers with a token, a signature or a listed address are not bounded."),
        "field": null,
    });
    Reply { status: 429, body }
}

/// The answer to an erasure while too many wait.
pub(super) fn busy_erasures() -> Reply {
    let body = json!({
        "error": format!("{} request failed (Try again)", Endpoint::Forget.word()),
        "code": "busy",
        "message": "As many erasures wait as may that nobody proved; send this one again later, or with a token or signature.",
        "field": null,
    });
    Reply { status: 503, body }
}

/// The answer to an install while as many devices are known as may be.
pub(super) fn no_room() -> Reply {
    let body = json!({
        "error": format!("{} request failed (Try again)", Endpoint::Session.word()),
        "code": "busy",
        "message": "As many devices are known as may be; room is being made. Send the request again in a few seconds.",
        "field": null,
    });
    Reply { status: 503, body }
}

/// What the caller is told; the same idempotency key brings it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// A JSON object.
    pub body: Value,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// How the request ended.
    pub fn ended(&self) -> Ended {
        match self.status {
            200..300 => Ended::Accepted,
            400 => Ended::Invalid,
            503 => Ended::Unavailable,
            _ => Ended::Refused,
        }
    }
}

impl Told for Reply {
    fn remembered(&self) -> Option<(u16, String)> {
        // What is answered 503 is to be sent again, under the same key.
        (self.status != 503).then(|| (self.status, self.body.to_string()))
    }

    fn recalled(status: u16, text: &str) -> Option<Self> {
        let body = serde_json::from_str(text).ok()?;
        Some(Self { status, body })
    }
}

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) enum Stop {
    /// For a reason of the caller's; it is kept and told.
    Failed(Box<Failure>),
    /// The store cannot be read: nothing is decided.
    Store(StoreError),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a request is not carried out for a reason of the caller's: status and text as the documented API has them.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) text: &'static str,
    pub(super) reason: RefusalReason,
    pub(super) field: Option<String>,
    pub(super) message: String,
    pub(super) is_kept: bool,
}

impl Failure {
    pub(super) fn new(status: u16, text: &'static str, reason: RefusalReason) -> Self {
        Self {
            status,
            text,
            reason,
            field: None,
            message: reason.remedy().to_owned(),
            is_kept: true,
        }
    }

    pub(super) fn field(text: &'static str, error: &FieldError) -> Self {
        Self {
            field: Some(error.field.clone()),
            message: error.message.clone(),
            ..Self::new(400, text, RefusalReason::InvalidField)
        }
    }

    pub(super) fn reply(&self, endpoint: Endpoint, app_token: &str, activity: Option<ActivityId>) -> Reply {
        let mut error = format!("{} request failed ({})", endpoint.word(), self.text);
        if endpoint == Endpoint::AdRevenue {
            error.push_str(&format!(" (app_token: {})", cut(app_token, 64)));
        }
        let mut body = Map::new();
        body.insert("error".into(), error.into());
        body.insert("code".into(), self.reason.code().into());
        body.insert("message".into(), self.message.clone().into());
        body.insert("field".into(), self.field.clone().into());
        if let Some(id) = activity {
            body.insert("activity_id".into(), id.to_string().into());
        }
        Reply {
            status: self.status,
            body: Value::Object(body),
        }
    }
}

/// What an answer says of the credit; `null` for each part that there is not.
pub(super) fn credit_json(session: Option<&Session>) -> Value {
    let level = |n: usize| session.and_then(|s| s.names.get(n)).cloned();
    json!({
        "tracker_token": session.map(|s| s.link.as_str()),
        "tracker_name": session.map_or_else(|| "Organic".to_owned(), Session::tracker_name),
        "network": level(0).unwrap_or_else(|| "Organic".to_owned()),
        "campaign": level(1),
        "adgroup": level(2),
        "creative": level(3),
        "click_label": session.map(|s| s.label.as_str()).filter(|label| !label.is_empty()),
    })
}
