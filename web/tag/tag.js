/*
 * Yamabiko tag: landing and conversion measurement for the advertiser's own site.
 *
 *   <script async src="https://TRACKING-DOMAIN/tag.js" data-cid="CID"></script>
 *
 * It keeps the session id (SID) of a click in a first-party cookie and in localStorage. On the thanks page:
 *
 *   window.yamabiko = window.yamabiko || function () { (yamabiko.q = yamabiko.q || []).push(arguments) };
 *   yamabiko('conversion', { event: 'purchase', amount: 1000, uid1: 'A-1001', params: { plan: 'a' },
 *     email: '...', phone: '...', ad_user_data: 'granted' }, function (eventId) { ... });
 *   yamabiko('sid', function (sid) { ... });
 *
 * A URL with yb_link=LINK and without a SID is a direct landing: it passed no redirect and is reported here.
 * data-organic="LINK" reports arrivals without any link, as clicks on LINK. With data-domains="a.example b.example" links
 * and forms to these hosts and what is below them carry the SID on.
 * Attributes: data-cid, data-sid-param (sid), data-days (the offer's, else 30; at most 365), data-endpoint (where the
 * script has another name or host).
 */
(function (w, d) {
  'use strict';
  const words = (text) => text.split(' ');
  const CLICK_IDS = words('fbclid gclid gbraid wbraid yclid yj_r ttclid ldtag_cl twclid _ly_c msclkid sa_p sa_cc sa_t sa_ra epik rdt_cid ScCid oppref');
  const COOKIES = words('_ly_c _ly_su _ly_r _fbp _fbc __lt__cid _ttp _ycl_yjad _yjr_yjad _yjsu_yjad');
  const PERSON = words('email phone external_id');
  const FIELDS = words('cid sid event amount currency status click_id environment order_id txid uid event_id page_url consent ad_user_data ad_personalization').concat(PERSON, PERSON.map((name) => name + '_sha256'));
  for (let n = 1; n <= 8; n++) FIELDS.push('uid' + n);
  // Names of other tags for the same.
  const ALIASES = { price: 'amount', value: 'amount', transaction_id: 'uid1', orderId: 'uid1' };

  const script = d.currentScript;
  const option = (name) => (script && script.getAttribute('data-' + name)) || '';
  const address = /^(.*)\/tag\.js([?#]|$)/.exec(script ? script.src : '');
  const endpoint = (option('endpoint') || (address ? address[1] : '')).replace(/\/$/, '');
  const cid = option('cid');
  const sidParam = option('sid-param') || 'sid';
  const days = parseInt(option('days'), 10);
  const keyOf = (offer) => '_yb' + (offer ? '_' + offer : '');
  const key = keyOf(cid);
  const isSid = (text) => /^[0-9a-z]{16}$/.test(text || '');
  const warn = (text) => w.console && w.console.warn('yamabiko: ' + text);

  const here = w.location.hostname;
  const domains = words(option('domains')).filter(Boolean);
  // Mails and pages write & as &amp;.
  const query = new URLSearchParams(w.location.search.replace(/&(amp;)+/gi, '&'));
  // What is kept: { s: SID, t: visitor id, x: expiry in unix milliseconds, c: click ids, o: organic }.
  let kept = read(key);
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

  function readCookie(key) {
    const found = ('; ' + d.cookie).split('; ' + key + '=')[1];
    return found ? attempt(() => decodeURIComponent(found.split(';')[0])) : null;
  }

  function read(key) {
    const found = parse(attempt(() => readCookie(key))) || parse(attempt(() => w.localStorage.getItem(key)));
    if (found) write(found, key); // Whichever store lost it gets it back, with the expiry that it had.
    return found;
  }

  function setCookie(name, value, seconds, domain) {
    d.cookie = name + '=' + value + ';path=/;max-age=' + seconds + ';samesite=lax' +
      (domain ? ';domain=' + domain : '') + (w.location.protocol === 'https:' ? ';secure' : '');
  }

  // The highest domain that the browser lets us write to; none for addresses and single names.
  function cookieDomain() {
    const labels = here.split('.');
    if (/^[\d.]+$|:/.test(here)) return '';
    for (let n = labels.length - 2; n >= 0; n--) {
      const domain = labels.slice(n).join('.');
      setCookie('_yb_try', '1', 9, domain);
      const works = d.cookie.indexOf('_yb_try=') >= 0;
      setCookie('_yb_try', '', 0, domain);
      if (works) return domain;
    }
    return '';
  }

  function write(value, key) {
    const text = JSON.stringify(value);
    const seconds = Math.floor((value.x - Date.now()) / 1000);
    // A cookie has at most 4 KB.
    const short = text.length > 2000 ? JSON.stringify({ s: value.s, t: value.t, x: value.x }) : text;
    attempt(() => setCookie(key, encodeURIComponent(short), seconds, cookieDomain()));
    attempt(() => w.localStorage.setItem(key, text));
  }

  // A new click begins a new time; the same SID again (a reload) changes nothing.
  function keep(sid, tuid, offerDays, organic) {
    if (kept && kept.s === sid) return;
    const time = Math.min(Math.max(days || offerDays || 30, 1), 365) * 864e5;
    const clickIds = {};
    CLICK_IDS.forEach((name) => {
      const value = query.get(name);
      // As in the cookie of its platform.
      if (value && value.length <= 1000) clickIds[name] = (name === '_ly_c' && !/^\d{10}\./.test(value) ? Math.floor(Date.now() / 1000) + '.' : '') + value;
    });
    kept = { s: sid, t: tuid || '', x: Date.now() + time, c: clickIds };
    if (organic) kept.o = 1;
    write(kept, key);
  }

  // A reload is no second click.
  function cleanAddress() {
    const rest = w.location.search.slice(1).split('&').filter((pair) => pair.split('=')[0] !== 'yb_link').join('&');
    attempt(() => w.history.replaceState(
      w.history.state, '', w.location.pathname + (rest ? '?' + rest : '') + w.location.hash));
  }

  const isOf = (host) => (name) => host === name || host.endsWith('.' + name);

  function reportLanding(link, organic) {
    const host = attempt(() => new URL(d.referrer).hostname);
    if (host && (host === here || (organic && domains.some(isOf(host))))) return; // A link within the site, not a click.
    const body = new URLSearchParams(query);
    if (d.referrer) body.set('yb_referrer', d.referrer);
    if (kept && kept.t) body.set('yb_tuid', kept.t);
    waiting = [];
    const done = () => {
      const calls = waiting || [];
      waiting = null;
      calls.forEach((call) => run(...call));
    };
    // Conversions on this very page wait for the SID, but not for ever.
    const timer = w.setTimeout(done, 3000);
    w.fetch(endpoint + '/d/' + encodeURIComponent(link), { method: 'POST', body: body, keepalive: true })
      .then((answer) => answer.ok ? answer.json() : Promise.reject(new Error('status ' + answer.status)))
      .then((json) => {
        if (!isSid(json.sid)) throw new Error('no sid');
        keep(json.sid, json.tuid, json.days, organic);
        cleanAddress();
      })
      .catch((error) => warn('the landing was not recorded: ' + error.message))
      .then(() => { w.clearTimeout(timer); done(); });
  }

  function send(body) {
    const url = endpoint + '/cv';
    const nav = w.navigator;
    if (nav.sendBeacon && attempt(() => nav.sendBeacon(url, body))) return;
    const byImage = () => {
      PERSON.forEach((name) => body.delete(name)); // Addresses are written to logs.
      new w.Image().src = url + '.gif?' + body;
    };
    if (!w.fetch) return byImage();
    w.fetch(url, { method: 'POST', body: body, keepalive: true, mode: 'no-cors', credentials: 'include' })
      .catch(byImage);
  }

  // A float without its tail (2980 * 1.1 is 3278.0000000000005), as text.
  function money(value) {
    if (typeof value === 'number') {
      if (isFinite(value)) return String(Number(value.toFixed(6)));
      warn('amount is ' + value + '; the conversion is sent without it');
      return '';
    }
    const text = String(value).trim();
    if (/^\d+\.\d{7,}$/.test(text)) return money(Number(text));
    if (!/^\d+(\.\d+)?$/.test(text)) warn('amount "' + text + '" is no plain number such as 1000 or 12.50');
    return text;
  }

  function conversion(data, tell) {
    if (!endpoint) return warn('nothing is sent: set data-endpoint to the address of the tracking server');
    const body = new URLSearchParams();
    const has = (value) => value !== undefined && value !== null && value !== '';
    const set = (name, value) => {
      if (has(value)) body.set(name, value);
    };
    const mine = data.cid && data.cid !== cid ? read(keyOf(data.cid)) || kept : kept;
    set('sid', mine && mine.s);
    set('cid', cid);
    Object.keys(data).forEach((name) => {
      const known = ALIASES[name] || name.toLowerCase();
      if (FIELDS.indexOf(known) < 0) {
        if (name !== 'params') warn('unknown field ' + name + '; put fields of your own into params');
      } else if (known === name || !has(data[known])) {
        set(known, known === 'amount' && has(data[name]) ? money(data[name]) : data[name]);
      }
    });
    Object.keys(data.params || {}).forEach((name) => set('p_' + name, data.params[name]));
    const clickIds = (mine && mine.c) || {};
    CLICK_IDS.forEach((name) => set(name, clickIds[name]));
    COOKIES.forEach((name) => set(name, attempt(() => readCookie(name))));
    if (!body.has('page_url')) set('page_url', w.location.href.slice(0, 2000));
    if (!body.has('event_id')) set('event_id', Date.now().toString(36) + Math.random().toString(36).slice(2, 12));
    send(body);
    if (typeof tell === 'function') tell(body.get('event_id'));
  }

  function run(command, argument, tell) {
    if (waiting) {
      waiting.push([command, argument, tell]);
    } else if (command === 'conversion') {
      conversion(argument || {}, tell);
    } else if (command === 'sid' && typeof argument === 'function') {
      argument(kept ? kept.s : '');
    } else {
      warn('unknown command ' + command + '; use conversion or sid');
    }
  }

  if (!endpoint) warn('set data-endpoint: the script is not served as tag.js, so the address of the tracking server is not known');
  const link = query.get('yb_link');
  // A destination can hold a parameter of that name itself; ours is the one of its form.
  // Some add to an address what they had to join to its query: sid=<SID>?utm_source=x, sid=<SID>/.
  const sidOf = (text) => (/^\s*([0-9a-z]{16})(?![0-9a-z])/i.exec(text) || ['', ''])[1].toLowerCase();
  const isNamed = (pair) => pair[0].toLowerCase() === sidParam.toLowerCase();
  const sid = Array.from(query).filter(isNamed).map((pair) => sidOf(pair[1])).find(Boolean);
  if (sid) keep(sid);
  else if (link && endpoint) reportLanding(link);
  // Arrivals without a link: no reload, no way back, and never over a click of a partner that still counts.
  else if (option('organic') && endpoint && (!kept || kept.o)) {
    const entry = attempt(() => w.performance.getEntriesByType('navigation')[0]);
    if (!entry || entry.type === 'navigate') reportLanding(option('organic'), 1);
  }

  // Links and forms to the advertiser's other domains carry the SID, at the moment in which they are used.
  function carry(event) {
    const form = event.type === 'submit';
    const place = form ? event.target : event.target.closest && event.target.closest('a[href]');
    const name = form ? 'action' : 'href';
    const url = kept && place && attempt(() => new URL(place.getAttribute(name), d.baseURI));
    if (!url || url.hostname === here || !/^http/.test(url.protocol) || !domains.some(isOf(url.hostname))) return;
    if (form && place.method !== 'post') {
      if (place.querySelector('[name="' + sidParam + '"]')) return;
      const field = d.createElement('input');
      field.type = 'hidden';
      field.name = sidParam;
      field.value = kept.s;
      place.appendChild(field);
    } else if (!url.searchParams.has(sidParam)) {
      url.search += (url.search ? '&' : '?') + sidParam + '=' + kept.s;
      place.setAttribute(name, url.href);
    }
  }
  if (domains.length) words('click auxclick contextmenu submit').forEach((name) => d.addEventListener(name, carry, true));

  const queue = (w.yamabiko && w.yamabiko.q) || [];
  w.yamabiko = run;
  for (let n = 0; n < queue.length; n++) run(...queue[n]);
})(window, document);
