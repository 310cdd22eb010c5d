/**
 * What is pasted where so that conversions come in: for plain pages, tag managers, shop systems and servers. Pure.
 * Snippets are ASCII only (old carts save Shift_JIS), and shop systems fill their variables inside quotes.
 */

export const SYSTEMS = [
  "plain",
  "gtm",
  "shopify",
  "woocommerce",
  "eccube",
  "ecforce",
  "colorme",
  "makeshop",
  "futureshop",
  "php",
  "curl",
] as const;
export type System = (typeof SYSTEMS)[number];

/** Which total a sale is counted with; not every system offers both. */
export const TOTALS = ["goods", "total"] as const;
export type Total = (typeof TOTALS)[number];
export const HAS_TOTALS: ReadonlySet<System> = new Set(["shopify", "woocommerce", "eccube", "ecforce", "makeshop"]);

export interface Site {
  /** Address of the tracking server, without a slash at its end. */
  base: string;
  /** Of the offer; empty: of whichever offer was clicked last, for a tag that several share. */
  cid: string;
  sidParam: string;
  days: number;
  currency: string;
  /** Hosts of the advertiser's own sites, where there are several: links between them carry the session. */
  domains?: readonly string[];
  /** Link under which arrivals without a link are counted; empty: they are not. */
  organic?: string;
}

export interface Wish {
  /** Token of the conversion point; its name, where several offers share the tag. */
  event: string;
  hasRevenue: boolean;
  total: Total;
  /** futureshop: the names of its variables, which only its screen tells. */
  orderVariable: string;
  amountVariable: string;
  /** Carts on another host, to which links and forms carry the session. */
  cartHost: string;
}

/** A piece to copy; `place` is the name of the sentence that says where it goes (`tags.place.NAME`). */
export interface Snippet {
  place: string;
  code: string;
}

const STUB = "window.yamabiko = window.yamabiko || function () { (yamabiko.q = yamabiko.q || []).push(arguments) };";

const isAscii = (text: string) => /^[ -~]*$/.test(text);

/** A text as a script writes it. */
const js = (text: string) =>
  `'${[...text.replace(/[\\']/g, "\\$&")].map((c) => (isAscii(c) ? c : unicode(c))).join("")}'`;

const unicode = (character: string) =>
  [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
    .join("");

/** The same as PHP does. */
const phpText = (text: string) =>
  isAscii(text) ? `'${text.replace(/[\\']/g, "\\$&")}'` : `rawurldecode('${encoded(text)}')`;

/** The same within a URL, in quotes of any kind. */
const encoded = (text: string) => encodeURIComponent(text).replaceAll("'", "%27");

/** The tag for the head of every page. */
export function landingTag(site: Site): string {
  const name = site.sidParam === "sid" ? "" : ` data-sid-param="${site.sidParam}"`;
  const more = extras(site).map(([key, value]) => ` data-${key}="${value}"`);
  return `<script async src="${site.base}/tag.js"${site.cid && ` data-cid="${site.cid}"`}${name} data-days="${site.days}"${more.join("")}></script>`;
}

/** Attributes that only some sites have. */
function extras({ domains = [], organic = "" }: Site): [string, string][] {
  const found: [string, string][] = [];
  if (domains.length > 1) found.push(["domains", domains.join(" ")]);
  if (organic) found.push(["organic", organic]);
  return found;
}

/** The hosts of addresses such as `https://shop.example` or `https://*.shop.example`, each once. */
export function hostsOf(sites: readonly string[]): string[] {
  const hosts = sites.map((site) => /^https?:\/\/(?:\*\.)?([^/:?#]+)/i.exec(site.trim())?.[1]?.toLowerCase() ?? "");
  return [...new Set(hosts)].filter(Boolean);
}

/** Name of the cookie in which the tag keeps the session. */
const cookieOf = (site: Site) => (site.cid ? `_yb_${site.cid}` : "_yb");

/** A call of the tag; the values are JavaScript, as the system writes it. */
function call(wish: Wish, uid: string, amount: string, currency?: string, cid?: string): string {
  const fields = [
    ...(cid ? [`cid: '${cid}'`] : []),
    `event: ${js(wish.event)}`,
    `uid1: ${uid}`,
    ...(wish.hasRevenue ? [`amount: ${amount}`] : []),
    ...(wish.hasRevenue && currency ? [`currency: ${currency}`] : []),
  ];
  return `yamabiko('conversion', { ${fields.join(", ")} });`;
}

const script = (...lines: string[]) => ["<script>", ...lines, "</script>"].join("\n");

/** The address that a server calls for one conversion point. */
export function serverUrl(site: Site, wish: Wish, sid = "SID", uid = "A-1001", amount = "5400"): string {
  const money = wish.hasRevenue ? `&amount=${amount}` : "";
  const cid = site.cid && `cid=${site.cid}&`;
  return `${site.base}/cv?${cid}event=${encoded(wish.event)}&sid=${sid}&uid1=${uid}${money}`;
}

function plain(site: Site, wish: Wish): Snippet[] {
  return [
    { place: "every_page", code: landingTag(site) },
    { place: "thanks", code: `${landingTag(site)}\n${script(STUB, call(wish, "'A-1001'", "5400"))}` },
  ];
}

// A tag manager takes data-* attributes out of what it is given, so a script sets them.
function gtm(site: Site, wish: Wish): Snippet[] {
  const set = [
    ...(site.cid ? [`s.setAttribute('data-cid', '${site.cid}');`] : []),
    `s.setAttribute('data-days', '${site.days}');`,
    ...(site.sidParam === "sid" ? [] : [`s.setAttribute('data-sid-param', '${site.sidParam}');`]),
    ...extras(site).map(([key, value]) => `s.setAttribute('data-${key}', '${value}');`),
  ];
  return [
    {
      place: "gtm_all_pages",
      code: script(
        "(function () {",
        "  var s = document.createElement('script');",
        "  s.async = true;",
        `  s.src = '${site.base}/tag.js';`,
        ...set.map((line) => `  ${line}`),
        "  document.head.appendChild(s);",
        "})();",
      ),
    },
    {
      place: "gtm_purchase",
      code: script(STUB, call(wish, "{{DLV - transaction_id}}", "{{DLV - value}}", "{{DLV - currency}}", site.cid)),
    },
  ];
}

function shopify(site: Site, wish: Wish): Snippet[] {
  const sum = wish.total === "goods" ? "subtotalPrice" : "totalPrice";
  const money = wish.hasRevenue
    ? [`    amount: order.${sum}.amount,`, `    currency: order.currencyCode || '${site.currency}',`]
    : [];
  return [
    {
      place: "shopify_theme",
      code: `${landingTag(site)}\n${script(
        STUB,
        "yamabiko('sid', function (sid) {",
        "  if (sid) fetch('/cart/update.js', {",
        "    method: 'POST',",
        "    headers: { 'Content-Type': 'application/json' },",
        "    body: JSON.stringify({ attributes: { yb_sid: sid } })",
        "  });",
        "});",
      )}`,
    },
    {
      place: "shopify_pixel",
      code: [
        "analytics.subscribe('checkout_completed', async (event) => {",
        "  const order = event.data.checkout;",
        "  const noted = (order.attributes || []).find((one) => one.key === 'yb_sid');",
        "  let sid = noted ? noted.value : '';",
        "  if (!sid) {",
        `    const kept = await browser.cookie.get('${cookieOf(site)}');`,
        "    try {",
        "      sid = JSON.parse(kept.charAt(0) === '{' ? kept : decodeURIComponent(kept)).s;",
        "    } catch (error) {",
        "      sid = '';",
        "    }",
        "  }",
        "  const body = new URLSearchParams({",
        ...(site.cid ? [`    cid: '${site.cid}',`] : []),
        `    event: ${js(wish.event)},`,
        "    sid: sid,",
        "    uid1: String((order.order && order.order.id) || '').replace(/[^0-9]/g, ''),",
        ...money,
        "  });",
        `  fetch('${site.base}/cv', { method: 'POST', body: body, keepalive: true, mode: 'no-cors' });`,
        "});",
      ].join("\n"),
    },
  ];
}

function woocommerce(site: Site, wish: Wish): Snippet[] {
  const sum =
    wish.total === "goods" ? "round($order->get_subtotal() - $order->get_total_discount(), 2)" : "$order->get_total()";
  const fields = [
    `    'event'    => ${phpText(wish.event)},`,
    "    'uid1'     => (string) $order->get_order_number(),",
    ...(wish.hasRevenue ? [`    'amount'   => (string) ${sum},`, "    'currency' => $order->get_currency(),"] : []),
  ];
  return [
    {
      place: "woo_functions",
      code: [
        "add_action('wp_head', function () { ?>",
        landingTag(site),
        "<?php });",
        "",
        "add_action('woocommerce_thankyou', function ($order_id) {",
        "  $order = wc_get_order($order_id);",
        "  if (!$order || $order->has_status('failed')) return;",
        "  $sale = array(",
        ...fields,
        "  ); ?>",
        "<script>",
        STUB,
        "yamabiko('conversion', <?php echo wp_json_encode($sale); ?>);",
        "</script>",
        "<?php });",
      ].join("\n"),
    },
  ];
}

function eccube(site: Site, wish: Wish): Snippet[] {
  const sum = wish.total === "goods" ? "subtotal" : "payment_total";
  return [
    { place: "eccube_head", code: landingTag(site) },
    {
      place: "eccube_complete",
      code: script(STUB, call(wish, "'{{ Order.order_no|e('js') }}'", `'{{ Order.${sum}|number_format(0, '', '') }}'`)),
    },
  ];
}

// The cart's own server calls: no tag, and so nothing that a browser can lose.
function ecforce(site: Site, wish: Wish): Snippet[] {
  const sum = wish.total === "goods" ? "{subtotal_price}" : "{total_price}";
  return [
    { place: "ecforce_parameter", code: site.sidParam },
    { place: "ecforce_socket", code: serverUrl(site, wish, `{${site.sidParam}}`, "{order_number}", sum) },
  ];
}

/** Carries the session over to a cart on another host, at the moment of the click. */
function carry(site: Site, host: string): string {
  return script(
    STUB,
    "document.addEventListener('click', function (event) {",
    "  var link = event.target.closest && event.target.closest('a[href]');",
    `  if (!link || !/(^|[.])${host.replaceAll(".", "[.]")}$/.test(link.hostname)) return;`,
    "  yamabiko('sid', function (sid) {",
    `    if (sid && link.search.indexOf('${site.sidParam}=') < 0)`,
    `      link.search += (link.search ? '&' : '?') + '${site.sidParam}=' + sid;`,
    "  });",
    "}, true);",
  );
}

function colorme(site: Site, wish: Wish): Snippet[] {
  return [
    { place: "colorme_head", code: `${landingTag(site)}\n${carry(site, wish.cartHost || "shop-pro.jp")}` },
    {
      place: "colorme_conversion",
      code: `${landingTag(site)}\n${script(STUB, call(wish, "'<{$order_no}>'", "'<{$order_price}>'"))}`,
    },
  ];
}

function makeshop(site: Site, wish: Wish): Snippet[] {
  const sum = wish.total === "goods" ? "[ITEM_AMOUNT_TAX]" : "[TOTAL_AMOUNT]";
  return [
    { place: "makeshop_head", code: landingTag(site) },
    {
      place: "makeshop_conversion",
      code: `${landingTag(site)}\n${script(STUB, call(wish, "'[ORDER_NUM]'", `'${sum}'`))}`,
    },
  ];
}

// futureshop writes its values into the page some time after the scripts ran.
function futureshop(site: Site, wish: Wish): Snippet[] {
  const text = (id: string, variable: string) => `<span id="yb-${id}" hidden>${variable}</span>`;
  const read = (id: string) => `document.getElementById('yb-${id}').textContent.trim()`;
  return [
    { place: "futureshop_every", code: landingTag(site) },
    {
      place: "futureshop_complete",
      code: [
        landingTag(site),
        text("order", wish.orderVariable),
        ...(wish.hasRevenue ? [text("amount", wish.amountVariable)] : []),
        script(
          STUB,
          "(function wait(left) {",
          `  var order = ${read("order")};`,
          ...(wish.hasRevenue ? [`  var amount = ${read("amount")};`] : []),
          `  var open = /^$|[{}$]/.test(order${wish.hasRevenue ? " + amount" : ""});`,
          "  if (open && left > 0) return setTimeout(wait, 100, left - 1);",
          `  ${call(wish, "order", "amount.replace(/[^0-9.]/g, '')")}`,
          "})(100);",
        ),
      ].join("\n"),
    },
  ];
}

function php(site: Site, wish: Wish): Snippet[] {
  return [
    { place: "every_page", code: landingTag(site) },
    {
      place: "php_complete",
      code: [
        "<?php",
        `$kept = json_decode($_COOKIE['${cookieOf(site)}'] ?? '', true);`,
        `$call = curl_init('${site.base}/cv');`,
        "curl_setopt_array($call, array(",
        "  CURLOPT_POST => true,",
        "  CURLOPT_POSTFIELDS => http_build_query(array(",
        ...(site.cid ? [`    'cid' => '${site.cid}',`] : []),
        `    'event' => ${phpText(wish.event)},`,
        "    'sid' => $kept['s'] ?? '',",
        "    'uid1' => $orderNumber,",
        ...(wish.hasRevenue ? ["    'amount' => $amount,", `    'currency' => '${site.currency}',`] : []),
        "  )),",
        "  CURLOPT_HTTPHEADER => array('Idempotency-Key: ' . $orderNumber),",
        "  CURLOPT_RETURNTRANSFER => true,",
        "  CURLOPT_TIMEOUT => 5,",
        "));",
        "curl_exec($call);",
      ].join("\n"),
    },
  ];
}

function curl(site: Site, wish: Wish): Snippet[] {
  const fields = [
    ...(site.cid ? [`cid=${site.cid}`] : []),
    `event=${encoded(wish.event)}`,
    "sid=SID",
    "uid1=A-1001",
    ...(wish.hasRevenue ? ["amount=5400", `currency=${site.currency}`] : []),
  ];
  return [
    {
      place: "curl",
      code: [`curl -X POST '${site.base}/cv'`, ...fields.map((f) => `  --data '${f}'`)].join(" \\\n"),
    },
    { place: "get", code: serverUrl(site, wish) },
  ];
}

const MAKERS: Record<System, (site: Site, wish: Wish) => Snippet[]> = {
  plain,
  gtm,
  shopify,
  woocommerce,
  eccube,
  ecforce,
  colorme,
  makeshop,
  futureshop,
  php,
  curl,
};

export const snippets = (system: System, site: Site, wish: Wish): Snippet[] => MAKERS[system](site, wish);
