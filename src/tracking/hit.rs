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
    user_agent: String,
    referer: String,
    /// With the language that the headers prefer.
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
        let headers = request.headers;
        let sent = |name: &str| pairs.get(name).unwrap_or("");
        let (mut user_agent, mut referer, mut language, mut ip) = (
            headers.user_agent.as_str(),
            headers.referer.as_str(),
            headers.accept_language.as_str(),
            Some(request.ip.to_canonical()),
        );
        if is_s2s {
            // The headers are those of a server; the person is who the parameters say.
            (user_agent, language, referer) = (sent("user_agent"), sent("language"), sent("referer"));
            ip = sent("ip_address").trim().parse().ok();
            ip = ip.map(|ip: IpAddr| ip.to_canonical());
        }
        if request.kind == EngagementKind::Direct {
            referer = sent("yb_referrer");
        }
        let user_agent = one_line(user_agent, MAX_USER_AGENT_BYTES);
        let referer = one_line(&personal::text(referer), MAX_REFERER_BYTES);
        let mut agent = client::agent(&user_agent);
        if is_s2s && user_agent.is_empty() {
            agent = Agent::default();
        }
        let device = &mut agent.device;
        if !is_s2s && device.os_name == "android" && device.device_name.is_empty() {
            device.device_name = one_line(&client::hinted_model(&headers.model), 64);
        }
        (device.language, device.region) = client::language(language);
        if is_s2s {
            name_device(device, &pairs);
        }
        Self {
            kind: request.kind,
            is_prefetch: !is_s2s && (request.is_head || client::is_prefetch(&headers.purpose)),
            user_agent,
            referer,
            agent,
            pairs,
            notes,
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
    pub fn session(self, id: SessionId, context: &SessionContext<'_>, who: Recognised) -> Built {
        let (is_automated, is_cut) = (self.is_automated(), self.pairs.is_cut());
        let device = self.agent.device;
        let os_name = device.os_name.clone();
        let mut filing = Filing::new(context.partner, &os_name);
        for pair in self.pairs.list {
            filing.file(pair, self.is_s2s);
        }
        filing
            .parameters
            .extend(self.notes.into_iter().map(Note::into_pair));
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
            is_unique: who.seen.is_unique && !who.seen.is_repeat && !is_automated,
            is_s2s: self.is_s2s,
            no_reattribution: filing.no_reattribution,
            is_cut,
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
            user_agent: self.user_agent,
            referer: self.referer,
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
}

/// What a server says of the device.
fn name_device(device: &mut Device, pairs: &Pairs) {
    for (name, field) in [
        ("os_name", &mut device.os_name),
        ("os_version", &mut device.os_version),
        ("device_type", &mut device.device_type),
        ("device_name", &mut device.device_name),
    ] {
        if let Some(value) = pairs.get(name).filter(|v| !v.is_empty()) {
            *field = cut(value, 64).to_owned();
        }
    }
    device.os_name.make_ascii_lowercase();
}

fn one_line(text: &str, max: usize) -> String {
    let line = without_control(text);
    cut(&line, max).to_owned()
}

#[cfg(test)]
#[path = "hit_tests.rs"]
mod tests;
