// The tag in a real browser: the advertiser's site on one origin (localhost), the tracking server on another
// (127.0.0.1).
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { browser } from "./harness.mjs";
import { admin, serve } from "./server.mjs";

const DAY = 86_400_000;
let server, site, chrome, tracker, shop, api, offer, link, organic;

before(async () => {
  server = await serve();
  tracker = server.url;
  api = admin(server);
  site = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    const attributes = request.url.startsWith("/group")
      ? ` data-domains="localhost cart.localhost" data-organic="${organic?.token ?? ""}"`
      : "";
    const links = request.url.startsWith("/group")
      ? `<a id="cart" href="http://cart.localhost:${site.address().port}/group/cart?item=1">cart</a>
         <a id="news" href="http://127.0.0.1:${site.address().port}/group/news">news</a>
         <form action="http://cart.localhost:${site.address().port}/group/search"><button id="search">go</button></form>`
      : "";
    const thanks = request.url.startsWith("/thanks")
      ? "<button onclick=\"yamabiko('conversion', { event: 'purchase', amount: 1000, currency: 'JPY', uid1: 'ORDER-' + location.hash.slice(1), params: { plan: 'a' } }); location = '/gone'\">buy</button>"
      : "";
    response.end(
      `<!doctype html><title>shop</title><script src="${tracker}/tag.js" data-cid="${offer?.id ?? ""}"${attributes}></script>${links}${thanks}`,
    );
  });
  site.listen(0);
  await once(site, "listening");
  shop = `http://localhost:${site.address().port}`;
  offer = await api("POST", "/offers", {
    name: "Shop",
    destinations: { default: `${shop}/lp?gclid={dcp_gclid}` },
    sites: [shop, `http://cart.localhost:${site.address().port}`],
    events: [{ name: "purchase", has_revenue: true }],
  });
  const partner = await api("POST", "/partners", { name: "Media" });
  link = await api("POST", "/links", { offer: offer.id, partner: partner.id, network: "Media" });
  organic = await api("POST", "/links", { offer: offer.id, network: "Organic" });
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  site?.close();
  site?.closeAllConnections();
  await server?.stop();
});

async function eventually(what, find) {
  for (const end = Date.now() + 10_000; Date.now() < end; await pause(50)) {
    const found = await find();
    if (found) return found;
  }
  const { items } = await api("GET", "/activities");
  throw new Error(`not within 10 s: ${what}; there are ${JSON.stringify(items, null, 1)}`);
}

async function visitor() {
  // A browser that says it is headless counts as a bot.
  const context = await chrome.newContext({
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  return { context, page };
}

/** What the tag keeps, in both of its stores. */
const kept = (page) =>
  page.evaluate((key) => {
    const cookie = document.cookie.split("; ").find((c) => c.startsWith(`${key}=`));
    return {
      cookie: cookie && JSON.parse(decodeURIComponent(cookie.slice(key.length + 1))),
      storage: JSON.parse(localStorage.getItem(key)),
    };
  }, `_yb_${offer.id}`);

test("a click is kept in both stores, and its time is not extended without a new click", async () => {
  const { context, page } = await visitor();
  await page.goto(`${tracker}/c/${link.token}?param1=abc&gclid=G-1`);
  const sid = new URL(page.url()).searchParams.get("sid");
  assert.match(sid, /^[0-9a-z]{16}$/);
  const first = await kept(page);
  assert.deepEqual(first.cookie, first.storage);
  assert.equal(first.cookie.s, sid);
  assert.equal(first.cookie.c.gclid, "G-1");
  assert.ok(Math.abs(first.cookie.x - Date.now() - 30 * DAY) < 60_000, "30 days");
  const cookies = await context.cookies(shop);
  const own = cookies.find((c) => c.name.startsWith("_yb_"));
  assert.ok(Math.abs(own.expires * 1000 - first.cookie.x) < 5_000, "the cookie ends when the click does");

  await page.reload();
  await page.goto(`${shop}/other`);
  assert.deepEqual(await kept(page), first, "neither a reload nor another page extends it");
  await context.clearCookies({ name: own.name });
  await page.goto(`${shop}/other`);
  assert.deepEqual(await kept(page), first, "what one store lost comes back from the other, with its time");
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  assert.deepEqual(await kept(page), first);

  await pause(20);
  await page.goto(`${tracker}/c/${link.token}?param1=second`);
  const second = await kept(page);
  assert.notEqual(second.cookie.s, sid);
  assert.ok(second.cookie.x > first.cookie.x, "a new click begins a new time");
  await context.close();
});

test("a conversion reaches the server although the page is left at once", async () => {
  const { context, page } = await visitor();
  await page.goto(`${tracker}/c/${link.token}?param1=abc&gclid=G-2`);
  const { cookie } = await kept(page);
  await page.goto(`${shop}/thanks#1`);
  await page.getByRole("button").click();
  await page.waitForURL("**/gone");
  const counted = await eventually("the conversion is recorded", async () => {
    const { items } = await api("GET", `/activities?verdict=accepted&sid=${cookie.s}`);
    return items.find((a) => a.kind === "event");
  });
  assert.equal(counted.uids[0], "ORDER-1");
  assert.deepEqual(counted.money, { amount: "1000", currency: "JPY" });
  assert.deepEqual(counted.custom, [["plan", "a"]]);
  assert.ok(
    counted.fields.some(([name, value]) => name === "gclid" && value === "G-2"),
    "the ad platform's click id comes along",
  );
  assert.equal(counted.para1, "abc");
  await context.close();
});

test("a landing without a redirect is measured from the offer's own site only", async () => {
  const { context, page } = await visitor();
  await page.goto(`${shop}/lp?yb_link=${link.token}&param1=direct&utm_source=x#top`);
  await eventually("the address is cleaned", () => !page.url().includes("yb_link"));
  assert.equal(page.url(), `${shop}/lp?param1=direct&utm_source=x#top`);
  const { cookie } = await kept(page);
  const session = await api("GET", `/sessions/${cookie.s}`);
  assert.deepEqual([session.kind, session.para[0]], ["direct", "direct"]);
  await page.goto(`${shop}/thanks#2`);
  await page.getByRole("button").click();
  await eventually("the conversion is recorded", async () => {
    const { items } = await api("GET", `/activities?verdict=accepted&sid=${cookie.s}`);
    return items.some((a) => a.uids[0] === "ORDER-2");
  });
  await context.close();

  const stranger = await visitor();
  const count = (await api("GET", "/sessions?kind=direct")).items.length;
  const asked = stranger.page.waitForRequest((r) => r.url().includes("/d/"));
  await stranger.page.goto(`${shop.replace("localhost", "127.0.0.1")}/lp?yb_link=${link.token}&param1=stranger`);
  const answer = await (await asked).response();
  assert.ok(!answer || answer.status() >= 400, `another site is refused: ${answer?.status()}`);
  assert.deepEqual(await kept(stranger.page), { cookie: undefined, storage: null });
  assert.equal((await api("GET", "/sessions?kind=direct")).items.length, count);
  await stranger.context.close();
});

test("platforms' ids and cookies, identity, consent and the event id reach the server; no raw value stays", async () => {
  const { updated_at_ms } = await api("GET", `/offers/${offer.id}`);
  const { id, created_at_ms, ...rest } = await api("GET", `/offers/${offer.id}`);
  await api("PUT", `/offers/${offer.id}`, {
    ...rest,
    updated_at_ms,
    identity: { is_kept: true, phone_country: "81" },
  });
  const { context, page } = await visitor();
  await page.goto(`${tracker}/c/${link.token}?param1=abc&msclkid=Ms-1`);
  const { cookie } = await kept(page);
  await page.goto(`${shop}/lp?_ly_c=Ly-1&ScCid=Sc-1&sid=${cookie.s}`);
  await context.addCookies([
    { name: "_fbp", value: "fb.1.1700000000000.123", url: shop },
    { name: "_ly_su", value: "1700000000.su", url: shop },
  ]);
  // A new click takes what the page of the landing has.
  await page.goto(`${tracker}/c/${link.token}?param1=def`);
  const { cookie: second } = await kept(page);
  await page.goto(`${shop}/lp?sid=${second.s}&_ly_c=Ly-2`);
  const eventId = await page.evaluate(
    () =>
      new Promise((resolve) => {
        yamabiko(
          "conversion",
          {
            event: "purchase",
            amount: 500,
            uid1: "ORDER-3",
            email: "Planted.Taro@example.jp",
            phone: "090-8765-0912",
            ad_user_data: "granted",
          },
          resolve,
        );
      }),
  );
  const counted = await eventually("the conversion is recorded", async () => {
    const { items } = await api("GET", `/activities?verdict=accepted&sid=${second.s}`);
    return items.find((a) => a.uids[0] === "ORDER-3");
  });
  const fields = Object.fromEntries(counted.fields);
  assert.equal(fields._fbp, "fb.1.1700000000000.123");
  assert.equal(fields._ly_su, "1700000000.su");
  assert.equal(fields.event_id, eventId);
  assert.match(fields.page_url, new RegExp(`^${shop}/lp`));
  assert.deepEqual(counted.identity, {
    kinds: ["email", "phone"],
    ad_user_data: "granted",
    ad_personalization: null,
  });
  const session = await api("GET", `/sessions/${cookie.s}`);
  assert.ok(
    session.parameters.some(([name, value]) => name === "msclkid" && value === "Ms-1"),
    "kept from the click URL",
  );
  assert.doesNotMatch(JSON.stringify(counted), /planted|87650912|8765-0912/i);
  await context.close();
});

test("links and forms to the advertiser's other domain carry the session, and it is kept there", async () => {
  const { context, page } = await visitor();
  await page.goto(`${tracker}/c/${link.token}?param1=domains`);
  const sid = new URL(page.url()).searchParams.get("sid");
  await page.goto(`${shop}/group`);
  const left = (url) => url.pathname !== "/group";
  await page.click("#news");
  await page.waitForURL(left);
  assert.equal(new URL(page.url()).search, "", "a host that is not listed is told nothing");
  await page.goto(`${shop}/group`);
  await page.click("#cart");
  await page.waitForURL(left);
  const there = new URL(page.url());
  assert.deepEqual([there.hostname, there.search], ["cart.localhost", `?item=1&sid=${sid}`]);
  await eventually("it is kept there", async () => (await kept(page)).storage?.s === sid);
  await page.goto(`${shop}/group`);
  await page.click("#search");
  await page.waitForURL(left);
  assert.equal(new URL(page.url()).searchParams.get("sid"), sid);
  await context.close();
});

test("an arrival without a link counts for the organic link, and a later click of a partner stands over it", async () => {
  const { context, page } = await visitor();
  const clicks = async () => (await api("GET", `/sessions?link=${organic.token}`)).items.length;
  const before = await clicks();
  await page.goto(`${shop}/group`);
  await eventually("the organic click", async () => (await clicks()) === before + 1);
  await eventually("it is kept", async () => (await kept(page)).storage?.o === 1);
  await page.reload();
  await page.goto(`${tracker}/c/${link.token}?param1=paid`);
  const sid = new URL(page.url()).searchParams.get("sid");
  await page.goto(`${shop}/group`);
  assert.equal((await kept(page)).storage.s, sid);
  await pause(200);
  assert.equal(await clicks(), before + 1, "neither the reload nor the visit after the partner's click counts");
  await context.close();
});
