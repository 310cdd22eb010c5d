//! `serve`: runs the server.

use super::{CliError, Global, Outcome, ServeArgs, flag};
use crate::app::{self, Running};
use crate::config::InForce;
use std::io::Write;
use std::process::ExitCode;

/// Runs until it is told to stop.
pub fn run(global: &Global, args: &ServeArgs) -> Outcome {
    let mut flags = Vec::new();
    if let Some(listen) = &args.listen {
        flags.push(flag("--listen", "listen", listen));
    }
    if let Some(listen) = &args.admin_listen {
        flags.push(flag("--admin-listen", "admin.listen", listen));
    }
    let mut effective = global.load(flags.clone())?;
    let memory = app::memory::limit();
    let smaller = memory.map(|bytes| effective.fit(bytes)).unwrap_or_default();
    let global = global.clone();
    let config = InForce::new(effective.config, move || {
        let mut effective = global.load(flags.clone())?;
        if let Some(bytes) = memory {
            effective.fit(bytes);
        }
        Ok(effective.config)
    });
    app::run(config, |running| {
        if let (Some(bytes), [_, ..]) = (memory, smaller.as_slice()) {
            tracing::info!(
                memory_mb = bytes >> 20,
                settings = smaller.join(", "),
                "these defaults are smaller than usual, to fit into the memory"
            );
        }
        greet(running);
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Tells whoever started the server what to do next: the set-up link while nobody owns the instance.
fn greet(running: &Running) {
    if !running.state.recorder.catalog().users.is_empty() {
        return;
    }
    match running.state.setup_link() {
        Ok(link) => {
            let url = link.url;
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
