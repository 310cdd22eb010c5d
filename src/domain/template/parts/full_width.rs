//! Placeholders that were typed in full width.

/// The run of a placeholder typed in full width: its length in bytes and its half-width form.
pub(super) fn half_width(rest: &str) -> (usize, String) {
    let mut half = String::new();
    let mut length = 0;
    for c in rest.chars() {
        let plain = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | '{' | '}') => c,
            _ => break,
        };
        half.push(plain);
        length += c.len_utf8();
        let is_closed =
            half.ends_with('}') || (half.len() > 4 && half.starts_with("##") && half.ends_with("##"));
        if is_closed {
            break;
        }
    }
    (length, half)
}
