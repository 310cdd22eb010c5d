//! A click or impression: what the request says, and the [`Session`] that it becomes.
//!
//! [`Hit::parse`] reads the request once, before the link is known to exist; [`Hit::session`] gives each
//! parameter its place (`filing.rs`) under the settings of the link, its offer and its partner.
//!
//! It must not know how sessions are stored or where the click leads ([`super::destination`]).
//!
//! 2026-11-21: an `ip_address` is never kept as a parameter, whoever sent it: what is stored of addresses
//! is the offer's setting.

use super::client::{self, Agent, ClientHeaders, IpHasher};
use super::destination::Requested;
use super::filing::Filing;
use super::geo::GeoIp;
use super::personal;
use super::query::{Pairs, cut, without_control};
use super::repeat::Seen;
use crate::domain::ids::SessionId;
use crate::domain::link::Link;
use crate::domain::note::Note;
use crate::domain::offer::{Charset, Offer};
use crate::domain::partner::Partner;
use crate::domain::session::{Device, EngagementKind, Session, SessionFlags};
use std::net::IpAddr;

const MAX_USER_AGENT_BYTES: usize = 512;
const MAX_REFERER_BYTES: usize = 1024;

/// A request as the HTTP layer hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// By route: `/c`, `/i`, `/d`.
    pub kind: EngagementKind,
    /// `HEAD`.
    pub is_head: bool,
    /// Query string without `?`; for `/d` the body.
    pub query: &'a [u8],
    /// Character set of what is not UTF-8, where one is set.
    pub charset: Option<Charset>,
    /// Who is calling.
    pub headers: &'a ClientHeaders,
    /// Address of the caller, after trusted proxies.
    pub ip: IpAddr,
}

/// A parsed click or impression.
#[derive(Debug, Clone)]
pub struct Hit {
    kind: EngagementKind,
    pairs: Pairs,
    /// What was taken out of the pairs.
    notes: Vec<Note>,
    headers: ClientHeaders,
    agent: Agent,
    is_prefetch: bool,
    is_s2s: bool,
    /// Of the person or device; for a server's click the `ip_address` that it names, or none.
    ip: Option<IpAddr>,
}

/// What a session is built with.
#[derive(Debug, Clone, Copy)]
pub struct SessionContext<'a> {
    /// The link of the path.
    pub link: &'a Link,
    /// Its offer.
    pub offer: &'a Offer,
    /// Its partner.
    pub partner: Option<&'a Partner>,
    /// Places of addresses.
    pub geo: &'a GeoIp,
    /// Hash of addresses.
    pub ip_hasher: &'a IpHasher,
}

/// Who clicked, and whether they did before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// TUID; empty when unknown.
    pub tuid: String,
    /// What [`super::repeat::Repeats`] said; a hit that [`Hit::is_automated`] is not asked about.
    pub seen: Seen,
}

/// A session and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Without its destination, which is chosen next.
    pub session: Session,
    /// Destinations that the query asks for.
    pub requested: Requested,
}

impl Hit {
    /// Reads a request. Nothing in it can make this fail.
    pub fn parse(request: &Request<'_>) -> Self {
        let mut pairs = Pairs::parse_with(request.query, request.charset, |_| false);
        let notes = personal::cleanse(&mut pairs);
        let is_s2s = pairs.get("s2s") == Some("1");
        let mut headers = request.headers.clone();
        let mut ip = Some(request.ip.to_canonical());
        if is_s2s {
            // The headers are those of a server; the person is who the parameters say.
            headers.user_agent = pairs.get("user_agent").unwrap_or("").to_owned();
            headers.accept_language = pairs.get("language").unwrap_or("").to_owned();
            headers.referer = pairs.get("referer").unwrap_or("").to_owned();
            ip = pairs
                .get("ip_address")
                .and_then(|text| text.trim().parse::<IpAddr>().ok())
                .map(|ip| ip.to_canonical());
        }
        if request.kind == EngagementKind::Direct {
            headers.referer = pairs.get("yb_referrer").unwrap_or("").to_owned();
        }
        headers.user_agent = one_line(&headers.user_agent, MAX_USER_AGENT_BYTES);
        headers.referer = one_line(&personal::text(&headers.referer), MAX_REFERER_BYTES);
        let mut agent = client::agent(&headers.user_agent);
        if is_s2s && headers.user_agent.is_empty() {
            agent = Agent::default();
        }
        let device = &mut agent.device;
        if !is_s2s && device.os_name == "android" && device.device_name.is_empty() {
            device.device_name = one_line(&client::hinted_model(&headers.model), 64);
        }
        Self {
            kind: request.kind,
            is_prefetch: !is_s2s && (request.is_head || client::is_prefetch(&headers.purpose)),
            agent,
            pairs,
            notes,
            headers,
            is_s2s,
            ip,
        }
    }

    /// `s2s=1`: the answer is JSON, no redirect.
    pub fn is_s2s(&self) -> bool {
        self.is_s2s
    }

    /// A bot, a link preview, a prefetch or `HEAD`.
    pub fn is_automated(&self) -> bool {
        self.agent.is_bot || self.is_prefetch
    }

    /// Address of the person or device, where known; for rules and fraud checks, never for storing.
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// `yb_tuid`: the visitor as the tag on the advertiser's site remembers it (direct landings only).
    pub fn remembered_tuid(&self) -> Option<&str> {
        (self.kind == EngagementKind::Direct)
            .then(|| self.pairs.get("yb_tuid"))
            .flatten()
    }

    /// Builds the session.
    pub fn session(&self, id: SessionId, context: &SessionContext<'_>, who: Recognised) -> Built {
        let device = self.device();
        let mut filing = Filing::new(context.partner, &device.os_name);
        for pair in &self.pairs.list {
            filing.file(pair, self.is_s2s);
        }
        filing
            .parameters
            .extend(self.notes.iter().cloned().map(Note::into_pair));
        let stored_ip = self
            .ip
            .map(|ip| client::stored_ip(ip, context.offer.ip_privacy))
            .unwrap_or_default();
        let is_hashed = context.offer.ip_privacy != crate::domain::offer::IpPrivacy::None;
        let flags = SessionFlags {
            is_bot: self.agent.is_bot,
            is_prefetch: self.is_prefetch,
            is_repeat: who.seen.is_repeat,
            is_test: filing.is_test,
            is_unique: who.seen.is_unique && !who.seen.is_repeat && !self.is_automated(),
            is_s2s: self.is_s2s,
            no_reattribution: filing.no_reattribution,
            is_cut: self.pairs.is_cut(),
            is_spooled: false,
        };
        let session = Session {
            id,
            kind: self.kind,
            link: context.link.token.clone(),
            offer: context.offer.id.clone(),
            partner: context.partner.map(|p| p.id.clone()),
            names: filing.names(context.link),
            tuid: who.tuid,
            ip: stored_ip,
            ip_hash: self
                .ip
                .filter(|_| is_hashed)
                .map_or(0, |ip| context.ip_hasher.hash(ip)),
            user_agent: self.headers.user_agent.clone(),
            referer: self.headers.referer.clone(),
            geo: self.ip.map(|ip| context.geo.place(ip)).unwrap_or_default(),
            device,
            para: filing.para,
            label: filing.label,
            device_ids: filing.device_ids,
            parameters: filing.parameters,
            callbacks: filing.callbacks,
            cost: filing.cost,
            destination: String::new(),
            flags,
        };
        Built {
            session,
            requested: filing.requested,
        }
    }

    fn device(&self) -> Device {
        let mut device = self.agent.device.clone();
        (device.language, device.region) = client::language(&self.headers.accept_language);
        if self.is_s2s {
            for (name, field) in [
                ("os_name", &mut device.os_name),
                ("os_version", &mut device.os_version),
                ("device_type", &mut device.device_type),
                ("device_name", &mut device.device_name),
            ] {
                if let Some(value) = self.pairs.get(name).filter(|v| !v.is_empty()) {
                    *field = cut(value, 64).to_owned();
                }
            }
            device.os_name.make_ascii_lowercase();
        }
        device
    }
}

fn one_line(text: &str, max: usize) -> String {
    let mut line = without_control(text);
    line.truncate(cut(&line, max).len());
    line
}

#[cfg(test)]
#[path = "hit_tests.rs"]
mod tests;
