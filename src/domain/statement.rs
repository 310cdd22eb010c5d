//! Payout statements (支払明細書): what one partner is owed for one month, and nothing of its visitors.
//!
//! * A conversion belongs to the month of its approval in the statement's time zone; only what is approved is owed.
//! * A closed statement does not change. What changes of its conversions later is a signed line in the next open
//!   one, which names month and order.
//! * Sums are exact; the base of each currency and its tax are cut to the currency's decimals (切捨て), once.
//!
//! These records are JSON: fields may be added with a default, none may change its meaning.

pub mod letter;

use super::activity::{Activity, ConversionStatus, Verdict};
use super::ids::{ActivityId, EventToken, OfferId, PartnerId};
use super::money::{Currency, Money};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A calendar month, 2000-01 to 2199-12; `2026-11` as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    /// Year.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
}

impl Month {
    /// As a number that sorts: `202611`.
    pub fn number(self) -> u32 {
        u32::from(self.year.unsigned_abs()) * 100 + u32::from(self.month.unsigned_abs())
    }

    /// The month that such a number means.
    pub fn from_number(number: u32) -> Option<Self> {
        let (year, month) = (
            i16::try_from(number / 100).ok()?,
            i8::try_from(number % 100).ok()?,
        );
        let is_month = (2000..2200).contains(&year) && (1..=12).contains(&month);
        is_month.then_some(Self { year, month })
    }

    /// The month after it.
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year + 1,
                month: 1,
            }
        } else {
            Self {
                month: self.month + 1,
                ..self
            }
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_form = text.len() == 7
            && text.bytes().enumerate().all(|(at, byte)| {
                if at == 4 {
                    byte == b'-'
                } else {
                    byte.is_ascii_digit()
                }
            });
        if !is_form {
            return Err(());
        }
        let number = text.replace('-', "").parse().map_err(|_| ())?;
        Self::from_number(number).ok_or(())
    }
}

impl Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| serde::de::Error::custom("must be a month such as 2026-11"))
    }
}

impl utoipa::PartialSchema for Month {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9]{4}-[0-9]{2}$"))
            .examples(["2026-11"])
            .into()
    }
}
impl utoipa::ToSchema for Month {}

/// When a conversion was approved, unix milliseconds: since when it has been so without a break. `None`: it is not.
pub fn approved_at_ms(conversion: &Activity) -> Option<i64> {
    if conversion.status != Some(ConversionStatus::Approved) || conversion.verdict != Verdict::Accepted {
        return None;
    }
    let run = conversion.history.iter().rev();
    let run = run.take_while(|change| change.status == ConversionStatus::Approved);
    Some(run.last().map_or(conversion.id.at_ms(), |change| change.at_ms))
}

/// What the partner is owed for a conversion now: its payout while it is approved.
pub fn owed(conversion: &Activity) -> Option<Money> {
    approved_at_ms(conversion)
        .and(conversion.payout)
        .filter(|payout| !payout.amount.is_zero())
}

/// What closed statements say of a conversion: it was billed with this payout in that month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// Whose statement.
    pub partner: PartnerId,
    /// The month that it first stood in, as [`Month::number`].
    pub month: u32,
    /// What all closed statements say of it together.
    pub payout: Money,
}

/// One conversion of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = StatementLine)]
pub struct Line {
    /// The conversion.
    pub id: ActivityId,
    /// Its order number; empty: it has none.
    pub order: String,
    /// When it was approved, unix milliseconds.
    pub approved_at_ms: i64,
    /// The offer.
    pub offer: Option<OfferId>,
    /// The event.
    pub event: Option<EventToken>,
    /// Its amount.
    pub money: Option<Money>,
    /// What is owed for it.
    pub payout: Money,
}

/// A change of a conversion that a closed statement holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = StatementCorrection)]
pub struct Correction {
    /// The conversion.
    pub id: ActivityId,
    /// Its order number; empty: it has none.
    pub order: String,
    /// The month of the statement that holds it.
    pub month: Month,
    /// Why it was rejected, when that was said.
    #[serde(default)]
    pub reason: String,
    /// What closed statements say of it.
    pub before: Money,
    /// What it is worth now; zero when it is not approved any more.
    pub after: Money,
}

impl Correction {
    /// The signed difference: what is owed more.
    pub fn difference(&self) -> Money {
        Money {
            amount: (self.after.amount - self.before.amount).normalize(),
            currency: self.before.currency,
        }
    }
}

/// Something else that is added or taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StatementAdjustment)]
pub struct Adjustment {
    /// What for.
    pub note: String,
    /// Signed, in whole units; before tax.
    #[schema(value_type = String, example = "-500")]
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: Currency,
}

/// Conversions of one event of one offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = StatementGroup)]
pub struct Group {
    /// The offer's name.
    pub offer: String,
    /// The event's name.
    pub event: String,
    /// How many.
    pub count: usize,
    /// What is owed for them.
    pub payout: Money,
}

/// What is paid in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = StatementTotal)]
pub struct Total {
    /// ISO 4217.
    pub currency: Currency,
    /// Conversions of the month.
    #[schema(value_type = String)]
    pub conversions: Decimal,
    /// Later changes of earlier months.
    #[schema(value_type = String)]
    pub corrections: Decimal,
    /// Adjustments.
    #[schema(value_type = String)]
    pub adjustments: Decimal,
    /// All of them, cut to the currency's decimals.
    #[schema(value_type = String)]
    pub base: Decimal,
    /// Consumption tax on it, cut to the currency's decimals.
    #[schema(value_type = String)]
    pub tax: Decimal,
    /// What is paid.
    #[schema(value_type = String)]
    pub total: Decimal,
}

/// Percent of the consumption tax.
pub const TAX_PERCENT: i64 = 10;

/// Adds up a statement, one total a currency, in the order of their codes.
pub fn totals(
    groups: &[Group],
    corrections: &[Correction],
    adjustments: &[Adjustment],
    is_taxed: bool,
) -> Vec<Total> {
    let mut sums: BTreeMap<Currency, [Decimal; 3]> = BTreeMap::new();
    let parts = groups.iter().map(|group| (0, group.payout));
    let parts = parts.chain(corrections.iter().map(|own| (1, own.difference())));
    let added = adjustments.iter().map(|own| Money {
        amount: own.amount,
        currency: own.currency,
    });
    for (kind, money) in parts.chain(added.map(|money| (2, money))) {
        let sum = sums.entry(money.currency).or_default();
        sum[kind] = sum[kind].saturating_add(money.amount);
    }
    let total = |(currency, [conversions, corrections, adjustments]): (Currency, [Decimal; 3])| {
        let whole = conversions
            .saturating_add(corrections)
            .saturating_add(adjustments);
        let base = cut(whole, currency);
        let tax = if is_taxed {
            cut(base * Decimal::new(TAX_PERCENT, 2), currency)
        } else {
            Decimal::ZERO
        };
        Total {
            currency,
            conversions: conversions.normalize(),
            corrections: corrections.normalize(),
            adjustments: adjustments.normalize(),
            base: base.normalize(),
            tax: tax.normalize(),
            total: (base + tax).normalize(),
        }
    };
    sums.into_iter().map(total).collect()
}

/// Without what is behind the currency's decimals.
fn cut(amount: Decimal, currency: Currency) -> Decimal {
    amount.round_dp_with_strategy(currency.decimals(), RoundingStrategy::ToZero)
}

/// Whether a text is a registration number of a qualified invoice issuer: T and 13 digits, the first of them the
/// check digit of a corporate number where it is one; only the form is looked at.
pub fn is_registration_number(text: &str) -> bool {
    text.strip_prefix('T')
        .is_some_and(|digits| digits.len() == 13 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Who pays, as statements name them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = StatementSender)]
pub struct Sender {
    /// Name.
    pub name: String,
    /// Address and whatever else stands below the name.
    pub address: String,
    /// Registration number of a qualified invoice issuer (T and 13 digits); empty: none.
    pub registration_number: String,
    /// Consumption tax is added.
    pub is_taxed: bool,
}

/// What an operator writes on a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = StatementDraft)]
pub struct Draft {
    /// Its number; made of month and order of closing when empty.
    pub number: String,
    /// Whom it is for; the partner's name when empty.
    pub recipient: String,
    /// The recipient's registration number (T and 13 digits); empty: none.
    pub registration_number: String,
    /// When it is paid, `2026-12-31`; empty: not said.
    pub due_date: String,
    /// What is added or taken off.
    pub adjustments: Vec<Adjustment>,
    /// Free text.
    pub note: String,
}

/// A closed statement without its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ClosedStatement)]
pub struct Closed {
    /// Whose.
    pub partner: PartnerId,
    /// For which month.
    pub month: Month,
    /// 1, and one more each time that it is closed anew.
    pub version: u16,
    /// Its number.
    pub number: String,
    /// The partner's name when it was closed.
    pub partner_name: String,
    /// IANA time zone of the month.
    pub time_zone: String,
    /// Who pays.
    pub sender: Sender,
    /// What the operator wrote.
    pub draft: Draft,
    /// Conversions by offer and event.
    pub groups: Vec<Group>,
    /// Later changes of earlier months.
    pub corrections: Vec<Correction>,
    /// What is paid.
    pub totals: Vec<Total>,
    /// Conversions that it holds.
    pub lines: usize,
    /// When, unix milliseconds.
    pub closed_at_ms: i64,
    /// By whom.
    pub closed_by: String,
    /// When it was opened again, unix milliseconds: another version holds.
    #[serde(default)]
    pub reopened_at_ms: Option<i64>,
    /// By whom.
    #[serde(default)]
    pub reopened_by: String,
}

/// Lines of a closed statement, some of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lines {
    /// In the order of approval.
    pub lines: Vec<Line>,
}

#[cfg(test)]
mod tests;
