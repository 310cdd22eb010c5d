//! What a running server tells of itself.

use crate::http::State;
use crate::http::health::{matters, readiness};
use serde_json::{Value, json};

/// How the certificates are.
pub(super) fn certificates(state: &State) -> Value {
    let all = state.certificates.status(state.now_ms());
    all.iter()
        .map(|one| json!({"name": one.name, "sentence": one.sentence(), "is_in_need": one.is_in_need}))
        .collect()
}

/// Figures and checks, without a word of what users and visitors wrote.
pub(super) fn support(state: &State) -> Value {
    let (health, queue) = (state.recorder.reader().health(), state.delivery.snapshot());
    let catalog = state.recorder.catalog();
    let checks: Vec<_> = readiness(state).into_iter().chain(matters(state)).collect();
    json!({
        "metrics": state.metrics.render(),
        "checks": checks,
        "store": {
            "state": health.state.as_str(),
            "durable_seq": health.durable_seq,
            "journal_bytes": health.journal_bytes,
            "free_bytes": health.free_bytes,
        },
        "queue": {"waiting": queue.waiting, "on_wire": queue.on_wire, "destinations": queue.lanes.len()},
        "catalog": {
            "offers": catalog.offers.len(),
            "partners": catalog.partners.len(),
            "links": catalog.links.len(),
            "rules": catalog.rules.len(),
            "users": catalog.users.len(),
        },
        "started_at_ms": state.started_at_ms,
        "now_ms": state.now_ms(),
    })
}
