//! Conversions from a CSV file: new ones, and new statuses or amounts of those that are there. Looked at
//! first, mistakes by line; when a line has a mistake, or would be refused, nothing of the file is done. The
//! look does all that the upload does and throws it away, so the two cannot disagree.
//!
//! Columns by name, in any order: `activity_id` names a conversion whose `status` (and `amount`) is to be
//! changed; a line without one is a new conversion with `sid`, `cid`, `event`, `amount`, `currency`, `uid1`
//! to `uid8`, `status`, `created_at`, and `email`, `phone`, `external_id` and consent under any of their names, of
//! which digests are kept. The files of the export can be edited and uploaded.

use super::AdminError;
use super::identity::Identity;
use super::save::{Note, audit};
use super::tables;
use crate::domain::activity::{Activity, ConversionStatus, RefusalReason};
use crate::domain::identity::{names, redact};
use crate::domain::ids::ActivityId;
use crate::domain::money::{Currency, Money, MoneyError, parse_amount};
use crate::recorder::{Group, Recorder};
use crate::reports::export::activity_column;
use crate::store::catalog::Catalog;
use crate::store::keys;
use crate::tracking::caller::Caller;
use crate::tracking::conversion::{self, ConversionRequest};
use crate::tracking::fields::Fields;
use crate::tracking::outcome::Ended;
use crate::tracking::record_conversion;
use crate::tracking::status::{self, Changed};
use rust_decimal::Decimal;
use serde::Serialize;

/// Lines of one file: they are one commit.
const MOST_LINES: usize = 1000;
/// Mistakes that are told.
const MOST_ERRORS: usize = 100;

/// Columns that are taken, with the Japanese headings of exports before columns were called as on the screens.
const COLUMNS: [(&str, &str); 11] = [
    ("activity_id", "成果ID"),
    ("sid", "セッションID"),
    ("cid", "広告ID"),
    ("event", "成果地点"),
    ("amount", "売上金額"),
    ("currency", "通貨"),
    ("uid1", "UID1"),
    ("uid2", "UID2"),
    ("status", "成果ステータス"),
    ("created_at", "成果時刻"),
    ("ip_address", "IPアドレス"),
];
/// Columns of these exports that say nothing to an upload.
const IGNORED: [&str; 25] = [
    "time",
    "成果日時",
    "kind",
    "種別",
    "verdict",
    "判定",
    "reason",
    "エラー内容",
    "partner",
    "媒体ID",
    "link",
    "クリックURL",
    "tracker_name",
    "リンク名",
    "para1",
    "PARA1",
    "payout",
    "報酬",
    "match_type",
    "照合方法",
    "note",
    "備考",
    "is_test",
    "テスト",
    "",
];

/// A mistake in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LineError {
    /// Line of the file, from 1 (the headings).
    pub line: u64,
    /// Which column.
    pub field: Option<String>,
    /// Stable code.
    pub code: String,
    /// What to do.
    pub message: String,
}

/// What came of a file.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct UploadResult {
    /// Lines without the headings.
    pub lines: usize,
    /// New conversions.
    pub created: usize,
    /// Conversions whose status or amount changed.
    pub updated: usize,
    /// Conversions that were so already, and duplicates.
    pub unchanged: usize,
    /// Mistakes, and lines that would be refused and why; when there is one nothing was done, and the counts are
    /// those of the other lines.
    pub errors: Vec<LineError>,
    /// Whether it was done.
    pub is_applied: bool,
}

/// One line, read.
#[derive(Debug)]
enum Line {
    New(Box<ConversionRequest>),
    Change {
        id: ActivityId,
        status: Option<ConversionStatus>,
        amount: Option<Amount>,
    },
}

/// A new amount; without a currency of its own it is in that of the conversion.
#[derive(Debug, Clone, Copy)]
struct Amount {
    amount: Decimal,
    currency: Option<Currency>,
}

/// Takes conversions from a file; with `is_trial` only says what would happen.
pub async fn upload(
    recorder: &Recorder,
    file: &[u8],
    is_trial: bool,
    identity: Identity,
) -> Result<UploadResult, AdminError> {
    let (lines, errors) = parse(&tables::decode(file))?;
    let count = lines.len() + errors.len();
    let is_trial = is_trial || !errors.is_empty();
    let done = recorder.try_run(move |group| apply(lines, is_trial, &identity, group));
    let mut result = done.await??;
    result.lines = count;
    result.errors.extend(errors);
    result.errors.sort_by_key(|error| error.line);
    result.errors.truncate(MOST_ERRORS);
    Ok(result)
}

pub(super) fn line_error(line: u64, error: &AdminError) -> LineError {
    LineError {
        line,
        field: error.field().map(str::to_owned),
        code: error.code().into(),
        message: error.to_string(),
    }
}

type Lines = Vec<(u64, Line)>;

/// Reads every line; mistakes are collected.
fn parse(text: &str) -> Result<(Lines, Vec<LineError>), AdminError> {
    let mut records = tables::records(text, "body", MOST_LINES)?.into_iter();
    let headings = records.next().map(|(_, headings)| headings).unwrap_or_default();
    let columns = headings.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let has = |wanted: &str| columns.iter().flatten().any(|name| *name == wanted);
    let names_each = has("activity_id") || has("sid") || (has("cid") && has("uid1"));
    if !names_each {
        return Err(AdminError::invalid(
            "body",
            "missing_column",
            "the first line must name the columns, with activity_id, sid, or cid and uid1 among them",
        ));
    }
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for (number, record) in records {
        let cells = columns.iter().zip(record.iter());
        let cells = cells.filter_map(|(name, cell)| Some(((*name)?, tables::cell(cell))));
        match parse_line(cells.filter(|(_, cell)| !cell.is_empty()).collect()) {
            Ok(line) => lines.push((number, line)),
            Err(error) => errors.push(line_error(number, &error)),
        }
    }
    Ok((lines, errors))
}

/// The column that a heading names; `None` for one that is left out.
fn column(heading: &str) -> Result<Option<&'static str>, AdminError> {
    let heading = heading.trim();
    let is_own = |(en, ja): &&(&str, &str)| en.eq_ignore_ascii_case(heading) || *ja == heading;
    if let Some((name, _)) = COLUMNS.iter().find(is_own) {
        return Ok(Some(name));
    }
    if let Some(name) = conversion::uid_name(&heading.to_ascii_lowercase()) {
        return Ok(Some(name));
    }
    if let Some(named) = names::of(heading) {
        return Ok(Some(names::column(named)));
    }
    if IGNORED.contains(&heading) {
        return Ok(None);
    }
    // As the export writes it for people; its offer is our cid.
    if let Some(code) = activity_column(heading) {
        let code = if code == "offer" { "cid" } else { code };
        return Ok(COLUMNS.iter().map(|(name, _)| *name).find(|name| *name == code));
    }
    let known = COLUMNS.map(|(name, _)| name).join(", ");
    // A file without headings begins with somebody's data.
    let heading = redact::heading(heading);
    Err(AdminError::invalid(
        &heading,
        "unknown_column",
        format!(
            "there is no column {heading}: use {known}, uid3 to uid8, email, phone, external_id, ad_user_data"
        ),
    ))
}

fn parse_line(cells: Vec<(&'static str, &str)>) -> Result<Line, AdminError> {
    let cell = |name: &str| cells.iter().find(|(own, _)| *own == name).map(|(_, cell)| *cell);
    let Some(id) = cell("activity_id") else {
        let request = ConversionRequest::parse(Fields::from_pairs(cells, &conversion::RULES)?)?;
        let names_an_order = request.cid.is_some()
            && !request.uids[0].is_empty()
            && (request.status.is_some() || request.amount.is_some());
        if !request.names_a_session() && !names_an_order {
            return Err(AdminError::invalid(
                "sid",
                "missing_field",
                "name the click of a new conversion by its sid, or one that is there by cid and uid1 with a new status or amount",
            ));
        }
        return Ok(Line::New(Box::new(request)));
    };
    let id = id.parse().map_err(|error: crate::domain::ids::IdError| {
        AdminError::invalid("activity_id", "invalid_id", format!("an activity id {error}"))
    })?;
    let status = cell("status").map(parse_status).transpose()?;
    let amount = cell("amount")
        .map(|text| {
            parse_amount(text)
                .map_err(|error| AdminError::invalid("amount", "invalid_amount", error.to_string()))
        })
        .transpose()?;
    let currency = cell("currency").map(parse_currency).transpose()?;
    let amount = amount.map(|amount| Amount { amount, currency });
    if status.is_none() && amount.is_none() {
        return Err(AdminError::invalid(
            "status",
            "missing_field",
            "give the new status (pending, approved, rejected) or a new amount",
        ));
    }
    Ok(Line::Change { id, status, amount })
}

fn parse_currency(text: &str) -> Result<Currency, AdminError> {
    text.parse().map_err(|error: MoneyError| {
        AdminError::invalid("currency", "invalid_currency", format!("the currency {error}"))
    })
}

pub(super) fn parse_status(text: &str) -> Result<ConversionStatus, AdminError> {
    text.parse()
        .map_err(|()| AdminError::invalid("status", "invalid_status", "use pending, approved or rejected"))
}

/// What comes of a line.
enum Fate {
    Created,
    Updated,
    Unchanged,
    Refused(AdminError),
}

/// Does every line, in one commit. With a line that is refused, and in a trial, nothing of it is kept.
fn apply(
    lines: Lines,
    is_trial: bool,
    identity: &Identity,
    group: &mut Group<'_>,
) -> Result<UploadResult, AdminError> {
    let mut done = decide(lines, identity, group);
    match &mut done {
        Ok(result) if !is_trial && result.errors.is_empty() => {
            let detail = format!("{} new, {} changed", result.created, result.updated);
            let note = Note::new("conversion.upload", "").detail(detail);
            audit(group, &identity.actor(), note)?;
            result.is_applied = true;
        }
        _ => group.discard(),
    }
    done
}

/// Decides line after line, each with those before it in view.
fn decide(lines: Lines, identity: &Identity, group: &mut Group<'_>) -> Result<UploadResult, AdminError> {
    let caller = Caller::operator(identity.ip, "CSV upload".into());
    let mut result = UploadResult::default();
    for (number, line) in lines {
        let fate = match line {
            Line::Change { id, status, amount } => change(id, status, amount, identity, group)?,
            Line::New(request) => create(&request, &caller, group)?,
        };
        match fate {
            Fate::Created => result.created += 1,
            Fate::Updated => result.updated += 1,
            Fate::Unchanged => result.unchanged += 1,
            Fate::Refused(error) => result.errors.push(line_error(number, &error)),
        }
    }
    Ok(result)
}

fn create(request: &ConversionRequest, caller: &Caller, group: &mut Group<'_>) -> Result<Fate, AdminError> {
    let answer = record_conversion::decide(request, caller, group)?;
    Ok(match answer.result {
        Ended::Accepted => Fate::Created,
        Ended::Updated => Fate::Updated,
        Ended::Duplicate => Fate::Unchanged,
        Ended::Refused | Ended::Invalid | Ended::Unavailable => {
            let field = match answer.reason {
                Some(RefusalReason::WrongEvent) => "event",
                Some(RefusalReason::WrongOffer) => "cid",
                Some(RefusalReason::UnknownOrder | RefusalReason::AmbiguousOrder) => "uid1",
                Some(RefusalReason::FutureTimestamp | RefusalReason::TooOld) => "created_at",
                _ => "sid",
            };
            let code = answer.reason.map_or("refused", |reason| reason.code());
            Fate::Refused(AdminError::invalid(
                field,
                code,
                answer.message.unwrap_or_default(),
            ))
        }
    })
}

fn change(
    id: ActivityId,
    wanted: Option<ConversionStatus>,
    amount: Option<Amount>,
    identity: &Identity,
    group: &mut Group<'_>,
) -> Result<Fate, AdminError> {
    let unknown = || {
        let message = "there is no conversion with this id that counts";
        Fate::Refused(AdminError::invalid("activity_id", "unknown_conversion", message))
    };
    let Some(before) = group.load(&keys::activity(id))? else {
        return Ok(unknown());
    };
    let Some(status) = wanted.or(before.status) else {
        return Ok(unknown());
    };
    let money = match amount {
        None => None,
        Some(Amount { amount, currency }) => {
            let Some(currency) = currency.or_else(|| own_currency(&before, group.catalog())) else {
                let message = "name the currency: the conversion has none, and its offer was removed";
                return Ok(Fate::Refused(AdminError::invalid(
                    "currency",
                    "missing_field",
                    message,
                )));
            };
            Some(Money { amount, currency })
        }
    };
    Ok(
        match status::change(group, id, Some(status), money, &identity.actor)? {
            Changed::Made(_) => Fate::Updated,
            Changed::Unchanged => Fate::Unchanged,
            Changed::Unknown | Changed::NotAConversion => unknown(),
        },
    )
}

/// The currency of a conversion, else that of its offer.
fn own_currency(conversion: &Activity, catalog: &Catalog) -> Option<Currency> {
    let of_offer = || Some(catalog.offers.get(conversion.offer.as_ref()?)?.currency);
    conversion.money.map(|money| money.currency).or_else(of_offer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_mistakes_told_by_line() {
        let (lines, errors) = parse(
            "activity_id,status,amount\n0mhz9k2x0a1b2c3d,approved,\n0mhz9k2x0a1b2c3d,,x\n,approved,100\n0mhz9k2x0a1b2c3d,done,\n",
        )
        .unwrap();
        assert_eq!(lines.len(), 1);
        let told: Vec<_> = errors
            .iter()
            .map(|e| (e.line, e.field.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(told, [(3, "amount"), (4, "sid"), (5, "status")]);
    }

    #[test]
    fn lines_are_those_of_an_editor_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let rows = [
                "activity_id,status,note",
                "0mhz9k2x0a1b2c3d,nonsense,",
                ",,",
                "",
                "0mhz9k2x0a1b2c3d,approved,\"two\nlines\"",
                " , \u{3000},",
                "0mhz9k2x0a1b2c3d,nonsense,",
                ",,",
            ];
            let (lines, errors) = parse(&rows.join(end)).unwrap();
            let told: Vec<u64> = errors.iter().map(|error| error.line).collect();
            assert_eq!((lines.len(), told), (1, vec![2, 8]), "{end:?}");
            assert_eq!(lines[0].0, 5, "{end:?}");
        }
    }

    #[test]
    fn a_currency_that_does_not_exist_is_no_currency_left_out() {
        let (lines, errors) = parse(
            "activity_id,sid,amount,currency\n0mhz9k2x0a1b2c3d,,5,YEN\n0mhz9k2x0a1b2c3d,,5,usd\n,0mhz9k2x0a1b2c3d,5,YEN\n0mhz9k2x0a1b2c3d,,5,\n",
        )
        .unwrap();
        let told: Vec<_> = errors.iter().map(|e| (e.line, e.code.as_str())).collect();
        assert_eq!(told, [(2, "invalid_currency"), (4, "invalid_currency")]);
        let currencies: Vec<_> = lines
            .iter()
            .map(|(_, line)| match line {
                Line::Change { amount, .. } => amount.and_then(|a| a.currency),
                Line::New(_) => None,
            })
            .collect();
        assert_eq!(currencies, [Some(Currency::USD), None]);
    }

    #[test]
    fn the_export_can_be_uploaded_in_both_languages_and_encodings() {
        let text = "成果日時,成果ID,成果ステータス,備考\r\n2026-11-21 10:00:00,0mhz9k2x0a1b2c3d,承認,\r\n";
        let (sjis, _, _) = encoding_rs::SHIFT_JIS.encode(text);
        for body in [
            text.as_bytes().to_vec(),
            sjis.into_owned(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        ] {
            let (lines, errors) = parse(&tables::decode(&body)).unwrap();
            assert!(errors.is_empty(), "{errors:?}");
            assert!(matches!(
                lines[0].1,
                Line::Change {
                    status: Some(ConversionStatus::Approved),
                    ..
                }
            ));
        }
    }

    #[test]
    fn headings_are_taken_in_any_case_and_under_the_names_of_the_endpoint() {
        for (headings, rest) in [
            ("CID,UID1,Status", "shop,o-1,Approved"),
            ("cid;order_id;status", "shop;o-1;承認済み"),
            ("offer\ttxid\tstatus", "shop\to-1\tconfirmed"),
            ("Offer id, Content_UID1 ,成果ステータス", "shop,o-1, 承認 "),
        ] {
            let (lines, errors) = parse(&format!("{headings}\n{rest}\n")).unwrap();
            assert!(errors.is_empty(), "{headings}: {errors:?}");
            let Line::New(request) = &lines[0].1 else {
                panic!("{headings}: another line");
            };
            let cid = request.cid.as_ref().map(ToString::to_string);
            assert_eq!(cid.as_deref(), Some("shop"), "{headings}");
            assert_eq!(request.uids[0], "o-1", "{headings}");
            assert_eq!(request.status, Some(ConversionStatus::Approved), "{headings}");
        }
    }

    #[test]
    fn unknown_columns_are_named() {
        let error = parse("sid,colour\na,b\n").unwrap_err();
        assert_eq!((error.code(), error.field()), ("unknown_column", Some("colour")));
    }
}
