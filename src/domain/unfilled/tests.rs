use super::*;
use proptest::prelude::*;

fn of(raw: &str, role: Role) -> Option<Certainty> {
    judge(raw.as_bytes(), role).map(|found| found.certainty)
}

/// One variable of each system, as it arrives when nobody filled it.
const CERTAIN: &[&str] = &[
    "[ORDER_NUM]",
    "{order_id}",
    "##ORDER##",
    "undefined",
    "null",
    "NaN",
    "${order.id}",
    "%ORDER_ID%",
    "__ORDER_ID__",
    "ORDER-ID",
    "{{ order.number }}",
    "{{DLV - transaction_id}}",
    "{% if first_time_accessed %}",
    "[% order.id %]",
    "[%order%]",
    "<{$order_no}>",
    "&lt;{$order_no}&gt;",
    "{@ member.id @}",
    "<!--{$arrOrder.payment_total}-->",
    "{$order_id}",
    "{=orderInfo.orderNo}",
    "<?php echo $order->id; ?>",
    "<%= order.id %>",
    "%{order}",
    "#{order_id}",
    "{CHECKOUT_SESSION_ID}",
    "{sid}",
    "[sku]",
    "$MEMBER_ID$",
    "$order_id",
    "$order->id",
    "$ORDER_ID",
    "@@order_id@@",
    "%%orderid%%",
    "*|ORDER|*",
    "<order_id>",
    "【申込ID等が…】",
    "[object Object]",
    "#<Checkout::LineItem:0x00>",
    "#Checkout::LineItem:0x00",
    "Liquid error: divided by 0",
    "Object id #12",
    "Array",
    "(not set)",
    "None",
    "nil",
    "#N/A",
    "#REF!",
    "{clickid}",
    "__CLICKID__",
    "[click_id]",
    "(click_id)",
    "$click_id",
    "%%CLICK_ID%%",
    "*|X|*",
    "{0}",
    "%s",
    "%(order)s",
    "[[order]]",
    "{}",
    "|order|",
    "[注文番号]",
    "｛order_id｝",
    "［ORDER_NUM］",
    "＃＃ORDER＃＃",
    "%5BORDER_NUM%5D",
    "%255BORDER_NUM%255D",
    "%7B%7B+order.number+%7D%7D",
    "%7Border_id%7D",
    "%CAMPAIGN%",
    "%25ORDER_ID%25",
    "  [ORDER_NUM]\r\n",
    "\"{order_id}\"",
    "'[ORDER_NUM]'",
    "\\{order_id\\}",
    "\u{200b}{order_id}",
    "shop-{order_id}",
    "A{{ order.id }}B",
    "order-##ORDER##",
    "%EF%BD%9Border%EF%BD%9D",
    "&#123;order&#125;",
    "<!--ORDER-->",
    "{!order_id}",
    "$(order_id)",
    "{ORDER_ID",
    "{{ order.num",
    "order_id}",
];

/// Real values, some of which look like syntax at first sight.
const VALUES: &[&str] = &[
    "A-1001",
    "#1001",
    "P17120001",
    "cs_test_a1B2",
    "2026-0001",
    "A_12-3",
    "[B]12",
    "123456",
    "1e5",
    "100%25",
    "50%",
    "{F3504E04-4F89-11D3-9A0C-0305E82C3301}",
    "F3504E04-4F89-11D3-9A0C-0305E82C3301",
    "a@example.com",
    "$100",
    "%2d",
    "%41%42",
    "%E5%B1%B1%E7%94%B0",
    "山田",
    "0a1b2c3d4e5f6g7h",
    "CjwKCAiA_bcd-EFg__x",
    "gid://shopify/Order/1",
    "%23100%23",
    "(03)1234-5678",
    "12*3*4",
    "a|b",
    "user_1",
    "orders-77",
    "NULL-1",
    "nulls",
    "testimony",
    "x1xx",
    "{12345}",
    "*123*",
    "%83A%83t",
    "=?utf",
    "a=b&c=d",
    "R&D",
    "id-5521",
    "price-list",
    "S1",
];

#[test]
fn variables_of_every_system_are_certain_as_ids() {
    for raw in CERTAIN {
        assert_eq!(of(raw, Role::Id), Some(Certainty::Certain), "{raw}");
        assert_eq!(of(raw, Role::Amount), Some(Certainty::Certain), "{raw}");
    }
}

#[test]
fn real_values_are_left_alone() {
    for raw in VALUES {
        assert_eq!(of(raw, Role::Id), None, "{raw}");
        assert_eq!(of(raw, Role::Text), None, "{raw}");
    }
}

#[test]
fn words_are_doubtful_as_ids_and_certain_as_amounts() {
    let words = [
        "test",
        "TEST",
        "test1",
        "test-001",
        "sample",
        "dummy",
        "order-1",
        "ORDER-1",
        "xxx",
        "XXXXXXXX",
        "order_id",
        "ORDER_NUMBER",
        "click_id",
        "REPLACE",
        "REPLACE_ME",
        "YOUR_CLICK_ID",
        "your-order-id",
        "CLICK_ID_HERE",
        "注文番号",
        "○○○○",
        "ここに注文番号を入力",
        "テスト",
        "uid1",
        "param1",
        "price",
    ];
    for raw in words {
        assert_eq!(of(raw, Role::Id), Some(Certainty::Doubtful), "{raw}");
        assert_eq!(of(raw, Role::Amount), Some(Certainty::Certain), "{raw}");
        assert_eq!(of(raw, Role::Text), None, "{raw}");
    }
}

#[test]
fn text_is_noted_only() {
    for raw in [
        "{{ product.name }}",
        "[ITEM_NAME]",
        "undefined",
        "null",
        "{name}",
        "__NAME__",
        "A {{ b }} C",
    ] {
        assert_eq!(of(raw, Role::Text), Some(Certainty::Doubtful), "{raw}");
    }
    for raw in [
        "(new)",
        "【送料無料】",
        "「春」",
        "test",
        "price",
        "sample pack",
        "[B]12 {3}",
    ] {
        assert_eq!(of(raw, Role::Text), None, "{raw}");
    }
}

#[test]
fn in_a_template_only_what_asks_to_be_filled_is_found() {
    for raw in [
        "[CLICK_ID]",
        "%5BCLICK_ID%5D",
        "__CLICK_ID__",
        "(click_id)",
        "$click_id",
        "%%CLICK_ID%%",
        "*|X|*",
    ] {
        assert_eq!(of(raw, Role::Template), Some(Certainty::Certain), "{raw}");
    }
    for raw in ["REPLACE", "xxxx", "YOUR_ID", "CLICK_ID_HERE"] {
        assert_eq!(of(raw, Role::Template), Some(Certainty::Doubtful), "{raw}");
    }
    for raw in ["test", "order", "purchase", "true", "null", "1", "price"] {
        assert_eq!(of(raw, Role::Template), None, "{raw}");
    }
}

#[test]
fn the_syntax_names_its_system() {
    let systems = |raw: &str| judge(raw.as_bytes(), Role::Id).unwrap().systems;
    assert!(systems("[ORDER_NUM]").contains("MakeShop"));
    assert!(systems("<{$order_no}>").contains("Color Me"));
    assert!(systems("{{ order.number }}").contains("Shopify"));
    assert_eq!(systems("undefined"), "");
}

#[test]
fn bytes_of_other_character_sets_are_judged_by_what_is_readable() {
    assert_eq!(judge(b"\x83A\x83t", Role::Id), None);
    assert_eq!(
        judge(b"[\x83A\x83tORDER_NUM", Role::Id),
        None,
        "a bracket alone is no variable"
    );
    assert!(judge(b"%CAMPAIGN%", Role::Id).is_some());
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
        for role in [Role::Id, Role::Amount, Role::Text, Role::Template] {
            let _found = judge(&raw, role);
        }
    }

    #[test]
    fn delimiters_in_any_order_are_judged_without_panic(raw in "[{}\\[\\]<>%#$@*|!&;＃【】a1 _]{0,40}") {
        for role in [Role::Id, Role::Amount, Role::Text, Role::Template] {
            let _found = judge(raw.as_bytes(), role);
        }
    }

    #[test]
    fn ids_that_machines_make_are_left_alone(raw in "[0-9a-f]{16,40}|[0-9]{4,20}|[A-Z]{2}[0-9]{6,12}|[a-z0-9]{8}-[a-z0-9]{4}-[0-9]{4}") {
        prop_assert_eq!(judge(raw.as_bytes(), Role::Id), None);
    }

    #[test]
    fn encoding_changes_no_judgement(name in "[a-z]{3,8}", open in prop::sample::select(vec!["{", "[", "{{", "${", "<{$"])) {
        let close = match open { "{" | "${" => "}", "[" => "]", "{{" => "}}", _ => "}>" };
        let plain = format!("{open}{name}{close}");
        let once = percent_encoding::utf8_percent_encode(&plain, percent_encoding::NON_ALPHANUMERIC).to_string();
        let twice = percent_encoding::utf8_percent_encode(&once, percent_encoding::NON_ALPHANUMERIC).to_string();
        for raw in [plain, once, twice] {
            prop_assert_eq!(of(&raw, Role::Id), Some(Certainty::Certain), "{}", raw);
        }
    }
}
