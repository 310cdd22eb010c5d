//! The text of bytes that are not UTF-8: Shift_JIS or EUC-JP, as old carts and mobile sites of Japan still send.

use crate::domain::offer::Charset;
use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, SHIFT_JIS, WINDOWS_1252};

fn encoding(charset: Charset) -> &'static Encoding {
    match charset {
        Charset::ShiftJis => SHIFT_JIS,
        Charset::EucJp => EUC_JP,
        Charset::Gb18030 => GB18030,
        Charset::Big5 => BIG5,
        Charset::EucKr => EUC_KR,
        Charset::Windows1252 => WINDOWS_1252,
    }
}

/// The text of bytes that are not UTF-8: in the character set that was set where they are valid in it, else as
/// [`japanese`] finds.
pub fn text(bytes: &[u8], set: Option<Charset>) -> Option<(String, &'static str)> {
    let set = set.map(encoding);
    let as_set = set.and_then(|encoding| Some((decoded(encoding, bytes)?, encoding.name())));
    as_set.or_else(|| japanese(bytes))
}

/// The text of bytes in the one of Shift_JIS and EUC-JP that gives kana and kanji only. `None` when neither does:
/// a guess would make another name of it.
pub fn japanese(bytes: &[u8]) -> Option<(String, &'static str)> {
    [SHIFT_JIS, EUC_JP].into_iter().find_map(|encoding| {
        let text = decoded(encoding, bytes)?;
        text.chars().all(is_japanese).then_some((text, encoding.name()))
    })
}

fn decoded(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

/// ASCII, kana, kanji, and what stands between them. Half-width kana are left out: nearly every EUC-JP text is one
/// in Shift_JIS.
fn is_japanese(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{7f}'
        | '\u{3000}'..='\u{303f}'
        | '\u{3041}'..='\u{30ff}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ff01}'..='\u{ff5e}'
        | '’' | '”' | '…' | '―' | '￥')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_character_set_is_found_by_its_text() {
        for text in [
            "テスト",
            "春",
            "山田太郎",
            "夏セール 2026",
            "（株）山彦",
            "ポイント・サイト",
        ] {
            for (encoding, name) in [(SHIFT_JIS, "Shift_JIS"), (EUC_JP, "EUC-JP")] {
                let bytes = encoding.encode(text).0;
                assert_eq!(
                    japanese(&bytes),
                    Some((text.to_owned(), name)),
                    "{text} in {name}"
                );
            }
        }
        for bytes in [&b"\x8f"[..], b"\xff\xfe", b"caf\xe9", b"\xca"] {
            assert_eq!(japanese(bytes), None, "{bytes:?}");
        }
    }
}
