//! The place of each parameter of a click: PARA1-5, a level name, the label, a device id, the cost, a callback, a
//! switch, or the list of all others. [`crate::domain::session::Session::parameter`] finds it again by its name
//! wherever it is.
//!
//! 2026-11-21: every parameter of the documented set is also taken with the prefix `adj_`, as branded links
//! write it. A name that the partner's settings give to a PARA slot wins over `param<n>`.

use super::destination::Requested;
use super::device_id::{self, DeviceId};
use super::hosts::is_callback_listed;
use super::personal;
use super::query::{Fault, Pair};
use crate::domain::activity::ActivityKind;
use crate::domain::ids::EventToken;
use crate::domain::link::Link;
use crate::domain::note::{Note, NoteCode};
use crate::domain::partner::Partner;
use crate::domain::session::LinkCallback;
use crate::domain::template::url_of;
use crate::domain::unfilled::{self, Certainty};
use url::Url;

const PARAS: [&str; 5] = ["param1", "param2", "param3", "param4", "param5"];

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
    /// Read by [`super::hit::Hit::parse`] or a flag; kept nowhere else.
    Consumed,
    Other,
}

/// Parameters being given their places.
pub(super) struct Filing<'a> {
    partner: Option<&'a Partner>,
    os_name: &'a str,
    pub(super) para: [String; 5],
    /// Slots that a name of the partner's own filled.
    is_claimed: [bool; 5],
    levels: [String; 3],
    pub(super) label: String,
    pub(super) device_ids: Vec<(String, String)>,
    pub(super) cost: Vec<(String, String)>,
    pub(super) callbacks: Vec<LinkCallback>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) requested: Requested,
    pub(super) is_test: bool,
    pub(super) no_reattribution: bool,
}

impl<'a> Filing<'a> {
    pub(super) fn new(partner: Option<&'a Partner>, os_name: &'a str) -> Self {
        Self {
            partner,
            os_name,
            para: Default::default(),
            is_claimed: [false; 5],
            levels: Default::default(),
            label: String::new(),
            device_ids: Vec::new(),
            cost: Vec::new(),
            callbacks: Vec::new(),
            parameters: Vec::new(),
            requested: Requested::default(),
            is_test: false,
            no_reattribution: false,
        }
    }

    pub(super) fn file(&mut self, mut pair: Pair, is_s2s: bool) {
        if let Some(slot) = self.claimed_slot(&pair.name) {
            return self.file_claimed(slot, pair);
        }
        let bare = pair.name.strip_prefix("adj_").unwrap_or(&pair.name);
        let place = match role(bare) {
            Role::Other => role(&pair.name),
            place => {
                if bare.len() < pair.name.len() {
                    pair.name = bare.to_owned();
                }
                place
            }
        };
        match place {
            Role::Para(slot) if self.para[slot].is_empty() && !self.is_claimed[slot] => {
                if self.is_id(&pair, slot) {
                    self.para[slot] = pair.value;
                }
            }
            Role::Level(level) if self.levels[level - 1].is_empty() => {
                self.note_text(&pair);
                self.levels[level - 1] = pair.value;
            }
            Role::Label if self.label.is_empty() => {
                self.note_text(&pair);
                self.label = pair.value;
            }
            Role::DeviceId => self.file_device_id(&pair.name, &pair.value),
            Role::Cost => self.cost.push((pair.name, pair.value)),
            Role::Callback => self.file_callback(&pair.name, &pair),
            Role::DeepLink => {
                request(&mut self.requested.deep_link, &pair);
                self.keep(&pair.name, &personal::text(&pair.value));
            }
            Role::Fallback => {
                request(&mut self.requested.fallback, &pair);
                self.keep(&pair.name, &personal::text(&pair.value));
            }
            Role::Redirect => {
                let is_of_platform = pair.name.strip_prefix("redirect_") == Some(self.os_name);
                if is_of_platform && pair.fault.is_none() && !pair.value.is_empty() {
                    self.requested.redirect = Some(pair.value.clone());
                } else if pair.name == "redirect" {
                    request(&mut self.requested.redirect, &pair);
                }
                self.keep(&pair.name, &personal::text(&pair.value));
            }
            Role::Consumed => self.consume(&pair.name, &pair.value, is_s2s),
            _ => self.keep_sent(pair),
        }
    }

    /// A parameter that a name of the partner's own gives to a slot.
    fn file_claimed(&mut self, slot: usize, pair: Pair) {
        if !self.is_id(&pair, slot) {
            return;
        }
        if !self.is_claimed[slot] {
            // The value that `param<n>` put there stays readable under its own name.
            let displaced = std::mem::replace(&mut self.para[slot], pair.value.clone());
            if !displaced.is_empty() {
                self.parameters.push((PARAS[slot].to_owned(), displaced));
            }
            self.is_claimed[slot] = true;
        }
        self.parameters.push((pair.name, pair.value));
    }

    /// Whether a parameter that the partner is told again has a value. A variable that nobody filled is no id: it is
    /// noted, and neither kept nor matched. Bytes that the text does not keep are kept beside it.
    fn is_id(&mut self, pair: &Pair, slot: usize) -> bool {
        if pair.is_replaced() {
            return false;
        }
        let as_sent = pair.as_sent();
        if let Some(found) = unfilled::judge(as_sent, unfilled::Role::Id) {
            self.note(Note::unfilled(
                found,
                &pair.name,
                &String::from_utf8_lossy(as_sent),
            ));
            if found.certainty == Certainty::Certain {
                return false;
            }
        }
        if let Some(bytes) = pair.bytes() {
            for name in [pair.name.as_str(), PARAS[slot]] {
                self.note(Note::new(NoteCode::Raw, name, &bytes));
            }
        }
        true
    }

    /// Names and labels are kept whatever they are.
    fn note_text(&mut self, pair: &Pair) {
        let as_sent = pair.as_sent();
        if let Some(found) = unfilled::judge(as_sent, unfilled::Role::Text) {
            self.note(Note::unfilled(
                found,
                &pair.name,
                &String::from_utf8_lossy(as_sent),
            ));
        }
    }

    fn note(&mut self, note: Note) {
        self.parameters.push(note.into_pair());
    }

    /// A parameter without a place of its own: `{dcp_<name>}` gives its bytes back.
    fn keep_sent(&mut self, pair: Pair) {
        if let Some(bytes) = pair.bytes() {
            self.note(Note::new(NoteCode::Raw, &pair.name, &bytes));
        }
        self.parameters.push((pair.name, pair.value));
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
        for entry in bad {
            self.note(Note::new(NoteCode::RefusedCallback, name, entry));
        }
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
    pub(super) fn names(&mut self, link: &Link) -> Vec<String> {
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
    url_of(entry)
        .filter(|url| !url.contains('\\'))
        .and_then(|url| Url::parse(url).ok())
        .is_some_and(|url| is_callback_listed(hosts, &url))
}
