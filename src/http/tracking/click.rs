//! `/c/{link}` and `/i/{link}`.

use super::{
    TrackingState, active_link, caller, client_headers, gif, is_too_long, known_visitor, new_visitor,
    no_such_link, page, redirect, set_cookies, too_long,
};
use crate::domain::ids::SessionId;
use crate::domain::offer::Offer;
use crate::domain::session::{EngagementKind, Session};
use crate::http::client::Caller;
use crate::store::catalog::LinkEntry;
use crate::telemetry::{self, EngagementResult};
use crate::tracking::destination::{self, DestinationError};
use crate::tracking::engagement::{self, Recorded};
use crate::tracking::hit::{Around, Built, Hit, Request, Visitor};
use crate::tracking::repeat::Seen;
use crate::tracking::session_values::ClickValues;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::time::Duration;

/// How long a person waits for the acknowledgement of the store before the redirect goes out without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A session that is to be recorded, and what the answer needs of it.
struct Engagement {
    session: Session,
    is_s2s: bool,
    caller: Caller,
}

/// `GET /c/{link}`: stores the session, then redirects.
pub(super) async fn click(
    request: HttpRequest,
    path: Path<String>,
    state: Data<TrackingState>,
) -> HttpResponse {
    if is_too_long(&request) {
        telemetry::click(EngagementResult::TooLong);
        return too_long();
    }
    let catalog = state.recorder.catalog();
    let Some(entry) = active_link(&catalog, &path) else {
        telemetry::click(EngagementResult::UnknownLink);
        return no_such_link();
    };
    let engagement = match build(&request, EngagementKind::Click, entry, &state) {
        Ok(engagement) => engagement,
        Err(error) => {
            tracing::warn!(code = error.code(), link = %entry.link.token, %error, "a click has no destination");
            return page(
                HttpResponse::NotFound(),
                "This link leads nowhere yet.",
                "このリンクの遷移先はまだ設定されていません。",
            );
        }
    };
    let (sid, destination) = (engagement.session.id, engagement.session.destination.clone());
    let answer = if engagement.is_s2s {
        None
    } else {
        let mut answer = redirect(&destination);
        set_cookies(
            &mut answer,
            &engagement.session,
            &entry.offer,
            engagement.caller.is_tls,
        );
        Some(answer)
    };
    let recorded = record(engagement.session, &state).await;
    match answer {
        Some(mut answer) => answer.finish(),
        None => s2s_answer(sid, recorded),
    }
}

/// `GET /i/{link}`: stores the session, then gives a picture.
pub(super) async fn impression(
    request: HttpRequest,
    path: Path<String>,
    state: Data<TrackingState>,
) -> HttpResponse {
    if is_too_long(&request) {
        telemetry::impression(EngagementResult::TooLong);
        return too_long();
    }
    let catalog = state.recorder.catalog();
    let Some(entry) = active_link(&catalog, &path) else {
        telemetry::impression(EngagementResult::UnknownLink);
        return no_such_link();
    };
    let engagement = assemble(&request, EngagementKind::Impression, entry, &state);
    let (sid, is_s2s) = (engagement.session.id, engagement.is_s2s);
    let recorded = record(engagement.session, &state).await;
    if is_s2s {
        s2s_answer(sid, recorded)
    } else {
        gif(HttpResponse::Ok())
    }
}

/// A server keeps what it could not hand over: it is told when the session is not durable.
fn s2s_answer(sid: SessionId, recorded: Option<Recorded>) -> HttpResponse {
    match recorded {
        Some(Recorded::Durable) => HttpResponse::Ok().json(json!({"sid": sid})),
        Some(Recorded::Spooled) | None => {
            HttpResponse::Accepted().json(json!({"sid": sid, "is_durable": false}))
        }
        Some(Recorded::Lost) => {
            use actix_web::ResponseError;
            crate::http::problem::ApiError::Record(crate::recorder::RecordError::Busy).error_response()
        }
    }
}

fn assemble(
    request: &HttpRequest,
    kind: EngagementKind,
    entry: &LinkEntry,
    state: &TrackingState,
) -> Engagement {
    let (built, is_s2s, caller) = read(request, kind, request.query_string().as_bytes(), entry, state);
    Engagement {
        session: built.session,
        is_s2s,
        caller,
    }
}

fn build(
    request: &HttpRequest,
    kind: EngagementKind,
    entry: &LinkEntry,
    state: &TrackingState,
) -> Result<Engagement, DestinationError> {
    let (built, is_s2s, caller) = read(request, kind, request.query_string().as_bytes(), entry, state);
    let mut session = built.session;
    let own = entry.link.destinations.as_ref();
    let requested = built.requested;
    let choice = destination::choose(&entry.offer, own, &requested, &session.device.os_name)?;
    // Built only when the destination holds a placeholder other than the SID.
    let values = std::cell::OnceCell::new();
    let value = |name: &str| {
        values
            .get_or_init(|| ClickValues::new(session.clone(), entry))
            .get(name)
    };
    let destination = destination::render(&choice, &entry.offer, session.id, &value)?;
    session.destination = destination;
    Ok(Engagement {
        session,
        is_s2s,
        caller,
    })
}

/// Reads the request into a session without a destination.
pub(super) fn read(
    request: &HttpRequest,
    kind: EngagementKind,
    query: &[u8],
    entry: &LinkEntry,
    state: &TrackingState,
) -> (Built, bool, Caller) {
    let caller = caller(request, state);
    let headers = client_headers(request);
    let is_head = request.method() == actix_web::http::Method::HEAD;
    let hit = Hit::parse(&Request {
        kind,
        is_head,
        query,
        headers: &headers,
        ip: caller.ip,
    });
    let now_ms = state.recorder.clock().now_ms();
    let visitor = visitor(request, &hit, &headers.user_agent, &caller, entry, now_ms, state);
    let around = Around {
        link: &entry.link,
        offer: &entry.offer,
        partner: entry.partner.as_deref(),
        geo: &state.geo,
        ip_hasher: &state.ip_hasher,
    };
    let mut built = hit.session(engagement::new_session_id(now_ms), &around, visitor);
    state.link_names.admit(&entry.link, &mut built.session);
    if built.session.flags.is_cut {
        telemetry::parameters_cut(1);
    }
    for refused in &built.refused_callbacks {
        tracing::debug!(
            name = refused.name,
            "a callback on a click names a host that the partner may not call"
        );
    }
    (built, hit.is_s2s(), caller)
}

/// Who clicked: by cookie, by what the tag remembers, else new; a server's click has no cookie.
fn visitor(
    request: &HttpRequest,
    hit: &Hit,
    user_agent: &str,
    caller: &Caller,
    entry: &LinkEntry,
    now_ms: i64,
    state: &TrackingState,
) -> Visitor {
    let known = if hit.is_s2s() {
        None
    } else {
        let remembered = hit
            .remembered_tuid()
            .and_then(|t| t.parse::<SessionId>().ok())
            .map(|t| t.to_string());
        known_visitor(request).or(remembered)
    };
    let touch = |who: &str| {
        state
            .repeats
            .touch(who, &entry.link.token, now_ms, repeat_s(&entry.offer, hit))
    };
    let is_new = known.is_none();
    let tuid = known.unwrap_or_else(|| {
        if hit.is_s2s() {
            String::new()
        } else {
            new_visitor(now_ms)
        }
    });
    let seen = if hit.is_automated() {
        Seen {
            is_repeat: false,
            is_unique: false,
        }
    } else if is_new {
        // Known by address and browser until the cookie comes back; the cookie is noted too, so that the
        // next click is recognised by either.
        if !tuid.is_empty() {
            touch(&tuid);
        }
        touch(&format!("{} {user_agent}", hit.ip().unwrap_or(caller.ip)))
    } else {
        touch(&tuid)
    };
    Visitor { tuid, seen }
}

/// Clicks that a server sends without saying whose they are cannot be repeats of one person.
fn repeat_s(offer: &Offer, hit: &Hit) -> u32 {
    if hit.is_s2s() && hit.ip().is_none() {
        0
    } else {
        offer.repeat_click_s
    }
}

/// Records, waiting at most [`PATIENCE`]; `None` when the store has not answered by then.
pub(super) async fn record(session: Session, state: &TrackingState) -> Option<Recorded> {
    let kind = session.kind;
    let acknowledgement = match engagement::record(&state.recorder, session) {
        Ok(acknowledgement) => acknowledgement,
        Err(error) => {
            tracing::error!(code = error.code(), %error, "a session cannot be written");
            return Some(Recorded::Lost);
        }
    };
    let recorded = tokio::time::timeout(PATIENCE, acknowledgement)
        .await
        .ok()
        .and_then(Result::ok);
    let result = match recorded {
        Some(Recorded::Durable) => EngagementResult::Recorded,
        Some(Recorded::Spooled) | None => EngagementResult::Spooled,
        Some(Recorded::Lost) => EngagementResult::Lost,
    };
    match kind {
        EngagementKind::Impression => telemetry::impression(result),
        EngagementKind::Click | EngagementKind::Direct => telemetry::click(result),
    }
    recorded
}
