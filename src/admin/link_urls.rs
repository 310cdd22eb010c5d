//! What is copied from a link: click URL, 入稿URL, impression URL, tags.

use crate::domain::account::Settings;
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use serde::{Deserialize, Serialize};

/// Addresses and snippets of a link, to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LinkUrls {
    /// Click URL without parameters.
    pub click_url: String,
    /// 入稿URL: the click URL with the partner's parameters and its own macros, byte for byte.
    pub submission_url: String,
    /// Parameters whose variable is still to be asked of the partner; until they are filled the 入稿URL is not finished.
    #[serde(default)]
    pub ask_for: Vec<String>,
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

/// The address that a link is issued on.
pub(super) fn base_url(link: &Link, settings: &Settings, fallback: &str) -> String {
    let own = link.domain.as_deref().filter(|d| !d.is_empty());
    let public = Some(settings.public_url.as_str()).filter(|u| !u.is_empty());
    own.or(public)
        .unwrap_or(fallback)
        .trim_end_matches('/')
        .to_owned()
}

/// The tag with what it has to know of the offer: without the id, two offers on one site overwrite each other's
/// session, without the name of the parameter nothing is found, without the days each click is kept 30.
fn tag(link: &Link, offer: Option<&Offer>, base: &str) -> String {
    let mut attributes = format!(r#"data-cid="{}""#, link.offer);
    if let Some(offer) = offer {
        if offer.sid_param != "sid" {
            attributes.push_str(&format!(r#" data-sid-param="{}""#, offer.sid_param));
        }
        attributes.push_str(&format!(r#" data-days="{}""#, offer.web_window_days()));
    }
    format!(r#"<script async src="{base}/tag.js" {attributes}></script>"#)
}

/// Everything to be copied. The partner's own macros go in as they are: our templates never touch them.
pub(super) fn urls(
    link: &Link,
    offer: Option<&Offer>,
    partner: Option<&Partner>,
    event: Option<&str>,
    base: &str,
) -> LinkUrls {
    let click_url = format!("{base}/c/{}", link.token);
    let parameters = partner.map(parameters).unwrap_or_default();
    let in_url = event.map(|e| format!("&event={e}")).unwrap_or_default();
    let event = event.map(|e| format!(", event: '{e}'")).unwrap_or_default();
    let tag = tag(link, offer, base);
    LinkUrls {
        submission_url: join(&click_url, &parameters),
        ask_for: partner.map(ask_for).unwrap_or_default(),
        impression_url: join(&format!("{base}/i/{}", link.token), &parameters),
        landing_tag: tag.clone(),
        conversion_tag: format!(
            "{tag}\n<script>\nwindow.yamabiko=window.yamabiko||function(){{(yamabiko.q=yamabiko.q||[]).push(arguments)}};\nyamabiko('conversion', {{cid: '{}'{event}, amount: 5400, uid1: 'A-1001'}});\n</script>",
            link.offer
        ),
        conversion_url: format!("{base}/cv?sid=SID{in_url}&amount=5400&uid1=A-1001"),
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

/// The partner's parameters as a query, in order: those that have a macro, and without a value those whose macro is
/// still to be asked for.
fn parameters(partner: &Partner) -> String {
    let ask_for = ask_for(partner);
    let parameters = partner.click_parameters.iter();
    let known = parameters.filter_map(
        |p| match p.macro_text.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => Some(format!("{}={text}", p.name)),
            None => ask_for.contains(&p.name).then(|| format!("{}=", p.name)),
        },
    );
    let default = partner
        .click_parameters
        .is_empty()
        .then(|| format!("{DEFAULT_PARAMETER}="));
    known.chain(default).collect::<Vec<_>>().join("&")
}

/// What brings PARA1 from partners of whom nothing is said.
const DEFAULT_PARAMETER: &str = "param1";

fn ask_for(partner: &Partner) -> Vec<String> {
    if partner.click_parameters.is_empty() {
        return vec![DEFAULT_PARAMETER.to_owned()];
    }
    partner.parameters_to_ask_for().map(|p| p.name.clone()).collect()
}

/// Joins a query to a URL with `?` or `&`, whichever it needs.
fn join(url: &str, query: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::offer::{AttributionPolicy, RunState, TrustPolicy};
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
            stop: None,
            was_held: None,
            click_parameters: click_parameters.collect(),
            callback_hosts: vec![],
            delivery: Default::default(),
            payouts: vec![],
            wording: Default::default(),
            charset: None,
            attribution: Default::default(),
            trust: TrustPolicy::default(),
            note: String::new(),
            categories: Vec::new(),
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }
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
            stop: None,
            attribution: AttributionPolicy::default(),
            domain: None,
            note: String::new(),
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }

    #[test]
    fn the_tag_knows_its_offer() {
        let offer = serde_json::json!({
            "id": "offer0000001", "name": "Shop", "events": [], "sid_param": "ybsid",
            "attribution": {"web_window_days": 60},
        });
        let offer: Offer = serde_json::from_value(offer).unwrap();
        let urls = urls(&link(), Some(&offer), None, None, "https://t.example.com");
        let tag = r#"<script async src="https://t.example.com/tag.js" data-cid="offer0000001" data-sid-param="ybsid" data-days="60"></script>"#;
        assert_eq!(urls.landing_tag, tag);
        assert!(urls.conversion_tag.starts_with(tag));
    }

    #[test]
    fn the_submission_url_carries_the_partners_macros_byte_for_byte() {
        let partner = partner(&[
            ("param1", Some("##sessionId##")),
            ("a8", None),
            ("sub", Some("{{x.y}}")),
        ]);
        let urls = urls(
            &link(),
            None,
            Some(&partner),
            Some("ev0001"),
            "https://t.example.com",
        );
        assert_eq!(
            urls.submission_url,
            "https://t.example.com/c/abcd1234?param1=##sessionId##&sub={{x.y}}"
        );
        assert_eq!(
            urls.direct_query,
            "yb_link=abcd1234&param1=##sessionId##&sub={{x.y}}"
        );
        assert!(urls.conversion_tag.contains("event: 'ev0001'"));
        assert!(urls.ask_for.is_empty());
    }

    #[test]
    fn the_submission_url_is_not_finished_without_the_partners_macro() {
        let handed_out = |partner: &Partner| {
            let urls = urls(&link(), None, Some(partner), None, "https://t.example.com");
            (urls.submission_url, urls.ask_for)
        };
        let open = (
            "https://t.example.com/c/abcd1234?param1=".to_owned(),
            vec!["param1".to_owned()],
        );
        assert_eq!(handed_out(&partner(&[])), open, "the default");
        let mut known = partner(&[("param1", None)]);
        known.click_parameters[0].para = Some(1);
        assert_eq!(handed_out(&known), open);
        known.preset = Some("a8net".into());
        known.click_parameters[0].name = "a8".into();
        let appended = ("https://t.example.com/c/abcd1234".to_owned(), vec![]);
        assert_eq!(handed_out(&known), appended, "the network appends it by itself");
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
