//! How a file is written: its encoding, its language, its times.

use crate::reports::words::Words;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// How text is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8 with a byte order mark, which spreadsheets need to recognise it.
    #[default]
    Utf8,
    /// Shift_JIS (Windows-31J), for older Japanese tools.
    ShiftJis,
}

/// How a file is written.
#[derive(Clone)]
pub struct Style {
    /// Encoding of the whole file.
    pub encoding: Encoding,
    /// Words for people; `None`: codes for programs.
    pub words: Option<&'static Words>,
    /// Zone of times.
    pub zone: TimeZone,
}
