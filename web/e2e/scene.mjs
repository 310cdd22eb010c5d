// A business with everything that the screens can show: three offers, four partners, links, rules, and a stretch of
// traffic with pending, approved and refused conversions and postbacks that arrived, wait and failed. Much of it is
// hostile text. Ids are fixed, so that tests can name addresses.
import { admin, claim, eventually, finishSetUp, PASSWORD, PHONE, receiver, serve } from "./server.mjs";

export const HOSTILE = `<img src=x onerror="window.hacked=1">"'\`{{7*7}}\u202e`;
/** An order number; what looks like the variable of a shop system would be taken as not sent. */
export const HOSTILE_ORDER = `<img src=x onerror="window.hacked=1">`;
const MANUAL = { mode: "manual" };
const PAYOUT = { type: "fixed", amount: "1500", currency: "JPY" };

const offer = (id, name, destination, events, more = {}) => ({
  id,
  name,
  destinations: { default: destination },
  events,
  sites: ["https://shop.example.com"],
  ...more,
});
const event = (token, name, approval) => ({
  token,
  name,
  has_revenue: true,
  payout: PAYOUT,
  ...(approval ? { approval } : {}),
});
const OFFERS = [
  offer("skincare2026", "美容液 お試しセット", "https://shop.example.com/lp/serum", [
    event("pur001", "購入", MANUAL),
    event("lead01", "資料請求"),
  ]),
  offer(
    "gamehero0001",
    "Hero Battle (app)",
    "https://apps.example.com/hero",
    [event("tuto01", "Tutorial done"), event("pay001", "In-app purchase")],
    { kind: "app" },
  ),
  offer("denki0000001", "でんき切り替えキャンペーン", "https://denki.example.jp/campaign?from=yb", [
    event("appl01", "申込完了", { mode: "after_days", days: 30 }),
  ]),
];
const partner = (id, name, macro_text) => ({
  id,
  name,
  click_parameters: [{ name: "param1", para: 1, macro_text }],
});
const PARTNERS = [
  partner("hanamed1", "はなメディア", "##sessionId##"),
  partner("adnet002", "AdNet Global", "{click_id}"),
  partner("pointsky", "ポイントスカイ", "[CLICKID]"),
  partner("hostile1", `Partner ${HOSTILE.replace("\u202e", "")}`, "{x}"),
];
const link = (token, offer, partner, network, campaign, more = {}) => ({
  token,
  offer,
  partner,
  network,
  campaign,
  ...more,
});
const LINKS = [
  link("abcd1234", "skincare2026", "hanamed1", "はなメディア", "秋の特集"),
  link("efgh5678", "skincare2026", "adnet002", "AdNet Global", "retargeting"),
  link("jkmn9012", "gamehero0001", "adnet002", "AdNet Global", "launch-week"),
  link("pqrs3456", "denki0000001", "pointsky", "ポイントスカイ", null),
  link("paus0001", "denki0000001", "hanamed1", "はなメディア", "夏（終了）", { state: "paused" }),
  link("mani0001", "skincare2026", null, "自社メルマガ", null),
];
const rule = (id, name, scope, statuses, text) => ({
  id,
  name,
  scope,
  statuses,
  text,
  kinds: ["event", "event_update"],
});
const rules = (good, down, gone) => {
  const to = (id) => ({ type: "partner", partner: id });
  const hana = `${good}/hana/pb?sid=##PARA1##&amount=##AMOUNT##&uid=##CONTENT_UID1##`;
  return [
    rule("hana0001", "承認待ち", to("hanamed1"), ["pending"], `${hana}&status=0`),
    rule("hana0002", "承認", to("hanamed1"), ["approved"], `${hana}&status=1`),
    rule("hana0003", "否認", to("hanamed1"), ["rejected"], `${hana}&status=9`),
    rule(
      "adnet001",
      "AdNet",
      to("adnet002"),
      [],
      `equal,{activity_kind},event,${down}/postback?cid={para1}&rev={revenue_float}`,
    ),
    rule("sky00001", "ポイントスカイ", to("pointsky"), ["pending"], `${gone}/sky?cid={para1}`),
    rule(
      "own00001",
      "自社サーバー",
      { type: "offer", offer: "skincare2026" },
      [],
      `${good}/hooks/yamabiko?sid={sid}&kind={activity_kind}`,
    ),
  ];
};

/** Starts a server with the scene. `stop` ends all of it. */
export async function scene() {
  const server = await serve({ environment: { YAMABIKO_DELIVERY_ALLOW_NETWORKS: "127.0.0.0/8" } });
  const [good, down, gone] = [
    await receiver(),
    await receiver(503, `<html>${HOSTILE}</html>`),
    await receiver(404, HOSTILE),
  ];
  const owner = await claim(server);
  const api = admin(server);
  await finishSetUp(server, api);
  const configuration = {
    format: "yamabiko-configuration-1",
    offers: OFFERS,
    partners: PARTNERS,
    links: LINKS,
    rules: rules(good.url, down.url, gone.url),
  };
  await api("POST", "/config/import", { text: JSON.stringify(configuration) });
  await api("POST", "/users", {
    login: "media@example.com",
    name: "媒体ご担当",
    role: "viewer",
    partners: ["hanamed1"],
    password: PASSWORD,
  });
  await api("POST", "/users", { login: "viewer@example.com", name: "経理", role: "viewer", password: PASSWORD });
  await api("POST", "/tokens", { name: "BI", scope: "read" });
  await traffic(server);
  await eventually("partners were told, and some could not be", async () => {
    const count = async (state) => (await api("GET", `/postbacks?state=${state}`)).items.length;
    return (await count("waiting")) >= 2 && (await count("delivered")) >= 8;
  });
  return {
    ...server,
    api,
    owner,
    receiver: good,
    async stop() {
      await server.stop();
      for (const one of [good, down, gone]) one.close();
    },
  };
}

const EVENTS = { abcd1234: "pur001", efgh5678: "pur001", jkmn9012: "pay001", pqrs3456: "appl01", mani0001: "lead01" };

async function traffic({ url }) {
  const tokens = Object.keys(EVENTS);
  const headers = [
    PHONE,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131 Safari/537.36 Edg/131",
    `Mozilla/5.0 ${HOSTILE.replace("\u202e", "")}`,
  ];
  const ask = async (target, agent) => (await fetch(url + target, { headers: { "user-agent": agent } })).json();
  const encoded = encodeURIComponent(HOSTILE);
  for (let i = 0; i < 60; i += 1) {
    const token = tokens[i % tokens.length];
    const more = i % 9 === 0 ? `&label=${encoded}&gclid=Cj0KCQ` : "";
    const { sid } = await ask(`/c/${token}?param1=clk-${1000 + i}&s2s=1${more}`, headers[i % 7 === 6 ? 2 : i % 2]);
    if (i % 2) continue;
    const uid = i === 10 ? encodeURIComponent(HOSTILE_ORDER) : `ORDER-${20260 + i}`;
    await ask(
      `/cv?sid=${sid}&event=${EVENTS[token]}&amount=${1980 + i * 110}&currency=JPY&uid1=${uid}&p_note=${encoded}`,
      "curl/8",
    );
    // A purchase that is sent twice, and one that cannot be read.
    if (i % 20 === 0) await ask(`/cv?sid=${sid}&event=${EVENTS[token]}&amount=1&uid1=${uid}`, "curl/8");
    if (i % 20 === 4) await ask(`/cv?sid=${sid}&event=${EVENTS[token]}&amount=${encodeURIComponent("多")}`, "curl/8");
  }
  await ask("/cv?sid=0000000000000000&uid1=LOST-1", "curl/8");
  // A partner and a shop system that did not fill their variables.
  const { sid } = await ask("/c/mani0001?param1=%7Bclickid%7D&s2s=1", PHONE);
  await ask(`/cv?sid=${sid}&event=lead01&amount=500&currency=JPY&uid1=%5BORDER_NUM%5D`, "curl/8");
}
