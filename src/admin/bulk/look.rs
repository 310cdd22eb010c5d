//! The look before a decision: what it would change, how much money that is, and how many postbacks it makes.

use super::lines::Mapping;
use super::{DecisionRequest, Fate, HOLD_MS, OF_COMMIT, Of, Pick, decide, pick};
use crate::admin::AdminError;
use crate::admin::upload::LineError;
use crate::domain::activity::{Activity, ConversionStatus};
use crate::domain::ids::ActivityId;
use crate::domain::money::Money;
use crate::domain::stats::Sums;
use crate::recorder::{Group, Recorder};
use crate::store::keys;
use serde::Serialize;
use std::collections::BTreeMap;

/// Lines that are shown; those that do not change stand first.
const MOST_SHOWN: usize = 200;

/// What a decision would do.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct Look {
    /// Conversions and order numbers that were named.
    pub total: usize,
    /// How many by result: `changed`, `unchanged`, `unknown_order`, `ambiguous_order`, `unknown_conversion`,
    /// `not_a_conversion`.
    pub results: BTreeMap<&'static str, usize>,
    /// What is to be approved.
    pub approved: LookSums,
    /// What is to be rejected.
    pub rejected: LookSums,
    /// What is to be put back to pending.
    pub pending: LookSums,
    /// Postbacks that it makes.
    pub postbacks: usize,
    /// Some of them; those that do not change first.
    pub lines: Vec<LookLine>,
    /// Headings of the table.
    pub columns: Vec<String>,
    /// Which column is what; `null` for a list, or when it has to be told.
    pub mapping: Option<Mapping>,
    /// Words for statuses that have to be explained.
    pub unknown_words: Vec<String>,
    /// Order numbers that were named again.
    pub repeated: usize,
    /// Lines that were left out.
    pub skipped: usize,
    /// Lines with mistakes; with one nothing can be decided.
    pub errors: Vec<LineError>,
}

/// Conversions that would change to one status.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct LookSums {
    /// How many.
    pub count: usize,
    /// Their amounts, by currency.
    pub money: Vec<Money>,
    /// Their payouts, by currency.
    pub payout: Vec<Money>,
}

/// One conversion or order number.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LookLine {
    /// Line of the text, or place among those chosen, from 1.
    pub line: u64,
    /// The order number.
    pub order: Option<String>,
    /// The conversion.
    pub id: Option<ActivityId>,
    /// `changed`, `unchanged`, ...
    pub result: &'static str,
    /// Its status now.
    pub before: Option<ConversionStatus>,
    /// Its status after.
    pub after: ConversionStatus,
    /// Why it is rejected.
    pub reason: Option<String>,
    /// Its amount.
    pub money: Option<Money>,
    /// Its payout.
    pub payout: Option<Money>,
}

#[derive(Default)]
struct Adding {
    look: Look,
    changed: Vec<LookLine>,
    money: BTreeMap<ConversionStatus, (Sums, Sums)>,
}

/// Says what a decision would do, and does nothing.
///
/// # Errors
/// The text cannot be read, or the store.
pub async fn look(
    recorder: &Recorder,
    request: DecisionRequest,
    found: Option<Vec<ActivityId>>,
) -> Result<Look, AdminError> {
    let picked = pick(request, found, recorder)?;
    let mut adding = Adding::default();
    for part in picked.picks.chunks(OF_COMMIT) {
        let (part, target) = (part.to_vec(), picked.target.clone());
        let seen = recorder.try_run(move |group| {
            let seen = see(&part, target.as_ref(), group);
            group.discard();
            seen
        });
        seen.await??.into_iter().for_each(|seen| adding.add(seen));
    }
    let lines = picked.lines;
    let mut look = adding.finish();
    look.total = picked.picks.len();
    (look.columns, look.mapping, look.errors) = (lines.columns, lines.mapping, lines.errors);
    (look.unknown_words, look.repeated, look.skipped) = (lines.unknown_words, lines.repeated, lines.skipped);
    Ok(look)
}

struct Seen {
    line: LookLine,
    postbacks: usize,
}

fn see(
    part: &[Pick],
    target: Option<&(crate::domain::ids::OfferId, crate::domain::ids::EventToken)>,
    group: &mut Group<'_>,
) -> Result<Vec<Seen>, AdminError> {
    part.iter()
        .map(|pick| {
            let fate = decide(pick, target, HOLD_MS, "look", group)?;
            let update = match fate.update {
                Some(update) => group.load(&keys::activity(update))?,
                None => None,
            };
            Ok(Seen {
                postbacks: update.map_or(0, |update| postbacks(&update)),
                line: line(pick, fate),
            })
        })
        .collect()
}

/// Postbacks of an activity that are sent by themselves.
fn postbacks(update: &Activity) -> usize {
    let made = update.rules.iter();
    made.filter(|rule| rule.postback.is_some() && rule.skipped.is_none())
        .count()
}

fn line(pick: &Pick, fate: Fate) -> LookLine {
    let before = fate.before;
    LookLine {
        line: pick.line,
        order: match &pick.of {
            Of::Order(order) => Some(order.clone()),
            Of::Id(_) => before.as_ref().and_then(|a| a.input.uids.first().cloned()),
        },
        id: match &pick.of {
            Of::Id(id) => Some(*id),
            Of::Order(_) => before.as_ref().map(|a| a.id),
        },
        result: fate.code,
        before: before.as_ref().and_then(|a| a.status),
        after: pick.status,
        reason: pick.reason.clone(),
        money: before.as_ref().and_then(|a| a.money),
        payout: before.and_then(|a| a.payout),
    }
}

impl Adding {
    fn add(&mut self, seen: Seen) {
        let Seen { line, postbacks } = seen;
        *self.look.results.entry(line.result).or_default() += 1;
        self.look.postbacks += postbacks;
        if line.result != "changed" {
            if self.look.lines.len() < MOST_SHOWN {
                self.look.lines.push(line);
            }
            return;
        }
        let sums = match line.after {
            ConversionStatus::Approved => &mut self.look.approved,
            ConversionStatus::Rejected => &mut self.look.rejected,
            ConversionStatus::Pending => &mut self.look.pending,
        };
        sums.count += 1;
        let (money, payout) = self.money.entry(line.after).or_default();
        line.money.into_iter().for_each(|own| money.add(own));
        line.payout.into_iter().for_each(|own| payout.add(own));
        if self.changed.len() < MOST_SHOWN {
            self.changed.push(line);
        }
    }

    fn finish(self) -> Look {
        let Self {
            mut look,
            changed,
            money,
        } = self;
        for (status, (money, payout)) in money {
            let sums = match status {
                ConversionStatus::Approved => &mut look.approved,
                ConversionStatus::Rejected => &mut look.rejected,
                ConversionStatus::Pending => &mut look.pending,
            };
            sums.money = crate::reports::stats::money(&money);
            sums.payout = crate::reports::stats::money(&payout);
        }
        let room = MOST_SHOWN.saturating_sub(look.lines.len());
        look.lines.extend(changed.into_iter().take(room));
        look
    }
}
