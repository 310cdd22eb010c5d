//! Who sends a request, and what came with it: the part that web conversions and app events have in common.

use crate::domain::activity::{Activity, ActivityInput, ActivityKind, Verdict};
use crate::domain::identity::Identity;
use crate::domain::ids::{ActivityId, OfferId, SessionId};
use crate::recorder::Group;
use std::net::IpAddr;

/// What may prove that a caller may send what it sends: the request as it came.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// `Authorization`, whole.
    pub authorization: Option<String>,
    /// `X-Yamabiko-Timestamp`.
    pub timestamp: Option<String>,
    /// `X-Yamabiko-Signature`.
    pub signature: Option<String>,
    /// Upper case.
    pub method: String,
    /// As sent.
    pub path: String,
    /// As sent, without `?`.
    pub query: Vec<u8>,
    /// As sent.
    pub body: Vec<u8>,
}

/// Who sends a request, and what came with it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Address, after trusted proxies.
    pub ip: IpAddr,
    /// As sent, cut.
    pub user_agent: String,
    /// As sent, cut.
    pub referer: String,
    /// TUID of the visitor's first-party cookie.
    pub tuid: String,
    /// Last session of the visitor by offer, from the cookies.
    pub visited: Vec<(OfferId, SessionId)>,
    /// What may prove that the caller may send it.
    pub proof: Proof,
    /// Sent by an operator to try things out.
    pub is_test: bool,
    /// Entered by an operator who is signed in: needs no other proof, and may say how a conversion ends.
    pub is_operator: bool,
    /// Window and bots have nothing against it: an operator accepts what was refused.
    pub is_forgiving: bool,
}

/// Who sent what does not count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    /// Its address.
    pub(super) ip: IpAddr,
    /// A token, a signature or a listed address vouches for it.
    pub(super) is_proven: bool,
}

impl Caller {
    /// An operator who is signed in.
    pub fn operator(ip: IpAddr, user_agent: String) -> Self {
        Self {
            ip,
            user_agent,
            referer: String::new(),
            tuid: String::new(),
            visited: Vec::new(),
            proof: Proof::default(),
            is_test: false,
            is_operator: true,
            is_forgiving: false,
        }
    }

    /// Who it is for what is kept of its refusals.
    pub(super) fn sender(&self, is_proven: bool) -> Sender {
        Sender {
            ip: self.ip,
            is_proven: is_proven || self.is_operator,
        }
    }

    /// An activity of this caller, of now, of which nothing else is known yet.
    pub(super) fn activity(&self, group: &Group<'_>) -> Activity {
        let now_ms = group.now_ms();
        Activity {
            id: ActivityId::new(now_ms, rand::random()),
            kind: ActivityKind::Event,
            at_ms: now_ms,
            offer: None,
            event: None,
            verdict: Verdict::Accepted,
            note: String::new(),
            status: None,
            outdated_status: None,
            of: None,
            money: None,
            payout: None,
            input: ActivityInput {
                user_agent: self.user_agent.clone(),
                referer: self.referer.clone(),
                ..ActivityInput::default()
            },
            session: None,
            match_type: None,
            candidates: Vec::new(),
            tuid: self.tuid.clone(),
            is_test: self.is_test,
            rules: Vec::new(),
            history: Vec::new(),
            facts: Vec::new(),
            identity: Identity::default(),
        }
    }
}
