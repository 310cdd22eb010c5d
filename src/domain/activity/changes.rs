//! What a conversion keeps of the time before its first change: what was told then can be told again.

use super::Activity;
use crate::domain::ids::SessionId;
use crate::domain::money::Money;

/// Name of the fact that keeps the session that a conversion was first credited to, once that has changed.
const FIRST_SESSION: &str = "first_session";
/// Names of the facts that keep what a conversion was worth, and what it owed, before its first change.
const FIRST_MONEY: [&str; 2] = ["first_amount", "first_payout"];

impl Activity {
    /// The conversion as it was when it came: with the status and the money of then, whatever was decided since.
    pub fn as_it_came(mut self) -> Self {
        if self.of.is_some() {
            return self;
        }
        if self.history.len() > 1 {
            self.facts.retain(|(fact, _)| fact != "rejection_reason");
        }
        self.history.truncate(1);
        if let Some(first) = self.history.first() {
            self.status = Some(first.status);
        }
        for (name, money) in FIRST_MONEY.iter().zip([&mut self.money, &mut self.payout]) {
            if let Some(at) = self.facts.iter().position(|(fact, _)| fact == name) {
                *money = Money::parse(&self.facts.remove(at).1);
            }
        }
        self
    }

    /// Keeps which session it was first credited to, once: before the credit changes.
    pub fn keep_first_credit(&mut self) {
        if self.facts.iter().all(|(fact, _)| fact != FIRST_SESSION) {
            let first = self.session.as_ref().map(|session| session.id.to_string());
            self.facts.push((FIRST_SESSION.into(), first.unwrap_or_default()));
        }
    }

    /// The session that it was first credited to, `None` for nobody, when that has changed since.
    pub fn first_credit(&self) -> Option<Option<SessionId>> {
        let first = self.facts.iter().find(|(fact, _)| fact == FIRST_SESSION);
        first.map(|(_, sid)| sid.parse().ok())
    }

    /// Keeps what it is worth and owes for [`Self::as_it_came`], once: before the first change.
    pub fn keep_first_money(&mut self) {
        if self.facts.iter().all(|(fact, _)| fact != FIRST_MONEY[0]) {
            let texts =
                [self.money, self.payout].map(|money| money.map_or_else(String::new, |m| m.to_string()));
            let kept = FIRST_MONEY.into_iter().map(str::to_owned).zip(texts);
            self.facts.extend(kept);
        }
    }
}
