// Every screen, in both languages and themes and on a phone: accessible, within the policy, nothing cut off.
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, browser, open, settled } from "./harness.mjs";
import { HOSTILE_ORDER, scene } from "./scene.mjs";
import { admin, claim, finishSetUp, serve } from "./server.mjs";

const SCREENS = {
  home: "/",
  live: "/live",
  reports: "/reports?compare=1",
  reportsByCountry: "/reports?group=country",
  links: "/links",
  link: "/links/abcd1234",
  linkEdit: "/links/abcd1234/edit",
  linkNew: "/links/new",
  handOut: "/links/abcd1234/hand-out",
  offers: "/offers",
  offer: "/offers/skincare2026",
  offerTags: "/offers/skincare2026/tags",
  offerTagsShopify: "/offers/skincare2026/tags?system=shopify",
  offerTagsApp: "/offers/gamehero0001/tags",
  offerNew: "/offers/new",
  partners: "/partners",
  partner: "/partners/hanamed1",
  partnerEdit: "/partners/hanamed1/edit",
  partnerNew: "/partners/new",
  rules: "/rules",
  rule: "/rules/adnet001",
  ruleNew: "/rules/new",
  clicks: "/clicks?period=all",
  conversions: "/conversions?period=all",
  upload: "/conversions/upload",
  refused: "/refused?period=all",
  postbacks: "/postbacks?period=all",
  trace: "/trace?q=ORDER-20260",
  traceHostile: `/trace?q=${encodeURIComponent(HOSTILE_ORDER)}`,
  traceNothing: "/trace?q=nothing-of-this",
  settings: "/settings",
  alerts: "/settings/alerts",
  rates: "/settings/rates",
  account: "/settings/account",
  users: "/settings/users",
  tokens: "/settings/tokens",
  payouts: "/payouts",
  transfer: "/settings/transfer",
  audit: "/settings/audit",
  system: "/settings/system",
  help: "/help",
  helpConversions: "/help/conversions",
  helpRules: "/help/rules",
  placeholders: "/help/placeholders",
  answers: "/help/answers",
  nowhere: "/nowhere",
};
const EMPTY = [
  "/",
  "/links",
  "/offers",
  "/partners",
  "/rules",
  "/clicks",
  "/conversions",
  "/refused",
  "/erasures",
  "/postbacks",
  "/reports",
  "/live",
  "/trace",
  "/settings/alerts",
  "/settings/tokens",
  "/payouts",
];

let chrome, shop, empty, strange;
before(async () => {
  [chrome, shop, empty, strange] = await Promise.all([browser(), scene(), serve(), serve()]);
  empty.owner = await claim(empty);
  await finishSetUp(empty, admin(empty));
});
after(async () => {
  await chrome?.close();
  await Promise.all([shop, empty, strange].map((server) => server?.stop()));
});

async function look(view, url, what, { hasAxe = true } = {}) {
  await view.page.goto(url);
  await view.page.waitForSelector("h1");
  await settled(view.page);
  if (hasAxe) await assertAccessible(view.page, what);
  await assertFits(view.page, what);
  await view.assertClean(what);
}

// Axe sees both themes; contrast does not depend on the language, nor the rest on the width.
const LOOKS = [
  ["ja", "light", 1280, true],
  ["en", "dark", 360, true],
  ["en", "light", 360, false],
  ["ja", "dark", 1280, false],
];
test("screens", { concurrency: 2, timeout: 480_000 }, async (t) => {
  const looks = LOOKS.map(([language, theme, width, hasAxe]) =>
    t.test(`${language}, ${theme}, ${width} px`, async (t) => {
      const view = await open(chrome, { language, theme, width, cookie: shop.owner });
      for (const [name, path] of Object.entries(SCREENS)) {
        await t.test(name, () => look(view, shop.url + path, `${name} ${language} ${theme} ${width}`, { hasAxe }));
      }
      await view.close();
    }),
  );
  await Promise.all(looks);
});

test("a fresh install teaches on every empty list", { timeout: 120_000 }, async (t) => {
  const view = await open(chrome, { width: 360, cookie: empty.owner });
  for (const path of EMPTY) await t.test(path, () => look(view, empty.url + path, `empty ${path}`));
  await view.close();
});

test("sign-in and set-up", { timeout: 60_000 }, async (t) => {
  const link = await strange.link;
  for (const theme of ["light", "dark"]) {
    const view = await open(chrome, { theme, width: 360 });
    await t.test(`sign-in ${theme}`, () => look(view, `${shop.url}/`, "sign-in"));
    await t.test(`not set up ${theme}`, () => look(view, `${strange.url}/`, "not set up"));
    await t.test(`set-up ${theme}`, () => look(view, link, "set-up"));
    await view.close();
  }
});
