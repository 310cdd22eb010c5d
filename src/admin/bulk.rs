//! Decisions about many conversions at once (一括承認 / 一括否認): by order number, by id, or all that a filter finds.
//!
//! The look beforehand does all that the decision does and throws it away. A decision is committed at once, part by
//! part; its postbacks wait for `HOLD_MS`, so that it can be taken back before anybody hears of it.
//!
//! * Records: `decision/ID` says who decided what, `decision-part/ID/N` lists the changes that were made, so that
//!   they can be taken back. Both go after `KEPT_MS`.

pub mod lines;
mod look;
pub mod undo;

pub use look::{Look, LookLine, look};

use super::identity::Identity;
use super::jobs::Job;
use super::save::{Actor, Note, audit};
use super::{AdminError, check};
use crate::domain::activity::{Activity, ConversionStatus, RefusalReason};
use crate::domain::ids::{ActivityId, EventToken, OfferId, TimeId};
use crate::recorder::{Group, Recorder};
use crate::reports::activities::ActivityQuery;
use crate::store::{Db, JsonRecord, KeyRange, Record, StoreError, keys};
use crate::tracking::by_order::{self, Order};
use crate::tracking::status::{self, Changed, Wanted};
use lines::{Lines, Mapping, OrderLine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a decision can be taken back without anybody hearing of it, milliseconds.
pub const UNDO_MS: i64 = 60_000;
/// How long its postbacks wait: a little longer, so that the last moment to take it back is none too late.
const HOLD_MS: i64 = UNDO_MS + 2_000;
/// How long decisions are kept to be taken back, milliseconds.
const KEPT_MS: i64 = 90 * 86_400_000;
/// Conversions of one decision.
pub const MOST: usize = lines::MOST_LINES;
/// Of them in one commit.
const OF_COMMIT: usize = 50;
/// Decisions that are listed.
const MOST_LISTED: usize = 50;

/// What is to be decided. One of `ids`, `filter` and `text`.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// These conversions, at most 10,000.
    #[serde(default)]
    pub ids: Vec<ActivityId>,
    /// Those that a filter finds (at most 10,000); `limit` and `cursor` are not used.
    #[serde(default)]
    pub filter: Option<ActivityQuery>,
    /// Order numbers, one a line, or a table with one order a line.
    #[serde(default)]
    pub text: Option<String>,
    /// Offer of the order numbers.
    #[serde(default)]
    pub offer: Option<OfferId>,
    /// Token or name of their event; the offer's first when left out.
    #[serde(default)]
    pub event: Option<String>,
    /// Which column is what; as the last time for the offer, or guessed, when left out.
    #[serde(default)]
    pub mapping: Option<Mapping>,
    /// New status of those that have none of their own in the table.
    #[serde(default)]
    pub status: Option<ConversionStatus>,
    /// Why they are rejected, where the table does not say it: for reports and `{rejection_reason}`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A decision that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// Offer of order numbers.
    #[serde(default)]
    pub offer: Option<OfferId>,
    /// Conversions that became approved.
    #[serde(default)]
    pub approved: usize,
    /// Conversions that became rejected.
    #[serde(default)]
    pub rejected: usize,
    /// Conversions that became pending.
    #[serde(default)]
    pub pending: usize,
    /// Whether it came to its end.
    #[serde(default)]
    pub is_complete: bool,
    /// When it was taken back, unix milliseconds.
    #[serde(default)]
    pub undone_at_ms: Option<i64>,
    /// Conversions that became what they were before anybody was told.
    #[serde(default)]
    pub restored: usize,
    /// Conversions that got a new change, which fires rules.
    #[serde(default)]
    pub changed_back: usize,
    /// Conversions that were left, because they were changed again since.
    #[serde(default)]
    pub changed_since: usize,
}

impl JsonRecord for Decision {}
impl JsonRecord for Mapping {}

/// A part of what a decision changed: the `event_update` of each change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Part {
    updates: Vec<ActivityId>,
}

impl JsonRecord for Part {}

/// A decision as it is listed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DecisionDto {
    /// Its id.
    pub id: String,
    /// Until when it can be taken back before anybody hears of it, unix milliseconds.
    pub quiet_until_ms: i64,
    /// The same as what is left of it, milliseconds; 0: its postbacks go out, or went.
    pub quiet_left_ms: i64,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
}

/// One conversion and what it is to become.
#[derive(Debug, Clone)]
struct Pick {
    line: u64,
    of: Of,
    status: ConversionStatus,
    reason: Option<String>,
}

#[derive(Debug, Clone)]
enum Of {
    Id(ActivityId),
    Order(String),
}

/// What was picked, and how the text was read.
struct Picked {
    picks: Vec<Pick>,
    lines: Lines,
    target: Option<(OfferId, EventToken)>,
}

/// Reads what is to be decided. `found` are the conversions of the filter.
fn pick(
    request: DecisionRequest,
    found: Option<Vec<ActivityId>>,
    recorder: &Recorder,
) -> Result<Picked, AdminError> {
    check::at_most("ids", &request.ids, MOST)?;
    let reason = request.reason.as_deref().map(lines::clean_reason);
    let reason = reason.filter(|reason| !reason.is_empty());
    if let Some(text) = &request.text {
        let target = super::decisions::target(recorder, request.offer, request.event.as_deref())?;
        let remembered = recorder
            .reader()
            .load(&keys::order_columns::<Mapping>(&target.0))?;
        let mapping = request.mapping.as_ref().or(remembered.as_ref());
        let mut lines = lines::read(text, mapping, request.status, reason.as_deref())?;
        let picks = std::mem::take(&mut lines.lines).into_iter();
        let of_line = |OrderLine {
                           line,
                           order,
                           status,
                           reason,
                       }| Pick {
            line,
            of: Of::Order(order),
            status,
            reason,
        };
        return Ok(Picked {
            picks: picks.map(of_line).collect(),
            lines,
            target: Some(target),
        });
    }
    let Some(status) = request.status else {
        return Err(AdminError::invalid(
            "status",
            "missing_field",
            "choose the new status",
        ));
    };
    let ids = found.unwrap_or(request.ids).into_iter();
    let of_id = |(index, id)| Pick {
        line: index as u64 + 1,
        of: Of::Id(id),
        status,
        reason: reason.clone(),
    };
    Ok(Picked {
        picks: ids.enumerate().map(of_id).collect(),
        lines: Lines::default(),
        target: None,
    })
}

/// Exactly one of ids, filter and text.
///
/// # Errors
/// None, or several.
pub fn one_choice(request: &DecisionRequest) -> Result<(), AdminError> {
    let given = [
        !request.ids.is_empty(),
        request.filter.is_some(),
        request.text.is_some(),
    ];
    if given.iter().filter(|given| **given).count() == 1 {
        return Ok(());
    }
    let message = "name conversions by ids, by a filter, or by their order numbers as text";
    Err(AdminError::invalid("ids", "missing_field", message))
}

/// What became of one pick.
struct Fate {
    code: &'static str,
    before: Option<Box<Activity>>,
    update: Option<ActivityId>,
}

/// Decides about one.
fn decide(
    pick: &Pick,
    target: Option<&(OfferId, EventToken)>,
    hold_ms: i64,
    by: &str,
    group: &mut Group<'_>,
) -> Result<Fate, StoreError> {
    let nothing = |code| Fate {
        code,
        before: None,
        update: None,
    };
    let before = match (&pick.of, target) {
        (Of::Id(id), _) => group.load(&keys::activity(*id))?.map(Box::new),
        (Of::Order(order), Some((offer, event))) => match by_order::find(offer, event, order, group)? {
            Order::Of(found) => Some(found),
            Order::Unknown => return Ok(nothing(RefusalReason::UnknownOrder.code())),
            Order::Ambiguous => return Ok(nothing(RefusalReason::AmbiguousOrder.code())),
        },
        (Of::Order(_), None) => None,
    };
    let Some(before) = before else {
        return Ok(nothing(Changed::Unknown.code()));
    };
    let wanted = Wanted {
        status: Some(pick.status),
        money: None,
        reason: pick.reason.as_deref(),
        hold_ms,
        by,
    };
    let changed = status::change_to(group, before.id, &wanted)?;
    Ok(Fate {
        code: changed.code(),
        before: Some(before),
        update: match changed {
            Changed::Made(update) => Some(update),
            Changed::Unchanged | Changed::Unknown | Changed::NotAConversion => None,
        },
    })
}

/// Begins a decision: how the columns were read is remembered, old decisions go.
pub async fn begin(
    recorder: &Recorder,
    identity: &Identity,
    mut request: DecisionRequest,
    found: Option<Vec<ActivityId>>,
    id: TimeId,
) -> Result<Run, AdminError> {
    request.filter = None;
    let picked = pick(request, found, recorder)?;
    if let Some(error) = picked.lines.errors.first() {
        let message = format!("line {}: {}", error.line, error.message);
        return Err(AdminError::invalid("text", "lines_with_mistakes", message));
    }
    if picked.picks.is_empty() {
        return Err(AdminError::invalid(
            "text",
            "empty",
            "name at least one conversion",
        ));
    }
    let offer = picked.target.as_ref().map(|(offer, _)| offer.clone());
    let (by, mapping, of) = (
        identity.actor.clone(),
        picked.lines.mapping.clone(),
        offer.clone(),
    );
    recorder
        .try_run(move |group| -> Result<(), AdminError> {
            let at_ms = group.now_ms();
            forget_old(group)?;
            if let (Some(mapping), Some(offer)) = (&mapping, &of) {
                group.save(keys::order_columns(offer), mapping)?;
            }
            let decision = Decision {
                at_ms,
                by,
                offer: of,
                approved: 0,
                rejected: 0,
                pending: 0,
                is_complete: false,
                undone_at_ms: None,
                restored: 0,
                changed_back: 0,
                changed_since: 0,
            };
            Ok(group.save(keys::decision(id), &decision)?)
        })
        .await??;
    Ok(Run {
        id,
        picks: picked.picks,
        target: picked.target,
        actor: identity.actor(),
    })
}

/// A decision that was begun.
#[derive(Debug)]
pub struct Run {
    id: TimeId,
    picks: Vec<Pick>,
    target: Option<(OfferId, EventToken)>,
    actor: Actor,
}

/// Decides part by part.
///
/// # Errors
/// The server is stopping, or the decision was taken back meanwhile: what was decided stays.
pub async fn carry_out(recorder: &Recorder, run: Run, job: &Job) -> Result<(), AdminError> {
    let Run {
        id,
        picks,
        target,
        actor,
    } = run;
    let parts = picks.chunks(OF_COMMIT).map(<[Pick]>::to_vec);
    job.expect(picks.len());
    let count = parts.len();
    for (number, part) in parts.enumerate() {
        job.may_go_on()?;
        let (target, actor) = (target.clone(), actor.clone());
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let is_last = usize::from(number) + 1 == count;
        let done = recorder
            .try_run(move |group| commit_part(id, number, is_last, &part, target.as_ref(), &actor, group));
        for (code, many) in done.await?? {
            job.count(code, many);
        }
    }
    Ok(())
}

fn commit_part(
    id: TimeId,
    number: u16,
    is_last: bool,
    part: &[Pick],
    target: Option<&(OfferId, EventToken)>,
    actor: &Actor,
    group: &mut Group<'_>,
) -> Result<BTreeMap<&'static str, usize>, AdminError> {
    let at = keys::decision::<Decision>(id);
    let Some(mut decision) = group.load(&at)?.filter(|known| known.undone_at_ms.is_none()) else {
        return Err(AdminError::State {
            code: "decision_undone",
            message: "the decision was taken back before it came to its end".into(),
        });
    };
    let mut results: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut made = Part::default();
    for pick in part {
        let fate = decide(pick, target, HOLD_MS, &actor.name, group)?;
        *results.entry(fate.code).or_default() += 1;
        let Some(update) = fate.update else { continue };
        made.updates.push(update);
        match pick.status {
            ConversionStatus::Approved => decision.approved += 1,
            ConversionStatus::Rejected => decision.rejected += 1,
            ConversionStatus::Pending => decision.pending += 1,
        }
    }
    decision.is_complete = is_last;
    group.save(at, &decision)?;
    if !made.updates.is_empty() {
        let detail: Vec<String> = made.updates.iter().map(ToString::to_string).collect();
        audit(
            group,
            actor,
            Note::new("conversion.decide", id.to_string()).detail(detail.join(" ")),
        )?;
        group.save(keys::decision_part(id, number), &made)?;
    }
    Ok(results)
}

/// Removes a few of the decisions that are too old.
fn forget_old(group: &mut Group<'_>) -> Result<(), StoreError> {
    let before_ms = group.now_ms() - KEPT_MS;
    let prefix = keys::decision_prefix();
    for (key, _) in group.scan(Db::Hot, KeyRange::prefix(&prefix), 20)? {
        let Some(id) = id_of(&key) else { continue };
        if id.at_ms() >= before_ms {
            break;
        }
        for (part, _) in group.scan(Db::Hot, KeyRange::prefix(&keys::decision_parts_prefix(id)), MOST)? {
            group.remove((Db::Hot, part));
        }
        group.remove((Db::Hot, key));
    }
    Ok(())
}

fn id_of(key: &[u8]) -> Option<TimeId> {
    let text = key.strip_prefix(keys::decision_prefix().as_slice())?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The newest decisions, newest first.
///
/// # Errors
/// The store cannot be read.
pub fn list(recorder: &Recorder) -> Result<Vec<DecisionDto>, AdminError> {
    let mut found = Vec::new();
    let prefix = keys::decision_prefix();
    let now_ms = recorder.clock().now_ms();
    recorder
        .reader()
        .scan_prefix(Db::Hot, &prefix, true, |key, value| {
            if let (Some(id), Ok(decision)) = (id_of(key), Decision::decode(value, Db::Hot, key)) {
                found.push(shown(id, decision, now_ms));
            }
            if found.len() < MOST_LISTED {
                std::ops::ControlFlow::Continue(())
            } else {
                std::ops::ControlFlow::Break(())
            }
        })?;
    Ok(found)
}

fn shown(id: TimeId, decision: Decision, now_ms: i64) -> DecisionDto {
    let quiet_until_ms = decision.at_ms + UNDO_MS;
    DecisionDto {
        id: id.to_string(),
        quiet_until_ms,
        quiet_left_ms: (quiet_until_ms - now_ms).max(0),
        decision,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_forms_stay() {
        let json = r#"{"at_ms":1,"by":"user hanako","offer":"offer1","approved":2,"rejected":1,"pending":0,"is_complete":true,"undone_at_ms":null,"restored":0,"changed_back":0,"changed_since":0}"#;
        let decision: Decision = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&decision).unwrap(), json);
        let part = r#"{"updates":["0mhz9k2x0a1b2c3d"]}"#;
        let read: Part = serde_json::from_str(part).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), part);
        let mapping = r#"{"no_headings":false,"order":"受注番号","status":"状態","reason":null,"words":{"出荷済":"approved"}}"#;
        let read: Mapping = serde_json::from_str(mapping).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), mapping);
    }
}
