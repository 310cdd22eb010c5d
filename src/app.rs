//! Builds everything, starts it, and stops it in reverse order.
//!
//! [`Core`] is what every command needs: the store, the recorder, the configuration in memory. [`run`] adds
//! delivery, the listeners, the control socket and housekeeping, and returns when the process is told to stop.

pub mod control;
mod housekeeper;
mod listeners;
mod signals;
mod tls;
mod watchdog;

pub use listeners::Bound;

use crate::alerts::{Alerts, Reach};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::ledger::StoreLedger;
use crate::delivery::selftest;
use crate::delivery::sender::SenderOptions;
use crate::delivery::{Delivery, DeliveryError, DeliveryOptions, DeliveryPolicy};
use crate::domain::retry::RetryPolicy;
use crate::http::State;
use crate::http::api::jobs::Jobs;
use crate::http::auth::Auth;
use crate::http::echo::Echo;
use crate::http::health::Check;
use crate::http::problem::ApiError;
use crate::http::tracking::{CallbackTests, ErasureLimit, TrackingState};
use crate::journal;
use crate::live::Live;
use crate::recorder::{RecordError, Recorder, RecorderOptions, RecorderThread};
use crate::store::catalog::{Catalog, ConfigObject};
use crate::store::{
    Db, Keeper, OpenReport, RepairKind, SnapshotOptions, SpaceOptions, Store, StoreError, StoreOptions, keys,
};
use crate::telemetry::{self, Metrics, TelemetryError};
use crate::tracking::apple::AppleKeys;
use crate::tracking::client::IpHasher;
use crate::tracking::geo::{GeoError, GeoIp};
use crate::tracking::link_names::LinkNames;
use crate::tracking::repeat::Repeats;
use crate::tracking::visitors::Visitors;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a stop waits for postbacks on the wire.
const WIRE_PATIENCE: Duration = Duration::from_secs(10);
/// Visitors and links whose last click is remembered.
const REPEATS: usize = 500_000;

/// Why the instance does not run. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The first records could not be written.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// A thread could not be started.
    #[error("a thread cannot be started: {0}; check the limit of processes (ulimit -u)")]
    Thread(std::io::Error),
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; is another server running there, or is the port below 1024?"
    )]
    Listen {
        /// Which address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificate files.
    #[error("the certificate file {path} cannot be used: {message}; give PEM files that belong together")]
    Certificate {
        /// Which file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// The control socket.
    #[error("cannot open the control socket {path}: {source}; check the permissions of the data directory")]
    Control {
        /// Where it is.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Signals.
    #[error("cannot watch for signals: {0}")]
    Signals(std::io::Error),
    /// The GeoIP file.
    #[error("{0}")]
    Geo(#[from] GeoError),
    /// Logs or metrics.
    #[error("{0}")]
    Telemetry(#[from] TelemetryError),
    /// Delivery.
    #[error("{0}")]
    Delivery(#[from] DeliveryError),
    /// Authentication.
    #[error("{0}")]
    Auth(#[from] ApiError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes; the instance cannot make its keys")]
    Random,
    /// The HTTP server ended by itself.
    #[error("the HTTP server ended: {0}")]
    Server(std::io::Error),
}

/// The store, the recorder and what hangs on them.
pub struct Core {
    /// Effective configuration.
    pub config: Arc<Config>,
    /// What time it is.
    pub clock: Clock,
    /// The one writer.
    pub recorder: Recorder,
    /// Snapshots and backups.
    pub keeper: Keeper,
    /// What opening found and repaired.
    pub report: OpenReport,
    thread: RecorderThread,
}

impl Core {
    /// Opens the store and starts the recorder.
    pub fn open(config: Arc<Config>, clock: Clock) -> Result<Self, AppError> {
        let (store, report) = Store::open(&config.data_dir, store_options(&config, &clock))?;
        let Store {
            writer,
            reader,
            keeper,
        } = store;
        let catalog = load_catalog(&reader)?;
        for broken in &catalog.broken_rules {
            tracing::error!(code = "broken_rule", rule = %broken.rule.id, message = broken.message, "a stored rule cannot be used; correct it in the UI");
        }
        let options = RecorderOptions {
            intake_queue: config.limits.queue as usize,
            spool: config.limits.spool_clicks as usize,
        };
        let (recorder, thread) =
            Recorder::start(writer, reader, catalog, Live::default(), clock.clone(), options)
                .map_err(AppError::Thread)?;
        Ok(Self {
            config,
            clock,
            recorder,
            keeper,
            report,
            thread,
        })
    }

    /// Commits what waits and closes the store.
    pub fn close(self) {
        self.thread.stop();
    }

    /// The instance's key for hashes of addresses; made once.
    fn ip_key(&self) -> Result<[u8; 32], AppError> {
        let at = keys::instance("ip_hash_key");
        let mut fresh = [0; 32];
        aws_lc_rs::rand::fill(&mut fresh).map_err(|_| AppError::Random)?;
        let key = self
            .recorder
            .try_run_blocking(move |group| -> Result<[u8; 32], StoreError> {
                if let Some(known) = group
                    .get(at.0, &at.1)?
                    .and_then(|value| <[u8; 32]>::try_from(value).ok())
                {
                    return Ok(known);
                }
                group.put(at, fresh.to_vec());
                Ok(fresh)
            })??;
        Ok(key)
    }
}

/// How the configuration has the store opened.
pub fn store_options(config: &Config, clock: &Clock) -> StoreOptions {
    let mib = |count: u32| u64::from(count) << 20;
    let defaults = StoreOptions::default();
    let clock = clock.clone();
    StoreOptions {
        hot_cache_bytes: mib(config.store.cache_mb),
        period_cache_bytes: mib(config.store.cache_mb) / 4,
        journal: journal::Options {
            segment_bytes: mib(config.store.journal_segment_mb),
            ..defaults.journal
        },
        snapshots: SnapshotOptions {
            period_every_ms: i64::from(config.store.snapshot_interval_h) * 3_600_000,
            ..defaults.snapshots
        },
        space: SpaceOptions {
            full_below_bytes: mib(config.store.min_free_mb) / 2,
            ready_from_bytes: mib(config.store.min_free_mb),
            ballast_bytes: mib(config.store.ballast_mb),
        },
        clock: Arc::new(move || clock.now_ms()),
        ..defaults
    }
}

/// Says what opening found. What was lost is an error, so that nobody overlooks it.
fn log_report(report: &OpenReport) {
    for repair in &report.repairs {
        let (code, message) = (repair.kind.code(), &repair.message);
        match repair.kind {
            RepairKind::Repaired => tracing::warn!(code, "{message}"),
            RepairKind::Rebuilt => tracing::warn!(code, "{message}"),
            RepairKind::Lost => tracing::error!(code, "{message}"),
        }
    }
    if let Some(from) = report.migrated_from {
        tracing::info!(
            from,
            to = report.schema,
            "the data were brought to the present schema"
        );
    }
    tracing::info!(
        commits = report.last_seq,
        replayed = report.replayed_commits,
        torn_tail_bytes = report.torn_tail_bytes,
        "the store is open"
    );
}

/// Reads the configuration objects. One that cannot be read is logged, and does not keep the rest away.
fn load_catalog(reader: &crate::store::Reader) -> Result<Catalog, StoreError> {
    let mut objects: Vec<ConfigObject> = Vec::new();
    for kind in [b's', b'o', b'p', b'l', b'r', b'u', b't'] {
        reader.scan_prefix(Db::Hot, &keys::config_prefix(kind), false, |key, value| {
            match ConfigObject::decode(kind, value, key) {
                Ok(object) => objects.extend(object),
                Err(error) => tracing::error!(code = error.code(), %error, "an object of the configuration cannot be read"),
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(Catalog::load(objects))
}

/// What a running instance tells whoever started it, once it listens.
pub struct Running {
    /// Where it listens.
    pub bound: Bound,
    /// What the HTTP side works with.
    pub state: Arc<State>,
    /// The built-in receiver.
    pub echo: Arc<Echo>,
}

/// Runs an instance until it is told to stop. `ready` is called once it listens.
pub fn run(config: Arc<Config>, ready: impl FnOnce(&Running) + Send) -> Result<(), AppError> {
    telemetry::install_logs(config.log.format, config.log.level)?;
    let clock = Clock::System;
    let metrics = telemetry::install_metrics(clock.now_ms())?;
    let stop_signal = signals::Signals::install().map_err(AppError::Signals)?;
    let core = Core::open(config, clock)?;
    log_report(&core.report);
    let outcome = serve(&core, metrics, stop_signal, ready);
    core.close();
    outcome
}

fn serve(
    core: &Core,
    metrics: Metrics,
    stop_signal: signals::Signals,
    ready: impl FnOnce(&Running) + Send,
) -> Result<(), AppError> {
    let start_faults = start_faults();
    let config = core.config.clone();
    let sockets = listeners::Sockets::open(&config)?;
    let echo = Arc::new(Echo::new(sockets.echo_address()));
    let delivery = start_delivery(core, &echo)?;
    let tracking = tracking_state(core)?;
    let reach = Reach {
        recorder: core.recorder.clone(),
        delivery: delivery.clone(),
        config: config.clone(),
    };
    let alerts = Arc::new(Alerts::start(reach).map_err(AppError::Thread)?);
    let state = Arc::new(State {
        recorder: core.recorder.clone(),
        delivery: delivery.clone(),
        alerts: alerts.clone(),
        keeper: core.keeper.clone(),
        config: config.clone(),
        metrics,
        auth: Auth::new()?,
        echo: echo.clone(),
        geo: tracking.geo.clone(),
        link_names: tracking.link_names.clone(),
        visitors: tracking.visitors.clone(),
        admin_address: sockets.bound().admin_side(),
        jobs: Jobs::default(),
        start_faults,
        started_at_ms: core.clock.now_ms(),
    });
    let control = control::Control::start(state.clone(), &config.data_dir)?;
    let housekeeper = housekeeper::Housekeeper::start(state.clone()).map_err(AppError::Thread)?;
    let outcome = listeners::serve(sockets, state.clone(), tracking, stop_signal, |bound| {
        ready(&Running {
            bound: bound.clone(),
            state: state.clone(),
            echo: echo.clone(),
        });
    });
    housekeeper.stop();
    control.stop();
    alerts.stop();
    delivery.stop(Instant::now() + WIRE_PATIENCE);
    outcome
}

/// What only another build or another start can mend: said in the log and shown until then. The server runs all
/// the same: clicks and conversions must be taken.
fn start_faults() -> Vec<Check> {
    let Err(error) = selftest::check() else {
        return Vec::new();
    };
    tracing::error!(code = error.code(), %error, "postbacks will fail when many visitors are connected");
    vec![Check {
        name: "http_client",
        is_ok: false,
        message: error.to_string(),
    }]
}

fn start_delivery(core: &Core, echo: &Echo) -> Result<Arc<Delivery>, AppError> {
    let config = &core.config.delivery;
    let ledger = Arc::new(StoreLedger::new(core.recorder.clone(), delivery_policy(config)));
    let options = DeliveryOptions {
        workers: usize::from(config.workers),
        dns_server: config.dns_server,
        sender: SenderOptions {
            allow_networks: config.allow_networks.clone(),
            allow_sockets: vec![echo.address()],
            source_address: config.source_address,
            ca_file: config.ca_file.clone(),
        },
    };
    let delivery = Arc::new(Delivery::start(&options, ledger)?);
    let waking = delivery.clone();
    core.recorder.on_wake(move |postbacks| waking.wake(postbacks));
    let cancelling = delivery.clone();
    core.recorder.on_cancel(move |ids| cancelling.cancel(ids));
    Ok(delivery)
}

fn delivery_policy(config: &crate::config::Delivery) -> DeliveryPolicy {
    let defaults = DeliveryPolicy::default();
    DeliveryPolicy {
        connect_timeout: Duration::from_secs(u64::from(config.connect_timeout_s)),
        timeout: Duration::from_secs(u64::from(config.timeout_s)),
        retry: RetryPolicy {
            ttl_ms: i64::from(config.ttl_h) * 3_600_000,
            ..defaults.retry.clone()
        },
        ..defaults
    }
}

fn tracking_state(core: &Core) -> Result<TrackingState, AppError> {
    let geo = Arc::new(GeoIp::empty());
    if let Some(file) = &core.config.geoip.file {
        geo.load(file)?;
    }
    Ok(TrackingState {
        recorder: core.recorder.clone(),
        geo,
        ip_hasher: IpHasher::new(&core.ip_key()?),
        repeats: Repeats::new(REPEATS),
        link_names: Arc::new(LinkNames::load(
            core.config.limits.link_names as usize,
            core.recorder.reader(),
            &core.recorder.catalog(),
        )?),
        apple_keys: AppleKeys::configured(&core.config.apple),
        visitors: Arc::new(Visitors::new(core.config.limits.visitors.into())),
        erasure_limit: ErasureLimit::default(),
        trusted_proxies: core.config.trusted_proxies.clone(),
        callback_tests: CallbackTests::default(),
    })
}
