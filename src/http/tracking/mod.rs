//! The public endpoints that visitors, tags and servers call. They parse the request once, hand it to
//! `tracking`, and answer; no login, no admin route, no decision about what counts.

mod apple;
mod callback_preview;
mod click;
mod conversion;
mod direct;
mod s2s;

use super::client::{self, Client};
use super::problem::ApiError;
use crate::admin::callback_preview::CallbackTests;
use crate::config::InForce;
use crate::domain::ids::{OfferId, SessionId};
use crate::domain::offer::Offer;
use crate::domain::session::Session;
use crate::domain::site;
use crate::recorder::Recorder;
use crate::tracking::apple::AppleKeys;
use crate::tracking::body::{Body, BodyError};
use crate::tracking::click::Lookups;
use crate::tracking::client::{ClientHeaders, IpHasher};
use crate::tracking::erasure_limit::ErasureLimit;
use crate::tracking::gate::Gate;
use crate::tracking::geo::GeoIp;
use crate::tracking::link_names::LinkNames;
use crate::tracking::query::FieldError;
use crate::tracking::remains::{MAX_KEPT_BYTES, Remains};
use crate::tracking::repeat::Repeats;
use crate::tracking::tag::{TAG_CONTENT_TYPE, tag_js};
use crate::tracking::tags_seen::TagsSeen;
use crate::tracking::visitor_count::VisitorCount;
use actix_web::Resource;
use actix_web::cookie::Cookie;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERER, SET_COOKIE, USER_AGENT,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, guard};
use futures_core::Stream;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
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
const DAY_S: i64 = 86_400;

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
    pub visitors: Arc<VisitorCount>,
    /// How often strangers may send something.
    pub gate: Arc<Gate>,
    /// The configuration in force.
    pub config: InForce,
    /// How often erasures may be asked for.
    pub erasure_limit: ErasureLimit,
    /// Tests of callbacks under way.
    pub callback_tests: CallbackTests,
    /// On which sites the tag is loaded.
    pub tags_seen: Arc<TagsSeen>,
}

impl TrackingState {
    /// What a session is completed from.
    fn lookups(&self) -> Lookups<'_> {
        Lookups {
            geo: &self.geo,
            ip_hasher: &self.ip_hasher,
            link_names: &self.link_names,
        }
    }
}

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

/// The first segment of a path in lower case, as a mistyped address is compared.
fn first_segment(path: &str) -> String {
    let first = path.split('/').find(|segment| !segment.is_empty());
    first.unwrap_or_default().to_ascii_lowercase()
}

/// Whether a path was probably meant for a tracking endpoint.
pub fn resembles_address(path: &str) -> bool {
    let first = first_segment(path);
    matches!(first.as_str(), "c" | "i") || ADDRESSES.iter().any(|(segment, _)| *segment == first)
}

/// The answer for a path that nothing is served under: a link that is written oddly leads to itself, other links get the
/// page of an unknown one, else 404 with the address that was probably meant.
pub fn elsewhere(request: &HttpRequest) -> HttpResponse {
    let first = first_segment(request.path());
    if matches!(first.as_str(), "c" | "i") {
        return click::odd_address(request, &first);
    }
    match ADDRESSES.iter().find(|(segment, _)| *segment == first) {
        Some((_, meant)) => ApiError::Mistyped { meant }.error_response(),
        None => ApiError::NoRoute.error_response(),
    }
}

/// Adds the public routes. A slash at the end, which many systems add by themselves, means the same; those
/// routes come last, since each pattern before the one that fits costs every request. The addresses of links come
/// first, found by their beginning: a pattern would cost a click more than reading its query does.
pub fn routes(config: &mut ServiceConfig) {
    let preview = |end| {
        resource(&format!("/{}{end}", callback_preview::TOKEN)).route(web::get().to(callback_preview::test))
    };
    let is_read = || guard::Any(guard::Get()).or(guard::Head());
    let clicks = web::scope("/c").guard(is_read());
    let impressions = web::scope("/i").guard(is_read());
    config
        .service(
            clicks
                .service(preview(""))
                .service(preview("/"))
                .default_service(web::to(click::click)),
        )
        .service(impressions.default_service(web::to(click::impression)));
    for path in ["/c", "/i"] {
        config.service(web::scope(path).default_service(web::to(super::wrong_method)));
    }
    for end in ["", "/"] {
        addresses(config, end);
        s2s::routes(config, end);
    }
}

/// What stands in the place of a link's token, percent-decoded, without a slash at its end; possibly empty or no token
/// at all.
fn link_of(request: &HttpRequest) -> Cow<'_, str> {
    let rest = request.match_info().unprocessed();
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    percent_decode_str(rest.strip_suffix('/').unwrap_or(rest)).decode_utf8_lossy()
}

fn addresses(config: &mut ServiceConfig, end: &str) {
    let resource = |path: &str| resource(&format!("{path}{end}"));
    conversion::routes(config, end);
    config
        .service(
            resource("/d/{link}")
                .route(web::post().to(direct::land))
                .route(web::method(Method::OPTIONS).to(direct::preflight)),
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

async fn tag(request: HttpRequest, state: web::Data<TrackingState>) -> HttpResponse {
    let referer = request.headers().get(REFERER).and_then(|r| r.to_str().ok());
    if let Some(referer) = referer {
        state.tags_seen.note(referer, state.recorder.clock().now_ms());
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, TAG_CONTENT_TYPE))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .insert_header((
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ))
        .insert_header((HeaderName::from_static("x-content-type-options"), "nosniff"))
        .body(tag_js())
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
    request.headers().get(name).map(text_of).unwrap_or_default()
}

/// A value as text, whatever its bytes.
fn text_of(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    }
}

/// Headers that say that nobody looks at the answer yet.
const PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];
const MODEL: HeaderName = HeaderName::from_static("sec-ch-ua-model");

fn client_headers(request: &HttpRequest) -> ClientHeaders {
    let mut purpose = String::new();
    for value in PURPOSES.iter().filter_map(|name| request.headers().get(name)) {
        purpose.push_str(&text_of(value));
        purpose.push(',');
    }
    ClientHeaders {
        user_agent: text_header(request, USER_AGENT),
        referer: text_header(request, REFERER),
        accept_language: text_header(request, ACCEPT_LANGUAGE),
        purpose,
        model: text_header(request, MODEL),
    }
}

fn caller(request: &HttpRequest, state: &TrackingState) -> Client {
    client::client(request, &state.config.now().trusted_proxies)
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
    let attributes = if is_tls {
        "; HttpOnly; SameSite=None; Secure; Path=/; Max-Age="
    } else {
        "; HttpOnly; SameSite=Lax; Path=/; Max-Age="
    };
    // Names and values are letters and digits, so nothing in them can end a cookie.
    let mut set = |name: [&str; 2], value: &str, days: i64| {
        let seconds = (days * DAY_S).to_string();
        answer.append_header((
            SET_COOKIE,
            [name[0], name[1], "=", value, attributes, &seconds].concat(),
        ));
    };
    set([VISITOR_COOKIE, ""], &session.tuid, VISITOR_DAYS);
    let days = i64::from(offer.web_window_days());
    set([SESSION_COOKIE, offer.id.as_str()], &session.id.to_string(), days);
}

/// Whether the target is longer than [`MAX_TARGET_BYTES`].
fn is_too_long(request: &HttpRequest) -> bool {
    let target = request.uri().path_and_query();
    target.is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES)
}

/// A request that could not be received whole, and what of its body was seen.
struct Unread {
    error: ApiError,
    /// At most [`MAX_KEPT_BYTES`].
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
            ApiError::BodyType { .. } => "content-type",
            ApiError::BodyEncoding { .. } => "content-encoding",
            _ => "body",
        };
        FieldError::new(field, self.error.row().1, self.error.to_string())
    }

    /// What of the request can be read.
    fn remains(&self, request: &HttpRequest) -> Remains {
        Remains::read_beginning(request.query_string().as_bytes(), &self.beginning)
    }
}

impl From<BodyError> for Unread {
    fn from(error: BodyError) -> Self {
        let error = match error {
            BodyError::Type(found) => ApiError::BodyType { found },
            BodyError::Encoding(found) => ApiError::BodyEncoding { found },
            BodyError::TooLarge => ApiError::TooLarge {
                limit: MAX_BODY_BYTES,
            },
            BodyError::Broken(what) => ApiError::invalid(
                "body",
                "broken_body",
                format!("The body cannot be read: {what}. Send a form or JSON as its headers say."),
            ),
        };
        Self {
            error,
            beginning: web::BytesMut::new(),
        }
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
    body.truncate(MAX_KEPT_BYTES);
    Err(Unread {
        error,
        beginning: body,
    })
}

/// A form or JSON, whatever the body came as.
fn body_of<'b>(request: &HttpRequest, bytes: &'b [u8]) -> Result<Body<'b>, BodyError> {
    let (content_type, encoding) = (
        text_header(request, CONTENT_TYPE),
        text_header(request, CONTENT_ENCODING),
    );
    Body::read(&content_type, &encoding, bytes, MAX_BODY_BYTES)
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
    let is_listed = |offer: &Offer| site::is_listed(&offer.sites, origin);
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
