//! The public endpoints that visitors, tags and servers call. They parse the request once, hand it to
//! `tracking`, and answer; no login, no admin route, no decision about what counts.

mod apple;
mod callback_test;
mod click;
mod conversion;
mod direct;
mod erasure_limit;
mod s2s;

pub use erasure_limit::ErasureLimit;

use super::client::{self, Caller};
use super::problem::ApiError;
use crate::domain::ids::{OfferId, SessionId};
use crate::domain::offer::Offer;
use crate::domain::session::Session;
use crate::recorder::Recorder;
use crate::store::catalog::Catalog;
use crate::telemetry::{self, EngagementResult};
use crate::tracking::apple::AppleKeys;
use crate::tracking::client::{ClientHeaders, IpHasher};
use crate::tracking::geo::GeoIp;
use crate::tracking::kept::{self, Remains};
use crate::tracking::link_names::LinkNames;
use crate::tracking::query::FieldError;
use crate::tracking::repeat::Repeats;
use crate::tracking::tag::{TAG_CONTENT_TYPE, TAG_JS};
use crate::tracking::visitors::Visitors;
use actix_web::Resource;
use actix_web::cookie::{Cookie, SameSite, time::Duration as CookieDuration};
use actix_web::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERER, USER_AGENT,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use futures_core::Stream;
use ipnet::IpNet;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

/// Longest request target, bytes; a longer one is answered 414.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// Largest body of the public endpoints, bytes; a larger one is answered 413.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A body that takes longer is given up.
const BODY_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Name of the cookie that holds the TUID.
const VISITOR_COOKIE: &str = "yb";
/// Beginning of the names of the cookies that hold the last SID by offer.
const SESSION_COOKIE: &str = "ys_";
/// Browsers keep a cookie for at most 400 days.
const VISITOR_DAYS: i64 = 400;

const GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// What the public endpoints work with.
pub struct TrackingState {
    /// The one writer.
    pub recorder: Recorder,
    /// Places of addresses.
    pub geo: Arc<GeoIp>,
    /// Keyed hash of addresses.
    pub ip_hasher: IpHasher,
    /// Who clicked what, lately.
    pub repeats: Repeats,
    /// Which names below a link are known.
    pub link_names: Arc<LinkNames>,
    /// What Apple's postbacks are verified with.
    pub apple_keys: AppleKeys,
    /// How many devices are known.
    pub visitors: Arc<Visitors>,
    /// How often erasures may be asked for.
    pub erasure_limit: ErasureLimit,
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Tests of callbacks under way.
    pub callback_tests: CallbackTests,
}

pub use callback_test::CallbackTests;

/// First segments of the addresses and the address itself, for those who mistype one.
const ADDRESSES: [(&str, &str); 12] = [
    ("cv", "/cv"),
    ("cv.gif", "/cv.gif"),
    ("d", "/d/{link}"),
    ("tag.js", "/tag.js"),
    ("session", "/session"),
    ("event", "/event"),
    ("ad_revenue", "/ad_revenue"),
    ("gdpr_forget_device", "/gdpr_forget_device"),
    ("uninstall", "/uninstall"),
    ("attribution", "/attribution"),
    ("claim", "/claim"),
    ("cost", "/cost"),
];

/// A resource that answers a method that does not belong in the one error form.
fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(super::wrong_method))
}

/// The answer for a path that nothing is served under: for what looks like a link the page of an unknown
/// one, else 404 with the address that was probably meant.
pub fn elsewhere(request: &HttpRequest) -> HttpResponse {
    let first = request.path().split('/').find(|segment| !segment.is_empty());
    let first = first.unwrap_or_default().to_ascii_lowercase();
    if matches!(first.as_str(), "c" | "i") {
        return no_such_link();
    }
    match ADDRESSES.iter().find(|(segment, _)| *segment == first) {
        Some((_, meant)) => ApiError::Mistyped { meant }.error_response(),
        None => ApiError::NoRoute.error_response(),
    }
}

/// `/c/...` and `/i/...` that cannot be a link.
async fn misshapen_click() -> HttpResponse {
    telemetry::click(EngagementResult::UnknownLink);
    no_such_link()
}

async fn misshapen_impression() -> HttpResponse {
    telemetry::impression(EngagementResult::UnknownLink);
    no_such_link()
}

/// Adds the public routes. A slash at the end, which many systems add by themselves, means the same; those
/// routes come last, since each pattern before the one that fits costs every request.
pub fn routes(config: &mut ServiceConfig) {
    for end in ["", "/"] {
        addresses(config, end);
        s2s::routes(config, end);
    }
    config
        .service(web::resource(["/c", "/c/{rest:.*}"]).to(misshapen_click))
        .service(web::resource(["/i", "/i/{rest:.*}"]).to(misshapen_impression));
}

fn addresses(config: &mut ServiceConfig, end: &str) {
    let resource = |path: &str| resource(&format!("{path}{end}"));
    config
        .service(resource(&format!("/c/{}", callback_test::TOKEN)).route(web::get().to(callback_test::test)))
        .service(
            resource("/c/{link}")
                .route(web::get().to(click::click))
                .route(web::head().to(click::click)),
        )
        .service(
            resource("/i/{link}")
                .route(web::get().to(click::impression))
                .route(web::head().to(click::impression)),
        )
        .service(
            resource("/cv")
                .route(web::get().to(conversion::convert))
                .route(web::post().to(conversion::convert))
                .route(web::method(actix_web::http::Method::OPTIONS).to(direct::preflight)),
        )
        .service(resource("/cv.gif").route(web::get().to(conversion::pixel)))
        .service(
            resource("/d/{link}")
                .route(web::post().to(direct::land))
                .route(web::method(actix_web::http::Method::OPTIONS).to(direct::preflight)),
        )
        .service(
            resource("/tag.js")
                .route(web::get().to(tag))
                .route(web::head().to(tag)),
        )
        .service(
            resource("/.well-known/{kind:skadnetwork|appattribution}/report-attribution")
                .route(web::post().to(apple::report)),
        );
}

async fn tag() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, TAG_CONTENT_TYPE))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .insert_header((
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ))
        .insert_header((HeaderName::from_static("x-content-type-options"), "nosniff"))
        .body(TAG_JS)
}

/// A 43-byte transparent picture.
fn gif(mut answer: HttpResponseBuilder) -> HttpResponse {
    answer
        .insert_header((CONTENT_TYPE, "image/gif"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ))
        .body(GIF.as_slice())
}

/// A small page for people; the text is ours, nothing of the request is in it.
fn page(mut answer: HttpResponseBuilder, english: &str, japanese: &str) -> HttpResponse {
    answer.insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).insert_header((CACHE_CONTROL, "no-store")).body(format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>{english}</title><p>{english}</p><p lang=\"ja\">{japanese}</p>\n"
    ))
}

/// The answer for a link that does not exist or is paused: never a redirect.
fn no_such_link() -> HttpResponse {
    page(
        HttpResponse::NotFound(),
        "This link is not in use.",
        "このリンクは使われていません。",
    )
}

fn too_long() -> HttpResponse {
    page(
        HttpResponse::UriTooLong(),
        "The address is too long.",
        "URLが長すぎます。",
    )
}

fn text_header(request: &HttpRequest, name: HeaderName) -> String {
    request
        .headers()
        .get(name)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .unwrap_or_default()
}

fn client_headers(request: &HttpRequest) -> ClientHeaders {
    let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    let mut purpose = String::new();
    for name in purposes {
        if let Some(value) = request.headers().get(name) {
            purpose.push_str(&String::from_utf8_lossy(value.as_bytes()));
            purpose.push(',');
        }
    }
    ClientHeaders {
        user_agent: text_header(request, USER_AGENT),
        referer: text_header(request, REFERER),
        accept_language: text_header(request, ACCEPT_LANGUAGE),
        purpose,
        model: text_header(request, HeaderName::from_static("sec-ch-ua-model")),
    }
}

fn caller(request: &HttpRequest, state: &TrackingState) -> Caller {
    client::caller(request, &state.trusted_proxies)
}

/// TUID of the cookie: 16 alphanumerics that we made; anything else counts as none.
fn known_visitor(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(VISITOR_COOKIE)?;
    cookie
        .value()
        .parse::<SessionId>()
        .ok()
        .map(|tuid| tuid.to_string())
}

fn new_visitor(now_ms: i64) -> String {
    SessionId::new(now_ms, rand::random()).to_string()
}

/// The last sessions of the visitor by offer.
fn visited(request: &HttpRequest) -> Vec<(OfferId, SessionId)> {
    let Ok(cookies) = request.cookies() else {
        return Vec::new();
    };
    let parse = |cookie: &Cookie<'static>| {
        let offer = cookie.name().strip_prefix(SESSION_COOKIE)?.parse().ok()?;
        Some((offer, cookie.value().parse().ok()?))
    };
    cookies.iter().filter_map(parse).take(50).collect()
}

/// Sets the cookies of a click. On TLS they travel with requests of the advertiser's site too; a plain
/// connection cannot ask for that.
fn set_cookies(answer: &mut HttpResponseBuilder, session: &Session, offer: &Offer, is_tls: bool) {
    let cookie = |name: String, value: String, days: i64| {
        let same_site = if is_tls { SameSite::None } else { SameSite::Lax };
        Cookie::build(name, value)
            .path("/")
            .max_age(CookieDuration::days(days))
            .http_only(true)
            .secure(is_tls)
            .same_site(same_site)
            .finish()
    };
    answer.cookie(cookie(VISITOR_COOKIE.into(), session.tuid.clone(), VISITOR_DAYS));
    let days = i64::from(offer.web_window_days());
    answer.cookie(cookie(
        format!("{SESSION_COOKIE}{}", offer.id),
        session.id.to_string(),
        days,
    ));
}

/// Whether the target is longer than [`MAX_TARGET_BYTES`].
fn is_too_long(request: &HttpRequest) -> bool {
    let target = request.uri().path_and_query();
    target.is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES)
}

/// A request that could not be received whole, and what of its body was seen.
struct Unread {
    error: ApiError,
    /// At most [`kept::MAX_KEPT_BYTES`].
    beginning: web::BytesMut,
}

impl Unread {
    fn target() -> Self {
        Self {
            error: ApiError::TargetTooLong {
                limit: MAX_TARGET_BYTES,
            },
            beginning: web::BytesMut::new(),
        }
    }

    /// What is wrong, by the part of the request.
    fn fault(&self) -> FieldError {
        let field = match self.error {
            ApiError::TargetTooLong { .. } => "url",
            _ => "body",
        };
        FieldError::new(field, self.error.row().1, self.error.to_string())
    }

    /// What of the request can be read.
    fn remains(&self, request: &HttpRequest) -> Remains {
        Remains::read_beginning(request.query_string().as_bytes(), &self.beginning)
    }
}

impl From<Unread> for ApiError {
    fn from(unread: Unread) -> Self {
        unread.error
    }
}

/// Reads a body of at most [`MAX_BODY_BYTES`].
async fn read_body(mut payload: web::Payload) -> Result<web::Bytes, Unread> {
    let mut body = web::BytesMut::new();
    let read = tokio::time::timeout(BODY_PATIENCE, read_into(&mut body, &mut payload)).await;
    let error = match read {
        Ok(Ok(())) => return Ok(body.freeze()),
        Ok(Err(error)) => error,
        Err(_) => ApiError::BrokenBody,
    };
    body.truncate(kept::MAX_KEPT_BYTES);
    Err(Unread {
        error,
        beginning: body,
    })
}

async fn read_into(body: &mut web::BytesMut, payload: &mut web::Payload) -> Result<(), ApiError> {
    while let Some(chunk) = poll_fn(|context| Pin::new(&mut *payload).poll_next(context)).await {
        let chunk = chunk.map_err(|_| ApiError::BrokenBody)?;
        let room = MAX_BODY_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Err(ApiError::TooLarge {
                limit: MAX_BODY_BYTES,
            });
        }
    }
    Ok(())
}

/// The origin of the request when it is one of the offer's own sites.
fn own_origin(request: &HttpRequest, offers: impl IntoIterator<Item = impl AsRef<Offer>>) -> Option<String> {
    let origin = request
        .headers()
        .get(actix_web::http::header::ORIGIN)?
        .to_str()
        .ok()?;
    let is_listed = |offer: &Offer| {
        offer
            .sites
            .iter()
            .any(|site| site.trim_end_matches('/').eq_ignore_ascii_case(origin))
    };
    offers
        .into_iter()
        .any(|offer| is_listed(offer.as_ref()))
        .then(|| origin.to_owned())
}

/// Lets a page of the offer's own site read the answer.
fn allow_origin(answer: &mut HttpResponseBuilder, origin: Option<&str>) {
    use actix_web::http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, VARY};
    answer.insert_header((VARY, "Origin"));
    if let Some(origin) = origin {
        answer.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin));
        answer.insert_header((ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"));
    }
}

const ACCEPT_CH: HeaderName = HeaderName::from_static("accept-ch");

/// Asks for the model of the device, too: browsers that leave it out of the user agent say it with the next click.
fn redirect(to: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Found();
    answer
        .insert_header((LOCATION, to))
        .insert_header((ACCEPT_CH, HeaderValue::from_static("Sec-CH-UA-Model")))
        .insert_header((CACHE_CONTROL, "no-store"));
    answer
}

/// An active link of the catalog.
fn active_link<'a>(catalog: &'a Catalog, token: &str) -> Option<&'a crate::store::catalog::LinkEntry> {
    use crate::domain::offer::RunState;
    let entry = catalog.links.get(token)?;
    let is_active = entry.link.state == RunState::Active && entry.offer.state == RunState::Active;
    is_active.then_some(entry.as_ref())
}
