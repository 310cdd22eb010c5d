//! Rules, as operators see and save them.

use super::random::given_or_new;
use super::secret::Secret;
use super::{AdminError, Resource, ServerLimits, Showing, check};
use crate::delivery::sign::Signer;
use crate::domain::activity::{ActivityKind, ConversionStatus};
use crate::domain::ids::{EventToken, OfferId, PartnerId, RuleId};
use crate::domain::offer::Event;
use crate::domain::partner::Partner;
use crate::domain::postback::Method;
use crate::domain::rule::{
    AnswerPolicy, ConsentNeed, Credit, EventWord, NoData, Rule, RuleBody, RuleHeader, RuleScope, SecondLook,
    TestSwitch,
};
use crate::domain::signing::SecretError;
use crate::domain::template::{self, CheckContext, Finding, without_credentials};
use crate::reports::PartnerScope;
use crate::reports::page::{ConfigQuery, holds};
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use serde::{Deserialize, Serialize};

/// A rule as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleDto {
    /// Made by the server when it is left out.
    #[serde(default)]
    pub id: Option<RuleId>,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Off: kept, never fires.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// Whom it speaks for.
    pub scope: RuleScope,
    /// Kinds that it fires for; empty means all kinds.
    #[serde(default)]
    pub kinds: Vec<ActivityKind>,
    /// Only for this event.
    #[serde(default)]
    pub event: Option<EventToken>,
    /// Fires when a conversion enters one of these.
    #[serde(default)]
    pub statuses: Vec<ConversionStatus>,
    /// Entries separated by white space: `URL` or `operator,LEFT,VALUE,URL`.
    pub text: String,
    /// GET unless set.
    #[serde(default)]
    pub method: Method,
    /// Body of a POST.
    #[serde(default)]
    pub body: Option<RuleBody>,
    /// Extra headers.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub headers: Vec<RuleHeader>,
    /// What empty placeholders become.
    #[serde(default)]
    pub no_data: NoData,
    /// Signing secret (`whsec_...`).
    #[serde(default)]
    pub signing_secret: Secret,
    /// Also fires for bots and prefetches.
    #[serde(default)]
    pub include_bots: bool,
    /// Also sent when the partner's click id (PARA1) is to go out and has no value.
    #[serde(default)]
    pub allow_empty_click_id: bool,
    /// Also fires when only the amount of a conversion changes.
    #[serde(default)]
    pub amount_changes: bool,
    /// Whose conversions it hears, where it speaks for a partner.
    #[serde(default)]
    pub credit: Credit,
    /// The partner whose secrets an offer-wide rule uses.
    #[serde(default)]
    pub secrets_of: Option<PartnerId>,
    /// The platform's words for our events; an event that is not among them does not fire the rule. Empty: all do.
    #[serde(default)]
    pub event_map: Vec<EventWord>,
    /// Alternatives, each a text of placeholders that all need data; without any of them nothing is sent. Empty:
    /// nothing is needed.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Hours after an activity at which it is no longer sent, also not by hand.
    #[serde(default)]
    pub max_age_h: Option<u32>,
    /// How tests are sent.
    #[serde(default)]
    pub test: Option<TestSwitch>,
    /// How answers are read; by the status line when left out.
    #[serde(default)]
    pub answers: Option<AnswerPolicy>,
    /// Asks later what became of a request that was taken.
    #[serde(default)]
    pub second_look: Option<SecondLook>,
    /// What the person has to have said of data for ad platforms.
    #[serde(default)]
    pub consent: ConsentNeed,
    /// It may send the visitor's whole address (`{full_ip_address}`), which is kept for it until it is sent.
    #[serde(default)]
    pub full_address: bool,
    /// Unix milliseconds of the last save; must be sent back unchanged to replace.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
    /// Why a saved rule can no longer be used; set by the server.
    #[serde(default)]
    pub broken: Option<String>,
}

impl Resource for Rule {
    const KIND: &'static str = "rule";
    type Id = RuleId;
    type Form = RuleDto;

    /// Those that can be used, then those that cannot.
    fn all(catalog: &Catalog) -> impl Iterator<Item = &Self> {
        let usable = catalog.rules.values().map(|compiled| &compiled.rule);
        usable.chain(catalog.broken_rules.iter().map(|broken| &broken.rule))
    }
    fn get<'a>(catalog: &'a Catalog, id: &RuleId) -> Option<&'a Self> {
        catalog.rule(id)
    }
    fn id(&self) -> &RuleId {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn updated_at_ms(&self) -> i64 {
        self.updated_at_ms
    }
    fn listed_at_ms(&self) -> i64 {
        self.updated_at_ms
    }
    fn key(&self) -> ConfigKey {
        ConfigKey::Rule(self.id.clone())
    }
    fn into_object(self) -> ConfigObject {
        ConfigObject::Rule(self)
    }

    /// Rules of a whole offer are seen by those without a limit only.
    fn is_seen(&self, _catalog: &Catalog, scope: &PartnerScope) -> bool {
        match &self.scope {
            RuleScope::Offer { .. } => scope.is_all(),
            RuleScope::Partner { partner, .. } => scope.sees(Some(partner)),
        }
    }
    fn is_listed(&self, filter: &ConfigQuery) -> bool {
        let (offer, partner) = named(&self.scope);
        let (offer, partner) = (offer.map(OfferId::as_str), partner.map(PartnerId::as_str));
        let word = filter.word();
        filter.offer.as_deref().is_none_or(|wanted| offer == Some(wanted))
            && filter
                .partner
                .as_deref()
                .is_none_or(|wanted| partner == Some(wanted))
            && (holds(&self.name, word) || holds(&self.text, word) || self.id.as_str().contains(word))
    }

    fn id_of(form: &RuleDto) -> Option<&RuleId> {
        form.id.as_ref()
    }
    fn read_at_ms(form: &RuleDto) -> Option<i64> {
        form.updated_at_ms
    }
    fn check(
        form: RuleDto,
        before: Option<&Self>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Self, AdminError> {
        form.into_rule(before, catalog, saved_at_ms)
    }
    /// Refuses a rule with errors; the first one is the answer.
    fn refuse(&self, limits: ServerLimits<'_>) -> Result<(), AdminError> {
        // What others have saved decides about warnings only.
        match findings(self, None, limits).into_iter().find(Finding::is_error) {
            Some(error) => Err(AdminError::invalid(
                error.field,
                error.code,
                format!("{} {}", error.message, error.remedy),
            )),
            None => Ok(()),
        }
    }

    /// With the reason why it cannot be used, if it is saved like this and cannot.
    fn show(&self, showing: Showing<'_>) -> RuleDto {
        let mut broken = showing.catalog.broken_rules.iter();
        RuleDto {
            id: Some(self.id.clone()),
            name: self.name.clone(),
            enabled: self.enabled,
            scope: self.scope.clone(),
            kinds: self.kinds.clone(),
            event: self.event.clone(),
            statuses: self.statuses.clone(),
            text: without_credentials(&self.text).into_owned(),
            method: self.method,
            body: self.body.clone(),
            headers: self.headers.clone(),
            no_data: self.no_data.clone(),
            signing_secret: Secret::shown(self.signing_secret.as_ref()),
            include_bots: self.include_bots,
            allow_empty_click_id: self.allow_empty_click_id,
            amount_changes: self.amount_changes,
            credit: self.credit,
            secrets_of: self.secrets_of.clone(),
            event_map: self.event_map.clone(),
            needs: self.needs.clone(),
            max_age_h: self.max_age_h,
            test: self.test.clone(),
            answers: self.answers.clone(),
            second_look: self.second_look.clone(),
            consent: self.consent,
            full_address: self.full_address,
            updated_at_ms: Some(self.updated_at_ms),
            broken: broken
                .find(|broken| broken.rule == *self)
                .map(|broken| broken.message.clone()),
        }
    }
    /// Who may see a rule sees all of it.
    fn redact(_form: &mut RuleDto) {}
}

/// The offer and the partner that a scope names.
fn named(scope: &RuleScope) -> (Option<&OfferId>, Option<&PartnerId>) {
    match scope {
        RuleScope::Offer { offer } => (Some(offer), None),
        RuleScope::Partner { partner, offer } => (offer.as_ref(), Some(partner)),
    }
}

/// Everything to be said of a rule before it is saved. `catalog`: what is looked at beside the rule itself.
pub(super) fn findings(rule: &Rule, catalog: Option<&Catalog>, limits: ServerLimits<'_>) -> Vec<Finding> {
    with_checks(rule, catalog, limits, |checks| template::check(rule, checks))
}

/// Gives a decision what the checks of a rule need to know.
pub(super) fn with_checks<T>(
    rule: &Rule,
    catalog: Option<&Catalog>,
    limits: ServerLimits<'_>,
    decide: impl FnOnce(&CheckContext<'_>) -> T,
) -> T {
    let refuse_host = |host: &str| limits.host_refusal(host, rule);
    let has_secret = |name: &str| {
        let owner = rule.secret_owner().map_or("", PartnerId::as_str);
        let mut secrets = catalog.into_iter().flat_map(|catalog| catalog.secrets_of(owner));
        secrets.any(|secret| secret.name.as_str() == name)
    };
    let events: Vec<&Event> = catalog
        .map(|catalog| events_of(rule, catalog))
        .unwrap_or_default();
    decide(&CheckContext {
        refuse_host: &refuse_host,
        partner: catalog.and_then(|catalog| partner_of(rule, catalog)),
        has_secret: catalog.is_some().then_some(&has_secret),
        events: catalog.is_some().then_some(&events),
    })
}

/// Events of the offers that a rule speaks for.
fn events_of<'c>(rule: &Rule, catalog: &'c Catalog) -> Vec<&'c Event> {
    let (own, _) = named(&rule.scope);
    let offers = catalog
        .offers
        .values()
        .filter(|offer| own.is_none_or(|own| offer.id == *own));
    offers.flat_map(|offer| &offer.events).collect()
}

/// The partner that a rule speaks for.
fn partner_of<'c>(rule: &Rule, catalog: &'c Catalog) -> Option<&'c Partner> {
    let (_, partner) = named(&rule.scope);
    catalog.partners.get(partner?).map(AsRef::as_ref)
}

impl RuleDto {
    /// A GET that is on, for every kind of activity of a scope.
    pub fn new(scope: RuleScope) -> Self {
        Self {
            id: None,
            name: String::new(),
            enabled: true,
            scope,
            kinds: Vec::new(),
            event: None,
            statuses: Vec::new(),
            text: String::new(),
            method: Method::default(),
            body: None,
            headers: Vec::new(),
            no_data: NoData::default(),
            signing_secret: Secret::Keep,
            include_bots: false,
            allow_empty_click_id: false,
            amount_changes: false,
            credit: Credit::default(),
            secrets_of: None,
            event_map: Vec::new(),
            needs: Vec::new(),
            max_age_h: None,
            test: None,
            answers: None,
            second_look: None,
            consent: ConsentNeed::default(),
            full_address: false,
            updated_at_ms: None,
            broken: None,
        }
    }

    /// Gives what is stored, without looking at the template text: that is what [`findings`] is for.
    fn into_rule(
        self,
        before: Option<&Rule>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Rule, AdminError> {
        check::text_up_to("name", &self.name, check::NAME_CHARS)?;
        check_scope(&self.scope, self.event.as_ref(), catalog)?;
        if let Some(partner) = &self.secrets_of
            && !catalog.partners.contains_key(partner)
        {
            return Err(missing_reference("secrets_of", "partner"));
        }
        check::at_most("headers", &self.headers, 20)?;
        // Its form is among the findings; whether two halves of a key pair belong together only the signer tells.
        if let Some(Err(SecretError::KeyPair)) = self.signing_secret.new_value().map(Signer::parse) {
            let error = SecretError::KeyPair;
            return Err(AdminError::invalid(
                "signing_secret",
                error.code(),
                error.to_string(),
            ));
        }
        let signing_secret = self
            .signing_secret
            .resolve(before.and_then(|r| r.signing_secret.clone()));
        Ok(Rule {
            id: match before {
                Some(before) => check::same_id(self.id, &before.id)?,
                None => given_or_new(self.id, RuleId::from_random)?,
            },
            name: self.name,
            enabled: self.enabled,
            scope: self.scope,
            kinds: self.kinds,
            event: self.event,
            statuses: self.statuses,
            text: self.text,
            method: self.method,
            body: self.body,
            headers: self.headers,
            no_data: self.no_data,
            signing_secret,
            include_bots: self.include_bots,
            allow_empty_click_id: self.allow_empty_click_id,
            amount_changes: self.amount_changes,
            credit: self.credit,
            secrets_of: self.secrets_of,
            event_map: self.event_map,
            needs: self.needs,
            max_age_h: self.max_age_h,
            test: self.test,
            answers: self.answers,
            second_look: self.second_look,
            consent: self.consent,
            full_address: self.full_address,
            updated_at_ms: saved_at_ms,
        })
    }
}

fn missing_reference(field: &str, what: &str) -> AdminError {
    let message = format!("there is no such {what}: create it first");
    AdminError::invalid(field, "missing_reference", message)
}

fn check_scope(scope: &RuleScope, event: Option<&EventToken>, catalog: &Catalog) -> Result<(), AdminError> {
    let missing = |field: &str, what: &str| Err(missing_reference(field, what));
    let (offer, partner) = named(scope);
    if partner.is_some_and(|p| !catalog.partners.contains_key(p)) {
        return missing("scope.partner", "partner");
    }
    let offer = match offer {
        Some(offer) => match catalog.offers.get(offer) {
            Some(offer) => Some(offer),
            None => return missing("scope.offer", "offer"),
        },
        None => None,
    };
    if let Some(event) = event {
        let has =
            |o: &std::sync::Arc<crate::domain::offer::Offer>| o.events.iter().any(|e| e.token == *event);
        let known = offer.map_or_else(|| catalog.offers.values().any(has), has);
        if !known {
            return missing("event", "event");
        }
    }
    Ok(())
}
