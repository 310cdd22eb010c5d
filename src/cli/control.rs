//! Commands that a running server carries out over its control socket, and that open the store themselves
//! when no server runs.

use super::{
    AdminCommand, BackupArgs, CliError, ExportArgs, Global, ImportArgs, Outcome, ScopeArg, TokenCommand, say,
};
use crate::app::control::{self, Answer, Request};
use crate::domain::account::TokenScope;
use serde_json::Value;
use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

/// Asks the server, or does it over the store.
fn perform(global: &Global, request: Request) -> Result<Value, CliError> {
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
        AdminCommand::ResetPassword { login, stdin } => {
            let (password, is_made) = if stdin {
                (read_password()?, false)
            } else {
                (make_password()?, true)
            };
            perform(
                global,
                Request::AdminResetPassword {
                    login,
                    password: password.clone(),
                },
            )?;
            if is_made {
                say(password)?;
            }
        }
        AdminCommand::RevokeSessions { login } => {
            let ended = perform(global, Request::AdminRevokeSessions { login })?;
            say(format!("ended the logins of {} users", ended["users"]))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read_password() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .read_line(&mut text)
        .map_err(CliError::io("cannot read the password from standard input"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn make_password() -> Result<String, CliError> {
    crate::http::auth::random_text()
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
        crate::http::api::transfer::to_toml(&document).map_err(|e| CliError::Refused(e.to_string()))?
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
    let document = crate::http::api::transfer::parse(&text).map_err(|e| CliError::Refused(e.to_string()))?;
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

/// `backup`.
pub fn backup(global: &Global, args: &BackupArgs) -> Outcome {
    let file = std::path::absolute(&args.file)
        .map_err(CliError::io(format!("cannot name {}", args.file.display())))?;
    let made = perform(global, Request::Backup { file })?;
    say(format!(
        "{} ({} bytes, up to commit {})",
        text(&made, "file"),
        made["bytes"],
        made["seq"]
    ))?;
    say("It holds the configuration with its secrets: keep it as safe as the data directory.")?;
    Ok(ExitCode::SUCCESS)
}
