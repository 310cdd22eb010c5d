//! Rows that every offer has: activity, conversion, click, link, money, times of the click.

use super::Format::{
    Country, Currency, Decimal, Flag, Integer, Json, OneOf, Seconds, Text, Token, UnixMillis, UnixSeconds,
    Url,
};
use super::Group::{Activity, Attribution, Click, Conversion, Device, Geo, Link, Money, Time};
use super::Source::{Parameter, Record};
use super::{Kinds, Placeholder, row};
use crate::domain::activity::ActivityKind as K;

const ALL: Kinds = Kinds::ALL;
const CONVERSION: Kinds = Kinds::of(&[K::Event, K::EventUpdate]);
/// What has a status and a payout.
const SETTLED: Kinds = CONVERSION.and(Kinds::of(&[
    K::Install,
    K::Reattribution,
    K::Reinstall,
    K::ReattributionReinstall,
]));
const EARNING: Kinds = Kinds::of(&[K::Event, K::EventUpdate, K::AdRevenue]);
const CUSTOM: Kinds = Kinds::of(&[K::Event, K::EventUpdate, K::AdRevenue, K::Session]);
const UPDATE: Kinds = Kinds::of(&[K::InstallUpdate, K::ReattributionUpdate]);
/// What can be refused its credit, and conversions that can be rejected.
const REFUSABLE: Kinds = Kinds::of(&[
    K::RejectedInstall,
    K::RejectedReattribution,
    K::Event,
    K::EventUpdate,
]);
const LATER: Kinds = Kinds::of(&[
    K::Session,
    K::Event,
    K::EventUpdate,
    K::AdRevenue,
    K::Reattribution,
    K::ReattributionUpdate,
    K::Uninstall,
    K::Reinstall,
    K::ReattributionReinstall,
]);
/// What is credited to an engagement, the engagement itself not included.
const CREDITED: Kinds = Kinds::of(&[
    K::Install,
    K::Session,
    K::Event,
    K::EventUpdate,
    K::Reattribution,
    K::InstallUpdate,
    K::ReattributionUpdate,
    K::RejectedInstall,
    K::RejectedReattribution,
    K::Uninstall,
    K::Reinstall,
    K::ReattributionReinstall,
    K::CostUpdate,
    K::AdRevenue,
]);
const CLICKED: Kinds = CREDITED.and(Kinds::of(&[K::Click]));
const VIEWED: Kinds = CREDITED.and(Kinds::of(&[K::Impression]));
const ENGAGED: Kinds = CLICKED.and(VIEWED);

const KIND_NAMES: &[&str] = &[
    "impression",
    "click",
    "install",
    "session",
    "event",
    "event_update",
    "reattribution",
    "install_update",
    "reattribution_update",
    "rejected_install",
    "rejected_reattribution",
    "uninstall",
    "reinstall",
    "reattribution_reinstall",
    "cost_update",
    "ad_revenue",
    "gdpr_forget_device",
    "sk_install",
];
const STATUSES: &[&str] = &["pending", "approved", "rejected"];
const MATCHES: &[&str] = &[
    "sid",
    "visitor",
    "partner_click_id",
    "device_tag",
    "reftag",
    "probabilistic",
    "claim",
    "organic",
];
/// The rows.
#[rustfmt::skip]
pub(super) static ROWS: &[Placeholder] = &[
    // The activity and the postback.
    row(Record, ("activity_kind", Activity, OneOf(KIND_NAMES), ALL), "event", ("What happened: the kind of the activity", "アクティビティの種類")),
    row(Record, ("activity_id", Activity, Token, ALL), "0d9k3m2p7q4r8s1t", ("Id of the activity; the SID for clicks and impressions", "アクティビティのID（クリックと表示ではSID）")),
    row(Record, ("postback_id", Activity, Token, ALL), "0d9k3m2p9z4r8s1t", ("Id of the postback, the same on every attempt", "ポストバックのID（再送でも同じ）")),
    row(Record, ("random", Activity, Integer, ALL), "7304962018845213", ("Random number, fixed for the postback", "ポストバックごとに固定の乱数")),
    row(Record, ("nonce", Activity, Token, ALL), "0d9k3m2p9z4r8s1t0019f3ab27c4d5e6", ("Text that no other postback has", "ポストバックごとに一意の文字列")),
    row(Record, ("environment", Activity, OneOf(&["production", "sandbox"]), ALL), "production", ("Real traffic or tests", "本番かテストか")),
    row(Record, ("is_test", Activity, Flag, ALL), "0", ("1 for test traffic", "テストのトラフィックなら1")),
    row(Record, ("event_word", Activity, Text, ALL), "Purchase", ("The platform's word for the event, as the rule maps it", "ポストバック設定のイベント対応で決めた、媒体側のイベント名")),
    row(Record, ("test_code", Activity, Text, ALL), "TEST12345", ("The platform's code of tests, as the rule has it; only for tests", "媒体のテスト用コード（テスト送信のときだけ）")),
    row(Record, ("test_flag", Activity, Json, ALL), "true", ("true for tests, else false", "テストなら true、それ以外は false")),
    row(Parameter, ("secret_id", Activity, Integer, ALL), "1", ("Number of the app's signing secret", "アプリ署名シークレットの番号")),
    row(Record, ("is_s2s", Activity, Flag, ALL), "1", ("1 when a server reported the activity", "サーバーから報告されたアクティビティなら1")),
    row(Record, ("is_s2s_engagement_based", Activity, Flag, ENGAGED), "0", ("1 when a server reported the credited engagement", "帰属先のクリック・表示がサーバー送信なら1")),
    row(Parameter, ("is_imported", Activity, Flag, ALL), "0", ("1 when the record was imported", "取り込まれた記録なら1")),
    row(Record, ("platform", Activity, Text, ALL), "ios", ("Platform of the app, else the system of the device", "アプリのプラットフォーム、なければ端末のOS")),
    row(Record, ("tuid", Activity, Text, ALL), "t7f3k9m2q8r4w1x6", ("TUID: the visitor", "トラッキングユーザーID")),

    // The conversion.
    row(Record, ("amount", Conversion, Decimal, EARNING), "3980", ("Amount of the conversion in whole units", "成果の売上金額")),
    row(Record, ("content_uid1", Conversion, Text, CONVERSION), "ORDER-2048", ("First id of the conversion, such as the order number", "注文番号など成果固有のID（1番目）")),
    row(Record, ("content_uid2", Conversion, Text, CONVERSION), "member-77", ("Second id of the conversion", "成果固有のID（2番目）")),
    row(Record, ("content_uid3", Conversion, Text, CONVERSION), "plan-a", ("Third id of the conversion", "成果固有のID（3番目）")),
    row(Record, ("content_uid4", Conversion, Text, CONVERSION), "shop-4", ("Fourth id of the conversion", "成果固有のID（4番目）")),
    row(Record, ("content_uid5", Conversion, Text, CONVERSION), "item-5", ("Fifth id of the conversion", "成果固有のID（5番目）")),
    row(Record, ("content_uid6", Conversion, Text, CONVERSION), "item-6", ("Sixth id of the conversion", "成果固有のID（6番目）")),
    row(Record, ("content_uid7", Conversion, Text, CONVERSION), "item-7", ("Seventh id of the conversion", "成果固有のID（7番目）")),
    row(Record, ("content_uid8", Conversion, Text, CONVERSION), "item-8", ("Eighth id of the conversion", "成果固有のID（8番目）")),
    row(Record, ("order_id", Conversion, Text, CONVERSION), "ORDER-2048", ("Order number as sent, else the first id", "送信された注文番号、なければ1番目のID")),
    row(Parameter, ("sku", Conversion, Text, CONVERSION), "TEA-100G", ("Product id of a purchase", "購入された商品のID")),
    row(Record, ("event", Conversion, Token, CONVERSION), "k3w9zt", ("Fixed token of the event", "イベントの固定トークン")),
    row(Record, ("event_name", Conversion, Text, CONVERSION), "purchase", ("Name of the event; it can be changed, so it is no id", "イベント名（変更されるためIDには不向き）")),
    row(Record, ("status", Conversion, OneOf(STATUSES), SETTLED), "approved", ("Status that the conversion has now", "現在の成果ステータス")),
    row(Record, ("outdated_status", Conversion, OneOf(STATUSES), Kinds::of(&[K::EventUpdate])), "pending", ("Status before this change", "変更前の成果ステータス")),
    row(Record, ("partner_status", Conversion, Text, CONVERSION), "sale", ("Status in the partner's own word (set at the partner), else as {status}", "媒体独自の語でのステータス（媒体の設定で指定。なければ{status}と同じ）")),
    row(Record, ("partner_event", Conversion, Text, CONVERSION), "purchase", ("Event in the partner's own word (set at the partner), else as {event_name}", "媒体独自の語での成果地点（媒体の設定で指定。なければ{event_name}と同じ）")),
    row(Record, ("outdated_amount", Conversion, Decimal, Kinds::of(&[K::EventUpdate])), "10000", ("Amount before this change; empty when only the status changed", "変更前の売上金額（ステータスだけの変更では空）")),
    row(Record, ("publisher_parameters", Conversion, Json, CUSTOM), r#"{"userID":"123456"}"#, ("All custom parameters as one JSON object", "カスタムパラメータ全部（JSONオブジェクト）")),
    row(Record, ("publisher_parameter", Conversion, Json, CUSTOM), r#"{"userID":"123456"}"#, ("The same as publisher_parameters", "publisher_parametersと同じ")),
    row(Record, ("partner_parameters", Conversion, Json, CUSTOM), r#"{"tier":"gold"}"#, ("All partner parameters as one JSON object", "パートナーパラメータ全部（JSONオブジェクト）")),
    row(Record, ("conversion_referer", Conversion, Url, CONVERSION), "https://shop.example/thanks", ("Referer of the request that reported the conversion", "成果を報告したリクエストのリファラ")),

    // The click and what it carried.
    row(Record, ("sid", Click, Token, ENGAGED), "0d9k3m2p7q4r8s1t", ("SID: id of the click or impression", "セッションID")),
    row(Record, ("para1", Click, Text, ENGAGED), "c-5f21e8", ("First value of the click URL, usually the partner's click id", "クリックURLの付加情報1（PARA1、多くは媒体のクリックID）")),
    row(Record, ("para2", Click, Text, ENGAGED), "site-20", ("Second value of the click URL", "クリックURLの付加情報2（PARA2）")),
    row(Record, ("para3", Click, Text, ENGAGED), "banner-3", ("Third value of the click URL", "クリックURLの付加情報3（PARA3）")),
    row(Record, ("para4", Click, Text, ENGAGED), "slot-4", ("Fourth value of the click URL", "クリックURLの付加情報4（PARA4）")),
    row(Record, ("para5", Click, Text, ENGAGED), "note-5", ("Fifth value of the click URL", "クリックURLの付加情報5（PARA5）")),
    row(Record, ("label", Click, Text, ENGAGED), "bob-1001", ("label of the click URL", "クリックURLのlabel")),
    row(Record, ("click_referer", Click, Url, CLICKED), "https://blog.example/tea?p=2", ("Referer of the click", "クリック時のリファラ")),
    row(Record, ("deeplink", Click, Url, CLICKED), "myshop://item?id=650", ("Deep link that the click carried", "クリックに付いていたディープリンク")),
    row(Parameter, ("is_deeplink_click", Click, Flag, ALL), "0", ("1 when the app reported the click after a deep link", "ディープリンクでアプリが報告したクリックなら1")),
    row(Parameter, ("search_term", Click, Text, ALL), "green tea", ("Search words that led here", "検索語")),
    row(Parameter, ("referrer", Click, Text, ALL), "utm_source=blog", ("Referrer text of the app store", "アプリストアのリファラ文字列")),
    row(Record, ("destination", Click, Url, CLICKED), "https://shop.example/lp?sid=0d9k3m2p7q4r8s1t", ("Where the visitor was sent", "遷移先URL")),
    row(Record, ("reftag", Click, Token, ALL), "0d9k3m2p7q4r8s1t", ("Id of the credited engagement; an organic activity has its own", "帰属先エンゲージメントのID（オーガニックは独自）")),
    row(Record, ("reftags", Click, Json, CREDITED), r#"["0d9k3m2p7q000000"]"#, ("Engagements that were eligible but lost, as a JSON list", "対象だったが選ばれなかったエンゲージメント（JSON配列）")),
    row(Record, ("is_bot", Click, Flag, ENGAGED), "0", ("1 when the engagement is a bot's or a prefetch", "ボットまたは先読みなら1")),

    // Offer, partner, link.
    row(Record, ("cid", Link, Token, ALL), "tea4u7k2m9p1", ("CID: id of the offer", "広告ID")),
    row(Record, ("offer_name", Link, Text, ALL), "Tea Shop", ("Name of the offer", "広告名")),
    row(Record, ("partner", Link, Text, ENGAGED), "Blog Network", ("Name of the partner", "媒体名")),
    row(Record, ("partner_id", Link, Token, ENGAGED), "blognet1", ("Id of the partner", "媒体ID")),
    row(Record, ("tracker", Link, Token, ENGAGED), "abc12345", ("Token of the credited link", "帰属先リンクのトークン")),
    row(Record, ("tracker_name", Link, Text, ENGAGED), "Blog Network::Spring::Tea::320x50", ("Name of the credited link, its levels joined with ::", "帰属先リンクの名前（階層を::で連結）")),
    row(Record, ("trackerName", Link, Text, ENGAGED), "Blog Network::Spring::Tea::320x50", ("Older spelling of tracker_name", "tracker_nameの旧表記")),
    row(Record, ("network_name", Link, Text, ENGAGED), "Blog Network", ("Level 1 of the link name", "リンク名の第1階層")),
    row(Record, ("campaign_name", Link, Text, ENGAGED), "Spring", ("Level 2 of the link name", "リンク名の第2階層（キャンペーン）")),
    row(Record, ("adgroup_name", Link, Text, ENGAGED), "Tea", ("Level 3 of the link name", "リンク名の第3階層（アドグループ）")),
    row(Record, ("creative_name", Link, Text, ENGAGED), "320x50", ("Level 4 of the link name", "リンク名の第4階層（クリエイティブ）")),
    row(Parameter, ("first_tracker", Link, Token, LATER), "abc12345", ("Link of the first credit", "最初に帰属したリンクのトークン")),
    row(Parameter, ("first_tracker_name", Link, Text, LATER), "Blog Network::Spring", ("Name of the link of the first credit", "最初に帰属したリンクの名前")),
    row(Parameter, ("last_tracker", Link, Token, Kinds::of(&[K::Reattribution, K::ReattributionReinstall])), "xyz67890", ("Link that was credited before the newest reattribution", "直前のリアトリビューション前のリンク")),
    row(Parameter, ("last_tracker_name", Link, Text, Kinds::of(&[K::Reattribution, K::ReattributionReinstall])), "Mail::Easter", ("Its name", "直前のリアトリビューション前のリンク名")),
    row(Parameter, ("outdated_tracker", Link, Token, UPDATE), "abc12345", ("Link that had the credit before this update", "更新前に帰属していたリンクのトークン")),
    row(Parameter, ("outdated_tracker_name", Link, Text, UPDATE), "Blog Network::Spring", ("Name of the link that had the credit before this update", "更新前に帰属していたリンクの名前")),
    row(Parameter, ("network_type", Link, Text, ALL), "affiliate", ("Type of the network, as sent", "ネットワークの種類（送信値）")),

    // How the credit was given.
    row(Record, ("is_organic", Attribution, Flag, ALL), "0", ("1 when nobody is credited", "オーガニックなら1")),
    row(Parameter, ("is_reattributed", Attribution, Flag, LATER), "0", ("1 when the visitor was reattributed", "リアトリビューション済みなら1")),
    row(Record, ("match_type", Attribution, OneOf(MATCHES), CREDITED), "sid", ("How the activity was tied to its engagement", "帰属の方法")),
    row(Record, ("impression_based", Attribution, Flag, CREDITED), "0", ("1 when an impression has the credit", "表示に帰属したなら1")),
    row(Record, ("rejection_reason", Attribution, Text, REFUSABLE), "too_many_engagements", ("Why the conversion was rejected, or the credit refused", "否認の理由、または帰属が拒否された理由")),
    row(Parameter, ("san_engagement_times", Attribution, Text, ALL), "1763700000", ("Engagement times that networks claim", "ネットワークが申告したエンゲージメント時刻")),
    row(Record, ("conversion_duration", Attribution, Seconds, CREDITED), "50", ("Seconds from the engagement to the conversion that it is credited with", "エンゲージメントから成果までの秒数")),

    // Times.
    row(Record, ("created_at", Time, UnixSeconds, ALL), "1763700072", ("When it happened", "発生時刻")),
    row(Record, ("created_at_hour", Time, UnixSeconds, ALL), "1763697600", ("When it happened, rounded down to the hour", "発生時刻（時単位に切り捨て）")),
    row(Record, ("created_at_milli", Time, UnixMillis, ALL), "1763700072000", ("When it happened, in milliseconds", "発生時刻（ミリ秒）")),
    row(Record, ("received_at", Time, UnixSeconds, ALL), "1763700072", ("When the server received it", "受信時刻")),
    row(Record, ("click_time", Time, UnixSeconds, CLICKED), "1763700000", ("Time of the credited click", "帰属先クリックの時刻")),
    row(Record, ("click_time_hour", Time, UnixSeconds, CLICKED), "1763697600", ("Time of the credited click, rounded down to the hour", "帰属先クリックの時刻（時単位）")),
    row(Record, ("impression_time", Time, UnixSeconds, VIEWED), "1763700000", ("Time of the credited impression", "帰属先表示の時刻")),
    row(Record, ("impression_time_hour", Time, UnixSeconds, VIEWED), "1763697600", ("Time of the credited impression, rounded down to the hour", "帰属先表示の時刻（時単位）")),
    row(Record, ("engagement_time", Time, UnixSeconds, ENGAGED), "1763700000", ("Time of the credited click or impression", "帰属先クリック・表示の時刻")),
    row(Record, ("engagement_time_hour", Time, UnixSeconds, ENGAGED), "1763697600", ("Time of the credited click or impression, rounded down to the hour", "帰属先クリック・表示の時刻（時単位）")),

    // Money.
    row(Record, ("revenue", Money, Integer, EARNING), "398000", ("Amount in hundredths of a unit, whatever the currency", "金額（通貨によらず1単位の100分の1）")),
    row(Record, ("revenue_float", Money, Decimal, EARNING), "3980", ("Amount in whole units", "金額（通貨単位）")),
    row(Record, ("currency", Money, Currency, EARNING), "JPY", ("Currency of the amount", "金額の通貨")),
    row(Record, ("amount_minor", Money, Integer, EARNING), "3980", ("Amount in the smallest unit of its currency: yen, cents", "通貨の最小単位での金額（円、セントなど）")),
    row(Record, ("revenue_jpy", Money, Integer, EARNING), "3980", ("Amount in whole yen: only when it came in yen", "円での金額（整数、円建てのときだけ）")),
    row(Record, ("revenue_usd", Money, Decimal, EARNING), "25.5", ("Amount in US dollars: as it came or was sent, else by the rate of the day; empty without a rate", "米ドルでの金額（ドル建て・送信値・当日の為替レートの順。レートがなければ空）")),
    row(Record, ("revenue_usd_cents", Money, Integer, EARNING), "2550", ("The same in cents", "米ドルでの金額（セント）")),
    row(Record, ("revenue_cny", Money, Decimal, EARNING), "180.5", ("Amount in yuan: only when it came in yuan, or as sent", "人民元での金額（元建て、または送信値）")),
    row(Record, ("revenue_cny_cents", Money, Integer, EARNING), "18050", ("The same in fen", "人民元での金額（分）")),
    row(Record, ("reporting_revenue", Money, Decimal, EARNING), "3980", ("Amount in the offer's currency: as it came or was sent, else by the rate of the day; empty without a rate", "広告の通貨での金額（同じ通貨・送信値・当日の為替レートの順。レートがなければ空）")),
    row(Record, ("reporting_currency", Money, Currency, ALL), "JPY", ("Currency of the offer", "広告の通貨")),
    row(Record, ("payout", Money, Decimal, SETTLED), "500", ("What the partner is owed, in whole units", "媒体への報酬額")),
    row(Record, ("payout_currency", Money, Currency, SETTLED), "JPY", ("Currency of the payout", "報酬の通貨")),
    row(Parameter, ("reporting_revenue_min", Money, Decimal, ALL), "1", ("Lower bound of the revenue", "売上の下限")),
    row(Parameter, ("reporting_revenue_max", Money, Decimal, ALL), "10", ("Upper bound of the revenue", "売上の上限")),
    row(Parameter, ("count_min", Money, Integer, ALL), "1", ("Lower bound of the count", "件数の下限")),
    row(Parameter, ("count_max", Money, Integer, ALL), "10", ("Upper bound of the count", "件数の上限")),
    row(Parameter, ("cost_type", Money, OneOf(&["cpc", "cpi", "cpm", "cpe"]), ALL), "cpc", ("Pricing model of the engagement", "課金方式")),
    row(Parameter, ("cost_amount", Money, Decimal, ALL), "0.35", ("Cost of the engagement", "広告費用")),
    row(Parameter, ("cost_currency", Money, Text, ALL), "usd", ("Currency of the cost, as sent", "費用の通貨（送信値）")),
    row(Parameter, ("reporting_cost", Money, Decimal, ALL), "0.35", ("Cost in the offer's currency: when it came in it, or as sent", "広告の通貨での費用（同じ通貨、または送信値）")),
    row(Parameter, ("cost_id_md5", Money, super::Format::Hex, ALL), "5d41402abc4b2a76b9719d911017c592", ("MD5 of the network's cost id", "費用IDのMD5")),
    row(Parameter, ("event_cost_id", Money, Text, ALL), "ec-12", ("Cost id of the event", "イベントの費用ID")),

    // The device and where it is, as every click has it.
    row(Record, ("user_agent", Device, Text, ALL), "Mozilla/5.0 (iPhone)", ("User agent of the device", "端末のユーザーエージェント")),
    row(Record, ("ip_address", Device, Text, ALL), "203.0.113.0", ("Address of the device, as far as the privacy setting keeps it", "端末のIPアドレス（プライバシー設定に従う）")),
    row(Record, ("isp", Device, Text, ALL), "Example Net", ("Internet provider", "接続事業者")),
    row(Record, ("browser", Device, Text, ALL), "Safari", ("Browser", "ブラウザ")),
    row(Record, ("device_name", Device, Text, ALL), "iPhone", ("Device or model name", "端末名")),
    row(Record, ("device_model", Device, Text, ALL), "iPhone14,5", ("Model as sent, else the device name", "機種（送信値、なければ端末名）")),
    row(Record, ("device_type", Device, Text, ALL), "phone", ("phone, tablet, pc, bot, or as the app says", "端末種別（phone、tablet、pcなど）")),
    row(Record, ("os_name", Device, Text, ALL), "ios", ("Operating system", "OS名")),
    row(Record, ("os_version", Device, Text, ALL), "17.5", ("Version of the operating system", "OSバージョン")),
    row(Record, ("language", Device, Text, ALL), "ja", ("Language of the device", "端末の言語")),
    row(Record, ("country", Geo, Country, ALL), "jp", ("Country, two letters; empty without the database of geoip.file", "国コード2文字（geoip.fileの国判定データベースがなければ空）")),
    row(Record, ("country_subdivision", Geo, Text, ALL), "13", ("Prefecture, state or province", "都道府県・州")),
    row(Record, ("region", Geo, Text, ALL), "jp", ("Region of the device's language setting", "端末の言語設定の地域")),
    row(Record, ("city", Geo, Text, ALL), "Tokyo", ("City", "市区町村")),
    row(Record, ("postal_code", Geo, Text, ALL), "100-0001", ("Postal code of the address", "郵便番号")),
];
