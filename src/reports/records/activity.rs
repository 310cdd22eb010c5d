//! Activities as the API shows them, and what of them somebody may see.

use crate::domain::activity::{
    Activity, ActivityKind, Candidate, ConversionStatus, MatchType, RuleOutcome, StatusChange, Verdict,
};
use crate::domain::identity::{Consent, Kind};
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId, SessionId};
use crate::domain::money::Money;
use crate::domain::note::{self, Note};
use crate::domain::postback::Origin;
use crate::domain::rule::RuleScope;
use crate::domain::session::Session;
use crate::reports::PartnerScope;
use crate::store::catalog::Catalog;
use serde::Serialize;

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

/// What is known of the person: kinds only, never a digest.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct IdentityDto {
    /// Of which kinds of identifiers there are digests.
    pub kinds: Vec<Kind>,
    /// Whether data may be sent to ad platforms; `null` when nothing was said.
    pub ad_user_data: Option<Consent>,
    /// Whether it may be used for personal ads.
    pub ad_personalization: Option<Consent>,
}

/// An activity.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ActivityDto {
    /// Its id.
    pub id: ActivityId,
    /// What happened.
    pub kind: ActivityKind,
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
    pub status: Option<ConversionStatus>,
    /// Status before this change.
    pub outdated_status: Option<ConversionStatus>,
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
    pub match_type: Option<MatchType>,
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
    /// What was odd about the request, which was taken all the same.
    pub notes: Vec<Note>,
    /// What is known of the person.
    pub identity: IdentityDto,
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
            fields: a
                .input
                .fields
                .iter()
                .filter(|pair| note::is_sent(pair))
                .cloned()
                .collect(),
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
            identity: IdentityDto {
                kinds: a.identity.kinds(),
                ad_user_data: a.identity.ad_user_data,
                ad_personalization: a.identity.ad_personalization,
            },
            notes: note::notes(&a.input.fields).collect(),
            facts: a.facts.clone(),
        }
    }
}

/// An activity as somebody may see it, who may see the activity itself: without what rules of others said, and
/// without the clicks of others that were considered.
pub fn seen_activity(scope: &PartnerScope, catalog: &Catalog, activity: &Activity) -> ActivityDto {
    let mut dto = ActivityDto::from(activity);
    if scope.is_all() {
        return dto;
    }
    let sees_origin = |origin: &Origin| match origin {
        Origin::Rule(id) => scope.sees(match catalog.rule(id).map(|rule| &rule.scope) {
            Some(RuleScope::Partner { partner, .. }) => Some(partner),
            Some(RuleScope::Offer { .. }) | None => None,
        }),
        // Carried on a click URL of the partner that has the credit.
        Origin::Link(_) => true,
        Origin::Test(_) => false,
    };
    let seen = activity
        .rules
        .iter()
        .filter(|outcome| sees_origin(&outcome.origin));
    dto.rules = seen.map(RuleOutcomeDto::from).collect();
    let own = dto.session;
    dto.candidates.retain(|candidate| Some(candidate.session) == own);
    dto
}
