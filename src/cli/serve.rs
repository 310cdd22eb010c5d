//! `serve`: runs the server.

use super::{CliError, Global, Outcome, ServeArgs, flag};
use crate::app::{self, Running};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs until it is told to stop.
pub fn run(global: &Global, args: &ServeArgs) -> Outcome {
    let mut flags = Vec::new();
    if let Some(listen) = &args.listen {
        flags.push(flag("--listen", "listen", listen));
    }
    if let Some(listen) = &args.admin_listen {
        flags.push(flag("--admin-listen", "admin.listen", listen));
    }
    let config = global.load(flags)?.config;
    app::run(Arc::new(config), greet)?;
    Ok(ExitCode::SUCCESS)
}

/// Tells whoever started the server what to do next: the set-up link while nobody owns the instance.
fn greet(running: &Running) {
    if !running.state.recorder.catalog().users.is_empty() {
        return;
    }
    let now_ms = running.state.recorder.clock().now_ms();
    match running.state.auth.setup.issue(now_ms) {
        Ok(token) => {
            let url = running.state.setup_url(&token);
            // The link is a secret: it goes to whoever started the server, not into the log.
            let told = writeln!(
                std::io::stderr(),
                "\n  Yamabiko is running. Set it up in the browser (link good for 30 minutes, one time):\n  {url}\n"
            );
            if let Err(error) = told {
                tracing::warn!(code = "no_stderr", %error, "the set-up link could not be printed; use `yamabiko setup-link`");
            }
        }
        Err(error) => {
            let error = CliError::Refused(error.to_string());
            tracing::error!(code = "setup_link", %error, "no set-up link could be made");
        }
    }
}
