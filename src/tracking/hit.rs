//! A click or impression: what the request says, and the [`Session`] that it becomes.
//!
//! [`Hit::parse`] reads the request once, before the link is known to exist; [`Hit::session`] gives each
//! parameter its place under the settings of the link, its offer and its partner. A parameter has one
//! place: PARA1-5, a level name, the label, a device id, the cost, a callback, a switch, or the list of all
//! others; [`Session::parameter`] finds it again by its name wherever it is.
//!
//! It must not know how sessions are stored or where the click leads ([`super::destination`]).
//!
//! 2026-11-21: every parameter of the documented set is also taken with the prefix `adj_`, as branded links
//! write it. A name that the partner's settings give to a PARA slot wins over `param<n>`.
//! 2026-11-21: an `ip_address` is never kept as a parameter, whoever sent it: what is stored of addresses
//! is the offer's setting.

use super::client::{self, Agent, ClientHeaders, IpHasher};
use super::destination::Requested;
use super::device_id::{self, DeviceId};
use super::geo::GeoIp;
use super::hosts::is_listed;
use super::query::{Fault, Pair, Pairs, cut, without_control};
use super::repeat::Seen;
use crate::domain::activity::ActivityKind;
use crate::domain::ids::{EventToken, SessionId};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::session::{Device, EngagementKind, LinkCallback, Session, SessionFlags};
use std::net::IpAddr;
use url::Url;

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
    headers: ClientHeaders,
    agent: Agent,
    is_prefetch: bool,
    is_s2s: bool,
    /// Of the person or device; for a server's click the `ip_address` that it names, or none.
    ip: Option<IpAddr>,
}

/// What a session is built with.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
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

/// Who clicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// TUID; empty when unknown.
    pub tuid: String,
    /// What [`super::repeat::Repeats`] said; a hit that [`Hit::is_automated`] is not asked about.
    pub seen: Seen,
}

/// A callback on the URL that is not honoured, for the counters and the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCallback {
    /// Parameter name.
    pub name: String,
    /// The entry, cut to 200 bytes.
    pub entry: String,
}

/// A session and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Without its destination, which is chosen next.
    pub session: Session,
    /// Destinations that the query asks for.
    pub requested: Requested,
    /// Callbacks for hosts that the partner is not allowed to name.
    pub refused_callbacks: Vec<RefusedCallback>,
}

/// The place of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// PARA slot, from 0.
    Para(usize),
    /// Name of a level, from 1.
    Level(usize),
    Label,
    DeviceId,
    Cost,
    Callback,
    DeepLink,
    Redirect,
    Fallback,
    /// Read by [`Hit::parse`] or a flag; kept nowhere else.
    Consumed,
    Other,
}

impl Hit {
    /// Reads a request. Nothing in it can make this fail.
    pub fn parse(request: &Request<'_>) -> Self {
        let pairs = Pairs::parse(request.query);
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
        headers.referer = one_line(&headers.referer, MAX_REFERER_BYTES);
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
    pub fn session(&self, id: SessionId, around: &Around<'_>, visitor: Visitor) -> Built {
        let device = self.device();
        let mut filing = Filing::new(around.partner, &device.os_name);
        for pair in &self.pairs.list {
            filing.file(pair, self.is_s2s);
        }
        let stored_ip = self
            .ip
            .map(|ip| client::stored_ip(ip, around.offer.ip_privacy))
            .unwrap_or_default();
        let is_hashed = around.offer.ip_privacy != crate::domain::offer::IpPrivacy::None;
        let flags = SessionFlags {
            is_bot: self.agent.is_bot,
            is_prefetch: self.is_prefetch,
            is_repeat: visitor.seen.is_repeat,
            is_test: filing.is_test,
            is_unique: visitor.seen.is_unique && !visitor.seen.is_repeat && !self.is_automated(),
            is_s2s: self.is_s2s,
            no_reattribution: filing.no_reattribution,
            is_cut: self.pairs.is_cut(),
            is_spooled: false,
        };
        let session = Session {
            id,
            kind: self.kind,
            link: around.link.token.clone(),
            offer: around.offer.id.clone(),
            partner: around.partner.map(|p| p.id.clone()),
            names: filing.names(around.link),
            tuid: visitor.tuid,
            ip: stored_ip,
            ip_hash: self
                .ip
                .filter(|_| is_hashed)
                .map_or(0, |ip| around.ip_hasher.hash(ip)),
            user_agent: self.headers.user_agent.clone(),
            referer: self.headers.referer.clone(),
            geo: self.ip.map(|ip| around.geo.place(ip)).unwrap_or_default(),
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
            refused_callbacks: filing.refused_callbacks,
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
    cut(&without_control(text), max).to_owned()
}

/// Parameters being given their places.
struct Filing<'a> {
    partner: Option<&'a Partner>,
    platform_redirect: String,
    para: [String; 5],
    /// Slots that a name of the partner's own filled.
    is_claimed: [bool; 5],
    levels: [String; 3],
    label: String,
    device_ids: Vec<(String, String)>,
    cost: Vec<(String, String)>,
    callbacks: Vec<LinkCallback>,
    refused_callbacks: Vec<RefusedCallback>,
    parameters: Vec<(String, String)>,
    requested: Requested,
    is_test: bool,
    no_reattribution: bool,
}

impl<'a> Filing<'a> {
    fn new(partner: Option<&'a Partner>, os_name: &str) -> Self {
        Self {
            partner,
            platform_redirect: format!("redirect_{os_name}"),
            para: Default::default(),
            is_claimed: [false; 5],
            levels: Default::default(),
            label: String::new(),
            device_ids: Vec::new(),
            cost: Vec::new(),
            callbacks: Vec::new(),
            refused_callbacks: Vec::new(),
            parameters: Vec::new(),
            requested: Requested::default(),
            is_test: false,
            no_reattribution: false,
        }
    }

    fn file(&mut self, pair: &Pair, is_s2s: bool) {
        let value = pair.value.as_str();
        if let Some(slot) = self.claimed_slot(&pair.name) {
            if !self.is_claimed[slot] {
                // The value that `param<n>` put there stays readable under its own name.
                let displaced = std::mem::replace(&mut self.para[slot], value.to_owned());
                if !displaced.is_empty() {
                    self.keep(&format!("param{}", slot + 1), &displaced);
                }
                self.is_claimed[slot] = true;
            }
            self.keep(&pair.name, value);
            return;
        }
        let bare = pair.name.strip_prefix("adj_").unwrap_or(&pair.name);
        let name = if role(bare) == Role::Other {
            pair.name.as_str()
        } else {
            bare
        };
        match role(name) {
            Role::Para(slot) if self.para[slot].is_empty() && !self.is_claimed[slot] => {
                self.para[slot] = value.to_owned();
            }
            Role::Level(level) if self.levels[level - 1].is_empty() => {
                self.levels[level - 1] = value.to_owned();
            }
            Role::Label if self.label.is_empty() => self.label = value.to_owned(),
            Role::DeviceId => self.file_device_id(name, value),
            Role::Cost => self.cost.push((name.to_owned(), value.to_owned())),
            Role::Callback => self.file_callback(name, pair),
            Role::DeepLink => request(&mut self.requested.deep_link, pair),
            Role::Fallback => request(&mut self.requested.fallback, pair),
            Role::Redirect if name == self.platform_redirect => {
                if pair.fault.is_none() && !value.is_empty() {
                    self.requested.redirect = Some(value.to_owned());
                }
            }
            Role::Redirect if name == "redirect" => request(&mut self.requested.redirect, pair),
            Role::Consumed => self.consume(name, value, is_s2s),
            _ => self.keep(name, value),
        }
    }

    fn keep(&mut self, name: &str, value: &str) {
        self.parameters.push((name.to_owned(), value.to_owned()));
    }

    fn claimed_slot(&self, name: &str) -> Option<usize> {
        let partner = self.partner?;
        let named = partner.click_parameters.iter().find(|p| p.name == name)?;
        let slot = usize::from(named.para?).checked_sub(1).filter(|n| *n < 5)?;
        // `param1` given as the name of slot 1 is the ordinary case.
        (role(name) != Role::Para(slot)).then_some(slot)
    }

    fn file_device_id(&mut self, name: &str, value: &str) {
        match device_id::normalise(name, value) {
            DeviceId::Good(id) => {
                if !self.device_ids.iter().any(|(n, _)| n == name) {
                    self.device_ids.push((name.to_owned(), id));
                }
            }
            DeviceId::Absent => {}
            // Kept where it is shown and never matched.
            DeviceId::Malformed => self.keep(name, value),
        }
    }

    /// Entries for hosts that the partner may name are kept; a value that was cut is not honoured at all.
    fn file_callback(&mut self, name: &str, pair: &Pair) {
        let hosts = self.partner.map_or(&[][..], |p| &p.callback_hosts);
        let is_cut = pair.fault == Some(Fault::TooLong);
        let (good, bad): (Vec<&str>, Vec<&str>) = pair
            .value
            .split_whitespace()
            .partition(|entry| !is_cut && is_allowed_entry(entry, hosts));
        self.refused_callbacks
            .extend(bad.into_iter().map(|entry| RefusedCallback {
                name: name.to_owned(),
                entry: cut(entry, 200).to_owned(),
            }));
        if !good.is_empty() {
            self.callbacks.push(LinkCallback {
                name: name.to_owned(),
                text: good.join(" "),
            });
        }
    }

    fn consume(&mut self, name: &str, value: &str, is_s2s: bool) {
        match (name, value) {
            ("rt", "0") => self.no_reattribution = true,
            ("environment", "sandbox") => self.is_test = true,
            ("environment", "production") | ("s2s", "1") => {}
            ("ip_address" | "yb_link" | "yb_referrer" | "yb_tuid", _) => {}
            ("rt" | "environment" | "s2s", _) => self.keep(name, value),
            _ if is_s2s => {}
            _ => self.keep(name, value),
        }
    }

    /// Network and the levels below it: the link's own names win over those of the URL, missing upper
    /// levels are `unknown`, missing lower ones are left out.
    fn names(&mut self, link: &Link) -> Vec<String> {
        let own = [&link.campaign, &link.adgroup, &link.creative];
        let mut names = vec![link.network.clone()];
        for (n, own) in own.into_iter().enumerate() {
            let from_url = std::mem::take(&mut self.levels[n]);
            match own.as_deref().filter(|o| !o.is_empty()) {
                Some(own) => {
                    if !from_url.is_empty() && from_url != own {
                        self.parameters.push((LEVELS[n].to_owned(), from_url));
                    }
                    names.push(own.to_owned());
                }
                None => names.push(from_url),
            }
        }
        while names.len() > 1 && names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        for name in names.iter_mut().filter(|n| n.is_empty()) {
            "unknown".clone_into(name);
        }
        names
    }
}

/// The first value that is whole and not empty.
fn request(slot: &mut Option<String>, pair: &Pair) {
    if slot.is_none() && pair.fault.is_none() && !pair.value.is_empty() {
        *slot = Some(pair.value.clone());
    }
}

const LEVELS: [&str; 3] = ["campaign", "adgroup", "creative"];

fn role(name: &str) -> Role {
    match name {
        "param1" => Role::Para(0),
        "param2" => Role::Para(1),
        "param3" => Role::Para(2),
        "param4" => Role::Para(3),
        "param5" => Role::Para(4),
        "campaign" => Role::Level(1),
        "adgroup" => Role::Level(2),
        "creative" => Role::Level(3),
        "label" => Role::Label,
        "cost_type" | "cost_amount" | "cost_currency" | "cost_id" => Role::Cost,
        "deep_link" | "deeplink" => Role::DeepLink,
        "redirect" | "redirect_ios" | "redirect_android" | "redirect_macos" | "redirect_windows" => {
            Role::Redirect
        }
        "fallback" => Role::Fallback,
        "s2s" | "rt" | "environment" | "ip_address" | "user_agent" | "language" | "referer" | "os_name"
        | "os_version" | "device_type" | "device_name" | "yb_link" | "yb_referrer" | "yb_tuid" => {
            Role::Consumed
        }
        name if is_callback(name) => Role::Callback,
        name if device_id::is_device_id(name) => Role::DeviceId,
        _ => Role::Other,
    }
}

/// `<kind>_callback`, `conversion_callback` (install and reattribution), `event_callback_<token>`; those of
/// rejections are also written without the suffix.
fn is_callback(name: &str) -> bool {
    if matches!(name, "rejected_install" | "rejected_reattribution") {
        return true;
    }
    match name.strip_suffix("_callback") {
        Some(kind) => kind == "conversion" || kind.parse::<ActivityKind>().is_ok(),
        None => name
            .strip_prefix("event_callback_")
            .is_some_and(|token| token.parse::<EventToken>().is_ok()),
    }
}

/// Whether the URL of a rule entry (`URL` or `operator,LEFT,VALUE,URL`) names a host of the list.
fn is_allowed_entry(entry: &str, hosts: &[String]) -> bool {
    let is_url = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    let url = if is_url(entry) {
        Some(entry)
    } else {
        entry.splitn(4, ',').nth(3)
    };
    url.filter(|url| is_url(url) && !url.contains('\\'))
        .and_then(|url| Url::parse(url).ok())
        .is_some_and(|url| is_listed(hosts, &url))
}

#[cfg(test)]
#[path = "hit_tests.rs"]
mod tests;
