//! The embedded UI. Hashed files are cached for good, everything else is asked for again by its ETag, and
//! paths of screens get `index.html`, since the browser routes them.

use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, EntityTag, HeaderValue, IF_NONE_MATCH,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::ApiError;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Ui;

/// Serves a file of the UI, or the page for a path of a screen.
pub async fn serve(request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = ApiError::Method.error_response();
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let path = request.path().trim_start_matches('/');
    if let Some(file) = Ui::get(path).filter(|_| !path.is_empty()) {
        let is_hashed = path.starts_with("assets/");
        return send(&request, path, &file, is_hashed);
    }
    // A missing file must not be answered with a page: a browser would run it as a script or style.
    let wants_page = !path.contains('.') && accepts_html(&request);
    match Ui::get("index.html") {
        Some(page) if wants_page => send(&request, "index.html", &page, false),
        _ => ApiError::NoRoute.error_response(),
    }
}

fn accepts_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok());
    accept.is_none_or(|accept| accept.contains("text/html") || accept.contains("*/*"))
}

fn send(request: &HttpRequest, path: &str, file: &EmbeddedFile, is_hashed: bool) -> HttpResponse {
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
    if is_known {
        return answer.finish();
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
        let posted = serve(TestRequest::with_uri("/").method(Method::POST).to_http_request()).await;
        assert_eq!(posted.status(), 405);
    }
}
