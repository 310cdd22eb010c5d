//! The record of what does not count: it refers to its session, and takes at most [`MOST_BYTES`], whatever was sent. It
//! holds what accepting it later needs, the fields that decide first. Pure.

use crate::domain::activity::Activity;
use crate::domain::note::{self, Note, NoteCode};
use crate::domain::session::Session;
use crate::store::Record;

/// Bytes of a record.
pub(super) const MOST_BYTES: usize = 1024;
/// Of the sentence for the operator.
const MOST_NOTE_BYTES: usize = 240;
/// Of user agent and referer, each.
const MOST_HEADER_BYTES: usize = 120;
/// Of the names of the levels below a link, together.
const MOST_NAMES_BYTES: usize = 120;
/// What says that something was left out.
const LEFT_OUT_BYTES: usize = 24;
/// What a text takes beside its bytes.
const LENGTH_BYTES: usize = 2;

/// The record of an activity that does not count.
pub(super) fn bounded(mut activity: Activity) -> Activity {
    activity.session = activity.session.map(|session| Box::new(brief(&session)));
    activity.candidates.truncate(1);
    activity.rules.clear();
    activity.history.clear();
    cut(&mut activity.note, MOST_NOTE_BYTES);
    let mut input = std::mem::take(&mut activity.input);
    cut(&mut input.user_agent, MOST_HEADER_BYTES);
    cut(&mut input.referer, MOST_HEADER_BYTES);
    let facts = std::mem::take(&mut activity.facts);
    activity.input.ip = input.ip;
    // What cannot be written is told where it is written.
    let base = activity.encode().map_or(0, |bytes| bytes.len());
    let mut room = Room {
        left: MOST_BYTES.saturating_sub(base + LEFT_OUT_BYTES),
        left_out: 0,
    };
    let kept = &mut activity.input;
    // Their places say which is which: one that does not fit leaves its place empty.
    kept.uids = input
        .uids
        .into_iter()
        .map(|uid| if room.takes(uid.len()) { uid } else { String::new() })
        .collect();
    let (sent, notes): (Vec<_>, Vec<_>) = input.fields.into_iter().partition(note::is_sent);
    kept.fields = room.pairs(sent);
    kept.custom = room.pairs(input.custom);
    kept.partner_custom = room.pairs(input.partner_custom);
    let notes = room.pairs(notes);
    activity.facts = room.pairs(facts);
    let kept = &mut activity.input;
    kept.fields.extend(notes);
    if room.takes(input.user_agent.len()) {
        kept.user_agent = input.user_agent;
    }
    if room.takes(input.referer.len()) {
        kept.referer = input.referer;
    }
    if room.left_out > 0 {
        let note = Note::new(NoteCode::LeftOut, "", &room.left_out.to_string());
        kept.fields.push(note.into_pair());
    }
    activity
}

/// What names a session, and whose it is.
fn brief(session: &Session) -> Session {
    let mut left = MOST_NAMES_BYTES;
    let names = session.names.iter().map_while(|name| {
        left = left.checked_sub(name.len())?;
        Some(name.clone())
    });
    Session {
        names: names.collect(),
        tuid: session.tuid.clone(),
        partner: session.partner.clone(),
        ip: String::new(),
        ip_hash: 0,
        user_agent: String::new(),
        referer: String::new(),
        device: Default::default(),
        geo: Default::default(),
        para: Default::default(),
        label: String::new(),
        device_ids: Vec::new(),
        parameters: Vec::new(),
        callbacks: Vec::new(),
        cost: Vec::new(),
        destination: String::new(),
        id: session.id,
        kind: session.kind,
        link: session.link.clone(),
        offer: session.offer.clone(),
        flags: session.flags,
    }
}

/// What is left of a record's bytes.
struct Room {
    left: usize,
    left_out: usize,
}

impl Room {
    fn takes(&mut self, bytes: usize) -> bool {
        let needs = bytes + LENGTH_BYTES;
        let fits = needs <= self.left;
        if fits {
            self.left -= needs;
        } else {
            self.left_out += 1;
        }
        fits
    }

    fn pairs(&mut self, pairs: Vec<(String, String)>) -> Vec<(String, String)> {
        let fits = |(name, value): &(String, String)| self.takes(name.len() + LENGTH_BYTES + value.len());
        pairs.into_iter().filter(fits).collect()
    }
}

fn cut(text: &mut String, most: usize) {
    let end = super::query::cut(text, most).len();
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ActivityKind;
    use crate::domain::template::sample::sample_activity;
    use proptest::prelude::*;

    /// Whether something that was sent is missing in it.
    fn is_cut(activity: &Activity) -> bool {
        note::notes(&activity.input.fields)
            .any(|note| note.code == NoteCode::LeftOut && note.field.is_empty())
    }

    fn sample() -> Activity {
        sample_activity(ActivityKind::Event).unwrap().activity
    }

    fn pairs(count: usize, len: usize) -> Vec<(String, String)> {
        (0..count).map(|n| (format!("p{n}"), "v".repeat(len))).collect()
    }

    #[test]
    fn what_decides_is_kept_first_and_the_session_is_named() {
        let mut activity = sample();
        activity.input.uids = vec!["order-1".into(), String::new(), "u".repeat(900), "four".into()];
        activity.input.fields = vec![("status".into(), "approved".into())];
        activity.input.custom = pairs(30, 2_000);
        activity.session.as_mut().unwrap().parameters = pairs(30, 200);
        let sid = activity.session.as_ref().unwrap().id;
        let record = bounded(activity.clone());
        assert_eq!(record.input.uids, ["order-1", "", "", "four"]);
        assert_eq!(record.input.fields[0], activity.input.fields[0]);
        assert!(record.input.custom.is_empty() && is_cut(&record));
        let session = record.session.as_ref().unwrap();
        assert_eq!((session.id, session.parameters.len()), (sid, 0));
        assert_eq!(session.link, activity.session.as_ref().unwrap().link);
        let small = Activity {
            input: Default::default(),
            facts: Vec::new(),
            ..sample()
        };
        assert!(!is_cut(&bounded(small)));
    }

    proptest! {
        #[test]
        fn it_is_never_larger_than_its_room(
            count in 0_usize..80, len in 0_usize..2_100, uid in 0_usize..300, names in 0_usize..500, note in 0_usize..900
        ) {
            let mut activity = sample();
            activity.input.uids = vec!["あ".repeat(uid); 8];
            activity.input.custom = pairs(count, len);
            activity.input.fields = pairs(count, len / 3);
            activity.input.referer = "r".repeat(1_024);
            activity.input.user_agent = "a".repeat(512);
            activity.facts = pairs(count, len / 7);
            activity.note = "メモ".repeat(note);
            activity.session.as_mut().unwrap().names = vec!["n".repeat(names); 4];
            let size = bounded(activity).encode().unwrap().len();
            prop_assert!(size <= MOST_BYTES, "{size}");
        }
    }
}
