//! A network claims an install or reattribution late, with an engagement that it recorded itself. The credit
//! changes only where the rules would have given it then, and an update fires only when it really changed.
//!
//! 2026-11-21: a claim moves money, so it must be proved: the partner's trust policy has to be enforced. The
//! claimed engagement is no stored session; the visitor and the update keep its copy.
//!
//! 2026-11-22: its names go past the same bound as those of clicks (`tracking::link_names`).

use super::partner::{self, invalid};
use super::{AppRequest, Case, Decided, Failure, MOST_KEPT, Reply, credit_json, finish, recredit, visitors};
use crate::domain::activity::{Activity, ActivityKind, Candidate, MatchType};
use crate::domain::attribution::{
    ClaimVerdict, Claimed, Credit, Engagement, Install, Rejection, Return, judge_claim,
};
use crate::domain::ids::SessionId;
use crate::domain::offer::Offer;
use crate::domain::session::{Device, EngagementKind, Geo, Session, SessionFlags};
use crate::domain::visitor::{Facts, Tracker, Visitor};
use crate::recorder::Group;
use crate::store::catalog::LinkEntry;
use crate::store::{StoreError, keys};
use crate::tracking::{instant, matching};
use serde_json::json;

/// Name of the fact that says what was wrong with a device when it installed.
pub(super) const DEVICE_REJECTION: &str = "device_rejection";

pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let catalog = group.catalog().clone();
    let token = case.request.field("tracker").unwrap_or_default();
    let entry = catalog
        .links
        .get(token)
        .filter(|entry| entry.link.offer == case.offer.id);
    let Some(entry) = entry else {
        return Err(invalid(
            "tracker",
            "Send tracker: the token of the partner's link of this app.",
        )
        .into());
    };
    partner::authorize(entry.partner.as_deref(), &case.context.caller, group.now_ms())?;
    let mut session = claimed_session(case, entry, &case.offer, group)?;
    let visitor = case.known_visitor(group)?;
    let (at_ms, of) = claimed_activity(&visitor, group)?;
    let engagement = Engagement {
        id: session.id,
        at_ms: session.at_ms(),
        is_view: session.kind == EngagementKind::Impression,
        link: session.link.clone(),
        matched_by: MatchType::Claim,
        is_automated: false,
        is_test: session.flags.is_test,
        no_reattribution: session.flags.no_reattribution,
        windows: matching::windows(&case.offer, &session.link, group),
    };
    let current = visitor.credit.as_deref().map(|session| Credit {
        link: session.link.clone(),
        is_view: session.kind == EngagementKind::Impression,
        matched_by: visitor.match_type,
        at_ms: session.at_ms(),
    });
    match judge_claim(&engagement, current.as_ref(), &of) {
        ClaimVerdict::Granted => {
            let before = visitor.credit_before(at_ms);
            // Only now: names of a claim that changes nothing take no room.
            case.context.link_names.admit(&entry.link, &mut session);
            visitors::note_credit(visitor.adid, &engagement.windows, at_ms, before, group)?;
            grant(case, visitor, session, group)
        }
        ClaimVerdict::Unchanged => Ok(reply("unchanged", visitor.credit.as_deref(), None)),
        verdict => Ok(reply("refused", visitor.credit.as_deref(), Some(verdict.code()))),
    }
}

/// What a claim is about, the newest reattribution or else the install, and when that was.
fn claimed_activity(visitor: &Visitor, group: &Group<'_>) -> Result<(i64, Claimed), StoreError> {
    let Some(at_ms) = visitor.reattributed_at_ms else {
        let record: Option<Activity> = group.load(&keys::activity(visitor.install))?;
        let install = Install {
            at_ms: visitor.installed_at_ms,
            download_at_ms: record.as_ref().and_then(download_at_ms),
            is_test: visitor.is_test,
            rejection: record.as_ref().and_then(device_rejection),
        };
        return Ok((install.at_ms, Claimed::Install(install)));
    };
    let back = Return {
        at_ms,
        // Records of before 2026-11-27 do not know it.
        last_session_at_ms: visitor.before_reattribution_ms.unwrap_or(0),
        install_link: visitor.install_link.clone(),
        is_test: visitor.is_test,
        rejection: None,
    };
    Ok((at_ms, Claimed::Reattribution(back)))
}

/// When the download of an install began, as its request said.
fn download_at_ms(install: &Activity) -> Option<i64> {
    let mut fields = install.input.fields.iter();
    let (_, seconds) = fields.find(|(name, _)| name == "install_begin_time")?;
    seconds.parse::<i64>().ok().map(|seconds| seconds * 1000)
}

/// What was wrong with the device when it installed: no engagement could have the credit then, nor can a claimed one.
fn device_rejection(install: &Activity) -> Option<Rejection> {
    let of_device = [
        Rejection::AnonymousTraffic,
        Rejection::IncorrectSignature,
        Rejection::MalformedAdvertisingId,
    ];
    let lost = install
        .candidates
        .iter()
        .filter_map(|c| c.lost_because.as_deref());
    let noted = install.facts.iter().filter(|(fact, _)| fact == DEVICE_REJECTION);
    noted
        .map(|(_, code)| code.as_str())
        .chain(lost)
        .find_map(|code| of_device.into_iter().find(|rejection| rejection.code() == code))
}

fn reply(result: &str, credit: Option<&Session>, reason: Option<&str>) -> Reply {
    Reply::ok(json!({"status": "OK", "result": result, "reason": reason, "attribution": credit_json(credit)}))
}

/// The engagement as the network tells it.
fn claimed_session(
    case: &Case<'_>,
    entry: &LinkEntry,
    offer: &Offer,
    group: &Group<'_>,
) -> Result<Session, Failure> {
    let request = case.request;
    let (name, at_ms, kind) = told_engagement(request, group.now_ms())?;
    let field = |name: &str| request.field(name).unwrap_or_default().to_owned();
    let mut names = vec![entry.link.network.clone()];
    for (name, own) in [
        ("campaign", &entry.link.campaign),
        ("adgroup", &entry.link.adgroup),
        ("creative", &entry.link.creative),
    ] {
        names.push(own.clone().unwrap_or_else(|| field(name)));
    }
    while names.len() > 1 && names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
        .iter_mut()
        .filter(|name| name.is_empty())
        .for_each(|name| "unknown".clone_into(name));
    let known = [
        "tracker",
        name,
        "engagement_type",
        "campaign",
        "adgroup",
        "creative",
        "label",
    ];
    Ok(Session {
        id: SessionId::new(at_ms, rand::random()),
        kind,
        link: entry.link.token.clone(),
        offer: offer.id.clone(),
        partner: entry.partner.as_ref().map(|partner| partner.id.clone()),
        names,
        tuid: String::new(),
        ip: String::new(),
        ip_hash: 0,
        user_agent: String::new(),
        referer: String::new(),
        device: Device::default(),
        geo: Geo::default(),
        para: ["param1", "param2", "param3", "param4", "param5"].map(field),
        label: field("label"),
        device_ids: request.ids.clone(),
        parameters: request
            .fields
            .iter()
            .filter(|(n, _)| !known.contains(&n.as_str()))
            .cloned()
            .collect(),
        callbacks: Vec::new(),
        cost: Vec::new(),
        destination: String::new(),
        flags: SessionFlags {
            is_s2s: true,
            is_test: request.is_test,
            no_reattribution: request.field("rt") == Some("0"),
            ..SessionFlags::default()
        },
    })
}

/// When the engagement was, under which name that was sent, and whether it was a click or a view.
fn told_engagement(
    request: &AppRequest,
    now_ms: i64,
) -> Result<(&'static str, i64, EngagementKind), Failure> {
    let time = ["engagement_time", "click_time", "impression_time"]
        .into_iter()
        .find_map(|name| request.field(name).map(|value| (name, value)));
    let Some((name, value)) = time else {
        return Err(invalid(
            "engagement_time",
            "Send engagement_time in unix seconds.",
        ));
    };
    let at_ms = instant::read(name, value).map_err(|error| invalid(name, &error.message))?;
    if at_ms > now_ms {
        return Err(invalid(
            name,
            "The engagement lies in the future; check the clock of the sender.",
        ));
    }
    let kind = match request.field("engagement_type") {
        Some("impression" | "view") => EngagementKind::Impression,
        None if name == "impression_time" => EngagementKind::Impression,
        Some("click") | None => EngagementKind::Click,
        Some(_) => return Err(invalid("engagement_type", "Send click or impression.")),
    };
    Ok((name, at_ms, kind))
}

fn grant(case: &Case<'_>, mut visitor: Visitor, session: Session, group: &mut Group<'_>) -> Decided {
    let outdated = visitor.tracker();
    let loser = visitor.credit.as_deref().map(|session| Candidate {
        session: session.id,
        matched_by: visitor.match_type,
        is_winner: false,
        lost_because: Some("weaker_than_winner".into()),
    });
    let winner = Candidate {
        session: session.id,
        matched_by: MatchType::Claim,
        is_winner: true,
        lost_because: None,
    };
    let (kind, of, at_ms) = match visitor.reattributed_at_ms {
        Some(at_ms) => (ActivityKind::ReattributionUpdate, visitor.reattribution, at_ms),
        None => {
            visitor.install_link = Some(Tracker::from(&session).token);
            (
                ActivityKind::InstallUpdate,
                Some(visitor.install),
                visitor.installed_at_ms,
            )
        }
    };
    visitor.replace_credit(at_ms, (Some(Box::new(session)), MatchType::Claim));
    visitors::save(&visitor, &[], group)?;
    let mut activity = case.activity_of(kind, &visitor, Some(visitor.last_session_at_ms), group);
    activity.at_ms = group.now_ms();
    activity.session.clone_from(&visitor.credit);
    activity.match_type = Some(visitor.match_type);
    activity.of = of;
    activity.candidates = [Some(winner), loser]
        .into_iter()
        .flatten()
        .take(MOST_KEPT)
        .collect();
    let mut facts = Facts(std::mem::take(&mut activity.facts));
    facts.tracker("outdated_tracker", outdated.as_ref());
    facts.time("attribution_updated_at", Some(group.now_ms()));
    activity.facts = facts.0;
    if let Some(of) = of {
        recredit::follow(of, &activity, group)?;
    }
    finish(activity, Some(&visitor), group)?;
    Ok(reply("updated", visitor.credit.as_deref(), None))
}
