//! Columns of postbacks and of their attempts. Texts of requests and answers are not among them: they hold what partners
//! are told, secrets and persons included.

use super::{Column, Fact, Kind, Table, Value, column, opt, owned, text, word};
use crate::domain::postback::{Attempt, Origin, Outcome, Postback};

/// Postbacks.
pub static POSTBACKS: Table = Table {
    name: "postbacks",
    meaning: "A postback that was made, in the hour in which it was made; what became of it is told by its attempts.",
    columns: &[OF_POSTBACK],
};

/// Attempts.
pub static ATTEMPTS: Table = Table {
    name: "attempts",
    meaning: "A try of a postback, in the hour in which it was made.",
    columns: &[OF_ATTEMPT, OF_POSTBACK],
};

const OF_ATTEMPT: &[Column] = &[
    column(
        "number",
        Kind::Whole,
        "From 1, in the order in which they were made.",
        |fact| of_attempt(fact, |attempt| Value::Whole(attempt.number.into())),
    ),
    column("attempted_at", Kind::Time, "When it began.", |fact| {
        of_attempt(fact, |attempt| Value::Time(attempt.at_ms))
    }),
    column(
        "duration_ms",
        Kind::Whole,
        "How long it took, milliseconds.",
        |fact| of_attempt(fact, |attempt| Value::Whole(attempt.duration_ms.into())),
    ),
    column(
        "http_status",
        Kind::Whole,
        "Status of the answer; absent without one.",
        |fact| {
            of_attempt(fact, |attempt| match attempt.outcome {
                Outcome::Answered { status, .. } => Value::Whole(status.into()),
                Outcome::Error { .. } => Value::Absent,
            })
        },
    ),
    column(
        "error",
        Kind::Text,
        "Why there was no answer: `dns`, `connect`, `tls`, `timeout`, `reset`, `malformed`, `egress` or `internal`.",
        |fact| {
            of_attempt(fact, |attempt| match attempt.outcome {
                Outcome::Error { class, .. } => word(class),
                Outcome::Answered { .. } => Value::Absent,
            })
        },
    ),
    column(
        "answer_verdict",
        Kind::Text,
        "What the rule says that the answer means: `delivered`, `retry`, `give_up` or `stop`; absent: the status counts.",
        |fact| of_attempt(fact, |attempt| opt(attempt.verdict, word)),
    ),
    column("is_manual", Kind::Flag, "Sent by hand.", |fact| {
        of_attempt(fact, |attempt| Value::Flag(attempt.is_manual))
    }),
];

const OF_POSTBACK: &[Column] = &[
    column(
        "postback_id",
        Kind::Text,
        "Its id, the same on every attempt.",
        |fact| of(fact, |postback| owned(postback.id)),
    ),
    column("created_at", Kind::Time, "When the postback was made.", |fact| {
        of(fact, |postback| Value::Time(postback.id.at_ms()))
    }),
    column(
        "activity_id",
        Kind::Text,
        "The activity that caused it; of a click the SID.",
        |fact| of(fact, |postback| owned(postback.activity)),
    ),
    column("offer_id", Kind::Text, "The offer.", |fact| {
        of(fact, |postback| text(postback.offer.as_str()))
    }),
    column(
        "partner_id",
        Kind::Text,
        "The partner that is told; absent for a server of your own.",
        |fact| {
            of(fact, |postback| {
                opt(postback.partner.as_ref(), |id| text(id.as_str()))
            })
        },
    ),
    column(
        "rule_id",
        Kind::Text,
        "The rule that made it; absent for a callback of the click URL.",
        |fact| {
            of(fact, |postback| match &postback.origin {
                Origin::Rule(id) | Origin::Test(id) => text(id.as_str()),
                Origin::Link(_) => Value::Absent,
            })
        },
    ),
    column(
        "lane",
        Kind::Text,
        "Scheme, host and port that are called.",
        |fact| of(fact, |postback| text(&postback.lane.0)),
    ),
    column("method", Kind::Text, "`GET` or `POST`.", |fact| {
        of(fact, |postback| text(postback.request.method.as_str()))
    }),
    column("is_test", Kind::Flag, "A test: in no total.", |fact| {
        of(fact, |postback| Value::Flag(postback.is_test))
    }),
];

fn of<'r>(fact: Fact<'r>, value: impl FnOnce(&'r Postback) -> Value<'r>) -> Value<'r> {
    opt(fact.postback(), value)
}

fn of_attempt<'r>(fact: Fact<'r>, value: impl FnOnce(&'r Attempt) -> Value<'r>) -> Value<'r> {
    opt(fact.attempt(), value)
}
