//! The functions that count, and the text of all metrics for Prometheus; the metrics themselves stand in [`table`].

mod archive;
mod begin;
mod endpoints;
mod engagements;
mod table;

pub use self::archive::{ArchiveGauges, archive};
pub use self::endpoints::{Endpoint, Endpoints};
pub use self::engagements::{EngagementResult, click, impression};
pub use self::table::{METRICS, Metric, MetricKind};

use super::TelemetryError;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::time::Duration;

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

/// Counts an activity of `kind` (as in JSON: `install`, `event`).
pub fn activity(kind: &'static str, result: ActivityResult) {
    counter!("yamabiko_activities_total", "kind" => kind, "result" => result.label()).increment(1);
}

/// Counts a refusal by its reason's code.
pub fn refusal(reason: &'static str) {
    counter!("yamabiko_refusals_total", "reason" => reason).increment(1);
}

/// Counts a request that came too often.
pub fn throttled() {
    counter!("yamabiko_throttled_total").increment(1);
}

/// Counts a SID that does not exist.
pub fn unknown_sid() {
    counter!("yamabiko_unknown_sids_total").increment(1);
}

/// Counts what does not count and was not kept: the room of its day is used up.
pub fn not_kept() {
    counter!("yamabiko_refusals_not_kept_total").increment(1);
}

/// Counts an oddity of a request that was taken all the same, by its note's code.
pub fn noted(code: &'static str) {
    counter!("yamabiko_noted_total", "code" => code).increment(1);
}

/// Counts a request whose head could not be read, by the code of its answer.
pub fn request_unread(code: &'static str) {
    counter!("yamabiko_requests_unread_total", "code" => code).increment(1);
}

/// Counts a request line that held bytes which no URL may hold, and was taken as if they were percent-encoded.
pub fn request_line_mended() {
    counter!("yamabiko_request_lines_mended_total").increment(1);
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

/// Counts an attempt by its destination (`scheme://host:port`) and its outcome's code. Beyond the first
/// [`MOST_DESTINATIONS`] they are counted together as `other`.
pub fn destination(name: &str, outcome: &'static str) {
    let label = {
        let mut known = DESTINATIONS.lock();
        if known.contains(name) || known.len() < MOST_DESTINATIONS {
            known.insert(name.to_owned());
            name.to_owned()
        } else {
            "other".to_owned()
        }
    };
    counter!("yamabiko_destination_attempts_total", "destination" => label, "outcome" => outcome)
        .increment(1);
}

/// Destinations that have a series of their own.
pub const MOST_DESTINATIONS: usize = 200;

static DESTINATIONS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

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

/// Sets how the scheduled backups are.
pub fn backup(age_s: Option<u64>, is_failing: bool) {
    if let Some(age_s) = age_s {
        gauge!("yamabiko_backup_age_seconds").set(float(age_s));
    }
    gauge!("yamabiko_backup_failing").set(f64::from(u8::from(is_failing)));
}

/// Counts a batch of the stream by its result (`taken`, `failed`), and the rows that were taken.
pub fn stream_batch(result: &'static str, rows: u64) {
    counter!("yamabiko_stream_batches_total", "result" => result).increment(1);
    counter!("yamabiko_stream_rows_total").increment(rows);
}

/// Counts a file of raw data that was written, and its rows.
pub fn export_file(table: &'static str, rows: u64) {
    counter!("yamabiko_export_files_total", "table" => table).increment(1);
    counter!("yamabiko_export_rows_total", "table" => table).increment(rows);
}

/// Sets for how long the oldest hour without its files could have been written.
pub fn export_lag(lag_ms: i64) {
    gauge!("yamabiko_export_lag_seconds").set(seconds(lag_ms));
}

/// Sets how old the oldest row is that the receiver of the stream has not taken.
pub fn stream_lag(lag_ms: i64) {
    gauge!("yamabiko_stream_lag_seconds").set(seconds(lag_ms));
}

/// Sets until when the certificate of a name is good.
pub fn certificate(name: &str, to_ms: i64) {
    gauge!("yamabiko_certificate_not_after_timestamp_seconds", "name" => name.to_owned()).set(seconds(to_ms));
}

/// Counts an order of a certificate by its result: `issued`, `failed`.
pub fn certificate_order(result: &'static str) {
    counter!("yamabiko_certificate_orders_total", "result" => result).increment(1);
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
    if result != "ok" {
        super::sign_ins::failed();
    }
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
        if let MetricKind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), buckets)?;
        }
    }
    Ok(builder)
}

fn describe(started_at_ms: i64) {
    gauge!("yamabiko_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("yamabiko_start_time_seconds").set(seconds(started_at_ms));
    begin::begin();
    metrics_process::Collector::default().describe();
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => describe_counter!(metric.name, metric.help),
            MetricKind::Gauge => describe_gauge!(metric.name, metric.help),
            MetricKind::Histogram(_) => describe_histogram!(metric.name, metric.help),
        }
    }
}

impl Metrics {
    /// The text of `/metrics` (Prometheus exposition format 0.0.4).
    pub fn render(&self) -> String {
        metrics_process::Collector::default().collect();
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
        noted("unfilled");
        throttled();
        request_unread("slow_request");
        request_line_mended();
        unknown_sid();
        not_kept();
        parameters_cut(2);
        link_name_refused();
        postbacks_created(3);
        attempt("delivered", Duration::from_millis(12));
        destination("https://a.example:443", "delivered");
        Endpoints::default().count(Endpoint::of("/cv"), 200, Duration::from_millis(3));
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
        backup(Some(1), true);
        archive(ArchiveGauges::default());
        certificate("a.example", 1);
        certificate_order("issued");
        live_viewers(1);
        login("wrong");
        alert("email", "sent");
        stream_batch("taken", 3);
        stream_lag(1_500);
        export_file("sessions", 3);
        export_lag(1_500);
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
                METRICS.iter().any(|m| m.name == name) || name.starts_with("process_"),
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
                metric.kind == MetricKind::Counter,
                "{}",
                metric.name
            );
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
