//! Offers (広告 / アプリ): what is advertised, and every policy that hangs on it.

use super::activity::ActivityKind;
use super::identity::IdentityPolicy;
use super::ids::{EventToken, OfferId};
use super::money::{Currency, Money};
use super::secret::SecretText;
use super::stop::Stop;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use super::stop::RunState;

/// Site or app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfferKind {
    /// A web site: conversions by tag or server.
    #[default]
    Web,
    /// A mobile app: installs, sessions, events.
    App,
}

/// Where a click leads. Each is a URL template; the first that fits the device wins, in the order app deep
/// link, platform, default, fallback.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Destinations {
    /// For everyone else.
    pub default: String,
    /// iPhone and iPad: the store page or a site.
    pub ios: Option<String>,
    /// Android: the store page or a site.
    pub android: Option<String>,
    /// Custom-scheme or universal link that opens the app, on iOS and Android.
    pub deep_link: Option<String>,
    /// Devices for which there is no other destination.
    pub fallback: Option<String>,
}

impl Destinations {
    fn fields(&self) -> [Option<&str>; 5] {
        let others = [&self.ios, &self.android, &self.deep_link, &self.fallback];
        let [ios, android, deep_link, fallback] = others.map(|text| text.as_deref());
        [Some(self.default.as_str()), ios, android, deep_link, fallback]
            .map(|text| text.filter(|t| !t.is_empty()))
    }

    /// Those that are set; each field that is not is taken from `below`, as the offer's stand in for the link's.
    pub fn texts_over<'d>(&'d self, below: &'d Self) -> impl Iterator<Item = &'d str> {
        let pairs = self.fields().into_iter().zip(below.fields());
        pairs.filter_map(|(own, below)| own.or(below))
    }
}

/// How repeated conversions are recognised (重複成果).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateBy {
    /// `uid1` where it is given, else session and event.
    #[default]
    Default,
    /// `uid1` (order number); a conversion without one is never a duplicate.
    Uid,
    /// One conversion of the event a visitor within the days.
    Visitor,
    /// One conversion of the event a session.
    Session,
    /// Everything counts.
    Never,
}

/// Whether order numbers are compared within the offer or over all offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateScope {
    /// This offer.
    #[default]
    Offer,
    /// All offers (全体).
    All,
}

/// Duplicate policy of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DuplicatePolicy {
    /// What makes two conversions the same.
    pub by: DuplicateBy,
    /// Within how many days, 1 to 3650.
    pub days: u16,
    /// Over which offers.
    pub scope: DuplicateScope,
}

impl Default for DuplicatePolicy {
    fn default() -> Self {
        Self {
            by: DuplicateBy::Default,
            days: 365,
            scope: DuplicateScope::Offer,
        }
    }
}

/// How a conversion becomes approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "mode", try_from = "ApprovalForm")]
pub enum Approval {
    /// At once (自動承認).
    #[default]
    Automatic,
    /// By itself after some days, unless an operator decided before.
    AfterDays {
        /// 1 to 365.
        days: u16,
    },
    /// By an operator only (手動承認).
    Manual,
}

/// [`Approval`] as it is written: serde lets a variant without fields pass whatever stands beside its tag.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalForm {
    mode: ApprovalMode,
    days: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ApprovalMode {
    Automatic,
    AfterDays,
    Manual,
}

impl TryFrom<ApprovalForm> for Approval {
    type Error = &'static str;

    fn try_from(form: ApprovalForm) -> Result<Self, Self::Error> {
        match (form.mode, form.days) {
            (ApprovalMode::Automatic, None) => Ok(Self::Automatic),
            (ApprovalMode::Manual, None) => Ok(Self::Manual),
            (ApprovalMode::AfterDays, Some(days)) => Ok(Self::AfterDays { days }),
            (ApprovalMode::AfterDays, None) => {
                Err("missing field `days`: mode `after_days` needs a number of days")
            }
            (ApprovalMode::Automatic | ApprovalMode::Manual, Some(_)) => {
                Err("unknown field `days`: only mode `after_days` takes it")
            }
        }
    }
}

/// What the advertiser owes a partner for one conversion (単価 / 報酬).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Payout {
    /// A fixed sum (定額).
    Fixed {
        /// How much.
        #[serde(flatten)]
        money: Money,
    },
    /// A share of the amount (定率).
    Percent {
        /// In percent, 0 to 100.
        #[serde(deserialize_with = "super::money::plain")]
        #[schema(value_type = String, example = "5.5")]
        percent: Decimal,
    },
}

impl Payout {
    /// The payout for a conversion of `revenue`: a percentage of nothing is nothing, rounded half up to
    /// the decimals of the currency.
    pub fn of(self, revenue: Option<Money>) -> Option<Money> {
        match self {
            Self::Fixed { money } => Some(money),
            Self::Percent { percent } => revenue.map(|r| Money {
                amount: (r.amount * percent / Decimal::ONE_HUNDRED).round_dp_with_strategy(
                    r.currency.decimals(),
                    rust_decimal::RoundingStrategy::MidpointAwayFromZero,
                ),
                currency: r.currency,
            }),
        }
    }
}

/// A named kind of conversion (成果地点 / イベント).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Fixed, 6 alphanumerics; made by the server when a new event comes without one.
    pub token: EventToken,
    /// Changeable; unique within the offer.
    pub name: String,
    /// App events: counted once a device; a second one is refused.
    #[serde(default)]
    pub is_unique: bool,
    /// Whether an amount is expected.
    #[serde(default)]
    pub has_revenue: bool,
    /// How repeated conversions are recognised.
    #[serde(default)]
    pub duplicates: DuplicatePolicy,
    /// How it becomes approved.
    #[serde(default)]
    pub approval: Approval,
    /// What partners are owed, unless a partner has its own.
    #[serde(default)]
    pub payout: Option<Payout>,
    /// The largest amount that counts by itself while nobody vouches for it; `None`: any.
    #[serde(default)]
    pub unproven_amount: Option<Money>,
}

/// Installs of an app as conversions: how they become approved, and what partners are owed for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InstallTerms {
    /// How an install becomes approved.
    pub approval: Approval,
    /// What the credited partner is owed, unless it has a payout of its own: a fixed sum (CPI).
    pub payout: Option<Payout>,
    /// Reattributions are settled as installs are (off).
    pub reattributions: bool,
    /// Reinstalls are settled as installs are (off).
    pub reinstalls: bool,
}

impl InstallTerms {
    /// Whether an activity of this kind is a conversion with status and payout.
    pub fn cover(&self, kind: ActivityKind) -> bool {
        match kind {
            ActivityKind::Install => true,
            ActivityKind::Reattribution => self.reattributions,
            ActivityKind::Reinstall => self.reinstalls,
            ActivityKind::ReattributionReinstall => self.reattributions || self.reinstalls,
            _ => false,
        }
    }
}

/// What is stored of a visitor's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IpPrivacy {
    /// /24 or /48, with a keyed hash of the whole for matching.
    #[default]
    Truncated,
    /// Whole.
    Whole,
    /// Nothing.
    None,
}

/// How far a check is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustMode {
    /// Not checked.
    #[default]
    Off,
    /// Checked and noted on the activity; nothing is refused.
    Test,
    /// What fails is refused, with its reason.
    Enforced,
}

/// A character set of values that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Charset {
    /// Shift_JIS as Windows writes it (CP932).
    ShiftJis,
    /// EUC-JP.
    EucJp,
    /// GB18030, and GBK within it.
    Gb18030,
    /// Big5.
    Big5,
    /// EUC-KR as Windows writes it (CP949).
    EucKr,
    /// Windows-1252, and ISO 8859-1 within it.
    Windows1252,
}

/// Who may send conversions for the offer. Every check that is configured must pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrustPolicy {
    /// Off, test or enforced.
    pub mode: TrustMode,
    /// SHA-256 (hex) of the bearer tokens that are good; shown by name only.
    pub bearer_tokens: Vec<BearerToken>,
    /// Secret of the HMAC-SHA256 signature (see the reference for what is signed). Never shown after saving.
    #[schema(value_type = Option<String>)]
    pub hmac_secret: Option<SecretText>,
    /// Addresses or ranges that may call.
    #[schema(value_type = Vec<String>)]
    pub allowed_ips: Vec<ipnet::IpNet>,
    /// A listed address alone, without a token or signature, may change conversions: their status, their amount (off).
    pub addresses_may_change: bool,
}

/// A bearer token of an offer's server-to-server endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BearerToken {
    /// For people.
    pub name: String,
    /// Lower-case hex of the SHA-256 of the secret.
    pub sha256: String,
    /// What it is good for; empty means everything.
    #[serde(default)]
    pub scopes: Vec<TrustScope>,
    /// Off: kept, refused.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// What a bearer token of an offer is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustScope {
    /// `/cv`.
    Conversions,
    /// `/event`.
    Events,
    /// `/session`.
    Sessions,
    /// `/ad_revenue`.
    AdRevenue,
    /// `/gdpr_forget_device`.
    Gdpr,
    /// `/claim` and `/cost`, of a partner.
    Claims,
}

/// Windows and limits of attribution. A partner or link can override each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AttributionPolicy {
    /// Web: last click of the visitor within this many days (30 unless set; at most the retention of sessions).
    pub web_window_days: Option<u16>,
    /// App: click by device id, hours (168).
    pub click_window_h: Option<u32>,
    /// App: click by probabilistic match, hours (6).
    pub click_probabilistic_window_h: Option<u32>,
    /// App: impression by device id, hours (24).
    pub impression_window_h: Option<u32>,
    /// App: impression by probabilistic match, hours (6).
    pub impression_probabilistic_window_h: Option<u32>,
    /// App: probabilistic matching at all (on).
    pub probabilistic: Option<bool>,
    /// App: inactivity before a reattribution, hours (168).
    pub inactivity_h: Option<u32>,
    /// App: engagement to reattributing session, hours (168).
    pub reattribution_window_h: Option<u32>,
    /// App: a click-to-install time below this many seconds is `distribution_outlier` (0 = off).
    pub click_to_install_floor_s: Option<u32>,
    /// App: more engagements of one device with one link than this within the click window is
    /// `too_many_engagements` (0 = off).
    pub max_engagements: Option<u32>,
    /// App: a credit lasts this many hours and then falls back (0 = it stays).
    pub temporary_credit_h: Option<u32>,
    /// App: a temporary credit falls back to organic, not to the credit before it (off).
    pub temporary_to_organic: Option<bool>,
    /// App: installs from these networks (data centres, VPNs, Tor) are `anonymous_traffic`; only the list of the
    /// offer counts.
    #[schema(value_type = Vec<String>)]
    pub anonymous_networks: Vec<ipnet::IpNet>,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Offer {
    /// CID; for apps the app token.
    pub id: OfferId,
    /// For people; `{app_name}`.
    pub name: String,
    /// 広告グループ: offers that are looked at together; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Site or app.
    #[serde(default)]
    pub kind: OfferKind,
    /// Paused: clicks answer 404.
    #[serde(default)]
    pub state: RunState,
    /// Stopped, now or at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Where clicks lead.
    #[serde(default)]
    pub destinations: Destinations,
    /// Name under which the SID is added to a destination that holds no placeholder of it.
    #[serde(default = "default_sid_param")]
    pub sid_param: String,
    /// Hosts that `redirect`, `deep_link` and `fallback` of a click may name; empty: they are ignored.
    #[serde(default)]
    pub redirect_hosts: Vec<String>,
    /// Origins of the offer's site (`https://shop.example`): may call `/d`, `/cv` from a browser.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Conversion points, in order; the first is the default of `/cv`.
    pub events: Vec<Event>,
    /// Installs as conversions, apps only.
    #[serde(default)]
    pub installs: InstallTerms,
    /// Character set of what is sent for it and is not UTF-8; found by the text unless set.
    #[serde(default)]
    pub charset: Option<Charset>,
    /// Currency of amounts that come without one.
    #[serde(default = "default_currency")]
    pub currency: Currency,
    /// Windows and limits.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// A conversion may name the partner's click id (`click_id`, PARA1) in place of a SID.
    #[serde(default)]
    pub accept_partner_click_id: bool,
    /// Repeated clicks of one visitor on one link within this many seconds are flagged (連続クリック); 0 = off.
    #[serde(default = "default_repeat_click_s")]
    pub repeat_click_s: u32,
    /// What is stored of addresses.
    #[serde(default)]
    pub ip_privacy: IpPrivacy,
    /// Bots and prefetches count like people (off).
    #[serde(default)]
    pub count_bots: bool,
    /// What is kept of e-mail, telephone number and external id.
    #[serde(default)]
    pub identity: IdentityPolicy,
    /// Who may send conversions.
    #[serde(default)]
    pub trust: TrustPolicy,
    /// Store id (`{app_id}`), apps only.
    #[serde(default)]
    pub app_id: Option<String>,
    /// Unix milliseconds.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}

impl Offer {
    /// The event that a conversion names by token or name, whatever its letter case where only one is meant; the
    /// first one when it names none.
    pub fn event(&self, named: Option<&str>) -> Option<&Event> {
        match named {
            None => self.events.first(),
            Some(named) => self
                .events
                .iter()
                .find(|e| e.token.as_str() == named)
                .or_else(|| self.events.iter().find(|e| e.name == named))
                .or_else(|| self.event_in_any_case(named)),
        }
    }

    fn event_in_any_case(&self, named: &str) -> Option<&Event> {
        let named = named.to_lowercase();
        let is_meant = |e: &&Event| e.token.as_str() == named || e.name.to_lowercase() == named;
        let mut meant = self.events.iter().filter(is_meant);
        meant.next().filter(|_| meant.next().is_none())
    }

    /// Whether it takes no new visitors now.
    pub fn is_stopped(&self, now_ms: i64) -> bool {
        self.state == RunState::Paused || self.stop.as_ref().is_some_and(|stop| stop.is_in_force(now_ms))
    }

    /// The window of web conversions in days.
    pub fn web_window_days(&self) -> u16 {
        self.attribution.web_window_days.unwrap_or(30)
    }
}

fn yes() -> bool {
    true
}
fn default_sid_param() -> String {
    "sid".into()
}
fn default_currency() -> Currency {
    Currency::JPY
}
fn default_repeat_click_s() -> u32 {
    10
}
