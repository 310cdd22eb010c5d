//! Links (クリックURL / トラッカー): one offer and one partner, with names on four levels.

use super::ids::{LinkToken, OfferId, PartnerId};
use super::offer::{AttributionPolicy, Destinations, RunState};
use super::stop::Stop;
use super::unfilled;
use serde::{Deserialize, Serialize};

/// Longest token of a link.
const MOST_TOKEN_BYTES: usize = 32;

/// A tracking link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Link {
    /// As in `/c/{token}`.
    pub token: LinkToken,
    /// What is advertised.
    pub offer: OfferId,
    /// Who advertises it; `None` for the advertiser's own links.
    #[serde(default)]
    pub partner: Option<PartnerId>,
    /// Level 1 of the name: the network.
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
    /// Destinations that replace those of the offer (遷移先変更); unset fields fall back to the offer.
    #[serde(default)]
    pub destinations: Option<Destinations>,
    /// Paused: clicks answer 404.
    #[serde(default)]
    pub state: RunState,
    /// Stopped, now or at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Overrides of the attribution policy.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// The tracking domain it was issued on; `None` for the public address of the instance.
    #[serde(default)]
    pub domain: Option<String>,
    /// Free text for the operator.
    #[serde(default)]
    pub note: String,
    /// Unix milliseconds.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}

impl Link {
    /// The names of its own, from the network down.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let below = [&self.campaign, &self.adgroup, &self.creative];
        let below = below.into_iter().filter_map(|name| name.as_deref());
        std::iter::once(self.network.as_str()).chain(below)
    }

    /// The names of its own, joined with `::`.
    pub fn full_name(&self) -> String {
        self.names().collect::<Vec<_>>().join("::")
    }
}

/// The link whose click URL a destination is, also when it is written as only a click mends it.
pub fn click_target(destination: &str) -> Option<LinkToken> {
    let (_, rest) = destination.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next()?.trim_start_matches('/');
    let (first, address) = path.split_once('/')?;
    let address = percent_encoding::percent_decode_str(address).decode_utf8_lossy();
    let (token, _) = mended_token(&address).filter(|_| first.eq_ignore_ascii_case("c"))?;
    token.parse().ok()
}

/// The token at the beginning of a damaged address, in lower case, and the query that follows it. White space and
/// characters that take no room are passed over; no other character is.
pub fn mended_token(address: &str) -> Option<(String, &str)> {
    let mut token = String::new();
    let mut more = "";
    // A base that ends with a slash, and a path that begins with one.
    let address = address.trim_start_matches('/');
    for (at, c) in address.char_indices() {
        match unfilled::half_width(c) {
            c if c.is_ascii_alphanumeric() => token.push(c.to_ascii_lowercase()),
            c if c.is_whitespace() || unfilled::is_invisible(c) => {}
            '&' | '?' => {
                more = address[at..].trim_start_matches(['&', '?']);
                break;
            }
            _ => break,
        }
        if token.len() > MOST_TOKEN_BYTES {
            return None;
        }
    }
    (!token.is_empty()).then_some((token, more))
}

/// Whether a click on a link comes back to it. `targets` gives the links that another one leads to.
pub fn comes_back(link: &LinkToken, targets: &dyn Fn(&LinkToken) -> Vec<LinkToken>) -> bool {
    /// Longer chains are not followed: no browser would.
    const LONGEST: usize = 50;
    let mut seen: Vec<LinkToken> = Vec::new();
    let mut open = targets(link);
    while let Some(next) = open.pop() {
        if next == *link {
            return true;
        }
        if seen.len() < LONGEST && !seen.contains(&next) {
            open.extend(targets(&next));
            seen.push(next);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> LinkToken {
        text.parse().unwrap()
    }

    #[test]
    fn click_urls_are_known_by_their_path() {
        for (destination, target) in [
            ("https://t.example.com/c/mylink01", Some("mylink01")),
            (
                "http://127.0.0.1:8080/c/mylink01?param1={para1}#x",
                Some("mylink01"),
            ),
            ("https://shop.example/lp/c/mylink01", None),
            ("https://t.example.com//C//MyLink01/", Some("mylink01")),
            ("https://t.example.com/c/mylink01%20", Some("mylink01")),
            ("https://t.example.com/c/mylink01&a=1", Some("mylink01")),
            ("https://t.example.com/c/mylink01/x", Some("mylink01")),
            ("https://t.example.com/c/mylink012", Some("mylink012")),
            ("https://shop.example/c/", None),
            ("https://shop.example", None),
            ("myshop://c/mylink01", None),
        ] {
            assert_eq!(click_target(destination), target.map(token), "{destination}");
        }
    }

    #[test]
    fn a_damaged_address_is_read_up_to_what_no_token_holds() {
        for (address, token, more) in [
            ("MYLINK01", "mylink01", ""),
            ("mylink01.", "mylink01", ""),
            ("mylink01)", "mylink01", ""),
            ("mylink01,", "mylink01", ""),
            ("mylink01 ", "mylink01", ""),
            ("myli nk01\u{200b}", "mylink01", ""),
            ("ｍｙｌｉｎｋ０１", "mylink01", ""),
            ("mylink01/x/y", "mylink01", ""),
            ("mylink01&param1=a", "mylink01", "param1=a"),
            ("mylink01?param1=a&b=c", "mylink01", "param1=a&b=c"),
            ("my-link01", "my", ""),
        ] {
            assert_eq!(mended_token(address), Some((token.to_owned(), more)), "{address}");
        }
        for address in ["", "/", "%", ".mylink01", &"a".repeat(40)] {
            assert_eq!(mended_token(address), None, "{address}");
        }
    }

    #[test]
    fn rings_of_links_are_found_and_chains_are_not() {
        let targets = |of: &LinkToken| match of.as_str() {
            "itself01" => vec![token("itself01")],
            "first001" => vec![token("other001"), token("second01")],
            "second01" => vec![token("third001")],
            "third001" => vec![token("first001")],
            "before01" => vec![token("itself01")],
            _ => vec![],
        };
        for (link, expected) in [
            ("itself01", true),
            ("first001", true),
            ("third001", true),
            ("before01", false),
            ("other001", false),
        ] {
            assert_eq!(comes_back(&token(link), &targets), expected, "{link}");
        }
    }
}
