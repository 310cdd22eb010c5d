//! Sockets and the HTTP servers on them: bound or taken over from systemd, served, and drained at the end
//! so that no request fails when another process takes the sockets over.

use super::AppError;
use super::signals::{Signals, Told};
use super::{systemd, tls};
use crate::config::Config;
use crate::connection::{At, Carries, Connection, Connections};
use crate::http::front::Front;
use crate::http::tracking::TrackingState;
use crate::http::{self, State, echo, health};
use crate::telemetry::Endpoints;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Extensions, Server, ServerHandle, ServiceResponse, fn_service};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer};
use listenfd::ListenFd;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tls::Stream;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// How long new connections are still accepted after clients have been told to leave the ones that they have.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long requests that were accepted may take, until each answer ends its connection.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// How long a stop waits for jobs to end at their next commit.
const JOBS_PATIENCE: Duration = Duration::from_secs(5);
/// A request head that takes longer is cut off.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to close its side.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Seconds until connections are cut off that still wait for an answer at a stop.
const STOP_PATIENCE_S: u64 = 10;
/// Open connections of the admin side's own address.
const ADMIN_CONNECTIONS: usize = 1_000;

/// Where an instance listens.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Tracking endpoints, and the admin side unless it has an own address.
    pub public: SocketAddr,
    /// The admin side's own address.
    pub admin: Option<SocketAddr>,
    /// The address without TLS beside the public one.
    pub plain: Option<SocketAddr>,
}

impl Bound {
    /// Where the admin side is.
    pub fn admin_side(&self) -> SocketAddr {
        self.admin.unwrap_or(self.public)
    }
}

/// An address at which others reach what listens on all of them: that of the network through which this machine
/// reaches others. Nothing is sent to find it.
pub(super) fn as_reached(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    // An address for documentation, and behind the default route.
    let outward = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let ip = outward.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |own| own.ip());
    SocketAddr::new(ip, address.port())
}

/// Open sockets, not served yet.
pub(super) struct Sockets {
    public: TcpListener,
    admin: Option<TcpListener>,
    plain: Option<TcpListener>,
    echo: TcpListener,
    bound: Bound,
    echo_address: SocketAddr,
}

/// Sockets that no setting has a use for: who connects to them would wait for ever, and nobody would know why.
fn tell_unused(handed: &mut ListenFd) {
    for index in 0..handed.len() {
        if let Ok(Some(unused)) = handed.take_tcp_listener(index) {
            let address = unused
                .local_addr()
                .map_or_else(|_| "?".into(), |address| address.to_string());
            tracing::warn!(
                code = "unused_socket",
                address,
                "systemd handed over a socket that no setting uses, and nobody answers there: take it out of yamabiko.socket, or set admin.listen or tls.http_listen"
            );
        }
    }
}

impl Sockets {
    /// Takes systemd's sockets (the public one, the admin one, the one without TLS, as far as they are set), else
    /// binds.
    pub(super) fn open(config: &Config) -> Result<Self, AppError> {
        let mut handed = ListenFd::from_env();
        let mut open = |index: usize, address: SocketAddr| -> Result<TcpListener, AppError> {
            let failed = |source| AppError::Listen {
                address: address.to_string(),
                source,
            };
            match handed.take_tcp_listener(index).map_err(failed)? {
                Some(listener) => Ok(listener),
                None => TcpListener::bind(address).map_err(failed),
            }
        };
        let public = open(0, config.listen)?;
        let admin = config.admin.listen.map(|address| open(1, address)).transpose()?;
        let third = 1 + usize::from(admin.is_some());
        let plain = (config.tls.http_listen)
            .map(|address| open(third, address))
            .transpose()?;
        let echo = open(usize::MAX, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        tell_unused(&mut handed);
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|source| AppError::Listen {
                address: "a socket".into(),
                source,
            })
        };
        let bound = Bound {
            public: address(&public)?,
            admin: admin.as_ref().map(address).transpose()?,
            plain: plain.as_ref().map(address).transpose()?,
        };
        let echo_address = address(&echo)?;
        Ok(Self {
            public,
            admin,
            plain,
            echo,
            bound,
            echo_address,
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
    let connections = state.connections.clone();
    let served: Result<(), AppError> = system.block_on(async move {
        let servers = start(sockets, &state, tracking, &connections)?;
        let handles: Vec<ServerHandle> = servers.iter().map(Server::handle).collect();
        let mut running: Vec<_> = servers.into_iter().map(actix_web::rt::spawn).collect();
        tracing::info!(address = %bound.public, admin = %bound.admin_side(), "listening");
        ready(&bound);
        systemd::notify(sd_notify::NotifyState::Ready);
        let watchdog = super::watchdog::start(&state, bound.public);
        let ended = loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::Reload => super::reload::reload(&state),
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
        systemd::notify(sd_notify::NotifyState::Stopping);
        watchdog.abort();
        tracing::info!("stopping: what is on the wire, then the last requests");
        stop_work(&state).await;
        drain(&handles, &connections).await;
        ended
    });
    served
}

/// Ends jobs and delivery while visitors are still answered: a destination that is slow to answer must not keep
/// them waiting. Postbacks of what they do meanwhile are due after the next start.
async fn stop_work(state: &State) {
    let delivery = state.delivery.clone();
    let wire = web::block(move || delivery.stop(Instant::now() + super::WIRE_PATIENCE));
    let ((), stopped) = tokio::join!(state.jobs.stop(JOBS_PATIENCE), wire);
    if let Err(error) = stopped {
        tracing::error!(code = "delivery_stop", %error, "delivery could not be stopped before the listeners");
    }
}

/// Ends all connections without losing a request: clients are told to open new ones while those are still
/// accepted; then new ones wait in the socket for the next process, when there is somebody who holds it.
async fn drain(handles: &[ServerHandle], connections: &Connections) {
    connections.drain();
    gone(connections, FAREWELL).await;
    for handle in handles {
        handle.pause().await;
    }
    gone(connections, LAST_ANSWERS).await;
    connections.insist();
    for handle in handles {
        handle.stop(true).await;
    }
}

/// Waits until no connection has been open for a moment: one that was just accepted is not counted before a
/// worker has it.
async fn gone(connections: &Connections, patience: Duration) {
    const LOOK: Duration = Duration::from_millis(10);
    const LOOKS: u32 = 5;
    let until = Instant::now() + patience;
    let mut quiet = 0;
    while quiet < LOOKS && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        quiet = if connections.open() == 0 { quiet + 1 } else { 0 };
    }
}

/// What a listener is served with.
struct Listening {
    listener: TcpListener,
    workers: usize,
    /// Connections of a worker.
    most: usize,
    tls: Option<TlsAcceptor>,
    front: Front,
}

/// A server of connections under watch, with TLS when there are certificates.
fn listen<I, S, B>(
    listening: Listening,
    application: impl Fn() -> I + Clone + Send + 'static,
) -> Result<Server, AppError>
where
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let Listening {
        listener,
        workers,
        most,
        tls,
        front,
    } = listening;
    let local = listener.local_addr().map_err(AppError::Server)?;
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(most)
        .shutdown_timeout(STOP_PATIENCE_S)
        .disable_signals()
        .listen("yamabiko", listener, move || {
            let (connections, tls) = (front.connections.clone(), tls.clone());
            let front = Rc::new(front.clone());
            let application = application()
                .into_factory()
                .map_err(|error: actix_web::Error| error.error_response());
            let application = apply_fn_factory(application, move |request: Request, application: &_| {
                front.serve(request, application)
            });
            let service = HttpService::build()
                .client_request_timeout(HEAD_PATIENCE)
                .client_disconnect_timeout(CLOSE_PATIENCE)
                .on_connect_ext(|io: &Connection<Stream>, data: &mut Extensions| io.remember(data))
                .finish(map_config(application, |()| AppConfig::default()));
            fn_service(move |io: TcpStream| {
                let (connections, tls) = (connections.clone(), tls.clone());
                async move {
                    let peer = io.peer_addr().ok();
                    let Some(admitted) = connections.admit(peer) else {
                        return Err(DispatchError::Io(std::io::ErrorKind::ConnectionRefused.into()));
                    };
                    io.set_nodelay(true)?;
                    let is_tls = tls.is_some();
                    let io = Stream::open(io, tls).await?;
                    let (protocol, carries) = if io.is_http2() {
                        (Protocol::Http2, Carries::Multiplexed)
                    } else {
                        (Protocol::Http1, Carries::OneByOne)
                    };
                    Ok::<_, DispatchError>((
                        connections.watch(io, admitted, At { local, is_tls }, carries),
                        protocol,
                        peer,
                    ))
                }
            })
            .and_then(service)
        })
        .map_err(AppError::Server)?;
    Ok(server.run())
}

/// The server of the built-in receiver.
fn receiver(state: &State, listener: TcpListener) -> Result<Server, AppError> {
    let remembered = Data::new(state.echo.clone());
    let receiver = HttpServer::new(move || {
        App::new()
            .app_data(remembered.clone())
            .default_service(web::to(echo::answer))
    })
    .workers(1)
    .shutdown_timeout(STOP_PATIENCE_S)
    .disable_signals();
    Ok(receiver.listen(listener).map_err(AppError::Server)?.run())
}

fn start(
    sockets: Sockets,
    state: &Arc<State>,
    tracking: TrackingState,
    connections: &Connections,
) -> Result<Vec<Server>, AppError> {
    let config = state.config.now();
    let workers = match usize::from(config.threads.http) {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        set => set,
    };
    let most = (config.limits.max_connections as usize).div_ceil(workers);
    let tls = config.has_tls().then(|| tls::acceptor(&state.certificates));
    let (tracking, shared) = (Data::new(tracking), Data::from(state.clone()));
    let front = Front {
        connections: connections.clone(),
        endpoints: Endpoints::default(),
        tracking: Some(tracking.clone()),
        plain: None,
    };
    let has_own_admin = sockets.admin.is_some();

    let (of_public, of_tracking) = (shared.clone(), tracking.clone());
    let public = Listening {
        listener: sockets.public,
        workers,
        most,
        tls: tls.clone(),
        front: front.clone(),
    };
    let mut servers = vec![listen(public, move || {
        let app = App::new()
            .app_data(of_tracking.clone())
            .app_data(of_public.clone())
            .configure(tracked);
        if has_own_admin {
            app.configure(http::nothing_else)
        } else {
            app.configure(http::admin_routes)
        }
    })?];
    if let Some(listener) = sockets.plain {
        let plain = Listening {
            listener,
            workers,
            most,
            tls: None,
            front: Front {
                plain: Some(shared.clone()),
                ..front.clone()
            },
        };
        let of_plain = shared.clone();
        servers.push(listen(plain, move || {
            App::new()
                .app_data(tracking.clone())
                .app_data(of_plain.clone())
                .configure(tracked)
                .configure(http::plain::everything_else)
        })?);
    }
    if let Some(listener) = sockets.admin {
        let admin = Listening {
            listener,
            workers: 1,
            most: ADMIN_CONNECTIONS,
            tls,
            front: Front {
                tracking: None,
                ..front
            },
        };
        servers.push(listen(admin, move || {
            App::new()
                .app_data(shared.clone())
                .configure(health::public_routes)
                .configure(http::admin_routes)
        })?);
    }
    servers.push(receiver(state, sockets.echo)?);
    Ok(servers)
}

/// What every address serves at which visitors may ask.
fn tracked(config: &mut ServiceConfig) {
    http::tracking::routes(config);
    http::reach::public_routes(config);
    http::plain::challenge_routes(config);
    health::public_routes(config);
}
