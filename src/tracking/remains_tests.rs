use super::*;
use crate::domain::identity::redact;

fn fields(query: &str, body: &str) -> Vec<(String, String)> {
    Remains::read(query.as_bytes(), body.as_bytes()).into_fields()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    list.iter().map(text).collect()
}

#[test]
fn what_can_be_read_stays_and_what_is_wrong_is_mended() {
    assert_eq!(
        fields("cid=offer1&uid1=%zz", "amount=1,000&uid2=a%0Ab&x=%ff"),
        pairs(&[
            ("cid", "offer1"),
            ("uid1", "%zz"),
            ("amount", "1,000"),
            ("uid2", "a b"),
            ("x", "\u{fffd}")
        ])
    );
    let json = r#"{"cid":"offer1","uid1":77,"amount":{"value":5},"b":null,"c":"a\nb","uid1":78"#;
    assert_eq!(
        fields("", json),
        pairs(&[
            ("cid", "offer1"),
            ("uid1", "77"),
            ("amount", r#"{"value":5}"#),
            ("c", "a b"),
            ("uid1", "78")
        ])
    );
    assert_eq!(
        fields("", r#"["x"]"#),
        pairs(&[("body", "5 bytes, begins like JSON")])
    );
    assert_eq!(fields("a=1", " "), pairs(&[("a", "1")]));
    let named = format!(r#"{{"{}":"1","uid1":"A"}}"#, "n".repeat(65));
    assert_eq!(fields("", &named), pairs(&[("uid1", "A")]));
}

#[test]
fn what_is_kept_is_bounded() {
    let many = (0..500)
        .map(|n| format!("a{n}={}&", "x".repeat(900)))
        .collect::<String>();
    let list = fields(&many, "");
    let bytes: usize = list.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(
        bytes <= MAX_KEPT_BYTES && bytes > MAX_KEPT_BYTES - 1000,
        "{bytes}"
    );
    assert!(fields(&"a=1&".repeat(500), "").len() <= MAX_PARAMETERS);
    let body = fields("", &"y".repeat(60_000));
    assert_eq!(body, pairs(&[("body", "60000 bytes, text")]));
    let json = format!(r#"{{"deep":{}"#, "[".repeat(50_000));
    assert!(fields("", &json).len() <= 1);
}

#[test]
fn credentials_are_never_kept() {
    for query in [
        "token=s3cret",
        "api_key=s3cret",
        "apiKey=s3cret",
        "X-Yamabiko-Signature=s3cret",
        "p_access_token=s3cret",
        "Authorization=Bearer%20s3cret",
        "key=s3cret",
        "sig=s3cret",
        "password=s3cret",
        "x=Bearer%20s3cret",
        "url=https://a.example/?token%3Ds3cret",
        "callback_params={\"secret\":\"s3cret\"}",
    ] {
        assert_eq!(fields(query, ""), [], "{query}");
        assert_eq!(fields("", query), [], "{query}");
    }
    assert_eq!(
        fields("", r#"{"hmac":"s3cret","uid1":"A"}"#),
        pairs(&[("uid1", "A")])
    );
    assert_eq!(
        fields("", r#"[{"token":"s3cret"}]"#),
        pairs(&[("body", "20 bytes, begins like JSON")])
    );
    assert_eq!(
        fields("app_token=a&event_token=b&uid1=token-1&keyword=c", ""),
        pairs(&[
            ("app_token", "a"),
            ("event_token", "b"),
            ("uid1", "token-1"),
            ("keyword", "c")
        ])
    );
}

#[test]
fn what_speaks_of_a_person_is_never_kept() {
    for query in [
        "email=taro",
        "p_tel=090",
        "E-Mail=x",
        "user[phone]=090",
        "a b=1",
        "<input name=\"email\" value=\"taro\">",
        "x=email: taro; tel: 090",
        "09012345678=1",
    ] {
        assert_eq!(fields(query, ""), [], "{query}");
        assert_eq!(fields("", query), [], "{query}");
    }
    for (body, kind) in [
        ("taro@example.jp", "15 bytes, text"),
        ("<tel>090</tel>", "14 bytes, begins like XML or HTML"),
        ("{\"email\":\"taro", "14 bytes, begins like JSON"),
        ("--x\r\ntaro", "9 bytes, begins like a multipart form"),
        ("\u{0}taro", "5 bytes, no text"),
    ] {
        assert_eq!(fields("", body), pairs(&[("body", kind)]), "{body}");
    }
    assert_eq!(
        fields(
            "",
            r#"{"uid1":"a@b.jp","memo":"to a@b.jp","user":{"tel":"090","n":1},"tel":"090""#
        ),
        pairs(&[
            ("uid1", &redact::order_number("a@b.jp")),
            ("memo", "to [email]"),
            ("user", r#"{"n":1}"#)
        ])
    );
}

#[test]
fn a_field_says_something_only_when_it_is_clear() {
    let said = |query: &str| Remains::read(query.as_bytes(), b"").salvage();
    let clear = said("cid=Offer1&amount=9800&currency=usd&uid=A-1&uid2=b&sid=##SID##&environment=sandbox");
    assert_eq!(clear.cid.unwrap().as_str(), "offer1");
    assert_eq!(clear.amount.unwrap().to_string(), "9800");
    assert_eq!(clear.currency.unwrap().to_string(), "USD");
    assert_eq!(clear.uids[..2], ["A-1".to_owned(), "b".to_owned()]);
    assert!(clear.sid.is_none() && clear.is_test);
    for unclear in [
        "amount=1&amount=2",
        "amount=1,000",
        "amount=5&currency=YENS",
        "amount=1%00",
    ] {
        assert_eq!(said(unclear).amount, None, "{unclear}");
    }
    assert_eq!(said("cid=a&cid=b").cid, None);
    assert_eq!(said("uid1=%zz").uids[0], "");
}

#[test]
fn the_field_in_which_a_body_broke_off_is_left_out() {
    let of = |body: &str| Remains::read_beginning(b"cid=x", body.as_bytes()).into_fields();
    assert_eq!(of("uid1=A-1&amount=98"), pairs(&[("cid", "x"), ("uid1", "A-1")]));
    assert_eq!(
        of(r#"{"uid1":"A-1","amount":98"#),
        pairs(&[("cid", "x"), ("uid1", "A-1")])
    );
    assert_eq!(of("uid1=A"), pairs(&[("cid", "x")]));
    assert_eq!(of(""), pairs(&[("cid", "x")]));
}
