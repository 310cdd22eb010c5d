//! What the settings of this server allow to be saved: how far back windows may reach, which hosts rules may call.

use super::AdminError;
use crate::config::Config;
use crate::domain::offer::AttributionPolicy;
use crate::domain::rule::Rule;
use crate::wire::egress::judge_host;
use ipnet::IpNet;
use std::net::SocketAddr;

/// What this server allows to be saved.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits<'a> {
    /// How long sessions are kept; no window may be longer.
    pub sessions_days: u32,
    allow_networks: &'a [IpNet],
    receiver: Option<SocketAddr>,
}

impl<'a> ServerLimits<'a> {
    /// Those of a server; `receiver` is where its built-in receiver of tests listens, when it runs.
    pub fn new(config: &'a Config, receiver: Option<SocketAddr>) -> Self {
        Self {
            sessions_days: config.retention.sessions_days,
            allow_networks: &config.delivery.allow_networks,
            receiver,
        }
    }

    /// Why a rule may not call a host. The built-in receiver may be called, under exactly its address; the sender
    /// looks again.
    pub fn host_refusal(&self, host: &str, rule: &Rule) -> Option<String> {
        let is_receiver =
            |own: SocketAddr| host == own.ip().to_string() && rule.text.contains(&format!("://{own}"));
        if self.receiver.is_some_and(is_receiver) {
            return None;
        }
        judge_host(host, self.allow_networks)
            .err()
            .map(|refusal| refusal.to_string())
    }

    /// Windows must lie within the retention of sessions: what is no longer kept cannot be credited.
    pub fn check_attribution(&self, policy: &AttributionPolicy) -> Result<(), AdminError> {
        let windows = [
            (
                "web_window_days",
                policy.web_window_days.map(|d| u64::from(d) * 24),
            ),
            ("click_window_h", policy.click_window_h.map(u64::from)),
            (
                "click_probabilistic_window_h",
                policy.click_probabilistic_window_h.map(u64::from),
            ),
            ("impression_window_h", policy.impression_window_h.map(u64::from)),
            (
                "impression_probabilistic_window_h",
                policy.impression_probabilistic_window_h.map(u64::from),
            ),
            (
                "reattribution_window_h",
                policy.reattribution_window_h.map(u64::from),
            ),
        ];
        let kept_days = self.sessions_days;
        for (name, hours) in windows {
            if hours.is_some_and(|h| h > u64::from(kept_days) * 24) {
                return Err(AdminError::invalid(
                    format!("attribution.{name}"),
                    "window_too_long",
                    format!(
                        "sessions are kept for {kept_days} days: choose a shorter window, or raise retention.sessions_days in the configuration"
                    ),
                ));
            }
        }
        if policy.web_window_days == Some(0) {
            return Err(AdminError::invalid(
                "attribution.web_window_days",
                "out_of_range",
                "use at least 1 day",
            ));
        }
        Ok(())
    }
}
