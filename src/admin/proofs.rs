//! Proof links: made of one trace, listed, revoked, found by the token in their address.
//!
//! * The token is 256 random bits, stored as SHA-256; the address is shown once. Unknown, malformed, revoked and
//!   expired links, and those whose records are gone, are not told apart.

use super::random::{random_text, sha256_hex};
use super::save::{Actor, Note, audit};
use super::{AdminError, check};
use crate::domain::ids::TimeId;
use crate::domain::proof::{DEFAULT_HOURS, MAX_HOURS, Proof};
use crate::recorder::{Group, Recorder};
use crate::reports::View;
use crate::reports::trace::{Trace, trace};
use crate::store::{Db, KeyRange, Reader, Record, StoreError, keys};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Proof links that are good at once.
const MOST_PROOFS: usize = 1000;
/// Characters of a token: 32 bytes in base64url.
const TOKEN_CHARS: usize = 43;

/// What a proof link is made of.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProof {
    /// SID, or the id of an activity without a click.
    pub id: String,
    /// Hours until it expires, 1 to 720 (168).
    #[serde(default)]
    #[schema(minimum = 1, maximum = 720)]
    pub hours: Option<u32>,
}

/// A proof link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProofDto {
    /// Names it, and opens nothing.
    pub id: String,
    /// SID or activity.
    pub subject: String,
    /// Who made it.
    pub created_by: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
    /// Its address; only in the answer to its making.
    pub url: Option<String>,
}

impl ProofDto {
    fn new(id: String, proof: Proof, url: Option<String>) -> Self {
        Self {
            id,
            subject: proof.subject.to_string(),
            created_by: proof.created_by,
            created_at_ms: proof.created_at_ms,
            expires_at_ms: proof.expires_at_ms,
            url,
        }
    }
}

/// Proof links.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProofList {
    /// Those that have not expired, newest first; at most 1,000.
    pub items: Vec<ProofDto>,
}

/// What a new link is about and for how long it is good, if there is such a trace. Reads the store.
pub fn check_new(new: &NewProof, view: &View) -> Result<(TimeId, u32), AdminError> {
    let hours = new.hours.unwrap_or(DEFAULT_HOURS);
    check::within("hours", hours, 1, MAX_HOURS)?;
    let unknown = || {
        AdminError::invalid(
            "id",
            "unknown_id",
            "give the SID or the activity id of a trace that exists",
        )
    };
    let subject: TimeId = new.id.trim().parse().map_err(|_| unknown())?;
    match trace(view, &subject.to_string())?.found_by {
        Some(_) => Ok((subject, hours)),
        None => Err(unknown()),
    }
}

/// A new link: the token for its address, its id, and its record.
pub(crate) fn new(
    subject: TimeId,
    actor: &str,
    hours: u32,
    now_ms: i64,
) -> Result<(String, String, Proof), AdminError> {
    let token = random_text()?;
    let id = sha256_hex(token.as_bytes());
    let proof = Proof {
        subject,
        created_by: actor.into(),
        created_at_ms: now_ms,
        expires_at_ms: now_ms + i64::from(hours) * 3_600_000,
    };
    Ok((token, id, proof))
}

/// Makes a link; its address is `origin` with the token behind `/proof/`.
pub async fn create(
    (subject, hours): (TimeId, u32),
    recorder: &Recorder,
    actor: Actor,
    origin: &str,
) -> Result<ProofDto, AdminError> {
    let (token, id, proof) = new(subject, &actor.name, hours, recorder.clock().now_ms())?;
    let (of_record, of_id) = (proof.clone(), id.clone());
    let has_room = recorder.try_run(move |group| {
        let has_room = insert(group, &of_id, &of_record)?;
        if has_room {
            let note = Note::new("proof.create", of_record.subject.to_string()).detail(format!("{hours} h"));
            audit(group, &actor, note)?;
        }
        Ok::<_, StoreError>(has_room)
    });
    if !has_room.await?? {
        return Err(AdminError::invalid(
            "id",
            "too_many",
            "revoke proof links that are no longer needed first",
        ));
    }
    Ok(ProofDto::new(id, proof, Some(format!("{origin}/proof/{token}"))))
}

/// The links that have not expired, newest first.
pub fn list(reader: &Reader, now_ms: i64) -> Result<ProofList, AdminError> {
    let found = good(reader, now_ms)?.into_iter();
    let items = found.map(|(id, proof)| ProofDto::new(id, proof, None)).collect();
    Ok(ProofList { items })
}

/// Revokes a link: its page is gone at once.
pub async fn revoke(id: String, recorder: &Recorder, actor: Actor) -> Result<(), AdminError> {
    let of_id = id.clone();
    let removed = recorder.try_run(move |group| {
        let removed = remove(group, &of_id)?;
        if let Some(proof) = &removed {
            audit(
                group,
                &actor,
                Note::new("proof.revoke", proof.subject.to_string()),
            )?;
        }
        Ok::<_, StoreError>(removed)
    });
    match removed.await?? {
        Some(_) => Ok(()),
        None => Err(AdminError::not_found("proof", id)),
    }
}

/// Writes a link and removes those that have expired; `false` when there are too many.
pub(crate) fn insert(group: &mut Group<'_>, id: &str, proof: &Proof) -> Result<bool, StoreError> {
    let (now_ms, mut good) = (group.now_ms(), 0);
    for (key, value) in group.scan(Db::Hot, KeyRange::prefix(&keys::proof_prefix()), 2 * MOST_PROOFS)? {
        let known = Proof::decode(&value, Db::Hot, &key)?;
        if known.is_good(now_ms) {
            good += 1;
        } else {
            group.remove((Db::Hot, key));
        }
    }
    if good >= MOST_PROOFS {
        return Ok(false);
    }
    group.save(keys::proof(id), proof)?;
    Ok(true)
}

/// Removes a link; `None` when there is none that is good.
fn remove(group: &mut Group<'_>, id: &str) -> Result<Option<Proof>, StoreError> {
    let key = keys::proof(id);
    let Some(proof) = group.load(&key)? else {
        return Ok(None);
    };
    group.remove(key);
    Ok(Some(proof).filter(|proof| proof.is_good(group.now_ms())))
}

/// The links that are good with their ids, newest first.
fn good(reader: &Reader, now_ms: i64) -> Result<Vec<(String, Proof)>, StoreError> {
    let (mut found, mut unreadable) = (Vec::new(), None);
    reader.scan_prefix(Db::Hot, &keys::proof_prefix(), false, |key, value| {
        match (Proof::decode(value, Db::Hot, key), keys::parse_config(key)) {
            (Ok(proof), Some((_, id))) if proof.is_good(now_ms) => found.push((id.to_owned(), proof)),
            (Ok(_), _) => {}
            (Err(error), _) => unreadable = Some(error),
        }
        ControlFlow::Continue(())
    })?;
    found.sort_by_key(|(_, proof)| std::cmp::Reverse(proof.created_at_ms));
    unreadable.map_or(Ok(found), Err)
}

/// What a link is about, when it can be read.
pub fn find(token: &str, view: &View) -> Result<Option<(Proof, Trace)>, AdminError> {
    let is_token = token.len() == TOKEN_CHARS
        && token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !is_token {
        return Ok(None);
    }
    let key = keys::proof(&sha256_hex(token.as_bytes()));
    let Some(proof) = view.reader.load(&key)? else {
        return Ok(None);
    };
    if !proof.is_good(view.now_ms) {
        return Ok(None);
    }
    let trace = trace(view, &proof.subject.to_string())?;
    Ok(trace.found_by.is_some().then_some((proof, trace)))
}
