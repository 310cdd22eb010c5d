//! Columns of what was set up, and of the audit log.

use super::Heading::{Own, Screen};
use super::{Cells, Column, column, for_people, optional, text, token};
use crate::domain::account::AuditEntry;
use crate::domain::ids::{OfferId, PartnerId};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::{Rule, RuleScope};
use serde::Serialize;

/// A link with its click URL.
#[derive(Debug, Clone)]
pub struct LinkRow {
    /// The link.
    pub link: Link,
    /// Without the partner's parameters.
    pub click_url: String,
}

/// Codes in one cell, with a space between them.
fn codes<T: Serialize>(cells: &Cells<'_>, group: &str, values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(|value| cells.code(group, value)).collect();
    words.join(" ")
}

fn offer_of(rule: &Rule) -> Option<&OfferId> {
    match &rule.scope {
        RuleScope::Offer { offer } => Some(offer),
        RuleScope::Partner { offer, .. } => offer.as_ref(),
    }
}

fn partner_of(rule: &Rule) -> Option<&PartnerId> {
    match &rule.scope {
        RuleScope::Partner { partner, .. } => Some(partner),
        RuleScope::Offer { .. } => None,
    }
}

/// Links.
pub const LINKS: &[Column<LinkRow>] = &[
    column("token", Screen("links.token"), |r, _| r.link.token.to_string()),
    column("name", Screen("links.name"), |r, _| text(&r.link.full_name())),
    for_people(Screen("link.offer"), |r, w| w.offer(Some(&r.link.offer))),
    column("offer", Own("Offer id", "広告ID"), |r, _| {
        r.link.offer.to_string()
    }),
    for_people(Screen("link.partner"), |r, w| w.partner(r.link.partner.as_ref())),
    column("partner", Own("Partner id", "媒体ID"), |r, _| {
        optional(r.link.partner.as_ref())
    }),
    column("state", Screen("offers.state"), |r, w| {
        w.code("state", &r.link.state)
    }),
    column("click_url", Screen("link.click_url"), |r, _| text(&r.click_url)),
    column("note", Own("Note", "メモ"), |r, w| w.note(&r.link.note)),
    column("created", Screen("links.created"), |r, w| {
        w.time(r.link.created_at_ms)
    }),
];

/// Offers.
pub const OFFERS: &[Column<Offer>] = &[
    column("id", Own("Offer id", "広告ID"), |o, _| o.id.to_string()),
    column("name", Screen("offers.name"), |o, _| text(&o.name)),
    column("kind", Screen("offers.kind"), |o, w| {
        w.code("offer_kind", &o.kind)
    }),
    column("state", Screen("offers.state"), |o, w| w.code("state", &o.state)),
    column("destination", Screen("offers.destination"), |o, _| {
        text(&o.destinations.default)
    }),
    column("events", Screen("offers.events"), |o, _| {
        let names: Vec<String> = o
            .events
            .iter()
            .map(|e| format!("{} ({})", e.name, e.token))
            .collect();
        text(&names.join(" / "))
    }),
    column("currency", Own("Currency", "通貨"), |o, _| {
        o.currency.to_string()
    }),
    column("created", Own("Created", "登録日時"), |o, w| {
        w.time(o.created_at_ms)
    }),
];

/// Partners.
pub const PARTNERS: &[Column<Partner>] = &[
    column("id", Own("Partner id", "媒体ID"), |p, _| p.id.to_string()),
    column("name", Screen("partners.name"), |p, _| text(&p.name)),
    column("preset", Own("Preset", "プリセット"), |p, _| {
        optional(p.preset.as_ref())
    }),
    column("parameters", Screen("partners.parameters"), |p, _| {
        let pairs: Vec<String> = p
            .click_parameters
            .iter()
            .map(|c| format!("{}={}", c.name, c.macro_text.as_deref().unwrap_or_default()))
            .collect();
        text(&pairs.join("&"))
    }),
    column("note", Own("Note", "メモ"), |p, w| w.note(&p.note)),
    column("created", Own("Created", "登録日時"), |p, w| {
        w.time(p.created_at_ms)
    }),
];

/// Rules. Headers and secrets are not written.
pub const RULES: &[Column<Rule>] = &[
    column("id", Own("Rule id", "設定ID"), |r, _| r.id.to_string()),
    column("name", Own("Name", "名前"), |r, _| text(&r.name)),
    column("enabled", Own("On", "有効"), |r, w| w.flag(r.enabled)),
    for_people(Screen("link.offer"), |r, w| w.offer(offer_of(r))),
    column("offer", Own("Offer id", "広告ID"), |r, _| optional(offer_of(r))),
    for_people(Screen("link.partner"), |r, w| w.partner(partner_of(r))),
    column("partner", Own("Partner id", "媒体ID"), |r, _| {
        optional(partner_of(r))
    }),
    column("kinds", Screen("rule.kinds"), |r, w| codes(w, "kind", &r.kinds)),
    for_people(Screen("conversion.event"), |r, w| {
        w.event(offer_of(r), token(r.event.as_ref()))
    }),
    column("event", Own("Conversion point id", "成果地点ID"), |r, _| {
        optional(r.event.as_ref())
    }),
    column("statuses", Screen("conversion.status"), |r, w| {
        codes(w, "status", &r.statuses)
    }),
    column("method", Own("Method", "メソッド"), |r, _| {
        r.method.as_str().to_owned()
    }),
    column("text", Own("URL", "URL"), |r, _| text(&r.text)),
];

/// The audit log.
pub const AUDIT: &[Column<AuditEntry>] = &[
    column("time", Screen("audit.at"), |e, w| w.time(e.at_ms)),
    column("actor", Screen("audit.actor"), |e, _| text(&e.actor)),
    column("from", Own("From", "接続元"), |e, _| text(&e.from)),
    column("action", Screen("audit.action"), |e, _| text(&e.action)),
    column("subject", Screen("audit.subject"), |e, _| text(&e.subject)),
    column("detail", Screen("audit.detail"), |e, _| text(&e.detail)),
];
