//! Which character set an operator set for what comes in: values that are not UTF-8 are read in it.

use crate::domain::ids::SessionId;
use crate::domain::offer::{Charset, Offer};
use crate::domain::partner::Partner;
use crate::recorder::Recorder;
use crate::store::keys;
use crate::tracking::query::{self, Pairs};

/// What is set for a click: by the partner, who wrote the address, else by the offer.
pub fn of_click(partner: Option<&Partner>, offer: &Offer) -> Option<Charset> {
    partner.and_then(|partner| partner.charset).or(offer.charset)
}

/// What is set for a conversion or an activity of an app: by the offer that its query or form names (`cid`,
/// `app_token`, `sid`), whose shop or app sends it, else by the partner of its click. The session is read only where
/// a value is not UTF-8 and something is set.
pub fn of_report(raw: &[u8], recorder: &Recorder) -> Option<Charset> {
    if query::is_utf8(raw) {
        return None;
    }
    let catalog = recorder.catalog();
    let is_set = catalog.offers.values().any(|offer| offer.charset.is_some())
        || catalog.partners.values().any(|partner| partner.charset.is_some());
    if !is_set {
        return None;
    }
    let pairs = Pairs::parse(raw);
    let named = pairs.get("cid").or(pairs.get("app_token")).map(str::trim);
    let sid: Option<SessionId> = pairs.get("sid").and_then(|sid| sid.trim().parse().ok());
    // A session that cannot be read now is told of when the conversion is decided.
    let session = sid.and_then(|sid| recorder.reader().load(&keys::session(sid)).ok().flatten());
    let of_session = || {
        session
            .as_ref()
            .and_then(|session| catalog.offers.get(&session.offer))
    };
    let offer = match named {
        Some(named) => catalog.offers.get(named),
        None => of_session(),
    };
    offer.and_then(|offer| offer.charset).or_else(|| {
        let partner = session.as_ref()?.partner.as_ref()?;
        catalog.partners.get(partner)?.charset
    })
}
