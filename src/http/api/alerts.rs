//! Alerts: where they go (part of the settings), what stands, what last became of each channel, and a test.

use super::check;
use super::read;
use super::save::{Note, note};
use super::secret::Secret;
use crate::alerts::{LastSent, OpenAlert};
use crate::delivery::mail;
use crate::domain::account::{AlertChannel, AlertSettings, EmailAlerts, LineAlerts, MailSecurity};
use crate::http::State;
use crate::http::auth::Owner;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};

/// People who are written to.
const MOST_RECIPIENTS: usize = 10;

/// Alerts by e-mail.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmailAlertsDto {
    /// Name or address of the mail server (SMTP); empty: off.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Name to sign in with; empty: no sign-in.
    pub user: String,
    /// Password to sign in with.
    pub password: Secret,
    /// Sender.
    pub from: String,
    /// Who is written to, at most 10.
    pub to: Vec<String>,
}

impl Default for EmailAlertsDto {
    fn default() -> Self {
        Self::from(&EmailAlerts::default())
    }
}

/// Alerts by the LINE Messaging API.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LineAlertsDto {
    /// Channel access token.
    pub token: Secret,
    /// Id of a user, group or room (`U...`, `C...`, `R...`).
    pub to: String,
}

/// Where alerts go; addresses of webhooks, passwords and tokens are secrets.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertsDto {
    /// Slack-compatible incoming webhook.
    pub webhook_url: Secret,
    /// By e-mail.
    pub email: EmailAlertsDto,
    /// By LINE.
    pub line: LineAlertsDto,
    /// `en` or `ja`; empty: the language of the instance.
    pub language: String,
}

impl From<&EmailAlerts> for EmailAlertsDto {
    fn from(e: &EmailAlerts) -> Self {
        Self {
            host: e.host.clone(),
            port: e.port,
            security: e.security,
            user: e.user.clone(),
            password: Secret::shown(e.password.as_ref()),
            from: e.from.clone(),
            to: e.to.clone(),
        }
    }
}

impl From<&AlertSettings> for AlertsDto {
    fn from(a: &AlertSettings) -> Self {
        Self {
            webhook_url: Secret::shown(a.webhook_url.as_ref()),
            email: EmailAlertsDto::from(&a.email),
            line: LineAlertsDto {
                token: Secret::shown(a.line.token.as_ref()),
                to: a.line.to.clone(),
            },
            language: a.language.clone(),
        }
    }
}

impl AlertsDto {
    /// Checks every field and gives what is stored.
    pub fn into_alerts(self, before: &AlertSettings) -> Result<AlertSettings, ApiError> {
        if !self.language.is_empty() {
            check::language("alerts.language", &self.language)?;
        }
        if let Some(url) = self.webhook_url.new_value() {
            check::web_url("alerts.webhook_url", url)?;
        }
        check::text_up_to("alerts.line.to", &self.line.to, check::NAME_CHARS)?;
        if let Some(token) = self.line.token.new_value()
            && !token.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(ApiError::invalid(
                "alerts.line.token",
                "invalid_token",
                "paste the channel access token as LINE shows it: one word without spaces",
            ));
        }
        Ok(AlertSettings {
            webhook_url: self.webhook_url.resolve(before.webhook_url.clone()),
            email: self.email.into_email(&before.email)?,
            line: LineAlerts {
                token: self.line.token.resolve(before.line.token.clone()),
                to: self.line.to.trim().to_owned(),
            },
            language: self.language,
        })
    }
}

impl EmailAlertsDto {
    fn into_email(self, before: &EmailAlerts) -> Result<EmailAlerts, ApiError> {
        let host = self.host.trim().to_owned();
        check::at_most("alerts.email.to", &self.to, MOST_RECIPIENTS)?;
        check::text_up_to("alerts.email.user", &self.user, check::NAME_CHARS)?;
        let address = |field: String, text: &str| {
            mail::check_address(text)
                .map_err(|error| ApiError::invalid(field, "invalid_email", error.to_string()))
        };
        if !host.is_empty() {
            if url::Host::parse(&host).is_err() && host.parse::<std::net::IpAddr>().is_err() {
                return Err(ApiError::invalid(
                    "alerts.email.host",
                    "invalid_host",
                    "enter the name of the mail server, such as smtp.example.jp, without a port",
                ));
            }
            check::within("alerts.email.port", self.port, 1, u16::MAX)?;
            address("alerts.email.from".into(), &self.from)?;
        }
        for (n, to) in self.to.iter().enumerate() {
            address(format!("alerts.email.to[{n}]"), to)?;
        }
        // A password goes to the server that it was entered for, and never in the clear.
        let is_same_server = before.host.is_empty() || before.host == host;
        if !is_same_server
            && before.password.is_some()
            && matches!(self.password, Secret::Shown { .. } | Secret::Keep)
        {
            return Err(ApiError::invalid(
                "alerts.email.password",
                "password_again",
                "enter the password again: it was saved for another mail server",
            ));
        }
        let password = self.password.resolve(before.password.clone());
        if self.security == MailSecurity::None && password.is_some() {
            return Err(ApiError::invalid(
                "alerts.email.security",
                "unprotected_password",
                "choose STARTTLS or TLS: a password is not sent over an unprotected connection",
            ));
        }
        Ok(EmailAlerts {
            host,
            port: self.port,
            security: self.security,
            user: self.user.trim().to_owned(),
            password,
            from: self.from.trim().to_owned(),
            to: self.to.iter().map(|to| to.trim().to_owned()).collect(),
        })
    }
}

/// How a channel is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChannelDto {
    /// Which.
    pub channel: AlertChannel,
    /// Whether it is set up.
    pub is_set_up: bool,
    /// What last became of a message; `null`: there was none since the start.
    pub last: Option<LastSent>,
}

/// Alerts as they stand.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AlertsView {
    /// Those that were said and are not over, the oldest first.
    pub open: Vec<OpenAlert>,
    /// E-mail, webhook, LINE.
    pub channels: Vec<ChannelDto>,
}

/// What stands, and what last became of each channel.
#[utoipa::path(tag = "settings", responses((status = 200, body = AlertsView)))]
#[get("/alerts")]
pub async fn get_alerts(state: Data<State>, _owner: Owner) -> Result<HttpResponse, ApiError> {
    let settings = state.recorder.catalog().settings.clone();
    let channels = AlertChannel::ALL.map(|channel| ChannelDto {
        channel,
        is_set_up: settings.alerts.has(channel),
        last: state.alerts.last(channel),
    });
    Ok(HttpResponse::Ok().json(AlertsView {
        open: state.alerts.open(),
        channels: channels.into(),
    }))
}

/// Which channel is tested.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertTest {
    /// Which.
    pub channel: AlertChannel,
}

/// Sends a test alert on a channel as it is saved, and tells exactly what came of it.
#[utoipa::path(tag = "settings", responses((status = 200, body = LastSent)))]
#[post("/alerts/test")]
pub async fn test_alert(
    state: Data<State>,
    owner: Owner,
    body: Json<AlertTest>,
) -> Result<HttpResponse, ApiError> {
    let channel = body.0.channel;
    let sent = read(&state, move |state| Ok(state.alerts.send_test(channel))).await?;
    let result = if sent.is_ok { "sent" } else { "failed" };
    let entry = Note::new("alerts.test", channel.as_str()).detail(result);
    note(&state, &owner.0.actor, &owner.0.from(), entry).await?;
    Ok(HttpResponse::Ok().json(sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn save(dto: Value, before: &AlertSettings) -> Result<AlertSettings, String> {
        serde_json::from_value::<AlertsDto>(dto)
            .unwrap()
            .into_alerts(before)
            .map_err(|error| error.field().unwrap_or_default().to_owned())
    }

    #[test]
    fn channels_are_checked_and_secrets_kept() {
        let email = json!({"host": "smtp.example.jp", "user": "u", "password": "hush", "from": "a@example.jp", "to": ["b@example.jp"]});
        let first = save(
            json!({"email": email, "line": {"token": "abc", "to": "U1"}}),
            &AlertSettings::default(),
        )
        .unwrap();
        assert_eq!(AlertChannel::ALL.map(|c| first.has(c)), [true, false, true]);
        let shown = serde_json::to_value(AlertsDto::from(&first)).unwrap();
        assert!(
            !shown.to_string().contains("hush") && !shown.to_string().contains("abc"),
            "{shown}"
        );
        assert_eq!(
            save(shown.clone(), &first).unwrap(),
            first,
            "what was shown can be saved"
        );
        let field = |pointer: &str, value: Value| {
            let mut changed = shown.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            save(changed, &first).unwrap_err()
        };
        assert_eq!(
            field("/email/host", json!("smtp.evil.example")),
            "alerts.email.password"
        );
        assert_eq!(field("/email/host", json!("not a host")), "alerts.email.host");
        assert_eq!(field("/email/from", json!("nobody")), "alerts.email.from");
        assert_eq!(field("/email/to", json!(["a@b.co", "x"])), "alerts.email.to[1]");
        assert_eq!(field("/email/port", json!(0)), "alerts.email.port");
        assert_eq!(field("/email/security", json!("none")), "alerts.email.security");
        assert_eq!(field("/webhook_url", json!("ftp://x")), "alerts.webhook_url");
        assert_eq!(field("/line/token", json!("a b")), "alerts.line.token");
        assert_eq!(field("/language", json!("fr")), "alerts.language");
    }
}
