//! Two weeks of past traffic, recorded by the code that records the present, under a clock that is set back
//! and walks forward.

use super::{BUYERS, apps, refused, sample, visit};
use crate::cli::CliError;
use crate::clock::Clock;
use crate::domain::ids::SessionId;
use crate::domain::session::{EngagementKind, Session};
use crate::recorder::Recorder;
use crate::store::catalog::LinkEntry;
use crate::tracking::caller::Caller;
use crate::tracking::click::{self, Incoming, Lookups};
use crate::tracking::client::{ClientHeaders, IpHasher};
use crate::tracking::conversion::{ConversionRequest, Sid};
use crate::tracking::engagement;
use crate::tracking::geo::GeoIp;
use crate::tracking::hit::{Recognised, Request};
use crate::tracking::link_names::LinkNames;
use crate::tracking::record_conversion;
use crate::tracking::repeat::Seen;
use std::net::{IpAddr, Ipv4Addr};

pub(super) const DAY_MS: i64 = 86_400_000;

/// Walks from the clock's time to `until_ms`, with at most so many visits a day.
pub(super) fn replay(
    recorder: &Recorder,
    clock: &Clock,
    until_ms: i64,
    visits_per_day: u32,
) -> Result<(), CliError> {
    let step_ms = (DAY_MS / i64::from(visits_per_day.max(1))).max(4);
    let mut last = None;
    while clock.now_ms() < until_ms - step_ms {
        clock.advance_ms(rand::random_range(step_ms / 4..step_ms * 7 / 4));
        if !is_awake(clock.now_ms()) {
            continue;
        }
        let session = visit(recorder, clock)?;
        let is_buyer = rand::random_ratio(1, BUYERS);
        last = Some(engagement::record(recorder, session.clone()).map_err(refused)?);
        if is_buyer {
            clock.advance_ms(rand::random_range(step_ms / 16..step_ms * 9 / 8));
            convert(recorder, &session)?;
        }
    }
    match last {
        Some(last) => last.blocking_recv().map(drop).map_err(refused),
        None => Ok(()),
    }
}

/// Fewer people click at night in Japan.
fn is_awake(at_ms: i64) -> bool {
    let hour = (at_ms / 3_600_000 + 9).rem_euclid(24);
    match hour {
        1..6 => rand::random_ratio(1, 6),
        6..9 | 23 | 0 => rand::random_ratio(1, 2),
        _ => true,
    }
}

/// The clicks of the devices whose lives the demo tells as of the last hour.
pub(super) fn app_clicks(recorder: &Recorder, clock: &Clock, at_ms: i64) -> Result<(), CliError> {
    clock.set_ms(at_ms);
    for device in 0..apps::PREPARED {
        let session = click(recorder, clock, sample::APP_LINK, &apps::click_query(device))?;
        engagement::record(recorder, session).map_err(refused)?;
    }
    Ok(())
}

fn visit(recorder: &Recorder, clock: &Clock) -> Result<Session, CliError> {
    let query = format!(
        "param1=past-{:08x}&creative=banner{}",
        rand::random::<u32>(),
        rand::random_range(1..4)
    );
    click(recorder, clock, visit::choose_link(), &query)
}

fn click(recorder: &Recorder, clock: &Clock, token: &str, query: &str) -> Result<Session, CliError> {
    let catalog = recorder.catalog();
    let entry: &LinkEntry = catalog
        .links
        .get(token)
        .ok_or_else(|| refused("the demo's link is missing"))?;
    let headers = ClientHeaders {
        user_agent: visit::choose_browser().into(),
        referer: "https://media.example/".into(),
        accept_language: "ja-JP,ja;q=0.9".into(),
        purpose: String::new(),
        model: String::new(),
    };
    let ip = IpAddr::V4(Ipv4Addr::new(203, 0, 113, rand::random()));
    let request = Request {
        kind: EngagementKind::Click,
        is_head: false,
        query: query.as_bytes(),
        charset: None,
        headers: &headers,
        ip,
    };
    let now_ms = clock.now_ms();
    let who = Recognised {
        tuid: SessionId::new(now_ms, rand::random()).to_string(),
        seen: Seen {
            is_repeat: false,
            is_unique: rand::random_ratio(9, 10),
        },
    };
    let incoming = Incoming {
        request,
        cookie: None,
        is_mended: false,
        now_ms,
    };
    let lookups = Lookups {
        geo: &GeoIp::empty(),
        ip_hasher: &IpHasher::new(&[7; 32]),
        link_names: &LinkNames::new(1000),
    };
    click::click_of(who, &incoming, entry, &lookups).map_err(refused)
}

fn convert(recorder: &Recorder, session: &Session) -> Result<(), CliError> {
    let is_shop = session.offer.as_str() == sample::SHOP;
    let mut request = ConversionRequest {
        sid: Some(Sid::Id(session.id)),
        ..ConversionRequest::default()
    };
    if is_shop {
        request.amount = Some(visit::choose_amount().into());
        request.uids[0] = format!("past-{:08x}", rand::random::<u32>());
    }
    let caller = Caller {
        tuid: session.tuid.clone(),
        is_operator: false,
        ..Caller::operator(IpAddr::V4(Ipv4Addr::LOCALHOST), session.user_agent.clone())
    };
    let recorded = recorder
        .run_blocking(move |group| record_conversion::decide(&request, &caller, group))
        .map_err(refused)?;
    recorded.map(drop).map_err(refused)
}
