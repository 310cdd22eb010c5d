//! Decisions about conversions (承認 / 否認): their status and amount.

use super::save::{Actor, Note, audit};
use super::{AdminError, check};
use crate::domain::activity::{ConversionStatus, RefusalReason};
use crate::domain::ids::{ActivityId, EventToken, OfferId};
use crate::domain::money::Money;
use crate::recorder::Recorder;
use crate::tracking::by_order::{self, Order};
use crate::tracking::status;
use serde::{Deserialize, Serialize};

/// How many conversions one request may change.
const MOST_CHANGES: usize = 1000;
/// How many of them are changed in one commit.
const CHANGES_A_COMMIT: usize = 50;

/// A change of status.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusRequest {
    /// Conversions, at most 1,000.
    #[serde(default)]
    pub ids: Vec<ActivityId>,
    /// Order numbers (`uid1`) in place of ids, at most 1,000; with `offer`.
    #[serde(default)]
    pub orders: Vec<String>,
    /// Offer of the order numbers.
    #[serde(default)]
    pub offer: Option<OfferId>,
    /// Token or name of their event; the offer's first when left out.
    #[serde(default)]
    pub event: Option<String>,
    /// New status.
    pub status: ConversionStatus,
    /// A new amount, for a single conversion.
    #[serde(default)]
    pub money: Option<Money>,
}

/// What became of one conversion.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StatusResult {
    /// The conversion.
    pub id: ActivityId,
    /// `changed`, `unchanged`, `unknown_conversion`, `not_a_conversion`.
    pub result: &'static str,
    /// The `event_update` that was made.
    pub update: Option<ActivityId>,
}

/// What became of one order number.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OrderResult {
    /// The order number.
    pub order: String,
    /// `changed`, `unchanged`, `unknown_order` or `ambiguous_order`.
    pub result: &'static str,
    /// The conversion that it names.
    pub id: Option<ActivityId>,
    /// The `event_update` that was made.
    pub update: Option<ActivityId>,
}

/// What became of each conversion.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StatusResults {
    /// In the order of the request.
    pub items: Vec<StatusResult>,
    /// The same for each order number.
    pub orders: Vec<OrderResult>,
    /// How many were changed.
    pub changed: usize,
}

/// Approves, rejects or puts back conversions, in commits of a few. Each change fires the rules of its status.
pub async fn decide(
    request: StatusRequest,
    recorder: &Recorder,
    actor: &Actor,
) -> Result<StatusResults, AdminError> {
    let StatusRequest {
        ids,
        orders,
        offer,
        event,
        status,
        money,
    } = request;
    if ids.is_empty() && orders.is_empty() {
        return Err(AdminError::invalid(
            "ids",
            "empty",
            "name at least one conversion",
        ));
    }
    check::at_most("ids", &ids, MOST_CHANGES)?;
    check::at_most("orders", &orders, MOST_CHANGES)?;
    if let Some(money) = money {
        if ids.len() + orders.len() > 1 {
            return Err(AdminError::invalid(
                "money",
                "contradiction",
                "an amount can be changed for one conversion at a time",
            ));
        }
        crate::domain::money::parse_amount(&money.amount.to_string())
            .map_err(|error| AdminError::invalid("money.amount", "invalid_amount", error.to_string()))?;
    }
    let mut items = Vec::with_capacity(ids.len());
    for part in ids.chunks(CHANGES_A_COMMIT) {
        items.extend(change_part(recorder, actor.clone(), part.to_vec(), status, money).await?);
    }
    let mut told = Vec::with_capacity(orders.len());
    if !orders.is_empty() {
        let target = target(recorder, offer, event.as_deref())?;
        for part in orders.chunks(CHANGES_A_COMMIT) {
            told.extend(
                change_orders(
                    recorder,
                    actor.clone(),
                    target.clone(),
                    part.to_vec(),
                    status,
                    money,
                )
                .await?,
            );
        }
    }
    let changed = items.iter().filter(|item| item.update.is_some()).count()
        + told.iter().filter(|item| item.update.is_some()).count();
    Ok(StatusResults {
        items,
        orders: told,
        changed,
    })
}

/// Offer and event that order numbers belong to.
pub(super) fn target(
    recorder: &Recorder,
    offer: Option<OfferId>,
    event: Option<&str>,
) -> Result<(OfferId, EventToken), AdminError> {
    let offer = offer.ok_or_else(|| {
        AdminError::invalid("offer", "missing_field", "name the offer of the order numbers")
    })?;
    let catalog = recorder.catalog();
    let known = catalog
        .offers
        .get(&offer)
        .ok_or_else(|| AdminError::invalid("offer", "missing_reference", "there is no such offer"))?;
    let event = known
        .event(event)
        .ok_or_else(|| AdminError::invalid("event", "missing_reference", "the offer has no such event"))?;
    Ok((offer, event.token.clone()))
}

async fn change_orders(
    recorder: &Recorder,
    actor: Actor,
    (offer, event): (OfferId, EventToken),
    orders: Vec<String>,
    wanted: ConversionStatus,
    money: Option<Money>,
) -> Result<Vec<OrderResult>, AdminError> {
    let done = recorder.try_run(move |group| -> Result<Vec<OrderResult>, AdminError> {
        let mut results = Vec::with_capacity(orders.len());
        for order in orders {
            let found = by_order::find(&offer, &event, order.trim(), group)?;
            let (result, update) = match &found {
                Order::Of(first) => {
                    let changed = status::change(group, first.id, Some(wanted), money, &actor.name)?;
                    let update = match changed {
                        status::Changed::Made(update) => Some(update),
                        _ => None,
                    };
                    (changed.code(), update)
                }
                Order::Unknown => (RefusalReason::UnknownOrder.code(), None),
                Order::Ambiguous => (RefusalReason::AmbiguousOrder.code(), None),
            };
            results.push(OrderResult {
                id: found.id(),
                order,
                result,
                update,
            });
        }
        let made: Vec<String> = results
            .iter()
            .filter(|result| result.update.is_some())
            .filter_map(|result| result.id.map(|id| id.to_string()))
            .collect();
        if !made.is_empty() {
            let note = Note::new("conversion.status", wanted.as_str()).detail(made.join(" "));
            audit(group, &actor, note)?;
        }
        Ok(results)
    });
    done.await?
}

async fn change_part(
    recorder: &Recorder,
    actor: Actor,
    ids: Vec<ActivityId>,
    wanted: ConversionStatus,
    money: Option<Money>,
) -> Result<Vec<StatusResult>, AdminError> {
    let done = recorder.try_run(move |group| -> Result<Vec<StatusResult>, AdminError> {
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            let changed = status::change(group, id, Some(wanted), money, &actor.name)?;
            let update = if let status::Changed::Made(update) = changed {
                Some(update)
            } else {
                None
            };
            items.push(StatusResult {
                id,
                result: changed.code(),
                update,
            });
        }
        let made: Vec<String> = items
            .iter()
            .filter(|i| i.update.is_some())
            .map(|i| i.id.to_string())
            .collect();
        if !made.is_empty() {
            let note = Note::new("conversion.status", wanted.as_str()).detail(made.join(" "));
            audit(group, &actor, note)?;
        }
        Ok(items)
    });
    done.await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::parse::parse_json;

    #[test]
    fn a_new_amount_is_read_like_that_of_a_conversion() {
        let read = |amount: &str| {
            let body = serde_json::json!({
                "ids": ["0mhz9k2x0a1b2c3d"],
                "status": "approved",
                "money": {"amount": amount, "currency": "JPY"},
            });
            parse_json::<StatusRequest>(body.to_string().as_bytes())
        };
        let money = read("１０００").unwrap().money.unwrap();
        assert_eq!(money.amount_text(), "1000");
        for amount in ["1e3", "1_000", "+7", ".5", "5."] {
            let error = read(amount).unwrap_err();
            assert_eq!(error.field(), Some("money.amount"), "{amount}: {error}");
            assert!(error.to_string().contains("plain number"), "{amount}: {error}");
        }
    }
}
