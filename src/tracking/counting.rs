//! Adds activities to the statistics: in the rows of their session, in the bucket of their receipt.

use crate::domain::activity::{Activity, RefusalReason};
use crate::domain::stats::{Bucket, Counters, Dimension, Environment, StatKey};
use crate::recorder::Group;
use crate::telemetry;
use crate::tracking::engagement;

/// Adds to every row of an activity.
pub(super) fn count(activity: &Activity, counters: &Counters, group: &mut Group<'_>) {
    let dimensions = match &activity.session {
        Some(session) => engagement::dimensions(session).to_vec(),
        None => vec![Dimension::All],
    };
    for dimension in dimensions {
        group.count(row(activity, dimension), counters.clone());
    }
}

/// Counts an activity that does not count, by its reason.
pub(super) fn count_refusal(activity: &Activity, reason: RefusalReason, group: &mut Group<'_>) {
    let mut counters = Counters::default();
    counters.add_refusal(reason);
    group.count(row(activity, Dimension::All), counters);
    if !activity.is_test {
        group.on_durable(Box::new(move |recorded| {
            if recorded.is_ok() {
                telemetry::refusal(reason.code());
            }
        }));
    }
}

fn row(activity: &Activity, dimension: Dimension) -> StatKey {
    StatKey {
        bucket: Bucket::of(activity.id.at_ms()),
        environment: Environment::of(activity.is_test),
        offer: activity.offer.clone(),
        link: activity.session.as_ref().map(|session| session.link.clone()),
        event: activity.event.clone(),
        dimension,
    }
}
