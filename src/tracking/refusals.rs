//! Keeps what does not count (成果エラーログ): enough for an operator to see which order it was and to make it
//! good. What was sent and led to no object stays as a field by its name. Nothing kept here fires a rule.
//!
//! A record is small and refers to its session ([`super::refused_record`]), and so many bytes a day are kept
//! ([`crate::recorder::Rooms`]); beyond, it is counted only.

use super::caller::{Caller, Sender};
use super::conversion::{ConversionRequest, Sid};
use super::credited_session::credit;
use super::matching::load_session;
use super::query::FieldError;
use super::remains::Remains;
use super::{addresses, client, gate, recording, refused_record};
use crate::domain::activity::{Activity, MatchType, RefusalReason, Verdict};
use crate::domain::ids::ActivityId;
use crate::domain::offer::{Offer, TrustMode};
use crate::live::LiveEvent;
use crate::recorder::{Group, Pool};
use crate::store::codec::GoodNetwork;
use crate::store::{Db, KeyRange, Period, PeriodKind, Record, StoreError, keys};
use crate::telemetry;
use std::net::IpAddr;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How long a network that a good conversion came from is known.
const KNOWN_MS: i64 = 30 * DAY_MS;
/// Activities of a session that are looked at for a good one.
const MOST_LOOKED_AT: usize = 8;
/// What the record and each of its indexes take beside their bytes, roughly.
const ENTRY_BYTES: usize = 40;

/// Counts an activity that does not count, and stores it while there is room today: whether it was. No rule is asked.
pub(super) fn keep(activity: Activity, sender: Sender, group: &mut Group<'_>) -> Result<bool, StoreError> {
    let now_ms = group.now_ms();
    let mut pool = if sender.is_proven {
        Pool::Proven
    } else {
        Pool::Strangers
    };
    if let Verdict::Refused { reason } | Verdict::Duplicate { reason, .. } = activity.verdict {
        recording::count_refusal(&activity, reason, group);
        if is_trust_failure(reason) && has_good_past(&activity, sender, group)? {
            pool = Pool::Known;
            group.rooms().note_failure(now_ms);
        }
    }
    let record = refused_record::bounded(activity);
    let encoded = record.encode()?;
    let entries = 1 + usize::from(record.session.is_some()) + recording::orders(&record).count();
    if !group
        .rooms()
        .take(pool, now_ms, encoded.len() + ENTRY_BYTES * entries)
    {
        telemetry::not_kept();
        return Ok(false);
    }
    group.put(keys::activity(record.id), encoded);
    recording::index(&record, group);
    group.tell(LiveEvent::Activity(Arc::new(record)));
    Ok(true)
}

/// Whether it says that a check of the caller failed.
pub(super) fn is_trust_failure(reason: RefusalReason) -> bool {
    matches!(
        reason,
        RefusalReason::BadToken | RefusalReason::BadSignature | RefusalReason::IpNotAllowed
    )
}

/// Whether it lies in the click: an operator may set that aside.
pub(super) fn is_forgiven(reason: RefusalReason) -> bool {
    matches!(reason, RefusalReason::Bot | RefusalReason::OutsideWindow)
}

/// Whether the network, or the session, had a conversion that counts within 30 days: then it is probably a mistake of
/// somebody known, and not a stranger.
fn has_good_past(activity: &Activity, sender: Sender, group: &Group<'_>) -> Result<bool, StoreError> {
    let now_ms = group.now_ms();
    let known = group.load(&keys::good_network(gate::network(sender.ip)))?;
    if known.is_some_and(|known| now_ms < known.expires_at_ms) {
        return Ok(true);
    }
    let Some(session) = &activity.session else {
        return Ok(false);
    };
    let of_session = KeyRange::prefix(&keys::activities_of_session_prefix(session.id));
    let month = Period::from_ms(now_ms).0;
    for month in [month, month.saturating_sub(1)] {
        let db = Db::Period(PeriodKind::Activities, Period(month));
        for (key, _) in group.scan(db, of_session.clone(), MOST_LOOKED_AT)? {
            let Some(id) = keys::parse_activity_index(&key) else {
                continue;
            };
            let is_good = |one: Activity| one.verdict == Verdict::Accepted && now_ms - id.at_ms() < KNOWN_MS;
            if group.load(&keys::activity(id))?.is_some_and(is_good) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Remembers the network of a conversion that counts, where a check can fail later. Once a day is enough.
pub(super) fn remember_network(
    of: ActivityId,
    ip: IpAddr,
    offer: &Offer,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    if offer.trust.mode == TrustMode::Off {
        return Ok(());
    }
    let (at, now_ms) = (keys::good_network(gate::network(ip)), group.now_ms());
    if group
        .load(&at)?
        .is_some_and(|known| now_ms - known.at_ms < DAY_MS)
    {
        return Ok(());
    }
    let known = GoodNetwork {
        activity: of,
        at_ms: now_ms,
        expires_at_ms: now_ms + KNOWN_MS,
    };
    group.save(at, &known)
}

/// Puts what the activity does not hold otherwise before its other fields: names that led to no object, the
/// status, and what cannot be money without a currency.
pub(super) fn note_unresolved(request: &ConversionRequest, activity: &mut Activity) {
    let mut fields = Vec::new();
    let mut note = |name: &str, value: Option<String>, is_held: bool| {
        fields.extend(value.filter(|_| !is_held).map(|value| (name.to_owned(), value)));
    };
    note(
        "sid",
        request.sid.as_ref().map(ToString::to_string),
        activity.session.is_some(),
    );
    note(
        "cid",
        request.cid.as_ref().map(ToString::to_string),
        activity.offer.is_some(),
    );
    note("event", request.event.clone(), activity.event.is_some());
    note(
        "amount",
        request.amount.map(|amount| amount.to_string()),
        activity.money.is_some(),
    );
    note(
        "currency",
        request.currency.map(|currency| currency.to_string()),
        activity.money.is_some(),
    );
    note(
        "status",
        request.status.map(|status| status.as_str().to_owned()),
        false,
    );
    note("click_id", request.click_id.clone(), false);
    fields.append(&mut activity.input.fields);
    activity.input.fields = fields;
}

/// Keeps a conversion that could not be read, with what of it can.
pub fn record_unreadable(
    fault: &FieldError,
    remains: Remains,
    caller: &Caller,
    group: &mut Group<'_>,
) -> Result<ActivityId, StoreError> {
    let said = remains.salvage();
    let catalog = group.catalog().clone();
    let session = match &said.sid {
        Some(Sid::Id(sid)) => load_session(*sid, group)?,
        Some(Sid::Foreign(_)) | None => None,
    };
    let offer = match (&said.cid, &session) {
        (Some(cid), _) => catalog.offers.get(cid),
        (None, Some(session)) => catalog.offers.get(&session.offer),
        (None, None) => None,
    };
    let mut activity = caller.activity(group);
    activity.verdict = Verdict::Refused {
        reason: RefusalReason::InvalidField,
    };
    activity.note = format!("{}: {}", fault.field, fault.message);
    activity.is_test |= said.is_test;
    activity.money = said.money(offer.map(AsRef::as_ref));
    if let Some(offer) = offer {
        activity.offer = Some(offer.id.clone());
        activity.input.ip = client::stored_ip(caller.ip, offer.ip_privacy);
        activity.event = said
            .event
            .as_deref()
            .and_then(|named| offer.event(Some(named)))
            .map(|event| event.token.clone());
    }
    if let Some(session) = session.filter(|session| offer.is_some_and(|offer| offer.id == session.offer)) {
        credit(
            &mut activity,
            session,
            MatchType::Sid,
            Some(RefusalReason::InvalidField),
        );
    }
    activity.input.uids = said.sent_uids().to_vec();
    activity.input.fields = remains.into_fields();
    addresses::take(&mut activity.input.fields, offer.map(AsRef::as_ref));
    let (id, sender) = (activity.id, caller.sender(false));
    keep(activity, sender, group)?;
    Ok(id)
}
