//! Second looks: a receiver that took a request first and judges it later is asked for its verdict by a postback of its
//! own, which goes the same ways: queue, lane, attempts, holds.

use super::RuleTerms;
use crate::domain::ids::PostbackId;
use crate::domain::postback::{AnswerVerdict, FailReason, LaneKey, Method, Postback, PostbackState, Request};
use crate::domain::template::look_url;
use crate::recorder::Group;
use crate::store::{StoreError, keys};

/// The postback that asks what became of a delivered one; `None` when its rule asks nothing, or the answer does not say
/// what to ask about.
pub(super) fn after(postback: &Postback, body: &str, rule: &RuleTerms, now_ms: i64) -> Option<Postback> {
    let look = rule.second_look.as_ref()?;
    if postback.looks_at.is_some() {
        return None;
    }
    let url = look_url(&look.url, &serde_json::from_str(body).ok()?)?;
    let headers = postback.request.headers.iter();
    let own = headers.filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    Some(Postback {
        id: PostbackId::new(now_ms, rand::random()),
        lane: LaneKey::of(&url)?,
        request: Request {
            method: Method::Get,
            url,
            headers: own.cloned().collect(),
            body: None,
        },
        created_at_ms: now_ms,
        resent_at_ms: None,
        state: PostbackState::Waiting {
            due_at_ms: now_ms + i64::from(look.after_s) * 1_000,
        },
        attempts: 0,
        order_key: None,
        last: None,
        expires_at_ms: None,
        looks_at: Some(postback.id),
        confirmed_at_ms: None,
        ..postback.clone()
    })
}

/// Brings the verdict of a second look to the postback that it is about.
pub(super) fn conclude(look: &Postback, group: &mut Group<'_>) -> Result<(), StoreError> {
    let Some(of) = look.looks_at else {
        return Ok(());
    };
    let Some(mut postback) = group.load(&keys::postback(of))? else {
        return Ok(());
    };
    match look.state {
        PostbackState::Delivered { at_ms } => postback.confirmed_at_ms = Some(at_ms),
        PostbackState::Failed {
            at_ms,
            reason: reason @ FailReason::RefusedByPartner,
        } => {
            postback.state = PostbackState::Failed { at_ms, reason };
            if let (Some(last), Some(of_look)) = (&mut postback.last, &look.last) {
                last.verdict = Some(AnswerVerdict::GiveUp);
                last.said.clone_from(&of_look.said);
            }
            group.save(keys::failed(of), &reason)?;
        }
        // Never judged: it stays what its first answer made it.
        PostbackState::Failed { .. } | PostbackState::Waiting { .. } => return Ok(()),
    }
    group.save(keys::postback(of), &postback)
}
