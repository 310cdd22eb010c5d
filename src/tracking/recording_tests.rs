use super::*;
use crate::domain::money::Currency;

#[test]
fn amounts_above_the_ceiling_wait_and_far_above_it_are_refused() {
    let money = |amount: i64, currency| Money {
        amount: amount.into(),
        currency,
    };
    let most = money(10_000, Currency::JPY);
    for (sale, expected) in [
        (None, Bound::Within),
        (Some(money(10_000, Currency::JPY)), Bound::Within),
        (Some(money(10_001, Currency::JPY)), Bound::Over),
        (Some(money(100_000, Currency::JPY)), Bound::Over),
        (Some(money(100_001, Currency::JPY)), Bound::FarOver),
        (Some(money(1, Currency::USD)), Bound::Over),
    ] {
        assert_eq!(by_amount(most, sale), expected, "{sale:?}");
    }
}
