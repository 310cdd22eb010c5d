//! From fields to what is kept.

use super::digest::sha256;
use super::names;
use super::sent::{Remark, Settled};
use super::*;

fn settle(fields: &[(&str, &str)]) -> Settled {
    let policy = IdentityPolicy {
        is_kept: true,
        ..IdentityPolicy::default()
    };
    sent(fields).settle(Some(&policy))
}

fn sent(fields: &[(&str, &str)]) -> Sent {
    let mut sent = Sent::default();
    for (name, value) in fields {
        sent.take(names::of(name).expect(name), value);
    }
    sent
}

fn hex_of(text: &str) -> String {
    crate::domain::hex::hex(&sha256(text))
}

#[test]
fn raw_values_fill_every_form() {
    let settled = settle(&[
        ("email", "Ta.Ro+x@Gmail.com"),
        ("tel", "090-1234-5678"),
        ("external_id", " u-1 "),
    ]);
    assert_eq!(settled.remarks, []);
    for (form, normal) in [
        (Form::EmailSha256, "ta.ro+x@gmail.com"),
        (Form::EmailGoogleSha256, "taro@gmail.com"),
        (Form::EmailPlainSha256, "taro@gmail.com"),
        (Form::PhoneE164Sha256, "+819012345678"),
        (Form::PhoneDigitsSha256, "819012345678"),
        (Form::ExternalIdSha256, "u-1"),
    ] {
        assert_eq!(
            settled.identity.hex(form),
            Some(hex_of(normal)),
            "{}",
            form.as_str()
        );
    }
    assert_eq!(
        settled.identity.kinds(),
        [Kind::Email, Kind::Phone, Kind::ExternalId]
    );
}

#[test]
fn digests_fill_the_form_that_they_are_of() {
    let upper = hex_of("taro@example.jp").to_uppercase();
    for (name, form) in [
        ("email", Form::EmailSha256),
        ("hashed_email", Form::EmailSha256),
        ("email_google_sha256", Form::EmailGoogleSha256),
        ("phone", Form::PhoneE164Sha256),
        ("phone_digits_sha256", Form::PhoneDigitsSha256),
        ("external_id", Form::ExternalIdSha256),
    ] {
        let settled = settle(&[(name, &upper)]);
        assert_eq!(settled.identity.digests.len(), 1, "{name}");
        assert_eq!(settled.identity.hex(form), Some(upper.to_lowercase()), "{name}");
    }
    // A raw value under the name of a digest is made one.
    let settled = settle(&[("email_sha256", "taro@example.jp")]);
    assert_eq!(
        settled.identity.hex(Form::EmailSha256),
        Some(hex_of("taro@example.jp"))
    );
    // Of the same person there may be both.
    let settled = settle(&[("email_sha256", &upper), ("email", "taro@example.jp")]);
    assert_eq!((settled.identity.digests.len(), settled.remarks.len()), (3, 0));
}

#[test]
fn what_cannot_be_used_is_left_out_and_told() {
    let long = format!("{}@example.jp", "a".repeat(300));
    for (name, value, fault) in [
        ("email", "taro.example.jp", Unusable::NoAtSign),
        ("email", &long, Unusable::TooLong),
        ("email", &hex_of(""), Unusable::HashOfNothing),
        ("email", &hex_of("null").to_uppercase(), Unusable::HashOfNothing),
        ("email", &"0".repeat(64), Unusable::HashOfNothing),
        ("email", "d41d8cd98f00b204e9800998ecf8427e", Unusable::OtherHash),
        ("email", "null", Unusable::Nothing),
        ("phone", "12", Unusable::TooShort),
        ("phone", "call me", Unusable::NoPhone),
        ("external_id", "undefined", Unusable::Nothing),
        ("external_id", &"x".repeat(600), Unusable::TooLong),
        ("ad_user_data", "perhaps", Unusable::UnknownWord),
    ] {
        let settled = settle(&[(name, value)]);
        assert_eq!(settled.remarks, [Remark::LeftOut(name, fault)], "{name}={value}");
        assert_eq!(settled.identity, Identity::default(), "{name}={value}");
    }
}

#[test]
fn of_several_the_first_that_is_good_counts() {
    for value in [
        "[\"no\",\"taro@example.jp\",\"jiro@example.jp\"]",
        "no, taro@example.jp; jiro@example.jp",
    ] {
        let settled = settle(&[("email", value)]);
        assert_eq!(
            settled.identity.hex(Form::EmailSha256),
            Some(hex_of("taro@example.jp")),
            "{value}"
        );
        assert_eq!(
            settled.remarks,
            [
                Remark::LeftOut("email", Unusable::NoAtSign),
                Remark::LeftOut("email", Unusable::AnotherBefore)
            ]
        );
    }
    let settled = settle(&[("phone", "[9012345678]"), ("tel", "+81 (0)90 1234 5678")]);
    assert_eq!((settled.identity.digests.len(), settled.remarks.len()), (2, 0));
}

#[test]
fn an_offer_that_keeps_none_is_told_what_came() {
    let sent = sent(&[
        ("email", "taro@example.jp"),
        ("email", "x"),
        ("phone", "1"),
        ("consent", "granted"),
    ]);
    for policy in [None, Some(&IdentityPolicy::default())] {
        let settled = sent.settle(policy);
        assert_eq!(settled.identity.digests, []);
        assert_eq!(settled.identity.ad_user_data, Some(Consent::Granted));
        assert_eq!(
            settled.remarks,
            [Remark::Off(Kind::Email), Remark::Off(Kind::Phone)]
        );
    }
    assert_eq!(format!("{sent:?}"), "Sent(4 values)");
}

#[test]
fn a_refusal_keeps_nothing() {
    let email = ("email", "taro@example.jp");
    for denied in [
        &[email, ("ad_user_data", "DENIED")][..],
        &[email, ("consent", "CONSENT_DENIED")],
        &[("ad_personalization", "opt-out"), email],
    ] {
        let settled = settle(denied);
        assert_eq!(settled.identity.digests, [], "{denied:?}");
        assert_eq!(
            settled.remarks,
            [Remark::LeftOut("email", Unusable::ConsentDenied)]
        );
    }
    let settled = settle(&[
        email,
        ("ad_user_data", "granted"),
        ("ad_personalization", "denied"),
    ]);
    assert_eq!(settled.identity.digests.len(), 3);
    // The word for one use stands over that for both, whichever came first.
    let settled = settle(&[("consent", "denied"), ("ad_user_data", "yes"), email]);
    assert_eq!(settled.identity.ad_user_data, Some(Consent::Granted));
    assert_eq!(settled.identity.ad_personalization, Some(Consent::Denied));
    assert_eq!(settle(&[("consent", "unspecified")]), Settled::default());
}

#[test]
fn requests_are_bounded() {
    let mut sent = Sent::default();
    for n in 0..1000 {
        sent.take(
            names::of("email").unwrap(),
            &format!("{n}{}@example.jp", "あ".repeat(2000)),
        );
    }
    assert_eq!(format!("{sent:?}"), "Sent(16 values)");
    assert_eq!(sent.settle(None).remarks.len(), 1);
}
