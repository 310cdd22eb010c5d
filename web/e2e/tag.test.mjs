// The tag in a real browser: the advertiser's site on one origin (localhost), the tracking server, the real binary,
// on another (127.0.0.1). `YAMABIKO_BIN` names the binary; else it is the debug build beside the sources.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { browser } from "./harness.mjs";

const target = process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, "../../target");
const binary = process.env.YAMABIKO_BIN ?? join(target, "debug/yamabiko");
const DAY = 86_400_000;
let dir, server, site, chrome, tracker, shop, api, offer, link;

before(async () => {
  assert.ok(existsSync(binary), `${binary} is missing: run cargo build, or set YAMABIKO_BIN`);
  dir = mkdtempSync(join(tmpdir(), "yamabiko-tag-"));
  const env = { PATH: process.env.PATH, YAMABIKO_DATA_DIR: dir, YAMABIKO_LOG_FORMAT: "json", YAMABIKO_STORE_BALLAST_MB: "0" };
  server = spawn(binary, ["serve", "--listen", "127.0.0.1:0"], { env, stdio: ["ignore", "ignore", "pipe"] });
  tracker = `http://${await listening(server.stderr)}`;
  const token = execFileSync(binary, ["token", "create", "--name", "test", "--scope", "admin"], { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  api = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${tracker}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
  site = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    const thanks = request.url.startsWith("/thanks") ? "<button onclick=\"yamabiko('conversion', { event: 'purchase', amount: 1000, currency: 'JPY', uid1: 'ORDER-' + location.hash.slice(1), params: { plan: 'a' } }); location = '/gone'\">buy</button>" : "";
    response.end(`<!doctype html><title>shop</title><script src="${tracker}/tag.js" data-cid="${offer?.id ?? ""}"></script>${thanks}`);
  });
  site.listen(0);
  await once(site, "listening");
  shop = `http://localhost:${site.address().port}`;
  offer = await api("POST", "/offers", {
    name: "Shop",
    destinations: { default: `${shop}/lp?gclid={dcp_gclid}` },
    sites: [shop],
    events: [{ name: "purchase", has_revenue: true }],
  });
  const partner = await api("POST", "/partners", { name: "Media" });
  link = await api("POST", "/links", { offer: offer.id, partner: partner.id, network: "Media" });
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  site?.close();
  site?.closeAllConnections();
  if (server?.exitCode === null) {
    server.kill("SIGKILL");
    await once(server, "exit");
  }
  if (dir) rmSync(dir, { recursive: true, force: true });
});

/** The address in the log line that says where the server listens. */
async function listening(stream) {
  const lines = [];
  for await (const line of createInterface({ input: stream })) {
    lines.push(line);
    const parsed = line.startsWith("{") ? JSON.parse(line) : {};
    if (parsed.message === "listening") {
      stream.resume();
      return parsed.address;
    }
  }
  throw new Error(`the server ended:\n${lines.join("\n")}`);
}

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
  const context = await chrome.newContext({ userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36" });
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
  assert.ok(counted.fields.some(([name, value]) => name === "gclid" && value === "G-2"), "the ad platform's click id comes along");
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
