//! The table: how variables look in the systems whose texts reach us, and the words that stand for no value.

/// What a variable stands between.
pub(super) struct Shape {
    open: &'static str,
    /// Empty: the opening alone says enough.
    close: &'static str,
    /// As people write it.
    pub(super) syntax: &'static str,
    /// Whose it is.
    pub(super) systems: &'static str,
    /// Whether what stands between must be a name.
    is_named: bool,
}

const fn any(open: &'static str, close: &'static str, syntax: &'static str, systems: &'static str) -> Shape {
    Shape {
        open,
        close,
        syntax,
        systems,
        is_named: false,
    }
}

const fn named(
    open: &'static str,
    close: &'static str,
    syntax: &'static str,
    systems: &'static str,
) -> Shape {
    Shape {
        open,
        close,
        syntax,
        systems,
        is_named: true,
    }
}

/// First characters of [`WHEREVER`].
const OPENERS: [char; 11] = ['<', '{', '%', '#', '$', '*', '[', '@', 'L', 'O', 'o'];

/// Variables wherever they stand in a value. The longer opening comes first.
const WHEREVER: &[Shape] = &[
    any("<!--{", "}-->", "<!--{…}-->", "EC-CUBE 2"),
    named("<!--", "-->", "<!--…-->", "manuals"),
    any(
        "{{",
        "}}",
        "{{ … }}",
        "Shopify, ecforce, EC-CUBE, Google Tag Manager",
    ),
    any("{%", "%}", "{% … %}", "Shopify, ecforce, EC-CUBE"),
    any("[%", "%]", "[% … %]", "Template Toolkit"),
    any("<{", "}>", "<{$…}>", "Color Me Shop"),
    any("{@", "@}", "{@ … @}", "futureshop"),
    any("{$", "}", "{$…}", "Smarty"),
    any("{=", "}", "{=…}", "Cafe24"),
    named("{!", "}", "{!…}", "Salesforce"),
    any("<?", "", "<?php … ?>", "PHP, WordPress"),
    any("<%", "", "<% … %>", "Ruby, ASP"),
    any("%{", "}", "%{…}", "Ruby"),
    any("#{", "}", "#{…}", "Ruby"),
    any("${", "}", "${…}", "JavaScript"),
    named("$(", ")", "$(…)", "jQuery, shells"),
    named("%(", ")s", "%(…)s", "Python"),
    named("*|", "|*", "*|…|*", "Mailchimp"),
    named("[[", "]]", "[[…]]", ""),
    named("<<", ">>", "<<…>>", ""),
    named("##", "##", "##…##", "CATS"),
    named("%%", "%%", "%%…%%", "mail systems"),
    named("@@", "@@", "@@…@@", "Tamago Repeat"),
    named("{", "}", "{…}", "ecforce, Stripe, ad networks"),
    any("[object ", "]", "[object Object]", "JavaScript"),
    any("Liquid error", "", "Liquid error", "Shopify, ecforce"),
    any(
        "Liquid syntax error",
        "",
        "Liquid syntax error",
        "Shopify, ecforce",
    ),
    any("Object id #", "", "Object id #…", "PHP"),
    any("object id #", "", "Object id #…", "PHP"),
    any("#<", ":0x", "#<…:0x…>", "Ruby"),
];

/// Variables that are the whole value: a name between two delimiters.
pub(super) const NAMED: &[Shape] = &[
    named("[", "]", "[…]", "MakeShop, ecforce, ad networks"),
    named("%", "%", "%…%", "mail systems, ad networks"),
    named("#", "#", "#…#", "ad networks"),
    named("$", "$", "$…$", "futureshop"),
    named("@", "@", "@…@", "mail systems"),
    named("__", "__", "__…__", "TikTok, ad networks"),
    named("*", "*", "*…*", ""),
    named("|", "|", "|…|", ""),
    named("!", "!", "!…!", ""),
    named("!!", "!!", "!!…!!", ""),
    named("~", "~", "~…~", ""),
    named("^", "^", "^…^", ""),
];

/// Variables that are the whole value in the brackets of manuals, which names of articles use as well.
pub(super) const QUOTED: &[Shape] = &[
    named("<", ">", "<…>", "manuals"),
    named("(", ")", "(…)", "manuals"),
    any("【", "】", "【…】", "manuals"),
    named("「", "」", "「…」", "manuals"),
    named("『", "』", "『…』", "manuals"),
    named("〔", "〕", "〔…〕", "manuals"),
    named("《", "》", "《…》", "manuals"),
    named("〈", "〉", "〈…〉", "manuals"),
    named("«", "»", "«…»", "mail systems"),
];

/// Variables that the length of a field cut off, in values only: a template with such a mistake is told of it.
pub(super) const CUT_OFF: &[Shape] = &[
    named("{{", "", "{{ …", ""),
    named("", "}}", "… }}", ""),
    named("{", "", "{…", ""),
    named("", "}", "…}", ""),
];

const PREFIXED: Shape = named("$", "", "$…", "PHP");
const COLON: Shape = named(":", "", ":…", "");
const PRINTF: Shape = any("%", "", "%s", "C, PHP, Python");
const OBJECT: Shape = any("#", ":0x", "#…:0x…", "Shopify");
const NUMBERED: Shape = any("{", "}", "{0}", ".NET, Java, Python");

/// What HTML makes of delimiters. `&amp;` is first, so that what was escaped twice is read too.
pub(super) const HTML_ESCAPES: &[(&str, &str)] = &[
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&#123;", "{"),
    ("&#125;", "}"),
    ("&#x7b;", "{"),
    ("&#x7B;", "{"),
    ("&#x7d;", "}"),
    ("&#x7D;", "}"),
    ("&lbrace;", "{"),
    ("&rbrace;", "}"),
    ("&lcub;", "{"),
    ("&rcub;", "}"),
    ("&#91;", "["),
    ("&#93;", "]"),
    ("&lbrack;", "["),
    ("&rbrack;", "]"),
    ("&lsqb;", "["),
    ("&rsqb;", "]"),
    ("&percnt;", "%"),
    ("&num;", "#"),
    ("&dollar;", "$"),
];

impl Shape {
    /// Whether its delimiters enclose the whole text.
    pub(super) fn encloses(&self, text: &str) -> bool {
        let inside = text
            .strip_prefix(self.open)
            .and_then(|rest| rest.strip_suffix(self.close));
        inside.is_some_and(|inside| self.admits(inside))
    }

    /// Its length when a text begins with it.
    fn length_in(&self, text: &str) -> Option<usize> {
        let rest = text.strip_prefix(self.open)?;
        let length = rest.find(self.close)?;
        self.admits(&rest[..length])
            .then_some(self.open.len() + length + self.close.len())
    }

    fn admits(&self, inside: &str) -> bool {
        if self.is_named {
            is_name(inside)
        } else {
            self.close.is_empty() || !inside.is_empty()
        }
    }
}

/// The variable that a text begins with, and its length, of those that mean one wherever they stand.
pub(super) fn begins(text: &str) -> Option<(usize, &'static Shape)> {
    if !text.starts_with(OPENERS) {
        return None;
    }
    WHEREVER
        .iter()
        .find_map(|shape| Some((shape.length_in(text)?, shape)))
}

/// The first variable in a text that means one wherever it stands.
pub(super) fn find(text: &str) -> Option<&'static Shape> {
    text.match_indices(OPENERS)
        .find_map(|(start, _)| begins(&text[start..]))
        .map(|(_, shape)| shape)
}

/// Whether a text between delimiters can be the name of a variable: it begins with a letter and is made of letters,
/// digits and what joins them. Not the ids that stand between braces (`{F3504E04-4F89-11D3-9A0C-0305E82C3301}`).
pub(super) fn is_name(text: &str) -> bool {
    const LONGEST: usize = 100;
    let text = text.trim();
    let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '〇' | '○' | '●');
    text.len() <= LONGEST
        && text.starts_with(begins)
        && text.chars().any(char::is_alphabetic)
        && text.chars().all(|c| {
            c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '|' | ' ' | '$' | '>' | '/' | '・')
        })
        && !is_uuid(text)
}

fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    [8, 4, 4, 4, 12].iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| group.len() == *length && group.bytes().all(|b| b.is_ascii_hexdigit()))
    }) && groups.next().is_none()
}

/// Variables without a closing delimiter, or with a number for a name.
pub(super) fn bare(text: &str) -> Option<&'static Shape> {
    if let Some(name) = text.strip_prefix('$') {
        let is_lower = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'>' | b'[' | b']' | b'.'));
        let is_upper = name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        return (is_lower || is_upper).then_some(&PREFIXED);
    }
    if text.strip_prefix(':').is_some_and(is_variable_name) {
        return Some(&COLON);
    }
    if let Some(directive) = text.strip_prefix('%') {
        // `%2d` is an encoded hyphen.
        let number = directive.trim_start_matches(|c: char| c.is_ascii_digit());
        let letter = number.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '$' | '.'));
        let is_directive = matches!(letter, "s" | "d" | "i" | "u" | "f" | "ld" | "@")
            && (number.len() == directive.len() || number.len() > letter.len());
        return is_directive.then_some(&PRINTF);
    }
    // Ruby's text of an object; Liquid prints it without the `<`.
    if text.contains(":0x")
        && text
            .strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(char::is_uppercase))
    {
        return Some(&OBJECT);
    }
    let number = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))?;
    ((1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())).then_some(&NUMBERED)
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether a value is what a program or a spreadsheet writes where it has none.
pub(super) fn is_nothing(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "undefined",
        "null",
        "nan",
        "none",
        "nil",
        "true",
        "false",
        "array",
        "object",
        "infinity",
        "-infinity",
        "(null)",
        "(none)",
        "(not set)",
        "not set",
        "not_set",
        "n/a",
        "#n/a",
        "#ref!",
        "#value!",
        "#name?",
        "#null!",
        "#div/0!",
        "{}",
        "[]",
        "()",
        "<>",
        "{{}}",
        "[[]]",
        "[{}]",
        "#num!",
    ];
    is_one_of(text, WORDS)
}

/// Whether a value is what our own snippets say where the operator puts a variable.
pub(super) fn is_own_sample(text: &str) -> bool {
    // In upper case only: that is how the snippets write them.
    matches!(text, "AMOUNT" | "SID") || text.eq_ignore_ascii_case("order-id")
}

/// Whether a value asks to be replaced: `REPLACE_ME`, `xxxx`, `your_click_id`, `CLICK_ID_HERE`, `【…】を入力`.
pub(super) fn is_to_be_filled(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "placeholder",
        "todo",
        "tbd",
        "changeme",
        "change_me",
        "change-me",
        "fixme",
    ];
    const LONGEST: usize = 200;
    if text.len() > LONGEST {
        return false;
    }
    let separators = ['_', '-', ' ', '.'];
    let first = text.split(separators).next().unwrap_or_default();
    let last = text.rsplit_once(separators).map(|(_, last)| last);
    is_one_of(text, WORDS)
        || is_run(text)
        || is_one_of(first, &["replace", "your", "insert", "enter"])
        || last.is_some_and(|last| last.eq_ignore_ascii_case("here"))
        || (!text.is_ascii()
            && ["を入力", "が代入", "を記入", "を挿入", "に置換", "に置き換え"]
                .iter()
                .any(|words| text.contains(words)))
}

/// Whether a text is one of the characters of a blank form three times or more.
fn is_run(text: &str) -> bool {
    let mut chars = text.chars().map(|c| c.to_ascii_lowercase());
    chars.next().is_some_and(|first| {
        matches!(first, 'x' | '○' | '〇' | '●' | '◯' | '*' | '×' | '?')
            && chars.clone().count() >= 2
            && chars.all(|other| other == first)
    })
}

/// Words that people try things out with.
const TRIALS: &[&str] = &[
    "test", "testing", "sample", "dummy", "example", "demo", "hoge", "foo",
];

/// Bytes of the longest word of [`NAMES`] and [`TRIALS`].
const LONGEST_NAME: usize = 13;

/// Names of variables, without hyphens and the like.
const NAMES: &[&str] = &[
    "order",
    "orderid",
    "orderno",
    "ordernum",
    "ordernumber",
    "ordercode",
    "transaction",
    "transactionid",
    "txid",
    "txnid",
    "saleid",
    "cvid",
    "conversionid",
    "userid",
    "memberid",
    "customerid",
    "uid",
    "sid",
    "sessionid",
    "clickid",
    "click",
    "subid",
    "affid",
    "amount",
    "price",
    "total",
    "totalprice",
    "totalamount",
    "subtotal",
    "revenue",
    "value",
    "payout",
    "currency",
    "string",
    "number",
    "id",
];

/// The same in Japanese.
const JAPANESE: &[&str] = &[
    "注文番号",
    "受注番号",
    "注文id",
    "注文ID",
    "オーダー番号",
    "オーダーID",
    "合計金額",
    "購入金額",
    "注文金額",
    "金額",
    "価格",
    "通貨",
    "会員番号",
    "会員ID",
    "成果識別ID",
    "成果識別子",
    "クリックID",
    "テスト",
    "サンプル",
    "ダミー",
];

/// Whether a fixed value in a URL is the name of an id, which nobody sends on purpose.
pub(super) fn is_id_name(text: &str) -> bool {
    const NAMES: &[&str] = &[
        "clickid",
        "click_id",
        "click-id",
        "subid",
        "sub_id",
        "affid",
        "aff_id",
        "txid",
        "txnid",
        "transactionid",
        "transaction_id",
        "orderid",
        "order_id",
        "クリックID",
        "クリックid",
        "注文番号",
        "注文ID",
        "受注番号",
        "成果識別ID",
        "成果識別子",
        "会員ID",
        "会員番号",
    ];
    is_one_of(text, NAMES)
}

/// Whether a value is the name of what it should hold, or a word that people try things out with.
pub(super) fn is_variable_name(text: &str) -> bool {
    if !text.is_ascii() {
        return JAPANESE.contains(&text) || text.starts_with("変数") || text.starts_with("テスト注文");
    }
    // `uid1`, `para1`, `test-01` and `order_1` count like the word without its number.
    let mut joined = [0; LONGEST_NAME + 3];
    let mut length = 0;
    for byte in text.bytes().filter(|b| !matches!(b, b'_' | b'-' | b'.' | b' ')) {
        let Some(place) = joined.get_mut(length) else {
            return false;
        };
        *place = byte;
        length += 1;
    }
    let joined = std::str::from_utf8(&joined[..length]).unwrap_or_default();
    let word = joined.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = joined.len() - word.len();
    match number {
        0 => is_one_of(word, NAMES) || is_one_of(word, TRIALS),
        1 => is_one_of(word, &["uid", "para", "param", "order", "sub", "subid"]) || is_one_of(word, TRIALS),
        2..=3 => is_one_of(word, TRIALS),
        _ => false,
    }
}
