//! Settings of the instance, as operators see and save them.

use super::alert_settings::AlertsDto;
use super::save::{Note, Save, as_read, difference, saved_at, to_json};
use super::{AdminError, check};
use crate::domain::account::Settings;
use crate::domain::money::Currency;
use crate::store::catalog::ConfigObject;
use serde::{Deserialize, Serialize};

/// Settings as the API shows and takes them.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsDto {
    /// Public address of the tracking endpoints, without a path; empty until set.
    #[serde(default)]
    pub public_url: String,
    /// Further tracking domains (発行ドメイン).
    #[serde(default)]
    #[schema(max_items = 50)]
    pub tracking_domains: Vec<String>,
    /// Host names under which the admin side answers, beside those of the addresses above, `localhost` and
    /// every IP address; left out: as they are.
    #[serde(default)]
    pub admin_hosts: Option<Vec<String>>,
    /// IANA time zone of reports.
    pub time_zone: String,
    /// `en` or `ja`.
    pub language: String,
    /// Currency in which new offers are made.
    pub currency: Currency,
    /// Where alerts go; shown to owners only. Left out or `null`: what is stored stays.
    #[serde(default)]
    pub alerts: Option<AlertsDto>,
    /// Whether the set-up wizard was finished.
    #[serde(default)]
    pub is_set_up: bool,
    /// Unix milliseconds of the last save; must be sent back unchanged to replace.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
}

impl From<&Settings> for SettingsDto {
    fn from(s: &Settings) -> Self {
        Self {
            public_url: s.public_url.clone(),
            tracking_domains: s.tracking_domains.clone(),
            admin_hosts: Some(s.admin_hosts.clone()),
            time_zone: s.time_zone.clone(),
            language: s.language.clone(),
            currency: s.currency,
            alerts: Some(AlertsDto::from(&s.alerts)),
            is_set_up: s.is_set_up,
            updated_at_ms: Some(s.updated_at_ms),
        }
    }
}

impl SettingsDto {
    /// Checks every field and gives what is stored.
    pub fn into_settings(self, before: &Settings, saved_at_ms: i64) -> Result<Settings, AdminError> {
        check::time_zone("time_zone", &self.time_zone)?;
        check::language("language", &self.language)?;
        let public_url = match self.public_url.trim() {
            "" => String::new(),
            text => check::origin("public_url", text)?,
        };
        check::at_most("tracking_domains", &self.tracking_domains, 50)?;
        let mut tracking_domains = Vec::new();
        for (n, text) in self.tracking_domains.iter().enumerate() {
            let domain = check::origin(&format!("tracking_domains[{n}]"), text)?;
            if domain == public_url || tracking_domains.contains(&domain) {
                return Err(AdminError::invalid(
                    format!("tracking_domains[{n}]"),
                    "duplicate",
                    "name each domain once",
                ));
            }
            tracking_domains.push(domain);
        }
        let alerts = match self.alerts {
            Some(alerts) => alerts.into_alerts(&before.alerts)?,
            None => before.alerts.clone(),
        };
        Ok(Settings {
            public_url,
            tracking_domains,
            admin_hosts: match self.admin_hosts {
                Some(hosts) => admin_hosts(&hosts)?,
                None => before.admin_hosts.clone(),
            },
            time_zone: self.time_zone,
            language: self.language,
            currency: self.currency,
            alerts,
            rates: before.rates.clone(),
            is_set_up: self.is_set_up,
            updated_at_ms: saved_at_ms,
        })
    }
}

fn admin_hosts(given: &[String]) -> Result<Vec<String>, AdminError> {
    check::at_most("admin_hosts", given, 50)?;
    let wrong = |n: usize| {
        let remedy = "enter a host name such as admin.example.com, without scheme, port or path";
        AdminError::invalid(format!("admin_hosts[{n}]"), "invalid_host", remedy)
    };
    let host = |(n, text): (usize, &String)| {
        let name = check::host_name(text).ok_or_else(|| wrong(n))?;
        if text.contains([':', '[']) {
            Err(wrong(n))
        } else {
            Ok(name)
        }
    };
    given.iter().enumerate().map(host).collect()
}

/// Checks what is to replace the settings. Gives them as they will be shown, and the change that saves them.
pub fn replace(form: SettingsDto, before: &Settings, now_ms: i64) -> Result<(SettingsDto, Save), AdminError> {
    let read_at_ms = as_read(form.updated_at_ms)?;
    let settings = form.into_settings(before, saved_at(now_ms, before.updated_at_ms))?;
    let shown = SettingsDto::from(&settings);
    let note = Note::new("settings.update", "")
        .detail(difference(&to_json(&SettingsDto::from(before)), &to_json(&shown)));
    Ok((
        shown,
        Save::replace(read_at_ms, ConfigObject::Settings(settings), note),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalised_and_wrong_fields_named() {
        let dto = |public_url: &str, zone: &str| SettingsDto {
            public_url: public_url.into(),
            time_zone: zone.into(),
            ..SettingsDto::from(&Settings::default())
        };
        let saved = dto(" https://T.example.com/ ", "Asia/Tokyo")
            .into_settings(&Settings::default(), 7)
            .unwrap();
        assert_eq!(
            (saved.public_url.as_str(), saved.updated_at_ms),
            ("https://t.example.com", 7)
        );
        let field = |dto: SettingsDto| {
            dto.into_settings(&Settings::default(), 7)
                .unwrap_err()
                .field()
                .map(str::to_owned)
        };
        assert_eq!(
            field(dto("t.example.com", "Asia/Tokyo")).as_deref(),
            Some("public_url")
        );
        assert_eq!(field(dto("", "Nowhere")).as_deref(), Some("time_zone"));
    }
}
