//! Counters that are there before anything has happened: an alert on the growth of one that does not exist is silent.

use super::EngagementResult;
use crate::domain::activity::{ActivityKind, RefusalReason};
use crate::domain::postback::FailReason;
use metrics::counter;
use strum::{VariantArray, VariantNames};

/// Counters without labels.
const BARE: &[&str] = &[
    "yamabiko_parameters_cut_total",
    "yamabiko_link_names_refused_total",
    "yamabiko_postbacks_created_total",
];

/// Counters with one label, and the values that it takes.
const LABELLED: &[(&str, &str, &[&str])] = &[
    ("yamabiko_clicks_total", "result", EngagementResult::VARIANTS),
    ("yamabiko_impressions_total", "result", EngagementResult::VARIANTS),
    (
        "yamabiko_attempts_total",
        "outcome",
        &["delivered", "answered", "error"],
    ),
    ("yamabiko_refusals_total", "reason", RefusalReason::VARIANTS),
    ("yamabiko_postbacks_failed_total", "reason", FailReason::VARIANTS),
    (
        "yamabiko_certificate_orders_total",
        "result",
        &["issued", "failed"],
    ),
    ("yamabiko_logins_total", "result", &["ok", "wrong", "throttled"]),
];

const ACTIVITIES: &[&str] = &["accepted", "duplicate", "refused", "invalid", "unavailable"];
const CHANNELS: &[&str] = &["email", "webhook", "line"];
const ALERTS: &[&str] = &["sent", "failed", "dropped"];

/// Sets them to zero.
pub(super) fn begin() {
    for name in BARE {
        counter!(*name).increment(0);
    }
    for (name, label, values) in LABELLED {
        for value in *values {
            counter!(*name, *label => *value).increment(0);
        }
    }
    for kind in ActivityKind::VARIANTS {
        for result in ACTIVITIES {
            counter!("yamabiko_activities_total", "kind" => kind.as_str(), "result" => *result).increment(0);
        }
    }
    for channel in CHANNELS {
        for result in ALERTS {
            counter!("yamabiko_alerts_total", "channel" => *channel, "result" => *result).increment(0);
        }
    }
}
