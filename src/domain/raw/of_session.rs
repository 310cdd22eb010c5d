//! Columns of sessions, which activities carry too.

use super::{Column, Fact, Kind, Table, Value, column, object, opt, owned, personal, text, word};
use crate::domain::session::Session;

/// Clicks and impressions.
pub static SESSIONS: Table = Table {
    name: "sessions",
    meaning: "A click or an impression, in the hour in which it came.",
    columns: &[OWN, OF_SESSION],
};

const OWN: &[Column] = &[column("received_at", Kind::Time, "When it came.", |fact| {
    of(fact, |session| Value::Time(session.at_ms()))
})];

/// What a fact says of its session.
fn of<'r>(fact: Fact<'r>, value: impl FnOnce(&'r Session) -> Value<'r>) -> Value<'r> {
    opt(fact.session(), value)
}

/// The session, here or credited.
pub(super) const OF_SESSION: &[Column] = &[
    column(
        "session_id",
        Kind::Text,
        "SID: the id of the click or impression.",
        |fact| of(fact, |session| owned(session.id)),
    ),
    column(
        "session_at",
        Kind::Time,
        "When the click or impression came.",
        |fact| of(fact, |session| Value::Time(session.at_ms())),
    ),
    column(
        "engagement",
        Kind::Text,
        "`click`, `impression`, or `direct` (an arrival that passed no redirect; counts as a click).",
        |fact| of(fact, |session| word(session.kind)),
    ),
    column(
        "session_offer_id",
        Kind::Text,
        "CID: the offer of the link.",
        |fact| of(fact, |session| text(session.offer.as_str())),
    ),
    column("link", Kind::Text, "Token of the tracking link.", |fact| {
        of(fact, |session| text(session.link.as_str()))
    }),
    column(
        "partner_id",
        Kind::Text,
        "The partner whose link it is.",
        |fact| {
            of(fact, |session| {
                opt(session.partner.as_ref(), |id| text(id.as_str()))
            })
        },
    ),
    column(
        "network",
        Kind::Text,
        "First level of the link's name, as it stood then.",
        |fact| name(fact, 0),
    ),
    column("campaign", Kind::Text, "Second level.", |fact| name(fact, 1)),
    column("adgroup", Kind::Text, "Third level.", |fact| name(fact, 2)),
    column("creative", Kind::Text, "Fourth level.", |fact| name(fact, 3)),
    personal("session_tuid", Kind::Text, "The visitor that clicked.", |fact| {
        of(fact, |session| text(&session.tuid))
    }),
    column("country", Kind::Text, "Two lower-case letters.", |fact| {
        of(fact, |session| text(&session.geo.country))
    }),
    personal(
        "subdivision",
        Kind::Text,
        "Code of the state or prefecture.",
        |fact| of(fact, |session| text(&session.geo.subdivision)),
    ),
    personal("city", Kind::Text, "English name.", |fact| {
        of(fact, |session| text(&session.geo.city))
    }),
    personal("isp", Kind::Text, "Organisation of the network.", |fact| {
        of(fact, |session| text(&session.geo.isp))
    }),
    column("language", Kind::Text, "First language of the browser.", |fact| {
        of(fact, |session| text(&session.device.language))
    }),
    column(
        "os_name",
        Kind::Text,
        "`ios`, `android`, `windows`, `macos` or `linux`.",
        |fact| of(fact, |session| text(&session.device.os_name)),
    ),
    column("os_version", Kind::Text, "As the browser says it.", |fact| {
        of(fact, |session| text(&session.device.os_version))
    }),
    column(
        "device_type",
        Kind::Text,
        "`phone`, `tablet`, `pc` or `bot`.",
        |fact| of(fact, |session| text(&session.device.device_type)),
    ),
    column("device_name", Kind::Text, "Model, where known.", |fact| {
        of(fact, |session| text(&session.device.device_name))
    }),
    column(
        "browser",
        Kind::Text,
        "Name of the browser, where known.",
        |fact| of(fact, |session| text(&session.device.browser)),
    ),
    personal(
        "session_ip",
        Kind::Text,
        "Address, as the offer's privacy setting leaves it.",
        |fact| of(fact, |session| text(&session.ip)),
    ),
    personal(
        "session_user_agent",
        Kind::Text,
        "User agent, at most 512 bytes.",
        |fact| of(fact, |session| text(&session.user_agent)),
    ),
    personal("session_referer", Kind::Text, "Referer, at most 1 KiB.", |fact| {
        of(fact, |session| text(&session.referer))
    }),
    personal("param1", Kind::Text, "PARA1 of the click.", |fact| para(fact, 0)),
    personal("param2", Kind::Text, "PARA2.", |fact| para(fact, 1)),
    personal("param3", Kind::Text, "PARA3.", |fact| para(fact, 2)),
    personal("param4", Kind::Text, "PARA4.", |fact| para(fact, 3)),
    personal("param5", Kind::Text, "PARA5.", |fact| para(fact, 4)),
    personal("label", Kind::Text, "`label` of the link.", |fact| {
        of(fact, |session| text(&session.label))
    }),
    personal(
        "device_ids",
        Kind::Json,
        "Device ids of the click by their names.",
        |fact| of(fact, |session| object(&session.device_ids)),
    ),
    personal(
        "parameters",
        Kind::Json,
        "Every other parameter of the click.",
        |fact| of(fact, |session| object(&session.parameters)),
    ),
    column(
        "reported_cost",
        Kind::Json,
        "`cost_type`, `cost_amount` and the like, as they came.",
        |fact| of(fact, |session| object(&session.cost)),
    ),
    personal("destination", Kind::Text, "Where the visitor was sent.", |fact| {
        of(fact, |session| text(&session.destination))
    }),
    column("is_bot", Kind::Flag, "A known bot or a link preview.", |fact| {
        flag(fact, |s| s.flags.is_bot)
    }),
    column(
        "is_prefetch",
        Kind::Flag,
        "Fetched ahead, not followed.",
        |fact| flag(fact, |s| s.flags.is_prefetch),
    ),
    column(
        "is_repeat",
        Kind::Flag,
        "Repeated within the offer's time; not counted as a click.",
        |fact| flag(fact, |s| s.flags.is_repeat),
    ),
    column(
        "is_unique",
        Kind::Flag,
        "First of its visitor on its link on that day (UTC).",
        |fact| flag(fact, |s| s.flags.is_unique),
    ),
    column("is_s2s", Kind::Flag, "Sent by a server.", |fact| {
        flag(fact, |s| s.flags.is_s2s)
    }),
    column(
        "is_test_session",
        Kind::Flag,
        "Labelled test: in no total.",
        |fact| flag(fact, |s| s.flags.is_test),
    ),
];

fn name(fact: Fact<'_>, level: usize) -> Value<'_> {
    of(fact, |session| opt(session.names.get(level), |name| text(name)))
}

fn para(fact: Fact<'_>, at: usize) -> Value<'_> {
    of(fact, |session| opt(session.para.get(at), |value| text(value)))
}

fn flag(fact: Fact<'_>, is: fn(&Session) -> bool) -> Value<'_> {
    of(fact, |session| Value::Flag(is(session)))
}
