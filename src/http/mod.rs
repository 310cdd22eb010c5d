//! What is served: the public tracking endpoints, and the admin side with its API and UI.
//!
//! The two sides are separate sets of routes, so that they can listen on separate addresses: the tracking
//! routes hold no admin route.

pub mod api;
pub mod assets;
pub mod auth;
pub mod client;
mod compress;
pub mod echo;
pub mod extract;
pub mod front;
pub mod health;
pub mod host;
pub mod plain;
pub mod problem;
mod proof;
pub mod reach;
pub mod stream;
pub mod tracking;

use crate::admin::callback_tests::CallbackTickets;
use crate::admin::jobs::Jobs;
use crate::admin::setup::{self, SetupLink};
use crate::admin::{AdminError, Auth, Saving, ServerLimits};
use crate::alerts::Alerts;
use crate::archive::Archiving;
use crate::certificates::Certificates;
use crate::config::InForce;
use crate::connection::Connections;
use crate::delivery::Delivery;
use crate::delivery::holds::Holds;
use crate::delivery::pause::Pause;
use crate::export::Export;
use crate::recorder::Recorder;
use crate::reports::{Exports, PartnerScope, Readers, View};
use crate::store::Keeper;
use crate::store::catalog::Catalog;
use crate::stream::Stream;
use crate::telemetry::Metrics;
use crate::tracking::app::due::Means;
use crate::tracking::gate::Gate;
use crate::tracking::geo::GeoIp;
use crate::tracking::link_names::LinkNames;
use crate::tracking::tags_seen::TagsSeen;
use crate::tracking::visitor_count::VisitorCount;
use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use echo::Echo;
use problem::ApiError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a read waits for what was acknowledged before it.
const APPLY_PATIENCE: Duration = Duration::from_secs(2);

/// OWASP ASVS 5.0, 3.4: nothing from elsewhere, nothing inline.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the admin side works with.
pub struct State {
    /// The one writer, and through it the configuration and reads.
    pub recorder: Recorder,
    /// Tickets for tests of callbacks.
    pub callback_tickets: CallbackTickets,
    /// Lanes and workers.
    pub delivery: Arc<Delivery>,
    /// Tells the operator what is wrong.
    pub alerts: Arc<Alerts>,
    /// Snapshots and backups.
    pub keeper: Keeper,
    /// The archive off the machine, if there is one.
    pub archiving: Option<Arc<Archiving>>,
    /// Whether an operator paused delivery.
    pub pause: Pause,
    /// Open connections of visitors.
    pub connections: Connections,
    /// Partners whose postbacks wait.
    pub holds: Holds,
    /// Effective configuration.
    pub config: InForce,
    /// Of the listeners.
    pub certificates: Arc<Certificates>,
    /// Activities to a receiver, if there is one.
    pub stream: Option<Arc<Stream>>,
    /// Files of raw data, if any are written.
    pub export: Option<Arc<Export>>,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// Logins, tokens, throttling.
    pub auth: Auth,
    /// The built-in receiver of tests.
    pub echo: Arc<Echo>,
    /// On which sites the tag is loaded.
    pub tags_seen: Arc<TagsSeen>,
    /// Places of addresses.
    pub geo: Arc<GeoIp>,
    /// How often strangers may send something.
    pub gate: Arc<Gate>,
    /// Which names below a link are known.
    pub link_names: Arc<LinkNames>,
    /// How many devices are known.
    pub visitors: Arc<VisitorCount>,
    /// Where visitors are answered.
    pub public_address: SocketAddr,
    /// Where the admin side listens, as the machine is reached.
    pub admin_address: SocketAddr,
    /// Long work that goes on beside the requests.
    pub jobs: Jobs,
    /// Threads that read for operators.
    pub readers: Readers,
    /// The exports under way.
    pub exports: Exports,
    /// What the start found wrong and only another start can mend.
    pub start_faults: Vec<health::Check>,
    /// Unix milliseconds.
    pub started_at_ms: i64,
}

impl State {
    /// Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.recorder.clock().now_ms()
    }

    /// What carrying out an erasure needs.
    pub fn means(&self) -> Means {
        Means {
            visitors: self.visitors.clone(),
            link_names: self.link_names.clone(),
        }
    }

    /// What reports are made from.
    pub fn view(&self, scope: PartnerScope) -> View {
        View {
            reader: self.recorder.reader().clone(),
            catalog: self.recorder.catalog(),
            scope,
            now_ms: self.now_ms(),
        }
    }

    /// Makes a link under which the instance can be claimed.
    pub fn setup_link(&self) -> Result<SetupLink, AdminError> {
        setup::issue_link(&self.auth, &self.recorder, self.config.now(), self.admin_address)
    }

    /// What this server allows to be saved.
    pub fn limits(&self) -> ServerLimits<'_> {
        ServerLimits::new(self.config.now(), Some(self.echo.address()))
    }

    /// What a save is made with; `origin` is this server as the caller sees it.
    pub fn saving<'a>(&'a self, catalog: &'a Catalog, origin: &'a str) -> Saving<'a> {
        Saving {
            catalog,
            limits: self.limits(),
            origin,
            now_ms: self.now_ms(),
        }
    }

    /// Waits until everything acknowledged so far can be read.
    pub async fn applied(&self) -> Result<(), ApiError> {
        let reader = self.recorder.reader().clone();
        let waited =
            web::block(move || reader.wait_applied(reader.health().durable_seq, APPLY_PATIENCE)).await;
        match waited {
            Ok(true) => Ok(()),
            // It is durable all the same; a read may miss it for a moment.
            Ok(false) => {
                tracing::warn!(
                    code = "apply_slow",
                    "the store is slow to apply what is in the journal"
                );
                Ok(())
            }
            Err(_) => Err(AdminError::Busy.into()),
        }
    }
}

/// The admin side: API, live stream, UI. The state must be there as [`web::Data`].
pub fn admin_routes(config: &mut ServiceConfig) {
    let api = web::scope("/api")
        .wrap(from_fn(host::guard))
        .wrap(from_fn(data_headers))
        .wrap(from_fn(compress::json))
        .configure(api::routes)
        .default_service(web::to(no_route));
    let proof = web::scope("/proof")
        .wrap(from_fn(data_headers))
        .configure(proof::routes);
    config.service(api).service(proof).service(
        web::scope("")
            .wrap(from_fn(host::guard))
            .wrap(from_fn(page_headers))
            .default_service(web::to(assets::serve)),
    );
}

/// The answer of the public listener for everything that is not its own.
pub fn nothing_else(config: &mut ServiceConfig) {
    config.default_service(web::to(|request: HttpRequest| async move {
        tracking::elsewhere(&request)
    }));
}

/// The answer of an address for a method that does not belong to it.
async fn wrong_method(request: HttpRequest) -> Result<&'static str, ApiError> {
    Err(ApiError::Method {
        allow: methods_of(request.path()).into(),
    })
}

/// Methods of the addresses outside the API, for the header `Allow`.
fn methods_of(path: &str) -> &'static str {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match segments.next().unwrap_or_default() {
        "cv" => "GET, POST, OPTIONS",
        "cv.gif" | "metrics" => "GET",
        "d" => "POST, OPTIONS",
        "c" | "i" | "tag.js" | "healthz" | "readyz" | "proof" => "GET, HEAD",
        ".well-known" if segments.next() == Some("yamabiko-check") => "GET",
        ".well-known" => "POST",
        _ => "GET, POST",
    }
}

async fn no_route() -> Result<&'static str, ApiError> {
    Err(ApiError::NoRoute)
}

/// Headers of data: never stored by caches.
async fn data_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let secure = is_tls(&request);
    let mut answer = next.call(request).await?;
    let headers = answer.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    protect(headers, secure);
    Ok(answer)
}

/// Headers of pages and their files.
async fn page_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let secure = is_tls(&request);
    let mut answer = next.call(request).await?;
    protect(answer.headers_mut(), secure);
    Ok(answer)
}

fn is_tls(request: &ServiceRequest) -> bool {
    let state = request.app_data::<web::Data<State>>();
    state.is_some_and(|state| client::client(request.request(), &state.config.now().trusted_proxies).is_tls)
}

fn protect(headers: &mut actix_web::http::header::HeaderMap, secure: bool) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, front::HSTS);
    }
}
