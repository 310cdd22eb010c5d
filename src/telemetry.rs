//! Logs and metrics: how they are set up, and every metric name with its unit in one place ([`METRICS`]).
//!
//! Whoever counts something calls the functions here, so that a name or a label has one spelling. Labels
//! hold words of small closed sets only, never what a stranger sent.

mod logs;
mod metrics;
mod occasional;
mod sign_ins;

pub use logs::{install_logs, set_level};
pub use metrics::*;
pub use occasional::occasionally;
pub use sign_ins::failed_logins;

use metrics_exporter_prometheus::BuildError;
use tracing_subscriber::util::TryInitError;

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Another logger is in place already.
    #[error("logs cannot be set up: {0}; only one logger can serve a process")]
    Logs(#[from] TryInitError),
    /// The metrics' settings are contradictory.
    #[error("metrics cannot be set up: {0}; please report this fault")]
    Metrics(#[from] BuildError),
    /// Another recorder is in place already.
    #[error("metrics cannot be set up: another recorder is in place; only one can serve a process")]
    SecondRecorder,
}
