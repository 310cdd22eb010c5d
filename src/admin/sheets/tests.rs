//! Files of ours and of other systems, taken over.

use super::{SheetKind, SheetResult, look};
use crate::admin::ServerLimits;
use crate::admin::document::read;
use crate::admin::import::{self, WhatChanges};
use crate::config::{self, Sources};
use crate::store::catalog::Catalog;

const BEFORE: &str = r#"
format = "yamabiko-configuration-1"

[[offers]]
id = "offer0000001"
name = "美容液"
destinations = { default = "https://shop.example/lp" }
events = [{ token = "ev0001", name = "購入" }]

[[partners]]
id = "media001"
name = "はなメディア"
note = "担当 佐藤"

[[links]]
token = "link0001"
offer = "offer0000001"
partner = "media001"
network = "はなメディア"
note = "秋"
"#;

fn catalog() -> Catalog {
    let config = config::load(&Sources::default()).unwrap().config;
    let limits = ServerLimits::new(&config, None);
    let plan = import::plan(read(BEFORE).unwrap(), &Catalog::default(), 1, limits).unwrap();
    Catalog::default()
        .apply(&[], &plan.into_save().0.changes)
        .unwrap()
}

fn looked(kind: SheetKind, file: &[u8], catalog: &Catalog) -> (SheetResult, Option<Catalog>) {
    let config = config::load(&Sources::default()).unwrap().config;
    let (result, plan) = look(kind, file, catalog, 9, ServerLimits::new(&config, None)).unwrap();
    let after = plan.map(|plan| catalog.apply(&[], &plan.into_save().0.changes).unwrap());
    (result, after)
}

fn errors(result: &SheetResult) -> Vec<(u64, &str, &str)> {
    let told = result.errors.iter();
    told.map(|e| (e.line, e.field.as_deref().unwrap_or_default(), e.code.as_str()))
        .collect()
}

#[test]
fn partners_of_another_system_come_with_their_postbacks_and_twice_makes_nobody_twice() {
    let file = "媒体名,ポストバック通知先URL(成果),受信パラメータ,登録日\n\
                そらメディア,https://sky.example/pb?id=##PARA1##,param1=##sid##&sub={x},2026/01/01\n\
                はなメディア,,,\n";
    let (result, after) = looked(SheetKind::Partners, file.as_bytes(), &catalog());
    assert_eq!(errors(&result), []);
    assert_eq!((result.rows, result.unchanged), (2, 1));
    assert_eq!(result.ignored_columns, ["登録日"]);
    let kinds: Vec<&str> = result.changes.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, ["partner", "rule"]);
    let after = after.unwrap();
    let sky = after
        .partners
        .values()
        .find(|p| p.name == "そらメディア")
        .unwrap();
    let parameters: Vec<_> = sky
        .click_parameters
        .iter()
        .map(|p| (p.name.as_str(), p.para, p.macro_text.as_deref()))
        .collect();
    assert_eq!(
        parameters,
        [("param1", Some(1), Some("##sid##")), ("sub", None, Some("{x}"))]
    );
    assert_eq!(
        after.partners["media001"].note, "担当 佐藤",
        "what the file does not say stays"
    );
    let (again, _) = looked(SheetKind::Partners, file.as_bytes(), &after);
    assert_eq!((again.changes.len(), again.unchanged), (0, 2));
}

#[test]
fn links_name_offer_and_partner_by_id_or_name_and_shift_jis_is_read() {
    let file = "リンク名,広告名,媒体名,遷移先URL,状態\n春特集,美容液,はなメディア,https://shop.example/spring,停止中\n";
    let (sjis, _, _) = encoding_rs::SHIFT_JIS.encode(file);
    let (result, after) = looked(SheetKind::Links, &sjis, &catalog());
    assert_eq!(errors(&result), []);
    let after = after.unwrap();
    let link = after
        .links
        .values()
        .find(|l| l.link.token.as_str() != "link0001")
        .unwrap();
    assert_eq!(link.link.full_name(), "はなメディア::春特集");
    assert_eq!(
        link.link.destinations.as_ref().map(|d| d.default.as_str()),
        Some("https://shop.example/spring")
    );
    let replaced = "token,note\nlink0001,冬\n";
    let (result, after) = looked(SheetKind::Links, replaced.as_bytes(), &after);
    assert_eq!(result.changes[0].change, WhatChanges::Update);
    let link = &after.unwrap().links["link0001"].link;
    assert_eq!(
        (link.note.as_str(), link.network.as_str()),
        ("冬", "はなメディア")
    );
}

#[test]
fn rules_are_read_in_words_of_both_languages() {
    let file = "name,media,partner,status,kinds,url,有効\n\
                承認,x,はなメディア,承認 否認,event,https://h.example/pb?id={para1},はい\n";
    let (result, after) = looked(SheetKind::Rules, file.as_bytes(), &catalog());
    assert_eq!(errors(&result), []);
    let after = after.unwrap();
    let rule = &after.rules.values().next().unwrap().rule;
    assert_eq!(rule.statuses.len(), 2);
    assert!(rule.enabled);
}

#[test]
fn mistakes_are_told_by_line_and_nothing_is_done() {
    let file = "name,offer,partner,destination\n\
                a,美容液,はなメディア,\n\
                b,ない広告,はなメディア,\n\
                c,美容液,はなメディア,not a url\n";
    let (result, after) = looked(SheetKind::Links, file.as_bytes(), &catalog());
    assert!(after.is_none());
    let told = errors(&result);
    assert_eq!(told[0], (3, "offer", "unknown_name"));
    assert_eq!((told[1].0, told[1].1), (4, "destinations.default"));
    let twice = "token,note\nlink0001,a\nlink0001,b\n";
    let (result, after) = looked(SheetKind::Links, twice.as_bytes(), &catalog());
    assert!(after.is_none());
    assert_eq!(errors(&result), [(3, "token", "duplicate")]);
}
