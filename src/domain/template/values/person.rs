//! Values for platforms that take hashed identities: digests, consent, the page, times and money in their forms.

use super::ActivityValues;
use super::written::{Text, in_list, lent, made};
use crate::domain::activity::ActivityInput;
use crate::domain::identity::{Consent, Form};
use crate::domain::money::Currency;
use crate::domain::session::EngagementKind;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The value of a name of this group; no data for every other.
pub(super) fn value<'a>(values: &ActivityValues<'a>, name: &str) -> Text<'a> {
    let activity = values.activity;
    let identity = &activity.identity;
    let click_ms = || values.engaged_at(|kind| kind != EngagementKind::Impression);
    match name {
        "ad_user_data" => identity.ad_user_data.and_then(word),
        "ad_personalization" => identity.ad_personalization.and_then(word),
        "event_id" => values.reported(name).or_else(|| made(activity.id)),
        "page_url" => values.reported(name),
        "created_at_micro" => micros(activity.at_ms),
        "created_at_iso" => date_time(activity.at_ms, values.context.zone),
        "created_at_utc" => {
            let at = Timestamp::from_millisecond(activity.at_ms).ok()?;
            made(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
        }
        "amount_minor" => activity.money.and_then(|money| made(money.minor()?)),
        "revenue_jpy" => values
            .money_in(Currency::JPY)
            .and_then(|money| made(money.minor()?)),
        "click_time_milli" => click_ms().and_then(made),
        "click_time_micro" => click_ms().and_then(micros),
        "click_time_iso" => click_ms().and_then(|ms| date_time(ms, values.context.zone)),
        _ => {
            let form: Form = name.parse().ok()?;
            identity
                .hex(form)
                .filter(|_| !identity.is_denied())
                .and_then(made)
        }
    }
}

fn word<'a>(consent: Consent) -> Text<'a> {
    lent(consent.as_str())
}

fn micros<'a>(at_ms: i64) -> Text<'a> {
    at_ms.checked_mul(1000).and_then(made)
}

/// To the second, with the offset of the zone: `2026-11-28T15:04:05+09:00`.
fn date_time<'a>(at_ms: i64, zone: &str) -> Text<'a> {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at = Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone);
    made(at.strftime("%Y-%m-%dT%H:%M:%S%:z"))
}

/// What came with the activity itself under a name.
pub(super) fn own<'a>(input: &'a ActivityInput, name: &str) -> Text<'a> {
    let lists = [&input.custom, &input.partner_custom, &input.fields];
    lists.into_iter().find_map(|list| in_list(list, name))
}
