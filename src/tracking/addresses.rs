//! The visitor's whole address, for rules of the offer that may send it: which it is, for whose conversions it is kept,
//! and when it is forgotten. It stands outside of the records ([`crate::store::Addresses`] says why).
//!
//! * 2026-11-30: "settled" is: the conversion is not pending any more and no postback that has the address waits, or it was erased. A
//!   conversion that waits for its approval keeps it for the rules that will hear of the approval, until their greatest
//!   age or 7 days. The setting of the offer that keeps no addresses goes before the permission of a rule.
//! * A server that reports a conversion names the visitor's address (`ip_address`); its own is nobody's.

use super::caller::Caller;
use super::{client, erasure, recording};
use crate::domain::activity::{Activity, ConversionStatus};
use crate::domain::ids::ActivityId;
use crate::domain::note::{Note, NoteCode};
use crate::domain::offer::{IpPrivacy, Offer};
use crate::domain::plan;
use crate::domain::postback::Postback;
use crate::domain::secret::FULL_ADDRESS;
use crate::recorder::{Group, RecordError, Recorder};
use crate::store::{Db, Record, keys};
use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::ControlFlow;

const HOUR_MS: i64 = 3_600_000;
/// Longest time that one is kept.
const MOST_MS: i64 = 7 * 24 * HOUR_MS;
/// A new one is left this long: its commit may be on its way, and what was refused may be sent again at once.
const GRACE_MS: i64 = 10 * 60_000;

/// The field by which a server names the visitor's address, and what others call it.
const FIELDS: [&str; 5] = ["ip_address", "ip", "client_ip", "client_ip_address", "user_ip"];

/// The visitor's whole address: as a server names it, else that of a browser that calls itself. What was kept of a
/// request that is decided once more is whole no longer.
pub(super) fn of_visitor(
    caller: &Caller,
    is_server: bool,
    offer: Option<&Offer>,
    fields: &mut Vec<(String, String)>,
) -> Option<IpAddr> {
    let named = take(fields, offer);
    let is_browser = !is_server && client::is_browser(&caller.user_agent);
    let address = named.or_else(|| is_browser.then_some(caller.ip));
    address.filter(|_| !caller.is_forgiving)
}

/// Takes the address that a server named out of what is kept, down to what the offer keeps of addresses; of several
/// the first one.
pub(super) fn take(fields: &mut Vec<(String, String)>, offer: Option<&Offer>) -> Option<IpAddr> {
    let is_meant = |(name, _): &(String, String)| FIELDS.iter().any(|own| own.eq_ignore_ascii_case(name));
    if !fields.iter().any(is_meant) {
        return None;
    }
    let privacy = offer.map(|offer| offer.ip_privacy).unwrap_or_default();
    let (mut first, mut notes) = (None, Vec::new());
    fields.retain_mut(|field| {
        if !is_meant(field) {
            return true;
        }
        let Some(address) = client::named_ip(&field.1) else {
            notes.push(Note::new(NoteCode::LeftOut, &field.0, "no_address").into_pair());
            return false;
        };
        first = first.or(Some(address));
        field.1 = client::stored_ip(address, privacy);
        !field.1.is_empty()
    });
    fields.extend(notes);
    first
}

/// Keeps the address of a conversion that counts, if a rule that may hear of it may send it.
pub(super) fn keep(activity: &Activity, address: Option<IpAddr>, group: &mut Group<'_>) {
    let catalog = group.catalog().clone();
    let context = recording::context(activity, &catalog, group.now_ms());
    let (Some(address), Some(offer)) = (address, context.offer) else {
        return;
    };
    if offer.ip_privacy == IpPrivacy::None || activity.identity.is_denied() {
        return;
    }
    let rules = catalog.rules_for(&offer.id, context.partner.map(|partner| &partner.id));
    let sending = rules.iter().filter(|compiled| {
        let rule = &compiled.rule;
        compiled.sends_address()
            && rule.consent.admits(&activity.identity)
            && plan::may_hear(rule, activity, &context)
    });
    let ages = sending.map(|compiled| {
        let age_ms = compiled.rule.max_age_h.map(|hours| i64::from(hours) * HOUR_MS);
        age_ms.unwrap_or(MOST_MS).min(MOST_MS)
    });
    let Some(age_ms) = ages.max() else {
        return;
    };
    let until_ms = activity.at_ms.saturating_add(age_ms);
    if group.now_ms() < until_ms {
        group.keep_address(activity.id, address, until_ms);
    }
}

/// Forgets those that nothing needs any more, and takes them off the disk.
///
/// # Errors
/// The store is down; it is tried again.
pub fn sweep(recorder: &Recorder) -> Result<(), RecordError> {
    let (reader, now_ms) = (recorder.reader(), recorder.clock().now_ms());
    let mut gone = Vec::new();
    let mut decided = Vec::new();
    for (id, until_ms) in reader.addresses().list() {
        if until_ms <= now_ms {
            gone.push(id);
        } else if id.at_ms().saturating_add(GRACE_MS) < now_ms {
            match reader.load(&keys::activity(id)) {
                Ok(Some(activity)) if erasure::is_scrubbed(&activity) => gone.push(id),
                Ok(Some(activity)) if activity.status == Some(ConversionStatus::Pending) => {}
                Ok(Some(_)) => decided.push(id),
                Ok(None) => gone.push(id),
                Err(error) if error.is_of_record() => gone.push(id),
                Err(error) => return Err(RecordError::from(&error)),
            }
        }
    }
    // After the statuses: the postbacks of an approval are committed with it.
    if !decided.is_empty() {
        let waiting = waiting(recorder)?;
        gone.extend(decided.into_iter().filter(|id| !waiting.contains(id)));
    }
    reader.addresses().forget(gone);
    reader
        .addresses()
        .tidy()
        .map_err(|error| RecordError::from(&error))
}

/// Conversions of which a postback waits that has the address.
fn waiting(recorder: &Recorder) -> Result<HashSet<ActivityId>, RecordError> {
    let mut found = HashSet::new();
    let finder = memchr::memmem::Finder::new(FULL_ADDRESS);
    let reader = recorder.reader();
    let scanned = reader.scan_prefix(Db::Hot, &keys::waiting_prefix(), false, |key, value| {
        if finder.find(value).is_some()
            && let Ok(postback) = Postback::decode(value, Db::Hot, key)
        {
            found.extend(postback.order_key);
            found.insert(postback.activity);
        }
        ControlFlow::Continue(())
    });
    scanned.map_err(|error| RecordError::from(&error))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ActivityKind;
    use crate::domain::ids::PostbackId;
    use crate::domain::postback::{LaneKey, Method, Origin, PostbackState, Request};
    use crate::domain::template::sample::sample_activity;
    use crate::recorder::testing::Instance;
    use crate::store::StoreError;

    #[test]
    fn an_address_that_a_server_names_is_kept_as_the_offer_keeps_addresses() {
        let sent = |value: &str| {
            vec![
                ("a".to_owned(), "b".to_owned()),
                (FIELDS[0].to_owned(), value.to_owned()),
            ]
        };
        for (value, address, kept) in [
            ("203.0.113.57", Some("203.0.113.57"), "203.0.113.0"),
            (" 2001:db8:1:2::57 ", Some("2001:db8:1:2::57"), "2001:db8:1::"),
            ("::ffff:203.0.113.57", Some("203.0.113.57"), "203.0.113.0"),
            ("203.0.113.57:443", Some("203.0.113.57"), "203.0.113.0"),
            ("203.0.113.57, 10.0.0.1", Some("203.0.113.57"), "203.0.113.0"),
        ] {
            let mut fields = sent(value);
            assert_eq!(take(&mut fields, None), address.map(|a| a.parse().unwrap()));
            assert_eq!(fields[1], (FIELDS[0].to_owned(), kept.to_owned()));
        }
        for value in ["here", "for 203.0.113.57", "203.0.113", ""] {
            let mut fields = sent(value);
            assert_eq!(take(&mut fields, None), None);
            assert!(!format!("{fields:?}").contains("203.0.113"), "{fields:?}");
        }
        let mut none = vec![("a".to_owned(), "b".to_owned())];
        assert_eq!((take(&mut none, None), none.len()), (None, 1));
        let mut several: Vec<(String, String)> = [
            ("IP", "here"),
            ("Client_IP", "203.0.113.57"),
            ("user_ip", "203.0.113.58"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(take(&mut several, None), "203.0.113.57".parse().ok());
        assert!(!format!("{several:?}").contains("203.0.113.5"), "{several:?}");
    }

    const NOW: i64 = 1_795_000_000_000;

    fn sending(n: u64, of: ActivityId) -> Postback {
        Postback {
            id: PostbackId::new(NOW, n),
            activity: ActivityId::new(NOW, 100 + n),
            offer: "offer1".parse().unwrap(),
            partner: Some("partner1".parse().unwrap()),
            origin: Origin::Rule("r00".parse().unwrap()),
            entry: 0,
            lane: LaneKey("http://a.example:80".into()),
            request: Request {
                method: Method::Get,
                url: format!("http://a.example/?ip=\u{1}p${FULL_ADDRESS}\u{2}"),
                headers: Vec::new(),
                body: None,
            },
            created_at_ms: NOW,
            resent_at_ms: None,
            state: PostbackState::Waiting { due_at_ms: NOW },
            attempts: 0,
            order_key: Some(of),
            is_test: false,
            last: None,
            expires_at_ms: None,
            looks_at: None,
            confirmed_at_ms: None,
        }
    }

    /// A conversion with an address, in a status, of which a postback waits that has it.
    fn record(instance: &Instance, n: u64, status: ConversionStatus, waits: bool) -> ActivityId {
        let mut activity = sample_activity(ActivityKind::Event).unwrap().activity;
        activity.id = ActivityId::new(NOW, n);
        activity.status = Some(status);
        let id = activity.id;
        let job = move |group: &mut Group<'_>| {
            group.keep_address(id, "203.0.113.57".parse().unwrap(), NOW + MOST_MS);
            group.save(keys::activity(id), &activity)?;
            if waits {
                group.queue(sending(n, id))?;
            }
            Ok::<(), StoreError>(())
        };
        instance.recorder.try_run_blocking(job).unwrap().unwrap();
        id
    }

    #[test]
    fn an_erasure_takes_it_too_whatever_was_expected_of_the_sale() {
        let instance = Instance::start(NOW);
        let erased = record(&instance, 1, ConversionStatus::Pending, false);
        let scrub = move |group: &mut Group<'_>| {
            let key = keys::activity(erased);
            let mut activity = group.load(&key)?.unwrap();
            erasure::scrub(&mut activity);
            group.save(key, &activity)
        };
        instance.recorder.try_run_blocking(scrub).unwrap().unwrap();
        instance.clock.advance_ms(GRACE_MS + 1);
        sweep(&instance.recorder).unwrap();
        assert_eq!(instance.recorder.reader().addresses().list(), []);
    }

    #[test]
    fn it_is_forgotten_once_nothing_needs_it() {
        use ConversionStatus::{Approved, Pending, Rejected};
        let instance = Instance::start(NOW);
        let pending = record(&instance, 1, Pending, false);
        let waiting = record(&instance, 2, Approved, true);
        record(&instance, 3, Approved, false);
        record(&instance, 4, Rejected, false);
        instance
            .recorder
            .run_blocking(|group| {
                let unknown = ActivityId::new(NOW, 5);
                group.keep_address(unknown, "203.0.113.57".parse().unwrap(), NOW + MOST_MS);
            })
            .unwrap();
        let kept = || {
            let list = instance.recorder.reader().addresses().list();
            list.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        sweep(&instance.recorder).unwrap();
        assert_eq!(kept().len(), 5, "each is new");
        instance.clock.advance_ms(GRACE_MS + 1);
        sweep(&instance.recorder).unwrap();
        assert_eq!(kept(), [pending, waiting]);
        instance.clock.advance_ms(MOST_MS);
        sweep(&instance.recorder).unwrap();
        assert_eq!(kept(), [], "after seven days whatever waits");
    }
}
