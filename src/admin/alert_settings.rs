//! Where alerts go (part of the settings), as operators see and save it.

use super::secret::Secret;
use super::{AdminError, check};
use crate::domain::account::{
    AlertSettings, EmailAlerts, LineAlerts, MailSecurity, SilenceAlerts, SummarySettings,
};
use crate::wire::mail;
use serde::{Deserialize, Serialize};

/// Most recipients of alerts by e-mail.
const MOST_RECIPIENTS: usize = 10;
/// Hours of silence that can be asked for: the weeks before are compared.
const MOST_SILENT_HOURS: u16 = 168;

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
    /// When nothing comes in any more.
    pub silence: SilenceAlerts,
    /// The summary of a day or a week.
    pub summary: SummarySettings,
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
            silence: a.silence,
            summary: a.summary,
        }
    }
}

impl AlertsDto {
    /// Checks every field and gives what is stored.
    pub fn into_alerts(self, before: &AlertSettings) -> Result<AlertSettings, AdminError> {
        if !self.language.is_empty() {
            check::language("alerts.language", &self.language)?;
        }
        if let Some(url) = self.webhook_url.new_value() {
            check::web_url("alerts.webhook_url", url)?;
        }
        check::within(
            "alerts.silence.clicks_h",
            self.silence.clicks_h,
            0,
            MOST_SILENT_HOURS,
        )?;
        check::within(
            "alerts.silence.conversions_h",
            self.silence.conversions_h,
            0,
            MOST_SILENT_HOURS,
        )?;
        check::within("alerts.summary.hour", self.summary.hour, 0, 23)?;
        check::text_up_to("alerts.line.to", &self.line.to, check::NAME_CHARS)?;
        if let Some(token) = self.line.token.new_value()
            && !token.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(AdminError::invalid(
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
            silence: self.silence,
            summary: self.summary,
        })
    }
}

impl EmailAlertsDto {
    fn into_email(self, before: &EmailAlerts) -> Result<EmailAlerts, AdminError> {
        let host = self.host.trim().to_owned();
        check::at_most("alerts.email.to", &self.to, MOST_RECIPIENTS)?;
        check::text_up_to("alerts.email.user", &self.user, check::NAME_CHARS)?;
        let address = |field: String, text: &str| {
            mail::check_address(text)
                .map_err(|error| AdminError::invalid(field, "invalid_email", error.to_string()))
        };
        if !host.is_empty() {
            if url::Host::parse(&host).is_err() && host.parse::<std::net::IpAddr>().is_err() {
                return Err(AdminError::invalid(
                    "alerts.email.host",
                    "invalid_host",
                    "enter the name of the mail server, such as smtp.example.jp, without a port",
                ));
            }
            check::within("alerts.email.port", self.port, 1, u16::MAX)?;
            address("alerts.email.from".into(), &self.from)?;
        }
        if host.is_empty() && !self.to.is_empty() {
            return Err(AdminError::invalid(
                "alerts.email.host",
                "empty",
                "enter the mail server that is to send to these recipients, or remove them",
            ));
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
            return Err(AdminError::invalid(
                "alerts.email.password",
                "password_again",
                "enter the password again: it was saved for another mail server",
            ));
        }
        let password = self.password.resolve(before.password.clone());
        if self.security == MailSecurity::None && password.is_some() {
            return Err(AdminError::invalid(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AlertChannel;
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
        let no_server = json!({"email": {"to": ["b@example.jp"]}});
        assert_eq!(
            save(no_server, &AlertSettings::default()).unwrap_err(),
            "alerts.email.host",
            "recipients that nothing can write to"
        );
        assert_eq!(field("/email/from", json!("nobody")), "alerts.email.from");
        assert_eq!(field("/email/to", json!(["a@b.co", "x"])), "alerts.email.to[1]");
        assert_eq!(field("/email/port", json!(0)), "alerts.email.port");
        assert_eq!(field("/email/security", json!("none")), "alerts.email.security");
        assert_eq!(field("/webhook_url", json!("ftp://x")), "alerts.webhook_url");
        assert_eq!(field("/line/token", json!("a b")), "alerts.line.token");
        assert_eq!(field("/language", json!("fr")), "alerts.language");
        assert_eq!(field("/silence/clicks_h", json!(169)), "alerts.silence.clicks_h");
        assert_eq!(field("/summary/hour", json!(24)), "alerts.summary.hour");
    }
}
