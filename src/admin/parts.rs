//! Checks of what several kinds of objects hold: hosts, destinations, payouts.

use super::{AdminError, check};
use crate::domain::ids::LinkToken;
use crate::domain::link::{Link, click_target, comes_back};
use crate::domain::offer::{Destinations, Offer, Payout};
use crate::domain::site::Site;
use crate::domain::template::check_destination;
use crate::store::catalog::Catalog;
use crate::tracking::destination::{self, Purpose};
use rust_decimal::Decimal;

/// A site of an offer, in the form to save.
pub fn checked_site(field: &str, text: &str) -> Result<String, AdminError> {
    text.parse::<Site>()
        .map(|site| site.to_string())
        .map_err(|error| AdminError::invalid(field, error.code(), error.to_string()))
}

/// One entry of an allow-list of hosts.
pub fn check_host(field: &str, text: &str) -> Result<(), AdminError> {
    let parsed = text.parse::<crate::tracking::hosts::HostPattern>();
    parsed
        .map(drop)
        .map_err(|error| AdminError::invalid(field, error.code(), error.to_string()))
}

/// One entry of `callback_hosts`: a host, or the beginning of a URL.
pub fn check_callback(field: &str, text: &str) -> Result<(), AdminError> {
    let parsed = text.parse::<crate::tracking::hosts::CallbackPattern>();
    parsed
        .map(drop)
        .map_err(|error| AdminError::invalid(field, error.code(), error.to_string()))
}

fn destination(field: String, text: &str, purpose: Purpose) -> Result<String, AdminError> {
    // `dcp_<name>` is any parameter of the click.
    let is_known =
        |name: &str| name.starts_with("dcp_") || crate::domain::template::catalogue::find(name).is_some();
    let checked = destination::check(text, purpose, &is_known)
        .map_err(|error| AdminError::invalid(&field, error.code(), error.to_string()))?;
    match check_destination(text.trim(), &field) {
        Some(finding) => {
            let sentence = format!("{} {}", finding.message, finding.remedy);
            Err(AdminError::invalid(field, finding.code, sentence))
        }
        None => Ok(checked),
    }
}

/// Checks destinations; those of an offer need at least one.
pub fn checked_destinations(
    field: &str,
    given: Destinations,
    needs_one: bool,
) -> Result<Destinations, AdminError> {
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
        return Err(AdminError::invalid(
            format!("{field}.default"),
            "empty",
            "enter the page that clicks lead to, such as https://shop.example/lp",
        ));
    }
    Ok(checked)
}

/// What a save puts in the place of what is in the catalog.
#[derive(Clone, Copy)]
pub enum Replacing<'a> {
    /// A link.
    Link(&'a Link),
    /// An offer.
    Offer(&'a Offer),
}

/// Refuses destinations by which clicks would come back to the link that they were made on.
pub fn refuse_loops(replacing: Replacing<'_>, catalog: &Catalog) -> Result<(), AdminError> {
    let targets = |token: &LinkToken| -> Vec<LinkToken> {
        let saved = catalog.links.get(token);
        let link = match replacing {
            Replacing::Link(link) if link.token == *token => Some(link),
            _ => saved.map(|entry| &entry.link),
        };
        let Some(link) = link else { return Vec::new() };
        let offer = match replacing {
            Replacing::Offer(offer) if offer.id == link.offer => Some(offer),
            _ => catalog.offers.get(&link.offer).map(|offer| &**offer),
        };
        let unset = Destinations::default();
        let own = link.destinations.as_ref().unwrap_or(&unset);
        let of_offer = offer.map_or(&unset, |offer| &offer.destinations);
        own.texts_over(of_offer).filter_map(click_target).collect()
    };
    let comes_back = match replacing {
        Replacing::Link(link) => comes_back(&link.token, &targets),
        Replacing::Offer(offer) => offer
            .destinations
            .texts_over(&Destinations::default())
            .filter_map(click_target)
            .any(|token| comes_back(&token, &targets)),
    };
    if comes_back {
        return Err(AdminError::invalid(
            "destinations.default",
            "leads_back",
            "clicks would come back to the same link: enter the page that people are to see, not a tracking link",
        ));
    }
    Ok(())
}

/// A payout for installs, which have no amount that a share could be taken of.
pub fn check_install_payout(field: &str, payout: Payout) -> Result<(), AdminError> {
    if matches!(payout, Payout::Percent { .. }) {
        return Err(AdminError::invalid(
            field,
            "share_of_nothing",
            "an install has no amount that a share could be taken of: enter a fixed sum",
        ));
    }
    check_payout(field, payout)
}

/// A payout: an amount that is not negative, or a share of at most everything.
pub fn check_payout(field: &str, payout: Payout) -> Result<(), AdminError> {
    match payout {
        Payout::Fixed { money } => {
            let text = money.amount.to_string();
            crate::domain::money::parse_amount(&text).map_err(|error| {
                AdminError::invalid(format!("{field}.amount"), "invalid_amount", error.to_string())
            })?;
            if money.amount.normalize().scale() > money.currency.decimals() {
                return Err(AdminError::invalid(
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
