//! Links (クリックURL) and everything that is copied from them: click URL, 入稿URL, impression URL, tags.

use super::check;
use super::offers::{check_attribution, checked_destinations};
use super::page::{ConfigQuery, Ordered, Page, holds};
use super::save::{self, Note, difference, saved_at, unchanged};
use super::{made_id, same_id, to_json};
use crate::domain::account::Settings;
use crate::domain::ids::{LinkToken, OfferId, PartnerId};
use crate::domain::link::Link;
use crate::domain::offer::{AttributionPolicy, Destinations, RunState};
use crate::domain::partner::Partner;
use crate::http::State;
use crate::http::auth::{Editor, Identity, Viewer};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject, LinkEntry};
use crate::tracking::link_names::LinkNames;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};

/// Addresses and snippets of a link, to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LinkUrls {
    /// Click URL without parameters.
    pub click_url: String,
    /// 入稿URL: the click URL with the partner's parameters and its own macros, byte for byte.
    pub submission_url: String,
    /// Impression URL with the same parameters.
    pub impression_url: String,
    /// Landing tag, for every page of the advertiser's site.
    pub landing_tag: String,
    /// Conversion tag, for the thanks page.
    pub conversion_tag: String,
    /// Server-to-server conversion call.
    pub conversion_url: String,
    /// Query for the advertiser's own page when the partner allows no redirect (direct measurement).
    pub direct_query: String,
}

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

fn view(link: &Link, partner: Option<&Partner>, event: Option<&str>, base: &str) -> LinkDto {
    LinkDto {
        token: Some(link.token.clone()),
        offer: link.offer.clone(),
        partner: link.partner.clone(),
        network: link.network.clone(),
        campaign: link.campaign.clone(),
        adgroup: link.adgroup.clone(),
        creative: link.creative.clone(),
        destinations: link.destinations.clone(),
        state: link.state,
        attribution: link.attribution.clone(),
        domain: link.domain.clone(),
        note: link.note.clone(),
        created_at_ms: link.created_at_ms,
        updated_at_ms: Some(link.updated_at_ms),
        urls: Some(urls(link, partner, event, base)),
        names: None,
    }
}

fn view_entry(entry: &LinkEntry, settings: &Settings, names: &LinkNames, fallback: &str) -> LinkDto {
    let event = entry.offer.events.first().map(|e| e.token.as_str());
    let base = base_url(&entry.link, settings, fallback);
    LinkDto {
        names: Some(LinkNamesDto {
            count: names.count(&entry.link.token),
            limit: names.most(),
        }),
        ..view(&entry.link, entry.partner.as_deref(), event, &base)
    }
}

/// The address that a link is issued on.
fn base_url(link: &Link, settings: &Settings, fallback: &str) -> String {
    let own = link.domain.as_deref().filter(|d| !d.is_empty());
    let public = Some(settings.public_url.as_str()).filter(|u| !u.is_empty());
    own.or(public)
        .unwrap_or(fallback)
        .trim_end_matches('/')
        .to_owned()
}

/// Everything to be copied. The partner's own macros go in as they are: our templates never touch them.
fn urls(link: &Link, partner: Option<&Partner>, event: Option<&str>, base: &str) -> LinkUrls {
    let click_url = format!("{base}/c/{}", link.token);
    let parameters = partner.map(parameters).unwrap_or_default();
    let event = event.map(|e| format!(", event: '{e}'")).unwrap_or_default();
    LinkUrls {
        submission_url: join(&click_url, &parameters),
        impression_url: join(&format!("{base}/i/{}", link.token), &parameters),
        landing_tag: format!(r#"<script src="{base}/tag.js" async></script>"#),
        conversion_tag: format!(
            "<script src=\"{base}/tag.js\" async></script>\n<script>\nwindow.yamabiko=window.yamabiko||function(){{(yamabiko.q=yamabiko.q||[]).push(arguments)}};\nyamabiko('conversion', {{cid: '{}'{event}, amount: 1000, uid1: 'ORDER-ID'}});\n</script>",
            link.offer
        ),
        conversion_url: format!("{base}/cv?sid=SID&amount=AMOUNT&uid1=ORDER-ID"),
        direct_query: join(
            "",
            &format!(
                "yb_link={}{}{parameters}",
                link.token,
                if parameters.is_empty() { "" } else { "&" }
            ),
        )
        .trim_start_matches('?')
        .to_owned(),
        click_url,
    }
}

/// The partner's parameters as a query: those that have a macro, in order.
fn parameters(partner: &Partner) -> String {
    let with_macro = partner
        .click_parameters
        .iter()
        .filter_map(|p| Some((&p.name, p.macro_text.as_ref()?)));
    with_macro
        .map(|(name, text)| format!("{name}={text}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// Joins a query to a URL with `?` or `&`, whichever it needs.
pub fn join(url: &str, query: &str) -> String {
    if query.is_empty() {
        return url.to_owned();
    }
    let separator = match url.find('?') {
        None => "?",
        Some(at) if at + 1 == url.len() || url.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{separator}{query}")
}

impl LinkDto {
    /// Checks every field and gives what is stored.
    pub fn into_link(
        self,
        before: Option<&Link>,
        catalog: &Catalog,
        sessions_days: u32,
        saved_at_ms: i64,
    ) -> Result<Link, ApiError> {
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
        check_attribution("attribution", &self.attribution, sessions_days)?;
        if !catalog.offers.contains_key(&self.offer) {
            return Err(ApiError::invalid(
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
            return Err(ApiError::invalid(
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
            return Err(ApiError::invalid(
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
                Some(before) => same_id(self.token, &before.token)?,
                None => made_id(self.token, LinkToken::from_random)?,
            },
            offer: self.offer,
            partner: self.partner,
            network: self.network.trim().to_owned(),
            campaign,
            adgroup,
            creative,
            destinations: destinations.filter(|d| *d != Destinations::default()),
            state: self.state,
            attribution: self.attribution,
            domain,
            note: self.note,
            created_at_ms: before.map_or(saved_at_ms, |l| l.created_at_ms),
            updated_at_ms: saved_at_ms,
        })
    }
}

fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a LinkEntry, ApiError> {
    let key: LinkToken = id("link", text)?;
    catalog
        .links
        .get(&key)
        .map(|l| &**l)
        .ok_or_else(|| ApiError::not_found("link", text))
}

/// Lists links, newest first.
#[utoipa::path(tag = "links", params(ConfigQuery), responses((status = 200, body = Page<LinkDto>)))]
#[get("/links")]
pub async fn list_links(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let (catalog, query, origin) = (state.recorder.catalog(), query.0, viewer.0.caller.origin());
    let word = query.word();
    let wanted = |entry: &&std::sync::Arc<LinkEntry>| {
        let link = &entry.link;
        viewer.0.sees(link.partner.as_ref())
            && query.offer.as_deref().is_none_or(|o| link.offer.as_str() == o)
            && query
                .partner
                .as_deref()
                .is_none_or(|p| link.partner.as_ref().is_some_and(|own| own.as_str() == p))
            && (link.token.as_str().contains(word) || link.names().any(|name| holds(name, word)))
    };
    let all = catalog.links.values().filter(wanted).map(|entry| Ordered {
        at_ms: entry.link.created_at_ms,
        id: entry.link.token.to_string(),
        item: seen(
            &viewer.0,
            view_entry(entry, &catalog.settings, &state.link_names, &origin),
        ),
    });
    let page = query.page(all)?;
    Ok(HttpResponse::Ok().json(page))
}

/// Reads one link.
#[utoipa::path(tag = "links", responses((status = 200, body = LinkDto)))]
#[get("/links/{token}")]
pub async fn get_link(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let entry = find(&catalog, &path)?;
    if !viewer.0.sees(entry.link.partner.as_ref()) {
        return Err(ApiError::not_found("link", path.into_inner()));
    }
    let origin = viewer.0.caller.origin();
    let view = view_entry(entry, &catalog.settings, &state.link_names, &origin);
    Ok(HttpResponse::Ok().json(seen(&viewer.0, view)))
}

/// A link as somebody may see it: the note is for the advertiser's own people.
fn seen(identity: &Identity, mut dto: LinkDto) -> LinkDto {
    if identity.whole().is_err() {
        dto.note.clear();
    }
    dto
}

/// A link as it is shown; `fallback` is the address where none is set.
pub fn view_saved(link: &Link, catalog: &Catalog, fallback: &str) -> LinkDto {
    let partner = link.partner.as_ref().and_then(|p| catalog.partners.get(p));
    let event = catalog
        .offers
        .get(&link.offer)
        .and_then(|o| o.events.first())
        .map(|e| e.token.as_str());
    view(
        link,
        partner.map(|p| &**p),
        event,
        &base_url(link, &catalog.settings, fallback),
    )
}

/// Makes a link.
#[utoipa::path(tag = "links", responses((status = 201, body = LinkDto)))]
#[post("/links")]
pub async fn create_link(
    state: Data<State>,
    editor: Editor,
    body: Json<LinkDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let link = body.0.into_link(
        None,
        &catalog,
        state.config.retention.sessions_days,
        saved_at(&state, 0),
    )?;
    let view = view_saved(&link, &catalog, &editor.0.caller.origin());
    let note = Note::new("link.create", link.token.to_string()).detail(to_json(&view).to_string());
    save::insert(&state, &editor.0, ConfigObject::Link(link), note).await?;
    Ok(HttpResponse::Created().json(view))
}

/// Replaces a link.
#[utoipa::path(tag = "links", responses((status = 200, body = LinkDto)))]
#[put("/links/{token}")]
pub async fn replace_link(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<LinkDto>,
) -> Result<HttpResponse, ApiError> {
    let (catalog, origin) = (state.recorder.catalog(), editor.0.caller.origin());
    let before = &find(&catalog, &path)?.link;
    let preconditions = unchanged(ConfigKey::Link(before.token.clone()), body.0.updated_at_ms)?;
    let saved_at_ms = saved_at(&state, before.updated_at_ms);
    let link = body.0.into_link(
        Some(before),
        &catalog,
        state.config.retention.sessions_days,
        saved_at_ms,
    )?;
    let view = view_saved(&link, &catalog, &origin);
    let note = Note::new("link.update", link.token.to_string()).detail(difference(
        &to_json(&view_saved(before, &catalog, &origin)),
        &to_json(&view),
    ));
    save::update(&state, &editor.0, preconditions, ConfigObject::Link(link), note).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Removes a link. Its sessions and conversions stay; clicks on it answer 404 from now on.
#[utoipa::path(tag = "links", responses((status = 204)))]
#[delete("/links/{token}")]
pub async fn delete_link(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key = ConfigKey::Link(find(&state.recorder.catalog(), &path)?.link.token.clone());
    let note = Note::new("link.delete", path.into_inner());
    save::remove(&state, &editor.0, key, note).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::partner::ClickParameter;

    fn partner(parameters: &[(&str, Option<&str>)]) -> Partner {
        let click_parameters = parameters.iter().map(|(name, text)| ClickParameter {
            name: (*name).into(),
            para: None,
            macro_text: text.map(Into::into),
        });
        Partner {
            id: "media001".parse().unwrap(),
            name: "Media".into(),
            preset: None,
            click_parameters: click_parameters.collect(),
            callback_hosts: vec![],
            delivery: Default::default(),
            payouts: vec![],
            attribution: Default::default(),
            trust: TrustPolicy::default(),
            note: String::new(),
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }
    use crate::domain::offer::TrustPolicy;

    fn link() -> Link {
        Link {
            token: "abcd1234".parse().unwrap(),
            offer: "offer0000001".parse().unwrap(),
            partner: None,
            network: "Media".into(),
            campaign: None,
            adgroup: None,
            creative: None,
            destinations: None,
            state: RunState::Active,
            attribution: AttributionPolicy::default(),
            domain: None,
            note: String::new(),
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }

    #[test]
    fn the_submission_url_carries_the_partners_macros_byte_for_byte() {
        let partner = partner(&[
            ("param1", Some("##sessionId##")),
            ("a8", None),
            ("sub", Some("{{x.y}}")),
        ]);
        let urls = urls(&link(), Some(&partner), Some("ev0001"), "https://t.example.com");
        assert_eq!(
            urls.submission_url,
            "https://t.example.com/c/abcd1234?param1=##sessionId##&sub={{x.y}}"
        );
        assert_eq!(
            urls.direct_query,
            "yb_link=abcd1234&param1=##sessionId##&sub={{x.y}}"
        );
        assert!(urls.conversion_tag.contains("event: 'ev0001'"));
    }

    #[test]
    fn queries_are_joined_with_what_the_url_needs() {
        for (url, joined) in [
            ("https://a.example/c", "https://a.example/c?p=1"),
            ("https://a.example/c?x=1", "https://a.example/c?x=1&p=1"),
            ("https://a.example/c?", "https://a.example/c?p=1"),
            ("https://a.example/c?x=1&", "https://a.example/c?x=1&p=1"),
        ] {
            assert_eq!(join(url, "p=1"), joined);
        }
        assert_eq!(join("https://a.example/c", ""), "https://a.example/c");
    }

    #[test]
    fn the_address_is_the_links_own_then_the_instances_then_the_one_that_was_called() {
        let mut link = link();
        let mut settings = Settings::default();
        assert_eq!(
            base_url(&link, &settings, "http://10.0.0.1:8080"),
            "http://10.0.0.1:8080"
        );
        settings.public_url = "https://t.example.com".into();
        assert_eq!(base_url(&link, &settings, "x"), "https://t.example.com");
        link.domain = Some("https://u.example.com".into());
        assert_eq!(base_url(&link, &settings, "x"), "https://u.example.com");
    }
}
