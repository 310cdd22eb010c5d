//! Every metric of the program in one table, the functions that count, and their text for Prometheus.

use super::TelemetryError;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use std::time::Duration;

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

/// Result of a click or impression, for its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngagementResult {
    /// Durable.
    Recorded,
    /// Waits in memory for the store.
    Spooled,
    /// Answered 404.
    UnknownLink,
    /// Answered 413 or 414.
    TooLong,
    /// The spool was full.
    Lost,
}

impl EngagementResult {
    fn label(self) -> &'static str {
        match self {
            EngagementResult::Recorded => "recorded",
            EngagementResult::Spooled => "spooled",
            EngagementResult::UnknownLink => "unknown_link",
            EngagementResult::TooLong => "too_long",
            EngagementResult::Lost => "lost",
        }
    }
}

/// Result of an activity, for its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityResult {
    /// Counts.
    Accepted,
    /// Known already.
    Duplicate,
    /// Kept with a reason.
    Refused,
    /// Answered 4xx.
    Invalid,
    /// Answered 503.
    Unavailable,
}

impl ActivityResult {
    fn label(self) -> &'static str {
        match self {
            ActivityResult::Accepted => "accepted",
            ActivityResult::Duplicate => "duplicate",
            ActivityResult::Refused => "refused",
            ActivityResult::Invalid => "invalid",
            ActivityResult::Unavailable => "unavailable",
        }
    }
}

/// Counts a click.
pub fn click(result: EngagementResult) {
    counter!("yamabiko_clicks_total", "result" => result.label()).increment(1);
}

/// Counts an impression.
pub fn impression(result: EngagementResult) {
    counter!("yamabiko_impressions_total", "result" => result.label()).increment(1);
}

/// Counts an activity of `kind` (as in JSON: `install`, `event`).
pub fn activity(kind: &'static str, result: ActivityResult) {
    counter!("yamabiko_activities_total", "kind" => kind, "result" => result.label()).increment(1);
}

/// Counts a refusal by its reason's code.
pub fn refusal(reason: &'static str) {
    counter!("yamabiko_refusals_total", "reason" => reason).increment(1);
}

/// Counts parameters that were cut or left out.
pub fn parameters_cut(count: u64) {
    counter!("yamabiko_parameters_cut_total").increment(count);
}

/// Counts an engagement whose names below the link were not taken.
pub fn link_name_refused() {
    counter!("yamabiko_link_names_refused_total").increment(1);
}

/// Counts postbacks that were queued.
pub fn postbacks_created(count: u64) {
    counter!("yamabiko_postbacks_created_total").increment(count);
}

/// Counts an attempt by its outcome's code, with the time it took.
pub fn attempt(outcome: &'static str, took: Duration) {
    counter!("yamabiko_attempts_total", "outcome" => outcome).increment(1);
    histogram!("yamabiko_attempt_seconds").record(took.as_secs_f64());
}

/// Counts a postback that is given up, by its reason's code.
pub fn postback_failed(reason: &'static str) {
    counter!("yamabiko_postbacks_failed_total", "reason" => reason).increment(1);
}

/// The queue as the scheduler sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueGauges {
    /// Waiting postbacks.
    pub waiting: u64,
    /// Postbacks on the wire.
    pub in_flight: u64,
    /// Lanes that may send.
    pub lanes_closed: u64,
    /// Lanes whose breaker holds them back.
    pub lanes_open: u64,
    /// Lanes that asked to be left alone for a while.
    pub lanes_paused: u64,
    /// Milliseconds that the oldest sendable postback is overdue.
    pub oldest_due_age_ms: u64,
}

/// Sets the gauges of the queue.
pub fn queue(now: QueueGauges) {
    gauge!("yamabiko_postbacks_waiting").set(float(now.waiting));
    gauge!("yamabiko_postbacks_in_flight").set(float(now.in_flight));
    gauge!("yamabiko_lanes", "state" => "closed").set(float(now.lanes_closed));
    gauge!("yamabiko_lanes", "state" => "open").set(float(now.lanes_open));
    gauge!("yamabiko_lanes", "state" => "paused").set(float(now.lanes_paused));
    gauge!("yamabiko_oldest_due_age_seconds").set(float(now.oldest_due_age_ms) / 1000.0);
}

/// Sets how many commands wait for the recorder.
pub fn recorder_queue(waiting: u64) {
    gauge!("yamabiko_recorder_queue").set(float(waiting));
}

/// Records one commit: its commands, and the time of write and sync.
pub fn commit(commands: u64, sync: Duration) {
    histogram!("yamabiko_group_commands").record(float(commands));
    histogram!("yamabiko_journal_sync_seconds").record(sync.as_secs_f64());
}

/// Sets how many devices are remembered.
pub fn visitors(count: u64) {
    gauge!("yamabiko_visitors").set(float(count));
}

/// Sets the size of the journal.
pub fn journal_bytes(bytes: u64) {
    gauge!("yamabiko_journal_bytes").set(float(bytes));
}

/// Sets the store's state: 1 for `current`, 0 for the rest of `all`.
pub fn store_state(all: &[&'static str], current: &str) {
    for state in all {
        gauge!("yamabiko_store_state", "state" => *state).set(f64::from(u8::from(*state == current)));
    }
}

/// Sets how many clicks wait in memory.
pub fn spool_clicks(waiting: u64) {
    gauge!("yamabiko_spool_clicks").set(float(waiting));
}

/// Sets the free space where the data is kept.
pub fn disk_free(bytes: u64) {
    gauge!("yamabiko_disk_free_bytes").set(float(bytes));
}

/// Sets how many viewers follow the live stream.
pub fn live_viewers(viewers: u64) {
    gauge!("yamabiko_live_viewers").set(float(viewers));
}

/// Counts an alert message by channel and result: `sent`, `failed`, `dropped`.
pub fn alert(channel: &'static str, result: &'static str) {
    counter!("yamabiko_alerts_total", "channel" => channel, "result" => result).increment(1);
}

/// Counts a login by its result: `ok`, `wrong`, `throttled`.
pub fn login(result: &'static str) {
    counter!("yamabiko_logins_total", "result" => result).increment(1);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus knows floats only; 2^53 bytes are 8 PiB"
)]
fn float(count: u64) -> f64 {
    count as f64
}

fn seconds(at_ms: i64) -> f64 {
    float(u64::try_from(at_ms).unwrap_or(0)) / 1000.0
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// Sets the metrics of this process up; called again, it gives the same ones.
///
/// # Errors
/// When somebody else's recorder is in place.
pub fn install_metrics(started_at_ms: i64) -> Result<Metrics, TelemetryError> {
    let mut installed = INSTALLED.lock();
    if let Some(metrics) = installed.as_ref() {
        return Ok(metrics.clone());
    }
    let recorder = builder()?.build_recorder();
    let metrics = Metrics {
        handle: recorder.handle(),
    };
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::SecondRecorder)?;
    describe(started_at_ms);
    *installed = Some(metrics.clone());
    Ok(metrics)
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), buckets)?;
        }
    }
    Ok(builder)
}

fn describe(started_at_ms: i64) {
    gauge!("yamabiko_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("yamabiko_start_time_seconds").set(seconds(started_at_ms));
    for metric in METRICS {
        match metric.kind {
            Counter => describe_counter!(metric.name, metric.help),
            Gauge => describe_gauge!(metric.name, metric.help),
            Histogram(_) => describe_histogram!(metric.name, metric.help),
        }
    }
}

impl Metrics {
    /// The text of `/metrics` (Prometheus exposition format 0.0.4).
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded values; to be called every few seconds, or memory grows between two scrapes.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts everything once; a metric that is in the table and nowhere counted fails below.
    fn count_everything() {
        click(EngagementResult::Recorded);
        impression(EngagementResult::Lost);
        activity("event", ActivityResult::Accepted);
        refusal("unknown_session");
        parameters_cut(2);
        link_name_refused();
        postbacks_created(3);
        attempt("delivered", Duration::from_millis(12));
        postback_failed("expired");
        queue(QueueGauges {
            waiting: 7,
            oldest_due_age_ms: 1500,
            ..QueueGauges::default()
        });
        recorder_queue(4);
        commit(20, Duration::from_micros(700));
        journal_bytes(1);
        store_state(&["ready", "down"], "ready");
        spool_clicks(5);
        visitors(6);
        disk_free(1 << 40);
        live_viewers(1);
        login("wrong");
        alert("email", "sent");
    }

    #[test]
    fn every_metric_of_the_table_is_counted_described_and_nothing_else_is() {
        let recorder = builder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe(1_700_000_000_000);
            count_everything();
        });
        let metrics = Metrics {
            handle: recorder.handle(),
        };
        metrics.upkeep();
        let text = metrics.render();
        for metric in METRICS {
            assert!(
                text.contains(&format!("# HELP {} ", metric.name)),
                "{} is not described",
                metric.name
            );
            let samples: Vec<&str> = text
                .lines()
                .filter(|l| !l.starts_with('#') && l.starts_with(metric.name))
                .collect();
            assert!(!samples.is_empty(), "{} is counted nowhere", metric.name);
            for label in metric.labels {
                assert!(
                    samples.iter().all(|s| s.contains(&format!("{label}=\""))),
                    "{samples:?}"
                );
            }
        }
        for line in text.lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
            let name = line.split(' ').next().unwrap();
            assert!(
                METRICS.iter().any(|m| m.name == name),
                "{name} is not in the table"
            );
        }
        assert!(text.contains("yamabiko_oldest_due_age_seconds 1.5"));
        assert!(text.contains("yamabiko_journal_sync_seconds_bucket{le=\"0.001\"} 1"));
        assert!(text.contains("yamabiko_store_state{state=\"down\"} 0"));
    }

    #[test]
    fn a_process_has_one_set_of_metrics() {
        let first = install_metrics(1_700_000_000_000).unwrap();
        let second = install_metrics(0).unwrap();
        login("ok");
        // Other tests of this process may have come first; then theirs are the ones.
        let start = |text: &str| {
            text.lines()
                .find(|l| l.starts_with("yamabiko_start_time_seconds "))
                .map(str::to_owned)
        };
        let (first, second) = (first.render(), second.render());
        assert_eq!(start(&first), start(&second));
        for text in [first, second] {
            assert!(text.contains("yamabiko_logins_total{result=\"ok\"}"), "{text}");
        }
    }

    #[test]
    fn names_follow_the_conventions() {
        for metric in METRICS {
            assert!(metric.name.starts_with("yamabiko_"), "{}", metric.name);
            assert_eq!(
                metric.name.ends_with("_total"),
                metric.kind == Counter,
                "{}",
                metric.name
            );
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
