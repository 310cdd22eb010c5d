//! Values in the path of a URL that would make a segment of it `.` or `..`: browsers and servers fold the path upward
//! then, to a page that nobody meant.

use std::ops::Range;

/// The URL without the values that would fold its path; `values` are the places of all of them, in order.
pub(super) fn without_folding(url: String, values: &[Range<usize>]) -> String {
    let path_end = url.find(['?', '#']).unwrap_or(url.len());
    let folds = |range: &&Range<usize>| {
        if range.start >= path_end || range.is_empty() {
            return false;
        }
        let start = url[..range.start].rfind('/').map_or(0, |at| at + 1);
        let end = url[range.start..path_end].find('/');
        let end = end.map_or(path_end, |at| range.start + at);
        let segment = url[start..end].to_ascii_lowercase().replace("%2e", ".");
        matches!(segment.as_str(), "." | "..")
    };
    let folding: Vec<_> = values.iter().filter(folds).collect();
    if folding.is_empty() {
        return url;
    }
    let (mut kept, mut from) = (String::with_capacity(url.len()), 0);
    for range in folding {
        kept.push_str(&url[from..range.start]);
        from = range.end;
    }
    kept.push_str(&url[from..]);
    kept
}
