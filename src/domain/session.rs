//! Sessions (セッション): the stored record of one click or impression, and all that a rule can read of it.
//!
//! Stored with postcard; fields are only ever added at the end, with a new record version in
//! `store::codec`.

use super::ids::{LinkToken, OfferId, PartnerId, SessionId};
use serde::{Deserialize, Serialize};

/// Click or view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngagementKind {
    /// The link was followed.
    Click,
    /// The ad was seen.
    Impression,
    /// The landing tag reported an arrival that passed no redirect; counts as a click.
    Direct,
}

/// What sets a session apart from an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionFlags {
    /// A known bot or a link preview.
    pub is_bot: bool,
    /// `HEAD`, `Sec-Purpose: prefetch` and the like.
    pub is_prefetch: bool,
    /// Repeated within the offer's time (連続クリック).
    pub is_repeat: bool,
    /// Labelled test: left out of totals.
    pub is_test: bool,
    /// First of its visitor on its link on that UTC day; fixed at the click.
    pub is_unique: bool,
    /// Sent by a server (`s2s=1`).
    pub is_s2s: bool,
    /// `rt=0`: never credited with a reattribution.
    pub no_reattribution: bool,
    /// Something exceeded a limit and was cut.
    pub is_cut: bool,
    /// Written from the spool after the store was down.
    pub is_spooled: bool,
}

/// What is known of the device, from the user agent and the parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Device {
    /// `ios`, `android`, `windows`, `macos`, `linux`, or empty.
    pub os_name: String,
    /// As the user agent says it.
    pub os_version: String,
    /// `phone`, `tablet`, `pc`, `bot`, or empty.
    pub device_type: String,
    /// Model or device name where known.
    pub device_name: String,
    /// Browser name where known.
    pub browser: String,
    /// First language of `Accept-Language`, lower case (`ja`), and its region (`jp`), each possibly empty.
    pub language: String,
    /// Region of the language, lower case.
    pub region: String,
}

/// What the GeoIP file says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Geo {
    /// Two lower-case letters, or empty.
    pub country: String,
    /// Subdivision code, or empty.
    pub subdivision: String,
    /// English name, or empty.
    pub city: String,
    /// Or empty.
    pub postal_code: String,
    /// Name of the network's organisation, or empty.
    pub isp: String,
}

/// A callback carried on the click URL, decoded once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LinkCallback {
    /// Parameter name: `install_callback`, `event_callback_<token>`, ...
    pub name: String,
    /// Rule text: entries separated by white space.
    pub text: String,
}

/// One click or impression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// SID. The time of the engagement is in it.
    pub id: SessionId,
    /// Click, impression or direct landing.
    pub kind: EngagementKind,
    /// Which link.
    pub link: LinkToken,
    /// Its offer.
    pub offer: OfferId,
    /// Its partner.
    pub partner: Option<PartnerId>,
    /// Level names as they stood at the click: network, campaign, adgroup, creative; missing levels are
    /// cut from the end, missing upper levels are `unknown`.
    pub names: Vec<String>,
    /// TUID: the visitor.
    pub tuid: String,
    /// As the privacy setting of the offer leaves it; empty when not stored.
    pub ip: String,
    /// Keyed hash of the whole address; 0 when none was known.
    pub ip_hash: u64,
    /// User agent as sent, cut to 512 bytes.
    pub user_agent: String,
    /// Referer as sent, cut to 1 KiB.
    pub referer: String,
    /// From the user agent.
    pub device: Device,
    /// From the address.
    pub geo: Geo,
    /// PARA1 to PARA5.
    pub para: [String; 5],
    /// `label`.
    pub label: String,
    /// Device ids by their documented names (`idfa`, `gps_adid`, ...), normalised.
    pub device_ids: Vec<(String, String)>,
    /// Every other parameter, in the order of the URL: `{dcp_<name>}`.
    pub parameters: Vec<(String, String)>,
    /// Callbacks carried on the URL, allowed hosts only.
    pub callbacks: Vec<LinkCallback>,
    /// `cost_type`, `cost_amount`, `cost_currency`, `cost_id` as they came.
    pub cost: Vec<(String, String)>,
    /// Where the visitor was sent; empty for an impression.
    pub destination: String,
    /// Flags.
    pub flags: SessionFlags,
}

impl Session {
    /// Time of the engagement, unix milliseconds.
    pub fn at_ms(&self) -> i64 {
        self.id.at_ms()
    }

    /// The full link name: levels joined with `::`.
    pub fn tracker_name(&self) -> String {
        self.names.join("::")
    }

    /// Whether it is left out of counts and rules by default.
    pub fn is_automated(&self) -> bool {
        self.flags.is_bot || self.flags.is_prefetch
    }

    /// The first value of a parameter of the URL, whichever field keeps it; device ids come back normalised,
    /// level names as they stood at the click, and `param<n>` is PARA`n`, whichever name brought it.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let listed = |list: &'_ [(String, String)]| list.iter().position(|(n, _)| n == name);
        let own = match name {
            "param1" => self.para.first(),
            "param2" => self.para.get(1),
            "param3" => self.para.get(2),
            "param4" => self.para.get(3),
            "param5" => self.para.get(4),
            "label" => Some(&self.label),
            "campaign" => self.names.get(1),
            "adgroup" => self.names.get(2),
            "creative" => self.names.get(3),
            _ => None,
        };
        [&self.parameters, &self.device_ids, &self.cost]
            .into_iter()
            .find_map(|list| listed(list).map(|at| &list[at].1))
            .or(own)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
