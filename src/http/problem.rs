//! One table from what can go wrong to HTTP status and stable code. Nothing else in the house decides
//! about status codes of errors, and no arm here catches what it does not name.

use crate::admin::AdminError;
use crate::admin::jobs::Failure;
use crate::live::NoPlace;
use crate::recorder::RecordError;
use crate::reports::ReportError;
use crate::store::StoreError;
use crate::store::catalog::CatalogError;
use crate::telemetry::occasionally;
use crate::tracking::outcome::TrackingError;
use crate::tracking::query::FieldError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Why a request to the admin side was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// What was asked for was not done.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Neither a login nor a token, or one that has ended.
    #[error("sign in, or send Authorization: Bearer with an API token")]
    Unauthenticated,
    /// Nobody owns the instance yet.
    #[error(
        "this instance has no owner yet: open the set-up link that the server printed at its first start, or print a new one with `yamabiko setup-link`"
    )]
    SetupRequired,
    /// A change that another site asked the browser for.
    #[error(
        "the request does not come from this server's own pages: it needs Sec-Fetch-Site: same-origin or an Origin header that names this server"
    )]
    CrossSite,
    /// A name that this server does not know as its own.
    #[error(
        "this server does not answer under the name {host:?}: open it by its address or by the name it was set up with, or add the name to admin.hosts in the configuration"
    )]
    UnknownHost {
        /// What the request asked for, cut.
        host: String,
    },
    /// A password that could be read on its way.
    #[error(
        "this page was opened without encryption under the name {host}, so a password could be read on its way: set up https (tls.cert_file, or a proxy in front and public_url), or run `yamabiko setup-link` at the server, which opens signing in for 30 minutes; admin.allow_http = true in the configuration opens it for good"
    )]
    PlainHttp {
        /// What the request asked for, cut.
        host: String,
    },
    /// No such route.
    #[error("there is no such address; /api/openapi.json describes the ones that there are")]
    NoRoute,
    /// More than strangers may send.
    #[error(
        "too many requests: send this one again in {retry_after_s} s; servers with a token, a signature or a listed address are not bounded"
    )]
    TooOften {
        /// When it is taken, seconds.
        retry_after_s: u64,
    },
    /// An address of the public side in another spelling.
    #[error("there is no such address; {meant} is probably meant: send the request there, in lower case")]
    Mistyped {
        /// The address as it is documented.
        meant: &'static str,
    },
    /// The route does not know the method.
    #[error("this address does not take that method, but {allow}")]
    Method {
        /// Those that it takes, separated by commas.
        allow: Cow<'static, str>,
    },
    /// The body is not JSON, or not the announced type.
    #[error("send the body as application/json (or the type that the reference names for this address)")]
    MediaType,
    /// The body is neither a form nor JSON.
    #[error(
        "a body of the type {found} is not read here: send application/x-www-form-urlencoded, multipart/form-data or application/json"
    )]
    BodyType {
        /// What was sent, cut.
        found: String,
    },
    /// The body is compressed in a way that is not read.
    #[error("a body compressed with {found} is not read here: send it plain or with gzip")]
    BodyEncoding {
        /// What was sent, cut.
        found: String,
    },
    /// The body is larger than accepted.
    #[error("the body is larger than {limit} bytes: send less at once")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The request target is longer than accepted.
    #[error("the URL is longer than {limit} bytes: send the values in the body of a POST")]
    TargetTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// An idempotency key came again with another request.
    #[error(
        "this Idempotency-Key was used for another request in the last 24 hours: use a new key for each conversion"
    )]
    KeyReused,
    /// What was answered under an idempotency key cannot be read.
    #[error(
        "what was answered under this Idempotency-Key cannot be read: send the same request again later; it is decided once the store is mended"
    )]
    KeyUnreadable,
    /// A network has too many connections.
    #[error(
        "your network has too many connections open: close some, or send the request again in a few seconds"
    )]
    Crowded,
    /// A signature cannot be checked before the sealing key is at hand.
    #[error(
        "the signature cannot be checked now: the server lacks the key that its secrets are sealed with; send the request again later"
    )]
    Sealed,
    /// The body could not be read to its end.
    #[error("the body ended early or could not be read: send the request again")]
    BrokenBody,
    /// The body did not come in time.
    #[error("the body did not arrive in time: send the request again over a faster connection")]
    SlowBody,
    /// The head of the request is no HTTP/1.
    #[error(
        "the request cannot be read: its first line or a header is not of the form that HTTP/1.1 asks for (one Host header, one Content-Length, names of letters and digits)"
    )]
    UnreadableRequest,
    /// The head of the request did not come in time.
    #[error(
        "the head of the request did not arrive in time: send the request again over a faster connection"
    )]
    SlowRequest,
    /// The head of the request is larger than accepted.
    #[error("the headers of the request are too large together: send fewer cookies and shorter values")]
    HeadTooLarge,
    /// Somebody asked for a second export while their first goes on.
    #[error("{}", ReportError::ExportRunning)]
    ExportRunning,
    /// No place at the live stream.
    #[error(transparent)]
    NoLivePlace(#[from] NoPlace),
    /// Others are exporting.
    #[error("{}", ReportError::ExportsBusy)]
    ExportsBusy,
}

/// The body of every error.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorDetail {
    /// Stable code, for programs.
    pub code: String,
    /// A sentence that says what to do, for people.
    pub message: String,
    /// The field that it is about, as a path; `null` when it is about no single field.
    pub field: Option<String>,
}

impl ApiError {
    /// A field of a wrong form.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        AdminError::invalid(field, code, message).into()
    }

    /// No such object.
    pub fn not_found(kind: &'static str, id: impl Into<String>) -> Self {
        AdminError::not_found(kind, id).into()
    }

    /// The state of the thing does not allow it.
    pub fn state(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        AdminError::State { code, message }.into()
    }

    /// The table: status and stable code.
    pub fn row(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Admin(error) => (admin_status(error), error.code()),
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated"),
            Self::SetupRequired => (S::UNAUTHORIZED, "setup_required"),
            Self::UnknownHost { .. } => (S::MISDIRECTED_REQUEST, "unknown_host"),
            Self::CrossSite => (S::FORBIDDEN, "cross_site"),
            Self::PlainHttp { .. } => (S::FORBIDDEN, "plain_http"),
            Self::NoRoute | Self::Mistyped { .. } => (S::NOT_FOUND, "no_route"),
            Self::TooOften { .. } => (S::TOO_MANY_REQUESTS, "too_often"),
            Self::Method { .. } => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::MediaType => (S::UNSUPPORTED_MEDIA_TYPE, "media_type"),
            Self::BodyType { .. } | Self::BodyEncoding { .. } => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TargetTooLong { .. } => (S::URI_TOO_LONG, "target_too_long"),
            Self::KeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Self::KeyUnreadable => (S::SERVICE_UNAVAILABLE, "idempotency_key_unreadable"),
            Self::Sealed => (S::SERVICE_UNAVAILABLE, "sealed"),
            Self::UnreadableRequest => (S::BAD_REQUEST, "unreadable_request"),
            Self::SlowRequest => (S::REQUEST_TIMEOUT, "slow_request"),
            Self::HeadTooLarge => (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large"),
            Self::Crowded => (S::TOO_MANY_REQUESTS, "crowded"),
            Self::SlowBody => (S::REQUEST_TIMEOUT, "slow_body"),
            Self::BrokenBody => (S::BAD_REQUEST, "broken_body"),
            Self::NoLivePlace(NoPlace::All) => (S::SERVICE_UNAVAILABLE, "busy"),
            Self::NoLivePlace(NoPlace::OfOne) => (S::TOO_MANY_REQUESTS, "live_places"),
            Self::ExportRunning => (S::TOO_MANY_REQUESTS, "export_running"),
            Self::ExportsBusy => (S::TOO_MANY_REQUESTS, "exports_busy"),
        }
    }

    /// The field that it is about.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Admin(error) => error.field(),
            _ => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Admin(
                AdminError::Throttled { retry_after_s } | AdminError::LockedOut { retry_after_s, .. },
            )
            | Self::TooOften { retry_after_s } => Some(*retry_after_s),
            Self::Admin(AdminError::JobsBusy) => Some(5),
            Self::Admin(error) if admin_status(error) == StatusCode::SERVICE_UNAVAILABLE => Some(5),
            Self::ExportRunning | Self::ExportsBusy | Self::NoLivePlace(_) | Self::Crowded => Some(10),
            Self::KeyUnreadable | Self::Sealed => Some(60),
            _ => None,
        }
    }

    /// The body of the answer.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            error: ErrorDetail {
                code: self.row().1.into(),
                message: self.to_string(),
                field: self.field().map(Into::into),
            },
        }
    }
}

impl Failure for ApiError {
    fn code(&self) -> &'static str {
        self.row().1
    }
}

macro_rules! as_admin_error {
    ($($error:ty),+) => {
        $(impl From<$error> for ApiError {
            fn from(error: $error) -> Self {
                Self::Admin(error.into())
            }
        })+
    };
}
as_admin_error!(StoreError, RecordError, CatalogError, FieldError, TrackingError);

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::ExportRunning => Self::ExportRunning,
            ReportError::ExportsBusy => Self::ExportsBusy,
            other => Self::Admin(other.into()),
        }
    }
}

/// The status of everything that operators can be refused.
fn admin_status(error: &AdminError) -> StatusCode {
    use StatusCode as S;
    match error {
        AdminError::WrongCredentials | AdminError::SecondFactor => S::UNAUTHORIZED,
        AdminError::SetupToken | AdminError::Forbidden { .. } | AdminError::PartnerLimited => S::FORBIDDEN,
        AdminError::AlreadySetUp => S::GONE,
        AdminError::Throttled { .. } | AdminError::LockedOut { .. } | AdminError::JobsBusy => {
            S::TOO_MANY_REQUESTS
        }
        AdminError::Invalid { .. } => S::BAD_REQUEST,
        AdminError::NotFound { .. } => S::NOT_FOUND,
        AdminError::State { .. } => S::CONFLICT,
        AdminError::TooMuch => S::UNPROCESSABLE_ENTITY,
        AdminError::Catalog(error) => catalog_status(error),
        AdminError::Record(error) => record_status(error),
        AdminError::Busy | AdminError::Store(_) => S::SERVICE_UNAVAILABLE,
        AdminError::Defect { .. } => S::INTERNAL_SERVER_ERROR,
    }
}

fn catalog_status(error: &CatalogError) -> StatusCode {
    match error {
        CatalogError::Missing { field: "id", .. } => StatusCode::NOT_FOUND,
        CatalogError::Missing { .. } | CatalogError::BrokenRule { .. } => StatusCode::BAD_REQUEST,
        CatalogError::InUse { .. }
        | CatalogError::Exists { .. }
        | CatalogError::Conflict { .. }
        | CatalogError::LoginTaken { .. }
        | CatalogError::LastOwner => StatusCode::CONFLICT,
        CatalogError::AlreadyClaimed => StatusCode::GONE,
    }
}

fn record_status(error: &RecordError) -> StatusCode {
    match error {
        RecordError::Busy
        | RecordError::Full
        | RecordError::Down(_)
        | RecordError::Fenced(_)
        | RecordError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        RecordError::Defect => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.row().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.row();
        if status.is_server_error()
            && let Some(left_out) = occasionally(code)
        {
            tracing::warn!(code, error = %self, left_out, "a request could not be carried out");
        }
        let mut response = HttpResponse::build(status).json(self.body());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Method { allow } = self
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            headers.insert(ALLOW, allow);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What is said of a request that could not be read as HTTP, by the status that actix refuses it with.
pub fn unread(status: u16) -> Option<(&'static str, Vec<u8>)> {
    let problem = match status {
        400 => ApiError::UnreadableRequest,
        408 => ApiError::SlowRequest,
        431 => ApiError::HeadTooLarge,
        _ => return None,
    };
    let body = serde_json::to_vec(&problem.body()).ok()?;
    Some((problem.row().1, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_codes_are_stable() {
        for (error, status, code) in [
            (ApiError::Unauthenticated, 401, "unauthenticated"),
            (ApiError::UnknownHost { host: "x".into() }, 421, "unknown_host"),
            (AdminError::AlreadySetUp.into(), 410, "already_set_up"),
            (ApiError::invalid("name", "empty", "enter a name"), 400, "empty"),
            (ApiError::TooLarge { limit: 1 }, 413, "too_large"),
            (RecordError::Full.into(), 503, "disk_full"),
            (RecordError::Fenced("x".into()).into(), 503, "fenced"),
            (CatalogError::LastOwner.into(), 409, "last_owner"),
            (
                CatalogError::Missing {
                    field: "offer",
                    kind: "offer",
                    id: "x".into(),
                }
                .into(),
                400,
                "missing_reference",
            ),
            (
                CatalogError::Missing {
                    field: "id",
                    kind: "offer",
                    id: "x".into(),
                }
                .into(),
                404,
                "missing_reference",
            ),
        ] {
            assert_eq!(
                (error.row().0.as_u16(), error.row().1),
                (status, code),
                "{error:?}"
            );
        }
    }

    #[test]
    fn the_body_names_the_field_and_the_answer_says_when_to_come_back() {
        let error = ApiError::invalid("events[0].name", "empty", "enter a name");
        let body = serde_json::to_value(error.body()).unwrap();
        assert_eq!(body["error"]["field"], "events[0].name");
        assert_eq!(body["error"]["code"], "empty");
        let busy = ApiError::from(RecordError::Busy).error_response();
        assert_eq!(busy.headers().get(RETRY_AFTER).unwrap(), "5");
    }
}
