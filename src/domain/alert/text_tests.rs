//! What messages say, in both languages.

use super::super::AlertKey;
use super::*;

fn notice(detail: Detail, over_at_ms: Option<i64>) -> Notice {
    let kind = match detail {
        Detail::Lane { .. } => AlertKind::PartnerFailing,
        Detail::Queue { .. } => AlertKind::QueueOld,
        Detail::Overdue { .. } => AlertKind::PostbacksOverdue,
        Detail::Disk { .. } => AlertKind::DiskLow,
        Detail::Told { .. } => AlertKind::StoreDamaged,
        Detail::Held { .. } => AlertKind::PartnerHeld,
        Detail::HeldQueue { .. } => AlertKind::HeldQueueFilling,
        Detail::Ending { .. } => AlertKind::PostbacksEnding,
        Detail::Refusals { .. } => AlertKind::RefusalsHigh,
        Detail::Checks { .. } => AlertKind::ChecksFailing,
        Detail::Logins { .. } => AlertKind::SignInAttack,
        Detail::Silence { .. } => AlertKind::NoConversions,
    };
    let subject = if kind == AlertKind::PartnerFailing {
        "https://a.example:443"
    } else {
        ""
    };
    Notice {
        key: AlertKey {
            kind,
            subject: subject.into(),
        },
        detail,
        since_ms: 1,
        over_at_ms,
    }
}

fn lane(name: &str, status: Option<u16>) -> Detail {
    Detail::Lane {
        partners: vec![name.into()],
        waiting: 7,
        status,
    }
}

fn time(at_ms: i64) -> String {
    format!("T{at_ms}")
}

#[test]
fn a_beginning_says_what_since_when_what_to_do_and_where() {
    let message = message(
        &[notice(lane("Media", None), None)],
        Language::En,
        Some("https://t.example"),
        &time,
    );
    assert_eq!(
        message.subject,
        "[Yamabiko] Postbacks do not reach Media (https://a.example:443)"
    );
    let lines: Vec<&str> = message.text.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[1], "Since: T1");
    assert!(lines[2].starts_with("7 postbacks wait"));
    assert_eq!(lines[3], "https://t.example/postbacks");
}

#[test]
fn an_end_is_one_line_in_both_languages() {
    for (language, word) in [(Language::En, "Resolved: "), (Language::Ja, "復旧: ")] {
        for detail in [
            lane("Media", Some(404)),
            Detail::Queue { age_s: 99 },
            Detail::Overdue { postbacks: 7 },
            Detail::Disk {
                free_mb: 1,
                needed_mb: 512,
            },
            Detail::Told {
                message: "commits 5 to 9 are missing".into(),
            },
            Detail::Logins { failed: 99 },
            Detail::Silence {
                offer: "Shop".into(),
                hours: 6,
                usual: [5, 7],
            },
            Detail::Refusals {
                refused: 20,
                total: 30,
            },
        ] {
            let over = message(
                &[notice(detail.clone(), Some(9))],
                language,
                Some("https://t.example"),
                &time,
            );
            assert_eq!(over.text.lines().count(), 1, "{over:?}");
            assert!(
                over.text.starts_with(word) && over.text.contains("T9"),
                "{over:?}"
            );
            let begun = message(&[notice(detail, None)], language, None, &time);
            assert_eq!(begun.text.lines().count(), 3, "{begun:?}");
        }
    }
}

#[test]
fn names_stay_in_their_line() {
    let named = notice(lane("Media\r\nBcc: x@y.example\u{1b}[31m", None), None);
    let message = message(&[named.clone(), named], Language::Ja, None, &time);
    assert!(!message.subject.contains(char::is_control), "{message:?}");
    assert!(message.subject.contains("ほか1件"));
    assert_eq!(message.text.matches("発生: T1").count(), 2);
}
