//! The live stream: what happens, as server-sent events. Event ids go on after a restart of the server, so a
//! browser that comes back is told what it missed, or that there is a gap.

use super::State;
use super::api::records::{ActivityDto, PostbackDto, SessionDto, sees_activity};
use super::auth::{Identity, Viewer, identify};
use super::problem::ApiError;
use crate::live::{LiveEvent, Numbered, Viewer as LiveViewer};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;

/// How often new events are collected.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two signs of life; proxies close what is silent for longer.
const TICKS_A_HEARTBEAT: u32 = 150;
/// Chunks that may wait for a slow connection; beyond, the viewer's own queue fills and loses events.
const CHUNKS: usize = 4;
/// Viewers at once.
const MOST_VIEWERS: usize = 100;

/// Everything that happens, as server-sent events `session`, `activity`, `postback`, and `gap` when events
/// were lost. `Last-Event-ID` resumes.
#[utoipa::path(tag = "records", responses((status = 200, body = String, content_type = "text/event-stream")))]
#[get("/stream")]
pub async fn live(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
) -> Result<HttpResponse, ApiError> {
    if state.recorder.live().viewers() >= MOST_VIEWERS {
        return Err(ApiError::Busy);
    }
    let last_id = request
        .headers()
        .get("last-event-id")
        .and_then(|v| v.to_str().ok()?.parse().ok())
        .unwrap_or(0);
    let (events, reaches_back) = state.recorder.live().join(last_id);
    let (sender, receiver) = mpsc::channel(CHUNKS);
    actix_web::rt::spawn(pump(state, request, viewer.0, events, reaches_back, sender));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(Chunks { receiver }))
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
    // A stream that went on would hold the stop up; browsers come back by themselves and miss nothing.
    while !state.jobs.is_stopping() {
        if events.take_lost() > 0 {
            text.push_str(GAP);
        }
        events
            .drain()
            .iter()
            .for_each(|numbered| write(&mut text, numbered, &identity));
        if text.is_empty() && silent >= TICKS_A_HEARTBEAT {
            text.push_str(": alive\n\n");
            // A login that was ended must not go on watching.
            if identify(&request, &state, false).is_err() {
                return;
            }
        }
        if text.is_empty() {
            silent += 1;
        } else {
            silent = 0;
            if sender.send(Bytes::from(std::mem::take(&mut text))).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

const GAP: &str = "event: gap\ndata: {}\n\n";

/// Writes one event, if it may be seen.
fn write(text: &mut String, numbered: &Numbered, identity: &Identity) {
    let (name, data) = match &numbered.event {
        LiveEvent::Session(s) if identity.sees(s.partner.as_ref()) => {
            ("session", serde_json::to_string(&SessionDto::from(&**s)))
        }
        LiveEvent::Activity(a) if sees_activity(identity, a) => {
            ("activity", serde_json::to_string(&ActivityDto::from(&**a)))
        }
        LiveEvent::Postback(p) if identity.sees(p.partner.as_ref()) => {
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
