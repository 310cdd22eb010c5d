//! What operators do: save and check the configuration, sign in, decide about conversions, try things out.
//!
//! The API, the control socket, the command line and the demo call the same functions, so that nothing is checked
//! in one place and not in another. Nothing here knows how it is asked for or how the answer is sent; why something
//! was not done is an [`AdminError`].

pub mod account;
pub mod alert_settings;
mod auth;
pub mod backfill;
pub mod bearer;
pub mod bulk;
pub mod callback_preview;
pub mod callback_tests;
pub mod check;
pub mod decisions;
pub mod delivery;
pub mod document;
pub mod erasures;
mod error;
pub mod events;
pub mod failures;
mod hash_queue;
pub mod identity;
pub mod import;
pub mod jobs;
pub mod known_browser;
mod limits;
mod link_urls;
pub mod links;
mod lock;
pub mod logins;
pub mod offers;
pub mod parse;
pub mod partner_urls;
pub mod partners;
mod parts;
pub mod passwords;
pub mod platforms;
pub mod postbacks;
pub mod proofs;
pub mod random;
pub mod rates;
pub mod reach;
pub mod refused;
pub mod resource;
pub mod rule_backtest;
pub mod rule_preview;
pub mod rules;
pub mod save;
pub mod secret;
pub mod secrets;
pub mod settings;
pub mod setup;
mod setup_token;
pub mod sheets;
pub mod sign_in;
pub mod statement_mail;
pub mod statements;
mod stops;
mod tables;
pub mod throttle;
pub mod tokens;
mod totp;
pub mod trials;
mod trust;
pub mod upload;
pub mod users;

#[cfg(test)]
mod import_tests;
#[cfg(test)]
mod statements_tests;

pub use auth::Auth;
pub use error::AdminError;
pub use limits::ServerLimits;
pub use resource::{Resource, Saving, Showing};

/// The default of switches that are on unless somebody switches them off.
fn yes() -> bool {
    true
}
