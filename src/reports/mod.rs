//! What operators see: lists of records page by page, counters and payouts, the trace of one id, exports.
//!
//! Nothing here changes anything, and nothing knows how it is asked for or sent. Each report is made from a [`View`]:
//! the store, the configuration of the moment, and which partners its reader is limited to. A report reads as much
//! as its budget allows, and says when that was not everything.

pub mod activities;
pub mod audit;
pub mod delay;
mod error;
pub mod export;
pub mod notes;
pub mod page;
pub mod payouts;
pub mod postbacks;
pub mod queue;
mod readers;
pub mod records;
pub mod scan;
pub mod sessions;
pub mod sorted;
pub mod statements;
pub mod stats;
pub mod story;
pub mod taken;
pub mod trace;
pub mod unproven;
mod view;
pub mod words;

pub use error::ReportError;
pub use readers::{ExportPlace, Exports, Readers};
pub use view::{PartnerScope, View};

use jiff::tz::TimeZone;

/// An IANA time zone that was asked for.
fn time_zone(name: &str) -> Result<TimeZone, ReportError> {
    TimeZone::get(name).map_err(|_| {
        ReportError::invalid(
            "time_zone",
            "unknown_time_zone",
            "use a name such as Asia/Tokyo, Europe/Berlin or UTC",
        )
    })
}
