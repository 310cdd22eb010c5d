//! Sent and taken: per partner and day, the conversions that its rules heard, what was sent, taken, refused and skipped,
//! with reasons, and what waits. Read from the records themselves, newest first, within a budget.

use super::page::Budget;
use super::scan::{self, End, Window};
use super::stats::{Asked, StatsQuery};
use super::{ReportError, View};
use crate::domain::activity::{Activity, ActivityKind, Verdict};
use crate::domain::ids::PartnerId;
use crate::domain::postback::{FailReason, Origin, Postback, PostbackState};
use crate::domain::rule::RuleScope;
use crate::store::{Db, Record, StoreError, keys};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// Records of each kind that are read for one report.
const MOST_RECORDS: usize = 300_000;
/// Time spent on each kind.
const MOST_TIME: Duration = Duration::from_secs(4);

/// What is reported.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TakenQuery {
    /// First millisecond.
    pub from_ms: i64,
    /// First millisecond that is not in it.
    pub to_ms: i64,
    /// IANA time zone of days; that of the settings when left out.
    pub time_zone: Option<String>,
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only of this offer.
    pub offer: Option<String>,
}

/// A reason with how often it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReasonCount {
    /// Stable code.
    pub code: String,
    /// How often.
    pub count: i64,
}

/// One partner on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TakenRow {
    /// `2026-11-29`.
    pub day: String,
    /// The partner; `null` for the advertiser's own servers.
    pub partner: Option<PartnerId>,
    /// Its name.
    pub name: String,
    /// Conversions that its rules heard, whether they sent something or not.
    pub conversions: i64,
    /// Postbacks of which at least one request went out.
    pub sent: i64,
    /// Of these taken by the partner.
    pub taken: i64,
    /// Postbacks that ended otherwise, by reason, the commonest first.
    pub refused: Vec<ReasonCount>,
    /// What rules did not send, by reason, the commonest first.
    pub skipped: Vec<ReasonCount>,
    /// Postbacks that wait.
    pub waiting: i64,
}

/// What was sent and taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Taken {
    /// Newest day first, then by name.
    pub rows: Vec<TakenRow>,
    /// The time zone of days.
    pub time_zone: String,
    /// There was more than is read for one report; what is older than this is missing, unix milliseconds.
    pub complete_from_ms: Option<i64>,
}

#[derive(Default)]
struct Counts {
    conversions: i64,
    sent: i64,
    taken: i64,
    waiting: i64,
    refused: BTreeMap<String, i64>,
    skipped: BTreeMap<String, i64>,
}

struct Adding<'a> {
    view: &'a View,
    query: &'a TakenQuery,
    zone: TimeZone,
    rows: BTreeMap<(String, Option<PartnerId>), Counts>,
}

/// What was sent and taken, by partner and day.
pub fn taken(view: &View, query: TakenQuery) -> Result<Taken, ReportError> {
    let of_days = StatsQuery {
        from_ms: query.from_ms,
        to_ms: query.to_ms,
        group_by: None,
        time_zone: query.time_zone.clone(),
        offer: None,
        partner: None,
        link: None,
        event: None,
        environment: None,
        compare: None,
        currency: None,
    };
    let asked = Asked::new(of_days, &view.catalog.settings.time_zone)?;
    let window = Window::new(Some(query.from_ms), Some(query.to_ms), None)?;
    let mut adding = Adding {
        view,
        query: &query,
        zone: asked.zone.clone(),
        rows: BTreeMap::new(),
    };
    let ends = [
        adding.activities(window)?,
        adding.settled(window)?,
        adding.waiting(window)?,
    ];
    let complete_from_ms = ends.iter().filter_map(|end| match end {
        End::OutOfBudget(id) => Some(id.at_ms()),
        End::Exhausted | End::Enough(_) => None,
    });
    let complete_from_ms = complete_from_ms.max();
    let mut rows: Vec<TakenRow> = adding
        .rows
        .into_iter()
        .map(|(key, counts)| row(view, key, counts))
        .collect();
    rows.sort_by(|a, b| b.day.cmp(&a.day).then_with(|| a.name.cmp(&b.name)));
    Ok(Taken {
        rows,
        time_zone: asked.zone.iana_name().unwrap_or("UTC").to_owned(),
        complete_from_ms,
    })
}

impl Adding<'_> {
    fn is_wanted(&self, partner: Option<&PartnerId>, offer: Option<&str>) -> bool {
        let query = self.query;
        let is_of_partner = |wanted: &String| partner.is_some_and(|own| own.as_str() == wanted);
        let is_of_offer = |wanted: &String| offer == Some(wanted.as_str());
        self.view.scope.sees(partner)
            && query.partner.as_ref().is_none_or(is_of_partner)
            && query.offer.as_ref().is_none_or(is_of_offer)
    }

    fn at(&mut self, at_ms: i64, partner: Option<&PartnerId>) -> &mut Counts {
        let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
        let day = at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d").to_string();
        self.rows.entry((day, partner.cloned())).or_default()
    }

    fn activities(&mut self, window: Window) -> Result<End, StoreError> {
        let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
        scan::each(&self.view.reader, window, &mut budget, |activity: Activity| {
            self.add_activity(&activity);
        })
    }

    fn add_activity(&mut self, activity: &Activity) {
        let is_conversion = matches!(
            activity.kind,
            ActivityKind::Event | ActivityKind::EventUpdate | ActivityKind::Install
        );
        if activity.is_test || activity.verdict != Verdict::Accepted || !is_conversion {
            return;
        }
        let catalog = self.view.catalog.clone();
        let offer = activity.offer.as_ref().map(|offer| offer.as_str().to_owned());
        let mut heard: Vec<Option<&PartnerId>> = Vec::new();
        for outcome in &activity.rules {
            let Origin::Rule(rule) = &outcome.origin else {
                continue;
            };
            let Some(rule) = catalog.rule(rule) else { continue };
            let partner = match &rule.scope {
                RuleScope::Partner { partner, .. } => Some(partner),
                RuleScope::Offer { .. } => None,
            };
            if !self.is_wanted(partner, offer.as_deref()) {
                continue;
            }
            let counts = self.at(activity.id.at_ms(), partner);
            if let (Some(reason), None) = (&outcome.skipped, outcome.postback) {
                *counts.skipped.entry(reason.clone()).or_default() += 1;
            }
            if !heard.contains(&partner) {
                heard.push(partner);
                counts.conversions += 1;
            }
        }
    }

    fn settled(&mut self, window: Window) -> Result<End, StoreError> {
        let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
        scan::each(&self.view.reader, window, &mut budget, |postback: Postback| {
            self.add_postback(&postback);
        })
    }

    fn waiting(&mut self, window: Window) -> Result<End, StoreError> {
        let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
        let reader = &self.view.reader;
        let parse = |key: &[u8]| keys::parse_waiting(key).map(|id| id.0);
        let at = |id| keys::waiting(crate::domain::ids::PostbackId(id));
        let prefix = keys::waiting_prefix();
        scan::newest_hot(
            reader,
            &prefix,
            parse,
            at,
            window,
            &mut budget,
            |_, key, value| {
                self.add_postback(&Postback::decode(value, Db::Hot, key)?);
                Ok(ControlFlow::Continue(()))
            },
        )
    }

    /// A second look counts with the postback that it is about.
    fn add_postback(&mut self, postback: &Postback) {
        let partner = postback.partner.as_ref();
        let is_counted = !postback.is_test && postback.looks_at.is_none();
        if !is_counted || !self.is_wanted(partner, Some(postback.offer.as_str())) {
            return;
        }
        let counts = self.at(postback.created_at_ms, partner);
        counts.sent += i64::from(postback.last.is_some());
        match postback.state {
            PostbackState::Waiting { .. } => counts.waiting += 1,
            PostbackState::Delivered { .. } => counts.taken += 1,
            PostbackState::Failed { reason, .. } if postback.last.is_none() && is_skip(reason) => {
                *counts.skipped.entry(reason.code().to_owned()).or_default() += 1;
            }
            PostbackState::Failed { reason, .. } => {
                *counts.refused.entry(reason.code().to_owned()).or_default() += 1;
            }
        }
    }
}

/// Whether a postback that was never tried ended because it was not to be sent.
fn is_skip(reason: FailReason) -> bool {
    use FailReason as R;
    matches!(reason, R::NoClickId | R::TooOld | R::NoAddress)
}

fn row(view: &View, (day, partner): (String, Option<PartnerId>), counts: Counts) -> TakenRow {
    let named = partner.as_ref().map(|id| {
        let known = view.catalog.partners.get(id);
        known.map_or_else(|| id.to_string(), |partner| partner.name.clone())
    });
    TakenRow {
        day,
        partner,
        name: named.unwrap_or_default(),
        conversions: counts.conversions,
        sent: counts.sent,
        taken: counts.taken,
        refused: reasons(counts.refused),
        skipped: reasons(counts.skipped),
        waiting: counts.waiting,
    }
}

fn reasons(counts: BTreeMap<String, i64>) -> Vec<ReasonCount> {
    let mut reasons: Vec<ReasonCount> = counts
        .into_iter()
        .map(|(code, count)| ReasonCount { code, count })
        .collect();
    reasons.sort_by_key(|reason| Reverse(reason.count));
    reasons
}
