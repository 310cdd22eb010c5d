//! An app whose devices send events.

use crate::requests::headers;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, text};
use crate::support::server::Server;
use serde_json::json;
use std::net::SocketAddr;

/// An app with one partner, one link and one rule.
pub struct App {
    pub token: String,
    event: String,
    pub link: String,
}

impl App {
    /// Devices have installed it, each after a click.
    pub fn build(server: &Server, receiver: &Receiver, devices: u64) -> Self {
        let mut admin = server.admin();
        let offer = json!({
            "name": "App", "kind": "app",
            "destinations": {"default": "https://app.example/"},
            "events": [{"name": "purchase", "has_revenue": true}],
            "attribution": {"max_engagements": 1_000_000},
        });
        let offer = admin.post_json("/api/v1/offers", &offer).ok();
        let token = text(&offer["id"]);
        let partner = admin.post_json("/api/v1/partners", &json!({"name": "Net"})).ok();
        let link = json!({"offer": token, "partner": partner["id"], "network": "Net"});
        let rule = json!({
            "name": "told", "scope": {"type": "offer", "offer": token}, "kinds": ["event"],
            "text": receiver.url("/pb?id={adid}&tracker={tracker_name}&revenue={revenue_float}"),
        });
        admin.post_json("/api/v1/rules", &rule).ok();
        let app = Self {
            event: text(&offer["events"][0]["token"]),
            link: text(&admin.post_json("/api/v1/links", &link).ok()["token"]),
            token,
        };
        let mut client = server.client();
        for device in 0..devices {
            let click = format!("/c/{}?s2s=1&user_agent=x&idfa={}", app.link, idfa(device));
            client.send("GET", &click, &[("User-Agent", BROWSER)], b"").ok();
            client
                .send("POST", &app.request("session", device), &[], b"")
                .ok();
        }
        app
    }

    pub fn request(&self, what: &str, device: u64) -> String {
        format!("/{what}?s2s=1&app_token={}&idfa={}", self.token, idfa(device))
    }

    /// Events of the installed devices, each with an order of its own.
    pub fn events(&self, address: SocketAddr, devices: u64) -> impl FnMut(u64) -> Vec<u8> {
        let (token, event) = (self.token.clone(), self.event.clone());
        move |n| {
            let device = idfa(n % devices);
            let body = format!(
                "s2s=1&app_token={token}&event_token={event}&idfa={device}&revenue=9.8&currency=EUR&order_id=o{n}"
            );
            format!(
                "POST /event HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nUser-Agent: shop/1.0\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        }
    }

    /// Clicks of other devices.
    pub fn clicks(&self, address: SocketAddr) -> impl FnMut(u64) -> Vec<u8> {
        let (link, headers) = (self.link.clone(), headers(address));
        move |n| {
            format!(
                "GET /c/{link}?campaign=autumn&idfa={} HTTP/1.1\r\n{headers}\r\n",
                idfa(1_000_000_000 + n)
            )
            .into_bytes()
        }
    }
}

/// The advertising id of a device.
pub fn idfa(device: u64) -> String {
    format!("A1B2C3D4-0000-4000-8000-{device:012X}")
}
