//! The live stream: what happens, as server-sent events. Event ids go on after a restart of the server, so a
//! browser that comes back is told what it missed, or that there is a gap.

use super::State;
use super::auth::{Viewer, identify};
use super::problem::ApiError;
use crate::admin::identity::{Credential, Identity};
use crate::live::{LiveEvent, Numbered, Viewer as LiveViewer};
use crate::reports::PartnerScope;
use crate::reports::records::{PostbackDto, SessionDto, seen_activity};
use crate::store::catalog::Catalog;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often new events are collected.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two signs of life; proxies close what is silent for longer.
const TICKS_A_HEARTBEAT: u32 = 150;
/// Chunks that may wait for a slow connection; beyond, the viewer's own queue fills and loses events.
const CHUNKS: usize = 4;
/// How long a viewer goes on seeing what it may see no longer: a logout, a new limit or a revoked token counts
/// from then on, however many events flow and however slowly they are read.
const JUDGED_EVERY: Duration = Duration::from_secs(3);

/// Everything that happens, as server-sent events `session`, `activity`, `postback`, and `gap` when events
/// were lost. `Last-Event-ID` resumes.
#[utoipa::path(tag = "records", responses((status = 200, body = String, content_type = "text/event-stream")))]
#[get("/stream")]
pub async fn live(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
) -> Result<HttpResponse, ApiError> {
    let last_id = request
        .headers()
        .get("last-event-id")
        .and_then(|v| v.to_str().ok()?.parse().ok())
        .unwrap_or(0);
    let (events, reaches_back) = state.recorder.live().join(&place_of(&viewer.0), last_id)?;
    let (sender, receiver) = mpsc::channel(CHUNKS);
    actix_web::rt::spawn(pump(state, request, viewer.0, events, reaches_back, sender));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(Chunks { receiver }))
}

/// Whom a place counts for: all logins of a user are one.
fn place_of(identity: &Identity) -> String {
    match (&identity.user, &identity.credential) {
        (Some(user), _) => format!("user {user}"),
        (None, Credential::Login(id)) => format!("login {id}"),
        (None, Credential::Token(id)) => format!("token {id}"),
    }
}

struct Chunks {
    receiver: mpsc::Receiver<Bytes>,
}

impl Stream for Chunks {
    type Item = Result<Bytes, std::convert::Infallible>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(self.receiver.poll_recv(context)).map(Ok))
    }
}

/// What a viewer may see at present.
struct Sight {
    scope: PartnerScope,
    judged_at: Instant,
}

impl Sight {
    fn of(identity: &Identity) -> Self {
        Self {
            scope: identity.scope(),
            judged_at: Instant::now(),
        }
    }

    /// Judges the viewer anew when it is time; `false` when their login or token has ended.
    fn is_still_good(&mut self, state: &State, request: &HttpRequest) -> bool {
        if self.judged_at.elapsed() < JUDGED_EVERY {
            return true;
        }
        match identify(request, state, false) {
            Ok((identity, _)) => {
                *self = Self::of(&identity);
                true
            }
            Err(_) => false,
        }
    }
}

/// Feeds one connection until it is closed or its login has ended.
async fn pump(
    state: Data<State>,
    request: HttpRequest,
    identity: Identity,
    events: LiveViewer,
    reaches_back: bool,
    sender: mpsc::Sender<Bytes>,
) {
    let mut text = String::from("retry: 2000\n: connected\n\n");
    if !reaches_back {
        text.push_str(GAP);
    }
    let mut silent = 0;
    let mut sight = Sight::of(&identity);
    // A stream that went on would hold the stop up; browsers come back by themselves and miss nothing.
    while !state.jobs.is_stopping() && sight.is_still_good(&state, &request) {
        // What happened is rendered only once there is room for it, so that nothing waits here that may be seen no
        // longer when it is sent.
        let room = match tokio::time::timeout(JUDGED_EVERY, sender.reserve()).await {
            Ok(Ok(room)) => room,
            Ok(Err(_)) => return,
            Err(_) => continue,
        };
        if !sight.is_still_good(&state, &request) {
            return;
        }
        if events.take_lost() > 0 {
            text.push_str(GAP);
        }
        let catalog = state.recorder.catalog();
        events
            .drain()
            .iter()
            .for_each(|numbered| write(&mut text, numbered, &sight.scope, &catalog));
        if text.is_empty() && silent >= TICKS_A_HEARTBEAT {
            text.push_str(": alive\n\n");
        }
        if text.is_empty() {
            silent += 1;
        } else {
            silent = 0;
            room.send(Bytes::from(std::mem::take(&mut text)));
        }
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

const GAP: &str = "event: gap\ndata: {}\n\n";

/// Writes one event, if it may be seen.
fn write(text: &mut String, numbered: &Numbered, scope: &PartnerScope, catalog: &Catalog) {
    let (name, data) = match &numbered.event {
        LiveEvent::Session(s) if scope.sees(s.partner.as_ref()) => {
            ("session", serde_json::to_string(&SessionDto::from(&**s)))
        }
        LiveEvent::Activity(a) if scope.sees_activity(a) => {
            let seen = seen_activity(scope, catalog, a);
            ("activity", serde_json::to_string(&seen))
        }
        LiveEvent::Postback(p) if scope.sees(p.partner.as_ref()) => {
            ("postback", serde_json::to_string(&PostbackDto::from(&**p)))
        }
        LiveEvent::Session(_) | LiveEvent::Activity(_) | LiveEvent::Postback(_) => return,
    };
    match data {
        Ok(data) => {
            use std::fmt::Write;
            // Writing to a text cannot fail; JSON holds no line breaks.
            if write!(text, "id: {}\nevent: {name}\ndata: {data}\n\n", numbered.id).is_err() {
                tracing::error!(
                    code = "live_write",
                    "an event of the live stream could not be written"
                );
            }
        }
        Err(error) => tracing::error!(code = "live_json", %error, "an event of the live stream has no JSON"),
    }
}
