//! Builds everything, starts it, and stops it in reverse order.
//!
//! [`Core`] is what every command needs: the store, the recorder, the configuration in memory. [`run`] adds
//! delivery, the listeners, the control socket and housekeeping, and returns when the process is told to stop.

pub mod archive;
mod catalog;
pub mod control;
mod housekeeper;
mod listeners;
pub mod memory;
pub mod probe;
mod raw_data;
mod reload;
mod signals;
pub mod standby;
mod starting;
mod systemd;
mod tls;
mod watchdog;

pub use listeners::Bound;

use crate::admin::AdminError;
use crate::admin::Auth;
use crate::admin::callback_tests::CallbackTickets;
use crate::admin::jobs::Jobs;
use crate::alerts::{Alerts, Reach};
use crate::certificates::{Certificates, FileError};
use crate::clock::Clock;
use crate::config::{Config, InForce};
use crate::connection::{Connections, PlaceRules};
use crate::delivery::holds::Holds;
use crate::delivery::ledger::StoreLedger;
use crate::delivery::pause::Pause;
use crate::delivery::{Delivery, DeliveryError, DeliveryOptions, DeliveryPolicy};
use crate::domain::retry::RetryPolicy;
use crate::http::State;
use crate::http::echo::Echo;
use crate::http::health::Check;
use crate::http::problem::unread;
use crate::http::tracking::TrackingState;
use crate::journal;
use crate::live::Live;
use crate::recorder::{RecordError, Recorder, RecorderOptions, RecorderThread};
use crate::reports::{Exports, Readers};
use crate::store::{
    BackupOptions, Keeper, OpenReport, RepairKind, SnapshotOptions, SpaceOptions, Store, StoreError,
    StoreOptions, keys,
};
use crate::stream::StreamError;
use crate::telemetry::{self, Metrics, TelemetryError};
use crate::tracking::apple::AppleKeys;
use crate::tracking::client::IpHasher;
use crate::tracking::gate::{Gate, Rates};
use crate::tracking::geo::{GeoError, GeoIp};
use crate::tracking::link_names::LinkNames;
use crate::tracking::repeat::Repeats;
use crate::tracking::visitor_count::VisitorCount;
use crate::wire::{ClientOptions, selftest};
use std::os::unix::fs::MetadataExt;
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
    #[error("{0}")]
    Certificate(#[from] FileError),
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
    /// The stream of activities.
    #[error("{0}")]
    Stream(#[from] StreamError),
    /// The archive.
    #[error("{0}")]
    Archive(#[from] crate::archive::ArchiveError),
    /// Authentication.
    #[error("{0}")]
    Auth(#[from] AdminError),
    /// Files that would belong to the wrong user.
    #[error(
        "no server runs, and {dir} belongs to another user (id {user}): start the server, or run the command as that user, for example with `runuser -u` or `sudo -u`; files that you make there could not be read by the server"
    )]
    OtherUser {
        /// The data directory.
        dir: String,
        /// Whose it is.
        user: u32,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes; the instance cannot make its keys")]
    Random,
    /// The HTTP server ended by itself.
    #[error("the HTTP server ended: {0}")]
    Server(std::io::Error),
}

impl AppError {
    /// Whether another start fails in the same way until a person has changed something.
    pub fn needs_a_person(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::NewerSchema { .. }) | Self::Certificate(_) | Self::Geo(_)
        )
    }
}

/// Opens the store of a server that does not run, works on it and closes it. None is made.
///
/// # Errors
/// There is no store, or it belongs to somebody else than who calls.
pub fn offline<T>(config: Arc<Config>, work: impl FnOnce(&Core) -> T) -> Result<T, AppError> {
    let dir = &config.data_dir;
    if let Ok(meta) = std::fs::metadata(dir)
        && meta.uid() != rustix::process::geteuid().as_raw()
    {
        return Err(AppError::OtherUser {
            dir: dir.display().to_string(),
            user: meta.uid(),
        });
    }
    let core = Core::open_with(config, Clock::System, false)?;
    let done = work(&core);
    core.close();
    Ok(done)
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
    /// Opens the store, or makes one, and starts the recorder.
    pub fn open(config: Arc<Config>, clock: Clock) -> Result<Self, AppError> {
        Self::open_with(config, clock, true)
    }

    fn open_with(config: Arc<Config>, clock: Clock, may_create: bool) -> Result<Self, AppError> {
        let options = StoreOptions {
            may_create,
            ..store_options(&config, &clock)
        };
        let starting = starting::Starting::watch(options.progress.clone()).map_err(AppError::Thread)?;
        let (store, report) = Store::open(&config.data_dir, options)?;
        drop(starting);
        let Store {
            writer,
            reader,
            keeper,
        } = store;
        let (catalog, stale) = catalog::load(&reader, catalog::sealing(&config))?;
        for broken in &catalog.broken_rules {
            tracing::error!(code = "broken_rule", rule = %broken.rule.id, message = broken.message, "a stored rule cannot be used; correct it in the UI");
        }
        let options = RecorderOptions {
            intake_queue: config.limits.queue as usize,
            spool: config.limits.spool_clicks as usize,
            rooms: reload::room_bytes(&config.limits),
        };
        let (recorder, thread) =
            Recorder::start(writer, reader, catalog, Live::default(), clock.clone(), options)
                .map_err(AppError::Thread)?;
        catalog::seal_stored(&recorder, &keeper, stale)?;
        crate::tracking::app::erase_again::at_start(&recorder);
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

    /// A key of the instance; made once.
    fn instance_key(&self, name: &'static str) -> Result<[u8; 32], AppError> {
        let at = keys::instance(name);
        let mut fresh = [0; 32];
        aws_lc_rs::rand::fill(&mut fresh).map_err(|_| AppError::Random)?;
        let key = self
            .recorder
            .try_run_blocking(move |group| -> Result<[u8; 32], StoreError> {
                if let Some(known) = group.load(&at)? {
                    return Ok(known);
                }
                group.save(at, &fresh)?;
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
        backups: (config.backup.every_h > 0).then(|| BackupOptions {
            every_ms: i64::from(config.backup.every_h) * 3_600_000,
            keep: usize::from(config.backup.keep),
            dir: config.backup.dir.clone(),
        }),
        keeps_journal: config.archive.is_on(),
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
pub fn run(config: impl Into<InForce>, ready: impl FnOnce(&Running) + Send) -> Result<(), AppError> {
    let in_force = config.into();
    let config = Arc::new(in_force.now().clone());
    telemetry::install_logs(config.log.format, config.log.level)?;
    let clock = Clock::System;
    let metrics = telemetry::install_metrics(clock.now_ms())?;
    let stop_signal = signals::Signals::install().map_err(AppError::Signals)?;
    let core = Core::open(config, clock)?;
    log_report(&core.report);
    let outcome = serve(&core, &in_force, metrics, stop_signal, ready);
    core.close();
    outcome
}

fn serve(
    core: &Core,
    in_force: &InForce,
    metrics: Metrics,
    stop_signal: signals::Signals,
    ready: impl FnOnce(&Running) + Send,
) -> Result<(), AppError> {
    let mut start_faults = start_faults();
    archive::fence(core)?;
    let config = core.config.clone();
    let sockets = listeners::Sockets::open(&config)?;
    let echo = Arc::new(Echo::new(sockets.echo_address()));
    let certificates = Arc::new(Certificates::open(&config, &core.recorder)?);
    let pause = Pause::load(core.recorder.reader())?;
    let holds = Holds::load(core.recorder.reader())?;
    let delivery = start_delivery(core, &echo, pause.clone(), holds.clone())?;
    let tracking = tracking_state(core, in_force)?;
    let stream = raw_data::start(core, delivery.client())?;
    let export = raw_data::start_export(core, delivery.client(), &mut start_faults)?;
    let archiving = archive::start(core, delivery.client(), &mut start_faults)?;
    let reach = Reach {
        recorder: core.recorder.clone(),
        delivery: delivery.clone(),
        config: in_force.clone(),
        holds: holds.clone(),
        certificates: certificates.clone(),
        stream: stream.clone(),
        export: export.clone(),
        archiving: archiving.clone(),
    };
    let alerts = Arc::new(Alerts::start(reach).map_err(AppError::Thread)?);
    let state = Arc::new(State {
        recorder: core.recorder.clone(),
        callback_tickets: CallbackTickets::default(),
        delivery: delivery.clone(),
        alerts: alerts.clone(),
        keeper: core.keeper.clone(),
        archiving: archiving.clone(),
        pause: pause.clone(),
        connections: Connections::new(PlaceRules::from(&*config), unread),
        holds,
        config: in_force.clone(),
        certificates: certificates.clone(),
        stream: stream.clone(),
        export: export.clone(),
        metrics,
        auth: Auth::new(&core.instance_key("browser_key")?)?,
        echo: echo.clone(),
        tags_seen: tracking.tags_seen.clone(),
        geo: tracking.geo.clone(),
        gate: tracking.gate.clone(),
        link_names: tracking.link_names.clone(),
        visitors: tracking.visitors.clone(),
        public_address: sockets.bound().public,
        admin_address: listeners::as_reached(sockets.bound().admin_side()),
        jobs: Jobs::default(),
        readers: Readers::start().map_err(AppError::Thread)?,
        exports: Exports::default(),
        start_faults,
        started_at_ms: core.clock.now_ms(),
    });
    let control = control::Control::start(state.clone(), &config.data_dir)?;
    let housekeeper = housekeeper::Housekeeper::start(state.clone()).map_err(AppError::Thread)?;
    let renewal = tls::renew(core, in_force, certificates, delivery.client())?;
    let outcome = listeners::serve(sockets, state.clone(), tracking, stop_signal, |bound| {
        ready(&Running {
            bound: bound.clone(),
            state: state.clone(),
            echo: echo.clone(),
        });
    });
    renewal.stop();
    housekeeper.stop();
    control.stop();
    alerts.stop();
    stream.iter().for_each(|stream| stream.stop());
    export.iter().for_each(|export| export.stop());
    delivery.stop(Instant::now() + WIRE_PATIENCE);
    if let Some(archiving) = archiving {
        archiving.stop(Instant::now() + WIRE_PATIENCE);
    }
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

fn start_delivery(core: &Core, echo: &Echo, pause: Pause, holds: Holds) -> Result<Arc<Delivery>, AppError> {
    let config = &core.config.delivery;
    let ledger = Arc::new(StoreLedger::new(
        core.recorder.clone(),
        delivery_policy(config),
        pause,
        holds,
    ));
    let options = DeliveryOptions {
        workers: usize::from(config.workers),
        client: ClientOptions {
            dns_server: config.dns_server,
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

fn tracking_state(core: &Core, in_force: &InForce) -> Result<TrackingState, AppError> {
    let geo = Arc::new(GeoIp::empty());
    if let Some(file) = &core.config.geoip.file {
        geo.load(file)?;
    }
    Ok(TrackingState {
        recorder: core.recorder.clone(),
        geo,
        ip_hasher: IpHasher::new(&core.instance_key("ip_hash_key")?),
        repeats: Repeats::new(REPEATS),
        link_names: Arc::new(LinkNames::load(
            core.config.limits.link_names as usize,
            core.recorder.reader(),
            &core.recorder.catalog(),
        )?),
        apple_keys: AppleKeys::configured(&core.config.apple),
        visitors: Arc::new(VisitorCount::new(core.config.limits.visitors.into())),
        erasure_limit: Default::default(),
        gate: Arc::new(Gate::new(Rates::from(&core.config.limits))),
        config: in_force.clone(),
        callback_tests: Default::default(),
        tags_seen: Arc::default(),
    })
}
