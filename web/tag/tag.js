/*
 * Yamabiko tag: landing and conversion measurement for the advertiser's own site.
 *
 *   <script async src="https://TRACKING-DOMAIN/tag.js" data-cid="CID"></script>
 *
 * On every page it keeps the session id (SID) that a click brought along, in a first-party cookie and in
 * localStorage. On the thanks page:
 *
 *   window.yamabiko = window.yamabiko || function () { (yamabiko.q = yamabiko.q || []).push(arguments) };
 *   yamabiko('conversion', { event: 'purchase', amount: 1000, uid1: 'ORDER-1', params: { plan: 'a' } });
 *   yamabiko('sid', function (sid) { ... });
 *
 * A URL with yb_link=LINK and without a SID is a direct landing: it passed no redirect and is reported here.
 * Attributes: data-cid, data-sid-param (sid), data-days (the offer's, else 30; at most 365), data-endpoint.
 */
(function (w, d) {
  'use strict';
  const CLICK_IDS = 'fbclid gclid gbraid wbraid yclid yj_r ttclid ldtag_cl twclid'.split(' ');
  const FIELDS = 'cid sid event amount currency status'.split(' ');
  for (let n = 1; n <= 8; n++) FIELDS.push('uid' + n);

  const script = d.currentScript;
  const option = (name) => (script && script.getAttribute('data-' + name)) || '';
  const endpoint = (option('endpoint') || (script ? script.src.replace(/\/tag\.js.*$/, '') : '')).replace(/\/$/, '');
  const cid = option('cid');
  const sidParam = option('sid-param') || 'sid';
  const days = parseInt(option('days'), 10);
  const key = '_yb' + (cid ? '_' + cid : '');
  const isSid = (text) => /^[0-9a-z]{16}$/.test(text || '');
  const warn = (text) => w.console && w.console.warn('yamabiko: ' + text);

  const query = new URLSearchParams(w.location.search);
  // What is kept: { s: SID, t: visitor id, x: expiry in unix milliseconds, c: click ids of ad platforms }.
  let kept = read();
  let waiting = null;

  function attempt(action) {
    try {
      return action();
    } catch (error) {
      return undefined; // Storage is switched off; the other one may work.
    }
  }

  function parse(text) {
    const value = attempt(() => JSON.parse(text));
    return value && isSid(value.s) && value.x > Date.now() ? value : null;
  }

  function readCookie() {
    const found = ('; ' + d.cookie).split('; ' + key + '=')[1];
    return found ? attempt(() => decodeURIComponent(found.split(';')[0])) : null;
  }

  function read() {
    const found = parse(attempt(readCookie)) || parse(attempt(() => w.localStorage.getItem(key)));
    if (found) write(found); // Whichever store lost it gets it back, with the expiry that it had.
    return found;
  }

  function setCookie(name, value, seconds, domain) {
    d.cookie = name + '=' + value + ';path=/;max-age=' + seconds + ';samesite=lax' +
      (domain ? ';domain=' + domain : '') + (w.location.protocol === 'https:' ? ';secure' : '');
  }

  // The highest domain that the browser lets us write to; none for addresses and single names.
  function cookieDomain() {
    const labels = w.location.hostname.split('.');
    if (/^[\d.]+$|:/.test(w.location.hostname)) return '';
    for (let n = labels.length - 2; n >= 0; n--) {
      const domain = labels.slice(n).join('.');
      setCookie('_yb_try', '1', 9, domain);
      const works = d.cookie.indexOf('_yb_try=') >= 0;
      setCookie('_yb_try', '', 0, domain);
      if (works) return domain;
    }
    return '';
  }

  function write(value) {
    const text = JSON.stringify(value);
    const seconds = Math.floor((value.x - Date.now()) / 1000);
    attempt(() => setCookie(key, encodeURIComponent(text), seconds, cookieDomain()));
    attempt(() => w.localStorage.setItem(key, text));
  }

  // A new click begins a new time; the same SID again (a reload) changes nothing.
  function keep(sid, tuid, offerDays) {
    if (kept && kept.s === sid) return;
    const time = Math.min(Math.max(days || offerDays || 30, 1), 365) * 864e5;
    const clickIds = {};
    CLICK_IDS.forEach((name) => {
      if (query.get(name)) clickIds[name] = query.get(name).slice(0, 256);
    });
    kept = { s: sid, t: tuid || '', x: Date.now() + time, c: clickIds };
    write(kept);
  }

  // Takes yb_link out of the address bar, so that a reload is not a second click.
  function cleanAddress() {
    const rest = w.location.search.slice(1).split('&').filter((pair) => pair.split('=')[0] !== 'yb_link').join('&');
    attempt(() => w.history.replaceState(
      w.history.state, '', w.location.pathname + (rest ? '?' + rest : '') + w.location.hash));
  }

  function reportLanding(link) {
    const host = attempt(() => new URL(d.referrer).hostname);
    if (host && host === w.location.hostname) return; // A link within the site, not a click.
    const body = new URLSearchParams(w.location.search);
    if (d.referrer) body.set('yb_referrer', d.referrer);
    if (kept && kept.t) body.set('yb_tuid', kept.t);
    waiting = [];
    const done = () => {
      const calls = waiting || [];
      waiting = null;
      calls.forEach((call) => run(call[0], call[1]));
    };
    // Conversions on this very page wait for the SID, but not for ever.
    const timer = w.setTimeout(done, 3000);
    w.fetch(endpoint + '/d/' + encodeURIComponent(link), { method: 'POST', body: body, keepalive: true })
      .then((answer) => answer.ok ? answer.json() : Promise.reject(new Error('status ' + answer.status)))
      .then((json) => {
        if (!isSid(json.sid)) throw new Error('no sid');
        keep(json.sid, json.tuid, json.days);
        cleanAddress();
      })
      .catch((error) => warn('the landing was not recorded: ' + error.message))
      .then(() => { w.clearTimeout(timer); done(); });
  }

  function send(body) {
    const url = endpoint + '/cv';
    const nav = w.navigator;
    if (nav.sendBeacon && attempt(() => nav.sendBeacon(url, body))) return;
    const byImage = () => { new w.Image().src = url + '.gif?' + body; };
    if (!w.fetch) return byImage();
    w.fetch(url, { method: 'POST', body: body, keepalive: true, mode: 'no-cors', credentials: 'include' })
      .catch(byImage);
  }

  function conversion(data) {
    const body = new URLSearchParams();
    const set = (name, value) => {
      if (value !== undefined && value !== null && value !== '') body.set(name, value);
    };
    set('sid', kept && kept.s);
    set('cid', cid);
    FIELDS.forEach((name) => set(name, data[name]));
    Object.keys(data.params || {}).forEach((name) => set('p_' + name, data.params[name]));
    const clickIds = (kept && kept.c) || {};
    CLICK_IDS.forEach((name) => set(name, clickIds[name]));
    send(body);
  }

  function run(command, argument) {
    if (waiting) {
      waiting.push([command, argument]);
    } else if (command === 'conversion') {
      conversion(argument || {});
    } else if (command === 'sid' && typeof argument === 'function') {
      argument(kept ? kept.s : '');
    } else {
      warn('unknown command ' + command + '; use conversion or sid');
    }
  }

  if (!endpoint) return warn('set data-endpoint: the address of tag.js is not known');
  const link = query.get('yb_link');
  if (isSid(query.get(sidParam))) keep(query.get(sidParam));
  else if (link) reportLanding(link);

  const queue = (w.yamabiko && w.yamabiko.q) || [];
  w.yamabiko = run;
  for (let n = 0; n < queue.length; n++) run(queue[n][0], queue[n][1]);
})(window, document);
