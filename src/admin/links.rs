//! Links (クリックURL), as operators see and save them.

use super::link_urls::{LinkUrls, base_url, urls};
use super::parts::{Replacing, checked_destinations, refuse_loops};
use super::random::given_or_new;
use super::stops::checked_unheld_stop;
use super::{AdminError, Resource, ServerLimits, Showing, check};
use crate::domain::ids::{LinkToken, OfferId, PartnerId};
use crate::domain::link::Link;
use crate::domain::offer::{AttributionPolicy, Destinations, RunState};
use crate::domain::stop::Stop;
use crate::reports::PartnerScope;
use crate::reports::page::{ConfigQuery, holds};
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use serde::{Deserialize, Serialize};

/// How many names clicks gave a link below its own: combinations of campaign, adgroup and creative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LinkNamesDto {
    /// Combinations known.
    pub count: usize,
    /// How many may be known (`limits.link_names`); what comes after is named `unknown`.
    pub limit: usize,
}

/// A link as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkDto {
    /// As in `/c/{token}`; made by the server when it is left out.
    #[serde(default)]
    pub token: Option<LinkToken>,
    /// What is advertised.
    pub offer: OfferId,
    /// Who advertises it; `null` for the advertiser's own links.
    #[serde(default)]
    pub partner: Option<PartnerId>,
    /// Level 1 of the name.
    #[schema(min_length = 1, max_length = 200)]
    pub network: String,
    /// Level 2.
    #[serde(default)]
    pub campaign: Option<String>,
    /// Level 3.
    #[serde(default)]
    pub adgroup: Option<String>,
    /// Level 4.
    #[serde(default)]
    pub creative: Option<String>,
    /// Destinations that replace those of the offer (遷移先変更).
    #[serde(default)]
    pub destinations: Option<Destinations>,
    /// Paused: clicks answer 404.
    #[serde(default)]
    pub state: RunState,
    /// Stopped, now or at a time; left out: not stopped.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// Overrides of the attribution policy.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// The tracking domain that it was issued on; `null` for the public address of the instance.
    #[serde(default)]
    pub domain: Option<String>,
    /// Free text for the operator.
    #[serde(default)]
    pub note: String,
    /// Unix milliseconds; set by the server.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save; must be sent back unchanged to replace.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
    /// To be copied; set by the server.
    #[serde(default)]
    pub urls: Option<LinkUrls>,
    /// Names below the link; set by the server where links are read.
    #[serde(default)]
    pub names: Option<LinkNamesDto>,
}

impl Resource for Link {
    const KIND: &'static str = "link";
    type Id = LinkToken;
    type Form = LinkDto;

    fn all(catalog: &Catalog) -> impl Iterator<Item = &Self> {
        catalog.links.values().map(|entry| &entry.link)
    }
    fn get<'a>(catalog: &'a Catalog, id: &LinkToken) -> Option<&'a Self> {
        catalog.links.get(id).map(|entry| &entry.link)
    }
    fn id(&self) -> &LinkToken {
        &self.token
    }
    fn name(&self) -> &str {
        &self.network
    }
    fn updated_at_ms(&self) -> i64 {
        self.updated_at_ms
    }
    fn listed_at_ms(&self) -> i64 {
        self.created_at_ms
    }
    fn key(&self) -> ConfigKey {
        ConfigKey::Link(self.token.clone())
    }
    fn into_object(self) -> ConfigObject {
        ConfigObject::Link(self)
    }

    fn is_seen(&self, _catalog: &Catalog, scope: &PartnerScope) -> bool {
        scope.sees(self.partner.as_ref())
    }
    fn is_listed(&self, filter: &ConfigQuery) -> bool {
        let (word, partner) = (filter.word(), self.partner.as_ref().map(PartnerId::as_str));
        filter.offer.as_deref().is_none_or(|o| self.offer.as_str() == o)
            && filter.partner.as_deref().is_none_or(|p| partner == Some(p))
            && (self.token.as_str().contains(word) || self.names().any(|name| holds(name, word)))
    }

    fn id_of(form: &LinkDto) -> Option<&LinkToken> {
        form.token.as_ref()
    }
    fn read_at_ms(form: &LinkDto) -> Option<i64> {
        form.updated_at_ms
    }
    fn check(
        form: LinkDto,
        before: Option<&Self>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Self, AdminError> {
        let link = form.into_link(before, catalog, saved_at_ms)?;
        refuse_loops(Replacing::Link(&link), catalog)?;
        Ok(link)
    }
    fn refuse(&self, limits: ServerLimits<'_>) -> Result<(), AdminError> {
        limits.check_attribution(&self.attribution)
    }

    fn show(&self, showing: Showing<'_>) -> LinkDto {
        let catalog = showing.catalog;
        let partner = self.partner.as_ref().and_then(|p| catalog.partners.get(p));
        let offer = catalog.offers.get(&self.offer).map(|offer| &**offer);
        let event = offer.and_then(|offer| Some(offer.events.first()?.token.as_str()));
        let base = base_url(self, &catalog.settings, showing.origin);
        LinkDto {
            token: Some(self.token.clone()),
            offer: self.offer.clone(),
            partner: self.partner.clone(),
            network: self.network.clone(),
            campaign: self.campaign.clone(),
            adgroup: self.adgroup.clone(),
            creative: self.creative.clone(),
            destinations: self.destinations.clone(),
            state: self.state,
            stop: self.stop.clone(),
            attribution: self.attribution.clone(),
            domain: self.domain.clone(),
            note: self.note.clone(),
            created_at_ms: self.created_at_ms,
            updated_at_ms: Some(self.updated_at_ms),
            urls: Some(urls(self, offer, partner.map(|p| &**p), event, &base)),
            names: showing.link_names.map(|names| LinkNamesDto {
                count: names.count(&self.token),
                limit: names.most(),
            }),
        }
    }
    /// The note is for the advertiser's own people.
    fn redact(form: &mut LinkDto) {
        form.note.clear();
    }
}

impl LinkDto {
    fn into_link(
        self,
        before: Option<&Link>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Link, AdminError> {
        check::name("network", &self.network)?;
        let level = |field: &str, value: Option<String>| {
            let value = value.filter(|v| !v.trim().is_empty());
            value.map(|v| check::name(field, &v).map(|()| v)).transpose()
        };
        let (campaign, adgroup, creative) = (
            level("campaign", self.campaign)?,
            level("adgroup", self.adgroup)?,
            level("creative", self.creative)?,
        );
        check::note("note", &self.note)?;
        if !catalog.offers.contains_key(&self.offer) {
            return Err(AdminError::invalid(
                "offer",
                "missing_reference",
                "there is no such offer: create it first",
            ));
        }
        if self
            .partner
            .as_ref()
            .is_some_and(|p| !catalog.partners.contains_key(p))
        {
            return Err(AdminError::invalid(
                "partner",
                "missing_reference",
                "there is no such partner: create it first",
            ));
        }
        let domain = self
            .domain
            .filter(|d| !d.is_empty())
            .map(|d| check::origin("domain", &d))
            .transpose()?;
        if let Some(domain) = &domain
            && *domain != catalog.settings.public_url
            && !catalog.settings.tracking_domains.contains(domain)
        {
            return Err(AdminError::invalid(
                "domain",
                "unknown_domain",
                "add the domain to the tracking domains in the settings first",
            ));
        }
        let destinations = self
            .destinations
            .map(|d| checked_destinations("destinations", d, false))
            .transpose()?;
        Ok(Link {
            token: match before {
                Some(before) => check::same_id(self.token, &before.token)?,
                None => given_or_new(self.token, LinkToken::from_random)?,
            },
            offer: self.offer,
            partner: self.partner,
            network: self.network.trim().to_owned(),
            campaign,
            adgroup,
            creative,
            destinations: destinations.filter(|d| *d != Destinations::default()),
            state: self.state,
            stop: self
                .stop
                .map(|stop| checked_unheld_stop(stop, saved_at_ms))
                .transpose()?,
            attribution: self.attribution,
            domain,
            note: self.note,
            created_at_ms: before.map_or(saved_at_ms, |l| l.created_at_ms),
            updated_at_ms: saved_at_ms,
        })
    }
}
