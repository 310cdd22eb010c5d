//! Sending a saved rule over what came before it (過去の成果への送信): a look at what it would send in a period, then a
//! job that queues it part by part, oldest first.
//!
//! The job keeps pace with the receiver: no more than `ROOM` of its postbacks wait at once, so that what comes in
//! meanwhile does not stand behind all of the past. When the receiver takes nothing for `PATIENCE` the job ends and
//! says so; asked again it goes on where it was, since nothing is told twice.

use super::identity::Identity;
use super::jobs::Job;
use super::rule_backtest::BacktestSample;
use super::save::{Actor, Note, audit};
use super::{AdminError, check};
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, PostbackId, RuleId, TimeId};
use crate::domain::plan::CompiledRule;
use crate::domain::rule::RuleScope;
use crate::domain::template::hole::shown;
use crate::recorder::Recorder;
use crate::reports::View;
use crate::reports::page::Budget;
use crate::reports::scan::{self, End, Window};
use crate::store::catalog::Catalog;
use crate::store::{Record, StoreError, keys};
use crate::tracking::backfill::{self, SENDS};
use crate::tracking::resend;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records of one page of the search.
const OF_PAGE: usize = 2_000;
/// Time of one page.
const PAGE_TIME: Duration = Duration::from_millis(500);
/// Records that are looked at for one period.
const MOST_RECORDS: usize = 500_000;
/// Activities that one job tells.
pub const MOST: usize = 100_000;
/// Of them in one commit.
const OF_COMMIT: usize = 20;
/// Postbacks of one job that wait at once.
const ROOM: usize = 500;
/// How often it is looked whether there is room again.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a receiver may take nothing.
const PATIENCE: Duration = Duration::from_secs(600);
/// Activities that are shown.
const SAMPLES: usize = 10;

/// Over which period a rule is sent.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackfillRequest {
    /// From this time of receipt on, unix milliseconds.
    pub from_ms: i64,
    /// Before this time of receipt, unix milliseconds; now when left out.
    #[serde(default)]
    pub to_ms: Option<i64>,
    /// `updated_at_ms` of the rule that was looked at: another one is not sent.
    pub updated_at_ms: i64,
}

/// What a rule would send for a period.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct BackfillLook {
    /// First millisecond of the period.
    pub from_ms: i64,
    /// First millisecond that is not in it.
    pub to_ms: i64,
    /// Activities of the period that count.
    pub looked_at: usize,
    /// How many by result: `queued` would be told; `already_sent`, `not_matching`, `rejected_since`, `too_old`,
    /// `no_identifier`, `no_consent`, `no_click_id`, `unrenderable`, `test` and `undone` would not.
    pub results: BTreeMap<&'static str, usize>,
    /// Requests in all.
    pub requests: usize,
    /// The newest of those that would be told, at most 10.
    pub samples: Vec<BacktestSample>,
    /// There is more than can be sent at once: choose a shorter period.
    pub is_too_much: bool,
}

/// What was found for a period.
#[derive(Debug, Default)]
pub struct Found {
    /// Activities that are told, newest first.
    pub ids: Vec<ActivityId>,
    look: BackfillLook,
    looked_at: usize,
}

/// A rule that may be sent over the past.
#[derive(Debug, Clone)]
pub struct Chosen {
    id: RuleId,
    updated_at_ms: i64,
    window: Window,
}

/// Checks what was asked for.
///
/// # Errors
/// There is no such rule, it is off, was saved since, or belongs to a partner that somebody does not see.
pub fn choose(
    id: RuleId,
    request: &BackfillRequest,
    identity: &Identity,
    catalog: &Catalog,
    now_ms: i64,
) -> Result<Chosen, AdminError> {
    let to_ms = request.to_ms.unwrap_or(now_ms).min(now_ms);
    let chosen = Chosen {
        window: Window::new(Some(request.from_ms), Some(to_ms), None)?,
        id,
        updated_at_ms: request.updated_at_ms,
    };
    let compiled = chosen.rule(catalog)?;
    let partner = match &compiled.rule.scope {
        RuleScope::Partner { partner, .. } => Some(partner),
        RuleScope::Offer { .. } => None,
    };
    if !identity.sees(partner) {
        return Err(AdminError::not_found("rule", chosen.id.to_string()));
    }
    Ok(chosen)
}

impl Chosen {
    /// The rule, as long as it is the one that was looked at.
    fn rule<'c>(&self, catalog: &'c Catalog) -> Result<&'c Arc<CompiledRule>, AdminError> {
        let Some(compiled) = catalog.rules.get(&self.id) else {
            return Err(AdminError::not_found("rule", self.id.to_string()));
        };
        if !compiled.rule.enabled {
            return Err(AdminError::State {
                code: "rule_is_off",
                message: "the rule is off: turn it on and save it first".into(),
            });
        }
        if compiled.rule.updated_at_ms != self.updated_at_ms {
            return Err(AdminError::State {
                code: "rule_changed",
                message: "the rule was saved again since it was looked at: look again, then send".into(),
            });
        }
        Ok(compiled)
    }
}

/// Looks at one page of the period; gives the cursor of the next.
///
/// # Errors
/// The store cannot be read, or the rule is not the one that was looked at.
pub fn page(
    chosen: &Chosen,
    view: &View,
    before: Option<TimeId>,
    found: &mut Found,
) -> Result<Option<TimeId>, AdminError> {
    let compiled = chosen.rule(&view.catalog)?;
    let window = Window {
        before,
        ..chosen.window
    };
    let mut budget = Budget::new(OF_PAGE, PAGE_TIME);
    let end = scan::newest_first(
        &view.reader,
        scan::ACTIVITIES,
        window,
        &mut budget,
        |_, db, key, value| {
            found.looked_at += 1;
            let activity = Activity::decode(value, db, key)?;
            if view.scope.sees_activity(&activity) {
                found.judge(&activity, compiled, view)?;
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    found.look.is_too_much = found.looked_at > MOST_RECORDS || found.ids.len() > MOST;
    Ok(match end {
        End::OutOfBudget(last) | End::Enough(last) if !found.look.is_too_much => Some(last),
        End::OutOfBudget(_) | End::Enough(_) | End::Exhausted => None,
    })
}

impl Found {
    fn judge(&mut self, activity: &Activity, compiled: &CompiledRule, view: &View) -> Result<(), StoreError> {
        if !crate::domain::plan::is_told(activity) {
            return Ok(());
        }
        let judged = backfill::judge(compiled, activity, &view.catalog, view.now_ms, &view.reader)?;
        self.look.looked_at += 1;
        *self.look.results.entry(judged.code).or_default() += 1;
        if judged.code != SENDS {
            return Ok(());
        }
        self.ids.push(activity.id);
        let sent = judged.plan.postbacks.iter().filter(|p| !p.state.is_settled());
        let urls: Vec<String> = sent.map(|p| shown(&p.request.url).into_owned()).collect();
        self.look.requests += urls.len();
        if self.look.samples.len() < SAMPLES {
            let came = activity.clone().as_it_came();
            self.look.samples.push(BacktestSample {
                activity: came.id,
                at_ms: came.at_ms,
                kind: came.kind,
                status: came.status,
                urls,
            });
        }
        Ok(())
    }

    /// What is shown of it.
    #[must_use]
    pub fn into_look(self, chosen: &Chosen) -> BackfillLook {
        BackfillLook {
            from_ms: chosen.window.from_ms,
            to_ms: chosen.window.to_ms,
            ..self.look
        }
    }

    /// What is to be told, oldest first, with what is not counted on the job.
    ///
    /// # Errors
    /// There is too much.
    pub fn into_work(mut self, job: &Job) -> Result<Vec<ActivityId>, AdminError> {
        if self.look.is_too_much {
            return Err(AdminError::TooMuch);
        }
        check::at_most("from_ms", &self.ids, MOST)?;
        job.expect(self.ids.len());
        self.ids.reverse();
        Ok(self.ids)
    }
}

/// Tells activities part by part. When it is cancelled, what waits untried is given up.
///
/// # Errors
/// It was cancelled, the server is stopping, the rule was changed, or the receiver takes nothing.
pub async fn send_all(
    recorder: &Recorder,
    chosen: &Chosen,
    ids: &[ActivityId],
    actor: &Actor,
    job: &Job,
) -> Result<(), AdminError> {
    let mut waiting = Vec::new();
    let outcome = send_parts(recorder, chosen, ids, actor, job, &mut waiting).await;
    if job.is_cancelled() {
        give_up(recorder, waiting, actor, job).await?;
    }
    outcome
}

async fn send_parts(
    recorder: &Recorder,
    chosen: &Chosen,
    ids: &[ActivityId],
    actor: &Actor,
    job: &Job,
    waiting: &mut Vec<PostbackId>,
) -> Result<(), AdminError> {
    for part in ids.chunks(OF_COMMIT) {
        wait_for_room(recorder, job, waiting).await?;
        let (part, chosen, actor) = (part.to_vec(), chosen.clone(), actor.clone());
        let done = recorder.try_run(move |group| -> Result<_, AdminError> {
            let compiled = chosen.rule(group.catalog())?.clone();
            let mut sent = Vec::with_capacity(part.len());
            for id in part {
                sent.push(backfill::send(&compiled, id, group)?);
            }
            let queued: usize = sent.iter().map(|sent| sent.postbacks.len()).sum();
            let note = Note::new("rule.backfill", chosen.id.to_string());
            audit(group, &actor, note.detail(format!("{queued} postbacks")))?;
            Ok(sent)
        });
        for sent in done.await?? {
            job.count(sent.code, 1);
            waiting.extend(sent.postbacks);
        }
    }
    Ok(())
}

/// Waits until the receiver has taken enough of what was queued.
async fn wait_for_room(
    recorder: &Recorder,
    job: &Job,
    waiting: &mut Vec<PostbackId>,
) -> Result<(), AdminError> {
    let mut moved_at = Instant::now();
    loop {
        job.may_go_on()?;
        if waiting.len() < ROOM {
            return Ok(());
        }
        let before = waiting.len();
        let mut left = Vec::with_capacity(before);
        for id in waiting.drain(..) {
            if recorder.reader().load(&keys::waiting(id))?.is_some() {
                left.push(id);
            }
        }
        *waiting = left;
        if waiting.len() < before {
            moved_at = Instant::now();
        } else if moved_at.elapsed() >= PATIENCE {
            return Err(AdminError::State {
                code: "receiver_stands",
                message: format!(
                    "the receiver has taken none of {before} postbacks for 10 minutes: see the queue, then send the rest again"
                ),
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Gives up what waits and was never tried; a later back-fill may send it.
async fn give_up(
    recorder: &Recorder,
    waiting: Vec<PostbackId>,
    actor: &Actor,
    job: &Job,
) -> Result<(), AdminError> {
    for part in waiting.chunks(OF_COMMIT) {
        let (part, actor) = (part.to_vec(), actor.clone());
        let done = recorder.try_run(move |group| -> Result<usize, StoreError> {
            let mut given_up = 0;
            for id in part {
                let waits = group.load(&keys::waiting(id))?;
                if waits.is_some_and(|postback| postback.last.is_none()) {
                    given_up += usize::from(resend::cancel(group, id)?);
                }
            }
            audit(
                group,
                &actor,
                Note::new("postback.cancel", format!("{given_up} postbacks")),
            )?;
            Ok(given_up)
        });
        job.note("given_up", done.await??);
    }
    Ok(())
}
