//! Copies of Apple's winning postbacks (SKAdNetwork 2.1 to 4.0 and AdAttributionKit): read, verified, recorded.
//!
//! SKAdNetwork signs the fields of its version, in their order, joined by U+2063, with ECDSA P-256 and
//! SHA-256. AdAttributionKit sends a JWS (ES256) whose `kid` names the key. The conversion values are outside
//! of both signatures. The keys are those that Apple publishes in "Verifying an install-validation postback"
//! and "Verifying a postback"; postbacks of the development keys are labelled test.

use crate::config::Apple;
use crate::domain::activity::{Activity, ActivityKind, RefusalReason, Verdict};
use crate::domain::ids::ActivityId;
use crate::domain::visitor::Facts;
use crate::recorder::Group;
use crate::store::codec::ApplePostback as FirstCopy;
use crate::store::{StoreError, keys};
use crate::tracking::caller::{Caller, Sender};
use crate::tracking::query::FieldError;
use crate::tracking::{recording, refusals};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Between the signed fields of SKAdNetwork.
const SEPARATOR: &str = "\u{2063}";
/// Bytes of an uncompressed point of P-256: the end of the published X.509 form.
const POINT_LEN: usize = 65;
/// Apple repeats a postback for some days; after this one counts anew.
const REMEMBERED_MS: i64 = 60 * 24 * 3_600_000;

/// A public key of Apple's.
#[derive(Debug, Clone)]
pub struct AppleKey {
    /// `kid` of AdAttributionKit; the first key without `is_test` is that of SKAdNetwork, too.
    pub kid: String,
    /// Base64 of the X.509 form, as Apple publishes it.
    pub key: String,
    /// Signs postbacks of tests.
    pub is_test: bool,
}

/// The keys that signatures are verified with.
#[derive(Debug, Clone)]
pub struct AppleKeys(pub Vec<AppleKey>);

impl Default for AppleKeys {
    /// The published ones.
    fn default() -> Self {
        let key = |kid: &str, point: &str, is_test| AppleKey {
            kid: kid.into(),
            key: format!("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{point}"),
            is_test,
        };
        Self(vec![
            key(
                "apple-cas-identifier/0",
                "Wdp8GPcGqmhgzEFj9Z2nSpQVddayaPe4FMzqM9wib1+aHaaIzoHoLN9zW4K8y4SPykE3YVK3sVqW6Af0lfx3gg==",
                false,
            ),
            key(
                "apple-development-identifier/0",
                "LeEDzpJEP+/qRSE5hJVC1p1J0ssUnQGMzBBbvnACBok8OVGGLgxL0myrKiy6lvRtSlLRsWit87i+vftD8AEqeQ==",
                true,
            ),
            key(
                "apple-development-identifier/1",
                "8YzdO7eM97s/IJ25kdW5CZ3A14USE5IJ5Ha/vhWaxI6UBI1ZxCEvjrKxVluVGe6qWwF1BDFq+QHqKfH5u+wxHQ==",
                true,
            ),
        ])
    }
}

impl AppleKeys {
    /// The published keys, with those of the configuration in place of theirs.
    pub fn configured(settings: &Apple) -> Self {
        let Self(mut keys) = Self::default();
        for (own, is_test) in [(&settings.keys, false), (&settings.test_keys, true)] {
            if own.is_empty() {
                continue;
            }
            keys.retain(|key| key.is_test != is_test);
            let own = own.iter().filter_map(|text| text.split_once('='));
            keys.extend(own.map(|(kid, key)| AppleKey {
                kid: kid.into(),
                key: key.into(),
                is_test,
            }));
        }
        Self(keys)
    }
}

/// A postback as it was sent, with what its signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplePostback {
    /// Store id of the advertised app.
    pub app_id: String,
    /// Id of the transaction, the same on every repetition.
    pub transaction: String,
    /// Which of the conversion windows.
    pub sequence: String,
    /// Apple signed it.
    pub is_signed: bool,
    /// Signed with a development key.
    pub is_test: bool,
    /// `sk_*` values by placeholder name.
    pub facts: Vec<(String, String)>,
}

/// Placeholder, name in SKAdNetwork, name in AdAttributionKit.
const NAMES: [(&str, &str, &str); 14] = [
    ("sk_version", "version", ""),
    ("sk_network_id", "ad-network-id", "ad-network-identifier"),
    ("sk_campaign_id", "campaign-id", ""),
    ("sk_source_identifier", "source-identifier", "source-identifier"),
    ("sk_transaction_id", "transaction-id", "postback-identifier"),
    ("sk_app_id", "app-id", "advertised-item-identifier"),
    ("sk_attribution_signature", "attribution-signature", ""),
    ("sk_redownload", "redownload", "conversion-type"),
    ("sk_source_app_id", "source-app-id", "publisher-item-identifier"),
    ("sk_source_domain", "source-domain", "source-domain"),
    ("sk_fidelity_type", "fidelity-type", "fidelity-type"),
    ("sk_did_win", "did-win", "did-win"),
    ("sk_conversion_value", "conversion-value", "conversion-value"),
    (
        "sk_coarse_conversion_value",
        "coarse-conversion-value",
        "coarse-conversion-value",
    ),
];

/// Reads a postback and verifies its signature.
pub fn parse(body: &[u8], keys: &AppleKeys) -> Result<ApplePostback, FieldError> {
    let wrong = |field: &str, message: &str| FieldError::new(field, "invalid_postback", message);
    let json: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| wrong("body", &format!("The body must be Apple's JSON object: {error}.")))?;
    let jws = json.get("jws-string").and_then(Value::as_str);
    let (signed, is_signed, is_test, is_jws) = match jws {
        Some(jws) => {
            let (payload, key) =
                read_jws(jws, keys).ok_or_else(|| wrong("jws-string", "It is no JWS of ES256."))?;
            let mut all = json.clone();
            all.extend(payload);
            (all, key.is_some(), key.is_some_and(|key| key.is_test), true)
        }
        None => {
            let is_signed = keys
                .0
                .iter()
                .find(|key| !key.is_test)
                .is_some_and(|key| verify_fields(&json, key));
            (json.clone(), is_signed, false, false)
        }
    };
    let text = |name: &str| signed.get(name).map(plain).unwrap_or_default();
    let mut facts = Facts::default();
    for (placeholder, of_skan, of_kit) in NAMES {
        let value = text(if is_jws { of_kit } else { of_skan });
        let value = match (placeholder, value.as_str()) {
            (_, "true") => "1".to_owned(),
            (_, "false") => "0".to_owned(),
            // AdAttributionKit names the kind of conversion.
            ("sk_redownload", kind) if is_jws => u8::from(kind == "redownload").to_string(),
            _ => value,
        };
        if !value.is_empty() {
            facts.add(placeholder, value);
        }
    }
    let sequence = text("postback-sequence-index");
    facts.add("sk_postback_sequence_index", &sequence);
    facts.add("sk_invalid_signature", u8::from(!is_signed));
    facts.add("sk_payload", Value::Object(json));
    let (app_id, transaction) = if is_jws {
        (text("advertised-item-identifier"), text("postback-identifier"))
    } else {
        (text("app-id"), text("transaction-id"))
    };
    if app_id.is_empty() || transaction.is_empty() {
        return Err(wrong("body", "It names no app or no transaction."));
    }
    Ok(ApplePostback {
        app_id,
        transaction,
        sequence,
        is_signed,
        is_test,
        facts: facts.0,
    })
}

/// A JSON string, number or boolean as text.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn point(key: &AppleKey) -> Option<Vec<u8>> {
    let x509 = STANDARD.decode(&key.key).ok()?;
    let start = x509.len().checked_sub(POINT_LEN)?;
    Some(x509[start..].to_vec())
}

fn verify_fields(json: &Map<String, Value>, key: &AppleKey) -> bool {
    let version = json.get("version").map(plain).unwrap_or_default();
    let is_at_least = |least: &str| version.as_str() >= least;
    let id = if is_at_least("4") {
        "source-identifier"
    } else {
        "campaign-id"
    };
    let fields = [
        ("version", true),
        ("ad-network-id", true),
        (id, true),
        ("app-id", true),
        ("transaction-id", true),
        ("redownload", true),
        ("source-app-id", true),
        ("source-domain", is_at_least("4")),
        ("fidelity-type", is_at_least("2.2")),
        ("did-win", is_at_least("3")),
        ("postback-sequence-index", is_at_least("4")),
    ];
    let signed: Vec<String> = fields
        .iter()
        .filter(|(_, is_signed)| *is_signed)
        .filter_map(|(name, _)| json.get(*name).map(plain))
        .collect();
    let signature = json.get("attribution-signature").map(plain).unwrap_or_default();
    let (Ok(signature), Some(point)) = (STANDARD.decode(signature), point(key)) else {
        return false;
    };
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    key.verify(signed.join(SEPARATOR).as_bytes(), &signature).is_ok()
}

/// The payload, and the key that signed it, if one did. `None`: it is no JWS of ES256.
fn read_jws<'k>(jws: &str, keys: &'k AppleKeys) -> Option<(Map<String, Value>, Option<&'k AppleKey>)> {
    let (signed, signature) = jws.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let object =
        |part: &str| serde_json::from_slice::<Map<String, Value>>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, payload) = (object(header)?, object(payload)?);
    if header.get("alg").and_then(Value::as_str) != Some("ES256") {
        return None;
    }
    let kid = header.get("kid").and_then(Value::as_str).unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let key = keys.0.iter().find(|key| key.kid == kid).filter(|key| {
        point(key).is_some_and(|point| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed.as_bytes(), &signature)
                .is_ok()
        })
    });
    Some((payload, key))
}

/// What became of a postback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The activity; for a repetition the first one.
    pub activity: ActivityId,
    /// Whether it counts.
    pub verdict: Verdict,
}

/// Records a postback: once, however often Apple repeats it; what is not signed is kept as refused.
pub fn record(
    postback: &ApplePostback,
    caller: &Caller,
    group: &mut Group<'_>,
) -> Result<Recorded, StoreError> {
    let catalog = group.catalog().clone();
    let offer = catalog
        .offers
        .values()
        .find(|offer| offer.app_id.as_deref() == Some(&postback.app_id))
        .cloned();
    let mut activity = caller.activity(group);
    activity.kind = ActivityKind::SkInstall;
    activity.tuid = String::new();
    activity.offer = offer.as_ref().map(|offer| offer.id.clone());
    activity.is_test |= postback.is_test;
    activity.facts.clone_from(&postback.facts);
    activity
        .facts
        .push(("sk_ts".into(), (activity.at_ms / 1000).to_string()));
    let refusal = match (&offer, postback.is_signed) {
        (_, false) => Some(RefusalReason::InvalidAppleSignature),
        (None, true) => Some(RefusalReason::WrongOffer),
        (Some(_), true) => None,
    };
    match refusal {
        Some(reason) => refuse(activity, reason, caller.sender(postback.is_signed), group),
        None => accept(postback, activity, group),
    }
}

fn refuse(
    mut activity: Activity,
    reason: RefusalReason,
    sender: Sender,
    group: &mut Group<'_>,
) -> Result<Recorded, StoreError> {
    activity.verdict = Verdict::Refused { reason };
    let recorded = Recorded {
        activity: activity.id,
        verdict: activity.verdict,
    };
    refusals::keep(activity, sender, group)?;
    Ok(recorded)
}

fn accept(
    postback: &ApplePostback,
    activity: Activity,
    group: &mut Group<'_>,
) -> Result<Recorded, StoreError> {
    let at = keys::apple_postback(
        postback.is_test,
        &postback.app_id,
        &postback.transaction,
        &postback.sequence,
    );
    if let Some(first) = group.load(&at)? {
        let verdict = Verdict::Duplicate {
            of: first.activity,
            reason: RefusalReason::DuplicateUid,
        };
        return Ok(Recorded {
            activity: first.activity,
            verdict,
        });
    }
    let at_ms = group.now_ms();
    let first = FirstCopy {
        activity: activity.id,
        at_ms,
        expires_at_ms: at_ms + REMEMBERED_MS,
    };
    group.save(at, &first)?;
    let activity = recording::record(activity, group)?;
    Ok(Recorded {
        activity: activity.id,
        verdict: activity.verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = r#"{"version":"4.0","ad-network-id":"com.example","source-identifier":"39","app-id":525463029,
        "transaction-id":"6aafb7a5-0170-41b5-bbe4-fe71dedf1e31","redownload":false,"source-domain":"example.com",
        "fidelity-type":1,"did-win":true,"coarse-conversion-value":"high","postback-sequence-index":0,
        "attribution-signature":"MEUCIQD4rX6eh38qEhuUKHdap345UbmlzA7KEZ1bhWZuYM8MJwIgMnyiiZe6heabDkGwOaKBYrUXQhKtF3P/ERHqkR/XpuA="}"#;

    #[test]
    fn the_published_example_is_signed() {
        let postback = parse(DOMAIN.as_bytes(), &AppleKeys::default()).unwrap();
        assert!(postback.is_signed && !postback.is_test);
        assert_eq!(
            (postback.app_id.as_str(), postback.sequence.as_str()),
            ("525463029", "0")
        );
        let fact = |name: &str| {
            postback
                .facts
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        assert_eq!(fact("sk_did_win"), Some("1"));
        assert_eq!(fact("sk_redownload"), Some("0"));
        assert_eq!(fact("sk_coarse_conversion_value"), Some("high"));
        assert_eq!(fact("sk_invalid_signature"), Some("0"));
    }

    #[test]
    fn every_signed_field_is_covered() {
        for (from, to) in [
            ("\"39\"", "\"38\""),
            ("false", "true"),
            ("example.com\",\n", "example.org\",\n"),
            ("-type\":1", "-type\":0"),
        ] {
            let forged = DOMAIN.replacen(from, to, 1);
            assert_ne!(forged, DOMAIN, "{from}");
            assert!(
                !parse(forged.as_bytes(), &AppleKeys::default()).unwrap().is_signed,
                "{from}"
            );
        }
        assert!(!parse(DOMAIN.as_bytes(), &AppleKeys(vec![])).unwrap().is_signed);
    }

    #[test]
    fn what_is_no_postback_is_refused() {
        for body in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"jws-string":"a.b.c"}"#,
            r#"{"app-id":1}"#,
        ] {
            assert!(parse(body.as_bytes(), &AppleKeys::default()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_jws_of_another_key_is_not_signed() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let header = part(r#"{"kid":"apple-cas-identifier/0","alg":"ES256"}"#);
        let payload =
            part(r#"{"advertised-item-identifier":684939,"postback-identifier":"p-1","did-win":true}"#);
        let jws = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([1u8; 64]));
        let body = serde_json::json!({"jws-string": jws, "conversion-value": 5}).to_string();
        let postback = parse(body.as_bytes(), &AppleKeys::default()).unwrap();
        assert!(!postback.is_signed);
        assert_eq!(
            (postback.app_id.as_str(), postback.transaction.as_str()),
            ("684939", "p-1")
        );
    }

    #[test]
    fn a_jws_of_a_known_key_is_signed() {
        use aws_lc_rs::rand::SystemRandom;
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let keys = AppleKeys(vec![AppleKey {
            kid: "own".into(),
            key: STANDARD.encode(pair.public_key().as_ref()),
            is_test: true,
        }]);
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let signed = format!(
            "{}.{}",
            part(r#"{"kid":"own","alg":"ES256"}"#),
            part(
                r#"{"advertised-item-identifier":684939,"postback-identifier":"p-1","conversion-type":"redownload"}"#
            )
        );
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let jws = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
        let body = serde_json::json!({"jws-string": jws}).to_string();
        let postback = parse(body.as_bytes(), &keys).unwrap();
        assert!(postback.is_signed && postback.is_test);
        assert!(postback.facts.contains(&("sk_redownload".into(), "1".into())));
    }
}
