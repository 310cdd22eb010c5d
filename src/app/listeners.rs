//! Sockets and the HTTP servers on them: bound or taken over from systemd, served, and drained at the end
//! so that no request fails when another process takes the sockets over.

use super::AppError;
use super::signals::{Signals, Told};
use super::tls;
use crate::config::Config;
use crate::http::tracking::TrackingState;
use crate::http::{self, State, echo, health};
use actix_web::dev::{Server, ServerHandle, Service};
use actix_web::http::header::{CONNECTION, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use listenfd::ListenFd;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long answers still say `Connection: close` after the listeners were paused: clients with kept
/// connections learn that they have to open new ones, which wait in the socket for the next process.
const DRAIN: Duration = Duration::from_millis(400);
/// How long a stop waits for jobs to end at their next commit.
const JOBS_PATIENCE: Duration = Duration::from_secs(5);
/// A request head that takes longer is cut off.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Where an instance listens.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Tracking endpoints, and the admin side unless it has an own address.
    pub public: SocketAddr,
    /// The admin side's own address.
    pub admin: Option<SocketAddr>,
}

impl Bound {
    /// Where the admin side is.
    pub fn admin_side(&self) -> SocketAddr {
        self.admin.unwrap_or(self.public)
    }
}

/// Open sockets, not served yet.
pub(super) struct Sockets {
    public: TcpListener,
    admin: Option<TcpListener>,
    echo: TcpListener,
    bound: Bound,
    echo_address: SocketAddr,
    is_handed_over: bool,
}

impl Sockets {
    /// Takes systemd's sockets (first the public one, then the admin one), else binds.
    pub(super) fn open(config: &Config) -> Result<Self, AppError> {
        let mut handed = ListenFd::from_env();
        let mut is_handed_over = false;
        let mut open = |index: usize, address: SocketAddr| -> Result<TcpListener, AppError> {
            let failed = |source| AppError::Listen {
                address: address.to_string(),
                source,
            };
            match handed.take_tcp_listener(index).map_err(failed)? {
                Some(listener) => {
                    is_handed_over = true;
                    Ok(listener)
                }
                None => TcpListener::bind(address).map_err(failed),
            }
        };
        let public = open(0, config.listen)?;
        let admin = config.admin.listen.map(|address| open(1, address)).transpose()?;
        let echo = open(usize::MAX, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|source| AppError::Listen {
                address: "a socket".into(),
                source,
            })
        };
        let bound = Bound {
            public: address(&public)?,
            admin: admin.as_ref().map(address).transpose()?,
        };
        let echo_address = address(&echo)?;
        Ok(Self {
            public,
            admin,
            echo,
            bound,
            echo_address,
            is_handed_over,
        })
    }

    pub(super) fn bound(&self) -> &Bound {
        &self.bound
    }

    pub(super) fn echo_address(&self) -> SocketAddr {
        self.echo_address
    }
}

/// Serves until the process is told to stop, then drains.
pub(super) fn serve(
    sockets: Sockets,
    state: Arc<State>,
    tracking: TrackingState,
    mut signals: Signals,
    ready: impl FnOnce(&Bound),
) -> Result<(), AppError> {
    let system = actix_web::rt::System::new();
    let bound = sockets.bound.clone();
    let is_handed_over = sockets.is_handed_over;
    let is_closing = Arc::new(AtomicBool::new(false));
    let served: Result<(), AppError> = system.block_on(async move {
        let certificates = tls::Certificates::load(&state.config.tls)?;
        let servers = start(sockets, &state, tracking, &is_closing, certificates.as_ref())?;
        let handles: Vec<ServerHandle> = servers.iter().map(Server::handle).collect();
        let mut running: Vec<_> = servers.into_iter().map(actix_web::rt::spawn).collect();
        tracing::info!(address = %bound.public, admin = %bound.admin_side(), "listening");
        ready(&bound);
        notify(sd_notify::NotifyState::Ready);
        let watchdog = super::watchdog::start(&state, bound.public);
        let ended = loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::Reload => reload(&state, certificates.as_ref()),
                    Told::Stop => break Ok(()),
                },
                ended = &mut running[0] => {
                    break Err(AppError::Server(match ended {
                        Ok(Err(error)) => error,
                        Ok(Ok(())) => std::io::Error::other("it stopped by itself"),
                        Err(panic) => std::io::Error::other(panic.to_string()),
                    }));
                }
            }
        };
        notify(sd_notify::NotifyState::Stopping);
        watchdog.abort();
        tracing::info!("stopping: no new requests, then what is on the wire");
        state.jobs.stop(JOBS_PATIENCE).await;
        drain(&handles, &is_closing, is_handed_over).await;
        ended
    });
    served
}

async fn drain(handles: &[ServerHandle], is_closing: &AtomicBool, is_handed_over: bool) {
    is_closing.store(true, Ordering::Release);
    if is_handed_over {
        for handle in handles {
            handle.pause().await;
        }
        tokio::time::sleep(DRAIN).await;
    }
    for handle in handles {
        handle.stop(true).await;
    }
}

fn reload(state: &State, certificates: Option<&tls::Certificates>) {
    if let Some(file) = &state.config.geoip.file {
        match state.geo.load(file) {
            Ok(()) => tracing::info!("the GeoIP file was read again"),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "the GeoIP file was not read again; the one before stays");
            }
        }
    }
    if let Some(certificates) = certificates {
        match certificates.reload(&state.config.tls) {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => {
                tracing::error!(code = "certificate", %error, "the certificate was not read again; the one before stays");
            }
        }
    }
}

/// Tells systemd, when it is there.
pub(super) fn notify(what: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[what]) {
        tracing::warn!(code = "systemd_notify", %error, "systemd could not be told");
    }
}

/// Puts a server on a listener, with TLS when there are certificates. A macro, since the server's type holds
/// a closure.
macro_rules! listen {
    ($server:expr, $listener:expr, $certificates:expr) => {
        match $certificates {
            Some(certificates) => $server.listen_rustls_0_23($listener, certificates.server_config()),
            None => $server.listen($listener),
        }
        .map_err(AppError::Server)?
        .run()
    };
}

fn start(
    sockets: Sockets,
    state: &Arc<State>,
    tracking: TrackingState,
    is_closing: &Arc<AtomicBool>,
    certificates: Option<&tls::Certificates>,
) -> Result<Vec<Server>, AppError> {
    let config = &state.config;
    let workers = match usize::from(config.threads.http) {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        set => set,
    };
    let connections = (config.limits.max_connections as usize).div_ceil(workers);
    let tracking = Data::new(tracking);
    let shared = Data::from(state.clone());
    let has_own_admin = sockets.admin.is_some();

    let (of_public, closing) = (shared.clone(), is_closing.clone());
    let public = HttpServer::new(move || {
        let closing = closing.clone();
        let app = App::new()
            .app_data(tracking.clone())
            .app_data(of_public.clone())
            .wrap_fn(move |request, service| {
                let closing = closing.clone();
                let answer = service.call(request);
                async move {
                    let mut answer = answer.await?;
                    if closing.load(Ordering::Acquire) {
                        answer
                            .headers_mut()
                            .insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    Ok(answer)
                }
            })
            .configure(http::tracking::routes)
            .configure(health::public_routes);
        if has_own_admin {
            app.configure(http::nothing_else)
        } else {
            app.configure(http::admin_routes)
        }
    })
    .workers(workers)
    .max_connections(connections)
    .client_request_timeout(HEAD_PATIENCE)
    .shutdown_timeout(10)
    .disable_signals();
    let mut servers = vec![listen!(public, sockets.public, certificates)];

    if let Some(listener) = sockets.admin {
        let of_admin = shared.clone();
        let admin = HttpServer::new(move || {
            App::new()
                .app_data(of_admin.clone())
                .configure(health::public_routes)
                .configure(http::admin_routes)
        })
        .workers(1)
        .client_request_timeout(HEAD_PATIENCE)
        .shutdown_timeout(10)
        .disable_signals();
        servers.push(listen!(admin, listener, certificates));
    }
    let remembered = Data::new(state.echo.clone());
    let receiver = HttpServer::new(move || {
        App::new()
            .app_data(remembered.clone())
            .default_service(web::to(echo::answer))
    })
    .workers(1)
    .shutdown_timeout(10)
    .disable_signals();
    servers.push(receiver.listen(sockets.echo).map_err(AppError::Server)?.run());
    Ok(servers)
}
