//! The control socket: how commands on the same machine reach a running server. A Unix socket with mode
//! 0600 in the data directory; one JSON request a connection, one JSON answer. Whoever can open it may do
//! what the owner of the files could do anyway.
//!
//! `execute` is the same for a running server and for a command that opened the store itself.

use super::{AppError, Core};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::account::{ApiToken, TokenScope, User};
use crate::domain::ids::TokenId;
use crate::http::State;
use crate::http::api::save::{self, Note};
use crate::http::api::transfer;
use crate::http::api::transfer_plan::{self, Checks};
use crate::http::auth::{self, password};
use crate::http::problem::ApiError;
use crate::recorder::Recorder;
use crate::store::catalog::{Change, ConfigKey, ConfigObject, Precondition};
use crate::store::{Keeper, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Largest request, bytes: a configuration file.
const MAX_REQUEST_BYTES: u64 = 32 << 20;
/// How long a command may be silent.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a command asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Request {
    /// A one-time link for the set-up.
    SetupLink,
    /// Where the server listens and how it is.
    Status,
    /// A new API token.
    TokenCreate {
        /// For people.
        name: String,
        /// What it is good for.
        scope: TokenScope,
        /// Days until it expires.
        days: Option<u16>,
    },
    /// All tokens.
    TokenList,
    /// Ends a token.
    TokenRevoke {
        /// Public id.
        id: String,
    },
    /// All users.
    AdminList,
    /// A new password for a user; all its logins end.
    AdminResetPassword {
        /// Sign-in name.
        login: String,
        /// The new password.
        password: String,
    },
    /// Ends logins.
    AdminRevokeSessions {
        /// Of one user, or of all.
        login: Option<String>,
    },
    /// The configuration as JSON.
    Export,
    /// Takes a configuration over.
    Import {
        /// As written by export.
        document: Value,
        /// Only say what would change.
        dry_run: bool,
    },
    /// A hot backup.
    Backup {
        /// File to write.
        file: PathBuf,
    },
}

/// The answer to a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done.
    Done(Value),
    /// It was not: a sentence for the operator.
    Refused(String),
}

/// Name of the socket in the data directory.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// The listening socket and its thread.
pub(super) struct Control {
    path: PathBuf,
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Control {
    pub(super) fn start(state: Arc<State>, data_dir: &Path) -> Result<Self, AppError> {
        let path = socket_path(data_dir);
        let failed = |source| AppError::Control {
            path: path.display().to_string(),
            source,
        };
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stopping = is_stopping.clone();
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    if stopping.load(Ordering::Acquire) {
                        return;
                    }
                    match stream.and_then(|stream| serve(stream, &state)) {
                        Ok(()) => {}
                        Err(error) => {
                            tracing::warn!(code = "control_socket", %error, "a command could not be answered");
                        }
                    }
                }
            })
            .map_err(AppError::Thread)?;
        Ok(Self {
            path,
            is_stopping,
            thread,
        })
    }

    pub(super) fn stop(self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Err(error) = UnixStream::connect(&self.path) {
            tracing::warn!(code = "control_socket", %error, "the control socket could not be closed in order");
            return;
        }
        if self.thread.join().is_err() {
            tracing::error!(
                code = "control_panicked",
                "the thread of the control socket ended with a panic"
            );
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(code = "control_socket", %error, "the control socket could not be removed");
        }
    }
}

fn serve(stream: UnixStream, state: &State) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(MAX_REQUEST_BYTES)).read_line(&mut line)?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => match execute(
            request,
            &state.config,
            &state.recorder,
            &state.keeper,
            Some(state),
        ) {
            Ok(value) => Answer::Done(value),
            Err(error) => Answer::Refused(error.to_string()),
        },
        Err(error) => Answer::Refused(format!(
            "the command is not understood ({error}): use the same version as the server"
        )),
    };
    let mut text = serde_json::to_string(&answer).map_err(std::io::Error::other)?;
    text.push('\n');
    (&stream).write_all(text.as_bytes())
}

/// Asks a running server; `None` when none runs over the data directory.
pub fn ask(data_dir: &Path, request: &Request) -> std::io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(socket_path(data_dir)) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut text = serde_json::to_string(request).map_err(std::io::Error::other)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer)?;
    serde_json::from_str(&answer)
        .map(Some)
        .map_err(std::io::Error::other)
}

/// Carries a command out over the store of a server that does not run.
pub fn execute_offline(config: Arc<Config>, request: Request) -> Result<Value, AppError> {
    let core = Core::open(config, Clock::System)?;
    let done = execute(request, &core.config, &core.recorder, &core.keeper, None);
    core.close();
    Ok(done?)
}

/// Carries a command out. `running` is the server, where there is one.
fn execute(
    request: Request,
    config: &Config,
    recorder: &Recorder,
    keeper: &Keeper,
    running: Option<&State>,
) -> Result<Value, ApiError> {
    match request {
        Request::SetupLink => setup_link(recorder, running),
        Request::Status => {
            Ok(running.map_or(Value::Null, |state| json!({"started_at_ms": state.started_at_ms})))
        }
        Request::TokenCreate { name, scope, days } => create_token(recorder, name, scope, days),
        Request::TokenList => Ok(list_tokens(recorder)),
        Request::TokenRevoke { id } => {
            let id: TokenId = id.parse().map_err(|_| ApiError::not_found("token", id.clone()))?;
            let note = Note::new("token.revoke", id.as_str());
            change(recorder, vec![Change::Remove(ConfigKey::Token(id))], note)?;
            Ok(Value::Null)
        }
        Request::AdminList => Ok(list_users(recorder)),
        Request::AdminResetPassword { login, password } => reset_password(recorder, &login, &password),
        Request::AdminRevokeSessions { login } => revoke_logins(recorder, login.as_deref()),
        Request::Export => transfer::export(&recorder.catalog()),
        Request::Import { document, dry_run } => {
            let checks = Checks::new(config, running.map(|state| state.echo.address()));
            import(recorder, document, checks, dry_run)
        }
        Request::Backup { file } => {
            if file.exists() {
                return Err(ApiError::State {
                    code: "file_exists",
                    message: format!(
                        "{} exists already and is left alone: name another file",
                        file.display()
                    ),
                });
            }
            let made = keeper.backup(&file)?;
            Ok(json!({"file": file, "bytes": made.bytes, "seq": made.last_seq, "databases": made.databases}))
        }
    }
}

fn setup_link(recorder: &Recorder, running: Option<&State>) -> Result<Value, ApiError> {
    let Some(state) = running else {
        return Err(ApiError::State {
            code: "not_running",
            message: "no server runs over this data directory: start it with `yamabiko serve`, which prints the link".into(),
        });
    };
    if !recorder.catalog().users.is_empty() {
        return Err(ApiError::AlreadySetUp);
    }
    let token = state.auth.setup.issue(recorder.clock().now_ms())?;
    Ok(json!({"token": token, "url": state.setup_url(&token)}))
}

fn create_token(
    recorder: &Recorder,
    name: String,
    scope: TokenScope,
    days: Option<u16>,
) -> Result<Value, ApiError> {
    let secret = format!("{}{}", auth::TOKEN_PREFIX, auth::random_text()?);
    let now_ms = recorder.clock().now_ms();
    let token = ApiToken {
        id: TokenId::from_random(&random_bytes()?),
        name: name.clone(),
        sha256: auth::sha256_hex(secret.as_bytes()),
        scope,
        created_by: "command line".into(),
        created_at_ms: now_ms,
        expires_at_ms: days.map(|days| now_ms + i64::from(days) * 86_400_000),
    };
    let id = token.id.clone();
    change(
        recorder,
        vec![Change::Put(ConfigObject::Token(token))],
        Note::new("token.create", name),
    )?;
    Ok(json!({"id": id, "secret": secret}))
}

fn random_bytes() -> Result<[u8; 16], ApiError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::Defect { what: "random bytes" })?;
    Ok(bytes)
}

fn list_tokens(recorder: &Recorder) -> Value {
    let catalog = recorder.catalog();
    let tokens = catalog.tokens.values();
    tokens
        .map(|t| json!({"id": t.id, "name": t.name, "scope": t.scope, "created_at_ms": t.created_at_ms, "expires_at_ms": t.expires_at_ms}))
        .collect()
}

fn list_users(recorder: &Recorder) -> Value {
    let catalog = recorder.catalog();
    catalog
        .users
        .values()
        .map(|u| json!({"login": u.login, "name": u.name, "role": u.role, "is_disabled": u.is_disabled}))
        .collect()
}

fn find_user(recorder: &Recorder, login: &str) -> Result<User, ApiError> {
    let catalog = recorder.catalog();
    let found = catalog
        .users
        .values()
        .find(|u| u.login.to_lowercase() == login.to_lowercase());
    found
        .map(|user| (**user).clone())
        .ok_or_else(|| ApiError::not_found("user", login))
}

fn reset_password(recorder: &Recorder, login: &str, password: &str) -> Result<Value, ApiError> {
    let mut user = find_user(recorder, login)?;
    password::check("password", password, &user.login)?;
    let before_ms = user.updated_at_ms;
    user.password_hash = password::hash_blocking(password)?;
    user.epoch += 1;
    user.is_disabled = false;
    user.updated_at_ms = recorder.clock().now_ms().max(before_ms + 1);
    let note = Note::new("user.reset_password", user.login.clone());
    change(recorder, vec![Change::Put(ConfigObject::User(user))], note)?;
    Ok(Value::Null)
}

fn revoke_logins(recorder: &Recorder, login: Option<&str>) -> Result<Value, ApiError> {
    let users = match login {
        Some(login) => vec![find_user(recorder, login)?],
        None => recorder
            .catalog()
            .users
            .values()
            .map(|user| (**user).clone())
            .collect(),
    };
    let count = users.len();
    let raised = users.into_iter().map(|mut user| {
        user.epoch += 1;
        Change::Put(ConfigObject::User(user))
    });
    change(
        recorder,
        raised.collect(),
        Note::new("user.revoke_logins", login.unwrap_or("all users")),
    )?;
    Ok(json!({"users": count}))
}

fn import(
    recorder: &Recorder,
    document: Value,
    checks: Checks<'_>,
    dry_run: bool,
) -> Result<Value, ApiError> {
    let plan = transfer_plan::plan(document, &recorder.catalog(), recorder.clock().now_ms(), checks)?;
    let summary = if dry_run {
        plan.summary()
    } else {
        recorder.try_run_blocking(move |group| plan.take_over("command line", "", group))??
    };
    serde_json::to_value(summary).map_err(|_| ApiError::Defect {
        what: "summary of an import",
    })
}

fn change(recorder: &Recorder, changes: Vec<Change>, note: Note) -> Result<(), ApiError> {
    let none: [Precondition; 0] = [];
    recorder.try_run_blocking(move |group| {
        save::stage(group, &none, &changes)?;
        save::audit(group, "command line", "", note).map_err(|error: StoreError| ApiError::from(error))
    })?
}
