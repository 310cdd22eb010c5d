//! The sample business of the demo: a shop, a member site and an app, four partners, a link each.

use super::{LOGIN, refused};
use crate::admin::passwords;
use crate::admin::save;
use crate::admin::users::NewUser;
use crate::cli::CliError;
use crate::domain::account::{Role, Settings, User};
use crate::domain::ids::UserId;
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::Rule;
use crate::recorder::Recorder;
use crate::store::catalog::{Change, ConfigObject};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The shop.
pub(super) const SHOP: &str = "demoshop0001";
/// Its event.
pub(super) const PURCHASE: &str = "buy001";
/// The member site.
pub(super) const CLUB: &str = "democlub0001";
/// Its event, approved by hand.
pub(super) const SIGNUP: &str = "join01";
/// The app.
pub(super) const APP: &str = "demoapp00001";
/// Its event with money.
pub(super) const APP_PURCHASE: &str = "gems01";
/// Its links.
pub(super) const APP_LINK: &str = "demoapp1";
pub(super) const APP_OTHER_LINK: &str = "demoapp2";
/// The shop's link for the first partner.
pub(super) const SHOP_LINK: &str = "demo0001";
/// All links of sites, with how many clicks of ten come through each.
pub(super) const LINKS: [(&str, u32); 4] =
    [(SHOP_LINK, 4), ("demo0002", 3), ("demo0003", 1), ("demo0004", 2)];

/// Reads a sample object; a mistake in it is a defect of ours.
fn object<T: DeserializeOwned>(value: Value) -> Result<T, CliError> {
    serde_json::from_value(value).map_err(refused)
}

/// Everything but the rules.
pub(super) fn objects(password: &str, now_ms: i64, listen: &str) -> Result<Vec<ConfigObject>, CliError> {
    let mut all = vec![
        ConfigObject::Settings(Settings {
            public_url: format!("http://{listen}"),
            is_set_up: true,
            updated_at_ms: now_ms,
            ..Settings::default()
        }),
        ConfigObject::User(owner(password, now_ms)?),
    ];
    for offer in offers(now_ms) {
        all.push(ConfigObject::Offer(object::<Offer>(offer)?));
    }
    for partner in partners(now_ms) {
        all.push(ConfigObject::Partner(object::<Partner>(partner)?));
    }
    for link in links(now_ms) {
        all.push(ConfigObject::Link(object::<Link>(link)?));
    }
    Ok(all)
}

fn owner(secret: &str, now_ms: i64) -> Result<User, CliError> {
    let owner = NewUser {
        login: LOGIN.into(),
        name: "Demo".into(),
        password_hash: passwords::hash_blocking(secret).map_err(refused)?,
        role: Role::Owner,
        language: None,
    };
    Ok(User {
        id: UserId::from_random(b"demo-owner-0"),
        ..owner.made(now_ms).map_err(refused)?
    })
}

fn offers(now_ms: i64) -> [Value; 3] {
    [
        json!({
            "id": SHOP, "name": "山彦ストア", "created_at_ms": now_ms, "updated_at_ms": now_ms,
            "destinations": {"default": "https://shop.example/lp?ref=yamabiko"},
            "sites": ["https://shop.example"],
            "events": [{
                "token": PURCHASE, "name": "購入", "has_revenue": true,
                "payout": {"type": "percent", "percent": "8"},
            }],
        }),
        json!({
            "id": CLUB, "name": "こだま倶楽部", "created_at_ms": now_ms, "updated_at_ms": now_ms,
            "destinations": {"default": "https://club.example/join"},
            "sites": ["https://club.example"],
            "events": [{
                "token": SIGNUP, "name": "会員登録", "approval": {"mode": "manual"},
                "payout": {"type": "fixed", "amount": "800", "currency": "JPY"},
            }],
        }),
        json!({
            "id": APP, "name": "こだまパズル", "kind": "app", "created_at_ms": now_ms, "updated_at_ms": now_ms,
            "destinations": {
                "default": "https://puzzle.example/app",
                "ios": "https://apps.apple.com/app/id525463029",
                "android": "https://play.google.com/store/apps/details?id=example.puzzle",
            },
            "app_id": "525463029",
            "events": [{
                "token": APP_PURCHASE, "name": "ジェム購入", "has_revenue": true,
                "payout": {"type": "percent", "percent": "5"},
            }],
            // A real app waits a week before it credits another link.
            "attribution": {"inactivity_h": 0},
        }),
    ]
}

fn partners(now_ms: i64) -> [Value; 4] {
    let partner = |id: &str, name: &str, note: &str| {
        json!({
            "id": id, "name": name, "note": note, "created_at_ms": now_ms, "updated_at_ms": now_ms,
            "click_parameters": [{"name": "param1", "para": 1, "macro_text": "{click_id}"}],
        })
    };
    [
        partner("midori01", "みどりメディア", "比較サイト"),
        partner("bluenet1", "Blue Network", "Ad network"),
        partner(
            "oldmill1",
            "水車アフィリエイト",
            "この媒体のサーバーは応答しません（再送の様子を見るための例）",
        ),
        partner("appnet01", "Pocket Ads", "Ad network for apps"),
    ]
}

fn links(now_ms: i64) -> [Value; 6] {
    let link = |token: &str, offer: &str, partner: &str, network: &str, campaign: &str| {
        json!({
            "token": token, "offer": offer, "partner": partner, "network": network, "campaign": campaign,
            "created_at_ms": now_ms, "updated_at_ms": now_ms,
        })
    };
    [
        link(SHOP_LINK, SHOP, "midori01", "みどりメディア", "秋のセール"),
        link("demo0002", SHOP, "bluenet1", "Blue Network", "Autumn"),
        link("demo0003", SHOP, "oldmill1", "水車アフィリエイト", "秋のセール"),
        link("demo0004", CLUB, "midori01", "みどりメディア", "会員募集"),
        link(APP_LINK, APP, "appnet01", "Pocket Ads", "Launch"),
        link(APP_OTHER_LINK, APP, "appnet01", "Pocket Ads", "Come back"),
    ]
}

/// The rules: partners that answer, one that does not, and the advertiser's own servers.
pub(super) fn rules(echo: SocketAddr, now_ms: i64) -> Result<Vec<ConfigObject>, CliError> {
    let of_partner = |id: &str, name: &str, partner: &str, path: &str| {
        json!({
            "id": id, "name": name, "scope": {"type": "partner", "partner": partner},
            "kinds": ["event", "event_update"], "updated_at_ms": now_ms,
            "text": format!("http://{echo}{path}?cid=##PARA1##&order=##CONTENT_UID1##&price=##AMOUNT##&status={{status}}"),
        })
    };
    let rules = [
        of_partner(
            "toldmido",
            "みどりメディアへの通知",
            "midori01",
            "/midori/postback",
        ),
        of_partner("toldblue", "Blue Network postback", "bluenet1", "/blue/conv"),
        of_partner(
            "toldmill",
            "水車アフィリエイトへの通知",
            "oldmill1",
            // Not 503: that would speak for the whole receiver, which stands for every partner here.
            "/status/500/mill",
        ),
        json!({
            "id": "toldshop", "name": "自社サーバーへの通知", "scope": {"type": "offer", "offer": SHOP},
            "kinds": ["event"], "updated_at_ms": now_ms,
            "text": format!("http://{echo}/own/?sid={{sid}}&kind={{activity_kind}}&tracker={{tracker_name}}&amount={{revenue_float}}"),
        }),
        json!({
            "id": "toldapp1", "name": "アプリサーバーへの通知", "scope": {"type": "offer", "offer": APP},
            "kinds": [], "updated_at_ms": now_ms,
            "text": format!("http://{echo}/app/{{activity_kind}}?adid={{adid}}&idfa={{idfa}}&tracker={{tracker_name}}&from={{outdated_tracker_name||last_tracker_name}}&n={{session_count}}&event={{event_name}}&revenue={{revenue_float}}&at={{created_at}}"),
        }),
        json!({
            "id": "toldnet1", "name": "Pocket Ads postback", "scope": {"type": "partner", "partner": "appnet01"},
            "kinds": ["install", "event", "reattribution"], "updated_at_ms": now_ms,
            "text": format!("http://{echo}/pocket/{{activity_kind}}?click_id=##PARA1##&creative={{creative_name}}&value={{revenue_float}}"),
        }),
    ];
    rules
        .into_iter()
        .map(|rule| object::<Rule>(rule).map(ConfigObject::Rule))
        .collect()
}

/// Saves objects in one commit.
pub(super) fn save(recorder: &Recorder, objects: Vec<ConfigObject>) -> Result<(), CliError> {
    let changes: Vec<Change> = objects.into_iter().map(Change::Put).collect();
    recorder
        .run_blocking(move |group| save::stage(group, &[], &changes))
        .map_err(refused)?
        .map_err(refused)
}
