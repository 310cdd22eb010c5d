// Tests of tag.js in a small fake browser: `node --test web/tag/`. No dependencies.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";

// As it is served: without comments and indentation (src/tracking/tag.rs).
const source = readFileSync(new URL("./tag.js", import.meta.url), "utf8")
  .replace(/^\/\*[\s\S]*?\*\/\n/, "")
  .split("\n")
  .map((line) => line.trim())
  .filter((line) => line && !line.startsWith("//"))
  .join("\n");
const SID = "0mhwydvk0abcdefg";
const OTHER_SID = "0mhwydvk0zzzzzzz";
const DAY = 864e5;

/** A browser with one site: cookies and localStorage outlive page loads, the clock is set by hand. */
class Browser {
  constructor() {
    this.now = 1_763_000_000_000;
    this.cookies = new Map();
    this.storage = new Map();
    this.storageWorks = true;
    this.beaconWorks = true;
    this.fetchWorks = true;
    this.sent = [];
    this.images = [];
    this.warnings = [];
    this.answer = { sid: SID, tuid: "visitor1", days: 10 };
  }

  setCookie(text) {
    const [pair, ...attributes] = text.split(";");
    const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
    const attribute = (key) => attributes.find((a) => a.startsWith(`${key}=`))?.slice(key.length + 1);
    // Public suffixes are refused, as browsers do.
    if (["example", "co.jp"].includes(attribute("domain"))) return;
    const seconds = Number(attribute("max-age"));
    if (seconds <= 0) this.cookies.delete(name);
    else this.cookies.set(name, { value, expires: this.now + seconds * 1000, domain: attribute("domain"), text });
  }

  cookieText() {
    return [...this.cookies]
      .filter(([, c]) => c.expires > this.now)
      .map(([n, c]) => `${n}=${c.value}`)
      .join("; ");
  }

  /** Loads a page with the tag; gives its window. */
  load(url, { attributes = {}, referrer = "", queue, src = "https://track.example/tag.js", entry = "navigate" } = {}) {
    const browser = this;
    const location = new URL(url);
    const listeners = {};
    const document = {
      referrer,
      baseURI: url,
      addEventListener: (name, run) => {
        listeners[name] = run;
      },
      currentScript: {
        src,
        getAttribute: (name) => attributes[name] ?? null,
      },
      get cookie() {
        return browser.cookieText();
      },
      set cookie(text) {
        browser.setCookie(text);
      },
    };
    const guard = () => {
      if (!this.storageWorks) throw new Error("denied");
    };
    const window = {
      location,
      document,
      console: { warn: (text) => this.warnings.push(text) },
      localStorage: {
        getItem: (key) => {
          guard();
          return this.storage.get(key) ?? null;
        },
        setItem: (key, value) => {
          guard();
          this.storage.set(key, value);
        },
      },
      history: {
        state: null,
        replaceState: (_state, _title, target) => {
          location.href = new URL(target, location).href;
        },
      },
      navigator: {
        sendBeacon: (target, body) => {
          if (this.beaconWorks) this.sent.push({ by: "beacon", target, body: String(body) });
          return this.beaconWorks;
        },
      },
      fetch: async (target, options) => {
        if (!this.fetchWorks) throw new Error("offline");
        this.sent.push({ by: "fetch", target, body: String(options.body), options });
        return { ok: true, json: async () => this.answer };
      },
      Image: class {
        set src(target) {
          browser.images.push(target);
        }
      },
      setTimeout: (action) => {
        this.timer = action;
        return 1;
      },
      clearTimeout: () => {},
      performance: { getEntriesByType: () => [{ type: entry }] },
      /** Follows a link of the page; gives where it leads. */
      follow: (href) => {
        const link = { getAttribute: () => link.href, setAttribute: (_, value) => (link.href = value), href };
        listeners.click?.({ type: "click", target: { closest: () => link } });
        return link.href;
      },
      yamabiko: queue ? Object.assign(() => {}, { q: queue }) : undefined,
    };
    const now = () => this.now;
    class FakeDate extends Date {
      static now() {
        return now();
      }
    }
    vm.runInNewContext(source, { window, document, URL, URLSearchParams, Date: FakeDate });
    return window;
  }

  /** The fields of the last conversion, without those that every one has. */
  last() {
    const { page_url, event_id, ...fields } = this.whole();
    return fields;
  }

  whole() {
    return Object.fromEntries(new URLSearchParams(this.sent.at(-1).body));
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("is small, and runs under a strict content security policy", () => {
  const size = gzipSync(source).length;
  assert.ok(size < 4096, `${size} bytes gzipped`);
  assert.doesNotMatch(source, /\beval\b|new Function|innerHTML|document\.write/);
});

test("a click is kept and sent with the conversion of a later page", () => {
  const browser = new Browser();
  browser.load(`https://www.shop.example/lp?sid=${SID}&gclid=g1`, { attributes: { "data-cid": "offer1" } });
  const cookie = browser.cookies.get("_yb_offer1");
  assert.equal(cookie.domain, "shop.example", "the highest domain that is allowed");
  assert.match(cookie.text, /;samesite=lax/);
  assert.match(cookie.text, /;secure/);

  const page = browser.load("https://pay.shop.example/thanks", { attributes: { "data-cid": "offer1" } });
  page.yamabiko("conversion", {
    event: "purchase",
    amount: 1000,
    currency: "JPY",
    uid1: "A-1",
    uid8: "h",
    params: { plan: "山" },
  });
  assert.equal(browser.sent[0].by, "beacon");
  assert.equal(browser.sent[0].target, "https://track.example/cv");
  assert.deepEqual(browser.last(), {
    sid: SID,
    cid: "offer1",
    event: "purchase",
    amount: "1000",
    currency: "JPY",
    uid1: "A-1",
    uid8: "h",
    p_plan: "山",
    gclid: "g1",
  });
});

test("either store is enough", () => {
  const url = `https://shop.example/lp?sid=${SID}`;
  for (const lose of [(b) => b.cookies.clear(), (b) => b.storage.clear()]) {
    const browser = new Browser();
    browser.load(url);
    lose(browser);
    browser.load("https://shop.example/").yamabiko("conversion", {});
    assert.equal(browser.last().sid, SID);
    assert.ok(browser.cookies.has("_yb") && browser.storage.has("_yb"), "the other store is mended");
  }
  const browser = new Browser();
  browser.storageWorks = false;
  browser.load(url);
  browser.load("https://shop.example/").yamabiko("conversion", {});
  assert.equal(browser.last().sid, SID);
});

test("the time begins with a click and is not extended by visits", () => {
  const browser = new Browser();
  browser.load(`https://shop.example/lp?sid=${SID}`, { attributes: { "data-days": "7" } });
  browser.now += 6 * DAY;
  browser.load("https://shop.example/", { attributes: { "data-days": "7" } });
  browser.load(`https://shop.example/lp?sid=${SID}`, { attributes: { "data-days": "7" } });
  assert.equal(JSON.parse(browser.storage.get("_yb")).x, 1_763_000_000_000 + 7 * DAY);
  browser.now += DAY;
  let sid;
  browser.load("https://shop.example/").yamabiko("sid", (value) => (sid = value));
  assert.equal(sid, "", "expired");

  browser.load(`https://shop.example/lp?sid=${OTHER_SID}`);
  assert.equal(JSON.parse(browser.storage.get("_yb")).x, browser.now + 30 * DAY);
});

test("what is no session id is not kept", () => {
  for (const value of ["", "{sid}", "abc", `${SID}x`, "<script>"]) {
    const browser = new Browser();
    browser.load(`https://shop.example/?sid=${encodeURIComponent(value)}`);
    assert.equal(browser.storage.size, 0, value);
  }
  const browser = new Browser();
  browser.storage.set("_yb", '{"s":"forged"}');
  browser.cookies.set("_yb", { value: "%zz", expires: Infinity });
  browser.load("https://shop.example/").yamabiko("conversion", { uid1: "x" });
  assert.deepEqual(browser.last(), { uid1: "x" });
});

test("another parameter name and another endpoint", () => {
  const browser = new Browser();
  const attributes = { "data-sid-param": "yid", "data-endpoint": "https://t.shop.example/" };
  browser.load(`https://shop.example/?yid=${SID}&sid=${OTHER_SID}`, { attributes }).yamabiko("conversion", {});
  assert.equal(browser.last().sid, SID);
  assert.equal(browser.sent[0].target, "https://t.shop.example/cv");
});

test("a direct landing is reported once, and conversions wait for it", async () => {
  const browser = new Browser();
  const queue = [["conversion", { uid1: "early" }]];
  const page = browser.load("https://shop.example/lp?param1=p&yb_link=abcdef12&gclid=g#top", {
    referrer: "https://media.example/ad",
    queue,
  });
  assert.equal(browser.sent.length, 1, "the conversion waits");
  assert.equal(browser.sent[0].target, "https://track.example/d/abcdef12");
  assert.deepEqual(browser.last(), {
    param1: "p",
    yb_link: "abcdef12",
    gclid: "g",
    yb_referrer: "https://media.example/ad",
  });
  await settle();
  assert.equal(page.location.href, "https://shop.example/lp?param1=p&gclid=g#top", "the address bar is clean");
  assert.deepEqual(browser.last(), { sid: SID, uid1: "early", gclid: "g" });
  assert.equal(JSON.parse(browser.storage.get("_yb")).x, browser.now + 10 * DAY, "the offer's days");

  browser.load(page.location.href);
  assert.equal(browser.sent.length, 2, "a reload is no second click");

  browser.answer = { sid: OTHER_SID };
  browser.load("https://shop.example/lp?yb_link=abcdef12", { referrer: "https://media.example/" });
  assert.equal(browser.last().yb_tuid, "visitor1", "the same visitor");
  await settle();
  assert.equal(JSON.parse(browser.storage.get("_yb")).s, OTHER_SID);
});

test("a direct landing that fails holds nothing up", async () => {
  const browser = new Browser();
  browser.fetchWorks = false;
  const page = browser.load("https://shop.example/lp?yb_link=abcdef12", { queue: [["conversion", { uid1: "a" }]] });
  await settle();
  assert.deepEqual(browser.last(), { uid1: "a" });
  assert.match(page.location.href, /yb_link/, "a reload tries again");
  assert.match(browser.warnings[0], /not recorded: offline/);

  const slow = new Browser();
  slow.load("https://shop.example/lp?yb_link=abcdef12", { queue: [["conversion", { uid1: "b" }]] });
  slow.timer();
  assert.deepEqual(slow.last(), { uid1: "b" }, "after the time limit it goes without a sid");
  await settle();
  assert.equal(slow.sent.length, 2, "and not a second time");
});

test("a link within the site and a landing with a sid are no direct landing", () => {
  const browser = new Browser();
  browser.load("https://shop.example/lp?yb_link=abcdef12", { referrer: "https://shop.example/" });
  browser.load(`https://shop.example/lp?yb_link=abcdef12&sid=${SID}`);
  assert.equal(browser.sent.length, 0);
});

test("without a beacon it is fetch, without fetch an image", async () => {
  const browser = new Browser();
  browser.beaconWorks = false;
  browser.load("https://shop.example/").yamabiko("conversion", { uid1: "a b&c" });
  assert.equal(browser.sent[0].by, "fetch");
  assert.equal(browser.sent[0].options.keepalive, true);
  browser.fetchWorks = false;
  browser.load("https://shop.example/").yamabiko("conversion", { uid1: "a b&c" });
  await settle();
  assert.match(browser.images[0], /^https:\/\/track\.example\/cv\.gif\?uid1=a\+b%26c&page_url=/);
  browser
    .load("https://shop.example/")
    .yamabiko("conversion", { uid1: "c", email: "a@b.jp", phone: "1", external_id: "u" });
  await settle();
  assert.doesNotMatch(browser.images[1], /email|phone|external_id/, "logs are full of addresses");
});

test("click ids and cookies of platforms come with the conversion, as they are", () => {
  const browser = new Browser();
  const ids = {
    msclkid: "Ms-1",
    sa_p: "YSA",
    sa_t: "1",
    epik: "dj0_x%2B",
    ScCid: "Sc",
    rdt_cid: "R",
    oppref: "o",
    fbclid: "F".repeat(900),
  };
  browser.load(`https://shop.example/lp?sid=${SID}&_ly_c=AbC&twclid=${"t".repeat(1001)}&${new URLSearchParams(ids)}`);
  const cookies = {
    _fbp: "fb.1.2.3",
    _fbc: "fb.1.2.F",
    __lt__cid: "c-1",
    _ttp: "T",
    _ycl_yjad: "YJAD.1",
    _yjr_yjad: "1.2",
    _ly_su: "1.s",
    _ly_r: "1.r",
  };
  for (const [name, value] of Object.entries(cookies)) browser.setCookie(`${name}=${value};max-age=999`);
  browser.load("https://shop.example/t").yamabiko("conversion", {});
  const seconds = Math.floor(browser.now / 1000);
  assert.deepEqual(browser.last(), { sid: SID, _ly_c: `${seconds}.AbC`, ...ids, ...cookies });
  browser.setCookie("_ly_c=1795800000.Own;max-age=999");
  browser.load("https://shop.example/t").yamabiko("conversion", {});
  assert.equal(browser.last()._ly_c, "1795800000.Own", "the cookie of the platform's own tag");
});

test("very long click ids do not cost the session", () => {
  const browser = new Browser();
  browser.load(
    `https://shop.example/lp?sid=${SID}&fbclid=${"f".repeat(1000)}&ttclid=${"t".repeat(1000)}&gclid=${"g".repeat(1000)}`,
  );
  assert.ok(browser.cookies.get("_yb").value.length < 4000);
  browser.load("https://shop.example/t").yamabiko("conversion", {});
  assert.equal(browser.last().sid, SID);
});

test("page, identity and consent come along, and the page learns the event id", async () => {
  const browser = new Browser();
  const told = [];
  const queue = [["conversion", { uid1: "early" }, (id) => told.push(id)]];
  const page = browser.load("https://shop.example/t?a=1#x", { queue });
  assert.equal(browser.whole().page_url, "https://shop.example/t?a=1#x");
  assert.equal(browser.whole().event_id, told[0]);
  assert.match(told[0], /^[0-9a-z]{10,24}$/);
  const person = {
    email: "a@b.jp",
    phone: "090",
    external_id: "u",
    email_sha256: "x",
    ad_user_data: "granted",
    ad_personalization: "denied",
    consent: "granted",
  };
  page.yamabiko("conversion", { ...person, event_id: "own-1", page_url: "https://shop.example/other" }, (id) =>
    told.push(id),
  );
  assert.deepEqual(browser.whole(), { ...person, event_id: "own-1", page_url: "https://shop.example/other" });
  assert.equal(told[1], "own-1");
  assert.equal(browser.warnings.length, 0);
  const waits = new Browser();
  waits.load("https://shop.example/lp?yb_link=abcdef12", { queue: [["conversion", {}, (id) => told.push(id)]] });
  assert.equal(told.length, 2);
  await settle();
  assert.equal(told.length, 3);
});

test("mistakes are told, never thrown", () => {
  const browser = new Browser();
  const page = browser.load("https://shop.example/");
  page.yamabiko("purchase");
  page.yamabiko("sid");
  assert.equal(browser.warnings.length, 2);
});

test("names of other tags are understood, and unknown ones are told", () => {
  const browser = new Browser();
  const page = browser.load(`https://shop.example/?sid=${SID}`);
  page.yamabiko("conversion", { price: 1200, order_id: "A-1001" });
  assert.deepEqual(browser.last(), { sid: SID, amount: "1200", order_id: "A-1001" });
  page.yamabiko("conversion", { value: 5, transaction_id: "A-1002", colour: "red" });
  assert.deepEqual(browser.last(), { sid: SID, amount: "5", uid1: "A-1002" });
  assert.equal(browser.warnings.length, 1);
  page.yamabiko("conversion", { Amount: 7, UID1: "A-1003" });
  assert.deepEqual(browser.last(), { sid: SID, amount: "7", uid1: "A-1003" });
  page.yamabiko("conversion", { price: 1, amount: 2 });
  assert.equal(browser.last().amount, "2");
});

test("amounts lose the tail of a float, and what is none is told", () => {
  const browser = new Browser();
  const page = browser.load(`https://shop.example/?sid=${SID}`);
  for (const [amount, sent] of [
    [2980 * 1.1, "3278"],
    ["3278.0000000000005", "3278"],
    [12.5, "12.5"],
    ["1000", "1000"],
  ]) {
    page.yamabiko("conversion", { amount });
    assert.equal(browser.last().amount, sent);
  }
  assert.equal(browser.warnings.length, 0);
  page.yamabiko("conversion", { amount: NaN, uid1: "A-1" });
  assert.equal(browser.last().amount, undefined);
  assert.equal(browser.last().uid1, "A-1");
  page.yamabiko("conversion", { amount: "¥1,000" });
  assert.equal(browser.warnings.length, 2);
});

test("of several parameters of the name the session id is kept", () => {
  for (const query of [
    `sid=5&sid=${SID}`,
    `sid=${SID}&sid=`,
    `sid=${SID}?utm_source=x`,
    `sid=${SID}/`,
    `sid=${SID},%20${SID}`,
    `sid=%20${SID.toUpperCase()}%20`,
    `SID=${SID}`,
    `utm_source=x&amp;sid=${SID}`,
    `utm_source=x&amp;amp;sid=${SID}&amp;a=b`,
  ]) {
    const browser = new Browser();
    browser.load(`https://shop.example/lp?${query}`);
    assert.ok(browser.storage.get("_yb").includes(SID), query);
  }
});

test("a renamed script keeps the session, sends nothing to its own site, and says what is missing", () => {
  for (const src of ["https://shop.example/wp-content/cache/min/1/abc.js", "https://shop.example/js/yb.js", ""]) {
    const browser = new Browser();
    const page = browser.load(`https://shop.example/?sid=${SID}`, { src });
    assert.ok(browser.storage.get("_yb").includes(SID));
    page.yamabiko("conversion", { amount: 1 });
    assert.equal(browser.sent.length, 0, src);
    assert.match(browser.warnings.join(), /data-endpoint/);
  }
  const browser = new Browser();
  const attributes = { "data-endpoint": "https://track.example" };
  browser.load(`https://shop.example/?sid=${SID}`, { src: "/yb.js", attributes }).yamabiko("conversion", { amount: 1 });
  assert.equal(browser.sent[0].target, "https://track.example/cv");
});

test("two offers of one site keep a session each", () => {
  const browser = new Browser();
  browser.load(`https://shop.example/?sid=${SID}`, { attributes: { "data-cid": "offer1" } });
  const page = browser.load(`https://shop.example/?sid=${OTHER_SID}`, { attributes: { "data-cid": "offer2" } });
  page.yamabiko("conversion", { cid: "offer1", amount: 1 });
  assert.deepEqual(browser.last(), { sid: SID, cid: "offer1", amount: "1" });
  page.yamabiko("conversion", { amount: 2 });
  assert.deepEqual(browser.last(), { sid: OTHER_SID, cid: "offer2", amount: "2" });
});

test("links to the advertiser's other domains carry the SID on, and no others", async () => {
  const browser = new Browser();
  const attributes = { "data-domains": "cart.example pay.example" };
  const bare = browser.load("https://shop.example/", { attributes });
  assert.equal(bare.follow("https://cart.example/buy"), "https://cart.example/buy", "nothing is kept yet");
  const page = browser.load(`https://shop.example/lp?sid=${SID}`, { attributes });
  for (const [href, expected] of [
    ["https://cart.example/buy?item=1#top", `https://cart.example/buy?item=1&sid=${SID}#top`],
    ["https://www.pay.example/", `https://www.pay.example/?sid=${SID}`],
    [`https://cart.example/?sid=${OTHER_SID}`, `https://cart.example/?sid=${OTHER_SID}`],
    ["https://notcart.example/", "https://notcart.example/"],
    ["https://news.example/", "https://news.example/"],
    ["/other", "/other"],
    ["mailto:a@cart.example", "mailto:a@cart.example"],
  ]) {
    assert.equal(page.follow(href), expected, href);
  }
});

test("arrivals without a link are told as organic, and none over a click that counts", async () => {
  const attributes = { "data-organic": "organic1", "data-domains": "cart.example" };
  const browser = new Browser();
  for (const options of [
    { referrer: "https://shop.example/top" },
    { referrer: "https://www.cart.example/" },
    { entry: "reload" },
    { entry: "back_forward" },
  ]) {
    browser.load("https://shop.example/lp", { attributes, ...options });
    await settle();
    assert.equal(browser.sent.length, 0, JSON.stringify(options));
  }
  browser.load("https://shop.example/lp?utm=1", { attributes, referrer: "https://search.example/" });
  await settle();
  assert.equal(browser.sent.length, 1);
  assert.equal(browser.sent[0].target, "https://track.example/d/organic1");
  assert.match(browser.sent[0].body, /yb_referrer=https%3A%2F%2Fsearch.example%2F/);
  browser.load("https://shop.example/lp", { attributes });
  await settle();
  assert.equal(browser.sent.length, 2, "another arrival is another one");
  browser.load(`https://shop.example/lp?sid=${OTHER_SID}`, { attributes });
  browser.load("https://shop.example/lp", { attributes });
  await settle();
  assert.equal(browser.sent.length, 2, "the click of a partner stands");
});
