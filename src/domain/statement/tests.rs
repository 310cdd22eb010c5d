use super::*;
use crate::domain::activity::StatusChange;
use ConversionStatus::{Approved, Pending, Rejected};

fn yen(amount: &str) -> Money {
    Money {
        amount: amount.parse().unwrap(),
        currency: Currency::JPY,
    }
}

fn group(payout: Money) -> Group {
    Group {
        offer: "Shop".into(),
        event: "purchase".into(),
        count: 1,
        payout,
    }
}

#[test]
fn months_are_read_and_follow_each_other() {
    let month: Month = "2026-12".parse().unwrap();
    assert_eq!(
        (month.number(), month.next().to_string()),
        (202_612, "2027-01".into())
    );
    assert_eq!(Month::from_number(202_612), Some(month));
    for text in [
        "2026-13",
        "2026-00",
        "1999-01",
        "2026-1",
        "26-01",
        "2026/01",
        "２０２６-01",
        "+026-01",
    ] {
        assert!(text.parse::<Month>().is_err(), "{text}");
    }
}

#[test]
fn a_conversion_is_approved_since_it_last_became_so() {
    let mut conversion =
        crate::domain::template::sample::sample_activity(crate::domain::activity::ActivityKind::Event)
            .unwrap()
            .activity;
    conversion.payout = Some(yen("100"));
    let history = |changes: &[(i64, ConversionStatus)]| -> Vec<StatusChange> {
        let changes = changes.iter();
        changes
            .map(|(at_ms, status)| StatusChange {
                at_ms: *at_ms,
                status: *status,
                by: "x".into(),
            })
            .collect()
    };
    for (changes, at_ms) in [
        (vec![(1, Approved)], Some(1)),
        (vec![(1, Pending), (5, Approved)], Some(5)),
        (vec![(1, Approved), (3, Approved)], Some(1)),
        (
            vec![(1, Approved), (3, Rejected), (7, Approved), (8, Approved)],
            Some(7),
        ),
        (vec![(1, Approved), (3, Rejected)], None),
        (vec![(1, Pending)], None),
    ] {
        conversion.history = history(&changes);
        conversion.status = changes.last().map(|(_, status)| *status);
        assert_eq!(approved_at_ms(&conversion), at_ms, "{changes:?}");
        assert_eq!(owed(&conversion).is_some(), at_ms.is_some());
    }
}

#[test]
fn tax_is_cut_once_for_each_currency() {
    let corrections = [Correction {
        id: "0mhz9k2x0a1b2c3d".parse().unwrap(),
        order: "A-1".into(),
        month: "2026-10".parse().unwrap(),
        reason: String::new(),
        before: yen("300"),
        after: yen("0"),
    }];
    let adjustments = [Adjustment {
        note: "bonus".into(),
        amount: "55.5".parse().unwrap(),
        currency: Currency::JPY,
    }];
    let dollars = Money {
        amount: "10.999".parse().unwrap(),
        currency: Currency::USD,
    };
    let groups = [group(yen("1000.5")), group(dollars), group(yen("33"))];
    let all = totals(&groups, &corrections, &adjustments, true);
    let told: Vec<String> = all
        .iter()
        .map(|t| {
            format!(
                "{} {} {} {} {} {} {}",
                t.currency, t.conversions, t.corrections, t.adjustments, t.base, t.tax, t.total
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "JPY 1033.5 -300 55.5 789 78 867",
            "USD 10.999 0 0 10.99 1.09 12.08"
        ]
    );
    let plain = totals(&groups, &corrections, &adjustments, false);
    assert_eq!((plain[0].tax, plain[0].total), (Decimal::ZERO, 789.into()));
    let below = totals(&[], &corrections, &[], true);
    assert_eq!((below[0].base, below[0].tax), ((-300).into(), (-30).into()));
}

#[test]
fn stored_forms_stay() {
    let json = r#"{"partner":"part1","month":"2026-11","version":1,"number":"202611-001","partner_name":"Media","time_zone":"Asia/Tokyo","sender":{"name":"A","address":"B","registration_number":"T1234567890123","is_taxed":true},"draft":{"number":"","recipient":"C","registration_number":"","due_date":"2026-12-31","adjustments":[{"note":"bonus","amount":"-5","currency":"JPY"}],"note":""},"groups":[{"offer":"Shop","event":"purchase","count":1,"payout":{"amount":"100","currency":"JPY"}}],"corrections":[{"id":"0mhz9k2x0a1b2c3d","order":"A-1","month":"2026-10","reason":"","before":{"amount":"300","currency":"JPY"},"after":{"amount":"0","currency":"JPY"}}],"totals":[{"currency":"JPY","conversions":"100","corrections":"-300","adjustments":"-5","base":"-205","tax":"-20","total":"-225"}],"lines":1,"closed_at_ms":1,"closed_by":"user hanako","reopened_at_ms":null,"reopened_by":""}"#;
    let closed: Closed = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&closed).unwrap(), json);
    let lines = r#"{"lines":[{"id":"0mhz9k2x0a1b2c3d","order":"A-1","approved_at_ms":1,"offer":"offer1","event":"abc123","money":null,"payout":{"amount":"100","currency":"JPY"}}]}"#;
    let read: Lines = serde_json::from_str(lines).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), lines);
    let billed = r#"{"partner":"part1","month":202611,"payout":{"amount":"100","currency":"JPY"}}"#;
    let read: Billed = serde_json::from_str(billed).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), billed);
}

#[test]
fn registration_numbers_are_t_and_13_digits() {
    assert!(is_registration_number("T1234567890123"));
    for text in [
        "",
        "1234567890123",
        "T123456789012",
        "T12345678901234",
        "t1234567890123",
        "T123456789012x",
    ] {
        assert!(!is_registration_number(text), "{text}");
    }
}
