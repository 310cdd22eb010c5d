//! The platforms that take conversions through an API, as servers under their real names: what their documents ask
//! for is checked to the letter, and their awkward answers can be had on demand.
//!
//! One file a platform, each a table: members and their forms, the example of the documents, what is refused and why,
//! and the answers that are not what they seem. `serve.rs` serves them all behind TLS with a test's own authority.

pub mod asked;
mod axon;
mod connected;
mod ga4;
mod google;
pub mod host;
mod impact;
mod line;
mod ly_ads;
mod meta;
mod microsoft;
mod openai;
pub mod person;
mod pinterest;
pub mod platform;
mod reddit;
mod revoked;
mod runs;
mod self_tests;
mod serve;
mod shape;
mod smartnews;
mod snap;
mod tiktok;
mod tradedoubler;
mod webgains;
mod x;
mod yahoo_display;
mod yahoo_search;

use self::platform::Platform;

/// All of them.
pub static PLATFORMS: &[Platform] = &[
    axon::PLATFORM,
    ga4::PLATFORM,
    google::PLATFORM,
    google::SERVICE_PLATFORM,
    impact::PLATFORM,
    line::PLATFORM,
    ly_ads::PLATFORM,
    meta::PLATFORM,
    microsoft::PLATFORM,
    openai::PLATFORM,
    pinterest::PLATFORM,
    reddit::PLATFORM,
    smartnews::APP_PLATFORM,
    smartnews::PLATFORM,
    snap::PLATFORM,
    tiktok::PLATFORM,
    tradedoubler::PLATFORM,
    webgains::PLATFORM,
    x::PLATFORM,
    yahoo_display::PLATFORM,
    yahoo_search::PLATFORM,
];
