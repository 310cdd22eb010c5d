//! Activities: everything tracked, with its kind, status and the reason when it does not count.

mod changes;

use super::identity::Identity;
use super::ids::{ActivityId, EventToken, OfferId, PostbackId, SessionId};
use super::money::Money;
use super::postback::Origin;
use super::session::Session;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use strum::VariantArray;

/// What kind of thing happened; the value of `{activity_kind}`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ActivityKind {
    /// An ad was seen.
    Impression,
    /// A link was followed.
    Click,
    /// First open of an app.
    Install,
    /// A later open, at least 30 minutes after the one before.
    Session,
    /// A conversion: the first occurrence of an event.
    Event,
    /// A later status of a conversion.
    EventUpdate,
    /// A returning user credited to a new link.
    Reattribution,
    /// The credit of an install changed.
    InstallUpdate,
    /// The credit of a reattribution changed.
    ReattributionUpdate,
    /// An engagement was refused the credit of an install.
    RejectedInstall,
    /// An engagement was refused the credit of a reattribution.
    RejectedReattribution,
    /// The app was removed.
    Uninstall,
    /// The app came back.
    Reinstall,
    /// The app came back through a new link.
    ReattributionReinstall,
    /// A network reported the cost of an engagement.
    CostUpdate,
    /// Revenue from showing ads.
    AdRevenue,
    /// A visitor asked to be forgotten.
    GdprForgetDevice,
    /// Apple's install postback.
    SkInstall,
}

impl ActivityKind {
    /// Every kind, in the order of the specification.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the app came to a device: what can be settled as an install.
    pub fn is_arrival(self) -> bool {
        matches!(
            self,
            Self::Install | Self::Reattribution | Self::Reinstall | Self::ReattributionReinstall
        )
    }

    /// Whether custom parameters are appended to the postbacks of this kind.
    pub fn appends_custom_parameters(self) -> bool {
        matches!(
            self,
            Self::Event | Self::EventUpdate | Self::AdRevenue | Self::Session
        )
    }
}

/// Status of a conversion (成果ステータス).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ConversionStatus {
    /// 承認待ち.
    Pending,
    /// 承認.
    Approved,
    /// 否認.
    Rejected,
}

impl ConversionStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl FromStr for ConversionStatus {
    type Err = ();
    /// Takes the names on the wire and the usual words of partners, carts and spreadsheets, in both languages.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.trim().to_ascii_lowercase().as_str() {
            "pending" | "hold" | "承認待ち" | "未承認" | "保留" => Ok(Self::Pending),
            "approved" | "approve" | "confirmed" | "承認" | "承認済" | "承認済み" | "確定" => {
                Ok(Self::Approved)
            }
            "rejected" | "reject" | "declined" | "cancelled" | "canceled" | "否認" | "非承認" | "却下"
            | "キャンセル" => Ok(Self::Rejected),
            _ => Err(()),
        }
    }
}

/// Why an activity does not count. Each is a stable code and is shown to operators in their language.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RefusalReason {
    /// No such session, or older than what is kept.
    UnknownSession,
    /// Neither a session, a visitor nor a partner click id was given.
    MissingSession,
    /// The click lies outside the conversion window (成果判定期間).
    OutsideWindow,
    /// The order number was counted before.
    DuplicateUid,
    /// The visitor converted before.
    DuplicateVisitor,
    /// The session converted before.
    DuplicateSession,
    /// The session is a bot's or a prefetch.
    Bot,
    /// The caller's address is not on the allow-list.
    IpNotAllowed,
    /// The HMAC signature is missing or wrong.
    BadSignature,
    /// The bearer token is missing or wrong.
    BadToken,
    /// The offer has no such event.
    WrongEvent,
    /// The session belongs to another offer, or there is no such offer.
    WrongOffer,
    /// The offer is paused.
    OfferPaused,
    /// Its time lies in the future.
    FutureTimestamp,
    /// Its time lies before the click, or is older than accepted.
    TooOld,
    /// A field has a wrong form.
    InvalidField,
    /// Later than one already seen of the same device and event.
    OutOfOrder,
    /// An event that is counted once a device came again.
    UniqueEvent,
    /// The device is unknown (no session before).
    UnknownDevice,
    /// The device asked to be forgotten.
    ForgottenDevice,
    /// Apple's signature is invalid.
    InvalidAppleSignature,
    /// No conversion that counts has this order number.
    UnknownOrder,
    /// More than one conversion of the event has this order number.
    AmbiguousOrder,
    /// More sales of one click than count without a proof of who reports them.
    OverBound,
}

impl RefusalReason {
    /// Stable code.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether it says that the same thing was counted before.
    pub fn is_duplicate(self) -> bool {
        matches!(
            self,
            Self::DuplicateUid | Self::DuplicateVisitor | Self::DuplicateSession
        )
    }

    /// What to do about it, in English; the UI has its own texts.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::UnknownSession => {
                "Send the sid, or the cost_id, unchanged as the click had it, within the retention of sessions."
            }
            Self::MissingSession => {
                "Send sid, or let the tag on the landing page set the visitor's cookie first."
            }
            Self::OutsideWindow => {
                "The click is older than the offer's conversion window; widen the window if this should count."
            }
            Self::DuplicateUid => {
                "This order number was counted before; nothing to do, or change the event's duplicate setting."
            }
            Self::DuplicateVisitor => {
                "This visitor converted before within the event's days; nothing to do, or change the setting."
            }
            Self::DuplicateSession => {
                "This session converted before; send an order number as uid1 if several orders should count."
            }
            Self::Bot => {
                "The click came from a bot or a prefetch; count bots in the offer's settings if it should count."
            }
            Self::IpNotAllowed => "Add the caller's address to the offer's allow-list.",
            Self::BadSignature => "Sign the request with the offer's HMAC secret as the reference describes.",
            Self::BadToken => {
                "Send Authorization: Bearer with a token of the offer that is enabled for this endpoint."
            }
            Self::WrongEvent => {
                "Use the token of an event of the offer or app; conversions of sites may name its exact name."
            }
            Self::WrongOffer => {
                "Send the id of the offer: as cid that of the click's offer, as app_token that of the app."
            }
            Self::OfferPaused => "Resume the offer if it should count.",
            Self::FutureTimestamp => "Check the clock of the sender.",
            Self::TooOld => "Send conversions sooner, or leave the time out.",
            Self::InvalidField => "Correct the field that the message names.",
            Self::OutOfOrder => "Send events of a device in the order of their time.",
            Self::UniqueEvent => "The event is counted once a device; nothing to do, or change the event.",
            Self::UnknownDevice => "Send a session of the device first.",
            Self::ForgottenDevice => "The device asked to be forgotten; nothing is recorded of it any more.",
            Self::InvalidAppleSignature => "The postback is not signed by Apple; nothing to do.",
            Self::UnknownOrder => {
                "No conversion of this event has the order number; send sid too if it is a new one, or name the event."
            }
            Self::AmbiguousOrder => {
                "Several conversions of this event have the order number; change them by their activity_id."
            }
            Self::OverBound => {
                "One click had more sales today than count without proof; send them with a token, a signature or from a listed address."
            }
        }
    }
}

/// Whether an activity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It counts.
    Accepted,
    /// The same as an earlier one.
    Duplicate {
        /// The first of them.
        of: ActivityId,
        /// What they have in common.
        reason: RefusalReason,
    },
    /// It does not count.
    Refused {
        /// Why.
        reason: RefusalReason,
    },
}

/// How an activity was tied to its session.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MatchType {
    /// The session that `sid` names.
    Sid,
    /// Last click of the visitor (first-party cookie).
    Visitor,
    /// The partner's click id.
    PartnerClickId,
    /// A device id.
    DeviceTag,
    /// The Play Store referrer.
    Reftag,
    /// Address, system and model.
    Probabilistic,
    /// Claimed by a network.
    Claim,
    /// Nobody.
    Organic,
}

/// A session that was looked at for the credit, and what became of it: the trace shows all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Candidate {
    /// The session.
    pub session: SessionId,
    /// How it matched.
    pub matched_by: MatchType,
    /// Whether it has the credit.
    pub is_winner: bool,
    /// Why it has not: a stable code such as `outside_window`, `older_than_winner`, `wrong_offer`.
    pub lost_because: Option<String>,
}

/// A change of a conversion's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StatusChange {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// New status.
    pub status: ConversionStatus,
    /// `automatic`, `schedule`, `api`, or the name of the user.
    pub by: String,
}

/// What came with a conversion or app activity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActivityInput {
    /// `uid1` to `uid8`, cut from the end.
    pub uids: Vec<String>,
    /// Custom parameters (`p_<name>`, `callback_params`), sorted by key.
    pub custom: Vec<(String, String)>,
    /// Partner parameters (`partner_params`), sorted by key.
    pub partner_custom: Vec<(String, String)>,
    /// Every other field by its documented name: placeholders without a source of their own read here.
    pub fields: Vec<(String, String)>,
    /// Address of the caller as the privacy setting leaves it.
    pub ip: String,
    /// User agent of the caller, cut to 512 bytes.
    pub user_agent: String,
    /// Referer of the caller, cut to 1 KiB.
    pub referer: String,
}

/// The stored record of one activity. Clicks and impressions are not stored again: their session is their
/// record, and its SID their activity id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its id; the time of receipt is in it.
    pub id: ActivityId,
    /// What happened.
    pub kind: ActivityKind,
    /// When it happened, unix milliseconds (`{created_at}`).
    pub at_ms: i64,
    /// The offer; `None` when the caller named none that exists.
    pub offer: Option<OfferId>,
    /// The event, for kinds that have one.
    pub event: Option<EventToken>,
    /// Whether it counts.
    pub verdict: Verdict,
    /// For the operator: which field, which value (cut and escaped), which check only noted.
    pub note: String,
    /// Status of a conversion.
    pub status: Option<ConversionStatus>,
    /// Status before this change (`event_update`).
    pub outdated_status: Option<ConversionStatus>,
    /// For `event_update` and the like: the activity that it changes.
    pub of: Option<ActivityId>,
    /// What it is worth.
    pub money: Option<Money>,
    /// What the partner is owed.
    pub payout: Option<Money>,
    /// What came with it.
    pub input: ActivityInput,
    /// The credited session, whole: what rules can read outlives the session's retention.
    pub session: Option<Box<Session>>,
    /// How the session was found.
    pub match_type: Option<MatchType>,
    /// Every session that was looked at.
    pub candidates: Vec<Candidate>,
    /// TUID or `adid` of the visitor.
    pub tuid: String,
    /// Sandbox or test: left out of totals.
    pub is_test: bool,
    /// Which rules were asked, and what each said; filled when the activity is recorded.
    pub rules: Vec<RuleOutcome>,
    /// History of the status, oldest first.
    pub history: Vec<StatusChange>,
    /// Values of app measurement that have no field of their own (`session_count`, `installed_at`, ...), by placeholder name.
    pub facts: Vec<(String, String)>,
    /// Digests that identify the person, and their consent, as the offer keeps them (since version 2).
    pub identity: Identity,
}

impl Activity {
    /// The kind of the conversion that it is, or whose status it changes.
    pub fn conversion_kind(&self) -> ActivityKind {
        if self.kind != ActivityKind::EventUpdate || self.event.is_some() {
            return self.kind;
        }
        // Changes of installs carry the name of their kind as that of an event.
        let named = self.facts.iter().find(|(fact, _)| fact == "event_name");
        named
            .and_then(|(_, kind)| kind.parse().ok())
            .filter(|kind: &ActivityKind| kind.is_arrival())
            .unwrap_or(self.kind)
    }

    /// The session id as it was sent, of an activity that is kept without its session.
    pub fn unresolved_sid(&self) -> Option<&str> {
        let is_kept_only = self.verdict != Verdict::Accepted && self.session.is_none();
        let mut fields = self.input.fields.iter().filter(|_| is_kept_only);
        fields
            .find(|(name, value)| name == "sid" && !value.is_empty())
            .map(|(_, sid)| sid.as_str())
    }
}

/// What one entry of a rule said about an activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RuleOutcome {
    /// The rule, or the callback parameter of the click URL.
    pub origin: Origin,
    /// Which entry, from 0.
    pub entry: u16,
    /// The condition with the values that it saw, for people: `{country} = "jp" equal "us"`.
    pub condition: Option<String>,
    /// Whether the condition held (always for an entry without one).
    pub holds: bool,
    /// The postback that came of it.
    pub postback: Option<PostbackId>,
    /// Why none came although the condition held: a stable code.
    pub skipped: Option<String>,
}
