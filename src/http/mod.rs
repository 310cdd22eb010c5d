//! What is served: the public tracking endpoints, and the admin side with its API and UI. The only room
//! that names actix (besides `app`).
//!
//! The two sides are separate sets of routes, so that they can listen on separate addresses: the tracking
//! routes hold no admin route.

pub mod api;
pub mod assets;
pub mod auth;
pub mod client;
pub mod echo;
pub mod extract;
pub mod health;
pub mod host;
pub mod problem;
mod proof;
pub mod reach;
pub mod stream;
pub mod tracking;

use crate::alerts::Alerts;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::recorder::Recorder;
use crate::store::Keeper;
use crate::telemetry::Metrics;
use crate::tracking::geo::GeoIp;
use crate::tracking::link_names::LinkNames;
use crate::tracking::visitors::Visitors;
use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use auth::Auth;
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
    /// Lanes and workers.
    pub delivery: Arc<Delivery>,
    /// Tells the operator what is wrong.
    pub alerts: Arc<Alerts>,
    /// Snapshots and backups.
    pub keeper: Keeper,
    /// Effective configuration.
    pub config: Arc<Config>,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// Logins, tokens, throttling.
    pub auth: Auth,
    /// The built-in receiver of tests.
    pub echo: Arc<Echo>,
    /// Places of addresses.
    pub geo: Arc<GeoIp>,
    /// Which names below a link are known.
    pub link_names: Arc<LinkNames>,
    /// How many devices are known.
    pub visitors: Arc<Visitors>,
    /// Where the admin side listens.
    pub admin_address: SocketAddr,
    /// Long work that goes on beside the requests.
    pub jobs: api::jobs::Jobs,
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
            Err(_) => Err(ApiError::Busy),
        }
    }

    /// The address of the set-up page with its token, which stands in the fragment: browsers never send it.
    pub fn setup_url(&self, token: &str) -> String {
        let settings = &self.recorder.catalog().settings;
        let public = Some(settings.public_url.clone()).filter(|url| !url.is_empty());
        let base = match (
            self.config.admin.listen,
            public.or_else(|| self.config.public_url.clone()),
        ) {
            (None, Some(url)) => url.trim_end_matches('/').to_owned(),
            (Some(_), _) | (None, None) => {
                let mut address = self.admin_address;
                if address.ip().is_unspecified() {
                    address.set_ip(std::net::IpAddr::from([127, 0, 0, 1]));
                }
                let scheme = if self.config.tls.cert_file.is_some() {
                    "https"
                } else {
                    "http"
                };
                format!("{scheme}://{address}")
            }
        };
        format!("{base}/setup#{token}")
    }
}

/// The admin side: API, live stream, UI. The state must be there as [`web::Data`].
pub fn admin_routes(config: &mut ServiceConfig) {
    let api = web::scope("/api")
        .wrap(from_fn(host::guard))
        .wrap(from_fn(data_headers))
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
async fn wrong_method() -> Result<&'static str, ApiError> {
    Err(ApiError::Method)
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
    state.is_some_and(|state| client::caller(request.request(), &state.config.trusted_proxies).is_tls)
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
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}
