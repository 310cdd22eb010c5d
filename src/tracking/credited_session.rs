//! The session of a conversion: which one the request means, whether it may count, and its copy on the
//! activity. Knows nothing of duplicates, statuses or rules.

use crate::domain::activity::{Activity, Candidate, MatchType, RefusalReason};
use crate::domain::duplicates;
use crate::domain::ids::{OfferId, SessionId};
use crate::domain::note::{Note, NoteCode};
use crate::domain::offer::Offer;
use crate::domain::session::Session;
use crate::domain::site;
use crate::recorder::Group;
use crate::store::{Db, KeyRange, Period, PeriodKind, StoreError, keys};
use crate::tracking::caller::Caller;
use crate::tracking::conversion::{ConversionRequest, Sid};
use crate::tracking::matching::load_session;
use std::sync::Arc;

/// How far clocks may differ without a word.
const SLACK_MS: i64 = 5 * 60 * 1000;
/// How far before its click a time may lie and is taken for a mistake of a clock or time zone.
const EARLY_MS: i64 = 24 * 60 * 60 * 1000;
/// How many months a partner's click id is looked for, the present one included.
const CLICK_ID_MONTHS: u16 = 4;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The first reason against the session of a conversion, if any.
pub(super) fn judge_session(
    offer: &Offer,
    session: Option<&Session>,
    request: &ConversionRequest,
    activity: &Activity,
) -> Option<RefusalReason> {
    let Some(session) = session else {
        return Some(if request.names_a_session() {
            RefusalReason::UnknownSession
        } else {
            RefusalReason::MissingSession
        });
    };
    if session.offer != offer.id {
        return Some(RefusalReason::WrongOffer);
    }
    if activity.at_ms + EARLY_MS < session.at_ms() {
        return Some(RefusalReason::OutsideWindow);
    }
    if activity.at_ms - session.at_ms() > i64::from(offer.web_window_days()) * DAY_MS {
        return Some(RefusalReason::OutsideWindow);
    }
    // A prefetch that a sale follows was somebody's.
    if session.flags.is_bot && !offer.count_bots {
        return Some(RefusalReason::Bot);
    }
    None
}

/// Replaces a time that cannot be by the time of receipt: one in the future, or up to a day before the click. The
/// clock or time zone of the sender is wrong, and the sale is a sale.
pub(super) fn settle_time(session: Option<&Session>, activity: &mut Activity, now_ms: i64) {
    let sent_ms = activity.at_ms;
    let clicked_ms = session.map_or(i64::MIN, Session::at_ms);
    let is_ahead = sent_ms > now_ms;
    let is_early = sent_ms < clicked_ms && sent_ms >= clicked_ms.saturating_sub(EARLY_MS);
    if !is_ahead && !is_early {
        return;
    }
    let is_slack = sent_ms <= now_ms + SLACK_MS && sent_ms >= clicked_ms.saturating_sub(SLACK_MS);
    if is_ahead || !is_slack {
        activity.at_ms = now_ms;
    }
    if !is_slack {
        let sent = jiff::Timestamp::from_millisecond(sent_ms).map(|at| at.to_string());
        let note = Note::new(NoteCode::TimeOfReceipt, "created_at", &sent.unwrap_or_default());
        activity.input.fields.push(note.into_pair());
    }
}

/// Puts the session on the activity, and notes it as the candidate that won or lost. A refused activity of
/// another offer keeps no copy of the session: its values are not that offer's.
pub(super) fn credit(
    activity: &mut Activity,
    session: Session,
    match_type: MatchType,
    refusal: Option<RefusalReason>,
) {
    activity.candidates.push(Candidate {
        session: session.id,
        matched_by: match_type,
        is_winner: refusal.is_none(),
        lost_because: refusal.map(|reason| reason.code().to_owned()),
    });
    activity.match_type = Some(match_type);
    activity.is_test |= session.flags.is_test;
    if activity.tuid.is_empty() {
        activity.tuid.clone_from(&session.tuid);
    }
    if refusal != Some(RefusalReason::WrongOffer) {
        activity.session = Some(Box::new(session));
    }
}

/// The session that the request names; else the visitor's last one for the offer; else the one of the
/// partner's click id, where the offer allows that.
pub(super) fn find_session(
    request: &ConversionRequest,
    caller: &Caller,
    offer: Option<&Arc<Offer>>,
    activity: &Activity,
    group: &Group<'_>,
) -> Result<(Option<Session>, MatchType), StoreError> {
    match &request.sid {
        Some(Sid::Id(sid)) => return Ok((load_session(*sid, group)?, MatchType::Sid)),
        Some(Sid::Foreign(_)) => return Ok((None, MatchType::Sid)),
        None => {}
    }
    if let (Some(click_id), Some(offer)) = (&request.click_id, offer.filter(|o| o.accept_partner_click_id)) {
        return Ok((
            find_by_click_id(click_id, &offer.id, activity.at_ms, group)?,
            MatchType::PartnerClickId,
        ));
    }
    let visited = match offer {
        Some(offer) => caller
            .visited
            .iter()
            .filter(|(of, _)| *of == offer.id)
            .map(|(_, sid)| *sid)
            .max(),
        None => last_visit(caller, group),
    };
    match visited {
        Some(sid) => Ok((load_session(sid, group)?, MatchType::Visitor)),
        None => Ok((None, MatchType::Visitor)),
    }
}

/// The last session of a visitor who is known to several offers, when the conversion names none: of the offer whose
/// site reports it, else the newest of all.
fn last_visit(caller: &Caller, group: &Group<'_>) -> Option<SessionId> {
    let newest = |of: &dyn Fn(&OfferId) -> bool| {
        let visits = caller.visited.iter().filter(|(offer, _)| of(offer));
        visits.map(|(_, sid)| *sid).max()
    };
    let origin = url::Url::parse(&caller.referer)
        .ok()
        .map(|url| url.origin().ascii_serialization());
    let is_site_of = |offer: &OfferId| {
        let offer = group.catalog().offers.get(offer);
        origin
            .as_deref()
            .zip(offer)
            .is_some_and(|(origin, offer)| site::is_listed(&offer.sites, origin))
    };
    newest(&is_site_of).or_else(|| newest(&|_| true))
}

/// The newest session with the click id, looking from the month of the conversion back.
fn find_by_click_id(
    click_id: &str,
    offer: &OfferId,
    at_ms: i64,
    group: &Group<'_>,
) -> Result<Option<Session>, StoreError> {
    let prefix = keys::click_id_prefix(&duplicates::click_id_hash(offer, click_id));
    let month = Period::from_ms(at_ms).0;
    for back in 0..CLICK_ID_MONTHS.min(month) {
        let db = Db::Period(PeriodKind::Sessions, Period(month - back));
        let newest = group
            .scan(db, KeyRange::prefix(&prefix), 1000)?
            .into_iter()
            .next_back();
        if let Some(sid) = newest.and_then(|(key, _)| keys::parse_session_index(&key)) {
            return load_session(sid, group);
        }
    }
    Ok(None)
}
