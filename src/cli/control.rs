//! Commands that a running server carries out over its control socket, and that open the store themselves
//! when no server runs.

use super::{
    AdminCommand, CliError, ExportArgs, Global, ImportArgs, Outcome, RoleArg, ScopeArg, TokenCommand, say,
};
use crate::app::control::{self, Answer, Request};
use crate::domain::account::{Role, TokenScope};
use serde_json::Value;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

/// Asks the server, or does it over the store.
pub(super) fn perform(global: &Global, request: Request) -> Result<Value, CliError> {
    let config = global.load(Vec::new())?.config;
    let asked =
        control::ask(&config.data_dir, &request).map_err(CliError::io("cannot reach the running server"))?;
    match asked {
        Some(Answer::Done(value)) => Ok(value),
        Some(Answer::Refused(message)) => Err(CliError::Refused(message)),
        None => Ok(control::execute_offline(Arc::new(config), request)?),
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// `setup-link`.
pub fn setup_link(global: &Global) -> Outcome {
    let made = perform(global, Request::SetupLink)?;
    say(text(&made, "url"))?;
    if made["is_sign_in"] == true {
        eprintln!(
            "yamabiko: the server has its owner; for 30 minutes it lets people sign in without encryption, too"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// `token ...`.
pub fn token(global: &Global, command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::Create { name, scope, days } => {
            let scope = match scope {
                ScopeArg::Read => TokenScope::Read,
                ScopeArg::Write => TokenScope::Write,
                ScopeArg::Admin => TokenScope::Admin,
            };
            let made = perform(global, Request::TokenCreate { name, scope, days })?;
            say(text(&made, "secret"))?;
        }
        TokenCommand::List => {
            let tokens = perform(global, Request::TokenList)?;
            for token in tokens.as_array().into_iter().flatten() {
                say(format!(
                    "{}  {:6}  {}",
                    text(token, "id"),
                    text(token, "scope"),
                    text(token, "name")
                ))?;
            }
        }
        TokenCommand::Revoke { id } => drop(perform(global, Request::TokenRevoke { id })?),
    }
    Ok(ExitCode::SUCCESS)
}

/// `admin ...`.
pub fn admin(global: &Global, command: AdminCommand) -> Outcome {
    match command {
        AdminCommand::List => {
            let users = perform(global, Request::AdminList)?;
            for user in users.as_array().into_iter().flatten() {
                let state = if user["is_disabled"] == true {
                    "disabled"
                } else {
                    ""
                };
                say(format!(
                    "{}  {:6}  {}  {state}",
                    text(user, "login"),
                    text(user, "role"),
                    text(user, "name")
                ))?;
            }
        }
        AdminCommand::Create {
            login,
            name,
            role,
            stdin,
        } => with_password(stdin, |password| {
            let name = name.unwrap_or_else(|| login.clone());
            let role = match role {
                RoleArg::Viewer => Role::Viewer,
                RoleArg::Editor => Role::Editor,
                RoleArg::Owner => Role::Owner,
            };
            let request = Request::AdminCreate {
                login,
                name,
                role,
                password,
            };
            perform(global, request).map(drop)
        })?,
        AdminCommand::ResetPassword { login, stdin } => with_password(stdin, |password| {
            perform(global, Request::AdminResetPassword { login, password }).map(drop)
        })?,
        AdminCommand::Unlock { login } => drop(perform(global, Request::AdminUnlock { login })?),
        AdminCommand::RevokeSessions { login } => {
            let ended = perform(global, Request::AdminRevokeSessions { login })?;
            say(format!("ended the logins of {} users", ended["users"]))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Does something with a password from standard input, or with one that is made and printed afterwards.
fn with_password(is_given: bool, work: impl FnOnce(String) -> Result<(), CliError>) -> Result<(), CliError> {
    if is_given {
        return work(read_password()?);
    }
    let password = make_password()?;
    work(password.clone())?;
    say(password)
}

fn read_password() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .read_line(&mut text)
        .map_err(CliError::io("cannot read the password from standard input"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn make_password() -> Result<String, CliError> {
    crate::admin::random::random_text()
        .map(|text| text.chars().take(20).collect())
        .map_err(|e| CliError::Refused(e.to_string()))
}

/// `export`.
pub fn export(global: &Global, args: &ExportArgs) -> Outcome {
    let document = perform(global, Request::Export)?;
    let as_json = args.json || args.file.ends_with(".json");
    let text = if as_json {
        serde_json::to_string_pretty(&document).map_err(|e| CliError::Refused(e.to_string()))?
    } else {
        crate::admin::document::to_toml(&document).map_err(|e| CliError::Refused(e.to_string()))?
    };
    if args.file == "-" {
        say(text)?;
    } else {
        std::fs::write(&args.file, text).map_err(CliError::io(format!("cannot write {}", args.file)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `import`.
pub fn import(global: &Global, args: &ImportArgs) -> Outcome {
    let mut text = String::new();
    if args.file == "-" {
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(CliError::io("cannot read standard input"))?;
    } else {
        text = std::fs::read_to_string(&args.file)
            .map_err(CliError::io(format!("cannot read {}", args.file)))?;
    }
    let document = crate::admin::document::read(&text).map_err(|e| CliError::Refused(e.to_string()))?;
    let told = perform(
        global,
        Request::Import {
            document,
            dry_run: args.dry_run,
        },
    )?;
    say(serde_json::to_string_pretty(&told).map_err(|e| CliError::Refused(e.to_string()))?)?;
    Ok(ExitCode::SUCCESS)
}
