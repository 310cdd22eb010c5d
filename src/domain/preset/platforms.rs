//! The files of platforms, one each in `platforms/`, by the id of their preset.

/// Id and file.
pub(super) const FILES: &[(&str, &str)] = &[
    ("applovin_axon", include_str!("platforms/applovin_axon.json")),
    ("ga4", include_str!("platforms/ga4.json")),
    (
        "google_ads_offline",
        include_str!("platforms/google_ads_offline.json"),
    ),
    (
        "google_ads_service_account",
        include_str!("platforms/google_ads_service_account.json"),
    ),
    ("impact", include_str!("platforms/impact.json")),
    ("line_ads_capi", include_str!("platforms/line_ads_capi.json")),
    ("ly_ads", include_str!("platforms/ly_ads.json")),
    ("meta_capi", include_str!("platforms/meta_capi.json")),
    ("microsoft_ads", include_str!("platforms/microsoft_ads.json")),
    ("openai_ads", include_str!("platforms/openai_ads.json")),
    ("pinterest", include_str!("platforms/pinterest.json")),
    ("reddit", include_str!("platforms/reddit.json")),
    ("smartnews", include_str!("platforms/smartnews.json")),
    ("smartnews_app", include_str!("platforms/smartnews_app.json")),
    ("snapchat", include_str!("platforms/snapchat.json")),
    ("tiktok", include_str!("platforms/tiktok.json")),
    ("tradedoubler", include_str!("platforms/tradedoubler.json")),
    ("webgains", include_str!("platforms/webgains.json")),
    ("x_ads", include_str!("platforms/x_ads.json")),
    ("yahoo_jp_capi", include_str!("platforms/yahoo_jp_capi.json")),
    ("yahoo_search", include_str!("platforms/yahoo_search.json")),
];
