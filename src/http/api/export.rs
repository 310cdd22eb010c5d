//! Every list as CSV: RFC 4180, UTF-8 with a byte order mark or Shift_JIS, safe against formulas.
//!
//! 2026-11-21: a cell that a spreadsheet would take for a formula gets a quote in front (OWASP); numbers of
//! ours are written as they are. Characters that Shift_JIS lacks become `?`, as Japanese tools expect.

use super::activities::{self, ActivityQuery};
use super::export_columns::{ACTIVITIES, AUDIT, Column, PAYOUTS, POSTBACKS, SESSIONS, STATS};
use super::page::Page;
use super::payouts::{self, PayoutQuery};
use super::postbacks::{self, PostbackQuery};
use super::sessions::{self, SessionQuery};
use super::stats::{self, StatsQuery};
use super::system::{self, AuditQuery};
use crate::http::State;
use crate::http::auth::{Identity, Viewer};
use crate::http::extract::parse_query;
use crate::http::problem::ApiError;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::future::Future;

/// Lines of one file at most; the file says so in its last line when there are more.
const MOST_LINES: usize = 100_000;

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
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `utf8` (default) or `shift_jis`.
    #[serde(default)]
    #[param(inline)]
    pub encoding: Encoding,
    /// `en` (default) or `ja`: language of the headings.
    #[serde(default)]
    pub language: Option<String>,
}

/// The same filters as the list takes, and how the file is written. `list` is `sessions`, `activities`,
/// `postbacks`, `stats`, `payouts` or `audit`.
#[utoipa::path(
    tag = "records",
    params(("list" = String, Path, description = "sessions, activities, postbacks, stats, payouts or audit"), ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/{list:[a-z]+}.csv")]
pub async fn export_list(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
    list: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (own, filters) = split_query(request.query_string());
    let export: ExportQuery = parse_query(&own)?;
    let zone = super::check::time_zone("time_zone", &state.recorder.catalog().settings.time_zone)?;
    let identity = viewer.0;
    let sheet = Sheet::new(export, zone);
    let bytes = match list.as_str() {
        "sessions" => {
            let query: SessionQuery = parse_query(&filters)?;
            let next = |cursor| {
                sessions::page_of(
                    &state,
                    identity.clone(),
                    SessionQuery {
                        cursor,
                        limit: Some(200),
                        ..query.clone()
                    },
                )
            };
            sheet.pages(SESSIONS, next).await?
        }
        "activities" => {
            let query: ActivityQuery = parse_query(&filters)?;
            let next = |cursor| {
                activities::page_of(
                    &state,
                    identity.clone(),
                    ActivityQuery {
                        cursor,
                        limit: Some(200),
                        ..query.clone()
                    },
                )
            };
            sheet.pages(ACTIVITIES, next).await?
        }
        "postbacks" => {
            let query: PostbackQuery = parse_query(&filters)?;
            let next = |cursor| {
                postbacks::page_of(
                    &state,
                    identity.clone(),
                    PostbackQuery {
                        cursor,
                        limit: Some(200),
                        ..query.clone()
                    },
                )
            };
            sheet.pages(POSTBACKS, next).await?
        }
        "audit" => {
            needs_owner(&identity)?;
            let query: AuditQuery = parse_query(&filters)?;
            let next = |cursor| {
                system::audit_page(
                    &state,
                    AuditQuery {
                        cursor,
                        limit: Some(200),
                        ..query.clone()
                    },
                )
            };
            sheet.pages(AUDIT, next).await?
        }
        "stats" => {
            let query: StatsQuery = parse_query(&filters)?;
            sheet.rows(STATS, &stats::report_of(&state, identity, query).await?.rows)?
        }
        "payouts" => {
            let query: PayoutQuery = parse_query(&filters)?;
            sheet.rows(PAYOUTS, &payouts::payouts_of(&state, identity, query).await?.rows)?
        }
        other => return Err(ApiError::not_found("list", other)),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, sheet.content_type()))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"yamabiko-{list}.csv\""),
        ))
        .body(bytes))
}

/// The audit log is for owners.
fn needs_owner(identity: &Identity) -> Result<(), ApiError> {
    use crate::domain::account::Role;
    if identity.role < Role::Owner {
        Err(ApiError::Forbidden { needs: Role::Owner })
    } else {
        Ok(())
    }
}

/// Parameters of the file, and those of the list.
fn split_query(query: &str) -> (String, String) {
    let is_own = |pair: &&str| pair.starts_with("encoding=") || pair.starts_with("language=");
    let (own, filters): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_own);
    (own.join("&"), filters.join("&"))
}

/// A file in the making.
struct Sheet {
    encoding: Encoding,
    is_japanese: bool,
    zone: TimeZone,
}

impl Sheet {
    fn new(export: ExportQuery, zone: TimeZone) -> Self {
        Self {
            encoding: export.encoding,
            is_japanese: export.language.as_deref() == Some("ja"),
            zone,
        }
    }

    fn content_type(&self) -> &'static str {
        match self.encoding {
            Encoding::Utf8 => "text/csv; charset=utf-8",
            Encoding::ShiftJis => "text/csv; charset=Shift_JIS",
        }
    }

    fn writer<T>(&self, columns: &[Column<T>]) -> Result<csv::Writer<Vec<u8>>, ApiError> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        let headings = columns.iter().map(|c| if self.is_japanese { c.ja } else { c.en });
        writer.write_record(headings).map_err(|_| DEFECT)?;
        Ok(writer)
    }

    fn row<T>(
        &self,
        writer: &mut csv::Writer<Vec<u8>>,
        columns: &[Column<T>],
        item: &T,
    ) -> Result<(), ApiError> {
        writer
            .write_record(columns.iter().map(|c| (c.cell)(item, &self.zone)))
            .map_err(|_| DEFECT)
    }

    fn rows<T>(&self, columns: &[Column<T>], items: &[T]) -> Result<Vec<u8>, ApiError> {
        let mut writer = self.writer(columns)?;
        items
            .iter()
            .try_for_each(|item| self.row(&mut writer, columns, item))?;
        self.finish(writer)
    }

    /// Writes page after page, each read on its own, so that a long export holds nobody up.
    async fn pages<T, F>(
        &self,
        columns: &[Column<T>],
        next: impl Fn(Option<String>) -> F,
    ) -> Result<Vec<u8>, ApiError>
    where
        F: Future<Output = Result<Page<T>, ApiError>>,
    {
        let mut writer = self.writer(columns)?;
        let (mut cursor, mut lines) = (None, 0);
        loop {
            let page = next(cursor).await?;
            for item in &page.items {
                self.row(&mut writer, columns, item)?;
            }
            lines += page.items.len();
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
            if lines >= MOST_LINES {
                return Err(ApiError::TooMuch);
            }
        }
        self.finish(writer)
    }

    fn finish(&self, writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, ApiError> {
        let utf8 = writer.into_inner().map_err(|_| DEFECT)?;
        match self.encoding {
            Encoding::Utf8 => Ok([b"\xef\xbb\xbf", utf8.as_slice()].concat()),
            Encoding::ShiftJis => {
                let text = String::from_utf8(utf8).map_err(|_| DEFECT)?;
                Ok(shift_jis(&text))
            }
        }
    }
}

const DEFECT: ApiError = ApiError::Defect { what: "writing CSV" };

/// Encodes; what the encoding lacks becomes `?`.
fn shift_jis(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (bytes, _, has_unmappable) = encoding_rs::SHIFT_JIS.encode(line);
        if !has_unmappable {
            encoded.extend_from_slice(&bytes);
            continue;
        }
        for c in line.chars() {
            let mut buffer = [0; 4];
            let (bytes, _, is_unmappable) = encoding_rs::SHIFT_JIS.encode(c.encode_utf8(&mut buffer));
            encoded.extend_from_slice(if is_unmappable { b"?" } else { &bytes });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_quoted_and_encoded() {
        let row = |partner: &str| payouts::PayoutRow {
            month: "2026-11".into(),
            partner: None,
            name: partner.into(),
            conversions: 1,
            approved: 1,
            pending: 0,
            payout: vec![],
        };
        let sheet = |encoding| Sheet {
            encoding,
            is_japanese: true,
            zone: TimeZone::UTC,
        };
        let utf8 = sheet(Encoding::Utf8).rows(PAYOUTS, &[row("a,\"b\"")]).unwrap();
        let text = String::from_utf8(utf8).unwrap();
        assert!(text.starts_with("\u{feff}月,媒体ID,媒体名,"), "{text}");
        assert!(text.contains("2026-11,,\"a,\"\"b\"\"\",1,1,0,\r\n"), "{text}");
        let sjis = sheet(Encoding::ShiftJis).rows(PAYOUTS, &[row("媒体😀")]).unwrap();
        let (back, _, _) = encoding_rs::SHIFT_JIS.decode(&sjis);
        assert!(back.contains("媒体?"), "{back}");
    }

    #[test]
    fn the_query_is_split() {
        assert_eq!(
            split_query("from_ms=1&encoding=shift_jis&offer=a"),
            ("encoding=shift_jis".into(), "from_ms=1&offer=a".into())
        );
    }
}
