//! Postbacks and attempts of version 1, which had neither an age nor an answer that a rule reads. An attempt stands
//! within a postback, so both are read through structs of their own.

use super::{V1, V2, decode, read, write};
use crate::domain::ids::{ActivityId, OfferId, PartnerId, PostbackId};
use crate::domain::postback::{Attempt, LaneKey, Origin, Outcome, Postback, PostbackState, Request};
use crate::store::database::Db;
use crate::store::error::StoreError;
use crate::store::records::Record;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct AttemptV1 {
    number: u16,
    at_ms: i64,
    duration_ms: u32,
    url: String,
    outcome: Outcome,
    headers: Vec<(String, String)>,
    excerpt: String,
    remote_addr: Option<String>,
    is_manual: bool,
}

impl From<AttemptV1> for Attempt {
    fn from(old: AttemptV1) -> Self {
        Self {
            number: old.number,
            at_ms: old.at_ms,
            duration_ms: old.duration_ms,
            url: old.url,
            outcome: old.outcome,
            headers: old.headers,
            excerpt: old.excerpt,
            remote_addr: old.remote_addr,
            is_manual: old.is_manual,
            verdict: None,
            said: String::new(),
        }
    }
}

#[derive(Deserialize)]
struct PostbackV1 {
    id: PostbackId,
    activity: ActivityId,
    offer: OfferId,
    partner: Option<PartnerId>,
    origin: Origin,
    entry: u16,
    lane: LaneKey,
    request: Request,
    created_at_ms: i64,
    resent_at_ms: Option<i64>,
    state: PostbackState,
    attempts: u16,
    order_key: Option<ActivityId>,
    is_test: bool,
    last: Option<AttemptV1>,
}

impl From<PostbackV1> for Postback {
    fn from(old: PostbackV1) -> Self {
        Self {
            id: old.id,
            activity: old.activity,
            offer: old.offer,
            partner: old.partner,
            origin: old.origin,
            entry: old.entry,
            lane: old.lane,
            request: old.request,
            created_at_ms: old.created_at_ms,
            resent_at_ms: old.resent_at_ms,
            state: old.state,
            attempts: old.attempts,
            order_key: old.order_key,
            is_test: old.is_test,
            last: old.last.map(Attempt::from),
            expires_at_ms: None,
            looks_at: None,
            confirmed_at_ms: None,
        }
    }
}

/// Reads version 2, or version 1 through `Old`.
fn decode_either<T: DeserializeOwned + From<Old>, Old: DeserializeOwned>(
    bytes: &[u8],
    db: Db,
    key: &[u8],
) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&V2, rest)) => read(rest, db, key),
        Some((&V1, rest)) => read::<Old>(rest, db, key).map(T::from),
        _ => decode(bytes, db, key),
    }
}

impl Record for Attempt {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        write(V2, self)
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        decode_either::<Self, AttemptV1>(bytes, db, key)
    }
}

impl Record for Postback {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        write(V2, self)
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        decode_either::<Self, PostbackV1>(bytes, db, key)
    }
}
