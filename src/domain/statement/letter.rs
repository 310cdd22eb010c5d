//! The mail that goes with a closed payout statement: what is paid, in one glance. The lines are in the file beside it.

use super::{Closed, Total};
use crate::domain::alert::text::{Language, Message};
use crate::domain::money::{Currency, grouped};
use rust_decimal::Decimal;

/// Writes it. `note` is the operator's own sentence before the figures.
#[must_use]
pub fn letter(closed: &Closed, note: &str, language: Language) -> Message {
    let is_ja = language == Language::Ja;
    let pick = |en: &'static str, ja: &'static str| if is_ja { ja } else { en };
    let name = if closed.draft.recipient.is_empty() {
        &closed.partner_name
    } else {
        &closed.draft.recipient
    };
    let month = if is_ja {
        format!("{}年{}月分", closed.month.year, closed.month.month)
    } else {
        closed.month.to_string()
    };
    let mut text = if is_ja {
        format!("{name} 御中\n\n")
    } else {
        format!("To {name},\n\n")
    };
    if !note.is_empty() {
        text.push_str(&format!("{note}\n\n"));
    }
    text.push_str(&format!(
        "{} {month}\n{}: {}\n",
        pick("Payout statement", "支払明細書"),
        pick("Number", "番号"),
        closed.number
    ));
    if !closed.draft.due_date.is_empty() {
        text.push_str(&format!(
            "{}: {}\n",
            pick("Payment date", "支払予定日"),
            closed.draft.due_date
        ));
    }
    for total in &closed.totals {
        text += &sums(total, closed.sender.is_taxed, is_ja);
    }
    text.push_str(&format!(
        "\n{}\n\n{}\n",
        pick(
            "The conversions are in the attached file.",
            "成果の明細は添付のCSVファイルをご覧ください。"
        ),
        closed.sender.name
    ));
    if !closed.sender.registration_number.is_empty() {
        text.push_str(&format!(
            "{}: {}\n",
            pick("Registration number", "登録番号"),
            closed.sender.registration_number
        ));
    }
    let sender = &closed.sender.name;
    let subject = if is_ja {
        format!("支払明細書 {month}（{}）{sender}", closed.number)
    } else {
        format!("Payout statement {month} ({}) {sender}", closed.number)
    };
    Message {
        subject: subject.trim().to_owned(),
        text,
    }
}

fn sums(total: &Total, is_taxed: bool, is_ja: bool) -> String {
    let pick = |en: &'static str, ja: &'static str| if is_ja { ja } else { en };
    let line = |label: &str, amount: Decimal| format!("{label}: {}\n", money(amount, total.currency));
    let mut text = String::from("\n");
    if is_taxed {
        text += &line(pick("Amount", "小計"), total.base);
        text += &line(pick("Consumption tax (10 %)", "消費税（10％）"), total.tax);
    }
    text + &line(pick("Total", "お支払額"), total.total)
}

fn money(amount: Decimal, currency: Currency) -> String {
    format!("{} {currency}", grouped(&amount.normalize().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statement::{Draft, Month, Sender};

    #[test]
    fn it_names_recipient_month_number_and_what_is_paid() {
        let total = Total {
            currency: Currency::JPY,
            conversions: 12_345.into(),
            corrections: 0.into(),
            adjustments: 0.into(),
            base: 12_345.into(),
            tax: 1_234.into(),
            total: 13_579.into(),
        };
        let closed = Closed {
            partner: "media".parse().unwrap(),
            month: Month::from_number(202_610).unwrap(),
            version: 1,
            number: "2026-10-001".into(),
            partner_name: "Media".into(),
            time_zone: "Asia/Tokyo".into(),
            sender: Sender {
                name: "株式会社ショップ".into(),
                is_taxed: true,
                ..Sender::default()
            },
            draft: Draft {
                due_date: "2026-11-30".into(),
                ..Draft::default()
            },
            groups: Vec::new(),
            corrections: Vec::new(),
            totals: vec![total],
            lines: 3,
            closed_at_ms: 1,
            closed_by: "user hanako".into(),
            reopened_at_ms: None,
            reopened_by: String::new(),
        };
        let said = letter(&closed, "いつもお世話になっております。", Language::Ja);
        assert_eq!(
            said.subject,
            "支払明細書 2026年10月分（2026-10-001）株式会社ショップ"
        );
        for line in [
            "Media 御中",
            "いつもお世話になっております。",
            "支払予定日: 2026-11-30",
            "消費税（10％）: 1,234 JPY",
            "お支払額: 13,579 JPY",
        ] {
            assert!(said.text.lines().any(|own| own == line), "{line}: {}", said.text);
        }
        let said = letter(&closed, "", Language::En);
        assert!(said.text.contains("Total: 13,579 JPY"), "{}", said.text);
    }
}
