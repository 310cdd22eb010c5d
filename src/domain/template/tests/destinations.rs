//! Mistakes in destinations of clicks.

use super::*;

fn code(text: &str) -> Option<(&'static str, Option<String>)> {
    check_destination(text, "destinations.default").map(|finding| {
        assert!(finding.is_error() && finding.field == "destinations.default");
        (finding.code, finding.replacement)
    })
}

#[test]
fn mistakes_are_named_with_a_remedy() {
    for (text, wrong, offer) in [
        ("https://shop.example/lp?a=1&amp;b={label}", "html_ampersand", "&"),
        ("https://shop.example/lp&a=1", "ampersand_without_question", "?"),
        (
            "https://shop.example/lp?c=[CLICK_ID]",
            "foreign_variable",
            "{para1}",
        ),
        (
            "https://shop.example/lp?c=__CLICK_ID__",
            "foreign_variable",
            "{para1}",
        ),
        (
            "https://shop.example/lp?c={{campaign.name}}",
            "foreign_variable",
            "{para1}",
        ),
        (
            "https://shop.example/lp?s=%7Bsid%7D",
            "encoded_placeholder",
            "{sid}",
        ),
        (
            "https://shop.example/lp?s=%23%23SID%23%23",
            "encoded_placeholder",
            "##SID##",
        ),
        (
            "https://shop.example/lp?s=##sid##",
            "unknown_placeholder",
            "##SID##",
        ),
        ("https://shop.example/lp？a=1", "full_width", "?"),
        ("https://shop.example/lp?a=1\u{200b}", "invisible_character", ""),
        ("https://shop.example/lp?a=1¶m1=x", "html_entity", "&para"),
        ("myshop://item?id=[ITEM]", "foreign_variable", "{para1}"),
    ] {
        assert_eq!(code(text), Some((wrong, Some(offer.into()))), "{text}");
    }
    assert_eq!(
        code("https://shop.example/lp?s=##NOPE_NOPE##").unwrap().0,
        "unknown_placeholder"
    );
}

#[test]
fn addresses_of_pages_are_taken_as_they_are() {
    for text in [
        "https://shop.example/lp",
        "https://shop.example/春?q=夏&r=100%",
        "https://shop.example/lp?a={label}&b={dcp_x}&s=##SID###top",
        "https://shop.example/Foo_(bar)/a&b",
        "https://shop.example/lp?filter[]=a&type=test&ok=REPLACE",
        "https://shop.example/#/page?x=1&y=2",
        "https://shop.example/?x=%7Bnot+ours%7D",
        "market://details?id=a.b&referrer=x%3Dy",
        "myshop://item?id={label}",
    ] {
        assert_eq!(code(text), None, "{text}");
    }
}
