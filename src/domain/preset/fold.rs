//! Folding of search texts, so that people find what they mean however they typed it: lower case, half-width
//! Latin, full-width kana, hiragana, no spaces or separators. Not a normalisation for anything else.

/// Half-width katakana U+FF66 to U+FF9D in hiragana.
const HALF_WIDTH: &str = "をぁぃぅぇぉゃゅょっーあいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわん";

/// The folded form of a text.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ﾞ' | '\u{3099}' | '゛' => voice(&mut out, 1),
            'ﾟ' | '\u{309a}' | '゜' => voice(&mut out, 2),
            _ => out.extend(letter(c).into_iter().flat_map(char::to_lowercase)),
        }
    }
    out
}

fn letter(c: char) -> Option<char> {
    let shifted = |by: u32| char::from_u32(u32::from(c) - by);
    match c {
        // Full-width ASCII.
        '\u{ff01}'..='\u{ff5e}' => shifted(0xfee0).and_then(letter),
        '\u{ff66}'..='\u{ff9d}' => HALF_WIDTH.chars().nth((u32::from(c) - 0xff66) as usize),
        // Katakana.
        '\u{30a1}'..='\u{30f6}' => shifted(0x60),
        '・' | '･' | '-' | '_' | '‐' | '(' | ')' | '\'' | '!' => None,
        c if c.is_whitespace() => None,
        c => Some(c),
    }
}

/// Puts a voicing mark on the last kana, where it can have one: `か` and 1 is `が`, `は` and 2 is `ぱ`.
fn voice(out: &mut String, by: u32) {
    let Some(last) = out.pop() else { return };
    let takes_it = match by {
        1 => "かきくけこさしすせそたちつてとはひふへほ".contains(last),
        _ => "はひふへほ".contains(last),
    };
    let voiced = match (last, by) {
        ('う', 1) => Some('ゔ'),
        _ if takes_it => char::from_u32(u32::from(last) + by),
        _ => None,
    };
    out.push(voiced.unwrap_or(last));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_type_a_name_fold_to_one() {
        for (typed, folded) in [
            ("ＡＢＣ　ｌｔｄ", "abcltd"),
            ("アフィ・ビー", "あふぃびー"),
            ("ｱﾌｨﾋﾞｰ", "あふぃびー"),
            ("ﾊﾟｰﾄﾅｰ", "ぱーとなー"),
            ("ハ\u{309a}ートナー", "ぱーとなー"),
            ("グノシー", "ぐのしー"),
            ("ｳﾞｧﾝｸﾞﾙ", "ゔぁんぐる"),
            ("Ad-Maven (x)", "admavenx"),
            ("楽天", "楽天"),
            ("ﾞ", ""),
        ] {
            assert_eq!(fold(typed), folded, "{typed}");
        }
        assert_eq!(HALF_WIDTH.chars().count(), 0xff9d - 0xff66 + 1);
    }

    proptest::proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            proptest::prop_assert_eq!(fold(&once), once);
        }
    }
}
