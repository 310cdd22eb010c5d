//! Money: an exact decimal with its currency, never a float.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Largest amount taken (whole units), the limit of the S2S interface that ours is compatible with.
pub const MAX_AMOUNT: i64 = 100_000_000_000;
/// Most decimals kept of an amount.
pub const MAX_SCALE: u32 = 6;
/// Digits behind the point that are looked at in the number of a program.
const FLOAT_DIGITS: usize = 15;
/// Digits of [`MAX_AMOUNT`].
const MAX_WHOLE_DIGITS: usize = 12;

/// Why a text is not an amount or a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with at most one point.
    #[error("must be a plain number such as 1000 or 12.50: no separators, no exponent, no sign")]
    Form,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// Above [`MAX_AMOUNT`].
    #[error("must be at most 100000000000")]
    TooLarge,
    /// More than [`MAX_SCALE`] decimals.
    #[error("must have at most 6 decimals")]
    Scale,
    /// Not a currency of ISO 4217.
    #[error("must be a currency code of ISO 4217 such as JPY")]
    Currency,
}

/// Reads an amount: ASCII or full-width digits and at most one point. Full-width digits (`１０００`)
/// are accepted since Japanese carts send them; signs, separators and exponents are not, since
/// guessing at money is worse than refusing it.
pub fn parse_amount(text: &str) -> Result<Decimal, MoneyError> {
    let value = parse_plain(text)?;
    if value.scale() > MAX_SCALE {
        return Err(MoneyError::Scale);
    }
    if value > Decimal::from(MAX_AMOUNT) {
        return Err(MoneyError::TooLarge);
    }
    Ok(value)
}

/// An amount as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentAmount {
    /// The amount.
    pub amount: Decimal,
    /// The tail of a float was rounded away.
    pub is_rounded: bool,
}

/// The same; what is within a millionth of a value with three decimals, the most that a currency has, is that value
/// with the tail of a float: `2980*1.1` is 3278.0000000000005 in JavaScript.
pub fn parse_sent_amount(text: &str) -> Result<SentAmount, MoneyError> {
    match parse_amount(text) {
        Ok(amount) => {
            return Ok(SentAmount {
                amount,
                is_rounded: false,
            });
        }
        Err(MoneyError::Scale) => {}
        Err(error) => return Err(error),
    }
    let text = text.trim();
    let point = text.char_indices().find(|(_, c)| matches!(c, '.' | '．'));
    let digits = match point {
        // A decimal holds no more than 28 digits; those of a float end before.
        Some((at, _)) => {
            text[at..]
                .chars()
                .take(1 + FLOAT_DIGITS)
                .map(char::len_utf8)
                .sum::<usize>()
                + at
        }
        None => text.len(),
    };
    let is_number = text[digits..]
        .chars()
        .all(|c| matches!(c, '0'..='9' | '０'..='９'));
    let exact = parse_plain(&text[..digits])?;
    let amount = exact.round_dp(3).normalize();
    let tail = (exact - amount).abs();
    if !is_number || tail > Decimal::new(1, MAX_SCALE) {
        return Err(MoneyError::Scale);
    }
    parse_amount(&amount.to_string()).map(|amount| SentAmount {
        amount,
        is_rounded: true,
    })
}

/// Reads a number in the form of [`parse_amount`], as large and as fine as a [`Decimal`] can hold it.
fn parse_plain(text: &str) -> Result<Decimal, MoneyError> {
    let mut plain = String::with_capacity(text.len());
    for c in text.trim().chars() {
        plain.push(match c {
            '0'..='9' | '.' => c,
            '０'..='９' => {
                char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).ok_or(MoneyError::Form)?
            }
            '．' => '.',
            '-' | '−' | '－' => return Err(MoneyError::Negative),
            _ => return Err(MoneyError::Form),
        });
    }
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(MoneyError::Form);
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let value = match fraction {
        "" => Decimal::from_str_exact(&format!("0{whole}")),
        fraction => Decimal::from_str_exact(&format!("0{whole}.{fraction}")),
    };
    let too_much = if whole.len() > MAX_WHOLE_DIGITS {
        MoneyError::TooLarge
    } else {
        MoneyError::Scale
    };
    value.map(|value| value.normalize()).map_err(|_| too_much)
}

/// Reads a decimal of a document (JSON, TOML) in the form of [`parse_amount`], for `deserialize_with`. Limits are
/// for whoever checks the field. The stored form of records is that of [`Decimal`].
pub fn plain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    if !deserializer.is_human_readable() {
        return <Decimal as Deserialize>::deserialize(deserializer);
    }
    let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
    parse_plain(&text).map_err(serde::de::Error::custom)
}

/// The same where there may be none.
pub fn plain_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    #[derive(Deserialize)]
    struct Plain(#[serde(deserialize_with = "plain")] Decimal);
    Ok(Option::<Plain>::deserialize(deserializer)?.map(|Plain(value)| value))
}

/// A currency of ISO 4217, three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Japanese yen, the default of the product.
    pub const JPY: Self = Self(*b"JPY");
    /// US dollar.
    pub const USD: Self = Self(*b"USD");

    /// The code, upper case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimals the currency has (0 for JPY, 2 for USD, 3 for KWD).
    pub fn decimals(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF"
            | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

/// The active codes of ISO 4217 that money is counted in, sorted.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP \
BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF \
GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD \
LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR \
PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY \
TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG ";

impl FromStr for Currency {
    type Err = MoneyError;

    /// Takes any letter case; the code must exist.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let mut code: [u8; 3] = text.as_bytes().try_into().map_err(|_| MoneyError::Currency)?;
        code.make_ascii_uppercase();
        let (codes, _) = CODES.as_bytes().as_chunks::<4>();
        codes
            .binary_search_by(|known| known[..3].cmp(&code))
            .map(|_| Self(code))
            .map_err(|_| MoneyError::Currency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .examples(["JPY"])
            .into()
    }
}
impl utoipa::ToSchema for Currency {}

/// An amount in whole units of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Whole units (yen, dollars), exact.
    #[serde(deserialize_with = "plain")]
    #[schema(value_type = String, example = "1000")]
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: Currency,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount_text(), self.currency)
    }
}

impl Money {
    /// Reads what its `Display` writes: `1000 JPY`.
    pub fn parse(text: &str) -> Option<Self> {
        let (amount, currency) = text.split_once(' ')?;
        Some(Self {
            amount: parse_amount(amount).ok()?,
            currency: currency.parse().ok()?,
        })
    }

    /// The amount as a rule writes it: no trailing zeros after the point, no exponent.
    pub fn amount_text(&self) -> String {
        self.amount.normalize().to_string()
    }

    /// The amount in the smallest unit of its currency: whole yen, cents; `None` where it is too large for that.
    pub fn minor(&self) -> Option<Decimal> {
        let unit = Decimal::from(10_u64.checked_pow(self.currency.decimals())?);
        let minor = self.amount.checked_mul(unit)?;
        Some(
            minor
                .round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
                .normalize(),
        )
    }

    /// The amount in hundredths of a unit, rounded half away from zero: `{revenue}`.
    pub fn cents(&self) -> Decimal {
        (self.amount * Decimal::ONE_HUNDRED)
            .round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
            .normalize()
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, part) = rest.split_once('.').map_or((rest, None), |(w, p)| (w, Some(p)));
    let mut text = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(part) = part {
        text.push('.');
        text += part;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, value) in [
            ("1000", "1000"),
            ("１０００", "1000"),
            ("12.50", "12.5"),
            (" 0 ", "0"),
            ("１２．５", "12.5"),
        ] {
            assert_eq!(parse_amount(text).unwrap().to_string(), value, "{text}");
        }
        for (text, error) in [
            ("1e309", MoneyError::Form),
            ("NaN", MoneyError::Form),
            ("-5", MoneyError::Negative),
            ("1,000", MoneyError::Form),
            ("", MoneyError::Form),
            (".5", MoneyError::Form),
            ("5.", MoneyError::Form),
            ("1.2.3", MoneyError::Form),
            ("0.1234567", MoneyError::Scale),
            ("100000000001", MoneyError::TooLarge),
            ("99999999999999999999999999999999999999", MoneyError::TooLarge),
        ] {
            assert_eq!(parse_amount(text), Err(error), "{text}");
        }
    }

    #[test]
    fn money_of_a_document_is_read_like_an_amount() {
        let read = |text: &str| {
            let json = serde_json::json!({"amount": text, "currency": "JPY"});
            serde_json::from_value::<Money>(json).map(|money| money.amount.to_string())
        };
        for (text, amount) in [
            ("1000", "1000"),
            ("１０００", "1000"),
            ("12.50", "12.5"),
            ("0", "0"),
        ] {
            assert_eq!(read(text).unwrap(), amount, "{text}");
        }
        for (text, error) in [
            ("1e3", MoneyError::Form),
            ("1_000", MoneyError::Form),
            ("+7", MoneyError::Form),
            (".5", MoneyError::Form),
            ("5.", MoneyError::Form),
            ("", MoneyError::Form),
            ("-7", MoneyError::Negative),
            ("0.10000000000000000000000000000000001", MoneyError::Scale),
            ("99999999999999999999999999999999999999", MoneyError::TooLarge),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), error.to_string(), "{text}");
        }
    }

    #[test]
    fn every_decimal_that_was_stored_is_read_again() {
        for text in [
            "-0",
            "0.1",
            "33.333333333333333333333333",
            "79228162514264337593543950335",
        ] {
            let stored = Money {
                amount: text.parse().unwrap(),
                currency: Currency::JPY,
            };
            let json = serde_json::to_string(&stored).unwrap();
            assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), stored, "{json}");
            let bytes = postcard::to_allocvec(&stored).unwrap();
            assert_eq!(postcard::from_bytes::<Money>(&bytes).unwrap(), stored, "{text}");
        }
    }

    #[test]
    fn currencies() {
        assert_eq!("jpy".parse::<Currency>().unwrap(), Currency::JPY);
        assert!("XYZ".parse::<Currency>().is_err());
        assert!("円".parse::<Currency>().is_err());
        let cents = Money {
            amount: "3.455".parse().unwrap(),
            currency: Currency::USD,
        }
        .cents();
        assert_eq!(cents.to_string(), "346");
    }
}
