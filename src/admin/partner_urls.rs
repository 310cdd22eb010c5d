//! A partner together with its status URLs, saved in one commit or not at all. A status URL is a simple rule: this
//! partner, conversions that enter one status, nothing else asked.

use super::partners::PartnerDto;
use super::resource::{self, Saving, find};
use super::rules::RuleDto;
use super::save::{Save, as_read};
use super::{AdminError, Resource, Showing};
use crate::domain::activity::{ActivityKind, ConversionStatus};
use crate::domain::ids::{PartnerId, RuleId};
use crate::domain::partner::Partner;
use crate::domain::rule::{Rule, RuleScope};
use crate::domain::template::without_credentials;
use crate::reports::PartnerScope;
use crate::store::catalog::{Catalog, Precondition};
use serde::{Deserialize, Serialize};

const KINDS: [ActivityKind; 2] = [ActivityKind::Event, ActivityKind::EventUpdate];

/// What is called when a conversion of the partner enters a status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StatusUrl {
    /// Rule text; empty: nothing is called, and a rule that there was is removed.
    pub text: String,
    /// Name of the rule; of one that is there already it stays as it is.
    pub name: String,
    /// The rule behind it; set by the server.
    pub rule: Option<RuleId>,
    /// Unix milliseconds of the rule's last save; must be sent back unchanged where there is a rule.
    pub updated_at_ms: Option<i64>,
}

/// The three status URLs of a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StatusUrls {
    /// Conversions that wait for approval.
    pub pending: StatusUrl,
    /// Conversions that were approved.
    pub approved: StatusUrl,
    /// Conversions that were rejected.
    pub rejected: StatusUrl,
}

/// A partner with its status URLs.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerWithUrls {
    /// The partner.
    pub partner: PartnerDto,
    /// What is called when a conversion enters a status.
    #[serde(default)]
    pub status_urls: StatusUrls,
}

impl StatusUrls {
    fn each(self) -> [(ConversionStatus, StatusUrl); 3] {
        [
            (ConversionStatus::Pending, self.pending),
            (ConversionStatus::Approved, self.approved),
            (ConversionStatus::Rejected, self.rejected),
        ]
    }
}

/// Whether a rule is the status URL of a partner.
fn is_status_url(rule: &Rule, partner: &PartnerId, status: ConversionStatus) -> bool {
    let is_of_partner = match &rule.scope {
        RuleScope::Partner { partner: own, offer } => own == partner && offer.is_none(),
        RuleScope::Offer { .. } => false,
    };
    is_of_partner
        && rule.event.is_none()
        && rule.statuses == [status]
        && rule.kinds.len() == KINDS.len()
        && KINDS.iter().all(|kind| rule.kinds.contains(kind))
}

/// The rule behind a status URL; of several the one that was saved first.
fn behind<'a>(catalog: &'a Catalog, partner: &PartnerId, status: ConversionStatus) -> Option<&'a Rule> {
    Rule::all(catalog)
        .filter(|rule| is_status_url(rule, partner, status))
        .min_by_key(|rule| rule.updated_at_ms)
}

fn shown_url(rule: Option<&Rule>) -> StatusUrl {
    rule.map_or_else(StatusUrl::default, |rule| StatusUrl {
        text: without_credentials(&rule.text).into_owned(),
        name: rule.name.clone(),
        rule: Some(rule.id.clone()),
        updated_at_ms: Some(rule.updated_at_ms),
    })
}

fn shown(partner: &Partner, catalog: &Catalog) -> PartnerWithUrls {
    let url = |status| shown_url(behind(catalog, &partner.id, status));
    PartnerWithUrls {
        partner: partner.show(Showing::saved(catalog, "")),
        status_urls: StatusUrls {
            pending: url(ConversionStatus::Pending),
            approved: url(ConversionStatus::Approved),
            rejected: url(ConversionStatus::Rejected),
        },
    }
}

/// A partner with its status URLs, as somebody sees it; what they may not see is not there.
pub fn read(id: &str, scope: &PartnerScope, catalog: &Catalog) -> Result<PartnerWithUrls, AdminError> {
    let partner = resource::read::<Partner>(id, scope, Showing::saved(catalog, ""))?;
    let status_urls = shown(find(catalog, id)?, catalog).status_urls;
    Ok(PartnerWithUrls { partner, status_urls })
}

/// Checks a new partner with its status URLs. Gives both as they will be shown, and the change that saves them.
pub fn create(form: PartnerWithUrls, saving: &Saving<'_>) -> Result<(PartnerWithUrls, Save), AdminError> {
    let made = resource::create::<Partner>(form.partner, saving);
    with_urls(made, form.status_urls, saving)
}

/// Checks what is to replace a partner and its status URLs.
pub fn replace(
    id: &str,
    form: PartnerWithUrls,
    saving: &Saving<'_>,
) -> Result<(PartnerWithUrls, Save), AdminError> {
    let made = resource::replace::<Partner>(id, form.partner, saving);
    with_urls(made, form.status_urls, saving)
}

/// Adds the rules to the save of a partner: they are checked against the configuration that has the partner.
fn with_urls(
    partner: Result<(PartnerDto, Save), AdminError>,
    urls: StatusUrls,
    saving: &Saving<'_>,
) -> Result<(PartnerWithUrls, Save), AdminError> {
    let (partner, mut save) = partner.map_err(|error| error.within("partner"))?;
    let id = partner.id.clone().ok_or(AdminError::Defect {
        what: "a partner without an id",
    })?;
    let with_partner = saving.catalog.apply(&save.preconditions, &save.changes)?;
    let of_rules = Saving {
        catalog: &with_partner,
        ..*saving
    };
    for (status, url) in urls.each() {
        let place = format!("status_urls.{}", status.as_str());
        let change = change_of(&id, status, url, &of_rules).map_err(|error| error.within(&place))?;
        save = save.and(change);
    }
    let saved = saving.catalog.apply(&[], &save.changes)?;
    let partner = find(&saved, id.as_str())?;
    Ok((shown(partner, &saved), save))
}

/// The change that brings the rule behind a status URL in line with it.
fn change_of(
    partner: &PartnerId,
    status: ConversionStatus,
    url: StatusUrl,
    saving: &Saving<'_>,
) -> Result<Save, AdminError> {
    let text = url.text.trim();
    let Some(before) = behind(saving.catalog, partner, status) else {
        if text.is_empty() {
            return Ok(Save::default());
        }
        let form = RuleDto {
            name: url.name,
            kinds: KINDS.to_vec(),
            statuses: vec![status],
            text: text.to_owned(),
            ..RuleDto::new(RuleScope::Partner {
                partner: partner.clone(),
                offer: None,
            })
        };
        return Ok(resource::create::<Rule>(form, saving)?.1);
    };
    let read_at_ms = as_read(url.updated_at_ms)?;
    // As it is shown, it is as it was.
    if text == before.text.trim() || text == without_credentials(&before.text).trim() {
        return Ok(Save::default());
    }
    if text.is_empty() {
        let mut save = resource::remove::<Rule>(saving.catalog, before.id.as_str())?;
        save.preconditions
            .push(Precondition::Unchanged(before.key(), read_at_ms));
        return Ok(save);
    }
    let form = RuleDto {
        text: text.to_owned(),
        updated_at_ms: Some(read_at_ms),
        ..before.show(Showing::saved(saving.catalog, ""))
    };
    Ok(resource::replace::<Rule>(before.id.as_str(), form, saving)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::ServerLimits;
    use crate::config::{self, Config, Sources};
    use serde_json::{Value, json};

    fn save(
        catalog: &Catalog,
        id: Option<&str>,
        body: Value,
        now_ms: i64,
    ) -> Result<(PartnerWithUrls, Catalog), AdminError> {
        let config: Config = config::load(&Sources::default()).unwrap().config;
        let saving = Saving {
            catalog,
            limits: ServerLimits::new(&config, None),
            origin: "",
            now_ms,
        };
        let form = serde_json::from_value(body).unwrap();
        let (shown, save) = match id {
            Some(id) => replace(id, form, &saving)?,
            None => create(form, &saving)?,
        };
        let next = catalog.apply(&save.preconditions, &save.changes)?;
        Ok((shown, next))
    }

    fn texts(urls: &StatusUrls) -> [&str; 3] {
        [&urls.pending, &urls.approved, &urls.rejected].map(|url| url.text.as_str())
    }

    #[test]
    fn a_partner_and_its_urls_are_saved_together_and_again() {
        let body = json!({"partner": {"name": "Media"}, "status_urls": {
            "pending": {"text": "https://media.example/p?id=##PARA1##", "name": "Pending"},
            "rejected": {"text": "https://media.example/r"},
        }});
        let (made, catalog) = save(&Catalog::default(), None, body, 5).unwrap();
        assert_eq!(catalog.rules.len(), 2);
        assert_eq!(
            texts(&made.status_urls),
            [
                "https://media.example/p?id=##PARA1##",
                "",
                "https://media.example/r"
            ]
        );
        let id = made.partner.id.clone().unwrap();
        assert_eq!(
            serde_json::to_value(read(id.as_str(), &PartnerScope::only(Vec::new()), &catalog).unwrap())
                .unwrap(),
            serde_json::to_value(&made).unwrap(),
            "what is answered is what is read"
        );

        let mut next = serde_json::to_value(&made).unwrap();
        next["status_urls"]["approved"]["text"] = json!("https://media.example/a");
        next["status_urls"]["pending"]["text"] = json!("https://media.example/p2");
        next["status_urls"]["rejected"]["text"] = json!("");
        let (changed, after) = save(&catalog, Some(id.as_str()), next.clone(), 9).unwrap();
        assert_eq!(
            texts(&changed.status_urls),
            ["https://media.example/p2", "https://media.example/a", ""]
        );
        assert_eq!(changed.status_urls.pending.rule, made.status_urls.pending.rule);
        assert_eq!(changed.status_urls.pending.name, "Pending");
        assert_eq!(after.rules.len(), 2);
        let late = save(&after, Some(id.as_str()), next, 11).unwrap_err();
        assert_eq!(late.code(), "conflict", "somebody else has saved in between");
    }

    #[test]
    fn errors_stand_at_their_field_and_nothing_is_saved() {
        let with = |partner: Value, urls: Value| {
            let body = json!({"partner": partner, "status_urls": urls});
            let error = save(&Catalog::default(), None, body, 5).unwrap_err();
            (error.code(), error.field().unwrap_or_default().to_owned())
        };
        assert_eq!(
            with(json!({"name": ""}), json!({})),
            ("empty", "partner.name".into())
        );
        let metadata = json!({"rejected": {"text": "http://169.254.169.254/"}});
        assert_eq!(
            with(json!({"name": "Media"}), metadata).1,
            "status_urls.rejected.text"
        );
        let (made, catalog) = save(
            &Catalog::default(),
            None,
            json!({"partner": {"name": "Media"}, "status_urls": {"pending": {"text": "https://media.example/"}}}),
            5,
        )
        .unwrap();
        let mut blind = serde_json::to_value(&made).unwrap();
        blind["status_urls"]["pending"] = json!({"text": "https://other.example/"});
        let id = made.partner.id.unwrap();
        let error = save(&catalog, Some(id.as_str()), blind, 9).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            ("missing_field", Some("status_urls.pending.updated_at_ms"))
        );
    }
}
