//! `/c/{link}` and `/i/{link}`.

use super::{
    TrackingState, caller, client_headers, gif, is_too_long, known_visitor, link_of, no_such_link, page,
    redirect, set_cookies, too_long,
};
use crate::connection::Asked;
use crate::domain::ids::SessionId;
use crate::domain::session::EngagementKind;
use crate::domain::stop::StoppedVisitors;
use crate::http::problem::ApiError;
use crate::recorder::RecordError;
use crate::telemetry::{self, EngagementResult};
use crate::tracking::click::{self, Engagement, Incoming, Named, find_link};
use crate::tracking::destination::DestinationError;
use crate::tracking::engagement::Recorded;
use crate::tracking::hit;
use crate::tracking::set_charset;
use actix_web::dev::RequestHead;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;
use std::borrow::Cow;
use std::net::IpAddr;

/// `GET /c/{link}`: stores the session, then redirects.
pub(super) async fn click(asked: Asked<'_>, state: &TrackingState) -> HttpResponse {
    if is_too_long(asked.head) {
        telemetry::click(EngagementResult::TooLong);
        return too_long();
    }
    let (catalog, address) = (state.recorder.catalog(), link_of(asked.head));
    let Some(link) = find_link(&catalog, &address, state.recorder.clock().now_ms()) else {
        telemetry::click(EngagementResult::UnknownLink);
        return no_such_link();
    };
    let entry = link.entry;
    let query = query_of(asked.head, &link);
    if let Some(visitors) = link.stopped {
        telemetry::click(EngagementResult::Stopped);
        return pass_by(asked, &link, visitors, &query, state);
    }
    let caller = caller(asked, state);
    let said = Said {
        query: &query,
        ip: caller.ip,
    };
    let composed = with_incoming(
        asked.head,
        EngagementKind::Click,
        &link,
        said,
        state,
        |incoming| click::click(incoming, entry, &state.repeats, &state.lookups()),
    );
    let Engagement {
        session,
        location,
        is_s2s,
    } = match composed {
        Ok(engagement) => engagement,
        Err(error) => return leads_nowhere(&link, &error),
    };
    if is_s2s {
        let sid = session.id;
        return s2s_answer(
            sid,
            click::record_of(session, caller.ip, &state.gate, &state.recorder).await,
        );
    }
    let mut answer = redirect(&location);
    set_cookies(&mut answer, &session, &entry.offer, caller.is_tls);
    click::record_of(session, caller.ip, &state.gate, &state.recorder).await;
    answer.finish()
}

/// A click on a stopped link: nothing of it is recorded.
fn pass_by(
    asked: Asked<'_>,
    link: &Named<'_>,
    visitors: &StoppedVisitors,
    query: &[u8],
    state: &TrackingState,
) -> HttpResponse {
    if *visitors == StoppedVisitors::Page {
        return no_such_link();
    }
    let said = Said {
        query,
        ip: caller(asked, state).ip,
    };
    let composed = with_incoming(asked.head, EngagementKind::Click, link, said, state, |incoming| {
        click::passing(&incoming, link.entry, visitors, &state.lookups())
    });
    match composed {
        Ok(passing) if passing.is_s2s => {
            let told = json!({"sid": null, "is_stopped": true, "destination": passing.destination});
            HttpResponse::Ok().json(told)
        }
        Ok(passing) => redirect(&passing.destination).finish(),
        Err(error) => leads_nowhere(link, &error),
    }
}

fn leads_nowhere(link: &Named<'_>, error: &DestinationError) -> HttpResponse {
    if let Some(left_out) = telemetry::occasionally("no_destination") {
        tracing::warn!(code = error.code(), link = %link.entry.link.token, %error, left_out, "a click has no destination");
    }
    page(
        HttpResponse::NotFound(),
        "This link leads nowhere yet.",
        "このリンクの遷移先はまだ設定されていません。",
    )
}

/// A link whose address is written oddly leads to itself; `first` is `c` or `i`.
pub(super) fn odd_address(request: &HttpRequest, first: &str) -> HttpResponse {
    match link_address(request.uri().path(), first) {
        Some(path) if matches!(*request.method(), Method::GET | Method::HEAD) => {
            let query = request.uri().query().map(|query| format!("?{query}"));
            redirect(&(path + &query.unwrap_or_default())).finish()
        }
        _ => no_such_link(),
    }
}

/// The address of a link as it should be, of one with upper case or with slashes too many before its token
/// (`//c/token`, `/C/token`); `None` when it is so already, or has no token.
fn link_address(path: &str, first: &str) -> Option<String> {
    let (_, token) = path.trim_start_matches('/').split_once('/')?;
    let token = token.trim_start_matches('/');
    let address = format!("/{first}/{token}");
    (!token.is_empty() && address != path).then_some(address)
}

/// `GET /i/{link}`: stores the session, then gives a picture.
pub(super) async fn impression(asked: Asked<'_>, state: &TrackingState) -> HttpResponse {
    if is_too_long(asked.head) {
        telemetry::impression(EngagementResult::TooLong);
        return too_long();
    }
    let (catalog, address) = (state.recorder.catalog(), link_of(asked.head));
    let Some(link) = find_link(&catalog, &address, state.recorder.clock().now_ms()) else {
        telemetry::impression(EngagementResult::UnknownLink);
        return no_such_link();
    };
    match link.stopped {
        None => {}
        Some(StoppedVisitors::Page) => {
            telemetry::impression(EngagementResult::Stopped);
            return no_such_link();
        }
        Some(_) => {
            telemetry::impression(EngagementResult::Stopped);
            return gif(HttpResponse::Ok());
        }
    }
    let entry = link.entry;
    let query = query_of(asked.head, &link);
    let ip = caller(asked, state).ip;
    let said = Said { query: &query, ip };
    let Engagement { session, is_s2s, .. } = with_incoming(
        asked.head,
        EngagementKind::Impression,
        &link,
        said,
        state,
        |incoming| click::arrival(incoming, entry, &state.repeats, &state.lookups()),
    );
    let sid = session.id;
    let recorded = click::record_of(session, ip, &state.gate, &state.recorder).await;
    if is_s2s {
        s2s_answer(sid, recorded)
    } else {
        gif(HttpResponse::Ok())
    }
}

/// A server keeps what it could not hand over: it is told when the session is not durable.
fn s2s_answer(sid: SessionId, recorded: Recorded) -> HttpResponse {
    match recorded {
        Recorded::Durable => HttpResponse::Ok().json(json!({"sid": sid})),
        Recorded::Spooled => HttpResponse::Accepted().json(json!({"sid": sid, "is_durable": false})),
        Recorded::Lost => ApiError::from(RecordError::Busy).error_response(),
    }
}

/// The query of a request, behind what a damaged address held of it.
fn query_of<'r>(head: &'r RequestHead, link: &Named<'_>) -> Cow<'r, [u8]> {
    let query = head.uri.query().unwrap_or_default().as_bytes();
    match link.more {
        "" => Cow::Borrowed(query),
        more => Cow::Owned([more.as_bytes(), query].join(&b'&')),
    }
}

/// What a request says, and from where.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// Its query; of a landing the body.
    pub(super) query: &'a [u8],
    /// The caller's own address.
    pub(super) ip: IpAddr,
}

/// Hands the request over as `tracking` takes it.
pub(super) fn with_incoming<T>(
    head: &RequestHead,
    kind: EngagementKind,
    link: &Named<'_>,
    said: Said<'_>,
    state: &TrackingState,
    compose: impl FnOnce(Incoming<'_>) -> T,
) -> T {
    let headers = client_headers(head);
    compose(Incoming {
        request: hit::Request {
            kind,
            is_head: head.method == Method::HEAD,
            query: said.query,
            charset: set_charset::of_click(link.entry.partner.as_deref(), &link.entry.offer),
            headers: &headers,
            ip: said.ip,
        },
        cookie: known_visitor(head),
        is_mended: link.is_mended,
        now_ms: state.recorder.clock().now_ms(),
    })
}

#[cfg(test)]
mod tests {
    use super::link_address;

    #[test]
    fn slashes_too_many_and_upper_case_lead_to_the_link() {
        for (path, address) in [
            ("//c/mylink01", Some("/c/mylink01")),
            ("/C/MyLink01", Some("/c/MyLink01")),
            ("//C//mylink01", Some("/c/mylink01")),
            ("///c/mylink01/", Some("/c/mylink01/")),
            ("/c/mylink01", None),
            ("//c/", None),
            ("//c", None),
        ] {
            assert_eq!(link_address(path, "c").as_deref(), address, "{path}");
        }
    }
}
