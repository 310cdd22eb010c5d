//! On which sites browsers load the tag: what they name as the page's address, remembered in memory until the next
//! start. A hint for whoever builds the tag in, and never proof: anybody can name any site.

use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashMap;

/// Sites that are remembered; the one that was silent for longest makes room.
const MOST: usize = 500;
/// Bytes of a host name; the longest that there can be.
const MOST_BYTES: usize = 253;

/// A site on which the tag was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TagSeen {
    /// Host name of the page.
    pub host: String,
    /// When a browser loaded the tag there last, unix milliseconds. A browser keeps the tag for an hour.
    pub last_at_ms: i64,
    /// How often since the start.
    pub loads: u64,
}

/// The sites of late.
#[derive(Debug, Default)]
pub struct TagsSeen(Mutex<HashMap<String, (i64, u64)>>);

impl TagsSeen {
    /// Notes that the tag was loaded by a page.
    pub fn note(&self, referer: &str, now_ms: i64) {
        let Some(host) = host(referer) else { return };
        let mut sites = self.0.lock();
        if let Some((last, loads)) = sites.get_mut(&host) {
            (*last, *loads) = (now_ms, loads.saturating_add(1));
            return;
        }
        if sites.len() >= MOST
            && let Some(oldest) = sites
                .iter()
                .min_by_key(|(_, (last, _))| *last)
                .map(|(h, _)| h.clone())
        {
            sites.remove(&oldest);
        }
        sites.insert(host, (now_ms, 1));
    }

    /// The sites, the latest first.
    pub fn list(&self) -> Vec<TagSeen> {
        let sites = self.0.lock();
        let mut all: Vec<TagSeen> = sites
            .iter()
            .map(|(host, (last_at_ms, loads))| TagSeen {
                host: host.clone(),
                last_at_ms: *last_at_ms,
                loads: *loads,
            })
            .collect();
        all.sort_by(|a, b| (b.last_at_ms, &a.host).cmp(&(a.last_at_ms, &b.host)));
        all
    }
}

fn host(referer: &str) -> Option<String> {
    let parsed = url::Url::parse(referer).ok()?;
    let host = parsed.host_str().filter(|h| h.len() <= MOST_BYTES)?;
    matches!(parsed.scheme(), "http" | "https").then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_counted_latest_first_and_bounded() {
        let seen = TagsSeen::default();
        for (referer, at) in [
            ("https://shop.example.com/", 1),
            ("https://lp.example/x?y=1", 2),
            ("https://Shop.Example.com/thanks", 3),
            ("", 4),
            ("file:///home", 5),
            ("not a url", 6),
        ] {
            seen.note(referer, at);
        }
        let of = |host: &str, last_at_ms, loads| TagSeen {
            host: host.into(),
            last_at_ms,
            loads,
        };
        assert_eq!(
            seen.list(),
            [of("shop.example.com", 3, 2), of("lp.example", 2, 1)]
        );
        for n in 0..(MOST as i64 + 10) {
            seen.note(&format!("https://s{n}.example/"), 100 + n);
        }
        assert_eq!(seen.list().len(), MOST);
        assert!(seen.list().iter().all(|s| s.host != "lp.example"));
    }
}
