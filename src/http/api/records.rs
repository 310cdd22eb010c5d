//! What was recorded, as the API shows it: flat objects for sessions, activities, postbacks and attempts,
//! and reading them from the store.

use super::postbacks::StateFilter;
use crate::domain::activity::{Activity, Candidate, RuleOutcome, StatusChange, Verdict};
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId, SessionId};
use crate::domain::money::Money;
use crate::domain::plan::engagement;
use crate::domain::postback::{Attempt, Origin, Outcome, Postback, PostbackState, Request};
use crate::domain::session::Session;
use crate::http::State;
use crate::http::auth::Identity;
use crate::http::problem::ApiError;
use crate::store::{Reader, StoreError, codec, keys};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A click or impression.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SessionDto {
    /// SID.
    pub id: SessionId,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// `click`, `impression` or `direct`.
    pub kind: crate::domain::session::EngagementKind,
    /// Token of the link.
    pub link: String,
    /// Offer.
    pub offer: OfferId,
    /// Partner, if any.
    pub partner: Option<PartnerId>,
    /// Level names joined with `::`.
    pub tracker_name: String,
    /// TUID.
    pub tuid: String,
    /// As the privacy setting leaves it.
    pub ip: String,
    /// As sent.
    pub user_agent: String,
    /// As sent.
    pub referer: String,
    /// `ios`, `android`, ...
    pub os_name: String,
    /// As the user agent says it.
    pub os_version: String,
    /// `phone`, `tablet`, `pc`, `bot`.
    pub device_type: String,
    /// Where known.
    pub device_name: String,
    /// Where known.
    pub browser: String,
    /// First language of the browser.
    pub language: String,
    /// Two lower-case letters, or empty.
    pub country: String,
    /// Or empty.
    pub city: String,
    /// PARA1 to PARA5.
    pub para: [String; 5],
    /// `label`.
    pub label: String,
    /// Device ids by name.
    pub device_ids: Vec<(String, String)>,
    /// Every other parameter, in the order of the URL.
    pub parameters: Vec<(String, String)>,
    /// Where the visitor was sent.
    pub destination: String,
    /// A known bot or a link preview.
    pub is_bot: bool,
    /// `HEAD`, prefetch and the like.
    pub is_prefetch: bool,
    /// Repeated (連続クリック).
    pub is_repeat: bool,
    /// First of its visitor on its link that day.
    pub is_unique: bool,
    /// Labelled test.
    pub is_test: bool,
    /// Sent by a server.
    pub is_s2s: bool,
    /// Something exceeded a limit and was cut.
    pub is_cut: bool,
    /// Waited in memory while the store was down.
    pub is_spooled: bool,
}

impl From<&Session> for SessionDto {
    fn from(s: &Session) -> Self {
        Self {
            id: s.id,
            at_ms: s.at_ms(),
            kind: s.kind,
            link: s.link.to_string(),
            offer: s.offer.clone(),
            partner: s.partner.clone(),
            tracker_name: s.tracker_name(),
            tuid: s.tuid.clone(),
            ip: s.ip.clone(),
            user_agent: s.user_agent.clone(),
            referer: s.referer.clone(),
            os_name: s.device.os_name.clone(),
            os_version: s.device.os_version.clone(),
            device_type: s.device.device_type.clone(),
            device_name: s.device.device_name.clone(),
            browser: s.device.browser.clone(),
            language: s.device.language.clone(),
            country: s.geo.country.clone(),
            city: s.geo.city.clone(),
            para: s.para.clone(),
            label: s.label.clone(),
            device_ids: s.device_ids.clone(),
            parameters: s.parameters.clone(),
            destination: s.destination.clone(),
            is_bot: s.flags.is_bot,
            is_prefetch: s.flags.is_prefetch,
            is_repeat: s.flags.is_repeat,
            is_unique: s.flags.is_unique,
            is_test: s.flags.is_test,
            is_s2s: s.flags.is_s2s,
            is_cut: s.flags.is_cut,
            is_spooled: s.flags.is_spooled,
        }
    }
}

/// What made a postback.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OriginDto {
    /// `rule`, `link` (a callback on the click URL) or `test`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Rule id or name of the callback parameter.
    pub id: String,
}

impl From<&Origin> for OriginDto {
    fn from(origin: &Origin) -> Self {
        let (kind, id) = match origin {
            Origin::Rule(id) => ("rule", id.to_string()),
            Origin::Link(name) => ("link", name.clone()),
            Origin::Test(id) => ("test", id.to_string()),
        };
        Self { kind, id }
    }
}

/// What one entry of a rule said.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RuleOutcomeDto {
    /// The rule, or the callback parameter of the click URL.
    pub origin: OriginDto,
    /// Which entry, from 0.
    pub entry: u16,
    /// The condition with the values that it saw.
    pub condition: Option<String>,
    /// Whether the condition held.
    pub holds: bool,
    /// The postback that came of it.
    pub postback: Option<PostbackId>,
    /// Why none came although the condition held: a stable code.
    pub skipped: Option<String>,
}

impl From<&RuleOutcome> for RuleOutcomeDto {
    fn from(o: &RuleOutcome) -> Self {
        Self {
            origin: OriginDto::from(&o.origin),
            entry: o.entry,
            condition: o.condition.clone(),
            holds: o.holds,
            postback: o.postback,
            skipped: o.skipped.clone(),
        }
    }
}

/// Whether an activity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// It counts.
    Accepted,
    /// The same as an earlier one.
    Duplicate,
    /// It does not count.
    Refused,
}

impl VerdictWord {
    /// As in JSON and CSV.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
        }
    }
}

/// An activity.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ActivityDto {
    /// Its id.
    pub id: ActivityId,
    /// What happened.
    pub kind: crate::domain::activity::ActivityKind,
    /// When it happened, unix milliseconds.
    pub at_ms: i64,
    /// When it was received, unix milliseconds.
    pub received_at_ms: i64,
    /// Offer; `null` when the caller named none that exists.
    pub offer: Option<OfferId>,
    /// Token of the event.
    pub event: Option<String>,
    /// `accepted`, `duplicate` or `refused`.
    pub verdict: VerdictWord,
    /// Why it does not count: a stable code.
    pub reason: Option<&'static str>,
    /// What to do about it.
    pub remedy: Option<&'static str>,
    /// The first of the duplicates.
    pub duplicate_of: Option<ActivityId>,
    /// For the operator.
    pub note: String,
    /// `pending`, `approved` or `rejected`.
    pub status: Option<crate::domain::activity::ConversionStatus>,
    /// Status before this change.
    pub outdated_status: Option<crate::domain::activity::ConversionStatus>,
    /// The activity that it changes.
    pub of: Option<ActivityId>,
    /// What it is worth.
    pub money: Option<Money>,
    /// What the partner is owed.
    pub payout: Option<Money>,
    /// `uid1` to `uid8`.
    pub uids: Vec<String>,
    /// Custom parameters.
    pub custom: Vec<(String, String)>,
    /// Every other field by its documented name.
    pub fields: Vec<(String, String)>,
    /// SID of the credited session.
    pub session: Option<SessionId>,
    /// Partner of the credited session.
    pub partner: Option<PartnerId>,
    /// Link of the credited session.
    pub link: Option<String>,
    /// Level names of the credited link.
    pub tracker_name: Option<String>,
    /// PARA1 of the credited session.
    pub para1: Option<String>,
    /// How the session was found.
    pub match_type: Option<crate::domain::activity::MatchType>,
    /// TUID or `adid`.
    pub tuid: String,
    /// Address of the caller as the privacy setting leaves it.
    pub ip: String,
    /// User agent of the caller.
    pub user_agent: String,
    /// Sandbox or test.
    pub is_test: bool,
    /// Every session that was looked at.
    pub candidates: Vec<Candidate>,
    /// What every rule said.
    pub rules: Vec<RuleOutcomeDto>,
    /// History of the status, oldest first.
    pub history: Vec<StatusChange>,
    /// Values of app measurement by placeholder name.
    pub facts: Vec<(String, String)>,
}

impl From<&Activity> for ActivityDto {
    fn from(a: &Activity) -> Self {
        let (verdict, reason, duplicate_of) = match a.verdict {
            Verdict::Accepted => (VerdictWord::Accepted, None, None),
            Verdict::Duplicate { of, reason } => (VerdictWord::Duplicate, Some(reason), Some(of)),
            Verdict::Refused { reason } => (VerdictWord::Refused, Some(reason), None),
        };
        let session = a.session.as_deref();
        Self {
            id: a.id,
            kind: a.kind,
            at_ms: a.at_ms,
            received_at_ms: a.id.at_ms(),
            offer: a.offer.clone(),
            event: a.event.as_ref().map(ToString::to_string),
            verdict,
            reason: reason.map(|r| r.code()),
            remedy: reason.map(|r| r.remedy()),
            duplicate_of,
            note: a.note.clone(),
            status: a.status,
            outdated_status: a.outdated_status,
            of: a.of,
            money: a.money,
            payout: a.payout,
            uids: a.input.uids.clone(),
            custom: a.input.custom.clone(),
            fields: a.input.fields.clone(),
            session: session.map(|s| s.id),
            partner: session.and_then(|s| s.partner.clone()),
            link: session.map(|s| s.link.to_string()),
            tracker_name: session.map(Session::tracker_name),
            para1: session.map(|s| s.para[0].clone()),
            match_type: a.match_type,
            tuid: a.tuid.clone(),
            ip: a.input.ip.clone(),
            user_agent: a.input.user_agent.clone(),
            is_test: a.is_test,
            candidates: a.candidates.clone(),
            rules: a.rules.iter().map(RuleOutcomeDto::from).collect(),
            history: a.history.clone(),
            facts: a.facts.clone(),
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
    pub error: Option<crate::domain::postback::ErrorClass>,
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
    /// The last attempt.
    pub last: Option<AttemptDto>,
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
            request: p.request.clone(),
            created_at_ms: p.created_at_ms,
            state,
            due_at_ms,
            settled_at_ms,
            fail_reason,
            attempts: p.attempts,
            is_test: p.is_test,
            last: p.last.as_ref().map(AttemptDto::from),
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

/// Whether somebody may see an activity. Those without a partner are seen by those without a limit.
pub fn sees_activity(identity: &Identity, activity: &Activity) -> bool {
    identity.sees(activity.session.as_ref().and_then(|s| s.partner.as_ref()))
}

/// A session.
pub fn session(reader: &Reader, id: SessionId) -> Result<Option<Session>, StoreError> {
    let (db, key) = keys::session(id);
    reader
        .get(db, &key)?
        .map(|value| codec::decode_session(&value, db, &key))
        .transpose()
}

/// An activity.
pub fn activity(reader: &Reader, id: ActivityId) -> Result<Option<Activity>, StoreError> {
    let (db, key) = keys::activity(id);
    reader
        .get(db, &key)?
        .map(|value| codec::decode_activity(&value, db, &key))
        .transpose()
}

/// An activity, or the one that a session is.
pub fn activity_or_engagement(state: &State, id: ActivityId) -> Result<Option<Activity>, ApiError> {
    let reader = state.recorder.reader();
    if let Some(found) = activity(reader, id)? {
        return Ok(Some(found));
    }
    Ok(session(reader, SessionId(id.0))?.map(engagement))
}

/// A postback, waiting or settled.
pub fn postback(reader: &Reader, id: PostbackId) -> Result<Option<Postback>, StoreError> {
    for (db, key) in [keys::waiting(id), keys::postback(id)] {
        if let Some(value) = reader.get(db, &key)? {
            return codec::decode_postback(&value, db, &key).map(Some);
        }
    }
    Ok(None)
}

/// The attempts of a postback before its last one, oldest first.
fn attempts(reader: &Reader, id: PostbackId) -> Result<Vec<Attempt>, StoreError> {
    let db = keys::attempt(id, 0).0;
    let mut found = Vec::new();
    collect(reader, db, &keys::attempts_prefix(id), |key, value| {
        found.push(codec::decode_attempt(value, db, key)?);
        Ok(())
    })?;
    Ok(found)
}

/// A postback with its attempts.
pub fn detail(reader: &Reader, id: PostbackId) -> Result<Option<PostbackDetail>, StoreError> {
    let Some(postback) = postback(reader, id)? else {
        return Ok(None);
    };
    let mut attempts = attempts(reader, id)?;
    // The last one lives in the postback's own record.
    attempts.extend(postback.last.clone());
    Ok(Some(PostbackDetail {
        postback: PostbackDto::from(&postback),
        attempts: attempts.iter().map(AttemptDto::from).collect(),
    }))
}

/// The activities of a session, oldest first, at most `most`.
pub fn activities_of(reader: &Reader, session: SessionId, most: usize) -> Result<Vec<Activity>, StoreError> {
    let first = crate::store::Period::from_ms(session.at_ms());
    let mut found = BTreeMap::new();
    for period in reader
        .periods(crate::store::PeriodKind::Activities)
        .into_iter()
        .filter(|p| *p >= first)
    {
        let db = crate::store::Db::Period(crate::store::PeriodKind::Activities, period);
        let mut ids = Vec::new();
        reader.scan_prefix(
            db,
            &keys::activities_of_session_prefix(session),
            false,
            |key, _| {
                ids.extend(keys::parse_activity_index(key));
                if ids.len() < most {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        )?;
        for id in ids {
            if let Some(activity) = activity(reader, id)? {
                found.insert(id, activity);
            }
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found.into_values().take(most).collect())
}

/// The postbacks of a click, at most `most`.
pub fn postbacks_of_click(
    reader: &Reader,
    session: SessionId,
    most: usize,
) -> Result<Vec<PostbackId>, StoreError> {
    let db = crate::store::Db::postbacks(session.at_ms());
    let mut ids = Vec::new();
    reader.scan_prefix(
        db,
        &keys::postbacks_of_session_prefix(session),
        false,
        |key, _| {
            ids.extend(keys::parse_postback_by_session(key));
            if ids.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    )?;
    Ok(ids)
}

/// Scans a prefix with a visitor that may fail; the first failure ends the scan.
pub fn collect(
    reader: &Reader,
    db: crate::store::Db,
    prefix: &[u8],
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut failed = None;
    reader.scan_prefix(db, prefix, false, |key, value| match visit(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}
