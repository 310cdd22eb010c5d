//! Whether a server may send what it sends: bearer token, signature, address list.
//!
//! Every check that a policy configures must pass. The mode says what a failure means: in `off` nothing, in `test` it
//! is noted, in `enforced` it refuses. A token or a signature that is sent and good proves its sender in each mode. It
//! must not know what is sent.
//!
//! **The signature.** `X-Yamabiko-Timestamp` holds unix seconds; `X-Yamabiko-Signature` holds `v1=` and
//! the lower-case hex of HMAC-SHA256, with the secret as typed as the key (UTF-8), over the bytes
//!
//! ```text
//! <timestamp> LF <METHOD> LF <path> LF <query as sent, without "?"> LF <body as sent>
//! ```
//!
//! where LF is one line feed, and an absent query or body is empty. Several signatures may be given,
//! separated by commas, while a secret is being changed. The time may differ by five minutes. A signature decides
//! once: until its time is over the same request gets the first answer again (`idempotency`).

use super::caller::{Caller, Proof};
use crate::domain::activity::RefusalReason;
use crate::domain::offer::{TrustMode, TrustPolicy, TrustScope};
use crate::domain::secret::SecretText;
use aws_lc_rs::{constant_time, digest, hmac};

/// Greatest difference between the sender's clock and ours.
pub const TOLERANCE_S: i64 = 300;

/// What a policy says of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Every configured check passed: the caller may say how a conversion ends, and the bounds of strangers are not
    /// its own.
    Proven,
    /// Nothing is checked, or what failed does not matter.
    Pass,
    /// A check failed in test mode: the activity counts, and its note says this.
    Noted(RefusalReason),
    /// A check failed.
    Refused(RefusalReason),
}

/// Judges a caller at `now_ms` (unix milliseconds). The address is checked first, then the token, then the
/// signature; the first failure is the reason.
pub fn judge(policy: &TrustPolicy, scope: TrustScope, caller: &Caller, now_ms: i64) -> Judgement {
    let has_credentials = !policy.bearer_tokens.is_empty() || policy.hmac_secret.is_some();
    // With the check off a listed address alone is no proof: it comes with every request, whoever made it.
    let is_checked = has_credentials || (policy.mode != TrustMode::Off && !policy.allowed_ips.is_empty());
    if !is_checked {
        return Judgement::Pass;
    }
    match (failure(policy, scope, caller, now_ms), policy.mode) {
        (None, _) => Judgement::Proven,
        (Some(_), TrustMode::Off) => Judgement::Pass,
        (Some(reason), TrustMode::Test) => Judgement::Noted(reason),
        (Some(reason), TrustMode::Enforced) => Judgement::Refused(reason),
    }
}

/// Whether a signature is enforced that cannot be checked, since its secret is sealed with a key that is not at hand:
/// the caller is to come again.
pub fn is_locked(policy: &TrustPolicy) -> bool {
    policy.mode == TrustMode::Enforced && policy.hmac_secret.as_ref().is_some_and(SecretText::is_sealed)
}

/// Whether a token, a signature or a listed address vouches for a caller.
pub fn vouches(policy: &TrustPolicy, scope: TrustScope, caller: &Caller, now_ms: i64) -> bool {
    judge(policy, scope, caller, now_ms) == Judgement::Proven
}

/// Whether a caller whose proof is good may change conversions. An address alone proves less than a token: whoever
/// shares it (a server of many shops, an office) would decide over orders, so the offer has to say so.
pub fn may_change(policy: &TrustPolicy) -> bool {
    policy.addresses_may_change || !policy.bearer_tokens.is_empty() || policy.hmac_secret.is_some()
}

/// Until when the signature of a request can pass, unix milliseconds; `None` without a time that can be read.
pub fn signature_ends_at_ms(proof: &Proof) -> Option<i64> {
    let seconds: i64 = proof.timestamp.as_deref()?.parse().ok()?;
    seconds.checked_add(TOLERANCE_S + 1)?.checked_mul(1000)
}

fn failure(policy: &TrustPolicy, scope: TrustScope, caller: &Caller, now_ms: i64) -> Option<RefusalReason> {
    let ip = caller.ip.to_canonical();
    if !policy.allowed_ips.is_empty() && !policy.allowed_ips.iter().any(|net| net.contains(&ip)) {
        return Some(RefusalReason::IpNotAllowed);
    }
    if !policy.bearer_tokens.is_empty() && !has_token(policy, scope, caller.proof.authorization.as_deref()) {
        return Some(RefusalReason::BadToken);
    }
    match policy.hmac_secret.as_ref().map(SecretText::open) {
        Some(Some(secret)) if has_signature(secret, &caller.proof, now_ms) => None,
        // A secret that is sealed proves nobody.
        Some(_) => Some(RefusalReason::BadSignature),
        None => None,
    }
}

/// Every token of the list is compared, whichever matches, so that the time tells nothing.
fn has_token(policy: &TrustPolicy, scope: TrustScope, authorization: Option<&str>) -> bool {
    let Some(secret) = authorization.and_then(bearer) else {
        return false;
    };
    let given = token_hash(secret);
    policy.bearer_tokens.iter().fold(false, |found, token| {
        let is_same =
            constant_time::verify_slices_are_equal(given.as_bytes(), token.sha256.as_bytes()).is_ok();
        let is_good = token.enabled && (token.scopes.is_empty() || token.scopes.contains(&scope));
        found | (is_same && is_good)
    })
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, secret) = authorization.trim().split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// The form in which a token's secret is stored: lower-case hex of its SHA-256.
pub fn token_hash(secret: &str) -> String {
    hex(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())
}

/// The value of `X-Yamabiko-Signature` for a request; what a sender computes.
pub fn signature(secret: &str, timestamp: &str, proof: &Proof) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("v1={}", hex(signed(&key, timestamp, proof).sign().as_ref()))
}

fn signed(key: &hmac::Key, timestamp: &str, proof: &Proof) -> hmac::Context {
    let mut context = hmac::Context::with_key(key);
    let (method, path) = (proof.method.as_bytes(), proof.path.as_bytes());
    for line in [timestamp.as_bytes(), method, path, &proof.query] {
        context.update(line);
        context.update(b"\n");
    }
    context.update(&proof.body);
    context
}

fn has_signature(secret: &str, proof: &Proof, now_ms: i64) -> bool {
    let (Some(timestamp), Some(given)) = (proof.timestamp.as_deref(), proof.signature.as_deref()) else {
        return false;
    };
    let is_near = timestamp
        .parse::<i64>()
        .is_ok_and(|seconds| seconds.abs_diff(now_ms.div_euclid(1000)) <= TOLERANCE_S.unsigned_abs());
    if !is_near {
        return false;
    }
    let expected = signature(secret, timestamp, proof);
    given
        .split(',')
        .take(8)
        .any(|one| constant_time::verify_slices_are_equal(one.trim().as_bytes(), expected.as_bytes()).is_ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::offer::BearerToken;
    use proptest::prelude::*;

    const NOW_MS: i64 = 1_763_000_000_500;

    fn caller() -> Caller {
        let proof = Proof {
            method: "POST".into(),
            path: "/cv".into(),
            body: b"sid=abc".to_vec(),
            ..Proof::default()
        };
        Caller {
            is_operator: false,
            proof,
            ..Caller::operator([203, 0, 113, 9].into(), String::new())
        }
    }

    fn with(change: impl FnOnce(&mut Proof)) -> Caller {
        let mut caller = caller();
        change(&mut caller.proof);
        caller
    }

    fn enforced() -> TrustPolicy {
        TrustPolicy {
            mode: TrustMode::Enforced,
            ..TrustPolicy::default()
        }
    }

    fn token(secret: &str, scopes: &[TrustScope], enabled: bool) -> BearerToken {
        BearerToken {
            name: "cart".into(),
            sha256: token_hash(secret),
            scopes: scopes.to_vec(),
            enabled,
        }
    }

    #[test]
    fn the_hash_is_sha256_in_hex() {
        assert_eq!(
            token_hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn modes() {
        let mut policy = enforced();
        assert_eq!(
            judge(&policy, TrustScope::Conversions, &caller(), NOW_MS),
            Judgement::Pass,
            "nothing is configured"
        );
        policy.allowed_ips = vec!["198.51.100.0/24".parse().unwrap()];
        for (mode, expected) in [
            (TrustMode::Off, Judgement::Pass),
            (TrustMode::Test, Judgement::Noted(RefusalReason::IpNotAllowed)),
            (
                TrustMode::Enforced,
                Judgement::Refused(RefusalReason::IpNotAllowed),
            ),
        ] {
            policy.mode = mode;
            assert_eq!(
                judge(&policy, TrustScope::Conversions, &caller(), NOW_MS),
                expected
            );
        }
        let mapped = Caller {
            ip: "::ffff:198.51.100.7".parse().unwrap(),
            ..caller()
        };
        assert_eq!(
            judge(&policy, TrustScope::Conversions, &mapped, NOW_MS),
            Judgement::Proven
        );
    }

    /// A shop that sends its token is known, whatever becomes of those that send none.
    #[test]
    fn what_is_sent_proves_with_the_check_off_too() {
        let with_token = TrustPolicy {
            mode: TrustMode::Off,
            bearer_tokens: vec![token("cart", &[], true)],
            ..TrustPolicy::default()
        };
        let signed = TrustPolicy {
            mode: TrustMode::Off,
            hmac_secret: Some("secret".into()),
            ..TrustPolicy::default()
        };
        let by_address = TrustPolicy {
            mode: TrustMode::Off,
            allowed_ips: vec!["203.0.113.9/32".parse().unwrap()],
            ..TrustPolicy::default()
        };
        let token = with(|proof| proof.authorization = Some("Bearer cart".into()));
        let forged = with(|proof| proof.authorization = Some("Bearer other".into()));
        let signature = with(|proof| {
            proof.timestamp = Some("1763000000".into());
            proof.signature = Some(signature("secret", "1763000000", &caller().proof));
        });
        for (name, policy, caller, expected) in [
            ("token", &with_token, &token, Judgement::Proven),
            ("wrong token", &with_token, &forged, Judgement::Pass),
            ("no token", &with_token, &caller(), Judgement::Pass),
            ("signature", &signed, &signature, Judgement::Proven),
            ("no signature", &signed, &token, Judgement::Pass),
            ("listed address", &by_address, &caller(), Judgement::Pass),
        ] {
            assert_eq!(
                judge(policy, TrustScope::Conversions, caller, NOW_MS),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn tokens() {
        let policy = TrustPolicy {
            bearer_tokens: vec![
                token("all", &[], true),
                token("events", &[TrustScope::Events], true),
                token("off", &[], false),
            ],
            ..enforced()
        };
        for (authorization, passes) in [
            (Some("Bearer all"), true),
            (Some("bearer  all"), true),
            (Some("Bearer events"), false),
            (Some("Bearer off"), false),
            (Some("Bearer wrong"), false),
            (Some("Bearer "), false),
            (Some("Basic all"), false),
            (None, false),
        ] {
            let caller = with(|proof| proof.authorization = authorization.map(Into::into));
            let expected = if passes {
                Judgement::Proven
            } else {
                Judgement::Refused(RefusalReason::BadToken)
            };
            assert_eq!(
                judge(&policy, TrustScope::Conversions, &caller, NOW_MS),
                expected,
                "{authorization:?}"
            );
        }
    }

    #[test]
    fn signatures() {
        let policy = TrustPolicy {
            hmac_secret: Some("secret".into()),
            ..enforced()
        };
        let good = signature("secret", "1763000000", &caller().proof);
        let other = signature("old", "1763000000", &caller().proof);
        let both = format!("{other}, {good}");
        let late = signature("secret", "1762999699", &caller().proof);
        let edge = signature("secret", "1762999700", &caller().proof);
        for (timestamp, signature, passes) in [
            (Some("1763000000"), Some(good.as_str()), true),
            (Some("1763000000"), Some(both.as_str()), true),
            (Some("1762999700"), Some(edge.as_str()), true),
            (Some("1762999699"), Some(late.as_str()), false),
            (Some("1763000001"), Some(good.as_str()), false),
            (Some("1763000000"), Some(other.as_str()), false),
            (Some("1763000000"), Some("v1="), false),
            (Some("soon"), Some(good.as_str()), false),
            (None, Some(good.as_str()), false),
            (Some("1763000000"), None, false),
        ] {
            let caller = with(|proof| {
                proof.timestamp = timestamp.map(Into::into);
                proof.signature = signature.map(Into::into);
            });
            let passed = judge(&policy, TrustScope::Conversions, &caller, NOW_MS) == Judgement::Proven;
            assert_eq!(passed, passes, "{timestamp:?} {signature:?}");
        }
    }

    #[test]
    fn the_signed_form_is_what_the_documentation_says() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let tag = hmac::sign(&key, b"1763000000\nPOST\n/cv\n\nsid=abc");
        assert_eq!(
            signature("secret", "1763000000", &caller().proof),
            format!("v1={}", hex(tag.as_ref()))
        );
    }

    proptest! {
        #[test]
        fn any_change_of_the_body_breaks_the_signature(body in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assume!(body != b"sid=abc");
            let signature = signature("secret", "1763000000", &caller().proof);
            let policy = TrustPolicy { hmac_secret: Some("secret".into()), ..enforced() };
            let forged = with(|proof| {
                proof.timestamp = Some("1763000000".into());
                proof.signature = Some(signature);
                proof.body = body;
            });
            prop_assert_eq!(
                judge(&policy, TrustScope::Conversions, &forged, NOW_MS),
                Judgement::Refused(RefusalReason::BadSignature)
            );
        }
    }
}
