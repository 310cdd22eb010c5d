// Every screen, in both languages and themes and on a phone: accessible, within the policy, nothing cut off.
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, browser, dist, open, settled } from "./harness.mjs";
import { start } from "./mock/server.mjs";

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
  offerNew: "/offers/new",
  partners: "/partners",
  partner: "/partners/hanamed1",
  partnerNew: "/partners/new",
  rules: "/rules",
  rule: "/rules/adnet001",
  ruleNew: "/rules/new",
  clicks: "/clicks?period=all",
  conversions: "/conversions?period=all",
  upload: "/conversions/upload",
  refused: "/refused?period=all",
  postbacks: "/postbacks?period=all",
  trace: "/trace?q=ORDER-20261",
  traceHostile: `/trace?q=${encodeURIComponent("ORDER-20265")}`,
  traceNothing: "/trace?q=nothing-of-this",
  settings: "/settings",
  alerts: "/settings/alerts",
  account: "/settings/account",
  users: "/settings/users",
  tokens: "/settings/tokens",
  payouts: "/settings/payouts",
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
  "/postbacks",
  "/reports",
  "/live",
  "/trace",
  "/settings/alerts",
  "/settings/tokens",
  "/settings/payouts",
];

let chrome;
before(async () => {
  dist();
  chrome = await browser();
});
after(() => chrome?.close());

async function look(view, url, what, { hasAxe = true } = {}) {
  await view.page.goto(url);
  await view.page.waitForSelector("h1");
  await settled(view.page);
  if (hasAxe) await assertAccessible(view.page, what);
  await assertFits(view.page, what);
  await view.assertClean(what);
}

// Axe sees both themes; contrast does not depend on the language, nor the rest on the width.
for (const [language, theme, width, hasAxe] of [
  ["ja", "light", 1280, true],
  ["en", "dark", 360, true],
  ["en", "light", 360, false],
  ["ja", "dark", 1280, false],
]) {
  test(`screens, ${language}, ${theme}, ${width} px`, { timeout: 240_000 }, async (t) => {
    const server = await start({ dist: dist() });
    const view = await open(chrome, { language, theme, width });
    for (const [name, path] of Object.entries(SCREENS)) {
      await t.test(name, () => look(view, server.url + path, `${name} ${language} ${theme} ${width}`, { hasAxe }));
    }
    await view.close();
    server.close();
  });
}

test("a fresh install teaches on every empty list", { timeout: 120_000 }, async (t) => {
  const server = await start({ dist: dist(), isEmpty: true });
  const view = await open(chrome, { width: 360 });
  for (const path of EMPTY) await t.test(path, () => look(view, server.url + path, `empty ${path}`));
  await view.close();
  server.close();
});

test("sign-in and set-up", { timeout: 60_000 }, async (t) => {
  const server = await start({ dist: dist(), isSignedOut: true, isSetUp: false });
  for (const theme of ["light", "dark"]) {
    const view = await open(chrome, { theme, width: 360 });
    await t.test(`sign-in ${theme}`, () => look(view, `${server.url}/`, "sign-in"));
    await t.test(`set-up ${theme}`, () => look(view, `${server.url}/setup#token`, "set-up"));
    await view.close();
  }
  server.close();
});
