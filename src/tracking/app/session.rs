//! The app was opened: an install, an app session, a reattribution, or a return after a removal. Exactly one
//! of them fires; a rejection fires beside it.

use super::{
    Case, Decided, Failure, MOST_KEPT, Reply, claim, credit_json, finish, no_room, recredit, visitors,
};
use crate::domain::activity::{Activity, ActivityKind, MatchType, RefusalReason};
use crate::domain::attribution::{
    Decision, Engagement, Install, Return, decide_install, decide_reattribution,
};
use crate::domain::ids::ActivityId;
use crate::domain::session::Session;
use crate::domain::stats::Counters;
use crate::domain::visitor::{Adid, Facts, Tracker, Visitor};
use crate::recorder::Group;
use crate::store::StoreError;
use crate::tracking::recording::{self, Approving};
use crate::tracking::{addresses, engagement, matching};
use serde_json::json;

/// App sessions are at least this far apart.
const GAP_MS: i64 = 30 * 60 * 1000;
/// When a client may ask for its attribution, milliseconds.
const ASK_IN_MS: u32 = 2000;

pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    match case.visitor(group)? {
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
        return Err(Failure::new(404, "Device not found", RefusalReason::UnknownDevice).into());
    };
    if case.context.visitors.is_full() {
        return Ok(no_room());
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
    let adid = Adid::of(&case.offer.id, case.request.is_test, name, value);
    let mut visitor = newcomer(case, adid, activity.id, credit);
    let learnt = visitor.learn(&case.request.ids);
    visitor.learn_device(&case.request.fields);
    visitors::save(&visitor, &learnt, group)?;
    if let Some(session) = &visitor.credit {
        let windows = matching::windows(&case.offer, &session.link, group);
        let organic = (None, MatchType::Organic);
        visitors::note_credit(visitor.adid, &windows, case.at_ms, organic, group)?;
    }
    let known = case.context.visitors.clone();
    group.on_durable(Box::new(move |written| {
        if written.is_ok() {
            known.add();
        }
    }));
    let id = activity.id;
    activity = case.activity_of(ActivityKind::Install, &visitor, None, group);
    activity.id = id;
    explain(&mut activity, &decision);
    if let Some(rejection) = case.rejection {
        // For later claims, also where no engagement is there to have lost for it.
        let fact = (claim::DEVICE_REJECTION.into(), rejection.code().into());
        activity.facts.push(fact);
    }
    let mut counters = Counters {
        installs: 1,
        sessions: 1,
        ..Counters::default()
    };
    if let Some(session) = activity.session.as_deref()
        && !recredit::is_reported(session, group)?
    {
        counters.cost = engagement::cost(session, "cpi");
    }
    recording::count(&activity, &counters, group);
    settle(case, &mut activity, group)?;
    addresses::keep(&activity, case.context.ip, group);
    finish(activity, Some(&visitor), group)?;
    reject(case, ActivityKind::RejectedInstall, &decision, &visitor, group)?;
    Ok(reply(case, &visitor, ActivityKind::Install))
}

/// An install is a conversion with status and payout, and a return is when the offer says so.
fn settle(case: &Case<'_>, activity: &mut Activity, group: &mut Group<'_>) -> Result<(), StoreError> {
    let terms = &case.offer.installs;
    if !terms.cover(activity.kind) {
        return Ok(());
    }
    let status = recording::status_by_policy(terms.approval);
    recording::accept(
        activity,
        terms.approval,
        (status, Approving::ByPolicy),
        None,
        group,
    )
}

/// A device that was not known, as it stands after its install.
fn newcomer(
    case: &Case<'_>,
    adid: Adid,
    install: ActivityId,
    credit: Option<(Box<Session>, MatchType)>,
) -> Visitor {
    let tracker = credit.as_ref().map(|(session, _)| Tracker::from(&**session));
    Visitor {
        adid,
        offer: case.offer.id.clone(),
        is_test: case.request.is_test,
        ids: Vec::new(),
        installed_at_ms: case.at_ms,
        install,
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
        device: Vec::new(),
        is_proven: case.is_proven,
    }
}

fn reopen(case: &Case<'_>, mut visitor: Visitor, group: &mut Group<'_>) -> Decided {
    let before_ms = visitor.last_session_at_ms;
    if case.at_ms == before_ms {
        return Ok(reply(case, &visitor, visitor.last_session_kind));
    }
    if case.at_ms < before_ms {
        return Ok(answer(
            case,
            &visitor,
            "Session ignored (earlier than the last one)",
        ));
    }
    let learnt = visitor.learn(&case.request.ids);
    let is_told = visitor.learn_device(&case.request.fields);
    let decision = returning(case, &visitor, before_ms, group)?;
    let credit = credit(&decision, group)?;
    let kind = match (visitor.uninstalled_at_ms.is_some(), credit.is_some()) {
        (true, true) => ActivityKind::ReattributionReinstall,
        (true, false) => ActivityKind::Reinstall,
        (false, true) => ActivityKind::Reattribution,
        (false, false) if case.at_ms - before_ms >= GAP_MS => ActivityKind::Session,
        (false, false) => {
            if is_told || !learnt.is_empty() {
                visitors::save(&visitor, &learnt, group)?;
            }
            return Ok(answer(
                case,
                &visitor,
                "Session ignored (30 minutes have not passed)",
            ));
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
    activity.facts.extend(own.0);
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
    recording::count(&activity, &counters, group);
    settle(case, &mut activity, group)?;
    finish(activity, Some(&visitor), group)?;
    reject(
        case,
        ActivityKind::RejectedReattribution,
        &decision,
        &visitor,
        group,
    )?;
    Ok(reply(case, &visitor, kind))
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
    if session.is_none()
        && let Some(left_out) = crate::telemetry::occasionally("credited_session_missing")
    {
        tracing::error!(code = "credited_session_missing", sid = %winner.id, left_out, "an index names a session that is not stored");
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
    let Some(visitor) = case.visitor(group)? else {
        let failure = Failure::new(404, "Device not found", RefusalReason::UnknownDevice);
        return Err(Failure {
            is_kept: false,
            ..failure
        }
        .into());
    };
    let mut attribution = credit_json(visitor.credit.as_deref());
    if let Some(object) = attribution.as_object_mut() {
        object.insert("adid".into(), visitor.adid.to_string().into());
    }
    Ok(Reply::ok(json!({
        "app_token": case.offer.id,
        "adid": visitor.adid.to_string(),
        "timestamp": jiff::Timestamp::from_millisecond(group.now_ms()).map(|at| at.to_string()).unwrap_or_default(),
        "message": "Attribution found",
        "attribution": attribution,
    })))
}
