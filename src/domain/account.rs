//! People and programs that may use the admin side, and the settings of the instance.

use super::ids::{PartnerId, TokenId, UserId};
use super::money::Currency;
use super::rates::Rates;
use super::secret::SecretText;
use serde::{Deserialize, Serialize};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Changes offers, partners, links, rules; approves; resends.
    Editor,
    /// Everything, users and settings included.
    Owner,
}

/// A user account. Secrets never leave the server: the API shows its own view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// Sign-in name: an e-mail address or any word, unique, compared without letter case.
    pub login: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// PHC string of argon2id.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// A viewer limited to these partners (子アカウント); empty means all.
    #[serde(default)]
    pub partners: Vec<PartnerId>,
    /// `en` or `ja`.
    #[serde(default)]
    pub language: Option<String>,
    /// Base32 secret of TOTP when it is on.
    #[serde(default)]
    pub totp_secret: Option<SecretText>,
    /// Last time step (30 s since 1970) whose code was taken; one that is not later is spent. 0: none.
    #[serde(default)]
    pub totp_step: u64,
    /// SHA-256 (hex) of recovery codes not used yet.
    #[serde(default)]
    pub recovery_codes: Vec<String>,
    /// Raised to end every login of the user.
    #[serde(default)]
    pub epoch: u32,
    /// Off: cannot sign in.
    #[serde(default)]
    pub is_disabled: bool,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}

/// What an API token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Everything that a viewer may.
    Read,
    /// Everything that an editor may.
    Write,
    /// Everything that an owner may, users and tokens included.
    Admin,
}

/// An API token; its secret is shown once and stored as SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Public id.
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// Lower-case hex of the SHA-256 of the secret.
    pub sha256: String,
    /// What it is good for.
    pub scope: TokenScope,
    /// Who made it.
    pub created_by: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds; `None` means it does not expire.
    #[serde(default)]
    pub expires_at_ms: Option<i64>,
}

/// Settings of the instance that an operator changes in the UI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Public address of the tracking endpoints (`https://t.example.com`), without a path; empty until set.
    pub public_url: String,
    /// Further tracking domains (発行ドメイン), as addresses without a path.
    pub tracking_domains: Vec<String>,
    /// Host names under which the admin side answers beside those of the addresses above, lower case; the one
    /// under which the first owner claimed the instance.
    pub admin_hosts: Vec<String>,
    /// IANA time zone of reports, e.g. `Asia/Tokyo`.
    pub time_zone: String,
    /// `en` or `ja`.
    pub language: String,
    /// Currency in which new offers are made.
    pub currency: Currency,
    /// Where alerts go.
    pub alerts: AlertSettings,
    /// Rates between currencies, by date.
    #[serde(skip_serializing_if = "is_default")]
    #[schema(value_type = String)]
    pub rates: Rates,
    /// Whether the set-up wizard was finished.
    pub is_set_up: bool,
    /// Unix milliseconds of the last save.
    pub updated_at_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            tracking_domains: Vec::new(),
            admin_hosts: Vec::new(),
            time_zone: "Asia/Tokyo".into(),
            language: "ja".into(),
            currency: Currency::JPY,
            alerts: AlertSettings::default(),
            rates: Rates::default(),
            is_set_up: false,
            updated_at_ms: 0,
        }
    }
}

/// Where alerts go; everything unset is off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertSettings {
    /// Slack-compatible incoming webhook.
    #[schema(value_type = Option<String>)]
    pub webhook_url: Option<SecretText>,
    /// By e-mail.
    pub email: EmailAlerts,
    /// By the LINE Messaging API.
    pub line: LineAlerts,
    /// `en` or `ja`; empty: the language of the instance.
    pub language: String,
    /// When nothing comes in any more.
    #[serde(skip_serializing_if = "is_default")]
    pub silence: SilenceAlerts,
    /// The summary of a day or a week.
    #[serde(skip_serializing_if = "is_default")]
    pub summary: SummarySettings,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// After how many hours without any it is told; only where the same hours of the last two weeks had some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SilenceAlerts {
    /// Hours without clicks, at most 168; 0: off.
    pub clicks_h: u16,
    /// Hours without conversions, at most 168; 0: off.
    pub conversions_h: u16,
    /// Also of each offer.
    pub by_offer: bool,
}

/// How often a summary is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SummaryEvery {
    /// Never.
    #[default]
    Off,
    /// Every morning, of the day before.
    Daily,
    /// On Mondays, of the week before.
    Weekly,
}

/// The summary by the ways of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SummarySettings {
    /// How often.
    pub every: SummaryEvery,
    /// From which hour of the day on, in the time zone of the instance.
    pub hour: u8,
}

impl Default for SummarySettings {
    fn default() -> Self {
        Self {
            every: SummaryEvery::Off,
            hour: 9,
        }
    }
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// Begins in the clear and changes to TLS before anything is said (usually port 587).
    #[default]
    Starttls,
    /// TLS from the first byte (usually port 465).
    Tls,
    /// None; only without a password.
    None,
}

/// Alerts by e-mail; off while there is no host or nobody to write to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmailAlerts {
    /// Name or address of the mail server (SMTP).
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Name to sign in with; empty: no sign-in.
    pub user: String,
    /// Password to sign in with.
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretText>,
    /// Sender.
    pub from: String,
    /// Who is written to.
    pub to: Vec<String>,
}

impl Default for EmailAlerts {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            security: MailSecurity::default(),
            user: String::new(),
            password: None,
            from: String::new(),
            to: Vec::new(),
        }
    }
}

/// Alerts by the LINE Messaging API; off while there is no token or nobody to write to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LineAlerts {
    /// Channel access token.
    #[schema(value_type = Option<String>)]
    pub token: Option<SecretText>,
    /// Id of a user, group or room.
    pub to: String,
}

/// A way by which alerts go.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AlertChannel {
    /// E-mail.
    Email,
    /// Slack-compatible webhook.
    Webhook,
    /// LINE.
    Line,
}

impl AlertChannel {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Email, Self::Webhook, Self::Line];

    /// Stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl AlertSettings {
    /// Whether a way is set up.
    pub fn has(&self, channel: AlertChannel) -> bool {
        match channel {
            AlertChannel::Email => !self.email.host.is_empty() && !self.email.to.is_empty(),
            AlertChannel::Webhook => self.webhook_url.is_some(),
            AlertChannel::Line => self.line.token.is_some() && !self.line.to.is_empty(),
        }
    }
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// User, token or command that did it.
    pub actor: String,
    /// Address that it came from; empty for the command line.
    pub from: String,
    /// What was done: `offer.create`, `login.fail`, ...
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// Before and after, secrets masked; empty when nothing changed.
    pub detail: String,
}

/// A login of a user; its id travels in the cookie and is stored as SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Whose.
    pub user: UserId,
    /// Epoch of the user when it was made; it ends when the user's is higher.
    pub epoch: u32,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds; moves with use.
    pub seen_at_ms: i64,
    /// Address and user agent that it was made from, for the list of logins.
    pub from: String,
    /// User agent, cut to 200 bytes.
    pub user_agent: String,
}
