// Tests of tag.js in a small fake browser: `node --test web/tag/`. No dependencies.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';

const source = readFileSync(new URL('./tag.js', import.meta.url), 'utf8');
const SID = '0mhwydvk0abcdefg';
const OTHER_SID = '0mhwydvk0zzzzzzz';
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
    this.answer = { sid: SID, tuid: 'visitor1', days: 10 };
  }

  setCookie(text) {
    const [pair, ...attributes] = text.split(';');
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const attribute = (key) => attributes.find((a) => a.startsWith(key + '='))?.slice(key.length + 1);
    // Public suffixes are refused, as browsers do.
    if (['example', 'co.jp'].includes(attribute('domain'))) return;
    const seconds = Number(attribute('max-age'));
    if (seconds <= 0) this.cookies.delete(name);
    else this.cookies.set(name, { value, expires: this.now + seconds * 1000, domain: attribute('domain'), text });
  }

  cookieText() {
    return [...this.cookies].filter(([, c]) => c.expires > this.now).map(([n, c]) => `${n}=${c.value}`).join('; ');
  }

  /** Loads a page with the tag; gives its window. */
  load(url, { attributes = {}, referrer = '', queue } = {}) {
    const browser = this;
    const location = new URL(url);
    const document = {
      referrer,
      currentScript: {
        src: 'https://track.example/tag.js',
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
      if (!this.storageWorks) throw new Error('denied');
    };
    const window = {
      location,
      document,
      console: { warn: (text) => this.warnings.push(text) },
      localStorage: {
        getItem: (key) => (guard(), this.storage.get(key) ?? null),
        setItem: (key, value) => (guard(), this.storage.set(key, value)),
      },
      history: {
        state: null,
        replaceState: (state, title, target) => {
          location.href = new URL(target, location).href;
        },
      },
      navigator: {
        sendBeacon: (target, body) => {
          if (this.beaconWorks) this.sent.push({ by: 'beacon', target, body: String(body) });
          return this.beaconWorks;
        },
      },
      fetch: async (target, options) => {
        if (!this.fetchWorks) throw new Error('offline');
        this.sent.push({ by: 'fetch', target, body: String(options.body), options });
        return { ok: true, json: async () => this.answer };
      },
      Image: class {
        set src(target) {
          browser.images.push(target);
        }
      },
      setTimeout: (action) => ((this.timer = action), 1),
      clearTimeout: () => {},
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

  /** The fields of the last conversion. */
  last() {
    return Object.fromEntries(new URLSearchParams(this.sent.at(-1).body));
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('is small, and runs under a strict content security policy', () => {
  const size = gzipSync(source).length;
  assert.ok(size < 4096, `${size} bytes gzipped`);
  assert.doesNotMatch(source, /\beval\b|new Function|innerHTML|document\.write/);
});

test('a click is kept and sent with the conversion of a later page', () => {
  const browser = new Browser();
  browser.load(`https://www.shop.example/lp?sid=${SID}&gclid=g1`, { attributes: { 'data-cid': 'offer1' } });
  const cookie = browser.cookies.get('_yb_offer1');
  assert.equal(cookie.domain, 'shop.example', 'the highest domain that is allowed');
  assert.match(cookie.text, /;samesite=lax/);
  assert.match(cookie.text, /;secure/);

  const page = browser.load('https://pay.shop.example/thanks', { attributes: { 'data-cid': 'offer1' } });
  page.yamabiko('conversion', {
    event: 'purchase', amount: 1000, currency: 'JPY', uid1: 'A-1', uid8: 'h', params: { plan: '山' },
  });
  assert.equal(browser.sent[0].by, 'beacon');
  assert.equal(browser.sent[0].target, 'https://track.example/cv');
  assert.deepEqual(browser.last(), {
    sid: SID, cid: 'offer1', event: 'purchase', amount: '1000', currency: 'JPY', uid1: 'A-1', uid8: 'h',
    p_plan: '山', gclid: 'g1',
  });
});

test('either store is enough', () => {
  const url = `https://shop.example/lp?sid=${SID}`;
  for (const lose of [(b) => b.cookies.clear(), (b) => b.storage.clear()]) {
    const browser = new Browser();
    browser.load(url);
    lose(browser);
    browser.load('https://shop.example/').yamabiko('conversion', {});
    assert.equal(browser.last().sid, SID);
    assert.ok(browser.cookies.has('_yb') && browser.storage.has('_yb'), 'the other store is mended');
  }
  const browser = new Browser();
  browser.storageWorks = false;
  browser.load(url);
  browser.load('https://shop.example/').yamabiko('conversion', {});
  assert.equal(browser.last().sid, SID);
});

test('the time begins with a click and is not extended by visits', () => {
  const browser = new Browser();
  browser.load(`https://shop.example/lp?sid=${SID}`, { attributes: { 'data-days': '7' } });
  browser.now += 6 * DAY;
  browser.load('https://shop.example/', { attributes: { 'data-days': '7' } });
  browser.load(`https://shop.example/lp?sid=${SID}`, { attributes: { 'data-days': '7' } });
  assert.equal(JSON.parse(browser.storage.get('_yb')).x, 1_763_000_000_000 + 7 * DAY);
  browser.now += DAY;
  let sid;
  browser.load('https://shop.example/').yamabiko('sid', (value) => (sid = value));
  assert.equal(sid, '', 'expired');

  browser.load(`https://shop.example/lp?sid=${OTHER_SID}`);
  assert.equal(JSON.parse(browser.storage.get('_yb')).x, browser.now + 30 * DAY);
});

test('what is no session id is not kept', () => {
  for (const value of ['', '{sid}', 'abc', `${SID}x`, '<script>']) {
    const browser = new Browser();
    browser.load(`https://shop.example/?sid=${encodeURIComponent(value)}`);
    assert.equal(browser.storage.size, 0, value);
  }
  const browser = new Browser();
  browser.storage.set('_yb', '{"s":"forged"}');
  browser.cookies.set('_yb', { value: '%zz', expires: Infinity });
  browser.load('https://shop.example/').yamabiko('conversion', { uid1: 'x' });
  assert.deepEqual(browser.last(), { uid1: 'x' });
});

test('another parameter name and another endpoint', () => {
  const browser = new Browser();
  const attributes = { 'data-sid-param': 'yid', 'data-endpoint': 'https://t.shop.example/' };
  browser.load(`https://shop.example/?yid=${SID}&sid=${OTHER_SID}`, { attributes }).yamabiko('conversion', {});
  assert.equal(browser.last().sid, SID);
  assert.equal(browser.sent[0].target, 'https://t.shop.example/cv');
});

test('a direct landing is reported once, and conversions wait for it', async () => {
  const browser = new Browser();
  const queue = [['conversion', { uid1: 'early' }]];
  const page = browser.load('https://shop.example/lp?param1=p&yb_link=abcdef12&gclid=g#top', {
    referrer: 'https://media.example/ad', queue,
  });
  assert.equal(browser.sent.length, 1, 'the conversion waits');
  assert.equal(browser.sent[0].target, 'https://track.example/d/abcdef12');
  assert.deepEqual(browser.last(), {
    param1: 'p', yb_link: 'abcdef12', gclid: 'g', yb_referrer: 'https://media.example/ad',
  });
  await settle();
  assert.equal(page.location.href, 'https://shop.example/lp?param1=p&gclid=g#top', 'the address bar is clean');
  assert.deepEqual(browser.last(), { sid: SID, uid1: 'early', gclid: 'g' });
  assert.equal(JSON.parse(browser.storage.get('_yb')).x, browser.now + 10 * DAY, "the offer's days");

  browser.load(page.location.href);
  assert.equal(browser.sent.length, 2, 'a reload is no second click');

  browser.answer = { sid: OTHER_SID };
  browser.load('https://shop.example/lp?yb_link=abcdef12', { referrer: 'https://media.example/' });
  assert.equal(browser.last().yb_tuid, 'visitor1', 'the same visitor');
  await settle();
  assert.equal(JSON.parse(browser.storage.get('_yb')).s, OTHER_SID);
});

test('a direct landing that fails holds nothing up', async () => {
  const browser = new Browser();
  browser.fetchWorks = false;
  const page = browser.load('https://shop.example/lp?yb_link=abcdef12', { queue: [['conversion', { uid1: 'a' }]] });
  await settle();
  assert.deepEqual(browser.last(), { uid1: 'a' });
  assert.match(page.location.href, /yb_link/, 'a reload tries again');
  assert.match(browser.warnings[0], /not recorded: offline/);

  const slow = new Browser();
  slow.load('https://shop.example/lp?yb_link=abcdef12', { queue: [['conversion', { uid1: 'b' }]] });
  slow.timer();
  assert.deepEqual(slow.last(), { uid1: 'b' }, 'after the time limit it goes without a sid');
  await settle();
  assert.equal(slow.sent.length, 2, 'and not a second time');
});

test('a link within the site and a landing with a sid are no direct landing', () => {
  const browser = new Browser();
  browser.load('https://shop.example/lp?yb_link=abcdef12', { referrer: 'https://shop.example/' });
  browser.load(`https://shop.example/lp?yb_link=abcdef12&sid=${SID}`);
  assert.equal(browser.sent.length, 0);
});

test('without a beacon it is fetch, without fetch an image', async () => {
  const browser = new Browser();
  browser.beaconWorks = false;
  browser.load('https://shop.example/').yamabiko('conversion', { uid1: 'a b&c' });
  assert.equal(browser.sent[0].by, 'fetch');
  assert.equal(browser.sent[0].options.keepalive, true);
  browser.fetchWorks = false;
  browser.load('https://shop.example/').yamabiko('conversion', { uid1: 'a b&c' });
  await settle();
  assert.deepEqual(browser.images, ['https://track.example/cv.gif?uid1=a+b%26c']);
});

test('mistakes are told, never thrown', () => {
  const browser = new Browser();
  const page = browser.load('https://shop.example/');
  page.yamabiko('purchase');
  page.yamabiko('sid');
  assert.equal(browser.warnings.length, 2);
});
