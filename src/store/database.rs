//! Names of databases, and ranges of their keys. Pure.

use jiff::civil::Date;
use std::fmt;
use std::str::FromStr;

/// Family of the engine's own key (the applied sequence), never given to callers.
pub(super) const RESERVED: u8 = 0;

/// What a period database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeriodKind {
    /// Clicks and impressions with the indexes that find them.
    Sessions,
    /// Activities.
    Activities,
    /// Settled postbacks and attempts.
    Postbacks,
}

impl PeriodKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sessions, Self::Activities, Self::Postbacks];

    /// The word in directory names and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Activities => "activities",
            Self::Postbacks => "postbacks",
        }
    }
}

/// A calendar month of UTC: months since January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub u16);

impl Period {
    /// The month that holds a time (unix milliseconds); times before 1970 count as January 1970.
    pub fn from_ms(at_ms: i64) -> Self {
        let Ok(timestamp) = jiff::Timestamp::from_millisecond(at_ms.max(0)) else {
            return Self(u16::MAX);
        };
        let date = jiff::tz::TimeZone::UTC.to_datetime(timestamp).date();
        let months = (i32::from(date.year()) - 1970) * 12 + i32::from(date.month()) - 1;
        Self(u16::try_from(months).unwrap_or(u16::MAX))
    }

    fn year_month(self) -> (i16, i8) {
        let (years, month) = (self.0 / 12, self.0 % 12);
        // At most 1970 + 5461 and 12: both fit.
        (
            i16::try_from(1970 + years).unwrap_or(i16::MAX),
            i8::try_from(month + 1).unwrap_or(1),
        )
    }

    /// When the month begins, unix milliseconds.
    pub fn start_ms(self) -> i64 {
        let (year, month) = self.year_month();
        Date::new(year, month, 1)
            .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC))
            .map_or(i64::MAX, |start| start.timestamp().as_millisecond())
    }

    /// The month after; the last one of the calendar is its own successor.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// When the month ends (the first millisecond that is not in it).
    pub fn end_ms(self) -> i64 {
        self.next().start_ms()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.year_month();
        write!(f, "{year:04}-{month:02}")
    }
}

impl FromStr for Period {
    type Err = ();
    /// Reads `2026-11`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (year, month) = text.split_once('-').ok_or(())?;
        let (year, month): (u16, u16) = (year.parse().map_err(drop)?, month.parse().map_err(drop)?);
        if !(1..=12).contains(&month) {
            return Err(());
        }
        let years = year.checked_sub(1970).ok_or(())?;
        let period = Self(
            years
                .checked_mul(12)
                .and_then(|m| m.checked_add(month - 1))
                .ok_or(())?,
        );
        if period.to_string() == text {
            Ok(period)
        } else {
            Err(())
        }
    }
}

/// Names one database of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Db {
    /// Configuration, duplicate keys, waiting and failed postbacks, stats and all that has no period.
    Hot,
    /// One kind of record of one month.
    Period(PeriodKind, Period),
}

impl Db {
    /// The sessions database of a time (unix milliseconds).
    pub fn sessions(at_ms: i64) -> Self {
        Self::Period(PeriodKind::Sessions, Period::from_ms(at_ms))
    }
    /// The activities database of a time.
    pub fn activities(at_ms: i64) -> Self {
        Self::Period(PeriodKind::Activities, Period::from_ms(at_ms))
    }
    /// The postbacks database of a time.
    pub fn postbacks(at_ms: i64) -> Self {
        Self::Period(PeriodKind::Postbacks, Period::from_ms(at_ms))
    }
    /// Three bytes for the journal.
    pub(super) fn to_bytes(self) -> [u8; 3] {
        let (tag, period) = match self {
            Self::Hot => (0, 0),
            Self::Period(PeriodKind::Sessions, Period(p)) => (1, p),
            Self::Period(PeriodKind::Activities, Period(p)) => (2, p),
            Self::Period(PeriodKind::Postbacks, Period(p)) => (3, p),
        };
        let [high, low] = u16::to_be_bytes(period);
        [tag, high, low]
    }
    /// Reads [`Db::to_bytes`].
    pub(super) fn from_bytes(bytes: [u8; 3]) -> Option<Self> {
        let period = Period(u16::from_be_bytes([bytes[1], bytes[2]]));
        match bytes[0] {
            0 if period.0 == 0 => Some(Self::Hot),
            1 => Some(Self::Period(PeriodKind::Sessions, period)),
            2 => Some(Self::Period(PeriodKind::Activities, period)),
            3 => Some(Self::Period(PeriodKind::Postbacks, period)),
            _ => None,
        }
    }
}

impl fmt::Display for Db {
    /// `hot`, `sessions-2026-11`: also the name of its directory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hot => f.write_str("hot"),
            Self::Period(kind, period) => write!(f, "{}-{period}", kind.as_str()),
        }
    }
}

impl FromStr for Db {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "hot" {
            return Ok(Self::Hot);
        }
        let (kind, period) = text.split_once('-').ok_or(())?;
        let kind = PeriodKind::ALL
            .into_iter()
            .find(|k| k.as_str() == kind)
            .ok_or(())?;
        Ok(Self::Period(kind, period.parse()?))
    }
}

/// A half-open range of keys of one database; the engine's own key is never in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// First key that may come.
    pub start: Vec<u8>,
    /// First key that may not; `None`: to the end of the database.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// Every key of the database.
    pub fn all() -> Self {
        Self {
            start: vec![RESERVED + 1],
            end: None,
        }
    }
    /// Keys from `start` up to, not including, `end`.
    pub fn new(start: Vec<u8>, end: Vec<u8>) -> Self {
        Self {
            start,
            end: Some(end),
        }
    }
    /// Keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let end = prefix.iter().rposition(|byte| *byte != u8::MAX).map(|last| {
            let mut end = prefix[..=last].to_vec();
            end[last] += 1;
            end
        });
        Self {
            start: prefix.to_vec(),
            end,
        }
    }
    /// Narrows the range to keys behind `key`: the next page of a cursor.
    #[must_use]
    pub fn after(mut self, key: &[u8]) -> Self {
        let mut start = key.to_vec();
        start.push(0);
        self.start = self.start.max(start);
        self
    }
    /// Narrows the range to keys before `key`: the next page of a cursor that reads backwards.
    #[must_use]
    pub fn before(mut self, key: &[u8]) -> Self {
        self.end = Some(self.end.map_or_else(|| key.to_vec(), |end| end.min(key.to_vec())));
        self
    }
}
