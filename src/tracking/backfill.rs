//! Sending a rule over activities that were recorded before it was made or changed (過去の成果への送信). One activity is
//! judged as if it came now, by the code that delivers, and its postbacks are noted on it like those of the rules that
//! were asked when it came: that note is what keeps the same rule from telling the same activity twice.
//!
//! 2026-11-29, decisions:
//!
//! * What a rule made a postback of before is left, whatever became of that, since the log can send it again. Only one
//!   that was given up before its first attempt does not count: nobody heard of it.
//! * Each change of status is an activity of its own and is told in its order. Where the conversion was rejected
//!   since, and the rule does not tell rejections, the earlier statuses are not told either: they would not be true.
//! * Tests, and changes that were taken back before anybody heard of them, are left.
//! * What cannot be sent (too old, without what the rule needs) makes no failed postback: it is counted only.

use super::past::{Records, as_it_came};
use super::{recording, status};
use crate::domain::activity::{Activity, ConversionStatus, RuleOutcome};
use crate::domain::ids::{ActivityId, PostbackId, RuleId};
use crate::domain::plan::{self, CompiledRule, Plan};
use crate::domain::postback::{FailReason, Origin, Postback, PostbackState};
use crate::recorder::Group;
use crate::store::catalog::Catalog;
use crate::store::{StoreError, keys};
use std::sync::Arc;

/// Code of an activity that is told.
pub const SENDS: &str = "queued";

/// What a rule says about one activity.
#[derive(Debug)]
pub struct Judged {
    /// [`SENDS`], or why nothing is sent: a stable code.
    pub code: &'static str,
    /// What is sent.
    pub plan: Plan,
}

impl Judged {
    fn nothing(code: &'static str) -> Self {
        Self {
            code,
            plan: Plan::default(),
        }
    }
}

/// Judges one activity as it is stored.
///
/// # Errors
/// What it refers to cannot be read.
pub fn judge(
    compiled: &CompiledRule,
    stored: &Activity,
    catalog: &Catalog,
    now_ms: i64,
    records: &impl Records,
) -> Result<Judged, StoreError> {
    let rule = &compiled.rule;
    let came = as_it_came(stored.clone(), records)?;
    let context = recording::context(&came, catalog, now_ms);
    let partner = context.partner.map(|partner| &partner.id);
    let others = came.offer.as_ref().map(|offer| catalog.rules_for(offer, partner));
    let others = others.iter().flatten().map(Arc::as_ref);
    let others = others.filter(|other| other.rule.id != rule.id);
    if !plan::fires(compiled, others, &came, &context) {
        return Ok(Judged::nothing("not_matching"));
    }
    if came.is_test {
        return Ok(Judged::nothing("test"));
    }
    if status::fact(stored, status::UNDONE).is_some() {
        return Ok(Judged::nothing("undone"));
    }
    for outcome in stored.rules.iter().filter(|outcome| is_of(outcome, &rule.id)) {
        if let Some(postback) = outcome.postback
            && !is_unheard(postback, records)?
        {
            return Ok(Judged::nothing("already_sent"));
        }
    }
    let now = match stored.of {
        Some(of) => records.record(&keys::activity(of))?,
        None => None,
    };
    let status_now = now.as_ref().unwrap_or(stored).status;
    let rejected = Some(ConversionStatus::Rejected);
    let tells_rejections = rule.statuses.is_empty() || rule.statuses.contains(&ConversionStatus::Rejected);
    if status_now == rejected && came.status != rejected && !tells_rejections {
        return Ok(Judged::nothing("rejected_since"));
    }
    let age_ms = rule.max_age_h.map(|hours| i64::from(hours) * 3_600_000);
    if age_ms.is_some_and(|age_ms| came.at_ms.saturating_add(age_ms) <= now_ms) {
        return Ok(Judged::nothing("too_old"));
    }
    let mut make_id = || (PostbackId::new(now_ms, rand::random()), rand::random());
    let plan = plan::plan_rule(compiled, &came, &context, &mut make_id);
    if plan.postbacks.iter().any(is_waiting) {
        return Ok(Judged { code: SENDS, plan });
    }
    let skipped = plan
        .outcomes
        .iter()
        .find_map(|outcome| outcome.skipped.as_deref());
    Ok(Judged::nothing(match skipped {
        None | Some("not_mapped") => "not_matching",
        Some("no_identifier") => "no_identifier",
        Some("no_consent") => "no_consent",
        Some(code) if code == FailReason::NoClickId.code() => FailReason::NoClickId.code(),
        Some(_) => FailReason::Unrenderable.code(),
    }))
}

fn is_of(outcome: &RuleOutcome, rule: &RuleId) -> bool {
    matches!(&outcome.origin, Origin::Rule(id) if id == rule)
}

fn is_waiting(postback: &Postback) -> bool {
    matches!(postback.state, PostbackState::Waiting { .. })
}

/// Whether a postback was given up before anybody heard of it.
fn is_unheard(id: PostbackId, records: &impl Records) -> Result<bool, StoreError> {
    let Some(settled) = records.record(&keys::postback(id))? else {
        return Ok(false);
    };
    let is_cancelled = matches!(
        settled.state,
        PostbackState::Failed {
            reason: FailReason::Cancelled,
            ..
        }
    );
    Ok(is_cancelled && settled.last.is_none() && !settled.is_erased())
}

/// What became of one activity.
#[derive(Debug)]
pub struct Sent {
    /// [`SENDS`], or why nothing is sent.
    pub code: &'static str,
    /// What waits to be sent now.
    pub postbacks: Vec<PostbackId>,
}

/// Tells one activity, unless that was done before.
///
/// # Errors
/// The store cannot be read.
pub fn send(compiled: &CompiledRule, id: ActivityId, group: &mut Group<'_>) -> Result<Sent, StoreError> {
    let at = keys::activity(id);
    let Some(mut stored) = group.load(&at)? else {
        return Ok(Sent {
            code: "unknown_activity",
            postbacks: Vec::new(),
        });
    };
    let catalog = group.catalog().clone();
    let Judged { code, plan } = judge(compiled, &stored, &catalog, group.now_ms(), group)?;
    let mut sent = Sent {
        code,
        postbacks: Vec::new(),
    };
    if code != SENDS {
        return Ok(sent);
    }
    for postback in plan.postbacks.into_iter().filter(is_waiting) {
        sent.postbacks.push(postback.id);
        group.queue(postback)?;
    }
    let rule = &compiled.rule.id;
    stored
        .rules
        .retain(|outcome| outcome.postback.is_some() || !is_of(outcome, rule));
    let said = plan.outcomes.into_iter().map(|mut outcome| {
        outcome.postback = outcome.postback.filter(|id| sent.postbacks.contains(id));
        outcome
    });
    stored.rules.extend(said);
    group.save(at, &stored)?;
    Ok(sent)
}
