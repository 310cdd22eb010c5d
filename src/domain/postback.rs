//! Postbacks: one rendered request each, what became of it, and its attempts.
//!
//! These records are stored with postcard, which is not self-describing: no tagged enums, no skipped
//! fields. The shape that the API shows is made in `reports`.

use super::ids::{ActivityId, OfferId, PartnerId, PostbackId, RuleId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// HTTP method of a postback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Everything is in the URL.
    #[default]
    Get,
    /// With a form or JSON body.
    Post,
}

impl Method {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One request as it will go out, byte for byte, except for signatures, which carry the time of the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// Absolute URL, rendered, at most 8 KiB.
    pub url: String,
    /// Extra headers of the rule, rendered; names in the case that the rule wrote.
    pub headers: Vec<(String, String)>,
    /// Body of a POST, at most 64 KiB; its type is among the headers.
    pub body: Option<String>,
}

/// The destination that a postback shares its fate with: scheme, host and port.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneKey(pub Box<str>);

impl LaneKey {
    /// The lane of a URL: `scheme://host:port`, lower case, the port always written. `None` when it is no http(s) URL.
    pub fn of(url: &str) -> Option<Self> {
        let url = url::Url::parse(url).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        Some(Self(format!("{}://{host}:{port}", url.scheme()).into()))
    }
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a postback ended as failed. Each has a stable code ([`FailReason::code`]).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FailReason {
    /// The schedule ran out.
    Exhausted,
    /// The receiver answered 410.
    Gone,
    /// Never answered within the time to live (96 h by default).
    Expired,
    /// The egress policy refuses the address.
    EgressRefused,
    /// The template cannot be rendered with these values.
    Unrenderable,
    /// An operator or an erasure cancelled it.
    Cancelled,
    /// The partner's click id is to be sent and has no value; a resend sends it all the same.
    NoClickId,
    /// Older than its rule sends; a resend ends the same way.
    TooOld,
    /// The receiver refused it for good, as its rule reads the answer.
    RefusedByPartner,
    /// The visitor's whole address is to be sent and is not, or no longer, kept.
    NoAddress,
    /// More waits for its partner, which is held, than may wait; a resend sends it all the same.
    HeldQueueFull,
}

impl FailReason {
    /// Stable code.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Where a postback stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostbackState {
    /// Will be attempted at `due_at_ms`, or when its lane opens.
    Waiting {
        /// Unix milliseconds.
        due_at_ms: i64,
    },
    /// Answered with 2xx.
    Delivered {
        /// Unix milliseconds.
        at_ms: i64,
    },
    /// Given up; can be resent.
    Failed {
        /// Unix milliseconds.
        at_ms: i64,
        /// Why.
        reason: FailReason,
    },
}

impl PostbackState {
    /// Whether nothing more will happen by itself.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Failed { .. })
    }
}

/// What made a postback: a rule, or a callback carried on the click URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A rule of the catalog.
    Rule(RuleId),
    /// A parameter of the click URL, by name (`install_callback`, ...).
    Link(String),
    /// A test send by an operator.
    Test(RuleId),
}

/// One rendered request, queued for delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postback {
    /// Stable over all attempts.
    pub id: PostbackId,
    /// The activity that caused it.
    pub activity: ActivityId,
    /// The offer of the activity.
    pub offer: OfferId,
    /// The partner that is told; `None` for an offer-wide rule (a server of the advertiser).
    pub partner: Option<PartnerId>,
    /// What made it.
    pub origin: Origin,
    /// Which entry of the rule text, from 0.
    pub entry: u16,
    /// Destination.
    pub lane: LaneKey,
    /// The request.
    pub request: Request,
    /// Unix milliseconds of acceptance; the time to live counts from here.
    pub created_at_ms: i64,
    /// Unix milliseconds of the last resend by hand; the time to live counts anew from here.
    pub resent_at_ms: Option<i64>,
    /// Where it stands.
    pub state: PostbackState,
    /// Attempts made so far (those that used up the schedule).
    pub attempts: u16,
    /// Orders the statuses of one conversion to one partner: postbacks with the same key are sent one
    /// after the other, across rules and entries. `None` when nothing has to be ordered.
    pub order_key: Option<ActivityId>,
    /// Labelled test: left out of totals.
    pub is_test: bool,
    /// The last attempt, repeated here so that a list needs no second look-up.
    pub last: Option<Attempt>,
    /// Unix milliseconds from which it is too old to be sent, if its rule says so.
    pub expires_at_ms: Option<i64>,
    /// It asks what became of this one, which was taken first and is judged later.
    pub looks_at: Option<PostbackId>,
    /// When a second look found it taken for good, unix milliseconds.
    pub confirmed_at_ms: Option<i64>,
}

impl Postback {
    /// From when the time to live counts, unix milliseconds.
    pub fn accepted_at_ms(&self) -> i64 {
        self.resent_at_ms.unwrap_or(self.created_at_ms)
    }

    /// Whether its text was erased: there is nothing to send again.
    pub fn is_erased(&self) -> bool {
        self.request.url.is_empty()
    }
}

/// Why an exchange brought no HTTP answer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorClass {
    /// The name could not be resolved.
    Dns,
    /// Refused or unreachable.
    Connect,
    /// TLS handshake or certificate.
    Tls,
    /// Not done within the limit.
    Timeout,
    /// The connection broke.
    Reset,
    /// The answer is not HTTP.
    Malformed,
    /// The egress policy refuses the address.
    Egress,
    /// Our own fault (a request that could not be built); the text tells.
    Internal,
}

/// What one attempt brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An HTTP answer.
    Answered {
        /// Status code.
        status: u16,
        /// `Retry-After` as seconds from the end of the attempt, at most 6 h.
        retry_after_s: Option<u32>,
    },
    /// None.
    Error {
        /// What kind of failure.
        class: ErrorClass,
        /// A sentence for the operator.
        message: String,
    },
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerVerdict {
    /// Taken.
    Delivered,
    /// The same request again, later.
    Retry,
    /// Refused for good.
    GiveUp,
    /// The token or account is refused: everything for the partner waits.
    Stop,
}

/// One try of a postback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attempt {
    /// From 1.
    pub number: u16,
    /// Unix milliseconds when it began.
    pub at_ms: i64,
    /// How long the exchange took.
    pub duration_ms: u32,
    /// The URL that was called.
    pub url: String,
    /// What came of it.
    pub outcome: Outcome,
    /// `content-type`, `location`, `retry-after`, `server`, `date`: those that came.
    pub headers: Vec<(String, String)>,
    /// The first 2 KiB of the body, invalid UTF-8 replaced.
    pub excerpt: String,
    /// The address that was connected to.
    pub remote_addr: Option<String>,
    /// Sent by hand, so it used up no attempt of the schedule.
    pub is_manual: bool,
    /// What the rule says that the answer means; `None`: its status line was read.
    pub verdict: Option<AnswerVerdict>,
    /// The receiver's own words, where the rule says where they stand.
    pub said: String,
}
