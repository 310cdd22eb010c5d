//! What another server of the same instance took alone, after this one had taken its place: each of its records is
//! written here unless it is here already, and counted as if it had come here.
//!
//! 2026-11-30, decisions:
//!
//! * The journal of the other one tells what it took, and a record is known by its id: what is here already is left. So
//!   merging twice is merging once, whatever interrupted the first time, and nothing has to be remembered.
//! * Counters are not taken over, since both servers went on with the same rows. They are counted anew from the records,
//!   by the same functions that count what comes from outside.
//! * A conversion that was counted here meanwhile (the same order number, the same device) is kept as its duplicate. Of
//!   two changes of one conversion the later one stands; the other stays in the log as an activity of its own.
//! * What the other one sent is not sent again; what still waited there is queued here, unless it speaks of a
//!   conversion that does not count here or was changed since.
//! * What was erased there is erased here. Who was erased here comes without what tells whose it was.
//! * What operators did there (settings, links, statements) is not merged: two truths about a set-up have no order in
//!   which a program could apply them. It is counted, so that somebody looks.

mod parts;
mod postbacks;

pub use parts::{Part, Tally, part};

use super::app::{cost, recredit};
use super::{device_id, engagement, erasure, recording, refused_record, status};
use crate::domain::activity::{
    Activity, ActivityKind, ConversionStatus, RefusalReason, StatusChange, Verdict,
};
use crate::domain::duplicates::Conversion;
use crate::domain::erased::Erased;
use crate::domain::ids::{ActivityId, PostbackId, SessionId, TimeId};
use crate::domain::note::{self, NoteCode};
use crate::domain::offer::{DuplicateBy, DuplicatePolicy, OfferKind};
use crate::domain::session::Session;
use crate::domain::stats::Counters;
use crate::domain::visitor::{Adid, Visitor, device_hash};
use crate::recorder::Group;
use crate::store::codec::Duplicate;
use crate::store::{Commit, Db, Key, Op, PeriodKind, Record, StoreError, keys};
use recording::Claim;

/// Writes what a commit of the other server holds and this one does not. Sessions and activities come before what
/// refers to them, in one commit as over all of them.
///
/// # Errors
/// A record cannot be read.
pub fn merge(commit: &Commit, group: &mut Group<'_>) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let (mut rest, mut last) = (Vec::new(), Vec::new());
    for (db, op) in &commit.writes {
        let Op::Put(key, value) = op else { continue };
        match part(*db, key) {
            Some(Part::Session(_)) => session(Session::decode(value, *db, key)?, group, &mut tally)?,
            Some(Part::Activity(_)) => activity(Activity::decode(value, *db, key)?, group, &mut tally)?,
            // A postback comes after its tries, so that it is erased with them.
            Some(Part::Postback(_)) => last.push((*db, key, value)),
            Some(Part::Other) => rest.push((*db, key, value)),
            None => {}
        }
    }
    for (db, key, value) in rest.into_iter().chain(last) {
        match db {
            Db::Hot => hot(key, value, group, &mut tally)?,
            Db::Period(PeriodKind::Postbacks, _) => postbacks::settled(db, key, value, group, &mut tally)?,
            Db::Period(..) => index(db, key, group)?,
        }
    }
    Ok(tally)
}

fn session(mut theirs: Session, group: &mut Group<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    let at = keys::session(theirs.id);
    if let Some(mut present) = group.load(&at)? {
        if present.is_automated() && !theirs.is_automated() {
            engagement::prove_person(&mut present, group)?;
            tally.changes += 1;
        }
        return Ok(());
    }
    let is_erased = is_forgotten(&theirs, group)?;
    if is_erased {
        erasure::anonymise(&mut theirs);
    }
    group.save(at, &theirs)?;
    if !is_erased {
        engagement::write_indexes(&theirs, group)?;
    }
    engagement::recount(None, &theirs, group);
    tally.sessions += 1;
    Ok(())
}

/// Whether the device of a click asked here to be forgotten.
fn is_forgotten(session: &Session, group: &Group<'_>) -> Result<bool, StoreError> {
    let forms = session
        .device_ids
        .iter()
        .flat_map(|(name, value)| device_id::stored_forms(name, value));
    for (name, value) in forms {
        let hash = device_hash(&session.offer, session.flags.is_test, &name, &value);
        if group.has(&keys::forgotten(&hash))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn activity(theirs: Activity, group: &mut Group<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    match group.load(&keys::activity(theirs.id))? {
        Some(present) => changed(&present, &theirs, group, tally),
        None => new(theirs, group, tally),
    }
}

fn new(mut theirs: Activity, group: &mut Group<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    let adid: Option<Adid> = theirs.tuid.parse().ok();
    if let Some(adid) = adid
        && group.has(&keys::forgotten(&adid.0))?
    {
        erasure::scrub(&mut theirs);
    }
    match theirs.verdict {
        Verdict::Accepted => {
            if let Some((of, reason)) = counted_meanwhile(&theirs, adid, group)? {
                theirs.verdict = Verdict::Duplicate { of, reason };
                theirs.status = None;
                theirs.note = "merged: the same was counted here meanwhile".into();
                theirs = refused_record::bounded(theirs);
                recording::count_refusal(&theirs, reason, group);
                tally.duplicates += 1;
            } else {
                count_new(&theirs, group)?;
                tally.activities += 1;
            }
        }
        Verdict::Duplicate { reason, .. } | Verdict::Refused { reason } => {
            recording::count_refusal(&theirs, reason, group);
            tally.activities += 1;
        }
    }
    group.save(keys::activity(theirs.id), &theirs)?;
    recording::index(&theirs, group);
    Ok(())
}

fn count_new(theirs: &Activity, group: &mut Group<'_>) -> Result<(), StoreError> {
    match (theirs.kind, theirs.of) {
        (ActivityKind::CostUpdate, _) => cost::take_over(theirs, group),
        (ActivityKind::InstallUpdate | ActivityKind::ReattributionUpdate, Some(of)) => {
            let conversion = group.load(&keys::activity(of))?;
            // The counters of one with a status follow its own record.
            match conversion.filter(|one| one.status.is_none()) {
                Some(_) => recredit::follow(of, theirs, group),
                None => Ok(()),
            }
        }
        _ => {
            let counters = counters(theirs, group)?;
            recording::count(theirs, &counters, group);
            Ok(())
        }
    }
}

/// What an activity that counts adds to the rows of its session.
fn counters(activity: &Activity, group: &Group<'_>) -> Result<Counters, StoreError> {
    let mut counters = Counters::default();
    let is_return = matches!(
        activity.kind,
        ActivityKind::Reattribution | ActivityKind::ReattributionReinstall
    );
    let is_install = activity.kind == ActivityKind::Install;
    counters.installs = i64::from(is_install);
    counters.reattributions = i64::from(is_return);
    counters.sessions = i64::from(activity.kind.is_arrival() || activity.kind == ActivityKind::Session);
    if let Some(session) = activity.session.as_deref().filter(|_| is_install)
        && !recredit::is_reported(session, group)?
    {
        counters.cost = engagement::cost(session, "cpi");
    }
    if activity.kind == ActivityKind::AdRevenue {
        activity
            .money
            .into_iter()
            .for_each(|money| counters.revenue.add(money));
    }
    if let (Some(status), None) = (activity.status, activity.of) {
        counters.add_conversion(status, activity.money, activity.payout);
        counters.unfilled = i64::from(note::has_unfilled(&activity.input.fields));
    }
    Ok(counters)
}

/// The activity that was counted here and is the same, and why.
fn counted_meanwhile(
    theirs: &Activity,
    adid: Option<Adid>,
    group: &Group<'_>,
) -> Result<Option<(ActivityId, RefusalReason)>, StoreError> {
    if let (ActivityKind::Install, Some(adid)) = (theirs.kind, adid) {
        let known: Option<Visitor> = group.load(&keys::visitor(adid))?;
        let other = known.map(|visitor| visitor.install).filter(|id| *id != theirs.id);
        return Ok(other.map(|of| (of, RefusalReason::DuplicateVisitor)));
    }
    let (ActivityKind::Event, None) = (theirs.kind, theirs.of) else {
        return Ok(None);
    };
    let catalog = group.catalog().clone();
    let offer = theirs.offer.as_ref().and_then(|id| catalog.offers.get(id));
    let named = theirs.event.as_ref().map(|event| event.as_str());
    let Some((offer, event)) = offer.and_then(|offer| Some((offer, offer.event(Some(named?))?))) else {
        return Ok(None);
    };
    let by = match event.duplicates.by {
        DuplicateBy::Default if offer.kind == OfferKind::App => DuplicateBy::Uid,
        set => set,
    };
    let policy = DuplicatePolicy {
        by,
        ..event.duplicates
    };
    let is_unfilled =
        note::notes(&theirs.input.fields).any(|note| note.code == NoteCode::Unfilled && note.field == "uid1");
    let conversion = Conversion {
        offer: &offer.id,
        event: &event.token,
        session: theirs.session.as_ref().map(|session| session.id),
        visitor: &theirs.tuid,
        uid1: theirs.input.uids.first().map_or("", String::as_str),
        money: theirs.money,
        is_unfilled,
    };
    Ok(match recording::claim(&policy, &conversion, group)? {
        Claim::Taken { of, reason } if of != theirs.id => Some((of, reason)),
        Claim::Taken { .. } | Claim::Free(_) => None,
    })
}

/// Which state of a conversion that both have stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// The present one, which knows all that the other one does.
    Present,
    /// The present one: it was changed after the other one was.
    PresentOvertakes,
    /// Theirs, which goes on from the present one.
    Theirs,
    /// Theirs: it was changed after the present one was.
    TheirsOvertakes,
}

/// Both began with the same changes.
fn stands(present: &[StatusChange], theirs: &[StatusChange]) -> Stands {
    if present.starts_with(theirs) {
        return Stands::Present;
    }
    if theirs.starts_with(present) {
        return Stands::Theirs;
    }
    let last = |changes: &[StatusChange]| changes.last().map_or(i64::MIN, |change| change.at_ms);
    if last(theirs) > last(present) {
        Stands::TheirsOvertakes
    } else {
        Stands::PresentOvertakes
    }
}

fn changed(
    present: &Activity,
    theirs: &Activity,
    group: &mut Group<'_>,
    tally: &mut Tally,
) -> Result<(), StoreError> {
    let at = keys::activity(present.id);
    if present.verdict != Verdict::Accepted {
        // An operator accepted there what was refused; the conversion that it became is an activity of its own.
        if present.verdict == theirs.verdict && present.of.is_none() && theirs.of.is_some() {
            let accepted = Activity {
                of: theirs.of,
                ..present.clone()
            };
            group.save(at, &accepted)?;
            tally.changes += 1;
        }
        return Ok(());
    }
    if present.status.is_none() || theirs.status.is_none() {
        return Ok(());
    }
    let stands = stands(&present.history, &theirs.history);
    if matches!(stands, Stands::PresentOvertakes | Stands::TheirsOvertakes) {
        tally.overtaken += 1;
    }
    if matches!(stands, Stands::Present | Stands::PresentOvertakes) {
        return Ok(());
    }
    let mut taken = theirs.clone();
    if erasure::is_scrubbed(present) {
        erasure::scrub(&mut taken);
    }
    let before = counters(present, group)?.negated();
    recording::count(present, &before, group);
    let after = counters(&taken, group)?;
    recording::count(&taken, &after, group);
    group.save(at, &taken)?;
    recording::index(&taken, group);
    status::note_billed(taken.id, group)?;
    tally.changes += 1;
    Ok(())
}

/// Writes what has no rule of its own, if nothing is there.
fn fill(db: Db, key: &[u8], value: &[u8], group: &mut Group<'_>) -> Result<(), StoreError> {
    if group.get(db, key)?.is_none() {
        group.put((db, key.to_vec()), value.to_vec());
    }
    Ok(())
}

/// The index of activities by visitor; the others are written with the activity.
fn index(db: Db, key: &[u8], group: &mut Group<'_>) -> Result<(), StoreError> {
    match (key.first(), keys::parse_activity_index(key)) {
        (Some(b'v'), Some(id)) if group.has(&keys::activity(id))? => fill(db, key, &[], group),
        _ => Ok(()),
    }
}

fn hot(key: &[u8], value: &[u8], group: &mut Group<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    let db = Db::Hot;
    match key.first() {
        Some(b'n') => erased(Erased::decode(value, db, key)?, group, tally),
        Some(b'u') => pointer(key, value, group),
        Some(b'w') => postbacks::waiting(key, value, group, tally),
        Some(b'a') => approval(key, group),
        Some(b'v') => visitor(Visitor::decode(value, db, key)?, group, tally),
        Some(b'd') => {
            let adid = Adid::decode(value, db, key)?;
            if group.has(&keys::visitor(adid))? {
                fill(db, key, value, group)?;
            }
            Ok(())
        }
        // Answers of idempotency keys, who asked to be forgotten or waits for it, texts to go, names below links.
        Some(b'i' | b'g' | b'e' | b'm') => fill(db, key, value, group),
        Some(b'h') if group.get(db, key)?.is_none() => {
            let count: Option<[u8; 8]> = group.load(&keys::held_erasure_count())?;
            let count = count.map_or(0, u64::from_be_bytes) + 1;
            group.save(keys::held_erasure_count(), &count.to_be_bytes())?;
            fill(db, key, value, group)
        }
        Some(b'c' | b'r') => {
            let is_same = group.get(db, key)?.is_some_and(|present| present == value);
            tally.left += u64::from(!is_same);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What happens once points to the newest that it happened to; never to what does not count.
fn pointer(key: &[u8], value: &[u8], group: &mut Group<'_>) -> Result<(), StoreError> {
    let at: Key<Duplicate> = Key::new(Db::Hot, key.to_vec());
    let theirs = Duplicate::decode(value, at.0, &at.1)?;
    if group
        .load(&at)?
        .is_some_and(|present| present.at_ms >= theirs.at_ms)
    {
        return Ok(());
    }
    let named = group.load(&keys::activity(theirs.activity))?;
    if named.is_none_or(|activity| activity.verdict == Verdict::Accepted) {
        group.save(at, &theirs)?;
    }
    Ok(())
}

fn approval(key: &[u8], group: &mut Group<'_>) -> Result<(), StoreError> {
    let Some((due_ms, id)) = keys::parse_approval(key) else {
        return Ok(());
    };
    let is_pending = |activity: Activity| {
        activity.verdict == Verdict::Accepted && activity.status == Some(ConversionStatus::Pending)
    };
    if group.load(&keys::activity(id))?.is_some_and(is_pending) {
        group.mark(keys::approval(due_ms, id));
    }
    Ok(())
}

fn visitor(theirs: Visitor, group: &mut Group<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    let at = keys::visitor(theirs.adid);
    let present = group.load(&at)?;
    let is_known = present.is_some_and(|present| present.last_session_at_ms >= theirs.last_session_at_ms);
    if !is_known && !group.has(&keys::forgotten(&theirs.adid.0))? {
        group.save(at, &theirs)?;
        tally.visitors += 1;
    }
    Ok(())
}

/// Leaves an erasure to be carried out here, if there is anything left of it.
fn erased(theirs: Erased, group: &mut Group<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    let mut is_left = false;
    for hash in theirs.hashes() {
        is_left |= group.has(&keys::visitor_by_device(&hash))? || group.has(&keys::visitor(Adid(hash)))?;
    }
    for id in &theirs.records {
        is_left = is_left || is_whole(*id, group)?;
    }
    if !is_left {
        return Ok(());
    }
    let mut n = 0;
    while group.has(&keys::erase_again(n))? {
        n += 1;
    }
    group.save(keys::erase_again(n), &theirs)?;
    tally.erasures += 1;
    Ok(())
}

/// Whether a record is here and says whose it was.
fn is_whole(id: TimeId, group: &Group<'_>) -> Result<bool, StoreError> {
    if let Some(session) = group.load(&keys::session(SessionId(id)))? {
        return Ok(!erasure::is_anonymous(&session));
    }
    if let Some(activity) = group.load(&keys::activity(ActivityId(id)))? {
        return Ok(!erasure::is_scrubbed(&activity));
    }
    let id = PostbackId(id);
    let settled = group.load(&keys::postback(id))?;
    Ok(group.has(&keys::waiting(id))? || settled.is_some_and(|postback| !postback.is_erased()))
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
