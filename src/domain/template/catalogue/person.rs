//! Rows for platforms that take hashed identities: digests, consent, the page, and times in their forms.

use super::Format::{DateTime, Hex, OneOf, Text, UnixMicros, UnixMillis, Url};
use super::Group::{Activity, Conversion, Identity, Time};
use super::Source::Record;
use super::{Kinds, Placeholder, row};
use crate::domain::activity::ActivityKind as K;

const ALL: Kinds = Kinds::ALL;
/// What a site, a server or an app reports of a person.
const REPORTED: Kinds = Kinds::of(&[
    K::Event,
    K::EventUpdate,
    K::Install,
    K::Session,
    K::Reattribution,
    K::Reinstall,
    K::ReattributionReinstall,
    K::AdRevenue,
]);
const CLICKED: Kinds = Kinds::of(&[
    K::Click,
    K::Install,
    K::Session,
    K::Event,
    K::EventUpdate,
    K::Reattribution,
    K::ReattributionReinstall,
    K::AdRevenue,
]);
const WORDS: &[&str] = &["granted", "denied"];

#[rustfmt::skip]
pub(super) static ROWS: &[Placeholder] = &[
    row(Record, ("email_sha256", Identity, Hex, REPORTED), "b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a", ("SHA-256 of the e-mail address in lower case; empty without one or without consent", "メールアドレス（小文字）のSHA-256。送信がないとき、同意がないときは空")),
    row(Record, ("email_google_sha256", Identity, Hex, REPORTED), "b6ebd83922edfa96b0ff9166a958badcc230dd68d2315ddfea22f20eaf05994a", ("The same by Google's rule: of Gmail addresses without dots and +...", "Googleの規則によるメールアドレスのSHA-256（Gmailは.と+以降を除く）")),
    row(Record, ("email_plain_sha256", Identity, Hex, REPORTED), "299376bff6dff5474e383d347b3931e368e7db4d8ce55f1075f22bb6a55eaf0f", ("The same without dots and +... for every domain (Microsoft, Reddit)", "全ドメインで.と+以降を除いたメールアドレスのSHA-256（Microsoft、Reddit）")),
    row(Record, ("phone_e164_sha256", Identity, Hex, REPORTED), "3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64", ("SHA-256 of the telephone number as +, country and number", "電話番号（+国番号から、E.164）のSHA-256")),
    row(Record, ("phone_digits_sha256", Identity, Hex, REPORTED), "0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b", ("SHA-256 of the same digits without +", "電話番号（国番号から、+なし）のSHA-256")),
    row(Record, ("external_id_sha256", Identity, Hex, REPORTED), "519fd8a05e5d063d73f495f7278f59b6f531618ed6dc238f96702a6ee7fd6178", ("SHA-256 of the advertiser's own id of the person", "広告主側の顧客IDのSHA-256")),
    row(Record, ("ad_user_data", Identity, OneOf(WORDS), REPORTED), "granted", ("Consent: data may be sent to ad platforms; empty when nothing was said", "同意：広告プラットフォームへのデータ送信（未指定は空）")),
    row(Record, ("ad_personalization", Identity, OneOf(WORDS), REPORTED), "granted", ("Consent: data may be used for personal ads; empty when nothing was said", "同意：広告のパーソナライズ（未指定は空）")),
    row(Record, ("full_ip_address", Identity, Text, REPORTED), "203.0.113.5", ("Whole address of the visitor, for rules that may send it; kept sealed until it is sent, never shown", "訪問者の完全なIPアドレス（送信を許可した設定のみ。送信まで封印して保管し、表示しない）")),
    row(Record, ("event_id", Activity, Text, ALL), "e-5f21e8", ("Id of the event as its sender names it, else the activity id: a browser pixel sends the same, so that a platform counts once", "送信元が付けたイベントID、なければ成果ID（ブラウザのタグと同じ値にして重複計上を防ぐ）")),
    row(Record, ("page_url", Conversion, Url, REPORTED), "https://shop.example/thanks", ("Address of the page on which it happened, as the tag sends it", "成果が発生したページのURL（タグが送信）")),

    row(Record, ("created_at_micro", Time, UnixMicros, ALL), "1763700072000000", ("When it happened, in microseconds", "発生時刻（マイクロ秒）")),
    row(Record, ("created_at_iso", Time, DateTime, ALL), "2025-11-21T13:41:12+09:00", ("When it happened, in the time zone of the settings", "発生時刻（設定のタイムゾーン）")),
    row(Record, ("created_at_utc", Time, DateTime, ALL), "2025-11-21T04:41:12.000Z", ("When it happened, in UTC with milliseconds", "発生時刻（UTC、ミリ秒まで）")),
    row(Record, ("click_time_milli", Time, UnixMillis, CLICKED), "1763700000000", ("Time of the credited click, in milliseconds", "帰属先クリックの時刻（ミリ秒）")),
    row(Record, ("click_time_micro", Time, UnixMicros, CLICKED), "1763700000000000", ("Time of the credited click, in microseconds", "帰属先クリックの時刻（マイクロ秒）")),
    row(Record, ("click_time_iso", Time, DateTime, CLICKED), "2025-11-21T13:40:00+09:00", ("Time of the credited click, in the time zone of the settings", "帰属先クリックの時刻（設定のタイムゾーン）")),
];
