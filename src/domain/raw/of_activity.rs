//! Columns of activities. A click or impression is one too: the stream has it in this form, the files among sessions.

use super::of_session::OF_SESSION;
use super::{
    Column, Fact, Kind, Table, Value, amount, column, currency, object, opt, owned, personal, text, word,
};
use crate::domain::activity::{Activity, Verdict};
use crate::domain::session::EngagementKind;

/// Conversions, updates and everything else that is tracked.
pub static ACTIVITIES: Table = Table {
    name: "activities",
    meaning: "A conversion, a change of one (`of` names it), an event of an app, a refusal, in the hour in which it came. \
              A row says how it was when it came and is never changed: what came later has a row of its own.",
    columns: &[OWN, OF_SESSION],
};

const OWN: &[Column] = &[
    column(
        "activity_id",
        Kind::Text,
        "Its id; of a click or impression the SID.",
        |fact| match fact {
            Fact::Session(session) => owned(session.id),
            _ => of(fact, |activity| owned(activity.id)),
        },
    ),
    column(
        "activity_kind",
        Kind::Text,
        "What happened: see the kinds below.",
        |fact| match fact {
            Fact::Session(session) => text(match session.kind {
                EngagementKind::Impression => "impression",
                EngagementKind::Click | EngagementKind::Direct => "click",
            }),
            _ => of(fact, |activity| text(activity.kind.as_str())),
        },
    ),
    column("received_at", Kind::Time, "When it came.", |fact| match fact {
        Fact::Session(session) => Value::Time(session.at_ms()),
        _ => of(fact, |activity| Value::Time(activity.id.at_ms())),
    }),
    column(
        "happened_at",
        Kind::Time,
        "When it happened, as the caller says or as it came.",
        |fact| match fact {
            Fact::Session(session) => Value::Time(session.at_ms()),
            _ => of(fact, |activity| Value::Time(activity.at_ms)),
        },
    ),
    column("offer_id", Kind::Text, "CID: the offer.", |fact| match fact {
        Fact::Session(session) => text(session.offer.as_str()),
        _ => of(fact, |activity| {
            opt(activity.offer.as_ref(), |id| text(id.as_str()))
        }),
    }),
    column("event_token", Kind::Text, "Token of the event.", |fact| {
        of(fact, |activity| {
            opt(activity.event.as_ref(), |token| text(token.as_str()))
        })
    }),
    column(
        "verdict",
        Kind::Text,
        "`accepted`, `duplicate` or `refused`.",
        |fact| match fact {
            Fact::Session(_) => text("accepted"),
            _ => of(fact, |activity| {
                text(match activity.verdict {
                    Verdict::Accepted => "accepted",
                    Verdict::Duplicate { .. } => "duplicate",
                    Verdict::Refused { .. } => "refused",
                })
            }),
        },
    ),
    column(
        "reason",
        Kind::Text,
        "Why it is a duplicate or refused: a stable code.",
        |fact| {
            of(fact, |activity| match activity.verdict {
                Verdict::Accepted => Value::Absent,
                Verdict::Duplicate { reason, .. } | Verdict::Refused { reason } => text(reason.code()),
            })
        },
    ),
    column(
        "duplicate_of",
        Kind::Text,
        "The activity that was counted.",
        |fact| {
            of(fact, |activity| match activity.verdict {
                Verdict::Duplicate { of, .. } => owned(of),
                Verdict::Accepted | Verdict::Refused { .. } => Value::Absent,
            })
        },
    ),
    column("of", Kind::Text, "The activity that it changes.", |fact| {
        of(fact, |activity| opt(activity.of, owned))
    }),
    column(
        "status",
        Kind::Text,
        "`pending`, `approved` or `rejected`, of a conversion after it.",
        |fact| {
            of(fact, |activity| {
                opt(activity.status, |status| text(status.as_str()))
            })
        },
    ),
    column("outdated_status", Kind::Text, "The status before it.", |fact| {
        of(fact, |activity| {
            opt(activity.outdated_status, |status| text(status.as_str()))
        })
    }),
    column(
        "amount",
        Kind::Amount,
        "What it is worth, in `currency`.",
        |fact| of(fact, |activity| amount(activity.money)),
    ),
    column("currency", Kind::Text, "ISO 4217.", |fact| {
        of(fact, |activity| currency(activity.money))
    }),
    column(
        "payout",
        Kind::Amount,
        "What the partner is owed, in `payout_currency`.",
        |fact| of(fact, |activity| amount(activity.payout)),
    ),
    column("payout_currency", Kind::Text, "ISO 4217.", |fact| {
        of(fact, |activity| currency(activity.payout))
    }),
    personal("order_id", Kind::Text, "`uid1`: the order number.", |fact| {
        of(fact, |activity| opt(activity.input.uids.first(), |uid| text(uid)))
    }),
    personal("uids", Kind::Json, "`uid1` to `uid8`, a list.", |fact| {
        of(fact, |activity| match &activity.input.uids[..] {
            [] => Value::Absent,
            uids => owned(serde_json::Value::from(uids.to_vec())),
        })
    }),
    column(
        "match_type",
        Kind::Text,
        "How the session was found: `sid`, `visitor`, `partner_click_id`, `organic` and others.",
        |fact| of(fact, |activity| opt(activity.match_type, word)),
    ),
    personal(
        "tuid",
        Kind::Text,
        "The visitor: TUID of a browser, `adid` of a device.",
        |fact| match fact {
            Fact::Session(session) => text(&session.tuid),
            _ => of(fact, |activity| text(&activity.tuid)),
        },
    ),
    column(
        "is_test",
        Kind::Flag,
        "Sandbox or test: in no total.",
        |fact| match fact {
            Fact::Session(session) => Value::Flag(session.flags.is_test),
            _ => of(fact, |activity| Value::Flag(activity.is_test)),
        },
    ),
    column(
        "changed_by",
        Kind::Text,
        "Who changed the status: `automatic`, `schedule`, `api`, or the name of the user.",
        |fact| {
            of(fact, |activity| match (activity.of, activity.history.last()) {
                (Some(_), Some(change)) => text(&change.by),
                _ => Value::Absent,
            })
        },
    ),
    column(
        "undone_at",
        Kind::Time,
        "A change that was taken back before anybody heard of it: when. It does not count.",
        |fact| of(fact, |activity| opt(undone(activity), Value::Time)),
    ),
    personal(
        "note",
        Kind::Text,
        "For the operator: which field or value was noted.",
        |fact| of(fact, |activity| text(&activity.note)),
    ),
    personal(
        "custom",
        Kind::Json,
        "Custom parameters of the caller (`p_...`, `callback_params`).",
        |fact| of(fact, |activity| object(&activity.input.custom)),
    ),
    personal(
        "partner_custom",
        Kind::Json,
        "Partner parameters (`partner_params`).",
        |fact| of(fact, |activity| object(&activity.input.partner_custom)),
    ),
    personal("fields", Kind::Json, "Every other field by its name.", |fact| {
        of(fact, |activity| object(&activity.input.fields))
    }),
    personal(
        "facts",
        Kind::Json,
        "Values of app measurement (`session_count`, `installed_at` and others).",
        |fact| of(fact, |activity| object(&activity.facts)),
    ),
    personal(
        "caller_ip",
        Kind::Text,
        "Address of the caller, as the offer's privacy setting leaves it.",
        |fact| of(fact, |activity| text(&activity.input.ip)),
    ),
    personal(
        "caller_user_agent",
        Kind::Text,
        "User agent of the caller, at most 512 bytes.",
        |fact| of(fact, |activity| text(&activity.input.user_agent)),
    ),
    column(
        "revision",
        Kind::Whole,
        "Which state of the conversion the row tells: 1 as it came, then one more with each change. The highest counts.",
        |fact| {
            of(fact, |activity| match i64::try_from(activity.history.len()) {
                Ok(states) if states > 0 => Value::Whole(states),
                _ => Value::Absent,
            })
        },
    ),
];

/// Name of the fact of a change that was taken back: when, unix milliseconds.
const UNDONE: &str = "undone_at_ms";

fn undone(activity: &Activity) -> Option<i64> {
    let fact = activity.facts.iter().find(|(name, _)| name == UNDONE)?;
    fact.1.parse().ok()
}

fn of<'r>(fact: Fact<'r>, value: impl FnOnce(&'r Activity) -> Value<'r>) -> Value<'r> {
    opt(fact.activity(), value)
}
