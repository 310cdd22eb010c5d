// Records as the admin API shows them, made up but always the same: for looking at screens without a server.
let seed = 7;
const random = () => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const id16 = () => Array.from({ length: 16 }, () => pick([..."0123456789abcdefghijklmnopqrstuvwxyz"])).join("");

export const HOSTILE = `<img src=x onerror="window.hacked=1">"'\`{{7*7}}\u202e`;
const now = Date.now();
const DAY = 86_400_000;
const trust = { mode: "off", bearer_tokens: [], hmac_secret: { is_set: false }, allowed_ips: [] };
const delivery = {
  timeout_s: null,
  max_per_second: null,
  max_concurrent: null,
  schedule_s: null,
  short_schedule_s: null,
  ttl_h: null,
};
const event = (token, name, approval = { mode: "automatic" }) => ({
  token,
  name,
  is_unique: false,
  has_revenue: true,
  duplicates: { by: "default", days: 365, scope: "offer" },
  approval,
  payout: { type: "fixed", amount: "1500", currency: "JPY" },
});
const offer = (id, name, kind, events, url) => ({
  id,
  name,
  kind,
  state: "active",
  destinations: { default: url, ios: null, android: null, deep_link: null, fallback: null },
  sid_param: "sid",
  redirect_hosts: [],
  sites: ["https://shop.example.com"],
  events,
  currency: "JPY",
  attribution: {},
  accept_partner_click_id: false,
  repeat_click_s: 10,
  ip_privacy: "truncated",
  count_bots: false,
  trust,
  app_id: null,
  created_at_ms: now - 40 * DAY,
  updated_at_ms: now - 3 * DAY,
});
export const offers = [
  offer(
    "skincare2026",
    "美容液 お試しセット",
    "web",
    [event("pur001", "購入", { mode: "manual" }), event("lead01", "資料請求")],
    "https://shop.example.com/lp/serum",
  ),
  offer(
    "gamehero0001",
    "Hero Battle (app)",
    "app",
    [event("inst01", "Tutorial done"), event("pay001", "In-app purchase")],
    "https://apps.example.com/hero",
  ),
  offer(
    "denki0000001",
    "でんき切り替えキャンペーン",
    "web",
    [event("appl01", "申込完了", { mode: "after_days", days: 30 })],
    "https://denki.example.jp/campaign?from=yb",
  ),
];
const partner = (id, name, macro) => ({
  id,
  name,
  preset: null,
  click_parameters: [{ name: "param1", para: 1, macro_text: macro }],
  callback_hosts: [],
  delivery,
  payouts: [],
  trust,
  note: "",
  created_at_ms: now - 30 * DAY,
  updated_at_ms: now - 2 * DAY,
});
export const partners = [
  partner("hanamed1", "はなメディア", "##sessionId##"),
  partner("adnet002", "AdNet Global", "{click_id}"),
  partner("pointsky", "ポイントスカイ", "${CLICKID}"),
  partner("hostile1", `Partner ${HOSTILE}`, "{x}"),
];
const link = (token, o, p, campaign) => {
  const macro = partners.find((x) => x.id === p)?.click_parameters[0].macro_text;
  const base = "https://t.example.com";
  return {
    token,
    offer: o,
    partner: p,
    network: partners.find((x) => x.id === p)?.name ?? "自社メルマガ",
    campaign,
    adgroup: null,
    creative: null,
    destinations: null,
    state: token === "paus0001" ? "paused" : "active",
    attribution: {},
    domain: null,
    note: "",
    created_at_ms: now - 20 * DAY,
    updated_at_ms: now - DAY,
    urls: {
      click_url: `${base}/c/${token}`,
      submission_url: `${base}/c/${token}${macro ? `?param1=${macro}` : ""}`,
      impression_url: `${base}/i/${token}${macro ? `?param1=${macro}` : ""}`,
      landing_tag: `<script src="${base}/tag.js" async></script>`,
      conversion_tag: `<script src="${base}/tag.js" async></script>\n<script>\nyamabiko('conversion', {cid: '${o}', amount: 1000, uid1: 'ORDER-ID'});\n</script>`,
      conversion_url: `${base}/cv?sid=SID&amount=AMOUNT&uid1=ORDER-ID`,
      direct_query: `yb_link=${token}`,
    },
  };
};
export const links = [
  link("abcd1234", "skincare2026", "hanamed1", "秋の特集"),
  link("efgh5678", "skincare2026", "adnet002", "retargeting"),
  link("ijkl9012", "gamehero0001", "adnet002", "launch-week"),
  link("mnop3456", "denki0000001", "pointsky", null),
  link("paus0001", "denki0000001", "hanamed1", "夏（終了）"),
  link("mail0001", "skincare2026", null, null),
];
const rule = (id, name, scope, statuses, text) => ({
  id,
  name,
  enabled: true,
  scope,
  kinds: ["event", "event_update"],
  event: null,
  statuses,
  text,
  method: "GET",
  body: null,
  headers: [],
  no_data: { policy: "empty" },
  signing_secret: { is_set: false },
  include_bots: false,
  updated_at_ms: now - DAY,
  broken: null,
});
const toPartner = (p) => ({ type: "partner", partner: p, offer: null });
export const rules = [
  rule(
    "hana0001",
    "承認待ち",
    toPartner("hanamed1"),
    ["pending"],
    "https://hana.example/pb?sid=##PARA1##&amount=##AMOUNT##&uid=##CONTENT_UID1##",
  ),
  rule("hana0002", "承認", toPartner("hanamed1"), ["approved"], "https://hana.example/pb?sid=##PARA1##&status=1"),
  rule("hana0003", "否認", toPartner("hanamed1"), ["rejected"], "https://hana.example/pb?sid=##PARA1##&status=9"),
  rule(
    "adnet001",
    "AdNet",
    toPartner("adnet002"),
    [],
    "equal,{country},jp,https://track.adnet.example/postback?cid={para1}&rev={revenue_float}",
  ),
  rule(
    "own00001",
    "自社サーバー",
    { type: "offer", offer: "skincare2026" },
    [],
    "https://api.shop.example.com/hooks/yamabiko?sid={sid}&kind={activity_kind}",
  ),
];

const AGENTS = [
  ["ios", "Safari", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) Safari/604.1"],
  ["android", "Chrome", "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/131 Mobile"],
  ["windows", "Edge", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/131"],
  ["", "", HOSTILE],
];
export const sessions = Array.from({ length: 130 }, (_, i) => {
  const l = links[i % links.length];
  const agent = pick(AGENTS);
  return {
    id: id16(),
    at_ms: now - Math.floor(i * i * 11_000 + random() * 30_000),
    kind: i % 11 === 5 ? "impression" : "click",
    link: l.token,
    offer: l.offer,
    partner: l.partner,
    tracker_name: [l.network, l.campaign].filter(Boolean).join("::"),
    tuid: id16(),
    ip: "203.0.113.0",
    user_agent: agent[2],
    referer: i % 3 ? "https://media.example.jp/article/123" : "",
    os_name: agent[0],
    os_version: "18.2",
    device_type: "phone",
    device_name: "",
    browser: agent[1],
    language: "ja",
    country: pick(["jp", "jp", "jp", "us", ""]),
    city: "",
    para: [l.partner ? `clk-${1000 + i}` : "", "", "", "", ""],
    label: i % 9 === 0 ? HOSTILE : "",
    device_ids: [],
    parameters:
      i % 7 === 0
        ? [
            ["gclid", "Cj0KCQ"],
            ["q", HOSTILE],
          ]
        : [],
    destination: `${offers.find((o) => o.id === l.offer).destinations.default}?sid=…`,
    is_bot: i % 13 === 4,
    is_prefetch: i % 29 === 7,
    is_repeat: i % 17 === 3,
    is_unique: i % 3 !== 0,
    is_test: i % 40 === 9,
    is_s2s: false,
    is_cut: false,
    is_spooled: false,
  };
});
const REASONS = ["unknown_session", "duplicate_uid", "outside_window", "invalid_field", "bad_token"];
export const activities = sessions.slice(0, 60).map((s, i) => {
  const o = offers.find((x) => x.id === s.offer);
  const isBad = i % 6 === 4;
  const reason = isBad ? REASONS[i % REASONS.length] : null;
  const status = isBad ? null : ["pending", "approved", "approved", "rejected"][i % 4];
  return {
    id: id16(),
    kind: s.offer.startsWith("game") && i % 2 ? "install" : "event",
    at_ms: s.at_ms + 60_000 * (1 + (i % 50)),
    received_at_ms: s.at_ms + 60_000,
    offer: s.offer,
    event: o.events[0].token,
    verdict: isBad ? (reason.startsWith("duplicate") ? "duplicate" : "refused") : "accepted",
    reason,
    remedy: null,
    duplicate_of: reason?.startsWith("duplicate") ? sessions[0].id : null,
    note: reason === "invalid_field" ? 'amount: "１，０００円" must be a plain number' : "",
    status,
    outdated_status: null,
    of: null,
    money: { amount: String(1980 + i * 110), currency: "JPY" },
    payout: { amount: "1500", currency: "JPY" },
    uids: [i === 3 ? HOSTILE : `ORDER-${20260 + i}`],
    custom:
      i % 5 === 0
        ? [
            ["coupon", "AUTUMN"],
            ["note", HOSTILE],
          ]
        : [],
    fields: [],
    session: reason === "unknown_session" ? null : s.id,
    partner: s.partner,
    link: s.link,
    tracker_name: s.tracker_name,
    para1: s.para[0],
    match_type: isBad ? null : "sid",
    tuid: s.tuid,
    ip: "198.51.100.0",
    user_agent: "curl/8",
    is_test: s.is_test,
    candidates: isBad
      ? []
      : [
          { session: s.id, matched_by: "sid", is_winner: true, lost_because: null },
          { session: sessions[i + 6].id, matched_by: "visitor", is_winner: false, lost_because: "older_than_winner" },
        ],
    rules: isBad
      ? []
      : [
          {
            origin: { type: "rule", id: "hana0001" },
            entry: 0,
            condition: null,
            holds: true,
            postback: null,
            skipped: null,
          },
          {
            origin: { type: "rule", id: "adnet001" },
            entry: 0,
            condition: '{country} = "us" equal "jp"',
            holds: false,
            postback: null,
            skipped: null,
          },
        ],
    history: status ? [{ at_ms: s.at_ms + 60_000, status, by: "automatic" }] : [],
    facts: [],
  };
});
const attempt = (number, at_ms, status) => ({
  number,
  at_ms,
  duration_ms: status ? 87 : 10_000,
  url: "https://hana.example/pb",
  status,
  retry_after_s: null,
  error: status ? null : "timeout",
  message: status ? null : "no answer within 10 s",
  headers: status ? [["content-type", "text/plain"]] : [],
  excerpt: status === 200 ? "OK" : status ? `<html>${HOSTILE}</html>` : "",
  remote_addr: "203.0.113.9:443",
  is_manual: false,
});
export const postbackDetails = activities
  .filter((a) => a.verdict === "accepted" && a.partner)
  .map((a, i) => {
    const state = ["delivered", "delivered", "waiting", "delivered", "failed"][i % 5];
    const attempts =
      state === "delivered"
        ? [attempt(1, a.at_ms + 40, 200)]
        : state === "waiting"
          ? [attempt(1, a.at_ms + 40, null), attempt(2, a.at_ms + 9_000, 503)]
          : [attempt(1, a.at_ms + 40, 404)];
    const postback = {
      id: id16(),
      activity: a.id,
      offer: a.offer,
      partner: a.partner,
      origin: { type: "rule", id: "hana0001" },
      entry: 0,
      lane: "https://hana.example:443",
      request: {
        method: "GET",
        url: `https://hana.example/pb?sid=${a.para1}&amount=${a.money.amount}&uid=${encodeURIComponent(a.uids[0])}`,
        headers: [],
        body: null,
      },
      created_at_ms: a.at_ms,
      state,
      due_at_ms: state === "waiting" ? now + 90_000 : null,
      settled_at_ms: state === "waiting" ? null : a.at_ms + 100,
      fail_reason: state === "failed" ? "exhausted" : null,
      attempts: attempts.length,
      is_test: a.is_test,
      last: attempts.at(-1),
    };
    if (a.rules[0]) a.rules[0].postback = postback.id;
    return { postback, attempts };
  });

const counters = (clicks) => {
  const conversions = Math.floor(clicks / 23);
  return {
    clicks,
    unique_clicks: Math.floor(clicks * 0.8),
    impressions: clicks * 12,
    automated: Math.floor(clicks / 14),
    repeats: Math.floor(clicks / 30),
    conversions,
    pending: Math.floor(conversions / 4),
    approved: conversions - Math.floor(conversions / 4) - Math.floor(conversions / 8),
    rejected: Math.floor(conversions / 8),
    duplicates: 1,
    refused: clicks > 3000 ? 3 : 0,
    installs: 0,
    sessions: 0,
    reattributions: 0,
    revenue: conversions ? [{ amount: String(conversions * 5400), currency: "JPY" }] : [],
    payout: conversions ? [{ amount: String(conversions * 1500), currency: "JPY" }] : [],
    cost: [],
  };
};
const add = (rows) => {
  const total = counters(0);
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      if (typeof value === "number") total[name] += value;
      else if (Array.isArray(value))
        for (const m of value)
          total[name] = [{ amount: String(Number(total[name][0]?.amount ?? 0) + Number(m.amount)), currency: "JPY" }];
    }
  }
  return total;
};
export function stats(query) {
  const group = query.get("group_by");
  const from = Number(query.get("from_ms") ?? now - 30 * DAY);
  const to = Number(query.get("to_ms") ?? now);
  const labels = Object.fromEntries([
    ...links.map((l) => [l.token, [l.network, l.campaign].filter(Boolean).join(" › ")]),
    ...[...partners, ...offers].map((x) => [x.id, x.name]),
    ["pur001", "購入"],
    ["lead01", "資料請求"],
  ]);
  const step = group === "hour" ? 3_600_000 : DAY;
  const rowsFrom = (start) => {
    const rows = [];
    for (let at = start; at < start + (to - from); at += step)
      rows.push({
        key: String(at),
        label: String(at),
        at_ms: at,
        ...counters(Math.floor((group === "hour" ? 60 : 900) * (1 + Math.sin(at / step / 3)) + 20)),
      });
    return rows;
  };
  const named = {
    link: links.map((l) => l.token),
    partner: partners.map((p) => p.id),
    offer: offers.map((o) => o.id),
    event: ["pur001", "lead01"],
    campaign: ["秋の特集", "retargeting", ""],
    country: ["jp", "us", ""],
    device: ["ios/phone", "android/phone", "windows/pc"],
  };
  const rows =
    group === "hour" || group === "day"
      ? rowsFrom(from)
      : named[group].map((key, i) => ({ key, label: labels[key] ?? key, at_ms: null, ...counters(2400 - i * 370) }));
  return {
    rows,
    total: add(rows),
    previous_total: query.get("compare") === "true" ? add(rowsFrom(from - (to - from))) : null,
  };
}

export const presets = [
  ["afad", "AFAD", "AFAD（アフィリエイトASPパッケージ）", "tracker", true],
  ["a8net", "A8.net", "A8.net（セッショントラッキング）", "asp", true],
  ["felmat", "felmat", "felmat（フェルマ）", "asp", false],
  ["moshimo", "Moshimo Affiliate", "もしもアフィリエイト", "asp", false],
  ["tiktok", "TikTok", null, "ad_network", false],
  ["adjust", "Adjust", null, "mmp", true],
  ["keitaro", "Keitaro", null, "tracker", true],
].map(([id, en, ja, kind, isVerified]) => ({
  id,
  name: { en, ja: ja ?? en },
  search: [],
  kind,
  region: "jp",
  for_apps: false,
  click: [{ name: "param1", para: 1, role: "click_id", macro: "##sessionId##", is_appended: false }],
  method: "GET",
  rule:
    id === "tiktok"
      ? null
      : "https://<HOST>/ac/action.php?cid=<ADVERT_ID>&af=##PARA1##&uid=##CONTENT_UID1##&amount=##AMOUNT##",
  blanks:
    id === "tiktok"
      ? []
      : [
          {
            name: "HOST",
            label: { en: "Host of the system", ja: "システムのホスト名" },
            is_secret: false,
            is_host: true,
          },
          { name: "ADVERT_ID", label: { en: "Advert id", ja: "広告ID" }, is_secret: false, is_host: false },
        ],
  no_rule:
    id === "tiktok"
      ? {
          code: "signed",
          text: { en: "This partner takes signed JSON only.", ja: "この媒体は署名付きJSONのみ受け付けます。" },
        }
      : null,
  handover: [],
  notify: null,
  note: {
    en: "The click id comes back under the name that the partner tells you.",
    ja: "クリックIDの受け渡し名は媒体に確認してください。",
  },
  confidence: isVerified ? "verified" : "unverified",
  source: null,
}));

export const placeholders = [
  [
    "sid",
    "session",
    "Session id of the click",
    "クリックのセッションID",
    "16 characters",
    "16文字",
    "0m3k8f2v9q1c7x5z",
  ],
  [
    "para1",
    "session",
    "First value that came with the click",
    "クリックURLの1つ目の付加値",
    "text",
    "文字列",
    "clk-1001",
  ],
  [
    "para2",
    "session",
    "Second value that came with the click",
    "クリックURLの2つ目の付加値",
    "text",
    "文字列",
    "site-7",
  ],
  ["amount", "money", "Amount of the conversion", "成果の金額", "number", "数値", "5400"],
  ["content_uid1", "activity", "First order number", "1つ目の注文番号", "text", "文字列", "ORDER-1001"],
  ["country", "geo", "Country of the click", "クリックの国", "two lower-case letters", "小文字2文字", "jp"],
  ["status", "activity", "Status of the conversion", "成果のステータス", "word", "単語", "approved"],
  ["activity_kind", "activity", "What happened", "発生した内容", "word", "単語", "event"],
  ["created_at", "time", "When it happened", "発生日時", "unix seconds", "UNIX秒", "1404214665"],
].map(([name, group, meaning_en, meaning_ja, format_en, format_ja, sample]) => ({
  name,
  group,
  meaning_en,
  meaning_ja,
  format_en,
  format_ja,
  sample,
  kinds: ["event", "event_update", "install"],
  source: "own",
}));
