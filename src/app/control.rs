//! The control socket: how commands on the same machine reach a running server. A Unix socket with mode
//! 0600 in the data directory; one JSON request a connection, one JSON answer. Whoever can open it may do
//! what the owner of the files could do anyway.
//!
//! `execute` is the same for a running server and for a command that opened the store itself.

mod merging;
mod streams;
mod told;

pub use streams::backup;

use super::AppError;
use crate::admin::delivery;
use crate::admin::platforms::{self, ConnectForm};
use crate::admin::save::{Actor, Note, Save};
use crate::admin::setup;
use crate::admin::tokens::{self, NewToken};
use crate::admin::{AdminError, Saving, ServerLimits, document, import, users};
use crate::config::Config;
use crate::domain::account::{Role, TokenScope};
use crate::http::State;
use crate::http::client::untrusted_proxies;
use crate::recorder::Recorder;
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
use streams::Streams;

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
    /// A new user.
    AdminCreate {
        /// Sign-in name.
        login: String,
        /// For people.
        name: String,
        /// What they may do.
        role: Role,
        /// The password.
        password: String,
    },
    /// A new password for a user; all its logins end.
    AdminResetPassword {
        /// Sign-in name.
        login: String,
        /// The new password.
        password: String,
    },
    /// Lets a user be signed in to again although tries failed.
    AdminUnlock {
        /// Sign-in name.
        login: String,
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
    /// Connects a platform from its preset.
    PresetConnect {
        /// Id of the preset.
        preset: String,
        /// What is filled in.
        form: ConnectForm,
    },
    /// A backup of everything, as a stream.
    Backup,
    /// A look at every record of the store.
    Verify,
    /// How everything is, for whoever is asked for help.
    Support,
    /// How the certificates are.
    Certificates,
    /// What failed with a certificate is tried at once.
    CertificatesRetry,
    /// Postbacks wait.
    DeliveryPause,
    /// Postbacks are sent again.
    DeliveryResume,
    /// Takes over what another server took alone.
    ArchiveMerge {
        /// Its commits, in base64, sessions and activities before all else.
        commits: Vec<String>,
        /// Only say what would come of it.
        dry_run: bool,
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
        let streams = Streams::new(state.keeper.clone(), is_stopping.clone());
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    if stopping.load(Ordering::Acquire) {
                        break;
                    }
                    match stream.and_then(|stream| serve(stream, &state, &streams)) {
                        Ok(()) => {}
                        Err(error) => {
                            tracing::warn!(code = "control_socket", %error, "a command could not be answered");
                        }
                    }
                }
                streams.join();
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

fn serve(mut stream: UnixStream, state: &State, streams: &Streams) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(MAX_REQUEST_BYTES)).read_line(&mut line)?;
    let answer = match serde_json::from_str(&line) {
        Ok(request @ (Request::Backup | Request::Verify)) => return streams.serve(request, stream),
        Ok(request) => match execute(request, state.config.now(), &state.recorder, Some(state)) {
            Ok(value) => Answer::Done(value),
            Err(error) => Answer::Refused(error.to_string()),
        },
        Err(error) => Answer::Refused(format!(
            "the command is not understood ({error}): use the same version as the server"
        )),
    };
    send(&mut stream, &answer)
}

/// Sends a line of JSON.
fn send(stream: &mut UnixStream, message: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_string(message).map_err(std::io::Error::other)?;
    text.push('\n');
    stream.write_all(text.as_bytes())
}

/// Reads the line of JSON that is an answer.
fn read_answer(input: &mut impl BufRead) -> std::io::Result<Answer> {
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    serde_json::from_str(&answer).map_err(std::io::Error::other)
}

/// Reaches a running server; `None` when none runs over the data directory.
fn connect(data_dir: &Path) -> std::io::Result<Option<UnixStream>> {
    match UnixStream::connect(socket_path(data_dir)) {
        Ok(stream) => Ok(Some(stream)),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Asks a running server; `None` when none runs over the data directory.
pub fn ask(data_dir: &Path, request: &Request) -> std::io::Result<Option<Answer>> {
    let Some(mut stream) = connect(data_dir)? else {
        return Ok(None);
    };
    send(&mut stream, request)?;
    read_answer(&mut BufReader::new(stream)).map(Some)
}

/// Carries a command out over the store of a server that does not run.
pub fn execute_offline(config: Arc<Config>, request: Request) -> Result<Value, AppError> {
    Ok(super::offline(config, |core| {
        execute(request, &core.config, &core.recorder, None)
    })??)
}

/// Carries a command out. `running` is the server, where there is one.
fn execute(
    request: Request,
    config: &Config,
    recorder: &Recorder,
    running: Option<&State>,
) -> Result<Value, AdminError> {
    match request {
        Request::SetupLink => setup_link(recorder, running),
        Request::Status => {
            let said = |state: &State| {
                json!({
                    "started_at_ms": state.started_at_ms,
                    "address": state.public_address,
                    "untrusted_proxies": untrusted_proxies(&state.config.now().trusted_proxies),
                    "is_tls": state.config.now().has_tls(),
                })
            };
            Ok(running.map_or(Value::Null, said))
        }
        Request::TokenCreate { name, scope, days } => create_token(recorder, name, scope, days),
        Request::TokenList => Ok(list_tokens(recorder)),
        Request::TokenRevoke { id } => {
            commit(recorder, tokens::revoke(&id, &recorder.catalog())?)?;
            Ok(Value::Null)
        }
        Request::AdminList => Ok(list_users(recorder)),
        Request::AdminCreate {
            login,
            name,
            role,
            password,
        } => {
            let now_ms = recorder.clock().now_ms();
            let made = users::create_at_server(login, name, role, &password, &recorder.catalog(), now_ms)?;
            commit(recorder, made)?;
            Ok(Value::Null)
        }
        Request::AdminResetPassword { login, password } => {
            let now_ms = recorder.clock().now_ms();
            let reset = users::reset_password(&login, &password, &recorder.catalog(), now_ms)?;
            commit(recorder, reset)?;
            Ok(Value::Null)
        }
        Request::AdminRevokeSessions { login } => {
            let (count, save) = users::end_logins(login.as_deref(), &recorder.catalog())?;
            commit(recorder, save)?;
            Ok(json!({"users": count}))
        }
        Request::AdminUnlock { login } => unlock(&login, recorder, running),
        Request::Export => Ok(document::export(&recorder.catalog())),
        Request::Import { document, dry_run } => {
            let limits = ServerLimits::new(config, running.map(|state| state.echo.address()));
            take_over(recorder, document, limits, dry_run)
        }
        Request::PresetConnect { preset, form } => {
            let limits = ServerLimits::new(config, running.map(|state| state.echo.address()));
            connect_platform(recorder, &preset, form, limits)
        }
        Request::Support => Ok(told::support(needed(running)?)),
        Request::Certificates => Ok(told::certificates(needed(running)?)),
        Request::CertificatesRetry => {
            needed(running)?.certificates.try_now();
            Ok(Value::Null)
        }
        Request::DeliveryPause => set_pause(true, recorder, running),
        Request::DeliveryResume => set_pause(false, recorder, running),
        Request::ArchiveMerge { commits, dry_run } => {
            needed(running)?;
            merging::merge(recorder, &commits, dry_run)
        }
        // The running server answers these with a stream; without one the command does them itself.
        Request::Backup | Request::Verify => Err(AdminError::Defect {
            what: "a command of the control socket",
        }),
    }
}

fn setup_link(recorder: &Recorder, running: Option<&State>) -> Result<Value, AdminError> {
    let Some(state) = running else {
        return Err(AdminError::State {
            code: "not_running",
            message: "no server runs over this data directory: start it with `yamabiko serve`, which prints the link".into(),
        });
    };
    if !recorder.catalog().users.is_empty() {
        let note = Note::new("sign_in.open_http", "30 min");
        let save = Save {
            notes: vec![note],
            ..Save::default()
        };
        commit(recorder, save)?;
        let url = setup::open_http(&state.auth, recorder, state.config.now(), state.admin_address);
        return Ok(json!({"url": url, "is_sign_in": true}));
    }
    let link = state.setup_link()?;
    Ok(json!({"token": link.token, "url": link.url}))
}

fn needed(running: Option<&State>) -> Result<&State, AdminError> {
    running.ok_or_else(|| AdminError::State {
        code: "not_running",
        message: "no server runs over this data directory: start it, then repeat the command".into(),
    })
}

/// Forgets the failed tries of a user.
fn unlock(login: &str, recorder: &Recorder, running: Option<&State>) -> Result<Value, AdminError> {
    let Some(state) = running else {
        return Err(AdminError::State {
            code: "not_running",
            message: "no server runs over this data directory, and only a running server counts failed tries: start it, and sign in".into(),
        });
    };
    commit(
        recorder,
        users::unlock(login, &recorder.catalog(), &state.auth.sign_ins)?,
    )?;
    Ok(Value::Null)
}

/// Pauses delivery, or lets it go on.
fn set_pause(is_paused: bool, recorder: &Recorder, running: Option<&State>) -> Result<Value, AdminError> {
    let state = needed(running)?;
    delivery::set_paused(&state.pause, recorder, Actor::command_line(), is_paused)?;
    Ok(Value::Null)
}

fn create_token(
    recorder: &Recorder,
    name: String,
    scope: TokenScope,
    days: Option<u16>,
) -> Result<Value, AdminError> {
    let (made_by, now_ms) = (Actor::command_line().name, recorder.clock().now_ms());
    let (issued, save) = tokens::issue(NewToken { name, scope, days }, &made_by, now_ms)?;
    commit(recorder, save)?;
    Ok(json!({"id": issued.token.id, "secret": issued.secret}))
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

fn take_over(
    recorder: &Recorder,
    document: Value,
    limits: ServerLimits<'_>,
    dry_run: bool,
) -> Result<Value, AdminError> {
    let plan = import::plan(document, &recorder.catalog(), recorder.clock().now_ms(), limits)?;
    let summary = if dry_run {
        plan.summary()
    } else {
        plan.commit_blocking(recorder, Actor::command_line())?
    };
    serde_json::to_value(summary).map_err(|_| AdminError::Defect {
        what: "summary of an import",
    })
}

fn connect_platform(
    recorder: &Recorder,
    preset: &str,
    form: ConnectForm,
    limits: ServerLimits<'_>,
) -> Result<Value, AdminError> {
    let saving = Saving {
        catalog: &recorder.catalog(),
        limits,
        origin: "",
        now_ms: recorder.clock().now_ms(),
    };
    let is_dry = form.dry_run;
    let (connected, save) = platforms::connect(preset, form, &saving)?;
    if !is_dry {
        commit(recorder, save)?;
    }
    serde_json::to_value(connected).map_err(|_| AdminError::Defect {
        what: "a connected platform",
    })
}

fn commit(recorder: &Recorder, save: Save) -> Result<(), AdminError> {
    save.commit_blocking(recorder, Actor::command_line())
}
