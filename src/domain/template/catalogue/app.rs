//! Rows of app measurement: the app, its sessions and windows, device ids, ad revenue.

use super::Format::{
    Decimal, Flag, Hex, Hours, Integer, Json, LowerUuid, OneOf, Seconds, Text, Token, UnixSeconds, UpperUuid,
};
use super::Group::{AdRevenue, App, Device, DeviceId, Settings, Time};
use super::Source::{Parameter, Record};
use super::{Kinds, Placeholder, row};
use crate::domain::activity::ActivityKind as K;

const ALL: Kinds = Kinds::ALL;
const AD_REVENUE: Kinds = Kinds::of(&[K::AdRevenue]);
const ENGAGEMENT: Kinds = Kinds::of(&[K::Impression, K::Click]);
/// What an installed app causes.
const USED: Kinds = Kinds::of(&[
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
    K::AdRevenue,
]);
const TEMPORARY: Kinds = USED.and(ENGAGEMENT);
const SESSIONS: Kinds = Kinds::of(&[
    K::Session,
    K::Event,
    K::EventUpdate,
    K::Uninstall,
    K::Reinstall,
    K::ReattributionReinstall,
]);
const REATTRIBUTED: Kinds = Kinds::of(&[
    K::Reattribution,
    K::ReattributionUpdate,
    K::ReattributionReinstall,
    K::Session,
    K::Event,
    K::EventUpdate,
]);
const GONE: Kinds = Kinds::of(&[K::Uninstall, K::Reinstall, K::ReattributionReinstall]);
const BACK: Kinds = Kinds::of(&[K::Reinstall, K::ReattributionReinstall]);
const INSTALL: Kinds = Kinds::of(&[K::Install, K::InstallUpdate, K::RejectedInstall]);

/// The rows.
#[rustfmt::skip]
pub(super) static ROWS: &[Placeholder] = &[
    // The app.
    row(Record, ("app_id", App, Text, ALL), "1234567890", ("Store id of the app", "アプリのストアID")),
    row(Record, ("app_token", App, Token, ALL), "tea4u7k2m9p1", ("Token of the app: the id of the offer", "アプリトークン（広告ID）")),
    row(Record, ("app_name", App, Text, ALL), "Tea Shop", ("Name of the app or offer", "アプリ名・広告名")),
    row(Record, ("app_name_dashboard", App, Text, ALL), "Tea Shop", ("Name of the app as the screens show it", "管理画面でのアプリ名")),
    row(Parameter, ("app_version", App, Text, USED), "5.13.1", ("Version of the app", "アプリのバージョン")),
    row(Parameter, ("app_version_raw", App, Text, USED), "5131", ("Version of the app as the app says it", "アプリのバージョン（未加工）")),
    row(Parameter, ("app_version_short", App, Text, USED), "5.13.1", ("Marketing version of the app", "アプリのバージョン（短縮）")),
    row(Parameter, ("store", App, Text, ALL), "itunes", ("Store that the click led to", "クリックの遷移先ストア")),

    // Windows and other policy in force.
    row(Record, ("click_attribution_window", Settings, Hours, ALL), "168", ("Window of clicks matched by id", "クリックの計測期間（ID一致）")),
    row(Record, ("impression_attribution_window", Settings, Hours, ALL), "24", ("Window of impressions matched by id", "表示の計測期間（ID一致）")),
    row(Record, ("fingerprint_attribution_window", Settings, Hours, ALL), "6", ("Older name of probmatching_attribution_window", "probmatching_attribution_windowの旧名")),
    row(Record, ("probmatching_attribution_window", Settings, Hours, ALL), "6", ("Window of probabilistic matches", "確率的マッチの計測期間")),
    row(Record, ("reattribution_attribution_window", Settings, Hours, ALL), "168", ("Window of reattribution", "リアトリビューションの計測期間")),
    row(Record, ("inactive_user_definition", Settings, Hours, ALL), "168", ("Inactivity before a reattribution", "リアトリビューションに必要な休眠時間")),
    row(Record, ("attribution_ttl", Settings, Hours, TEMPORARY), "18", ("How long a temporary credit lasts", "一時的な帰属の有効時間")),
    row(Record, ("reattribution_attribution_ttl", Settings, Hours, TEMPORARY), "18", ("How long a temporary reattribution lasts", "一時的なリアトリビューションの有効時間")),
    row(Parameter, ("attribution_expires_at", Settings, UnixSeconds, USED), "1763800000", ("When the temporary credit ends", "一時的な帰属の終了時刻")),
    row(Record, ("reattribution_fallback_type", Settings, Text, REATTRIBUTED), "organic", ("Who is credited after a temporary reattribution: last_eligible_source or organic", "一時的なリアトリビューション後の帰属先（last_eligible_source または organic）")),
    row(Parameter, ("last_fallback_time", Settings, UnixSeconds, USED), "1763800000", ("When the credit fell back", "帰属が戻った時刻")),
    row(Parameter, ("last_fallback_time_hour", Settings, UnixSeconds, USED), "1763798400", ("When the credit fell back, rounded down to the hour", "帰属が戻った時刻（時単位）")),
    row(Parameter, ("callback_ttl", Settings, Hours, USED), "672", ("How long after the install postbacks are sent", "インストール後にポストバックを送る期間")),
    row(Parameter, ("within_callback_ttl", Settings, Flag, USED), "1", ("1 when within callback_ttl", "callback_ttlの期間内なら1")),
    row(Parameter, ("probmatching_reattribution_attribution_ttl", Settings, Hours, REATTRIBUTED), "18", ("How long a temporary probabilistic reattribution lasts", "確率的な一時リアトリビューションの有効時間")),
    row(Parameter, ("probmatching_reattribution_attribution_window", Settings, Hours, REATTRIBUTED), "6", ("Window of probabilistic reattribution", "確率的リアトリビューションの計測期間")),
    row(Parameter, ("probmatching_reattribution_fallback_type", Settings, Text, REATTRIBUTED), "organic", ("Who is credited after a probabilistic reattribution", "確率的リアトリビューション後の帰属先")),
    row(Parameter, ("probmatching_reattribution_inactive_user_definition", Settings, Hours, REATTRIBUTED), "168", ("Inactivity before a probabilistic reattribution", "確率的リアトリビューションに必要な休眠時間")),

    // Times of the app's life.
    row(Parameter, ("installed_at", Time, UnixSeconds, USED), "1763700050", ("First open of the app", "アプリの初回起動時刻")),
    row(Parameter, ("installed_at_hour", Time, UnixSeconds, USED), "1763697600", ("First open of the app, rounded down to the hour", "アプリの初回起動時刻（時単位）")),
    row(Parameter, ("install_begin_time", Time, UnixSeconds, INSTALL), "1763700010", ("Start of the download from the store", "ストアでのダウンロード開始時刻")),
    row(Parameter, ("install_finish_time", Time, UnixSeconds, INSTALL), "1763700040", ("End of the download from the store", "ストアでのダウンロード完了時刻")),
    row(Parameter, ("referral_time", Time, UnixSeconds, INSTALL), "1763700005", ("When the store page was reached", "ストアページに到達した時刻")),
    row(Parameter, ("reattributed_at", Time, UnixSeconds, REATTRIBUTED), "1763710000", ("Session that caused the reattribution", "リアトリビューションの時刻")),
    row(Parameter, ("reattributed_at_hour", Time, UnixSeconds, REATTRIBUTED), "1763708400", ("Session that caused the reattribution, rounded down to the hour", "リアトリビューションの時刻（時単位）")),
    row(Parameter, ("attribution_updated_at", Time, UnixSeconds, Kinds::of(&[K::InstallUpdate, K::ReattributionUpdate])), "1763720000", ("When the credit was changed", "帰属が更新された時刻")),
    row(Parameter, ("uninstalled_at", Time, UnixSeconds, GONE), "1763730000", ("When the app was removed: its last session", "アンインストール時刻（最後のセッション）")),
    row(Parameter, ("reinstalled_at", Time, UnixSeconds, BACK), "1763740000", ("When the app came back", "再インストール時刻")),
    row(Parameter, ("time_to_uninstall", Time, Seconds, Kinds::of(&[K::Uninstall])), "29950", ("Seconds from install, or the last reinstall, to removal", "インストール（または直近の再インストール）から削除までの秒数")),
    row(Parameter, ("time_to_reinstall", Time, Seconds, BACK), "10000", ("Seconds from removal to return", "削除から再インストールまでの秒数")),
    row(Parameter, ("timezone", Time, Text, ALL), "UTC+0900", ("Time zone of the device", "端末のタイムゾーン")),
    row(Parameter, ("last_session_time", Time, UnixSeconds, SESSIONS), "1763730000", ("Time of the app session before", "前回のアプリセッションの時刻")),
    row(Parameter, ("session_count", App, Integer, USED), "34", ("App sessions since the present install", "今のインストールでのセッション数")),
    row(Parameter, ("lifetime_session_count", App, Integer, USED), "185", ("App sessions since ever", "通算のセッション数")),
    row(Parameter, ("time_spent", App, Seconds, USED), "123", ("Seconds spent in the app session", "セッションの利用秒数")),
    row(Parameter, ("last_time_spent", App, Seconds, USED), "95", ("Seconds spent in the app session before", "前回のセッションの利用秒数")),

    // Revenue from showing ads.
    row(Parameter, ("ad_mediation_platform", AdRevenue, Text, AD_REVENUE), "mediator", ("Mediation platform", "メディエーションプラットフォーム")),
    row(Parameter, ("ad_impressions_count", AdRevenue, Integer, AD_REVENUE), "4", ("How many ads were shown", "広告表示回数")),
    row(Parameter, ("ad_revenue_network", AdRevenue, Text, AD_REVENUE), "adnet", ("Network that showed the ad", "広告を表示したネットワーク")),
    row(Parameter, ("ad_revenue_unit", AdRevenue, Text, AD_REVENUE), "rewarded", ("Ad unit", "広告ユニット")),
    row(Parameter, ("ad_revenue_placement", AdRevenue, Text, AD_REVENUE), "home", ("Placement", "広告の掲載位置")),
    row(Parameter, ("ad_revenue_payload", AdRevenue, Json, AD_REVENUE), r#"{"currency":"USD"}"#, ("Details of each ad shown", "表示ごとの収益データ")),

    // Device ids.
    row(Record, ("adid", DeviceId, Text, USED), "9f3b6a1c2d4e5f60718293a4b5c6d7e8", ("Our id of the device", "当システムの端末ID")),
    row(Parameter, ("idfa", DeviceId, UpperUuid, ALL), "A1B2C3D4-0000-4000-8000-1234567890AB", ("Advertising id of iOS", "iOSの広告ID")),
    row(Record, ("idfa_upper", DeviceId, UpperUuid, ALL), "A1B2C3D4-0000-4000-8000-1234567890AB", ("Advertising id of iOS in upper case", "iOSの広告ID（大文字）")),
    row(Parameter, ("idfv", DeviceId, UpperUuid, ALL), "B1B2C3D4-0000-4000-8000-1234567890AB", ("Vendor id of iOS", "iOSのベンダーID")),
    row(Parameter, ("gps_adid", DeviceId, LowerUuid, ALL), "c1b2c3d4-0000-4000-8000-1234567890ab", ("Advertising id of Google", "Googleの広告ID")),
    row(Parameter, ("android_id", DeviceId, Hex, ALL), "3f0c2d1e4b5a6978", ("Android id", "Android ID")),
    row(Parameter, ("fire_adid", DeviceId, LowerUuid, ALL), "d1b2c3d4-0000-4000-8000-1234567890ab", ("Advertising id of Amazon Fire", "Amazon Fireの広告ID")),
    row(Parameter, ("oaid", DeviceId, Text, ALL), "e1b2c3d4-0000-4000-8000-1234567890ab", ("Open advertising id", "OAID")),
    row(Parameter, ("google_app_set_id", DeviceId, Text, ALL), "f1b2c3d4-0000-4000-8000-1234567890ab", ("Google's id of the apps of one developer", "GoogleのアプリセットID")),
    row(Parameter, ("web_uuid", DeviceId, Text, ALL), "01b2c3d4-0000-4000-8000-1234567890ab", ("Id of the browser", "ブラウザのID")),
    row(Parameter, ("win_adid", DeviceId, Text, ALL), "107e8ea14329d4a2", ("Advertising id of Windows", "Windowsの広告ID")),
    row(Parameter, ("win_hwid", DeviceId, Text, ALL), "JKJbFwIArpGA", ("Hardware id of the Windows store", "WindowsのハードウェアID")),
    row(Parameter, ("win_naid", DeviceId, Text, ALL), "11b2c3d4-0000-4000-8000-1234567890ab", ("Network adapter id of Windows", "WindowsのネットワークアダプターID")),
    row(Parameter, ("win_udid", DeviceId, Text, ALL), "21b2c3d4-0000-4000-8000-1234567890ab", ("Unique device id of Windows Phone", "Windows Phoneの端末ID")),
    row(Parameter, ("rida", DeviceId, Text, ALL), "31b2c3d4-0000-4000-8000-1234567890ab", ("Advertising id of Roku", "Rokuの広告ID")),
    row(Parameter, ("vida", DeviceId, Text, ALL), "41b2c3d4-0000-4000-8000-1234567890ab", ("Advertising id of Vizio", "Vizioの広告ID")),
    row(Parameter, ("tifa", DeviceId, Text, ALL), "51b2c3d4-0000-4000-8000-1234567890ab", ("Advertising id of Tizen", "Tizenの広告ID")),
    row(Parameter, ("push_token", DeviceId, Text, ALL), "push-77aa", ("Push token of the device", "端末のプッシュトークン")),
    row(Parameter, ("random_user_id", DeviceId, Text, ALL), "ru-4711", ("Random id of the user, as sent", "ランダムなユーザーID（送信値）")),
    row(Parameter, ("idfa_md5", DeviceId, Text, ALL), "7d793037a0760186574b0282f2f435e7", ("MD5 of idfa, as sent or made of it", "idfaのMD5（送信値、なければ計算値）")),
    row(Parameter, ("idfa_md5_hex", DeviceId, Hex, ALL), "7d793037a0760186574b0282f2f435e7", ("MD5 of idfa in hexadecimal, as sent or made of it", "idfaのMD5・16進（送信値、なければ計算値）")),
    row(Parameter, ("gps_adid_md5", DeviceId, Hex, ALL), "6d793037a0760186574b0282f2f435e7", ("MD5 of gps_adid, as sent or made of it", "gps_adidのMD5（送信値、なければ計算値）")),
    row(Parameter, ("android_id_md5", DeviceId, Hex, ALL), "5d793037a0760186574b0282f2f435e7", ("MD5 of android_id, as sent or made of it", "android_idのMD5（送信値、なければ計算値）")),
    row(Parameter, ("oaid_md5", DeviceId, Hex, ALL), "4d793037a0760186574b0282f2f435e7", ("MD5 of oaid, as sent or made of it", "oaidのMD5（送信値、なければ計算値）")),
    row(Parameter, ("mac_md5", DeviceId, Hex, ALL), "3d793037a0760186574b0282f2f435e7", ("MD5 of the hardware address, as sent or made of it", "MACアドレスのMD5（送信値、なければ計算値）")),
    row(Parameter, ("mac_sha1", DeviceId, Hex, ALL), "2d793037a0760186574b0282f2f435e7aabbccdd", ("SHA-1 of the hardware address, as sent or made of it", "MACアドレスのSHA-1（送信値、なければ計算値）")),
    row(Parameter, ("external_device_id_md5", DeviceId, Hex, ALL), "1d793037a0760186574b0282f2f435e7", ("MD5 of the app's own device id, as sent or made of it", "アプリ独自の端末IDのMD5（送信値、なければ計算値）")),

    // What only the app can say of the device.
    row(Parameter, ("proxy_ip_address", Device, Text, ALL), "198.51.100.7", ("Address of a proxy in front of the device", "経由したプロキシのIPアドレス")),
    row(Parameter, ("connection_type", Device, Text, ALL), "wifi", ("Kind of connection", "接続の種類")),
    row(Parameter, ("device_manufacturer", Device, Text, ALL), "apple", ("Maker", "端末メーカー")),
    row(Parameter, ("device_atlas_id", Device, Integer, ALL), "4021", ("Number of the model in a device database", "端末データベースでの機種番号")),
    row(Parameter, ("hardware_name", Device, Text, ALL), "D17AP", ("Name of the hardware", "ハードウェア名")),
    row(Parameter, ("cpu_type", Device, Text, ALL), "arm64-v8a", ("Processor family", "CPUの種類")),
    row(Parameter, ("api_level", Device, Integer, ALL), "34", ("API level of Android", "AndroidのAPIレベル")),
    row(Parameter, ("sdk_version", Device, Text, ALL), "ios5.0.0", ("Name and version of the SDK", "SDKの名前とバージョン")),
    row(Parameter, ("tracking_enabled", Device, Flag, ALL), "1", ("1 when ad tracking is allowed", "広告トラッキング許可なら1")),
    row(Parameter, ("tracking_limited", Device, Flag, ALL), "0", ("1 when ad tracking is limited", "広告トラッキング制限なら1")),
    row(Parameter, ("att_status", Device, OneOf(&["0", "1", "2", "3", "null"]), ALL), "3", ("Consent on iOS: 0 undetermined, 1 restricted, 2 denied, 3 authorised", "iOSの同意状況（0未定 1制限 2拒否 3許可）")),
    row(Parameter, ("third_party_sharing_disabled", Device, Flag, ALL), "0", ("1 when the user forbids sharing", "第三者提供の停止なら1")),
    row(Parameter, ("mcc", Device, Integer, ALL), "440", ("Country code of the mobile network", "モバイル国コード")),
    row(Parameter, ("mnc", Device, Integer, ALL), "10", ("Network code of the mobile network", "モバイルネットワークコード")),
    row(Parameter, ("sim_slot_ids", Device, Text, ALL), "0", ("Slots of the SIM cards", "SIMスロットのID")),
    row(Parameter, ("is_google_play_store_downloaded", Device, Flag, ALL), "1", ("1 when downloaded from Google Play", "Google Playからのダウンロードなら1")),

    // Predictions belong to the app, too.
    row(Parameter, ("predicted_value", super::Group::Prediction, Decimal, ALL), "12.5", ("Predicted value, as sent", "予測値（送信値）")),
    row(Parameter, ("prediction_label", super::Group::Prediction, Text, ALL), "high", ("Label of the prediction, as sent", "予測ラベル（送信値）")),
    row(Parameter, ("prediction_period_days", super::Group::Prediction, Integer, ALL), "30", ("Days that the prediction looks ahead, as sent", "予測期間の日数（送信値）")),
];
