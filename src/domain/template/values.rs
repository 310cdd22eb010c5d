//! The values of an activity under the names of the catalogue: of its record, its session, and what they name.
//!
//! 2026-11-21: what the product records itself comes from its own fields only, never from a caller; every other name
//! reads the parameters of the activity, then those of the credited click.

mod earning;
mod of_rule;
mod person;
mod wording;
mod written;

pub use self::of_rule::OfRule;
use self::written::{Text, flag, hour, in_list, lent, made, object, seconds};
use super::catalogue::{self, Placeholder};
use super::derived;
use super::parts::Values;
use crate::domain::activity::{Activity, ActivityInput, ActivityKind};
use crate::domain::attribution::Windows;
use crate::domain::ids::PostbackId;
use crate::domain::link::Link;
use crate::domain::money::Money;
use crate::domain::note;
use crate::domain::offer::{Event, Offer, OfferKind};
use crate::domain::partner::Partner;
use crate::domain::rates::Rates;
use crate::domain::session::{EngagementKind, Session};
use crate::domain::unfilled::{self, Certainty, Role};
use std::borrow::Cow;

/// Configuration objects that an activity names, as they are now.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Its offer.
    pub offer: Option<&'a Offer>,
    /// The credited partner.
    pub partner: Option<&'a Partner>,
    /// The credited link.
    pub link: Option<&'a Link>,
    /// Now, unix milliseconds.
    pub now_ms: i64,
    /// Time zone of dates, by its name.
    pub zone: &'a str,
    /// Rates between currencies.
    pub rates: &'a Rates,
}

/// The values of one activity for one postback.
#[derive(Debug, Clone, Copy)]
pub struct ActivityValues<'a> {
    /// The activity.
    pub activity: &'a Activity,
    /// What it names.
    pub context: &'a Context<'a>,
    /// `{postback_id}`; `None` where no postback is made (destinations of clicks).
    pub postback: Option<PostbackId>,
    /// `{random}`; `{nonce}` is made of both.
    pub random: u64,
    /// What the rule adds.
    pub of_rule: OfRule<'a>,
}

impl<'a> ActivityValues<'a> {
    /// The value of a name of the catalogue; `None` without data.
    pub fn value_of(&self, name: &str) -> Option<String> {
        let value = self.value(catalogue::find(name)?)?;
        (!value.is_empty()).then(|| value.into_owned())
    }

    fn session(&self) -> Option<&'a Session> {
        self.activity.session.as_deref()
    }

    /// Whether the partner's id of the click is blank, or a variable that nobody filled.
    pub(super) fn is_click_id_unfilled(&self) -> bool {
        let Some(id) = self.session().and_then(|session| session.para.first()) else {
            return false;
        };
        let is_blank = |c: char| c.is_whitespace() || unfilled::is_invisible(c);
        (!id.is_empty() && id.chars().all(is_blank))
            || unfilled::judge(id.as_bytes(), Role::Id)
                .is_some_and(|found| found.certainty == Certainty::Certain)
    }

    fn is_test(&self) -> bool {
        self.of_rule.is_test || self.activity.is_test
    }

    fn is_engagement(&self) -> bool {
        matches!(self.activity.kind, ActivityKind::Click | ActivityKind::Impression)
    }

    /// What the caller of the activity, or app measurement, says under a name.
    fn reported(&self, name: &str) -> Text<'a> {
        in_list(&self.activity.facts, name).or_else(|| in_list(&self.activity.input.fields, name))
    }

    /// What the credited click says under a name.
    fn clicked(&self, name: &str) -> Text<'a> {
        let session = self.session()?;
        in_list(&session.device_ids, name)
            .or_else(|| in_list(&session.cost, name))
            .or_else(|| in_list(&session.parameters, name))
    }

    fn named(&self, name: &str) -> Text<'a> {
        self.reported(name).or_else(|| self.clicked(name))
    }

    /// What is known of the device: as the app says it, else as the click showed it.
    fn device(&self, name: &str, of_session: fn(&Session) -> &str) -> Text<'a> {
        self.reported(name)
            .or_else(|| self.session().and_then(|session| lent(of_session(session))))
            .or_else(|| self.clicked(name))
    }

    /// Whether what came with the activity is of the device, as it was then: an app, or a server that speaks for it,
    /// reported it. A conversion of a site is reported by a shop, a claim by a network.
    fn is_of_device(&self) -> bool {
        use ActivityKind as K;
        let is_reported_by_app = in_list(&self.activity.facts, "is_s2s").is_some();
        is_reported_by_app
            && !matches!(
                self.activity.kind,
                K::Click
                    | K::Impression
                    | K::InstallUpdate
                    | K::ReattributionUpdate
                    | K::Uninstall
                    | K::CostUpdate
                    | K::SkInstall
            )
    }

    /// What the device showed of itself when it happened.
    fn shown(&self, of_input: fn(&ActivityInput) -> &str) -> Text<'a> {
        lent(of_input(&self.activity.input)).filter(|_| self.is_of_device())
    }

    /// Whether it happened in an app: what is known of the visitor is then a device, else a browser.
    fn is_of_app(&self) -> bool {
        let is_app = |offer: &Offer| offer.kind == OfferKind::App;
        let is_reported_by_app = in_list(&self.activity.facts, "is_s2s").is_some();
        !self.is_engagement() && (is_reported_by_app || self.context.offer.is_some_and(is_app))
    }

    /// The name that stands for the link of a user whom no link brought.
    fn organic(&self) -> Text<'a> {
        let is_organic = self.is_of_app() && self.activity.kind != ActivityKind::SkInstall;
        (is_organic && self.session().is_none()).then_some(Cow::Borrowed("Organic"))
    }

    /// When what was credited to the engagement at `from_ms` happened, unix milliseconds: the install or
    /// reattribution for everything that the app reports later, the conversion for later changes of it.
    fn converted_at_ms(&self, from_ms: i64) -> i64 {
        use ActivityKind as K;
        let activity = self.activity;
        if matches!(
            activity.kind,
            K::Install | K::Reattribution | K::ReattributionReinstall
        ) {
            return activity.at_ms;
        }
        let at = |name| {
            let seconds: i64 = in_list(&activity.facts, name)?.parse().ok()?;
            // The engagement is known to the millisecond, the fact to the second.
            seconds.checked_mul(1000).filter(|at_ms| *at_ms >= from_ms - 999)
        };
        let credited = [at("installed_at"), at("reattributed_at")];
        let first = credited.into_iter().flatten().min();
        first
            .or_else(|| activity.of.map(|of| of.at_ms()))
            .unwrap_or(activity.at_ms)
    }

    fn ip_address(&self) -> Text<'a> {
        self.shown(|input| &input.ip)
            .or_else(|| self.session().and_then(|session| lent(&session.ip)))
            .or_else(|| lent(&self.activity.input.ip))
            .or_else(|| self.reported("ip_address"))
    }

    fn user_agent(&self) -> Text<'a> {
        self.shown(|input| &input.user_agent)
            .or_else(|| self.device("user_agent", |session| &session.user_agent))
            .or_else(|| lent(&self.activity.input.user_agent))
    }

    fn engaged_at(&self, is_wanted: fn(EngagementKind) -> bool) -> Option<i64> {
        self.session()
            .filter(|session| is_wanted(session.kind))
            .map(Session::at_ms)
    }

    fn event(&self) -> Option<&'a Event> {
        let token = self.activity.event.as_ref()?;
        self.context
            .offer?
            .events
            .iter()
            .find(|event| event.token == *token)
    }

    /// The parameter that was sent under this name, else the value that follows from other parameters.
    fn sent_or_derived(&self, name: &str) -> Text<'a> {
        self.named(name).or_else(|| {
            let currency = self.context.offer.map(|offer| offer.currency);
            let of = |name: &str| {
                let value = match catalogue::find(name).map(|placeholder| placeholder.source) {
                    Some(catalogue::Source::Record) => self.recorded(name),
                    _ => self.named(name),
                };
                value.map(Cow::into_owned)
            };
            derived::value(name, currency, of).map(Cow::Owned)
        })
    }

    /// A window in hours, as it is in force for the credited link.
    fn window(&self, read: fn(&Windows) -> i64) -> Text<'a> {
        made(read(&self.windows()) / 3_600_000)
    }

    /// The policy of a credit that does not last; `None`: it does, or there is none.
    fn temporary(&self) -> Option<Windows> {
        self.session()?;
        Some(self.windows()).filter(|windows| windows.temporary_ms > 0)
    }

    fn temporary_hours(&self) -> Text<'a> {
        self.temporary()
            .and_then(|windows| made(windows.temporary_ms / 3_600_000))
    }

    fn windows(&self) -> Windows {
        let of_link = self.context.link.map(|link| &link.attribution);
        let of_partner = self.context.partner.map(|partner| &partner.attribution);
        let of_offer = self.context.offer.map(|offer| &offer.attribution);
        let layers = [of_link, of_partner, of_offer].into_iter().flatten();
        Windows::resolve(layers)
    }

    /// Engagements that matched within their window, passed every fraud filter, and lost.
    fn losers(&self) -> Text<'a> {
        let ids: Vec<String> = self
            .activity
            .candidates
            .iter()
            .filter(|candidate| !candidate.is_winner)
            .filter(|candidate| {
                matches!(
                    candidate.lost_because.as_deref(),
                    Some("older_than_winner" | "weaker_than_winner")
                )
            })
            .map(|candidate| candidate.session.to_string())
            .collect();
        (!ids.is_empty()).then(|| Cow::Owned(serde_json::Value::from(ids).to_string()))
    }

    /// Values that the product records itself. The names are the rows with the source `Record`.
    fn recorded(&self, name: &str) -> Text<'a> {
        let activity = self.activity;
        let session = self.session();
        let offer = self.context.offer;
        let level = |index: usize| {
            session
                .and_then(|s| s.names.get(index))
                .and_then(|name| lent(name))
        };
        let para = |index: usize| session.and_then(|s| lent(&s.para[index]));
        let uid = |index: usize| activity.input.uids.get(index).and_then(|uid| lent(uid));
        let is_click = |kind| kind != EngagementKind::Impression;
        let is_view = |kind| kind == EngagementKind::Impression;
        match name {
            "activity_kind" => lent(activity.kind.as_str()),
            "activity_id" => made(activity.id),
            "postback_id" => self.postback.and_then(made),
            "random" => made(self.random),
            "nonce" => self
                .postback
                .and_then(|id| made(format_args!("{id}{:016x}", self.random))),
            "environment" => self.reported(name).or(Some(Cow::Borrowed(if activity.is_test {
                "sandbox"
            } else {
                "production"
            }))),
            "is_test" => flag(activity.is_test),
            "event_word" => lent(self.of_rule.event_word),
            "test_code" => lent(self.of_rule.test_code).filter(|_| self.is_test()),
            "test_flag" => lent(if self.is_test() { "true" } else { "false" }),
            "is_s2s" => match session {
                Some(session) if self.is_engagement() => flag(session.flags.is_s2s),
                _ => self.reported(name),
            },
            "is_s2s_engagement_based" => session.and_then(|s| flag(s.flags.is_s2s)),
            "platform" => self
                .reported(name)
                .or_else(|| self.device("os_name", |s| &s.device.os_name)),
            "tuid" => lent(&activity.tuid).or_else(|| session.and_then(|s| lent(&s.tuid))),

            "amount" | "revenue_float" => activity.money.and_then(|money| made(money.amount_text())),
            "revenue" => activity.money.and_then(|money| made(money.cents())),
            "currency" => activity.money.and_then(|money| made(money.currency)),
            "revenue_usd" => self.converted(name, "USD", Money::amount_text),
            "revenue_usd_cents" => self.converted(name, "USD", |money| money.cents().to_string()),
            "revenue_cny" => self.converted(name, "CNY", Money::amount_text),
            "revenue_cny_cents" => self.converted(name, "CNY", |money| money.cents().to_string()),
            "reporting_revenue" => self.converted(name, offer?.currency.as_str(), Money::amount_text),
            "reporting_currency" => offer.and_then(|offer| made(offer.currency)),
            "payout" => activity.payout.and_then(|money| made(money.amount_text())),
            "payout_currency" => activity.payout.and_then(|money| made(money.currency)),
            "content_uid1" => uid(0),
            "content_uid2" => uid(1),
            "content_uid3" => uid(2),
            "content_uid4" => uid(3),
            "content_uid5" => uid(4),
            "content_uid6" => uid(5),
            "content_uid7" => uid(6),
            "content_uid8" => uid(7),
            "order_id" => self.reported(name).or_else(|| uid(0)),
            "event" => activity.event.as_ref().and_then(|token| lent(token.as_str())),
            "event_name" => self
                .event()
                .and_then(|event| lent(&event.name))
                .or_else(|| in_list(&activity.facts, name)),
            "status" => activity.status.and_then(|status| lent(status.as_str())),
            "partner_status" => self.partner_status(),
            "partner_event" => self.partner_event(),
            "outdated_status" => activity.outdated_status.and_then(|status| lent(status.as_str())),
            "outdated_amount" | "rejection_reason" => in_list(&activity.facts, name),
            "publisher_parameters" | "publisher_parameter" => object(&activity.input.custom),
            "partner_parameters" => object(&activity.input.partner_custom),
            "conversion_referer" => lent(&activity.input.referer),

            "sid" => session.and_then(|s| made(s.id)),
            "para1" => para(0),
            "para2" => para(1),
            "para3" => para(2),
            "para4" => para(3),
            "para5" => para(4),
            "label" => session.and_then(|s| lent(&s.label)),
            "click_referer" => session
                .filter(|s| is_click(s.kind))
                .and_then(|s| lent(&s.referer)),
            "deeplink" => self.named(name).or_else(|| self.clicked("deep_link")),
            "destination" => session.and_then(|s| lent(&s.destination)),
            "reftag" => session.map_or_else(|| made(activity.id), |s| made(s.id)),
            "reftags" => self.losers(),
            "is_bot" => session.and_then(|s| flag(s.is_automated())),

            "cid" | "app_token" => activity.offer.as_ref().and_then(|id| lent(id.as_str())),
            "offer_name" | "app_name" | "app_name_dashboard" => offer.and_then(|offer| lent(&offer.name)),
            "app_id" => offer
                .and_then(|offer| lent(offer.app_id.as_deref()?))
                .or_else(|| self.reported(name)),
            "partner" => self.context.partner.and_then(|partner| lent(&partner.name)),
            "partner_id" => session
                .and_then(|s| s.partner.as_ref())
                .and_then(|id| lent(id.as_str())),
            "tracker" => session.and_then(|s| lent(s.link.as_str())),
            "tracker_name" | "trackerName" => match session {
                Some(session) => made(session.tracker_name()),
                None => self.organic(),
            },
            "network_name" => level(0).or_else(|| self.organic()),
            "campaign_name" => level(1),
            "adgroup_name" => level(2),
            "creative_name" => level(3),

            // Who earned an install that Apple tells of, only Apple knows.
            "is_organic" if activity.kind == ActivityKind::SkInstall => {
                session.and_then(|_| flag(false)).or_else(|| self.reported(name))
            }
            "is_organic" => flag(session.is_none()),
            "match_type" => activity.match_type.and_then(|matched| lent(matched.into())),
            "impression_based" => session.and_then(|s| flag(is_view(s.kind))),
            "conversion_duration" => self.reported(name).or_else(|| {
                let from = session.filter(|_| !self.is_engagement())?.at_ms();
                seconds((self.converted_at_ms(from) - from).max(0))
            }),
            "click_attribution_window" => self.window(|w| w.click_ms),
            "impression_attribution_window" => self.window(|w| w.impression_ms),
            "fingerprint_attribution_window" | "probmatching_attribution_window" => {
                self.window(|w| w.click_probabilistic_ms)
            }
            "reattribution_attribution_window" => self.window(|w| w.reattribution_ms),
            "attribution_ttl" | "reattribution_attribution_ttl" => self.temporary_hours(),
            "reattribution_fallback_type" => self.temporary().map(|windows| {
                Cow::Borrowed(if windows.is_temporary_to_organic {
                    "organic"
                } else {
                    "last_eligible_source"
                })
            }),
            "inactive_user_definition" => self.window(|w| w.inactivity_ms),

            "created_at" => seconds(activity.at_ms),
            "created_at_hour" => hour(activity.at_ms),
            "created_at_milli" => made(activity.at_ms),
            "received_at" => seconds(activity.id.at_ms()),
            "click_time" => self.engaged_at(is_click).and_then(seconds),
            "click_time_hour" => self.engaged_at(is_click).and_then(hour),
            "impression_time" => self.engaged_at(is_view).and_then(seconds),
            "impression_time_hour" => self.engaged_at(is_view).and_then(hour),
            "engagement_time" => self.engaged_at(|_| true).and_then(seconds),
            "engagement_time_hour" => self.engaged_at(|_| true).and_then(hour),

            "adid" => self
                .named(name)
                .or_else(|| lent(&activity.tuid).filter(|_| self.is_of_app())),
            "idfa_upper" => self
                .named(name)
                .or_else(|| self.named("idfa"))
                .map(|id| Cow::Owned(id.to_ascii_uppercase())),
            "user_agent" => self.user_agent(),
            "ip_address" => self.ip_address(),
            "isp" => self.device(name, |s| &s.geo.isp),
            "browser" => self.device(name, |s| &s.device.browser),
            "device_name" => self.device(name, |s| &s.device.device_name),
            "device_model" => self
                .named(name)
                .or_else(|| self.device("device_name", |s| &s.device.device_name)),
            "device_type" => self.device(name, |s| &s.device.device_type),
            "os_name" => self.device(name, |s| &s.device.os_name),
            "os_version" => self.device(name, |s| &s.device.os_version),
            "language" => self.device(name, |s| &s.device.language),
            "country" => self
                .device(name, |s| &s.geo.country)
                .map(|code| Cow::Owned(code.to_ascii_lowercase())),
            "country_subdivision" => self.device(name, |s| &s.geo.subdivision),
            "region" => self.device(name, |s| &s.device.region),
            "city" => self.device(name, |s| &s.geo.city),
            "postal_code" => self.device(name, |s| &s.geo.postal_code),
            _ => person::value(self, name),
        }
    }
}

impl Values for ActivityValues<'_> {
    fn value(&self, placeholder: &'static Placeholder) -> Option<Cow<'_, str>> {
        match placeholder.source {
            catalogue::Source::Record => self.recorded(placeholder.name),
            catalogue::Source::Parameter => self.sent_or_derived(placeholder.name),
        }
    }

    /// Any parameter of the click URL, also those that have a field of their own.
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let session = self.session()?;
        // A partner's own name for one of the five.
        let of_partner = || {
            let parameters = &self.context.partner?.click_parameters;
            let slot = parameters.iter().find(|parameter| parameter.name == name)?.para?;
            session
                .para
                .get(usize::from(slot).checked_sub(1)?)
                .and_then(|value| lent(value))
        };
        session.parameter(name).map(Cow::Borrowed).or_else(of_partner)
    }

    /// What came with the activity itself, else with the click: platforms' ids come with either.
    fn own_parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        person::own(&self.activity.input, name).or_else(|| self.parameter(name))
    }

    fn keeps_bytes(&self) -> bool {
        self.session()
            .is_some_and(|session| note::has_raw(&session.parameters))
    }

    fn bytes(&self, parameter: &str) -> Option<Vec<u8>> {
        note::raw(&self.session()?.parameters, parameter)
    }

    fn custom(&self) -> &[(String, String)] {
        if self.activity.kind.appends_custom_parameters() && !self.of_rule.is_for_platform {
            &self.activity.input.custom
        } else {
            &[]
        }
    }
}
