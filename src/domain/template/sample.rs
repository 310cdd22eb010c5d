//! The sample activity: what a rule is previewed with before there is real traffic. Every placeholder of the
//! catalogue has a value in it.

use super::catalogue::{self, Source};
use super::values::Context;
use crate::domain::activity::{
    Activity, ActivityInput, ActivityKind, Candidate, ConversionStatus, MatchType, Verdict,
};
use crate::domain::identity::{Consent, Digest, Form, Identity, IdentityPolicy};
use crate::domain::ids::{ActivityId, EventToken, IdError, LinkToken, OfferId, PartnerId, SessionId};
use crate::domain::link::Link;
use crate::domain::money::{Currency, Money};
use crate::domain::offer::{Approval, AttributionPolicy, DuplicatePolicy, Event, Offer};
use crate::domain::partner::{Partner, Wording};
use crate::domain::rates::Rates;
use crate::domain::rule::EventWord;
use crate::domain::session::{Device, EngagementKind, Geo, Session, SessionFlags};
use rust_decimal::Decimal;

/// Time of the sample click, unix milliseconds.
const CLICK_AT_MS: i64 = 1_763_700_000_000;
/// Time of the sample activity.
const AT_MS: i64 = CLICK_AT_MS + 72_000;

/// The sample with everything that it names.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The activity.
    pub activity: Activity,
    /// Its offer.
    pub offer: Offer,
    /// The credited partner.
    pub partner: Partner,
    /// The credited link.
    pub link: Link,
}

impl Sample {
    /// The context of the activity; the sample's own time is now.
    pub fn context(&self) -> Context<'_> {
        Context {
            offer: Some(&self.offer),
            partner: Some(&self.partner),
            link: Some(&self.link),
            now_ms: self.activity.at_ms,
            zone: "Asia/Tokyo",
            rates: Rates::NONE,
        }
    }
}

impl Sample {
    /// Makes it one of now, with ids of its own and the smallest amount: a platform takes nothing that is old, and
    /// nothing twice.
    pub fn renew(&mut self, now_ms: i64, random: u64) {
        let activity = &mut self.activity;
        let order = format!("TEST-{now_ms}-{random:016x}");
        activity.id = ActivityId::new(now_ms, random);
        activity.at_ms = now_ms;
        activity.money = activity.money.map(|_| yen(1));
        activity
            .input
            .uids
            .iter_mut()
            .take(1)
            .for_each(|uid| uid.clone_from(&order));
        if let Some(session) = activity.session.as_mut() {
            session.id = SessionId::new(now_ms - (AT_MS - CLICK_AT_MS), random);
        }
    }

    /// Makes its event the one that a rule maps first, where it maps events of sites.
    pub fn take_event(&mut self, map: &[EventWord]) {
        let is_kind = |row: &&EventWord| ActivityKind::ALL.iter().any(|kind| kind.as_str() == row.event);
        let first = map.iter().find(|row| !is_kind(row));
        if let (Some(row), Some(event)) = (first, self.offer.events.first_mut()) {
            event.name.clone_from(&row.event);
        }
    }
}

/// The value that the catalogue shows for a name.
fn shown(name: &str) -> String {
    catalogue::find(name)
        .map(|entry| entry.sample.to_owned())
        .unwrap_or_default()
}

fn yen(amount: u32) -> Money {
    Money {
        amount: Decimal::from(amount),
        currency: Currency::JPY,
    }
}

/// The person of the examples in the catalogue.
fn sample_identity(kind: ActivityKind) -> Identity {
    if matches!(kind, ActivityKind::Click | ActivityKind::Impression) {
        return Identity::default();
    }
    let digests = [
        (Form::EmailSha256, "taro.yamada@example.com"),
        (Form::EmailGoogleSha256, "taro.yamada@example.com"),
        (Form::EmailPlainSha256, "taroyamada@example.com"),
        (Form::PhoneE164Sha256, "+819012345678"),
        (Form::PhoneDigitsSha256, "819012345678"),
        (Form::ExternalIdSha256, "member-77"),
    ];
    Identity {
        digests: digests.map(|(form, normal)| Digest::of(form, normal)).into(),
        ad_user_data: Some(Consent::Granted),
        ad_personalization: Some(Consent::Granted),
    }
}

/// The sample of a kind. The tokens in it are written out, so making it cannot fail in practice; the error
/// would name a slip in this file.
pub fn sample_activity(kind: ActivityKind) -> Result<Sample, IdError> {
    let offer_id: OfferId = shown("cid").parse()?;
    let event: EventToken = shown("event").parse()?;
    let partner_id: PartnerId = shown("partner_id").parse()?;
    let link_token: LinkToken = shown("tracker").parse()?;
    let session = sample_session(kind, link_token.clone(), offer_id.clone(), partner_id.clone());
    let is_engagement = matches!(kind, ActivityKind::Click | ActivityKind::Impression);
    let is_conversion = matches!(kind, ActivityKind::Event | ActivityKind::EventUpdate);
    let is_settled = is_conversion || kind.is_arrival();
    let has_money = is_conversion || kind == ActivityKind::AdRevenue;
    let id = if is_engagement {
        ActivityId(session.id.0)
    } else {
        ActivityId::new(AT_MS, 0x2e11_0057)
    };
    let activity = Activity {
        id,
        kind,
        at_ms: if is_engagement { CLICK_AT_MS } else { AT_MS },
        offer: Some(offer_id.clone()),
        event: is_conversion.then(|| event.clone()),
        verdict: Verdict::Accepted,
        note: String::new(),
        status: is_settled.then_some(ConversionStatus::Approved),
        outdated_status: (kind == ActivityKind::EventUpdate).then_some(ConversionStatus::Pending),
        of: (kind == ActivityKind::EventUpdate).then(|| ActivityId::new(CLICK_AT_MS + 60_000, 7)),
        money: has_money.then(|| yen(3980)),
        payout: is_settled.then(|| yen(500)),
        input: sample_input(kind),
        match_type: Some(MatchType::Sid),
        candidates: vec![Candidate {
            session: SessionId::new(CLICK_AT_MS - 60_000, 3),
            matched_by: MatchType::Visitor,
            is_winner: false,
            lost_because: Some("older_than_winner".into()),
        }],
        tuid: shown("tuid"),
        is_test: false,
        rules: Vec::new(),
        history: Vec::new(),
        facts: sample_facts(kind),
        identity: sample_identity(kind),
        session: Some(Box::new(session)),
    };
    Ok(Sample {
        activity,
        offer: sample_offer(offer_id.clone(), event),
        partner: Partner {
            id: partner_id.clone(),
            name: shown("partner"),
            preset: None,
            stop: None,
            was_held: None,
            click_parameters: Vec::new(),
            callback_hosts: Vec::new(),
            delivery: Default::default(),
            payouts: Vec::new(),
            wording: Wording {
                statuses: [(ConversionStatus::Approved, shown("partner_status"))].into(),
                events: Default::default(),
            },
            charset: None,
            attribution: Default::default(),
            trust: Default::default(),
            note: String::new(),
            categories: Vec::new(),
            created_at_ms: CLICK_AT_MS,
            updated_at_ms: CLICK_AT_MS,
        },
        link: sample_link(link_token, offer_id, partner_id),
    })
}

fn sample_link(token: LinkToken, offer: OfferId, partner: PartnerId) -> Link {
    Link {
        token,
        offer,
        partner: Some(partner),
        network: shown("network_name"),
        campaign: Some(shown("campaign_name")),
        adgroup: Some(shown("adgroup_name")),
        creative: Some(shown("creative_name")),
        destinations: None,
        state: Default::default(),
        stop: None,
        attribution: AttributionPolicy {
            temporary_credit_h: shown("attribution_ttl").parse().ok(),
            temporary_to_organic: Some(true),
            ..AttributionPolicy::default()
        },
        domain: None,
        note: String::new(),
        created_at_ms: CLICK_AT_MS,
        updated_at_ms: CLICK_AT_MS,
    }
}

fn sample_offer(id: OfferId, event: EventToken) -> Offer {
    Offer {
        id,
        name: shown("offer_name"),
        group: String::new(),
        kind: Default::default(),
        state: Default::default(),
        stop: None,
        destinations: Default::default(),
        sid_param: "sid".into(),
        redirect_hosts: Vec::new(),
        sites: Vec::new(),
        events: vec![Event {
            token: event,
            name: shown("event_name"),
            is_unique: false,
            has_revenue: true,
            duplicates: DuplicatePolicy::default(),
            approval: Approval::default(),
            payout: None,
            unproven_amount: None,
        }],
        currency: Currency::JPY,
        attribution: Default::default(),
        accept_partner_click_id: false,
        installs: Default::default(),
        charset: None,
        repeat_click_s: 10,
        ip_privacy: Default::default(),
        count_bots: false,
        identity: IdentityPolicy::default(),
        trust: Default::default(),
        app_id: Some(shown("app_id")),
        created_at_ms: CLICK_AT_MS,
        updated_at_ms: CLICK_AT_MS,
    }
}

fn sample_session(kind: ActivityKind, link: LinkToken, offer: OfferId, partner: PartnerId) -> Session {
    let is_impression = kind == ActivityKind::Impression;
    Session {
        id: SessionId::new(CLICK_AT_MS, 0x7e11_0042),
        kind: if is_impression {
            EngagementKind::Impression
        } else {
            EngagementKind::Click
        },
        link,
        offer,
        partner: Some(partner),
        names: ["network_name", "campaign_name", "adgroup_name", "creative_name"]
            .map(shown)
            .to_vec(),
        tuid: shown("tuid"),
        ip: shown("ip_address"),
        ip_hash: 0,
        user_agent: shown("user_agent"),
        referer: shown("click_referer"),
        device: Device {
            os_name: shown("os_name"),
            os_version: shown("os_version"),
            device_type: shown("device_type"),
            device_name: shown("device_name"),
            browser: shown("browser"),
            language: shown("language"),
            region: shown("region"),
        },
        geo: Geo {
            country: shown("country"),
            subdivision: shown("country_subdivision"),
            city: shown("city"),
            postal_code: shown("postal_code"),
            isp: shown("isp"),
        },
        para: ["para1", "para2", "para3", "para4", "para5"].map(shown),
        label: shown("label"),
        device_ids: Vec::new(),
        parameters: vec![("deeplink".into(), shown("deeplink"))],
        callbacks: Vec::new(),
        cost: Vec::new(),
        destination: if is_impression {
            String::new()
        } else {
            shown("destination")
        },
        flags: SessionFlags {
            is_unique: true,
            ..SessionFlags::default()
        },
    }
}

fn sample_input(kind: ActivityKind) -> ActivityInput {
    let is_conversion = matches!(kind, ActivityKind::Event | ActivityKind::EventUpdate);
    let names = [
        "content_uid1",
        "content_uid2",
        "content_uid3",
        "content_uid4",
        "content_uid5",
        "content_uid6",
        "content_uid7",
        "content_uid8",
    ];
    ActivityInput {
        uids: if is_conversion {
            names.map(shown).to_vec()
        } else {
            Vec::new()
        },
        custom: if kind.appends_custom_parameters() {
            vec![("userID".into(), "123456".into())]
        } else {
            Vec::new()
        },
        partner_custom: vec![("tier".into(), "gold".into())],
        fields: vec![("page_url".into(), shown("page_url"))],
        ip: shown("ip_address"),
        user_agent: shown("user_agent"),
        referer: shown("conversion_referer"),
    }
}

/// Every name that is filled from parameters and available for the kind, with the value that the catalogue
/// shows, and what the record itself cannot have in this sample.
fn sample_facts(kind: ActivityKind) -> Vec<(String, String)> {
    let of_record = [
        "rejection_reason",
        "outdated_amount",
        "revenue_usd",
        "revenue_usd_cents",
        "revenue_cny",
        "revenue_cny_cents",
        "is_s2s",
    ];
    catalogue::all()
        .filter(|entry| entry.kinds.contains(kind))
        .filter(|entry| entry.source == Source::Parameter || of_record.contains(&entry.name))
        .map(|entry| (entry.name.to_owned(), entry.sample.to_owned()))
        .collect()
}
