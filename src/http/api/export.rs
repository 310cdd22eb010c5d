//! Every list as CSV: RFC 4180, UTF-8 with a byte order mark or Shift_JIS, safe against formulas.
//!
//! 2026-11-21: a cell that a spreadsheet would take for a formula gets a quote in front (OWASP); numbers of
//! ours are written as they are. Characters that Shift_JIS lacks become `?`, as Japanese tools expect.

use super::activities::{self, ActivityQuery};
use super::page::Page;
use super::postbacks::{self, PostbackQuery};
use super::records::{ActivityDto, PostbackDto, SessionDto};
use super::sessions::{self, SessionQuery};
use super::stats::{self, PayoutQuery, StatsQuery};
use super::system::{self, AuditQuery};
use crate::domain::money::Money;
use crate::http::State;
use crate::http::auth::{Identity, Viewer};
use crate::http::extract::parse_query;
use crate::http::problem::ApiError;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use jiff::Timestamp;
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

/// A column: heading in English and Japanese, and the cell of a row.
struct Column<T> {
    en: &'static str,
    ja: &'static str,
    cell: fn(&T, &TimeZone) -> String,
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
            sheet.rows(PAYOUTS, &stats::payouts_of(&state, identity, query).await?.rows)?
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

/// A text from outside: what a spreadsheet would take for a formula gets a quote in front.
fn text(value: &str) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '＝', '＋', '－', '＠']);
    if is_formula {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

fn optional<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, |v| text(&v.to_string()))
}

/// A word of ours as JSON has it, without quotes.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn time(at_ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(at_ms);
    at.map_or_else(
        |_| at_ms.to_string(),
        |at| {
            at.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}

fn amount(money: Option<&Money>) -> String {
    money.map_or_else(String::new, Money::amount_text)
}

fn sums(money: &[Money]) -> String {
    money
        .iter()
        .map(|m| format!("{} {}", m.amount_text(), m.currency))
        .collect::<Vec<_>>()
        .join(" / ")
}

const SESSIONS: &[Column<SessionDto>] = &[
    Column {
        en: "time",
        ja: "クリック日時",
        cell: |s, z| time(s.at_ms, z),
    },
    Column {
        en: "sid",
        ja: "セッションID",
        cell: |s, _| s.id.to_string(),
    },
    Column {
        en: "kind",
        ja: "種別",
        cell: |s, _| word(&s.kind),
    },
    Column {
        en: "offer",
        ja: "広告ID",
        cell: |s, _| s.offer.to_string(),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |s, _| optional(s.partner.as_ref()),
    },
    Column {
        en: "link",
        ja: "クリックURL",
        cell: |s, _| s.link.clone(),
    },
    Column {
        en: "tracker_name",
        ja: "リンク名",
        cell: |s, _| text(&s.tracker_name),
    },
    Column {
        en: "para1",
        ja: "PARA1",
        cell: |s, _| text(&s.para[0]),
    },
    Column {
        en: "para2",
        ja: "PARA2",
        cell: |s, _| text(&s.para[1]),
    },
    Column {
        en: "para3",
        ja: "PARA3",
        cell: |s, _| text(&s.para[2]),
    },
    Column {
        en: "para4",
        ja: "PARA4",
        cell: |s, _| text(&s.para[3]),
    },
    Column {
        en: "para5",
        ja: "PARA5",
        cell: |s, _| text(&s.para[4]),
    },
    Column {
        en: "label",
        ja: "ラベル",
        cell: |s, _| text(&s.label),
    },
    Column {
        en: "tuid",
        ja: "トラッキングユーザーID",
        cell: |s, _| text(&s.tuid),
    },
    Column {
        en: "ip",
        ja: "IPアドレス",
        cell: |s, _| text(&s.ip),
    },
    Column {
        en: "country",
        ja: "国",
        cell: |s, _| text(&s.country),
    },
    Column {
        en: "os",
        ja: "OS",
        cell: |s, _| text(&s.os_name),
    },
    Column {
        en: "device",
        ja: "端末",
        cell: |s, _| text(&s.device_type),
    },
    Column {
        en: "referer",
        ja: "リファラ",
        cell: |s, _| text(&s.referer),
    },
    Column {
        en: "user_agent",
        ja: "ユーザーエージェント",
        cell: |s, _| text(&s.user_agent),
    },
    Column {
        en: "is_unique",
        ja: "ユニーク",
        cell: |s, _| s.is_unique.to_string(),
    },
    Column {
        en: "is_bot",
        ja: "ボット",
        cell: |s, _| (s.is_bot || s.is_prefetch).to_string(),
    },
    Column {
        en: "is_repeat",
        ja: "連続クリック",
        cell: |s, _| s.is_repeat.to_string(),
    },
    Column {
        en: "is_test",
        ja: "テスト",
        cell: |s, _| s.is_test.to_string(),
    },
];

const ACTIVITIES: &[Column<ActivityDto>] = &[
    Column {
        en: "time",
        ja: "成果日時",
        cell: |a, z| time(a.at_ms, z),
    },
    Column {
        en: "activity_id",
        ja: "成果ID",
        cell: |a, _| a.id.to_string(),
    },
    Column {
        en: "kind",
        ja: "種別",
        cell: |a, _| word(&a.kind),
    },
    Column {
        en: "verdict",
        ja: "判定",
        cell: |a, _| a.verdict.to_owned(),
    },
    Column {
        en: "reason",
        ja: "エラー内容",
        cell: |a, _| a.reason.unwrap_or_default().to_owned(),
    },
    Column {
        en: "status",
        ja: "成果ステータス",
        cell: |a, _| a.status.map_or("", |s| s.as_str()).to_owned(),
    },
    Column {
        en: "offer",
        ja: "広告ID",
        cell: |a, _| optional(a.offer.as_ref()),
    },
    Column {
        en: "event",
        ja: "成果地点",
        cell: |a, _| optional(a.event.as_ref()),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |a, _| optional(a.partner.as_ref()),
    },
    Column {
        en: "link",
        ja: "クリックURL",
        cell: |a, _| optional(a.link.as_ref()),
    },
    Column {
        en: "tracker_name",
        ja: "リンク名",
        cell: |a, _| optional(a.tracker_name.as_ref()),
    },
    Column {
        en: "sid",
        ja: "セッションID",
        cell: |a, _| optional(a.session.as_ref()),
    },
    Column {
        en: "para1",
        ja: "PARA1",
        cell: |a, _| optional(a.para1.as_ref()),
    },
    Column {
        en: "amount",
        ja: "売上金額",
        cell: |a, _| amount(a.money.as_ref()),
    },
    Column {
        en: "currency",
        ja: "通貨",
        cell: |a, _| a.money.map_or_else(String::new, |m| m.currency.to_string()),
    },
    Column {
        en: "payout",
        ja: "報酬",
        cell: |a, _| amount(a.payout.as_ref()),
    },
    Column {
        en: "uid1",
        ja: "UID1",
        cell: |a, _| a.uids.first().map_or_else(String::new, |u| text(u)),
    },
    Column {
        en: "uid2",
        ja: "UID2",
        cell: |a, _| a.uids.get(1).map_or_else(String::new, |u| text(u)),
    },
    Column {
        en: "match_type",
        ja: "照合方法",
        cell: |a, _| a.match_type.as_ref().map_or_else(String::new, word),
    },
    Column {
        en: "note",
        ja: "備考",
        cell: |a, _| text(&a.note),
    },
    Column {
        en: "is_test",
        ja: "テスト",
        cell: |a, _| a.is_test.to_string(),
    },
];

const POSTBACKS: &[Column<PostbackDto>] = &[
    Column {
        en: "time",
        ja: "受付日時",
        cell: |p, z| time(p.created_at_ms, z),
    },
    Column {
        en: "postback_id",
        ja: "ポストバックID",
        cell: |p, _| p.id.to_string(),
    },
    Column {
        en: "activity_id",
        ja: "成果ID",
        cell: |p, _| p.activity.to_string(),
    },
    Column {
        en: "offer",
        ja: "広告ID",
        cell: |p, _| p.offer.to_string(),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |p, _| optional(p.partner.as_ref()),
    },
    Column {
        en: "rule",
        ja: "ルール",
        cell: |p, _| text(&p.origin.id),
    },
    Column {
        en: "state",
        ja: "状態",
        cell: |p, _| p.state.to_owned(),
    },
    Column {
        en: "fail_reason",
        ja: "失敗理由",
        cell: |p, _| p.fail_reason.unwrap_or_default().to_owned(),
    },
    Column {
        en: "attempts",
        ja: "送信回数",
        cell: |p, _| p.attempts.to_string(),
    },
    Column {
        en: "last_status",
        ja: "応答コード",
        cell: |p, _| optional(p.last.as_ref().and_then(|l| l.status).as_ref()),
    },
    Column {
        en: "last_error",
        ja: "エラー",
        cell: |p, _| optional(p.last.as_ref().and_then(|l| l.message.as_ref())),
    },
    Column {
        en: "settled",
        ja: "完了日時",
        cell: |p, z| p.settled_at_ms.map_or_else(String::new, |ms| time(ms, z)),
    },
    Column {
        en: "method",
        ja: "メソッド",
        cell: |p, _| p.request.method.as_str().to_owned(),
    },
    Column {
        en: "url",
        ja: "URL",
        cell: |p, _| text(&p.request.url),
    },
    Column {
        en: "is_test",
        ja: "テスト",
        cell: |p, _| p.is_test.to_string(),
    },
];

const STATS: &[Column<stats::StatRow>] = &[
    Column {
        en: "key",
        ja: "キー",
        cell: |r, _| text(&r.key),
    },
    Column {
        en: "name",
        ja: "名前",
        cell: |r, _| text(&r.label),
    },
    Column {
        en: "impressions",
        ja: "インプレッション",
        cell: |r, _| r.counters.impressions.to_string(),
    },
    Column {
        en: "clicks",
        ja: "クリック",
        cell: |r, _| r.counters.clicks.to_string(),
    },
    Column {
        en: "unique_clicks",
        ja: "ユニーククリック",
        cell: |r, _| r.counters.unique_clicks.to_string(),
    },
    Column {
        en: "conversions",
        ja: "成果",
        cell: |r, _| r.counters.conversions.to_string(),
    },
    Column {
        en: "pending",
        ja: "承認待ち",
        cell: |r, _| r.counters.pending.to_string(),
    },
    Column {
        en: "approved",
        ja: "承認",
        cell: |r, _| r.counters.approved.to_string(),
    },
    Column {
        en: "rejected",
        ja: "否認",
        cell: |r, _| r.counters.rejected.to_string(),
    },
    Column {
        en: "conversion_rate",
        ja: "CVR(%)",
        cell: |r, _| r.counters.conversion_rate.clone().unwrap_or_default(),
    },
    Column {
        en: "revenue",
        ja: "売上金額",
        cell: |r, _| sums(&r.counters.revenue),
    },
    Column {
        en: "payout",
        ja: "報酬",
        cell: |r, _| sums(&r.counters.payout),
    },
    Column {
        en: "cost",
        ja: "コスト",
        cell: |r, _| sums(&r.counters.cost),
    },
    Column {
        en: "duplicates",
        ja: "重複",
        cell: |r, _| r.counters.duplicates.to_string(),
    },
    Column {
        en: "refused",
        ja: "成果エラー",
        cell: |r, _| r.counters.refused.to_string(),
    },
];

const PAYOUTS: &[Column<stats::PayoutRow>] = &[
    Column {
        en: "month",
        ja: "月",
        cell: |r, _| r.month.clone(),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |r, _| optional(r.partner.as_ref()),
    },
    Column {
        en: "name",
        ja: "媒体名",
        cell: |r, _| text(&r.name),
    },
    Column {
        en: "conversions",
        ja: "成果",
        cell: |r, _| r.conversions.to_string(),
    },
    Column {
        en: "approved",
        ja: "承認",
        cell: |r, _| r.approved.to_string(),
    },
    Column {
        en: "pending",
        ja: "承認待ち",
        cell: |r, _| r.pending.to_string(),
    },
    Column {
        en: "payout",
        ja: "報酬",
        cell: |r, _| sums(&r.payout),
    },
];

const AUDIT: &[Column<crate::domain::account::AuditEntry>] = &[
    Column {
        en: "time",
        ja: "日時",
        cell: |e, z| time(e.at_ms, z),
    },
    Column {
        en: "actor",
        ja: "実行者",
        cell: |e, _| text(&e.actor),
    },
    Column {
        en: "from",
        ja: "接続元",
        cell: |e, _| text(&e.from),
    },
    Column {
        en: "action",
        ja: "操作",
        cell: |e, _| text(&e.action),
    },
    Column {
        en: "subject",
        ja: "対象",
        cell: |e, _| text(&e.subject),
    },
    Column {
        en: "detail",
        ja: "内容",
        cell: |e, _| text(&e.detail),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused() {
        for value in ["=1+1", "+81", "-1", "@x", "\tx", "＝A1"] {
            assert!(text(value).starts_with('\''), "{value}");
        }
        assert_eq!(text("a=b"), "a=b");
    }

    #[test]
    fn files_are_quoted_and_encoded() {
        let row = |partner: &str| stats::PayoutRow {
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
