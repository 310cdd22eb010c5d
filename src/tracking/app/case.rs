//! A request with what was found out about it, the first reason against it, and the activity that it becomes.

use super::reply::{Failure, Stop};
use super::{AppContext, AppRequest, DAY_MS, Endpoint, visitors};
use crate::domain::activity::{Activity, ActivityKind, RefusalReason};
use crate::domain::attribution::Rejection;
use crate::domain::note::Note;
use crate::domain::offer::{IpPrivacy, Offer, RunState};
use crate::domain::visitor::{Facts, Visitor};
use crate::recorder::Group;
use crate::store::StoreError;
use crate::tracking::query::cut;
use crate::tracking::trust::{self, Judgement};
use crate::tracking::{client, matching, personal};
use std::net::IpAddr;
use std::sync::Arc;

/// How far in the future a time may lie, for clocks that differ.
const FUTURE_SLACK_MS: i64 = 5 * 60 * 1000;

/// A request with what was found out about it.
pub(super) struct Case<'r> {
    pub(super) endpoint: Endpoint,
    pub(super) request: &'r AppRequest,
    pub(super) context: &'r AppContext,
    pub(super) offer: Arc<Offer>,
    /// When it happened, unix milliseconds; never in the future. A repetition is known by the time that was
    /// sent, `request.at_ms`: this one differs each time that a request with a time ahead of ours comes.
    pub(super) at_ms: i64,
    /// What a check that is only tried out would refuse.
    pub(super) note: String,
    pub(super) rejection: Option<Rejection>,
    /// Whether a token, a signature or a listed address vouches for it.
    pub(super) is_proven: bool,
}

/// A signature that is enforced and cannot be checked now, for want of the sealing key, is to be sent again.
fn refuse_locked(offer: &Offer) -> Result<(), Failure> {
    if !trust::is_locked(&offer.trust) {
        return Ok(());
    }
    let failure = Failure::new(
        503,
        "Signature cannot be checked now",
        RefusalReason::BadSignature,
    );
    Err(Failure {
        is_kept: false,
        ..failure
    })
}

/// The first reason against the request: for which app, by whom, of which device, when.
pub(super) fn investigate<'r>(
    endpoint: Endpoint,
    request: &'r AppRequest,
    context: &'r AppContext,
    group: &Group<'_>,
) -> Result<Case<'r>, Stop> {
    use RefusalReason as R;
    let now_ms = group.now_ms();
    if request.app_token.parse::<crate::domain::ids::OfferId>().is_err() {
        return Err(Failure::new(400, "Invalid app token", R::WrongOffer).into());
    }
    let Some(offer) = group.catalog().offers.get(request.app_token.as_str()).cloned() else {
        return Err(Failure::new(404, "App token not found", R::WrongOffer).into());
    };
    let mut case = Case {
        endpoint,
        request,
        context,
        at_ms: request.at_ms.unwrap_or(now_ms),
        note: String::new(),
        rejection: device_rejection(&offer, request, context),
        is_proven: false,
        offer,
    };
    // A claim is judged by the partner's policy, not the app's.
    if endpoint != Endpoint::Claim {
        refuse_locked(&case.offer)?;
        let judgement = trust::judge(&case.offer.trust, endpoint.scope(), &context.caller, now_ms);
        case.is_proven = judgement == Judgement::Proven;
        match judgement {
            Judgement::Refused(reason) => return Err(unauthorized(reason).into()),
            Judgement::Noted(reason) => {
                if reason == R::BadSignature {
                    case.rejection = case.rejection.or(Some(Rejection::IncorrectSignature));
                }
                case.note = format!("would be refused once the check is enforced: {}", reason.code());
            }
            Judgement::Proven | Judgement::Pass => {}
        }
    }
    if case.offer.state == RunState::Paused {
        return Err(Failure::new(403, "App is inactive", R::OfferPaused).into());
    }
    if !request.names_a_device() {
        let message = match request.malformed.first() {
            Some(name) => format!("{name} has a wrong form, and no other device id was sent."),
            None => {
                "Send a device id (idfa, gps_adid, idfv, ...) or the adid of an earlier answer.".to_owned()
            }
        };
        let field = Some(
            request
                .malformed
                .first()
                .cloned()
                .unwrap_or_else(|| "idfa".into()),
        );
        let failure = Failure::new(400, "Bad event state", R::InvalidField);
        return Err(Failure {
            field,
            message,
            ..failure
        }
        .into());
    }
    if visitors::is_forgotten(&case.offer, request, group)? && endpoint != Endpoint::Forget {
        let failure = Failure::new(451, "Device is opted out", R::ForgottenDevice);
        return Err(Failure {
            is_kept: false,
            ..failure
        }
        .into());
    }
    if case.at_ms > now_ms + FUTURE_SLACK_MS {
        return Err(Failure::new(400, "Bad event state", R::FutureTimestamp).into());
    }
    if case.at_ms < now_ms - endpoint.most_days() * DAY_MS {
        return Err(Failure::new(400, "Bad event state", R::TooOld).into());
    }
    case.at_ms = case.at_ms.min(now_ms);
    Ok(case)
}

fn unauthorized(reason: RefusalReason) -> Failure {
    Failure::new(401, "Failed to authorize request", reason)
}

/// What is wrong with the device as a whole.
fn device_rejection(offer: &Offer, request: &AppRequest, context: &AppContext) -> Option<Rejection> {
    let is_advertising = |name: &String| matches!(name.as_str(), "idfa" | "gps_adid" | "fire_adid" | "oaid");
    let is_anonymous = |ip: IpAddr| {
        offer
            .attribution
            .anonymous_networks
            .iter()
            .any(|net| net.contains(&ip))
    };
    if context.ip.is_some_and(is_anonymous) {
        Some(Rejection::AnonymousTraffic)
    } else if request.malformed.iter().any(is_advertising) {
        Some(Rejection::MalformedAdvertisingId)
    } else {
        None
    }
}

impl Case<'_> {
    /// The visitor that the request is about, credited as it is when the request happened.
    pub(super) fn visitor(&self, group: &Group<'_>) -> Result<Option<Visitor>, StoreError> {
        let mut found = visitors::find(&self.offer, self.request, self.at_ms, group)?;
        if let Some(visitor) = &mut found {
            visitor.is_proven |= self.is_proven;
        }
        Ok(found)
    }

    /// The same, where the device has to be known.
    pub(super) fn known_visitor(&self, group: &Group<'_>) -> Result<Visitor, Stop> {
        let unknown = || Failure::new(404, "Device not found", RefusalReason::UnknownDevice);
        Ok(self.visitor(group)?.ok_or_else(unknown)?)
    }

    /// Until when an engagement can have caused it: a time that was sent in whole seconds may be up to 999 ms
    /// earlier than the truth.
    pub(super) fn matched_until_ms(&self, now_ms: i64) -> i64 {
        let is_whole = self.request.at_ms.is_some_and(|at_ms| at_ms % 1000 == 0);
        if is_whole {
            self.at_ms.saturating_add(999).min(now_ms).max(self.at_ms)
        } else {
            self.at_ms
        }
    }

    /// An activity of the request, not credited yet.
    pub(super) fn activity(&self, kind: ActivityKind, group: &Group<'_>) -> Activity {
        let mut activity = self.context.caller.activity(group);
        activity.kind = kind;
        activity.at_ms = self.at_ms;
        activity.offer = Some(self.offer.id.clone());
        activity.note.clone_from(&self.note);
        activity.is_test |= self.request.is_test;
        activity.tuid = String::new();
        fill(&mut activity, self.request, self.context, Some(&self.offer));
        activity
    }

    /// An activity of a known visitor, credited as the visitor was when it happened. `before_ms` is the app session before it.
    pub(super) fn activity_of(
        &self,
        kind: ActivityKind,
        visitor: &Visitor,
        before_ms: Option<i64>,
        group: &Group<'_>,
    ) -> Activity {
        let mut activity = self.activity(kind, group);
        activity.tuid = visitor.adid.to_string();
        let (credit, match_type) = visitor.credited_at(self.matched_until_ms(group.now_ms()));
        activity.session = credit.cloned().map(Box::new);
        activity.match_type = Some(match_type);
        activity.facts = visitor.facts(before_ms);
        self.add_place(&mut activity);
        activity
    }

    fn add_place(&self, activity: &mut Activity) {
        let mut facts = Facts(std::mem::take(&mut activity.facts));
        facts.add("is_s2s", u8::from(self.request.is_s2s));
        facts.add(
            "environment",
            if activity.is_test { "sandbox" } else { "production" },
        );
        let geo = &self.context.geo;
        for (name, value) in [
            ("country", &geo.country),
            ("country_subdivision", &geo.subdivision),
            ("city", &geo.city),
            ("postal_code", &geo.postal_code),
            ("isp", &geo.isp),
        ] {
            if !value.is_empty() && self.offer.ip_privacy != IpPrivacy::None {
                facts.add(name, value);
            }
        }
        activity.facts = facts.0;
    }

    /// The device as the matching sees it.
    pub(super) fn subject(&self) -> matching::Subject<'_> {
        let request = self.request;
        let mut devices = Vec::new();
        let field = |name| request.field(name).unwrap_or_default().to_owned();
        let (os_name, model) = (field("os_name"), field("device_name"));
        if !os_name.is_empty() {
            devices.push((os_name, model));
        }
        if !request.user_agent.is_empty() {
            let device = client::agent(&request.user_agent).device;
            if !device.os_name.is_empty()
                && !devices.contains(&(device.os_name.clone(), device.device_name.clone()))
            {
                devices.push((device.os_name, device.device_name));
            }
        }
        let is_hashed = self.offer.ip_privacy != IpPrivacy::None;
        matching::Subject {
            ids: &request.ids,
            named: request.named,
            ip_hash: if is_hashed { self.context.ip_hash } else { 0 },
            devices,
        }
    }
}

/// What came with the request, as every activity keeps it.
pub(super) fn fill(
    activity: &mut Activity,
    request: &AppRequest,
    context: &AppContext,
    offer: Option<&Offer>,
) {
    activity.input.uids.clone_from(&request.uids);
    activity.input.custom.clone_from(&request.custom);
    activity.input.partner_custom.clone_from(&request.partner_custom);
    activity.input.fields.clone_from(&request.fields);
    activity.input.fields.extend(request.ids.iter().cloned());
    activity
        .input
        .fields
        .extend(request.notes.iter().cloned().map(Note::into_pair));
    personal::settle(&request.identity, offer, activity);
    if !request.user_agent.is_empty() {
        activity.input.user_agent = cut(&request.user_agent, 512).to_owned();
    }
    if let (Some(ip), Some(offer)) = (context.ip, offer) {
        activity.input.ip = client::stored_ip(ip, offer.ip_privacy);
    }
}
