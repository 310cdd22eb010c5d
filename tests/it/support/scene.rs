//! A small business, set up through the API: an offer with one event, a partner, a link and a rule.

use super::client::Client;
use super::receiver::Receiver;
use super::server::Server;
use serde_json::{Value, json};

/// What was set up.
pub struct Scene {
    pub admin: Client,
    pub offer: String,
    pub event: String,
    pub partner: String,
    pub link: String,
    pub rule: String,
}

impl Scene {
    /// The rule tells the receiver `/pb?id=##PARA1##&sid={sid}&amount=##AMOUNT##&order=##CONTENT_UID1##&status={status}&pbid={postback_id}`.
    pub fn build(server: &Server, receiver: &Receiver) -> Self {
        let rule = receiver.url(
            "/pb?id=##PARA1##&sid={sid}&amount=##AMOUNT##&order=##CONTENT_UID1##&status={status}&pbid={postback_id}",
        );
        Self::with(server, json!({}), json!({}), &rule)
    }

    /// The same with other fields of the offer and of its event, and another rule text.
    pub fn with(server: &Server, offer: Value, event: Value, rule: &str) -> Self {
        let mut admin = server.admin();
        let mut event_fields = json!({"name": "purchase", "has_revenue": true});
        merge(&mut event_fields, event);
        let mut offer_fields = json!({
            "name": "Shop",
            "destinations": {"default": "https://shop.example/lp?x=1"},
            "events": [event_fields],
        });
        merge(&mut offer_fields, offer);
        let offer = admin.post_json("/api/v1/offers", &offer_fields).ok();
        let partner = admin
            .post_json("/api/v1/partners", &json!({"name": "Media"}))
            .ok();
        let (offer_id, partner_id) = (text(&offer["id"]), text(&partner["id"]));
        let link = admin
            .post_json(
                "/api/v1/links",
                &json!({"offer": offer_id, "partner": partner_id, "network": "Media"}),
            )
            .ok();
        let rule = admin
            .post_json(
                "/api/v1/rules",
                &json!({
                    "name": "told",
                    "scope": {"type": "partner", "partner": partner_id},
                    "kinds": ["event", "event_update"],
                    "text": rule,
                }),
            )
            .ok();
        Self {
            admin,
            event: text(&offer["events"][0]["token"]),
            offer: offer_id,
            partner: partner_id,
            link: text(&link["token"]),
            rule: text(&rule["id"]),
        }
    }

    /// Another partner with a link and a rule of its own, delivered as `delivery` says.
    pub fn add_partner(&mut self, name: &str, delivery: &Value, rule: &str) -> Way {
        let partner = self
            .admin
            .post_json("/api/v1/partners", &json!({"name": name, "delivery": delivery}))
            .ok();
        let partner = text(&partner["id"]);
        let link = json!({"offer": self.offer, "partner": partner, "network": name});
        let link = self.admin.post_json("/api/v1/links", &link).ok();
        let rule = json!({
            "name": name,
            "scope": {"type": "partner", "partner": partner},
            "kinds": ["event", "event_update"],
            "text": rule,
        });
        self.admin.post_json("/api/v1/rules", &rule).ok();
        Way {
            partner,
            link: text(&link["token"]),
        }
    }

    /// Every item of a list, over all its pages.
    pub fn list(&mut self, target: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let join = if target.contains('?') { '&' } else { '?' };
            let page = self.admin.get(&format!("{target}{join}limit=200{cursor}")).ok();
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// A click with a partner click id; gives the SID.
    pub fn click(&self, server: &Server, click_id: &str) -> String {
        click(&mut server.client(), &self.link, click_id)
    }
}

/// A partner and its link.
#[derive(Debug, Clone)]
pub struct Way {
    pub partner: String,
    pub link: String,
}

/// A server's click on a link with a partner click id; gives the SID.
pub fn click(client: &mut Client, link: &str, click_id: &str) -> String {
    let target = format!("/c/{link}?param1={click_id}&s2s=1");
    text(&client.send("GET", &target, &[("User-Agent", BROWSER)], b"").ok()["sid"])
}

/// A user agent that is no bot.
pub const BROWSER: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

/// A string of an answer.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}
