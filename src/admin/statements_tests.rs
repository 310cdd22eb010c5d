use super::save::Actor;
use super::statements::{MonthRequest, close, reopen, to_close};
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus, StatusChange, Verdict};
use crate::domain::ids::{ActivityId, PartnerId};
use crate::domain::money::{Currency, Money};
use crate::domain::statement::Month;
use crate::domain::template::sample::sample_activity;
use crate::recorder::testing::Instance;
use crate::reports::statements::{StatementDto, StatementQuery, find};
use crate::reports::{PartnerScope, View};
use crate::store::keys;
use crate::tracking::status;
use ConversionStatus::{Approved, Pending, Rejected};

const DAY_MS: i64 = 86_400_000;
/// 2026-11-10T00:00:00Z.
const NOV_10: i64 = 1_794_268_800_000;

fn wait<T>(work: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(work)
}

struct Books {
    instance: Instance,
    partner: PartnerId,
}

impl Books {
    fn open() -> Self {
        let sample = sample_activity(ActivityKind::Event).unwrap();
        Self {
            instance: Instance::start(NOV_10),
            partner: sample.activity.session.unwrap().partner.unwrap(),
        }
    }

    /// A conversion that waits for its approval.
    fn sale(&self, number: u64) -> ActivityId {
        let now_ms = self.instance.clock.now_ms();
        let id = ActivityId::new(now_ms, number);
        let conversion = Activity {
            id,
            kind: ActivityKind::Event,
            of: None,
            verdict: Verdict::Accepted,
            is_test: false,
            status: Some(Pending),
            outdated_status: None,
            payout: Some(Money {
                amount: 100.into(),
                currency: Currency::JPY,
            }),
            history: vec![StatusChange {
                at_ms: now_ms,
                status: Pending,
                by: "automatic".into(),
            }],
            ..sample_activity(ActivityKind::Event).unwrap().activity
        };
        let save = move |group: &mut crate::recorder::Group<'_>| group.save(keys::activity(id), &conversion);
        self.instance.recorder.run_blocking(save).unwrap().unwrap();
        id
    }

    fn set(&self, id: ActivityId, wanted: ConversionStatus) {
        let change = move |group: &mut crate::recorder::Group<'_>| {
            status::change(group, id, Some(wanted), None, "hanako")
        };
        self.instance.recorder.run_blocking(change).unwrap().unwrap();
    }

    fn view(&self) -> View {
        View {
            reader: self.instance.recorder.reader().clone(),
            catalog: self.instance.recorder.catalog(),
            scope: PartnerScope::all(),
            now_ms: self.instance.clock.now_ms(),
        }
    }

    fn of(&self, month: &str) -> MonthRequest {
        MonthRequest {
            partner: self.partner.clone(),
            month: month.parse().unwrap(),
        }
    }

    fn one(&self, month: &str, version: Option<u16>) -> StatementDto {
        let query = StatementQuery {
            partner: self.partner.clone(),
            month: month.parse::<Month>().unwrap(),
            version,
        };
        find(&self.view(), &query).unwrap().unwrap()
    }

    /// Lines, corrections and what is paid.
    fn sums(&self, month: &str) -> (usize, usize, String) {
        let one = self.one(month, None).statement;
        let total = one.totals.first().map(|total| total.total.to_string());
        (one.lines, one.corrections.len(), total.unwrap_or_default())
    }

    fn close(&self, month: &str) -> Result<(), &'static str> {
        let view = self.view();
        let made = to_close(&view, &self.of(month)).map_err(|error| error.code())?;
        let closed = wait(close(&self.instance.recorder, Actor::command_line(), &view, made));
        closed.map_err(|error| error.code())
    }

    fn reopen(&self, month: &str) -> Result<(), &'static str> {
        let opened = wait(reopen(
            &self.instance.recorder,
            Actor::command_line(),
            self.of(month),
        ));
        opened.map_err(|error| error.code())
    }
}

#[test]
fn a_closed_month_stays_and_what_changes_later_stands_in_the_next() {
    let books = Books::open();
    let sales: Vec<ActivityId> = (1..=4).map(|number| books.sale(number)).collect();
    books.set(sales[0], Approved);
    books.set(sales[1], Approved);
    assert_eq!(books.close("2026-11"), Err("month_not_over"));
    books.instance.clock.advance_ms(22 * DAY_MS);
    // 2 December: approved now, so it is a conversion of December.
    books.set(sales[2], Approved);
    assert_eq!(books.sums("2026-11"), (2, 0, "200".into()));
    books.close("2026-11").unwrap();
    assert_eq!(books.close("2026-11"), Err("statement_closed"));
    let closed = books.one("2026-11", None);
    assert_eq!(
        (closed.statement.number.as_str(), closed.is_open),
        ("202611-001", false)
    );

    books.set(sales[0], Rejected);
    assert_eq!(
        books.sums("2026-11"),
        (2, 0, "200".into()),
        "what is closed stays"
    );
    assert_eq!(books.sums("2026-12"), (1, 1, "0".into()));
    let correction = &books.one("2026-12", None).statement.corrections[0];
    assert_eq!(correction.month.to_string(), "2026-11");
    assert_eq!(correction.difference().amount, (-100).into());
    books.set(sales[0], Approved);
    assert_eq!(
        books.sums("2026-12"),
        (1, 0, "100".into()),
        "approved again: billed already"
    );
    books.set(sales[0], Rejected);
    books.set(sales[3], Approved);
    books.instance.clock.advance_ms(31 * DAY_MS);
    books.close("2026-12").unwrap();
    assert_eq!(books.sums("2026-12"), (2, 1, "100".into()));
    assert_eq!(books.sums("2027-01"), (0, 0, String::new()));

    // Opened again: only the last one, and as it was.
    assert_eq!(books.reopen("2026-11"), Err("later_closed"));
    books.reopen("2026-12").unwrap();
    assert_eq!(books.sums("2026-12"), (2, 1, "100".into()));
    books.set(sales[3], Rejected);
    books.close("2026-12").unwrap();
    assert_eq!(books.sums("2026-12"), (1, 1, "0".into()));
    let known: Vec<_> = books
        .one("2026-12", None)
        .versions
        .iter()
        .map(|v| v.version)
        .collect();
    assert_eq!(known, [2, 1]);
    assert_eq!(
        books.one("2026-12", Some(1)).statement.lines,
        2,
        "the first version is kept"
    );
    books.set(sales[0], Approved);
    assert_eq!(
        books.sums("2027-01"),
        (0, 1, "100".into()),
        "it comes back in the month after"
    );
}

#[test]
fn what_changed_since_it_was_read_is_not_closed() {
    let books = Books::open();
    let sale = books.sale(1);
    books.set(sale, Approved);
    books.instance.clock.advance_ms(30 * DAY_MS);
    let view = books.view();
    let made = to_close(&view, &books.of("2026-11")).unwrap();
    books.set(sale, Rejected);
    let refused = wait(close(
        &books.instance.recorder,
        Actor::command_line(),
        &view,
        made,
    ));
    assert_eq!(refused.unwrap_err().code(), "changed_meanwhile");
    assert_eq!(books.close("2026-11"), Err("statement_empty"));
}
