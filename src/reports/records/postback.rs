//! Postbacks and their attempts as the API shows them.

use super::activity::OriginDto;
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId};
use crate::domain::postback::{
    AnswerVerdict, Attempt, ErrorClass, Outcome, Postback, PostbackState, Request,
};
use crate::domain::template::hole::shown_request;
use serde::{Deserialize, Serialize};

/// Where a postback stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateFilter {
    /// Not settled yet.
    Waiting,
    /// Answered with 2xx.
    Delivered,
    /// Given up.
    Failed,
}

impl StateFilter {
    /// As in JSON and CSV.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// One try of a postback.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AttemptDto {
    /// From 1.
    pub number: u16,
    /// Unix milliseconds when it began.
    pub at_ms: i64,
    /// How long the exchange took.
    pub duration_ms: u32,
    /// The URL that was called.
    pub url: String,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// `Retry-After` of the answer, seconds.
    pub retry_after_s: Option<u32>,
    /// Kind of failure, when there was none.
    pub error: Option<ErrorClass>,
    /// A sentence about the failure.
    pub message: Option<String>,
    /// Headers of interest.
    pub headers: Vec<(String, String)>,
    /// The first 2 KiB of the body.
    pub excerpt: String,
    /// The address that was connected to.
    pub remote_addr: Option<String>,
    /// Sent by hand.
    pub is_manual: bool,
    /// What the rule says that the answer means; `null`: its status line was read.
    pub verdict: Option<AnswerVerdict>,
    /// The receiver's own words, where the rule says where they stand.
    pub said: Option<String>,
}

impl From<&Attempt> for AttemptDto {
    fn from(a: &Attempt) -> Self {
        let (status, retry_after_s, error, message) = match &a.outcome {
            Outcome::Answered {
                status,
                retry_after_s,
            } => (Some(*status), *retry_after_s, None, None),
            Outcome::Error { class, message } => (None, None, Some(*class), Some(message.clone())),
        };
        Self {
            number: a.number,
            at_ms: a.at_ms,
            duration_ms: a.duration_ms,
            url: a.url.clone(),
            status,
            retry_after_s,
            error,
            message,
            headers: a.headers.clone(),
            excerpt: a.excerpt.clone(),
            remote_addr: a.remote_addr.clone(),
            is_manual: a.is_manual,
            verdict: a.verdict,
            said: (!a.said.is_empty()).then(|| a.said.clone()),
        }
    }
}

/// A postback.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PostbackDto {
    /// Stable over all attempts.
    pub id: PostbackId,
    /// The activity that caused it; the SID for clicks and impressions.
    pub activity: ActivityId,
    /// Offer of the activity.
    pub offer: OfferId,
    /// The partner that is told; `null` for an offer-wide rule.
    pub partner: Option<PartnerId>,
    /// What made it.
    pub origin: OriginDto,
    /// Which entry of the rule text, from 0.
    pub entry: u16,
    /// Destination: scheme, host and port.
    pub lane: String,
    /// The exact request.
    pub request: Request,
    /// Unix milliseconds of acceptance.
    pub created_at_ms: i64,
    /// `waiting`, `delivered` or `failed`.
    pub state: StateFilter,
    /// Waiting: when it is due, unix milliseconds.
    pub due_at_ms: Option<i64>,
    /// Settled: when, unix milliseconds.
    pub settled_at_ms: Option<i64>,
    /// Failed: why, a stable code.
    pub fail_reason: Option<&'static str>,
    /// Attempts made so far.
    pub attempts: u16,
    /// Labelled test.
    pub is_test: bool,
    /// From when it is too old to be sent, unix milliseconds.
    pub expires_at_ms: Option<i64>,
    /// It asks what became of this one.
    pub looks_at: Option<PostbackId>,
    /// When a second look found it taken for good, unix milliseconds.
    pub confirmed_at_ms: Option<i64>,
    /// The last attempt.
    pub last: Option<AttemptDto>,
    /// Order number of the activity; only in lists.
    pub uid1: Option<String>,
}

impl From<&Postback> for PostbackDto {
    fn from(p: &Postback) -> Self {
        let (state, due_at_ms, settled_at_ms, fail_reason) = match p.state {
            PostbackState::Waiting { due_at_ms } => (StateFilter::Waiting, Some(due_at_ms), None, None),
            PostbackState::Delivered { at_ms } => (StateFilter::Delivered, None, Some(at_ms), None),
            PostbackState::Failed { at_ms, reason } => {
                (StateFilter::Failed, None, Some(at_ms), Some(reason.code()))
            }
        };
        Self {
            id: p.id,
            activity: p.activity,
            offer: p.offer.clone(),
            partner: p.partner.clone(),
            origin: OriginDto::from(&p.origin),
            entry: p.entry,
            lane: p.lane.to_string(),
            request: shown_request(&p.request),
            created_at_ms: p.created_at_ms,
            state,
            due_at_ms,
            settled_at_ms,
            fail_reason,
            attempts: p.attempts,
            is_test: p.is_test,
            expires_at_ms: p.expires_at_ms,
            looks_at: p.looks_at,
            confirmed_at_ms: p.confirmed_at_ms,
            last: p.last.as_ref().map(AttemptDto::from),
            uid1: None,
        }
    }
}

/// A postback with every attempt that is kept.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PostbackDetail {
    /// The postback.
    pub postback: PostbackDto,
    /// Oldest first.
    pub attempts: Vec<AttemptDto>,
}
