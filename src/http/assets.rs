//! The embedded UI. Hashed files are cached for good, everything else is asked for again by its ETag, and
//! paths of screens get `index.html`, since the browser routes them. Any other path is answered 404: a
//! conversion that was sent to a mistyped address must not be told 200.

use actix_web::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, EntityTag, IF_NONE_MATCH,
    VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::ApiError;
use super::tracking;

/// First segments of the paths that the browser routes; a test compares them with `web/src/app/app.tsx`.
const SCREENS: [&str; 20] = [
    "setup",
    "import",
    "live",
    "links",
    "offers",
    "partners",
    "rules",
    "clicks",
    "conversions",
    "erasures",
    "refused",
    "postbacks",
    "trace",
    "reports",
    "payouts",
    "statements",
    "settings",
    "help",
    "login",
    "",
];

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Ui;

/// Serves a file of the UI, or the page for a path of a screen.
pub async fn serve(request: HttpRequest) -> HttpResponse {
    let path = request.path().trim_start_matches('/');
    let file = Ui::get(path).filter(|_| !path.is_empty());
    let is_screen = is_screen(request.path());
    if file.is_none() && !is_screen {
        return match Ui::get("index.html") {
            Some(page) if is_page_of_nowhere(&request) => {
                let mut answer = send(&request, "index.html", &page, false);
                if answer.status() == StatusCode::OK {
                    *answer.status_mut() = StatusCode::NOT_FOUND;
                }
                answer
            }
            _ => tracking::elsewhere(&request),
        };
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::Method {
            allow: "GET, HEAD".into(),
        }
        .error_response();
    }
    if let Some(file) = file {
        return send(&request, path, &file, path.starts_with("assets/"));
    }
    match Ui::get("index.html") {
        Some(page) if accepts_html(&request) => send(&request, "index.html", &page, false),
        _ => ApiError::NoRoute.error_response(),
    }
}

/// Whether the browser routes the path. One with a dot names a file: a missing one must not be answered with
/// a page, which a browser would run as a script or style.
fn is_screen(path: &str) -> bool {
    let Some(path) = path.strip_prefix('/').filter(|path| !path.contains('.')) else {
        return false;
    };
    match path.split_once('/') {
        Some((first, _)) => !first.is_empty() && SCREENS.contains(&first),
        None => SCREENS.contains(&path),
    }
}

/// Whether somebody looks for a page that is not there: they see the interface say so. Programs do not name HTML
/// among what they accept, and whoever meant a tracking endpoint is told which.
fn is_page_of_nowhere(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok());
    *request.method() == Method::GET
        && accept.is_some_and(|accept| accept.contains("text/html"))
        && !request.path().contains('.')
        && !tracking::resembles_address(request.path())
}

fn accepts_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok());
    accept.is_none_or(|accept| accept.contains("text/html") || accept.contains("*/*"))
}

/// Whether the caller takes an encoding: it is named, and not with a weight of nothing.
fn accepts(request: &HttpRequest, encoding: &str) -> bool {
    let accepted = request
        .headers()
        .get(ACCEPT_ENCODING)
        .and_then(|v| v.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case(encoding) && weight.parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

/// Encodings that a file may have been made in, the smaller one first, and what its name then ends with. Browsers take
/// Brotli over TLS and from this machine only.
const ENCODINGS: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

fn send(request: &HttpRequest, path: &str, file: &EmbeddedFile, is_hashed: bool) -> HttpResponse {
    // Made by the build of the UI beside the file itself; small ones have none.
    let made = ENCODINGS.map(|(encoding, end)| (encoding, Ui::get(&format!("{path}.{end}"))));
    let has_choice = made.iter().any(|(_, file)| file.is_some());
    let taken = made.iter().find_map(|(encoding, file)| {
        Some((*encoding, file.as_ref()?)).filter(|_| accepts(request, encoding))
    });
    let file = taken.map_or(file, |(_, file)| file);
    let tag = EntityTag::new_strong(hex(&file.metadata.sha256_hash()[..16]));
    let is_known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|known| {
            known
                .split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag.to_string())
        });
    let mut answer: HttpResponseBuilder = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer.insert_header((ETAG, tag.to_string())).insert_header((
        CACHE_CONTROL,
        if is_hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        },
    ));
    if has_choice {
        answer.insert_header((VARY, "accept-encoding"));
    }
    if is_known {
        return answer.finish();
    }
    if let Some((encoding, _)) = taken {
        answer.insert_header((CONTENT_ENCODING, encoding));
    }
    answer
        .insert_header((CONTENT_TYPE, content_type(path)))
        .body(file.data.clone().into_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The media types of what a build of the UI holds.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn an_encoding_is_sent_to_those_that_take_it() {
        for (header, takes) in [
            ("gzip, deflate, br", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let request = TestRequest::default()
                .insert_header((ACCEPT_ENCODING, header))
                .to_http_request();
            assert_eq!(accepts(&request, "gzip"), takes, "{header}");
        }
    }

    #[actix_web::test]
    async fn screens_get_the_page_and_missing_files_do_not() {
        let page = serve(
            TestRequest::with_uri("/links/abc")
                .insert_header((ACCEPT, "text/html"))
                .to_http_request(),
        )
        .await;
        assert_eq!(page.status(), 200);
        assert_eq!(page.headers().get(CACHE_CONTROL).unwrap(), "no-cache");
        let tag = page.headers().get(ETAG).unwrap().clone();
        let again = serve(
            TestRequest::with_uri("/")
                .insert_header((IF_NONE_MATCH, tag))
                .to_http_request(),
        )
        .await;
        assert_eq!(again.status(), 304);
        let missing = serve(TestRequest::with_uri("/assets/gone-1234.js").to_http_request()).await;
        assert_eq!(missing.status(), 404);
        let absent = serve(TestRequest::with_uri("/nothing/here").to_http_request()).await;
        assert_eq!(absent.status(), 404);
        assert_eq!(absent.headers().get(CONTENT_TYPE).unwrap(), "application/json");
        for (path, type_of_answer) in [
            ("/nowhere/at/all", "text/html; charset=utf-8"),
            ("/gone.html", "application/json"),
            ("/CV", "application/json"),
        ] {
            let request = TestRequest::with_uri(path).insert_header((ACCEPT, "text/html,*/*;q=0.8"));
            let answer = serve(request.to_http_request()).await;
            assert_eq!(answer.status(), 404, "{path}");
            assert_eq!(
                answer.headers().get(CONTENT_TYPE).unwrap(),
                type_of_answer,
                "{path}"
            );
        }
        let posted = serve(TestRequest::with_uri("/").method(Method::POST).to_http_request()).await;
        assert_eq!(posted.status(), 405);
    }

    #[test]
    fn the_screens_are_those_of_the_web_router() {
        let router = include_str!("../../web/src/app/app.tsx");
        let paths = router
            .split("path=\"/")
            .skip(1)
            .chain(router.split("location === \"/").skip(1));
        let first = |rest: &str| rest.split(['/', '"']).next().unwrap().to_owned();
        let mut routed: Vec<String> = paths.map(first).collect();
        routed.sort();
        routed.dedup();
        let mut served = SCREENS.map(str::to_owned).to_vec();
        served.sort();
        assert_eq!(served, routed);
    }

    #[test]
    fn only_paths_of_screens_are_routed_by_the_browser() {
        for path in ["/", "/links", "/links/", "/links/abc/edit", "/setup", "/login"] {
            assert!(is_screen(path), "{path}");
        }
        for path in [
            "//",
            "//links",
            "/cv",
            "/CV/",
            "/c/a/b",
            "/Links",
            "/links.js",
            "",
            "*",
        ] {
            assert!(!is_screen(path), "{path}");
        }
    }
}
