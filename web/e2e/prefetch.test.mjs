// What a real browser does with tracking links before anybody follows them: a prefetch makes no click that counts, and
// whoever follows the link afterwards counts once, whichever answer the browser uses.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { browser } from "./harness.mjs";
import { admin, eventually, serve } from "./server.mjs";

let server, site, chrome, tracker, shop, api, offer, partner;
/** What the pages ask the browser to do ahead, by path. */
const pages = new Map();

before(async () => {
  server = await serve();
  tracker = server.url;
  api = admin(server);
  site = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>shop</title>${pages.get(request.url) ?? ""}`);
  });
  site.listen(0);
  await once(site, "listening");
  shop = `http://localhost:${site.address().port}`;
  offer = await api("POST", "/offers", {
    name: "Shop",
    destinations: { default: `${shop}/lp` },
    sites: [shop],
    events: [{ name: "purchase", has_revenue: true }],
  });
  partner = await api("POST", "/partners", { name: "Media" });
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  site?.close();
  site?.closeAllConnections();
  await server?.stop();
});

const ways = {
  "a link element": (url) => `<link rel="prefetch" href="${url}">`,
  "a speculation rule that prefetches": (url) =>
    `<script type="speculationrules">${JSON.stringify({ prefetch: [{ urls: [url], eagerness: "immediate" }] })}</script>`,
  "a speculation rule that prerenders": (url) =>
    `<script type="speculationrules">${JSON.stringify({ prerender: [{ urls: [url], eagerness: "immediate" }] })}</script>`,
};

for (const [name, ahead] of Object.entries(ways)) {
  test(`${name} makes no click that counts, and who follows the link counts once`, async () => {
    const link = await api("POST", "/links", { offer: offer.id, partner: partner.id, network: name });
    // A browser that says it is headless counts as a bot.
    const context = await chrome.newContext({
      userAgent:
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    });
    const page = await context.newPage();
    const url = (from) => `${from}/c/${link.token}?param1=ahead`;
    // Across sites a page is not prerendered: that one is of the tracker's own site.
    const own = name.includes("prerenders");
    const target = url(tracker);
    const path = `/media-${link.token}`;
    pages.set(path, `${ahead(target)}<a href="${target}">go</a>`);
    if (own) {
      await context.route(`${tracker}${path}`, (route) =>
        route.fulfill({ contentType: "text/html", body: `<!doctype html>${pages.get(path)}` }),
      );
    }
    await page.goto(`${own ? tracker : shop}${path}`);
    const sessions = async () => (await api("GET", `/sessions?link=${link.token}`)).items;
    const clicks = async () =>
      (
        await api(
          "GET",
          `/stats?from_ms=${Date.now() - 86_400_000}&to_ms=${Date.now() + 86_400_000}&group_by=day&link=${link.token}`,
        )
      ).total.clicks;
    const prefetched = await eventually("the browser asks ahead", async () => {
      const found = await sessions();
      return found.length > 0 && found;
    });
    assert.ok(
      prefetched.every((session) => session.is_prefetch),
      JSON.stringify(prefetched[0]),
    );
    assert.equal(await clicks(), 0, "nobody has clicked");

    await page.getByRole("link").click();
    await page.waitForURL("**/lp?sid=*");
    const sid = new URL(page.url()).searchParams.get("sid");
    const answer = await fetch(`${tracker}/cv?sid=${sid}&amount=1000&uid1=A-${link.token}`);
    assert.equal((await answer.json()).result, "accepted");
    await eventually("the click counts", async () => (await clicks()) === 1);
    const all = await sessions();
    console.log(
      `${name}: ${all.length} requests, the sale is of ${prefetched.some((s) => s.id === sid) ? "the one ahead" : "the one that followed"}`,
    );
    await context.close();
  });
}
