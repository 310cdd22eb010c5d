//! One table from what can go wrong to HTTP status and stable code. Nothing else in the house decides
//! about status codes of errors, and no arm here catches what it does not name.

use crate::domain::account::Role;
use crate::recorder::RecordError;
use crate::store::StoreError;
use crate::store::catalog::CatalogError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};

/// Why a request to the admin side was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Neither a login nor a token, or one that has ended.
    #[error("sign in, or send Authorization: Bearer with an API token")]
    Unauthenticated,
    /// Nobody owns the instance yet.
    #[error(
        "this instance has no owner yet: open the set-up link that the server printed at its first start, or print a new one with `yamabiko setup-link`"
    )]
    SetupRequired,
    /// The set-up token is missing, wrong or too old.
    #[error("the set-up link is wrong or has expired: print a new one with `yamabiko setup-link`")]
    SetupToken,
    /// The instance has an owner.
    #[error("this instance is already set up: sign in instead")]
    AlreadySetUp,
    /// Wrong name or password; the same for unknown users.
    #[error("the sign-in name or the password is wrong")]
    WrongCredentials,
    /// Password right, but the second factor is missing.
    #[error("enter the code of your authenticator app, or a recovery code, as `code`")]
    SecondFactor,
    /// The role is too low.
    #[error("this needs the role {}: ask an owner of the instance", role_name(*.needs))]
    Forbidden {
        /// The lowest role that may.
        needs: Role,
    },
    /// The account is limited to partners.
    #[error("this account is limited to some partners and cannot see this")]
    PartnerLimited,
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
    /// Too many tries.
    #[error("too many tries: wait {retry_after_s} seconds")]
    Throttled {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// A field has a wrong value.
    #[error("{message}")]
    Invalid {
        /// Which field, as a path (`events[0].name`).
        field: String,
        /// Stable code.
        code: &'static str,
        /// A sentence that says what to do.
        message: String,
    },
    /// No such object.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// What kind of object.
        kind: &'static str,
        /// Its id as it was given.
        id: String,
    },
    /// No such route.
    #[error("there is no such address; /api/openapi.json describes the ones that there are")]
    NoRoute,
    /// An address of the public side in another spelling.
    #[error("there is no such address; {meant} is probably meant: send the request there, in lower case")]
    Mistyped {
        /// The address as it is documented.
        meant: &'static str,
    },
    /// The route does not know the method.
    #[error("this address does not take that method; /api/openapi.json describes the ones that it takes")]
    Method,
    /// The body is not JSON, or not the announced type.
    #[error("send the body as application/json (or the type that the reference names for this address)")]
    MediaType,
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
    /// The body could not be read to its end.
    #[error("the body ended early or could not be read: send the request again")]
    BrokenBody,
    /// A search or report that would take longer than a request may.
    #[error("this would take too long: choose a shorter time or a narrower filter")]
    TooMuch,
    /// The state of the thing does not allow it.
    #[error("{message}")]
    State {
        /// Stable code.
        code: &'static str,
        /// A sentence that says what to do.
        message: String,
    },
    /// More of a costly kind of request is under way than may be.
    #[error("the server is busy with requests of this kind; try again in a few seconds")]
    Busy,
    /// The catalog refuses the change.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It could not be read.
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreError),
    /// A defect of ours; the log has the place.
    #[error("the request failed because of a defect in the server ({what}); please report it with the log")]
    Defect {
        /// What failed, without data of anybody.
        what: &'static str,
    },
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Editor => "editor",
        Role::Owner => "owner",
    }
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
        Self::Invalid {
            field: field.into(),
            code,
            message: message.into(),
        }
    }

    /// No such object.
    pub fn not_found(kind: &'static str, id: impl Into<String>) -> Self {
        Self::NotFound { kind, id: id.into() }
    }

    /// The table: status and stable code.
    pub fn row(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated"),
            Self::SetupRequired => (S::UNAUTHORIZED, "setup_required"),
            Self::SetupToken => (S::FORBIDDEN, "setup_token"),
            Self::AlreadySetUp => (S::GONE, "already_set_up"),
            Self::WrongCredentials => (S::UNAUTHORIZED, "wrong_credentials"),
            Self::SecondFactor => (S::UNAUTHORIZED, "second_factor"),
            Self::Forbidden { .. } => (S::FORBIDDEN, "forbidden"),
            Self::PartnerLimited => (S::FORBIDDEN, "partner_limited"),
            Self::UnknownHost { .. } => (S::MISDIRECTED_REQUEST, "unknown_host"),
            Self::CrossSite => (S::FORBIDDEN, "cross_site"),
            Self::Throttled { .. } => (S::TOO_MANY_REQUESTS, "throttled"),
            Self::Invalid { code, .. } => (S::BAD_REQUEST, code),
            Self::NotFound { .. } => (S::NOT_FOUND, "not_found"),
            Self::NoRoute | Self::Mistyped { .. } => (S::NOT_FOUND, "no_route"),
            Self::Method => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::MediaType => (S::UNSUPPORTED_MEDIA_TYPE, "media_type"),
            Self::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TargetTooLong { .. } => (S::URI_TOO_LONG, "target_too_long"),
            Self::KeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Self::BrokenBody => (S::BAD_REQUEST, "broken_body"),
            Self::TooMuch => (S::UNPROCESSABLE_ENTITY, "too_much"),
            Self::State { code, .. } => (S::CONFLICT, code),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy"),
            Self::Catalog(error) => (catalog_status(error), error.code()),
            Self::Record(error) => (record_status(error), error.code()),
            Self::Store(_) => (S::SERVICE_UNAVAILABLE, "store_unreadable"),
            Self::Defect { .. } => (S::INTERNAL_SERVER_ERROR, "internal_defect"),
        }
    }

    /// The field that it is about.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::Catalog(CatalogError::Missing { field, .. }) => Some(field),
            Self::Catalog(CatalogError::LoginTaken { .. }) => Some("login"),
            Self::Catalog(CatalogError::BrokenRule { .. }) => Some("text"),
            _ => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Throttled { retry_after_s } => Some(*retry_after_s),
            Self::Busy | Self::Store(_) => Some(5),
            Self::Record(error) if record_status(error) == StatusCode::SERVICE_UNAVAILABLE => Some(5),
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
        RecordError::Busy | RecordError::Full | RecordError::Down(_) | RecordError::Stopping => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        RecordError::Defect => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.row().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.row();
        if status.is_server_error() {
            tracing::warn!(code, error = %self, "a request to the admin side failed");
        }
        let mut response = HttpResponse::build(status).json(self.body());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_codes_are_stable() {
        for (error, status, code) in [
            (ApiError::Unauthenticated, 401, "unauthenticated"),
            (ApiError::UnknownHost { host: "x".into() }, 421, "unknown_host"),
            (ApiError::AlreadySetUp, 410, "already_set_up"),
            (ApiError::invalid("name", "empty", "enter a name"), 400, "empty"),
            (ApiError::TooLarge { limit: 1 }, 413, "too_large"),
            (ApiError::Record(RecordError::Full), 503, "disk_full"),
            (ApiError::Catalog(CatalogError::LastOwner), 409, "last_owner"),
            (
                ApiError::Catalog(CatalogError::Missing {
                    field: "offer",
                    kind: "offer",
                    id: "x".into(),
                }),
                400,
                "missing_reference",
            ),
            (
                ApiError::Catalog(CatalogError::Missing {
                    field: "id",
                    kind: "offer",
                    id: "x".into(),
                }),
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
        let busy = ApiError::Record(RecordError::Busy).error_response();
        assert_eq!(busy.headers().get(RETRY_AFTER).unwrap(), "5");
    }
}
