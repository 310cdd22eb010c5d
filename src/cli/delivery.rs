//! `delivery`: pauses and resumes the sending of postbacks.

use super::{CliError, DeliveryCommand, Global, Outcome, say};
use crate::app::control::{self, Answer, Request};
use std::process::ExitCode;

/// Asks the running server.
pub fn run(global: &Global, command: DeliveryCommand) -> Outcome {
    let config = global.load(Vec::new())?.config;
    let (request, done) = match command {
        DeliveryCommand::Pause => (
            Request::DeliveryPause,
            "Delivery is paused: postbacks are recorded and wait.",
        ),
        DeliveryCommand::Resume => (
            Request::DeliveryResume,
            "Delivery goes on: what waits is sent, the oldest first.",
        ),
    };
    let asked =
        control::ask(&config.data_dir, &request).map_err(CliError::io("cannot reach the running server"))?;
    match asked {
        Some(Answer::Done(_)) => say(done).map(|()| ExitCode::SUCCESS),
        Some(Answer::Refused(message)) => Err(CliError::Refused(message)),
        None => Err(CliError::Refused(
            "no server runs over this data directory: start it, then repeat the command".into(),
        )),
    }
}
