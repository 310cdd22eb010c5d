//! Tests of [`super`].

use super::*;
use crate::domain::identity::redact;
use crate::domain::unfilled;
use proptest::prelude::*;

const SID: &str = "0mhwydvk0abcdefg";

fn form(raw: &str) -> Result<ConversionRequest, FieldError> {
    ConversionRequest::parse(Fields::from_form(raw.as_bytes(), &RULES)?)
}

fn encoded(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish()
}

#[test]
fn a_whole_conversion() {
    let request = form(&format!(
        "sid={SID}&cid=offer1&event=%E8%B3%BC%E5%85%A5&amount=1000&currency=jpy&uid=A-1&uid2=b&content_uid8=h\
         &status=pending&p_z=1&p_a=2&callback_params=%7B%22k%22%3A%22v%22%7D&partner_params=%7B%22x%22%3A%22y%22%7D\
         &click_id=c1&created_at_unix=1763000000&environment=sandbox&utm_source=mail&_=123"
    ))
    .unwrap();
    assert_eq!(request.sid, Some(Sid::Id(SID.parse().unwrap())));
    assert_eq!(request.cid.as_ref().unwrap().as_str(), "offer1");
    assert_eq!(request.event.as_deref(), Some("購入"));
    assert_eq!(request.amount.unwrap().to_string(), "1000");
    assert_eq!(request.currency, Some(Currency::JPY));
    assert_eq!(
        request.uids,
        ["A-1", "b", "", "", "", "", "", "h"].map(String::from)
    );
    assert_eq!(request.status, Some(ConversionStatus::Pending));
    let keys: Vec<&str> = request.custom.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(keys, ["a", "k", "z"]);
    assert_eq!(request.partner_custom, vec![("x".into(), "y".into())]);
    assert_eq!(request.click_id.as_deref(), Some("c1"));
    assert_eq!(request.at_ms, Some(1_763_000_000_000));
    assert!(request.is_test && request.names_a_session());
    assert_eq!(
        request.fields,
        vec![("utm_source".into(), "mail".into()), ("_".into(), "123".into())]
    );
}

#[test]
fn what_carts_send_is_understood() {
    for (name, value, check) in [
        ("sid", "０ＭＨＷＹＤＶＫ０ＡＢＣＤＥＦＧ", SID),
        ("sid", " 0MHWYDVK0ABCDEFG ", SID),
    ] {
        let request = form(&encoded(name, value)).unwrap();
        assert_eq!(request.sid, Some(Sid::Id(check.parse().unwrap())), "{value}");
    }
    let request = form(&encoded("cid", "１２３")).unwrap();
    assert_eq!(request.cid.unwrap().as_str(), "123");
    let request = form(&encoded("amount", "１２．５")).unwrap();
    assert_eq!(request.amount.unwrap().to_string(), "12.5");
    let request = form("sid=zzzzzzzzzzzzzzzz").unwrap();
    assert_eq!(request.sid, Some(Sid::Foreign("zzzzzzzzzzzzzzzz".into())));
    let empty = form("sid=&cid=&event=&amount=&currency=&uid1=&status=&created_at_unix=").unwrap();
    assert_eq!(empty, ConversionRequest::default());
    for alias in UID1_ALIASES {
        assert_eq!(form(&format!("{alias}=o-1")).unwrap().uids[0], "o-1", "{alias}");
    }
    assert_eq!(form("uid=o-1&order_id=o-1").unwrap().uids[0], "o-1");
}

#[test]
fn wrong_fields_are_named() {
    for (name, value, code) in [
        ("sid", "abc", "invalid_sid"),
        ("cid", "a b", "invalid_cid"),
        ("cid", "{cid}", "invalid_cid"),
        ("amount", "1,000", "invalid_amount"),
        ("amount", "-1", "invalid_amount"),
        ("amount", "1e3", "invalid_amount"),
        ("amount", "3278.1234567", "invalid_amount"),
        ("sid", "0mhwydvk0abcdefg, 0mhwydvk0abcdefh", "invalid_sid"),
        ("sid", "0mhwydvk0abcdefgx", "invalid_sid"),
        ("currency", "YEN", "invalid_currency"),
        ("status", "maybe", "invalid_status"),
    ] {
        let error = form(&encoded(name, value)).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (name, code), "{value}");
        assert!(error.message.ends_with('.'), "{}", error.message);
    }
    assert_eq!(form("uid=a&txid=b").unwrap_err().code, "conflicting_field");
    assert!(
        form("cid=%7Bcid%7D")
            .unwrap_err()
            .message
            .contains("did not fill")
    );
}

#[test]
fn what_decides_nothing_is_left_out_and_noted() {
    for (raw, field) in [
        ("created_at_unix=now", "created_at_unix"),
        ("created_at=now", "created_at"),
        ("environment=test", "environment"),
        ("uid2=a&content_uid2=b", "content_uid2"),
        ("p_k=1&callback_params=%7B%22k%22%3A%22v%22%7D", "p_k"),
    ] {
        let request = form(&format!("uid1=A-1&{raw}")).unwrap();
        assert_eq!(request.uids[0], "A-1", "{raw}");
        assert_eq!(
            (request.notes[0].code, request.notes[0].field.as_str()),
            (NoteCode::LeftOut, field),
            "{raw}"
        );
    }
}

#[test]
fn a_sid_is_found_in_what_was_put_around_it() {
    for tail in [
        "?utm_source=x",
        "/",
        ", 0mhwydvk0abcdefg",
        "#top",
        "\"",
        " ",
        "&amp;x",
        "%20",
    ] {
        let request = form(&encoded("sid", &format!("{SID}{tail}"))).unwrap();
        assert_eq!(request.sid, Some(Sid::Id(SID.parse().unwrap())), "{tail}");
    }
    let invisible = format!("\u{feff}{}\u{200b}{}", &SID[..8], &SID[8..]);
    for sid in [
        format!("sid={SID}"),
        format!("\"{SID}\""),
        format!("/{SID}/"),
        invisible,
    ] {
        let request = form(&encoded("sid", &sid)).unwrap();
        assert_eq!(request.sid, Some(Sid::Id(SID.parse().unwrap())), "{sid}");
    }
}

#[test]
fn the_tail_of_a_float_is_rounded_away() {
    for (sent, amount) in [
        ("3278.0000000000005", "3278"),
        ("3277.9999999999995", "3278"),
        ("32.780000000000001", "32.78"),
        ("1.0000000000000000000000000000000000001", "1"),
        ("１２．００００００００００００１", "12"),
    ] {
        let request = form(&encoded("amount", sent)).unwrap();
        assert_eq!(request.amount.unwrap().to_string(), amount, "{sent}");
        assert_eq!(request.notes[0].code, NoteCode::Mended, "{sent}");
    }
    for price in 1..2000_u32 {
        let sent = (f64::from(price) * 1.1).to_string();
        let exact = rust_decimal::Decimal::from(price) * rust_decimal::Decimal::new(11, 1);
        assert_eq!(
            form(&format!("amount={sent}")).unwrap().amount,
            Some(exact),
            "{sent}"
        );
    }
}

#[test]
fn an_unfilled_order_number_is_none_under_any_of_its_names() {
    for alias in UID1_ALIASES {
        let request = form(&encoded(alias, "[ORDER_NUM]")).unwrap();
        assert!(
            request.is_unfilled("uid1") && request.uids[0].is_empty(),
            "{alias}"
        );
    }
    let other = form("uid1={order}&order_id=A-1").unwrap();
    assert!(!other.is_unfilled("uid1"));
    assert!(!form("sid={sid}&click_id={id}").unwrap().names_a_session());
}

#[test]
fn json_members_are_fields() {
    let parse = |raw: &str| ConversionRequest::parse(Fields::from_json(raw.as_bytes(), &RULES)?);
    let request =
        parse(r#"{"amount":12.50,"uid1":77,"callback_params":{"b":"1","a":"2"},"fb_campaign":"x"}"#).unwrap();
    assert_eq!(request.amount.unwrap().to_string(), "12.5");
    assert_eq!(request.uids[0], "77");
    assert_eq!(
        request.custom,
        vec![("a".into(), "2".into()), ("b".into(), "1".into())]
    );
    assert_eq!(request.fields, vec![("fb_campaign".into(), "x".into())]);
    let other = parse(r#"{"ammount":1}"#).unwrap();
    assert_eq!(other.fields, vec![("ammount".into(), "1".into())]);
}

proptest! {
    #[test]
    fn any_query_is_a_request_or_an_error_with_a_field(raw in "[a-z0-9_&=%+{}#１-９]{0,200}") {
        match form(&raw) {
            Ok(request) => prop_assert!(request.custom.is_sorted()),
            Err(error) => prop_assert!(!error.field.is_empty() && !error.code.is_empty()),
        }
    }

    #[test]
    fn order_numbers_come_back_unchanged(uid in "[!-~山川]{1,40}") {
        prop_assume!(unfilled::judge(uid.as_bytes(), Role::Id).is_none() && !redact::holds_email(&uid));
        let request = form(&encoded("uid1", &uid)).unwrap();
        prop_assert_eq!(&request.uids[0], &uid);
    }
}
