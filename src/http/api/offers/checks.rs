//! Checks of what an offer holds; links and partners hold some of it too.

use super::dto::EventDto;
use crate::domain::ids::EventToken;
use crate::domain::offer::{Approval, AttributionPolicy, Destinations, DuplicateBy, Event, Payout};
use crate::http::api::{check, made_id};
use crate::http::problem::ApiError;
use crate::tracking::destination::{self, Purpose};
use rust_decimal::Decimal;

/// One entry of an allow-list of hosts.
pub fn check_host(field: &str, text: &str) -> Result<(), ApiError> {
    let parsed = text.parse::<crate::tracking::hosts::HostPattern>();
    parsed
        .map(drop)
        .map_err(|error| ApiError::invalid(field, error.code(), error.to_string()))
}

fn destination(field: String, text: &str, purpose: Purpose) -> Result<String, ApiError> {
    // `dcp_<name>` is any parameter of the click.
    let is_known =
        |name: &str| name.starts_with("dcp_") || crate::domain::template::catalogue::find(name).is_some();
    destination::check(text, purpose, &is_known)
        .map_err(|error| ApiError::invalid(field, error.code(), error.to_string()))
}

/// Checks destinations; those of an offer need at least one.
pub fn checked_destinations(
    field: &str,
    given: Destinations,
    needs_one: bool,
) -> Result<Destinations, ApiError> {
    let optional = |name: &str, value: Option<String>, purpose| {
        value
            .filter(|text| !text.trim().is_empty())
            .map(|text| destination(format!("{field}.{name}"), &text, purpose))
            .transpose()
    };
    let checked = Destinations {
        default: optional("default", Some(given.default), Purpose::Page)?.unwrap_or_default(),
        ios: optional("ios", given.ios, Purpose::Page)?,
        android: optional("android", given.android, Purpose::Page)?,
        deep_link: optional("deep_link", given.deep_link, Purpose::DeepLink)?,
        fallback: optional("fallback", given.fallback, Purpose::Page)?,
    };
    let has_one = !checked.default.is_empty()
        || checked.ios.is_some()
        || checked.android.is_some()
        || checked.fallback.is_some();
    if needs_one && !has_one {
        return Err(ApiError::invalid(
            format!("{field}.default"),
            "empty",
            "enter the page that clicks lead to, such as https://shop.example/lp",
        ));
    }
    Ok(checked)
}

pub(super) fn checked_events(given: Vec<EventDto>) -> Result<Vec<Event>, ApiError> {
    check::at_most("events", &given, 100)?;
    let mut events: Vec<Event> = Vec::with_capacity(given.len());
    for (n, event) in given.into_iter().enumerate() {
        let field = |name: &str| format!("events[{n}].{name}");
        check::name(&field("name"), &event.name)?;
        let name = event.name.trim().to_owned();
        let token = made_id(event.token, EventToken::from_random)?;
        if events.iter().any(|e| e.name == name || e.token.as_str() == name) {
            return Err(ApiError::invalid(
                field("name"),
                "duplicate",
                "give each event of the offer a name of its own",
            ));
        }
        if events.iter().any(|e| e.token == token) {
            return Err(ApiError::invalid(
                field("token"),
                "duplicate",
                "each event has a token of its own; leave it out to have one made",
            ));
        }
        check::within(&field("duplicates.days"), event.duplicates.days, 1, 3650)?;
        if let Approval::AfterDays { days } = event.approval {
            check::within(&field("approval.days"), days, 1, 365)?;
        }
        if let Some(payout) = event.payout {
            check_payout(&field("payout"), payout)?;
        }
        if event.is_unique && event.duplicates.by == DuplicateBy::Never {
            return Err(ApiError::invalid(
                field("duplicates.by"),
                "contradiction",
                "an event that is counted once a device cannot count every repetition: change one of the two",
            ));
        }
        events.push(Event {
            token,
            name,
            is_unique: event.is_unique,
            has_revenue: event.has_revenue,
            duplicates: event.duplicates,
            approval: event.approval,
            payout: event.payout,
        });
    }
    Ok(events)
}

/// A payout: an amount that is not negative, or a share of at most everything.
pub fn check_payout(field: &str, payout: Payout) -> Result<(), ApiError> {
    match payout {
        Payout::Fixed { money } => {
            let text = money.amount.to_string();
            crate::domain::money::parse_amount(&text).map_err(|error| {
                ApiError::invalid(format!("{field}.amount"), "invalid_amount", error.to_string())
            })?;
            if money.amount.normalize().scale() > money.currency.decimals() {
                return Err(ApiError::invalid(
                    format!("{field}.amount"),
                    "too_many_decimals",
                    format!("{} has {} decimals", money.currency, money.currency.decimals()),
                ));
            }
            Ok(())
        }
        Payout::Percent { percent } => check::within(
            &format!("{field}.percent"),
            percent,
            Decimal::ZERO,
            Decimal::ONE_HUNDRED,
        ),
    }
}

/// Windows must lie within the retention of sessions: what is no longer kept cannot be credited.
pub fn check_attribution(
    field: &str,
    policy: &AttributionPolicy,
    sessions_days: u32,
) -> Result<(), ApiError> {
    let windows = [
        (
            "web_window_days",
            policy.web_window_days.map(|d| u64::from(d) * 24),
        ),
        ("click_window_h", policy.click_window_h.map(u64::from)),
        (
            "click_probabilistic_window_h",
            policy.click_probabilistic_window_h.map(u64::from),
        ),
        ("impression_window_h", policy.impression_window_h.map(u64::from)),
        (
            "impression_probabilistic_window_h",
            policy.impression_probabilistic_window_h.map(u64::from),
        ),
        (
            "reattribution_window_h",
            policy.reattribution_window_h.map(u64::from),
        ),
    ];
    for (name, hours) in windows {
        if hours.is_some_and(|h| h > u64::from(sessions_days) * 24) {
            return Err(ApiError::invalid(
                format!("{field}.{name}"),
                "window_too_long",
                format!(
                    "sessions are kept for {sessions_days} days: choose a shorter window, or raise retention.sessions_days in the configuration"
                ),
            ));
        }
    }
    if policy.web_window_days == Some(0) {
        return Err(ApiError::invalid(
            format!("{field}.web_window_days"),
            "out_of_range",
            "use at least 1 day",
        ));
    }
    Ok(())
}
