//! A platform that is connected from its preset, as an operator connects it, and sales that it is told of.

use super::PLATFORMS;
use super::asked::Asked;
use super::host::Came;
use super::platform::Platform;
use super::serve::{Emulators, PATIENCE};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::scene::{BROWSER, Scene, text};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Where visitors come from.
const VISITOR: &str = "203.0.113.5";

/// The platform, its partner and a link of it.
pub struct Connected {
    pub platform: &'static Platform,
    pub partner: String,
    pub rule: String,
    /// The link that visitors come by.
    pub link: String,
    /// Parameter of its click id, with an example.
    click_id: Option<(String, String)>,
    /// What the tag reads of the advertiser's own site.
    cookies: Vec<(String, String)>,
    /// The secret that an operator enters when the token is refused, with the value that it has.
    secret: Option<(String, String)>,
}

impl Connected {
    /// Connects a platform with the examples of its preset; its emulator knows the token.
    pub fn new(platform: &'static Platform, emulators: &Emulators, admin: &mut Client, offer: &str) -> Self {
        let preset = platform.preset;
        let known = admin.get(&format!("/api/v1/presets/{preset}")).ok()["platform"].clone();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut blanks: HashMap<String, String> = HashMap::new();
        let mut secret = None;
        for blank in list(&known["blanks"]) {
            let (name, mut example) = (text(&blank["name"]), text(&blank["example"]));
            match name.as_str() {
                "PARTNER_NAME" if preset == "smartnews_app" => example = "app-partner".into(),
                "KEY_FILE" => {
                    let (file, public_key) = key_file();
                    emulators.of(preset, |emulated| emulated.set_signer(public_key));
                    example = file;
                }
                _ => {}
            }
            if let Some(of) = blank["secret"].as_str() {
                secret = Some((of.to_owned(), example.clone()));
            }
            blanks.insert(name, example);
        }
        let own = &known["words"]["own"]["example"];
        let events = match own.as_str() {
            Some(word) => json!([{"event": "purchase", "word": word}]),
            None => json!([]),
        };
        let form = json!({"blanks": blanks, "events": events});
        let made = admin
            .post_json(&format!("/api/v1/presets/{preset}/connect"), &form)
            .ok();
        let partner = text(&made["partner"]["id"]);
        let path = format!("/api/v1/partners/{partner}");
        let mut quick = admin.get(&path).ok();
        quick["delivery"]["timeout_s"] = json!(30);
        quick["delivery"]["schedule_s"] = json!([1, 1, 1, 1, 1, 1, 1, 1]);
        quick["delivery"]["short_schedule_s"] = json!([1, 1, 1, 1]);
        admin.json("PUT", &path, &quick).ok();
        let link = json!({"offer": offer, "partner": partner, "network": preset});
        let link = text(&admin.post_json("/api/v1/links", &link).ok()["token"]);
        let named = |id: &Value| {
            let mut name = text(&id["name"]);
            for (blank, value) in &blanks {
                name = name.replace(&format!("<{blank}>"), value);
            }
            (name, text(&id["example"]))
        };
        let (cookies, clicks): (Vec<Value>, Vec<Value>) = list(&known["ids"])
            .into_iter()
            .partition(|id| id["is_cookie"] == true);
        let connected = Self {
            platform,
            partner,
            rule: text(&made["rules"][0]["id"]),
            link,
            click_id: clicks.first().map(named),
            cookies: cookies.iter().map(named).collect(),
            secret,
        };
        if let Some((_, value)) = connected.secret.clone() {
            connected.know_token(emulators, &value, &blanks);
        }
        connected
    }

    /// Tells the emulator which token is good; those that are fetched stay as they are.
    fn know_token(&self, emulators: &Emulators, value: &str, blanks: &HashMap<String, String>) {
        let token = match (self.platform.preset, blanks.get("ACCOUNT_SID")) {
            ("google_ads_offline" | "google_ads_service_account", _) => return,
            (_, Some(account)) => format!("{account}:{value}"),
            _ => value.to_owned(),
        };
        emulators.of(self.platform.preset, |emulated| emulated.set_token(&token));
    }

    /// An operator enters a new token, which the platform knows.
    pub fn renew(&self, emulators: &Emulators, admin: &mut Client) {
        let (name, value) = self.secret.clone().expect("a secret");
        let value = if value.starts_with('{') {
            value
        } else {
            format!("{value}2")
        };
        let account = HashMap::from([("ACCOUNT_SID".to_owned(), "IRexampleAccount1".to_owned())]);
        let none = HashMap::new();
        let blanks = if self.platform.preset == "impact" {
            &account
        } else {
            &none
        };
        self.know_token(emulators, &value, blanks);
        let path = format!("/api/v1/partners/{}/secrets/{name}", self.partner);
        admin.json("PUT", &path, &json!({"value": value})).ok();
    }

    /// A visitor comes with the platform's click id and buys; gives the activity. The marker, of 8 digits, stands in
    /// everything that names the sale.
    pub fn sell(&self, client: &mut Client, marker: &str, more: &Value) -> String {
        let marked = |example: &str| format!("{}{marker}", &example[..example.len().saturating_sub(8)]);
        let mut query = String::from("s2s=1");
        if let Some((name, example)) = &self.click_id {
            query.push_str(&format!("&{name}={}", marked(example)));
        }
        let browser = [("User-Agent", BROWSER), ("X-Forwarded-For", VISITOR)];
        let click = client
            .send("GET", &format!("/c/{}?{query}", self.link), &browser, b"")
            .ok();
        let mut sale = json!({
            "sid": click["sid"], "uid1": format!("A-{marker}"), "amount": 4980, "event_id": format!("e-{marker}"),
            "page_url": format!("https://shop.example.jp/thanks?o={marker}"),
        });
        // Meta's own cookie is made from the click id where it is not there.
        for (name, example) in self.cookies.iter().filter(|(name, _)| name != "_fbc") {
            let own = if name == "_ga" {
                marked(example)
            } else {
                example.clone()
            };
            sale[name] = json!(own);
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            sale[name] = value.clone();
        }
        let headers = [browser[0], browser[1], ("Content-Type", "application/json")];
        let answer = client
            .send("POST", "/cv", &headers, sale.to_string().as_bytes())
            .ok();
        assert_eq!(answer["result"], "accepted", "{}: {answer}", self.platform.preset);
        text(&answer["activity_id"])
    }

    /// The postback of an activity with its attempts, once it is as wanted.
    pub fn postback(
        &self,
        scene: &mut Scene,
        activity: &str,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Value {
        let list = format!("/api/v1/postbacks?activity={activity}&partner={}", self.partner);
        let mut last = Value::Null;
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, PATIENCE, || {
                let items = scene.list(&list);
                let item = items.into_iter().find(|item| item["looks_at"].is_null())?;
                let detail = scene
                    .admin
                    .get(&format!("/api/v1/postbacks/{}", text(&item["id"])))
                    .ok();
                last = detail;
                is_it(&last["postback"]).then(|| last.clone())
            })
        }));
        found.unwrap_or_else(|_| panic!("{}: {what}: {last:#}", self.platform.preset))
    }

    /// Requests of the sale with the marker, once there are so many.
    pub fn came(&self, emulators: &Emulators, marker: &str, count: usize) -> Vec<Came> {
        emulators.wait(
            self.platform.preset,
            &format!("{count} requests of {marker}"),
            |emulated| {
                let of_sale = emulated.came().iter().filter(|came| came.asked.has(marker));
                let found: Vec<Came> = of_sale.cloned().collect();
                (found.len() >= count).then_some(found)
            },
        )
    }
}

/// Every platform of sites that there is a preset of, connected.
pub fn connect_all(emulators: &Emulators, scene: &mut Scene) -> Vec<Connected> {
    let of_sites = PLATFORMS
        .iter()
        .filter(|platform| platform.preset != "smartnews_app");
    of_sites
        .map(|platform| Connected::new(platform, emulators, &mut scene.admin, &scene.offer))
        .collect()
}

/// A request without fault.
pub fn assert_good(came: &Came, what: &str) -> Asked {
    assert_eq!(came.fault, None, "{what}:\n{}", came.asked.shown());
    came.asked.clone()
}

/// The key file of a service account, and the public key of it.
fn key_file() -> (String, Vec<u8>) {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::Engine as _;
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("DER");
    let coded = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{coded}\n-----END PRIVATE KEY-----\n");
    let file = json!({"type": "service_account", "client_email": "capi@example.iam.gserviceaccount.com",
        "private_key": pem, "token_uri": "https://oauth2.googleapis.com/token"});
    (file.to_string(), pair.public_key().as_ref().to_vec())
}
