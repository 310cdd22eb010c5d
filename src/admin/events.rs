//! Events of offers (成果地点), as operators see and save them.

use super::parts::check_payout;
use super::random::given_or_new;
use super::{AdminError, check};
use crate::domain::ids::EventToken;
use crate::domain::money::Money;
use crate::domain::offer::{Approval, DuplicateBy, DuplicatePolicy, Event, Payout};
use serde::{Deserialize, Serialize};

/// An event as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventDto {
    /// Fixed; made by the server when it is left out.
    #[serde(default)]
    pub token: Option<EventToken>,
    /// Changeable; unique within the offer.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// App events: counted once a device.
    #[serde(default)]
    pub is_unique: bool,
    /// Whether an amount is expected.
    #[serde(default)]
    pub has_revenue: bool,
    /// How repeated conversions are recognised.
    #[serde(default)]
    pub duplicates: DuplicatePolicy,
    /// How it becomes approved.
    #[serde(default)]
    pub approval: Approval,
    /// What partners are owed, unless a partner has its own.
    #[serde(default)]
    pub payout: Option<Payout>,
    /// The largest amount that counts by itself while nobody vouches for it; what is above waits for approval.
    #[serde(default)]
    pub unproven_amount: Option<Money>,
}

impl From<&Event> for EventDto {
    fn from(e: &Event) -> Self {
        Self {
            token: Some(e.token.clone()),
            name: e.name.clone(),
            is_unique: e.is_unique,
            has_revenue: e.has_revenue,
            duplicates: e.duplicates,
            approval: e.approval,
            payout: e.payout,
            unproven_amount: e.unproven_amount,
        }
    }
}

/// Checks the events of an offer.
pub(super) fn checked_events(given: Vec<EventDto>) -> Result<Vec<Event>, AdminError> {
    check::at_most("events", &given, 100)?;
    let mut events: Vec<Event> = Vec::with_capacity(given.len());
    for (n, event) in given.into_iter().enumerate() {
        let field = |name: &str| format!("events[{n}].{name}");
        check::name(&field("name"), &event.name)?;
        let name = event.name.trim().to_owned();
        let token = given_or_new(event.token, EventToken::from_random)?;
        if events.iter().any(|e| e.name == name || e.token.as_str() == name) {
            return Err(AdminError::invalid(
                field("name"),
                "duplicate",
                "give each event of the offer a name of its own",
            ));
        }
        if events.iter().any(|e| e.token == token) {
            return Err(AdminError::invalid(
                field("token"),
                "duplicate",
                "each event has a token of its own; leave it out to have one made",
            ));
        }
        check::within(&field("duplicates.days"), event.duplicates.days, 1, 3650)?;
        check_approval(&field("approval.days"), event.approval)?;
        if let Some(payout) = event.payout {
            check_payout(&field("payout"), payout)?;
        }
        if let Some(money) = event.unproven_amount {
            check_payout(&field("unproven_amount"), Payout::Fixed { money })?;
        }
        if event.is_unique && event.duplicates.by == DuplicateBy::Never {
            return Err(AdminError::invalid(
                field("duplicates.by"),
                "contradiction",
                "an event that is counted once a device cannot count every repetition: change one of the two",
            ));
        }
        events.push(Event {
            token,
            name,
            is_unique: event.is_unique,
            has_revenue: event.has_revenue,
            duplicates: event.duplicates,
            approval: event.approval,
            payout: event.payout,
            unproven_amount: event.unproven_amount,
        });
    }
    Ok(events)
}

/// Checks how something becomes approved.
pub(super) fn check_approval(field: &str, approval: Approval) -> Result<(), AdminError> {
    match approval {
        Approval::AfterDays { days } => check::within(field, days, 1, 365),
        Approval::Automatic | Approval::Manual => Ok(()),
    }
}
