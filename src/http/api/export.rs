//! Every list as a CSV file, sent while it is made.
//!
//! A thread of its own makes the file and hands on a part at a time; what has been made and not been sent is a few
//! parts. It ends with the connection, with the login, with the server, and when nothing was taken for a minute.

use crate::admin::AdminError;
use crate::admin::check;
use crate::admin::identity::{Credential, Identity};
use crate::domain::account::Role;
use crate::http::State;
use crate::http::auth::{Viewer, identify};
use crate::http::extract::parse_query;
use crate::http::problem::ApiError;
use crate::reports::ReportError;
use crate::reports::export::{self, Encoding, List, Style};
use crate::reports::words;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use futures_core::Stream;
use serde::Deserialize;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Parts that may wait for a slow connection.
const PARTS: usize = 4;
/// How often a full connection is looked at.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a connection may take nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the login is looked at.
const JUDGED_EVERY: Duration = Duration::from_secs(5);

/// How a file is written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `utf8` (default) or `shift_jis`.
    #[serde(default)]
    #[param(inline)]
    pub encoding: Encoding,
    /// `en` or `ja`: a file for people, with headings as on the screens, words and names. Left out: a file for
    /// programs, with stable codes.
    #[serde(default)]
    pub language: Option<String>,
    /// Stable codes although a language is named.
    #[serde(default)]
    pub codes: bool,
}

/// The same filters as the list takes, and how the file is written. `list` is `sessions`, `activities`,
/// `postbacks`, `stats`, `payouts`, `statement`, `taken`, `offers`, `partners`, `links`, `rules` or `audit`. Each operator may have one
/// export under way, and all together two; beyond that the answer is 429 with `Retry-After`.
#[utoipa::path(
    tag = "records",
    params(
        ("list" = String, Path, description = "sessions, activities, postbacks, stats, payouts, statement, taken, offers, partners, links, rules or audit"),
        ExportQuery
    ),
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/{list:[a-z]+}.csv")]
pub async fn export_list(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
    name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (own, filters) = split_query(request.query_string());
    let asked: ExportQuery = parse_query(&own)?;
    let list = list(&name, &filters, &viewer.0, viewer.1.origin())?;
    let language = asked.language.as_deref();
    language.map_or(Ok(()), |language| check::language("language", language))?;
    let style = Style {
        encoding: asked.encoding,
        words: language.filter(|_| !asked.codes).and_then(words::named),
        zone: check::time_zone("time_zone", &state.recorder.catalog().settings.time_zone)?,
    };
    let content_type = match asked.encoding {
        Encoding::Utf8 => "text/csv; charset=utf-8",
        Encoding::ShiftJis => "text/csv; charset=Shift_JIS",
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let parts = begin(&state, &viewer.0, list, style, is_over.clone())?;
    watch(state, request, viewer.0, is_over.clone());
    let body = Body::new(parts, is_over).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"yamabiko-{name}.csv\""),
        ))
        .streaming(body))
}

/// The list of that name with its filters, if it may be seen.
fn list(name: &str, filters: &str, identity: &Identity, address: String) -> Result<List, ApiError> {
    Ok(match name {
        "sessions" => List::Sessions(parse_query(filters)?),
        "activities" => List::Activities(parse_query(filters)?),
        "postbacks" => List::Postbacks(parse_query(filters)?),
        "stats" => List::Stats(parse_query(filters)?),
        "payouts" => List::Payouts(parse_query(filters)?),
        "statement" => List::Statement(parse_query(filters)?),
        "taken" => List::Taken(parse_query(filters)?),
        "offers" => List::Offers,
        "partners" => List::Partners,
        "links" => List::Links { address },
        "rules" => List::Rules,
        "audit" if identity.role < Role::Owner => {
            return Err(AdminError::Forbidden { needs: Role::Owner }.into());
        }
        "audit" => List::Audit(parse_query(filters)?),
        other => return Err(ApiError::not_found("list", other)),
    })
}

/// Parameters of the file, and those of the list.
fn split_query(query: &str) -> (String, String) {
    let names = ["encoding=", "language=", "codes="];
    let is_own = |pair: &&str| names.iter().any(|name| pair.starts_with(name));
    let (own, filters): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_own);
    (own.join("&"), filters.join("&"))
}

/// What the thread that makes a file hands on. A file that does not come to its end is not a whole one.
enum Part {
    Bytes(Bytes),
    End(Result<(), ReportError>),
}

/// Begins to make the file; its parts come one after the other, and its end.
fn begin(
    state: &Data<State>,
    identity: &Identity,
    list: List,
    style: Style,
    is_over: Arc<AtomicBool>,
) -> Result<mpsc::Receiver<Part>, ApiError> {
    let owner = match (&identity.user, &identity.credential) {
        (Some(user), _) => user.to_string(),
        (None, Credential::Login(id) | Credential::Token(id)) => id.clone(),
    };
    let place = state.exports.begin(&owner)?;
    let (sender, receiver) = mpsc::channel(PARTS);
    let (view, making) = (state.view(identity.scope()), state.clone());
    place.spawn(move |place| {
        let mut taker = |part: Vec<u8>| {
            if making.jobs.is_stopping() || sender.is_closed() || is_over.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            if part.is_empty() {
                return ControlFlow::Continue(());
            }
            hand_over(&sender, Part::Bytes(part.into()), &is_over)
        };
        let end = export::write(&view, list, &style, &mut taker);
        // Whoever has the whole file may ask for the next one.
        drop(place);
        if hand_over(&sender, Part::End(end), &is_over).is_break() {
            tracing::debug!("an export ended after whoever asked for it had left");
        }
    })?;
    Ok(receiver)
}

/// Waits until the connection takes a part, while the login is there.
fn hand_over(sender: &mpsc::Sender<Part>, mut part: Part, is_over: &AtomicBool) -> ControlFlow<()> {
    let begun = Instant::now();
    loop {
        part = match sender.try_send(part) {
            Ok(()) => return ControlFlow::Continue(()),
            Err(TrySendError::Full(part))
                if begun.elapsed() < PATIENCE && !is_over.load(Ordering::Relaxed) =>
            {
                part
            }
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => return ControlFlow::Break(()),
        };
        std::thread::sleep(PAUSE);
    }
}

/// Looks at the login of a file under way, also while its connection takes nothing: whoever is signed out, or sees less
/// than at the beginning, gets no more, and the place is free.
fn watch(state: Data<State>, request: HttpRequest, identity: Identity, is_over: Arc<AtomicBool>) {
    actix_web::rt::spawn(async move {
        // Until neither who makes the file nor who sends it holds it.
        while Arc::strong_count(&is_over) > 1 {
            tokio::time::sleep(JUDGED_EVERY).await;
            let may_go_on = identify(&request, &state, false)
                .is_ok_and(|(now, _)| now.role >= identity.role && now.partners == identity.partners);
            if !may_go_on {
                is_over.store(true, Ordering::Relaxed);
                return;
            }
        }
    });
}

/// The body of the answer.
struct Body {
    first: Option<Bytes>,
    parts: mpsc::Receiver<Part>,
    is_over: Arc<AtomicBool>,
}

/// Why a file ends before its end. The connection is closed without the end of the body, so that the file cannot be
/// taken for a whole one.
#[derive(Debug, thiserror::Error)]
#[error("the export ended early")]
struct EndedEarly;

impl Body {
    /// Waits for the first part, so that what fails at once is told by the status of the answer.
    async fn new(mut parts: mpsc::Receiver<Part>, is_over: Arc<AtomicBool>) -> Result<Self, ApiError> {
        let first = match parts.recv().await {
            Some(Part::Bytes(first)) => Some(first),
            Some(Part::End(end)) => {
                end?;
                None
            }
            None => return Err(AdminError::Busy.into()),
        };
        Ok(Self {
            first,
            parts,
            is_over,
        })
    }
}

impl Stream for Body {
    type Item = Result<Bytes, EndedEarly>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let part = ready!(self.parts.poll_recv(context));
        Poll::Ready(match part {
            Some(Part::Bytes(part)) if !self.is_over.load(Ordering::Relaxed) => Some(Ok(part)),
            Some(Part::Bytes(_)) => {
                self.parts.close();
                Some(Err(EndedEarly))
            }
            Some(Part::End(Ok(()))) => None,
            Some(Part::End(Err(error))) => {
                tracing::warn!(code = "export_failed", %error, "an export ended early");
                Some(Err(EndedEarly))
            }
            None => Some(Err(EndedEarly)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_split() {
        assert_eq!(
            split_query("from_ms=1&encoding=shift_jis&offer=a"),
            ("encoding=shift_jis".into(), "from_ms=1&offer=a".into())
        );
    }
}
