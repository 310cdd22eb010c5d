//! The app was opened: an install, an app session, a reattribution, or a return after a removal. Exactly one
//! of them fires; a rejection fires beside it.

use super::{Case, Decided, Failure, MOST_KEPT, Reply, count, credit_json, finish, no_room, visitors};
use crate::domain::activity::{Activity, ActivityKind, MatchType, RefusalReason};
use crate::domain::attribution::{
    Decision, Engagement, Install, Return, decide_install, decide_reattribution,
};
use crate::domain::session::Session;
use crate::domain::stats::Counters;
use crate::domain::visitor::{Adid, Facts, Tracker, Visitor};
use crate::recorder::Group;
use crate::store::StoreError;
use crate::tracking::{engagement, matching};
use serde_json::json;

/// App sessions are at least this far apart.
const GAP_MS: i64 = 30 * 60 * 1000;
/// When a client may ask for its attribution, milliseconds.
const ASK_IN_MS: u32 = 2000;

pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    match visitors::find(case, group)? {
        None => install(case, group),
        Some(visitor) => reopen(case, visitor, group),
    }
}

fn reply(case: &Case<'_>, visitor: &Visitor, kind: ActivityKind) -> Reply {
    let message = match kind {
        ActivityKind::Install => "Install tracked",
        ActivityKind::Reattribution => "Reattribution tracked",
        ActivityKind::Reinstall => "Reinstall tracked",
        ActivityKind::ReattributionReinstall => "Reattribution reinstall tracked",
        _ => "Session tracked",
    };
    answer(case, visitor, message)
}

fn answer(case: &Case<'_>, visitor: &Visitor, message: &str) -> Reply {
    let at = jiff::Timestamp::from_millisecond(case.at_ms)
        .map(|at| at.to_string())
        .unwrap_or_default();
    Reply::ok(json!({
        "app_token": case.offer.id,
        "adid": visitor.adid.to_string(),
        "timestamp": at,
        "message": message,
        "ask_in": ASK_IN_MS,
    }))
}

fn install(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let Some((name, value)) = case.request.ids.first() else {
        return Ok(Err(Failure::new(
            404,
            "Device not found",
            RefusalReason::UnknownDevice,
        )));
    };
    if case.around.visitors.is_full() {
        return Ok(Ok(no_room()));
    }
    let at_ms = case.matched_until_ms(group.now_ms());
    let candidates = matching::candidates(&case.offer, &case.subject(), at_ms, group)?;
    let about = Install {
        at_ms,
        download_at_ms: case.request.download_at_ms,
        is_test: case.request.is_test,
        rejection: case.rejection,
    };
    let decision = decide_install(&about, candidates);
    let credit = credit(&decision, group)?;
    let mut activity = case.activity(ActivityKind::Install, group);
    let tracker = credit.as_ref().map(|(session, _)| Tracker::from(&**session));
    let mut visitor = Visitor {
        adid: Adid::of(&case.offer.id, case.request.is_test, name, value),
        offer: case.offer.id.clone(),
        is_test: case.request.is_test,
        ids: Vec::new(),
        installed_at_ms: case.at_ms,
        install: activity.id,
        last_session_at_ms: case.at_ms,
        last_session_kind: ActivityKind::Install,
        session_count: 1,
        lifetime_session_count: 1,
        uninstalled_at_ms: None,
        reinstalled_at_ms: None,
        reattributed_at_ms: None,
        reattribution: None,
        install_link: tracker.as_ref().map(|tracker| tracker.token.clone()),
        first_tracker: tracker,
        last_tracker: None,
        match_type: credit
            .as_ref()
            .map_or(MatchType::Organic, |(_, matched_by)| *matched_by),
        credit: credit.map(|(session, _)| session),
        events: Vec::new(),
        unique_events: Vec::new(),
        earlier: Vec::new(),
        before_reattribution_ms: None,
    };
    let learnt = visitor.learn(&case.request.ids);
    visitors::save(&visitor, &learnt, group)?;
    if let Some(session) = &visitor.credit {
        let windows = matching::windows(&case.offer, &session.link, group);
        let organic = (None, MatchType::Organic);
        visitors::note_credit(visitor.adid, &windows, case.at_ms, organic, group)?;
    }
    let known = case.around.visitors.clone();
    group.on_durable(Box::new(move |written| {
        if written.is_ok() {
            known.add();
        }
    }));
    let id = activity.id;
    activity = case.activity_of(ActivityKind::Install, &visitor, None, group);
    activity.id = id;
    explain(&mut activity, &decision);
    let mut counters = Counters {
        installs: 1,
        sessions: 1,
        ..Counters::default()
    };
    counters.cost = activity
        .session
        .as_deref()
        .map(|s| engagement::cost(s, "cpi"))
        .unwrap_or_default();
    count(&activity, &counters, group);
    finish(activity, Some(&visitor), group)?;
    reject(case, ActivityKind::RejectedInstall, &decision, &visitor, group)?;
    Ok(Ok(reply(case, &visitor, ActivityKind::Install)))
}

fn reopen(case: &Case<'_>, mut visitor: Visitor, group: &mut Group<'_>) -> Decided {
    let before_ms = visitor.last_session_at_ms;
    if case.at_ms == before_ms {
        return Ok(Ok(reply(case, &visitor, visitor.last_session_kind)));
    }
    if case.at_ms < before_ms {
        return Ok(Ok(answer(
            case,
            &visitor,
            "Session ignored (earlier than the last one)",
        )));
    }
    let learnt = visitor.learn(&case.request.ids);
    let decision = returning(case, &visitor, before_ms, group)?;
    let credit = credit(&decision, group)?;
    let kind = match (visitor.uninstalled_at_ms.is_some(), credit.is_some()) {
        (true, true) => ActivityKind::ReattributionReinstall,
        (true, false) => ActivityKind::Reinstall,
        (false, true) => ActivityKind::Reattribution,
        (false, false) if case.at_ms - before_ms >= GAP_MS => ActivityKind::Session,
        (false, false) => {
            if !learnt.is_empty() {
                visitors::save(&visitor, &learnt, group)?;
            }
            return Ok(Ok(answer(
                case,
                &visitor,
                "Session ignored (30 minutes have not passed)",
            )));
        }
    };
    let mut own = Facts::default();
    if let Some((session, matched_by)) = credit {
        visitor.last_tracker = visitor.tracker();
        let windows = matching::windows(&case.offer, &session.link, group);
        let before = visitor.credit_from(case.at_ms, (Some(session), matched_by));
        visitors::note_credit(visitor.adid, &windows, case.at_ms, before, group)?;
        visitor.reattributed_at_ms = Some(case.at_ms);
        visitor.before_reattribution_ms = Some(before_ms);
    }
    visitor.last_session_at_ms = case.at_ms;
    visitor.last_session_kind = kind;
    visitor.lifetime_session_count = visitor.lifetime_session_count.saturating_add(1);
    visitor.session_count = visitor.session_count.saturating_add(1);
    if let Some(gone_ms) = visitor.uninstalled_at_ms.take() {
        own.time("uninstalled_at", Some(gone_ms));
        own.add("time_to_reinstall", (case.at_ms - gone_ms).max(0) / 1000);
        visitor.reinstalled_at_ms = Some(case.at_ms);
        visitor.session_count = 1;
    }
    let mut activity = case.activity_of(kind, &visitor, Some(before_ms), group);
    own.0
        .into_iter()
        .for_each(|(name, value)| activity.facts.push((name, value)));
    let is_reattributed = matches!(
        kind,
        ActivityKind::Reattribution | ActivityKind::ReattributionReinstall
    );
    if is_reattributed {
        visitor.reattribution = Some(activity.id);
    }
    explain(&mut activity, &decision);
    visitors::save(&visitor, &learnt, group)?;
    let counters = Counters {
        sessions: 1,
        reattributions: i64::from(is_reattributed),
        ..Counters::default()
    };
    count(&activity, &counters, group);
    finish(activity, Some(&visitor), group)?;
    reject(
        case,
        ActivityKind::RejectedReattribution,
        &decision,
        &visitor,
        group,
    )?;
    Ok(Ok(reply(case, &visitor, kind)))
}

fn returning(
    case: &Case<'_>,
    visitor: &Visitor,
    before_ms: i64,
    group: &Group<'_>,
) -> Result<Decision, StoreError> {
    // A reattribution is matched by ids alone; those of the visitor count too.
    let ids = visitor.named_by();
    let mut subject = case.subject();
    subject.ip_hash = 0;
    subject.ids = &ids;
    let at_ms = case.matched_until_ms(group.now_ms());
    let candidates = matching::candidates(&case.offer, &subject, at_ms, group)?;
    let back = Return {
        at_ms,
        last_session_at_ms: before_ms,
        install_link: visitor.install_link.clone(),
        is_test: visitor.is_test,
        rejection: case.rejection,
    };
    Ok(decide_reattribution(&back, candidates))
}

/// The whole session of the winner.
fn credit(decision: &Decision, group: &Group<'_>) -> Result<Option<(Box<Session>, MatchType)>, StoreError> {
    let Some(winner) = decision.winner() else {
        return Ok(None);
    };
    let session = matching::load_session(winner.id, group)?;
    if session.is_none() {
        tracing::error!(code = "credited_session_missing", sid = %winner.id, "an index names a session that is not stored");
    }
    Ok(session.map(|session| (Box::new(session), winner.matched_by)))
}

/// Keeps every candidate on the activity with the reason why it lost, up to a bound.
fn explain(activity: &mut Activity, decision: &Decision) {
    activity.candidates = decision
        .judged
        .iter()
        .take(MOST_KEPT)
        .map(crate::domain::attribution::Judged::candidate)
        .collect();
    let more = decision.judged.len().saturating_sub(MOST_KEPT);
    if more > 0 {
        activity.note = format!(
            "{more} more candidates were judged and are not kept. {}",
            activity.note
        );
    }
}

/// Tells whoever was refused the credit, and why.
fn reject(
    case: &Case<'_>,
    kind: ActivityKind,
    decision: &Decision,
    visitor: &Visitor,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    let Some((engagement, rejection)) = decision.rejected() else {
        return Ok(());
    };
    let Engagement { id, matched_by, .. } = *engagement;
    let mut activity = case.activity_of(kind, visitor, None, group);
    activity.session = matching::load_session(id, group)?.map(Box::new);
    activity.match_type = Some(matched_by);
    activity
        .facts
        .push(("rejection_reason".into(), rejection.code().into()));
    explain(&mut activity, decision);
    finish(activity, Some(visitor), group).map(drop)
}

/// The credit of the device, for the app to act on.
pub(super) fn read_attribution(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let Some(visitor) = visitors::find(case, group)? else {
        let failure = Failure::new(404, "Device not found", RefusalReason::UnknownDevice);
        return Ok(Err(Failure {
            is_kept: false,
            ..failure
        }));
    };
    let mut attribution = credit_json(visitor.credit.as_deref());
    if let Some(object) = attribution.as_object_mut() {
        object.insert("adid".into(), visitor.adid.to_string().into());
    }
    Ok(Ok(Reply::ok(json!({
        "app_token": case.offer.id,
        "adid": visitor.adid.to_string(),
        "timestamp": jiff::Timestamp::from_millisecond(group.now_ms()).map(|at| at.to_string()).unwrap_or_default(),
        "message": "Attribution found",
        "attribution": attribution,
    }))))
}
