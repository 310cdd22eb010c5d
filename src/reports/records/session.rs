//! Sessions as the API shows them.

use crate::domain::ids::{OfferId, PartnerId, SessionId};
use crate::domain::note::{self, Note};
use crate::domain::session::{EngagementKind, Session};
use serde::Serialize;

/// A click or impression.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SessionDto {
    /// SID.
    pub id: SessionId,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// `click`, `impression` or `direct`.
    pub kind: EngagementKind,
    /// Token of the link.
    pub link: String,
    /// Offer.
    pub offer: OfferId,
    /// Partner, if any.
    pub partner: Option<PartnerId>,
    /// Level names joined with `::`.
    pub tracker_name: String,
    /// TUID.
    pub tuid: String,
    /// As the privacy setting leaves it.
    pub ip: String,
    /// As sent.
    pub user_agent: String,
    /// As sent.
    pub referer: String,
    /// `ios`, `android`, ...
    pub os_name: String,
    /// As the user agent says it.
    pub os_version: String,
    /// `phone`, `tablet`, `pc`, `bot`.
    pub device_type: String,
    /// Where known.
    pub device_name: String,
    /// Where known.
    pub browser: String,
    /// First language of the browser.
    pub language: String,
    /// Two lower-case letters, or empty.
    pub country: String,
    /// Or empty.
    pub city: String,
    /// PARA1 to PARA5.
    pub para: [String; 5],
    /// `label`.
    pub label: String,
    /// Device ids by name.
    pub device_ids: Vec<(String, String)>,
    /// Every other parameter, in the order of the URL.
    pub parameters: Vec<(String, String)>,
    /// What was odd about the request, which was taken all the same.
    pub notes: Vec<Note>,
    /// Where the visitor was sent.
    pub destination: String,
    /// A known bot or a link preview.
    pub is_bot: bool,
    /// `HEAD`, prefetch and the like.
    pub is_prefetch: bool,
    /// Repeated (連続クリック).
    pub is_repeat: bool,
    /// First of its visitor on its link that day.
    pub is_unique: bool,
    /// Labelled test.
    pub is_test: bool,
    /// Sent by a server.
    pub is_s2s: bool,
    /// Something exceeded a limit and was cut.
    pub is_cut: bool,
    /// Waited in memory while the store was down.
    pub is_spooled: bool,
}

impl From<&Session> for SessionDto {
    fn from(s: &Session) -> Self {
        Self {
            id: s.id,
            at_ms: s.at_ms(),
            kind: s.kind,
            link: s.link.to_string(),
            offer: s.offer.clone(),
            partner: s.partner.clone(),
            tracker_name: s.tracker_name(),
            tuid: s.tuid.clone(),
            ip: s.ip.clone(),
            user_agent: s.user_agent.clone(),
            referer: s.referer.clone(),
            os_name: s.device.os_name.clone(),
            os_version: s.device.os_version.clone(),
            device_type: s.device.device_type.clone(),
            device_name: s.device.device_name.clone(),
            browser: s.device.browser.clone(),
            language: s.device.language.clone(),
            country: s.geo.country.clone(),
            city: s.geo.city.clone(),
            para: s.para.clone(),
            label: s.label.clone(),
            device_ids: s.device_ids.clone(),
            parameters: s
                .parameters
                .iter()
                .filter(|pair| note::is_sent(pair))
                .cloned()
                .collect(),
            destination: s.destination.clone(),
            notes: note::notes(&s.parameters).collect(),
            is_bot: s.flags.is_bot,
            is_prefetch: s.flags.is_prefetch,
            is_repeat: s.flags.is_repeat,
            is_unique: s.flags.is_unique,
            is_test: s.flags.is_test,
            is_s2s: s.flags.is_s2s,
            is_cut: s.flags.is_cut,
            is_spooled: s.flags.is_spooled,
        }
    }
}
