//! Conversions from a CSV file: new ones, and new statuses or amounts of those that are there. Looked at
//! first, mistakes by line; when a line has a mistake, or would be refused, nothing of the file is done. The
//! look does all that the upload does and throws it away, so the two cannot disagree.
//!
//! Columns by name, in any order: `activity_id` names a conversion whose `status` (and `amount`) is to be
//! changed; a line without one is a new conversion with `sid`, `cid`, `event`, `amount`, `currency`, `uid1`
//! to `uid8`, `status`, `created_at`. The files of the export can be edited and uploaded.

use super::save::{Note, audit};
use crate::domain::activity::{Activity, ConversionStatus, RefusalReason};
use crate::domain::ids::ActivityId;
use crate::domain::money::{Currency, Money, MoneyError, parse_amount};
use crate::http::State;
use crate::http::auth::{Editor, Identity};
use crate::http::extract::{Query, Upload};
use crate::http::problem::ApiError;
use crate::recorder::Group;
use crate::store::catalog::Catalog;
use crate::store::{codec, keys};
use crate::tracking::conversion::ConversionRequest;
use crate::tracking::query::Fields;
use crate::tracking::record_conversion::{self, Caller, Outcome, Proof};
use crate::tracking::status::{self, Changed};
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Lines of one file: they are one commit.
const MOST_LINES: usize = 1000;
/// Mistakes that are told.
const MOST_ERRORS: usize = 100;

/// Columns that are taken, with the headings of the export in Japanese.
const COLUMNS: [(&str, &str); 10] = [
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
];
/// Columns of the export that say nothing to an upload.
const IGNORED: [&str; 26] = [
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
    "offer",
    "",
];

/// Whether it is only looked at.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

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

/// Takes conversions from a CSV file (UTF-8 or Shift_JIS), all lines or none.
#[utoipa::path(
    tag = "records",
    params(UploadQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = UploadResult))
)]
#[post("/conversions/upload")]
pub async fn upload_conversions(
    state: Data<State>,
    editor: Editor,
    query: Query<UploadQuery>,
    upload: Upload,
) -> Result<HttpResponse, ApiError> {
    if !matches!(
        upload.content_type.as_str(),
        "text/csv" | "text/plain" | "application/vnd.ms-excel"
    ) {
        return Err(ApiError::MediaType);
    }
    let (lines, errors) = parse(&decode(&upload.body))?;
    let count = lines.len() + errors.len();
    let is_trial = query.0.dry_run || !errors.is_empty();
    let identity = editor.0;
    let done = state
        .recorder
        .try_run(move |group| apply(lines, is_trial, &identity, group));
    let mut result = done.await??;
    result.lines = count;
    result.errors.extend(errors);
    result.errors.sort_by_key(|error| error.line);
    result.errors.truncate(MOST_ERRORS);
    if result.is_applied {
        state.applied().await?;
    }
    Ok(HttpResponse::Ok().json(result))
}

/// UTF-8 where it is that, else Shift_JIS.
fn decode(body: &[u8]) -> String {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match std::str::from_utf8(body) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::SHIFT_JIS.decode(body).0.into_owned(),
    }
}

fn line_error(line: u64, error: &ApiError) -> LineError {
    LineError {
        line,
        field: error.field().map(str::to_owned),
        code: error.row().1.into(),
        message: error.to_string(),
    }
}

type Lines = Vec<(u64, Line)>;

/// Reads every line; mistakes are collected.
fn parse(text: &str) -> Result<(Lines, Vec<LineError>), ApiError> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let wrong =
        |error: csv::Error| ApiError::invalid("body", "invalid_csv", format!("the file is not CSV: {error}"));
    let headings = reader.headers().map_err(wrong)?.clone();
    let columns = headings.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    if !columns
        .iter()
        .flatten()
        .any(|name| *name == "activity_id" || *name == "sid")
    {
        return Err(ApiError::invalid(
            "body",
            "missing_column",
            "the first line must name the columns, with activity_id or sid among them",
        ));
    }
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for (n, record) in reader.records().enumerate() {
        let record = record.map_err(wrong)?;
        let number = record.position().map_or(n as u64 + 2, csv::Position::line);
        if n >= MOST_LINES {
            return Err(ApiError::invalid(
                "body",
                "too_many",
                format!("upload at most {MOST_LINES} lines at once"),
            ));
        }
        let cells = columns.iter().zip(record.iter());
        let cells = cells.filter_map(|(name, cell)| Some(((*name)?, cell.trim().trim_start_matches('\''))));
        match parse_line(cells.filter(|(_, cell)| !cell.is_empty()).collect()) {
            Ok(line) => lines.push((number, line)),
            Err(error) => errors.push(line_error(number, &error)),
        }
    }
    Ok((lines, errors))
}

/// The column that a heading names; `None` for one that is left out.
fn column(heading: &str) -> Result<Option<&'static str>, ApiError> {
    let heading = heading.trim();
    if let Some((name, _)) = COLUMNS.iter().find(|(en, ja)| *en == heading || *ja == heading) {
        return Ok(Some(name));
    }
    let numbered = ["uid3", "uid4", "uid5", "uid6", "uid7", "uid8"]
        .into_iter()
        .find(|name| *name == heading);
    if numbered.is_some() || IGNORED.contains(&heading) {
        return Ok(numbered);
    }
    let known = COLUMNS.map(|(name, _)| name).join(", ");
    Err(ApiError::invalid(
        heading,
        "unknown_column",
        format!("there is no column {heading}: use {known}, uid3 to uid8"),
    ))
}

fn parse_line(cells: Vec<(&'static str, &str)>) -> Result<Line, ApiError> {
    let cell = |name: &str| cells.iter().find(|(own, _)| *own == name).map(|(_, cell)| *cell);
    let Some(id) = cell("activity_id") else {
        let plain = cells
            .iter()
            .map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned()))
            .collect();
        let fields = Fields {
            plain,
            callback_params: Vec::new(),
            partner_params: Vec::new(),
            is_strict: true,
        };
        let request = ConversionRequest::parse(fields, &|_| false)?;
        if !request.names_a_session() {
            return Err(ApiError::invalid(
                "sid",
                "missing_field",
                "name the click of a new conversion by its sid",
            ));
        }
        return Ok(Line::New(Box::new(request)));
    };
    let id = id.parse().map_err(|error: crate::domain::ids::IdError| {
        ApiError::invalid("activity_id", "invalid_id", format!("an activity id {error}"))
    })?;
    let status = cell("status").map(parse_status).transpose()?;
    let amount = cell("amount")
        .map(|text| {
            parse_amount(text)
                .map_err(|error| ApiError::invalid("amount", "invalid_amount", error.to_string()))
        })
        .transpose()?;
    let currency = cell("currency").map(parse_currency).transpose()?;
    let amount = amount.map(|amount| Amount { amount, currency });
    if status.is_none() && amount.is_none() {
        return Err(ApiError::invalid(
            "status",
            "missing_field",
            "give the new status (pending, approved, rejected) or a new amount",
        ));
    }
    Ok(Line::Change { id, status, amount })
}

fn parse_currency(text: &str) -> Result<Currency, ApiError> {
    text.parse().map_err(|error: MoneyError| {
        ApiError::invalid("currency", "invalid_currency", format!("the currency {error}"))
    })
}

fn parse_status(text: &str) -> Result<ConversionStatus, ApiError> {
    let japanese = match text {
        "承認待ち" | "未承認" | "保留" => Some(ConversionStatus::Pending),
        "承認" | "確定" => Some(ConversionStatus::Approved),
        "否認" | "非承認" | "却下" | "キャンセル" => Some(ConversionStatus::Rejected),
        _ => None,
    };
    let parsed = japanese.map_or_else(|| text.parse(), Ok);
    parsed.map_err(|()| ApiError::invalid("status", "invalid_status", "use pending, approved or rejected"))
}

/// What comes of a line.
enum Fate {
    Created,
    Updated,
    Unchanged,
    Refused(ApiError),
}

/// Does every line, in one commit. With a line that is refused, and in a trial, nothing of it is kept.
fn apply(
    lines: Lines,
    is_trial: bool,
    identity: &Identity,
    group: &mut Group<'_>,
) -> Result<UploadResult, ApiError> {
    let mut done = decide(lines, identity, group);
    match &mut done {
        Ok(result) if !is_trial && result.errors.is_empty() => {
            let detail = format!("{} new, {} changed", result.created, result.updated);
            let note = Note::new("conversion.upload", "").detail(detail);
            audit(group, &identity.actor, &identity.from(), note)?;
            result.is_applied = true;
        }
        _ => group.discard(),
    }
    done
}

/// Decides line after line, each with those before it in view.
fn decide(lines: Lines, identity: &Identity, group: &mut Group<'_>) -> Result<UploadResult, ApiError> {
    let caller = Caller {
        ip: identity.caller.ip,
        user_agent: "CSV upload".into(),
        referer: String::new(),
        tuid: String::new(),
        visited: Vec::new(),
        proof: Proof::default(),
        is_test: false,
        is_operator: true,
    };
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

fn create(request: &ConversionRequest, caller: &Caller, group: &mut Group<'_>) -> Result<Fate, ApiError> {
    let Outcome::Answer(answer) = record_conversion::record(request, caller, None, group)? else {
        let what = "an idempotency key of a line";
        return Err(ApiError::Defect { what });
    };
    Ok(match answer.result.as_str() {
        "accepted" => Fate::Created,
        "updated" => Fate::Updated,
        "duplicate" => Fate::Unchanged,
        _ => {
            let field = match answer.reason {
                Some(RefusalReason::WrongEvent) => "event",
                Some(RefusalReason::WrongOffer) => "cid",
                Some(RefusalReason::FutureTimestamp | RefusalReason::TooOld) => "created_at",
                _ => "sid",
            };
            let code = answer.reason.map_or("refused", |reason| reason.code());
            Fate::Refused(ApiError::invalid(field, code, answer.message.unwrap_or_default()))
        }
    })
}

fn change(
    id: ActivityId,
    wanted: Option<ConversionStatus>,
    amount: Option<Amount>,
    identity: &Identity,
    group: &mut Group<'_>,
) -> Result<Fate, ApiError> {
    let unknown = || {
        let message = "there is no conversion with this id that counts";
        Fate::Refused(ApiError::invalid("activity_id", "unknown_conversion", message))
    };
    let (db, key) = keys::activity(id);
    let Some(record) = group.get(db, &key)? else {
        return Ok(unknown());
    };
    let before = codec::decode_activity(&record, db, &key)?;
    let Some(status) = wanted.or(before.status) else {
        return Ok(unknown());
    };
    let money = match amount {
        None => None,
        Some(Amount { amount, currency }) => {
            let Some(currency) = currency.or_else(|| own_currency(&before, group.catalog())) else {
                let message = "name the currency: the conversion has none, and its offer was removed";
                return Ok(Fate::Refused(ApiError::invalid(
                    "currency",
                    "missing_field",
                    message,
                )));
            };
            Some(Money { amount, currency })
        }
    };
    Ok(match status::change(group, id, status, money, &identity.actor)? {
        Changed::Made(_) => Fate::Updated,
        Changed::Unchanged => Fate::Unchanged,
        Changed::Unknown | Changed::NotAConversion => unknown(),
    })
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
            let (lines, errors) = parse(&decode(&body)).unwrap();
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
    fn unknown_columns_are_named() {
        let error = parse("sid,colour\na,b\n").unwrap_err();
        assert_eq!((error.row().1, error.field()), ("unknown_column", Some("colour")));
    }
}
