//! What signing in needs to remember: the set-up token, how often somebody has tried, the hasher of passwords.

use super::AdminError;
use super::failures::Failures;
use super::known_browser::BrowserKey;
use super::passwords::Hasher;
use super::reach::ReachKey;
use super::setup_token::SetupTokens;
use super::throttle::Rate;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Looks at proof links from one address at once, then one every [`PROOF_EVERY`].
const PROOF_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const PROOF_EVERY: Duration = Duration::from_secs(2);
/// Checks of public addresses from one address at once, then one every [`CHECK_EVERY`].
const CHECK_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const CHECK_EVERY: Duration = Duration::from_secs(6);

/// Failed logins that the audit log takes at once, then one a minute.
const AUDIT_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// For how long somebody at the server opened signing in without encryption.
#[derive(Debug, Default)]
pub struct OpenHttp(AtomicI64);

impl OpenHttp {
    /// Opens it for 30 minutes.
    pub fn open(&self, now_ms: i64) {
        self.0
            .store(now_ms + super::setup_token::LIFE_MS, Ordering::Release);
    }

    /// Whether it is open.
    pub fn is_open(&self, now_ms: i64) -> bool {
        now_ms < self.0.load(Ordering::Acquire)
    }
}

/// State of authentication; one for the instance.
#[derive(Debug)]
pub struct Auth {
    /// The set-up token.
    pub setup: SetupTokens,
    /// Whether signing in without encryption is open for a while.
    pub http: OpenHttp,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Counts tries to sign in that failed.
    pub sign_ins: Failures,
    /// Counts wrong API tokens and set-up tokens.
    pub tokens: Failures,
    /// Knows the browsers that signed in before.
    pub browsers: BrowserKey,
    /// Which failed logins are entered in the audit log one by one.
    pub(super) audit: DefaultDirectRateLimiter,
    /// Failed logins that were not, since the last one that was.
    pub(super) unaudited: AtomicU64,
    /// Counts looks at proof links, known or not.
    pub proofs: Rate,
    /// Counts checks of public addresses.
    pub address_checks: Rate,
    /// Proves that an address leads to this process.
    pub reach: ReachKey,
}

impl Auth {
    /// Makes it; hashes one password. `browser_key` is kept by the instance.
    pub fn new(browser_key: &[u8; 32]) -> Result<Self, AdminError> {
        Ok(Self {
            setup: SetupTokens::default(),
            http: OpenHttp::default(),
            hasher: Hasher::new()?,
            sign_ins: Failures::default(),
            tokens: Failures::default(),
            browsers: BrowserKey::new(browser_key),
            audit: RateLimiter::direct(Quota::per_minute(NonZeroU32::MIN).allow_burst(AUDIT_BURST)),
            unaudited: AtomicU64::new(0),
            proofs: Rate::new(PROOF_BURST, PROOF_EVERY),
            address_checks: Rate::new(CHECK_BURST, CHECK_EVERY),
            reach: ReachKey::new()?,
        })
    }
}
