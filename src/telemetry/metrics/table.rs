//! The one table of every metric: name, kind, labels, unit and meaning.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// A state.
    Gauge,
    /// A distribution, with the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// A metric as `/metrics` tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// `yamabiko_...`, ending in the unit and, for counters, `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Unit and meaning.
    pub help: &'static str,
}

const SYNC_BUCKETS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];
const EXCHANGE_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
const GROUP_BUCKETS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

const fn of(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        help,
    }
}

use MetricKind::{Counter, Gauge, Histogram};

/// Every metric of the program.
pub const METRICS: &[Metric] = &[
    of(
        "yamabiko_info",
        Gauge,
        &["version"],
        "Always 1; the label is the version.",
    ),
    of(
        "yamabiko_start_time_seconds",
        Gauge,
        &[],
        "Unix seconds of the start.",
    ),
    of(
        "yamabiko_clicks_total",
        Counter,
        &["result"],
        "Clicks by result: recorded, spooled, unknown_link, too_long, lost.",
    ),
    of(
        "yamabiko_impressions_total",
        Counter,
        &["result"],
        "Impressions by result, as for clicks.",
    ),
    of(
        "yamabiko_activities_total",
        Counter,
        &["kind", "result"],
        "Conversions and other activities by kind and result: accepted, duplicate, refused, invalid, unavailable.",
    ),
    of(
        "yamabiko_refusals_total",
        Counter,
        &["reason"],
        "Activities that were kept and do not count, by reason.",
    ),
    of(
        "yamabiko_refusals_not_kept_total",
        Counter,
        &[],
        "Of these, those that were counted only: the room of their day is used up.",
    ),
    of(
        "yamabiko_throttled_total",
        Counter,
        &[],
        "Conversions and app requests that came too often and were answered 429.",
    ),
    of(
        "yamabiko_unknown_sids_total",
        Counter,
        &[],
        "Conversions with a SID that does not exist.",
    ),
    of(
        "yamabiko_noted_total",
        Counter,
        &["code"],
        "Oddities of clicks and activities that were taken all the same, by the code of the note.",
    ),
    of(
        "yamabiko_requests_unread_total",
        Counter,
        &["code"],
        "Requests that were refused before anything of them was looked at, by code: unreadable_request, slow_request, head_too_large, http2_reset.",
    ),
    of(
        "yamabiko_request_lines_mended_total",
        Counter,
        &[],
        "Requests whose URL held bytes that no URL may hold, taken as if they were percent-encoded.",
    ),
    of(
        "yamabiko_parameters_cut_total",
        Counter,
        &[],
        "Parameters of requests cut or left out for their size or number.",
    ),
    of(
        "yamabiko_link_names_refused_total",
        Counter,
        &[],
        "Clicks and impressions whose campaign, adgroup and creative became unknown: the link has as many combinations as it may.",
    ),
    of(
        "yamabiko_postbacks_created_total",
        Counter,
        &[],
        "Postbacks queued.",
    ),
    of(
        "yamabiko_attempts_total",
        Counter,
        &["outcome"],
        "Attempts by outcome: delivered, or the class of the failure.",
    ),
    of(
        "yamabiko_destination_attempts_total",
        Counter,
        &["destination", "outcome"],
        "Attempts by destination (the first 200 have a series of their own) and outcome: delivered, answered, error.",
    ),
    of(
        "yamabiko_http_requests_total",
        Counter,
        &["endpoint", "code"],
        "Requests by the first segment of their address and the class of the answer's status.",
    ),
    of(
        "yamabiko_http_request_duration_seconds",
        Histogram(EXCHANGE_BUCKETS),
        &["endpoint"],
        "Seconds from a request's head to the head of its answer.",
    ),
    of(
        "yamabiko_attempt_seconds",
        Histogram(EXCHANGE_BUCKETS),
        &[],
        "Seconds of an exchange with a receiver.",
    ),
    of(
        "yamabiko_postbacks_failed_total",
        Counter,
        &["reason"],
        "Postbacks given up, by reason.",
    ),
    of(
        "yamabiko_postbacks_waiting",
        Gauge,
        &[],
        "Postbacks that wait to be sent or sent again.",
    ),
    of(
        "yamabiko_postbacks_in_flight",
        Gauge,
        &[],
        "Postbacks on the wire.",
    ),
    of(
        "yamabiko_alerts_total",
        Counter,
        &["channel", "result"],
        "Alert messages by channel (email, webhook, line) and result: sent, failed, dropped.",
    ),
    of(
        "yamabiko_lanes",
        Gauge,
        &["state"],
        "Destinations by state: closed, open (the breaker holds them back), paused (they asked for it).",
    ),
    of(
        "yamabiko_oldest_due_age_seconds",
        Gauge,
        &[],
        "Seconds that the oldest postback is overdue, of those whose destination may be called now.",
    ),
    of(
        "yamabiko_recorder_queue",
        Gauge,
        &[],
        "Commands that wait for the recorder.",
    ),
    of(
        "yamabiko_group_commands",
        Histogram(GROUP_BUCKETS),
        &[],
        "Commands in one commit.",
    ),
    of(
        "yamabiko_journal_sync_seconds",
        Histogram(SYNC_BUCKETS),
        &[],
        "Seconds of one journal write and sync.",
    ),
    of(
        "yamabiko_journal_bytes",
        Gauge,
        &[],
        "Bytes of all journal segments.",
    ),
    of(
        "yamabiko_store_state",
        Gauge,
        &["state"],
        "1 for the state that the store is in, 0 for the others.",
    ),
    of(
        "yamabiko_spool_clicks",
        Gauge,
        &[],
        "Clicks in memory that wait for the store.",
    ),
    of(
        "yamabiko_disk_free_bytes",
        Gauge,
        &[],
        "Free bytes where the data is kept.",
    ),
    of(
        "yamabiko_backup_age_seconds",
        Gauge,
        &[],
        "Seconds since the last scheduled backup was made; absent without a schedule or before the first one.",
    ),
    of(
        "yamabiko_backup_failing",
        Gauge,
        &[],
        "1 while the scheduled backup fails or is overdue.",
    ),
    of(
        "yamabiko_stream_batches_total",
        Counter,
        &["result"],
        "Batches of the stream by result: taken, failed.",
    ),
    of(
        "yamabiko_stream_rows_total",
        Counter,
        &[],
        "Rows that the receiver of the stream took.",
    ),
    of(
        "yamabiko_stream_lag_seconds",
        Gauge,
        &[],
        "Age of the oldest row that the receiver of the stream has not taken.",
    ),
    of(
        "yamabiko_archive_behind_seconds",
        Gauge,
        &[],
        "For how long the oldest commit that is not in the archive has waited; absent without an archive.",
    ),
    of(
        "yamabiko_archive_waiting_commits",
        Gauge,
        &[],
        "Commits that are not in the archive yet.",
    ),
    of(
        "yamabiko_archive_failing",
        Gauge,
        &[],
        "1 while somebody should look at the archive.",
    ),
    of(
        "yamabiko_archive_fenced",
        Gauge,
        &[],
        "1 when another server has taken the place of this one.",
    ),
    of(
        "yamabiko_archive_day_requests",
        Gauge,
        &[],
        "Requests to the bucket in the last 24 hours.",
    ),
    of(
        "yamabiko_archive_day_sent_bytes",
        Gauge,
        &[],
        "Bytes sent to the bucket in the last 24 hours.",
    ),
    of(
        "yamabiko_certificate_not_after_timestamp_seconds",
        Gauge,
        &["name"],
        "Unix seconds until which the certificate of a name is good.",
    ),
    of(
        "yamabiko_certificate_orders_total",
        Counter,
        &["result"],
        "Orders of certificates by result: issued, failed.",
    ),
    of(
        "yamabiko_visitors",
        Gauge,
        &[],
        "Devices that are remembered, all apps together.",
    ),
    of("yamabiko_live_viewers", Gauge, &[], "Viewers of the live stream."),
    of(
        "yamabiko_logins_total",
        Counter,
        &["result"],
        "Logins by result: ok, wrong, throttled.",
    ),
];
