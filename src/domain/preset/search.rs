//! Finding presets by what people type: names, companies, readings, domains.

use super::fold::fold;
use super::{CATALOGUE, Preset};

/// Presets that match every word of the query, best first; all of them for an empty query. Looks at names,
/// companies, readings, ids and domains; case, width, and hiragana or katakana do not matter. A pasted URL
/// finds the systems of its domain.
pub fn search(query: &str) -> Vec<&'static Preset> {
    let domain = query
        .trim()
        .split_once("://")
        .map(|(_, rest)| rest.split(['/', '?', '#', ':']).next().unwrap_or(rest));
    let words: Vec<String> = match domain {
        Some(domain) => vec![fold(registrable(domain))],
        None => query
            .split_whitespace()
            .map(fold)
            .filter(|word| !word.is_empty())
            .collect(),
    };
    let mut found: Vec<(u8, usize)> = CATALOGUE
        .haystacks
        .iter()
        .enumerate()
        .filter_map(|(index, haystack)| Some((haystack.rank(&words)?, index)))
        .collect();
    found.sort_unstable();
    found
        .into_iter()
        .filter_map(|(_, index)| CATALOGUE.presets.get(index))
        .collect()
}

/// The last two labels of a domain, three under the second-level domains of Japan and the United Kingdom.
pub(super) fn registrable(domain: &str) -> &str {
    let is_second_level = |label: &str| matches!(label, "co" | "ne" | "or" | "ac" | "gr" | "com" | "org");
    let dots: Vec<usize> = domain.rmatch_indices('.').map(|(at, _)| at).collect();
    let second = dots
        .first()
        .zip(dots.get(1))
        .and_then(|(last, second)| domain.get(second + 1..*last));
    let keep = if second.is_some_and(is_second_level) {
        dots.get(2)
    } else {
        dots.get(1)
    };
    keep.and_then(|at| domain.get(at + 1..)).unwrap_or(domain)
}

/// Folded texts that a preset is found by.
pub(super) struct Haystack {
    names: Vec<String>,
    others: Vec<String>,
}

impl Haystack {
    pub(super) fn of(preset: &Preset) -> Haystack {
        let rule = preset.rule.as_deref().unwrap_or_default();
        let hosts = rule
            .split("://")
            .skip(1)
            .filter_map(|rest| rest.split(['/', '?']).next())
            .filter(|host| !host.starts_with('<') || host.contains('.'));
        Haystack {
            names: vec![fold(&preset.name.en), fold(&preset.name.ja), fold(&preset.id)],
            others: preset
                .search
                .iter()
                .map(|s| fold(s))
                .chain(hosts.map(fold))
                .collect(),
        }
    }

    /// 0 for a name that begins with the first word, 1 for a name that holds it, 2 for the rest.
    fn rank(&self, words: &[String]) -> Option<u8> {
        let all = || self.names.iter().chain(&self.others);
        if !words
            .iter()
            .all(|word| all().any(|text| text.contains(word.as_str())))
        {
            return None;
        }
        let first = words.first().map_or("", String::as_str);
        if self.names.iter().any(|name| name.starts_with(first)) {
            Some(0)
        } else if self.names.iter().any(|name| name.contains(first)) {
            Some(1)
        } else {
            Some(2)
        }
    }
}
