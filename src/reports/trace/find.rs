//! Finding what a text names: an id, an order number, a click id, a device, or a URL that holds one of them.

use super::device;
use super::{FoundBy, MOST_ACTIVITIES};
use crate::domain::activity::{Activity, ActivityKind, Verdict};
use crate::domain::duplicates::click_id_hash;
use crate::domain::identity::redact;
use crate::domain::ids::{ActivityId, PostbackId, SessionId, TimeId};
use crate::domain::session::Session;
use crate::reports::ReportError;
use crate::reports::page::{Budget, MOST_TIME};
use crate::reports::records::{activities_of, activities_of_order, activity, postback, session};
use crate::reports::scan::{self, Window};
use crate::store::Record;
use crate::store::catalog::Catalog;
use crate::store::{Db, PeriodKind, Reader, StoreError, keys};
use crate::tracking::app;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Records looked at in search of a value of a click.
const MOST_SEARCHED: usize = 50_000;
/// Words of a text that are looked up as order numbers and values.
const MOST_WORDS: usize = 16;
/// Bytes of a word that may stand anywhere in a URL, such as a number of a page.
const COMMON_WORD: usize = 2;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) by: Option<FoundBy>,
    pub(super) session: Option<Session>,
    pub(super) activities: Vec<Activity>,
    pub(super) is_partial: bool,
}

/// Looks for a text: as an id, then as an id within a URL, then as an order number or a value of a click.
pub(super) fn find(reader: &Reader, catalog: &Catalog, text: &str) -> Result<Found, ReportError> {
    for word in words(text) {
        if let Ok(id) = word.parse::<TimeId>()
            && let Some(found) = find_id(reader, id)?
        {
            return Ok(found);
        }
    }
    for word in words(text) {
        let device = match device::by_adid(reader, &word, MOST_ACTIVITIES)? {
            Some(device) => Some(device),
            None => device::by_device_id(reader, catalog, &word, MOST_ACTIVITIES)?,
        };
        if let Some(device) = device {
            return Ok(Found {
                by: Some(FoundBy::Device),
                session: device.session,
                activities: device.activities,
                is_partial: false,
            });
        }
    }
    let mut is_partial = false;
    let mut words = words(text);
    // A short one is an order number now and then; more often it says nothing of its own.
    words.sort_by_key(|word| word.len() <= COMMON_WORD);
    words.truncate(MOST_WORDS);
    for word in words {
        if let Some(session) = find_click_id(reader, catalog, &word)? {
            return Ok(with_session(reader, FoundBy::ClickValue, session)?);
        }
        if let Some(activity) = find_order(reader, &word)? {
            let by = if activity.unresolved_sid() == Some(word.as_str()) {
                FoundBy::Session
            } else {
                FoundBy::OrderNumber
            };
            return with_activity(reader, by, activity);
        }
        // A whole URL has many values; its click values are looked up by index only.
        if !text.contains("://") {
            let (found, was_cut) = find_value(reader, &word)?;
            if let Some(session) = found {
                return Ok(with_session(reader, FoundBy::ClickValue, session)?);
            }
            is_partial |= was_cut;
        }
    }
    Ok(Found {
        is_partial,
        ..Found::default()
    })
}

/// The text itself, when it is a URL the values of its query and the pieces of its path, and what stands for an order
/// number with an e-mail address in it.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![text.to_owned()];
    if let Ok(url) = url::Url::parse(text) {
        words.clear();
        words.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        words.extend(url.path_segments().into_iter().flatten().rev().map(str::to_owned));
    }
    words.extend(app::reftag_of(text));
    if let Cow::Owned(kept) = redact::order_number(text) {
        words.push(kept);
    }
    words.retain(|word| !word.is_empty());
    words.truncate(64);
    words
}

fn find_id(reader: &Reader, id: TimeId) -> Result<Option<Found>, ReportError> {
    if let Some(session) = session(reader, SessionId(id))? {
        return Ok(Some(with_session(reader, FoundBy::Session, session)?));
    }
    if let Some(activity) = activity(reader, ActivityId(id))? {
        return with_activity(reader, FoundBy::Activity, activity).map(Some);
    }
    let Some(postback) = postback(reader, PostbackId(id))? else {
        return Ok(None);
    };
    let found = find_id(reader, postback.activity.0)?;
    Ok(found.map(|found| Found {
        by: Some(FoundBy::Postback),
        ..found
    }))
}

/// A session with its activities, and those that were sent with its SID but could not be credited to it.
fn with_session(reader: &Reader, by: FoundBy, session: Session) -> Result<Found, StoreError> {
    let mut activities = activities_of(reader, session.id, MOST_ACTIVITIES + 1)?;
    let sid = session.id.to_string();
    let named = activities_of_order(reader, &sid, MOST_ACTIVITIES)?;
    activities.extend(named.into_iter().filter(|a| a.unresolved_sid() == Some(&sid)));
    activities.sort_by_key(|a| a.id);
    let is_partial = activities.len() > MOST_ACTIVITIES;
    activities.truncate(MOST_ACTIVITIES);
    Ok(Found {
        by: Some(by),
        session: Some(session),
        activities,
        is_partial,
    })
}

/// An activity with its whole session; one without a session stands alone with its later statuses unknown.
fn with_activity(reader: &Reader, by: FoundBy, activity: Activity) -> Result<Found, ReportError> {
    let Some(copy) = &activity.session else {
        return Ok(Found {
            by: Some(by),
            session: None,
            activities: vec![activity],
            is_partial: false,
        });
    };
    // The session itself may have expired; the copy on the activity stays.
    let session = session(reader, copy.id)?.unwrap_or_else(|| (**copy).clone());
    let mut found = with_session(reader, by, session)?;
    if !found.activities.iter().any(|a| a.id == activity.id) {
        found.activities.push(activity);
        found.activities.sort_by_key(|a| a.id);
    }
    Ok(found)
}

/// The newest session with this partner click id, for offers that keep an index of them.
fn find_click_id(reader: &Reader, catalog: &Catalog, value: &str) -> Result<Option<Session>, StoreError> {
    let offers = catalog.offers.values().filter(|o| o.accept_partner_click_id);
    for offer in offers {
        let prefix = keys::click_id_prefix(&click_id_hash(&offer.id, value));
        for period in reader.periods(PeriodKind::Sessions).into_iter().rev() {
            let mut newest = None;
            reader.scan_prefix(
                Db::Period(PeriodKind::Sessions, period),
                &prefix,
                true,
                |key, _| {
                    newest = keys::parse_session_index(key);
                    ControlFlow::Break(())
                },
            )?;
            if let Some(id) = newest {
                return session(reader, id);
            }
        }
    }
    Ok(None)
}

/// The first record that fits among the newest; the second value tells that the search was cut.
fn search<T>(
    reader: &Reader,
    family: scan::Family,
    mut fits: impl FnMut(Db, &[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<(Option<T>, bool), ReportError> {
    let window = Window::new(None, None, None)?;
    let mut budget = Budget::new(MOST_SEARCHED, MOST_TIME * 2);
    let mut found = None;
    let end = scan::newest_first(reader, family, window, &mut budget, |_, db, key, value| {
        found = fits(db, key, value)?;
        Ok(if found.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    Ok((found, matches!(end, scan::End::OutOfBudget(_))))
}

/// The newest activity with this order number, however old it is, one that counts before those that do not; what
/// changes its status comes with it.
fn find_order(reader: &Reader, uid: &str) -> Result<Option<Activity>, StoreError> {
    let mut found = activities_of_order(reader, uid, MOST_ACTIVITIES)?;
    found.retain(|a| a.kind != ActivityKind::EventUpdate);
    let counts = found.iter().position(|a| a.verdict == Verdict::Accepted);
    Ok(found.into_iter().nth(counts.unwrap_or(0)))
}

fn find_value(reader: &Reader, wanted: &str) -> Result<(Option<Session>, bool), ReportError> {
    search(reader, scan::SESSIONS, |db, key, value| {
        let session = Session::decode(value, db, key)?;
        let has = session.para.iter().any(|p| p == wanted)
            || session.label == wanted
            || session.tuid == wanted
            || session.parameters.iter().any(|(_, v)| v == wanted);
        Ok(has.then_some(session))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_searched_by_its_values_and_path() {
        assert_eq!(words("order-1"), ["order-1"]);
        let found = words("https://shop.example/thanks/A-9?sid=0abc&x=");
        assert_eq!(found, ["0abc", "A-9", "thanks"]);
    }
}
