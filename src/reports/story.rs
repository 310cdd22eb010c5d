//! What a stranger may know of a trace. Everything here is listed by name: a field that is added to a trace later
//! is not shown until somebody writes it down here.
//!
//! Left out: addresses, user agents but for system and browser, referers, cookies, URLs but for their host,
//! headers, bodies, signatures, the values that conditions saw, amounts, custom fields, notes, ids of rules, and
//! the names of operators. Identifiers are masked.

use super::records::{ActivityDto, AttemptDto, PostbackDetail, RuleOutcomeDto, SessionDto};
use super::trace::Trace;
use crate::domain::activity::{ActivityKind, ConversionStatus, MatchType};
use crate::domain::postback::ErrorClass;
use crate::domain::proof::mask;
use crate::domain::session::EngagementKind;
use crate::store::catalog::Catalog;

/// The story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Name of the offer, else empty.
    pub offer: String,
    /// Name of the partner, else empty.
    pub partner: String,
    /// Level names of the link, else empty.
    pub link: String,
    /// The click or impression, where it is known.
    pub click: Option<Click>,
    /// What came of it, oldest first.
    pub activities: Vec<Happening>,
}

/// The click or impression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// Click or impression.
    pub kind: EngagementKind,
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// Masked.
    pub sid: String,
    /// PARA1 to PARA5, masked; empty ones are empty.
    pub para: [String; 5],
    /// `ios phone Safari`: system, kind of device, browser.
    pub device: String,
    /// Two letters, or empty.
    pub country: String,
    /// What rules said.
    pub rules: Vec<RuleLine>,
    /// Postbacks that came of it.
    pub postbacks: Vec<PostbackLine>,
}

/// A conversion or another activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What happened.
    pub kind: ActivityKind,
    /// Name of the event, else empty.
    pub event: String,
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// Order number, masked.
    pub order: String,
    /// Whether it counts.
    pub is_accepted: bool,
    /// Why it does not count: a stable code.
    pub reason: Option<&'static str>,
    /// Status of a conversion.
    pub status: Option<ConversionStatus>,
    /// How the session was found.
    pub match_type: Option<MatchType>,
    /// Sessions that were considered.
    pub candidates: usize,
    /// What rules said.
    pub rules: Vec<RuleLine>,
    /// Postbacks that came of it.
    pub postbacks: Vec<PostbackLine>,
}

/// A rule, and whether it spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLine {
    /// Its name; empty for a callback of the click URL and a rule that is gone.
    pub name: String,
    /// Whether it spoke.
    pub holds: bool,
}

/// A postback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostbackLine {
    /// Host, with the port when it is not the usual one; `None` for the advertiser's own servers, which are nobody
    /// else's matter.
    pub host: Option<String>,
    /// `waiting`, `delivered` or `failed`.
    pub state: &'static str,
    /// Oldest first.
    pub attempts: Vec<AttemptLine>,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLine {
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// How long the exchange took.
    pub duration_ms: u32,
    /// Status of the answer, or the kind of failure.
    pub result: Result<u16, ErrorClass>,
}

/// Leaves out everything that is not a stranger's.
pub fn tell(trace: &Trace, catalog: &Catalog) -> Story {
    let session = trace.session.as_ref();
    let first = trace.activities.first().map(|a| &a.activity);
    let offer = session.map(|s| &s.offer).or(first.and_then(|a| a.offer.as_ref()));
    let partner = session
        .and_then(|s| s.partner.as_ref())
        .or(first.and_then(|a| a.partner.as_ref()));
    let link = session.map(|s| s.tracker_name.clone());
    Story {
        offer: offer
            .and_then(|id| catalog.offers.get(id))
            .map(|offer| offer.name.clone())
            .unwrap_or_default(),
        partner: partner
            .and_then(|id| catalog.partners.get(id))
            .map(|partner| partner.name.clone())
            .unwrap_or_default(),
        link: link
            .or(first.and_then(|a| a.tracker_name.clone()))
            .unwrap_or_default(),
        click: session.map(|s| click(s, trace, catalog)),
        activities: trace
            .activities
            .iter()
            .map(|a| happening(&a.activity, &a.postbacks, catalog))
            .collect(),
    }
}

fn click(s: &SessionDto, trace: &Trace, catalog: &Catalog) -> Click {
    let device = [&s.os_name, &s.device_type, &s.browser];
    let device: Vec<&str> = device
        .iter()
        .map(|part| part.as_str())
        .filter(|part| !part.is_empty())
        .collect();
    Click {
        kind: s.kind,
        at_ms: s.at_ms,
        sid: mask(&s.id.to_string()),
        para: s.para.each_ref().map(|value| mask(value)),
        device: device.join(" "),
        country: s.country.to_uppercase(),
        rules: rules(&trace.session_rules, catalog),
        postbacks: postbacks(&trace.session_postbacks),
    }
}

fn happening(a: &ActivityDto, of: &[PostbackDetail], catalog: &Catalog) -> Happening {
    let offer = a.offer.as_ref().and_then(|id| catalog.offers.get(id));
    let event = offer.and_then(|offer| {
        offer
            .events
            .iter()
            .find(|event| Some(event.token.as_str()) == a.event.as_deref())
    });
    Happening {
        kind: a.kind,
        event: event.map(|event| event.name.clone()).unwrap_or_default(),
        at_ms: a.received_at_ms,
        order: mask(a.uids.first().map(String::as_str).unwrap_or_default()),
        is_accepted: a.verdict.as_str() == "accepted",
        reason: a.reason,
        status: a.status,
        match_type: a.match_type,
        candidates: a.candidates.len(),
        rules: rules(&a.rules, catalog),
        postbacks: postbacks(of),
    }
}

fn rules(outcomes: &[RuleOutcomeDto], catalog: &Catalog) -> Vec<RuleLine> {
    outcomes
        .iter()
        .map(|outcome| RuleLine {
            name: outcome
                .origin
                .id
                .parse()
                .ok()
                .filter(|_| outcome.origin.kind != "link")
                .and_then(|id| catalog.rule(&id))
                .map(|rule| rule.name.clone())
                .unwrap_or_default(),
            holds: outcome.holds && outcome.skipped.is_none(),
        })
        .collect()
}

fn postbacks(details: &[PostbackDetail]) -> Vec<PostbackLine> {
    details
        .iter()
        .map(|detail| PostbackLine {
            host: detail
                .postback
                .partner
                .as_ref()
                .map(|_| host(&detail.postback.lane)),
            state: detail.postback.state.as_str(),
            attempts: detail.attempts.iter().map(attempt).collect(),
        })
        .collect()
}

fn attempt(a: &AttemptDto) -> AttemptLine {
    AttemptLine {
        at_ms: a.at_ms,
        duration_ms: a.duration_ms,
        result: a.status.ok_or(a.error.unwrap_or(ErrorClass::Internal)),
    }
}

/// The host of a lane, with its port when it is not the usual one.
fn host(lane: &str) -> String {
    url::Url::parse(lane)
        .ok()
        .and_then(|url| {
            let host = url.host_str()?;
            Some(
                url.port()
                    .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            )
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_destination_only_the_host_is_told() {
        assert_eq!(host("https://a.example:443"), "a.example");
        assert_eq!(host("http://a.example:8080"), "a.example:8080");
        assert_eq!(host("https://user:secret@a.example:443/path?x=1"), "a.example");
        assert_eq!(host("nonsense"), "");
    }
}
