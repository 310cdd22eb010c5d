//! A click, an impression, a landing or a test click, from the request to its durable session: who it is, the
//! session with its names within the link's bound, where it leads, and the record.
//!
//! The HTTP layer and the tests of operators only hand over what came; everything that a click decides is decided
//! here, once for all of them.

use super::client::IpHasher;
use super::destination::{self, DestinationError, Requested};
use super::engagement::{self, Recorded};
use super::gate::Gate;
use super::geo::GeoIp;
use super::hit::{Hit, Recognised, Request, SessionContext};
use super::link_names::LinkNames;
use super::personal;
use super::repeat::{Repeats, Seen};
use super::session_values::ClickValues;
use crate::domain::ids::SessionId;
use crate::domain::link;
use crate::domain::note::{self, Note, NoteCode};
use crate::domain::offer::RunState;
use crate::domain::session::{EngagementKind, Session};
use crate::domain::stop::{self, StoppedVisitors};
use crate::recorder::{Pool, Recorder};
use crate::store::Record;
use crate::store::catalog::{Catalog, LinkEntry};
use crate::telemetry::{self, EngagementResult};
use std::cell::OnceCell;
use std::net::IpAddr;
use std::time::Duration;

/// How long a person waits for the acknowledgement of the store before the redirect goes out without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a session is completed from, beside the request and the link.
#[derive(Debug, Clone, Copy)]
pub struct Lookups<'a> {
    /// Places of addresses.
    pub geo: &'a GeoIp,
    /// Hash of addresses.
    pub ip_hasher: &'a IpHasher,
    /// Which names below a link are known.
    pub link_names: &'a LinkNames,
}

/// A request for a link, with what the visitor is recognised by.
#[derive(Debug, Clone)]
pub struct Incoming<'a> {
    /// The request.
    pub request: Request<'a>,
    /// TUID of the visitor's cookie.
    pub cookie: Option<String>,
    /// The address of the link was damaged ([`Named::is_mended`]).
    pub is_mended: bool,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// A session that is to be recorded.
#[derive(Debug, Clone)]
pub struct Engagement {
    /// Complete.
    pub session: Session,
    /// Where the visitor is sent; the session keeps it without what speaks of a person. Empty of an arrival.
    pub location: String,
    /// Sent by a server: the answer is JSON.
    pub is_s2s: bool,
}

/// The link that an address names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// It and its offer.
    pub entry: &'a LinkEntry,
    /// It is stopped: what its visitors get; nothing of them is recorded.
    pub stopped: Option<&'a StoppedVisitors>,
    /// What stood in the address behind the token and is a query (`/c/mylink01&param1=a`).
    pub more: &'a str,
    /// The address was damaged on its way.
    pub is_mended: bool,
}

/// Finds the link of an address, as it is or, after a miss, without what cannot be in a token: text around a link
/// in a mail or message is taken for a part of it.
pub fn find_link<'a>(catalog: &'a Catalog, address: &'a str, now_ms: i64) -> Option<Named<'a>> {
    let named = |entry: &'a LinkEntry, more, is_mended| Named {
        entry,
        stopped: stopped(entry, now_ms),
        more,
        is_mended,
    };
    if let Some(entry) = catalog.links.get(address) {
        return Some(named(entry, "", false));
    }
    let (token, more) = link::mended_token(address)?;
    Some(named(catalog.links.get(token.as_str())?, more, true))
}

fn stopped(entry: &LinkEntry, now_ms: i64) -> Option<&StoppedVisitors> {
    let partner = entry.partner.as_ref().and_then(|partner| partner.stop.as_ref());
    let levels = [
        (entry.offer.state, entry.offer.stop.as_ref()),
        (RunState::Active, partner),
        (entry.link.state, entry.link.stop.as_ref()),
    ];
    stop::decide(levels, now_ms)
}

/// Composes a click: its session leads somewhere, or the link has no destination for the device.
pub fn click(
    incoming: Incoming<'_>,
    entry: &LinkEntry,
    repeats: &Repeats,
    lookups: &Lookups<'_>,
) -> Result<Engagement, DestinationError> {
    let (hit, now_ms, is_mended) = (Hit::parse(&incoming.request), incoming.now_ms, incoming.is_mended);
    let (who, is_s2s) = (recognise(&hit, incoming, entry, repeats), hit.is_s2s());
    let (session, requested) = build(hit, who, now_ms, is_mended, entry, lookups);
    let (session, location) = led(session, &requested, entry)?;
    Ok(Engagement {
        session,
        location,
        is_s2s,
    })
}

/// A click that passes by a stopped link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// Where it leads.
    pub destination: String,
    /// Sent by a server: the answer is JSON.
    pub is_s2s: bool,
}

/// Where a stopped link leads: to the page that stands in, or to the destination as ever, without a SID. Nothing is
/// recorded.
pub fn passing(
    incoming: &Incoming<'_>,
    entry: &LinkEntry,
    visitors: &StoppedVisitors,
    lookups: &Lookups<'_>,
) -> Result<Passing, DestinationError> {
    let hit = Hit::parse(&incoming.request);
    let is_s2s = hit.is_s2s();
    if let StoppedVisitors::Fallback { url } = visitors {
        return Ok(Passing {
            destination: url.clone(),
            is_s2s,
        });
    }
    let nobody = Recognised {
        tuid: String::new(),
        seen: Seen {
            is_repeat: false,
            is_unique: false,
        },
    };
    let context = SessionContext {
        link: &entry.link,
        offer: &entry.offer,
        partner: entry.partner.as_deref(),
        geo: lookups.geo,
        ip_hasher: lookups.ip_hasher,
    };
    let built = hit.session(engagement::new_session_id(incoming.now_ms), &context, nobody);
    let own = entry.link.destinations.as_ref();
    let choice = destination::choose(&entry.offer, own, &built.requested, &built.session.device.os_name)?;
    let values = ClickValues::new(built.session, entry);
    let value = |name: &str| {
        let is_of_record = matches!(name, "sid" | "reftag" | "activity_id");
        if is_of_record { None } else { values.get(name) }
    };
    let destination = destination::render(&choice, &entry.offer, None, &value)?;
    Ok(Passing { destination, is_s2s })
}

/// Composes an impression or a direct landing, which lead nowhere.
pub fn arrival(
    incoming: Incoming<'_>,
    entry: &LinkEntry,
    repeats: &Repeats,
    lookups: &Lookups<'_>,
) -> Engagement {
    let (hit, now_ms, is_mended) = (Hit::parse(&incoming.request), incoming.now_ms, incoming.is_mended);
    let (who, is_s2s) = (recognise(&hit, incoming, entry, repeats), hit.is_s2s());
    Engagement {
        session: build(hit, who, now_ms, is_mended, entry, lookups).0,
        location: String::new(),
        is_s2s,
    }
}

/// Composes the click of an operator who tries a link out: labelled test, of a new visitor, never a bot's.
pub fn test_click(
    incoming: &Incoming<'_>,
    entry: &LinkEntry,
    lookups: &Lookups<'_>,
) -> Result<Session, DestinationError> {
    let who = Recognised {
        tuid: new_tuid(incoming.now_ms),
        seen: Seen {
            is_repeat: false,
            is_unique: true,
        },
    };
    let mut session = click_of(who, incoming, entry, lookups)?;
    session.flags.is_test = true;
    session.flags.is_bot = false;
    Ok(session)
}

/// Composes a click of somebody who is recognised already.
pub fn click_of(
    who: Recognised,
    incoming: &Incoming<'_>,
    entry: &LinkEntry,
    lookups: &Lookups<'_>,
) -> Result<Session, DestinationError> {
    let hit = Hit::parse(&incoming.request);
    let (session, requested) = build(hit, who, incoming.now_ms, incoming.is_mended, entry, lookups);
    led(session, &requested, entry).map(|(session, _)| session)
}

/// The session of a hit, without a destination.
fn build(
    hit: Hit,
    who: Recognised,
    now_ms: i64,
    is_mended: bool,
    entry: &LinkEntry,
    lookups: &Lookups<'_>,
) -> (Session, Requested) {
    let context = SessionContext {
        link: &entry.link,
        offer: &entry.offer,
        partner: entry.partner.as_deref(),
        geo: lookups.geo,
        ip_hasher: lookups.ip_hasher,
    };
    let mut built = hit.session(engagement::new_session_id(now_ms), &context, who);
    lookups.link_names.admit(&entry.link, &mut built.session);
    if built.session.flags.is_cut {
        telemetry::parameters_cut(1);
    }
    if is_mended {
        let note = Note::new(NoteCode::MendedAddress, "", "");
        built.session.parameters.push(note.into_pair());
    }
    for note in note::notes(&built.session.parameters) {
        telemetry::noted(note.code.as_str());
    }
    (built.session, built.requested)
}

/// The session, and where it leads.
fn led(
    mut session: Session,
    requested: &Requested,
    entry: &LinkEntry,
) -> Result<(Session, String), DestinationError> {
    let own = entry.link.destinations.as_ref();
    let choice = destination::choose(&entry.offer, own, requested, &session.device.os_name)?;
    // Built only when the destination holds a placeholder other than the SID.
    let values = OnceCell::new();
    let value = |name: &str| {
        values
            .get_or_init(|| ClickValues::new(session.clone(), entry))
            .get(name)
    };
    let location = destination::render(&choice, &entry.offer, Some(session.id), &value)?;
    session.destination = personal::text(&location).into_owned();
    Ok((session, location))
}

/// Who clicked: by cookie, by what the tag remembers, else new; a server's click has no cookie.
fn recognise(hit: &Hit, incoming: Incoming<'_>, entry: &LinkEntry, repeats: &Repeats) -> Recognised {
    let known = if hit.is_s2s() {
        None
    } else {
        let remembered = || {
            let tuid = hit.remembered_tuid()?.parse::<SessionId>().ok()?;
            Some(tuid.to_string())
        };
        incoming.cookie.or_else(remembered)
    };
    let is_new = known.is_none();
    let tuid = known.unwrap_or_else(|| {
        if hit.is_s2s() {
            String::new()
        } else {
            new_tuid(incoming.now_ms)
        }
    });
    let (link, now_ms, repeat_s) = (&entry.link.token, incoming.now_ms, repeat_s(entry, hit));
    let seen = if hit.is_automated() {
        Seen {
            is_repeat: false,
            is_unique: false,
        }
    } else if is_new {
        // Recognised by address and browser until the cookie comes back; the cookie is noted too, so that the
        // next click is recognised by either.
        if !tuid.is_empty() {
            repeats.touch(&tuid, link, now_ms, repeat_s);
        }
        let request = &incoming.request;
        let ip = hit.ip().unwrap_or(request.ip);
        repeats.touch((ip, &request.headers.user_agent), link, now_ms, repeat_s)
    } else {
        repeats.touch(&tuid, link, now_ms, repeat_s)
    };
    Recognised { tuid, seen }
}

fn new_tuid(now_ms: i64) -> String {
    SessionId::new(now_ms, rand::random()).to_string()
}

/// Within how many seconds another click is a repeat. Clicks that a server sends without saying whose they are
/// cannot be repeats of one person.
fn repeat_s(entry: &LinkEntry, hit: &Hit) -> u32 {
    if hit.is_s2s() && hit.ip().is_none() {
        0
    } else {
        entry.offer.repeat_click_s
    }
}

/// Records a session of a network. One that clicks faster than visitors do is flagged, and recorded while there is
/// room today for what does not count.
pub async fn record_of(mut session: Session, ip: IpAddr, gate: &Gate, recorder: &Recorder) -> Recorded {
    if gate.is_burst(ip) {
        let note = Note::new(NoteCode::Burst, "", "");
        telemetry::noted(note.code.as_str());
        session.parameters.push(note.into_pair());
        let bytes = session.encode().map_or(usize::MAX, |encoded| encoded.len());
        let now_ms = recorder.clock().now_ms();
        if !recorder.rooms().take(Pool::Strangers, now_ms, bytes) {
            count(session.kind, EngagementResult::Lost);
            return Recorded::Lost;
        }
    }
    record(session, recorder).await
}

/// Records a session and counts what became of it. Waits at most `PATIENCE`: without an answer by then it
/// counts as spooled.
pub async fn record(session: Session, recorder: &Recorder) -> Recorded {
    let kind = session.kind;
    let recorded = match engagement::record(recorder, session) {
        Ok(acknowledgement) => tokio::time::timeout(PATIENCE, acknowledgement)
            .await
            .ok()
            .and_then(Result::ok)
            .unwrap_or(Recorded::Spooled),
        Err(error) => {
            if let Some(left_out) = crate::telemetry::occasionally("session_unwritten") {
                tracing::error!(code = error.code(), %error, left_out, "a session cannot be written");
            }
            Recorded::Lost
        }
    };
    let result = match recorded {
        Recorded::Durable => EngagementResult::Recorded,
        Recorded::Spooled => EngagementResult::Spooled,
        Recorded::Lost => EngagementResult::Lost,
    };
    count(kind, result);
    recorded
}

fn count(kind: EngagementKind, result: EngagementResult) {
    match kind {
        EngagementKind::Impression => telemetry::impression(result),
        EngagementKind::Click | EngagementKind::Direct => telemetry::click(result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::client::ClientHeaders;
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    fn entry() -> LinkEntry {
        let offer = serde_json::json!({
            "id": "offer1", "name": "Shop", "events": [],
            "destinations": {"default": "https://shop.example/?c={campaign_name}"},
        });
        let link = serde_json::json!({"token": "abcdef", "offer": "offer1", "network": "Net"});
        LinkEntry {
            link: serde_json::from_value(link).unwrap(),
            offer: Arc::new(serde_json::from_value(offer).unwrap()),
            partner: None,
        }
    }

    #[test]
    fn names_of_a_test_click_are_bound_like_those_of_any_click() {
        let headers = ClientHeaders {
            user_agent: "curl/8".into(),
            ..ClientHeaders::default()
        };
        let incoming = Incoming {
            request: Request {
                kind: EngagementKind::Click,
                is_head: false,
                query: b"campaign=made-up",
                charset: None,
                headers: &headers,
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            },
            cookie: None,
            is_mended: false,
            now_ms: 1_763_000_000_000,
        };
        let session = |most| {
            let lookups = Lookups {
                geo: &GeoIp::empty(),
                ip_hasher: &IpHasher::new(&[0; 32]),
                link_names: &LinkNames::new(most),
            };
            test_click(&incoming, &entry(), &lookups).unwrap()
        };
        assert_eq!(session(1).tracker_name(), "Net::made-up");
        let beyond = session(0);
        assert_eq!(beyond.tracker_name(), "Net::unknown");
        assert_eq!(
            beyond.destination,
            format!("https://shop.example/?c=unknown&sid={}", beyond.id)
        );
        assert!(beyond.flags.is_test && !beyond.flags.is_bot);
    }
}
