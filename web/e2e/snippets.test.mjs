// What the page of tags hands out, tried against pages that behave like each shop system: the piece is read from the
// screen, pasted where the screen says, filled as that system fills it, and the conversion has to come in with its
// click, order number and amount. The shop stands on *.localhost, the tracking server on 127.0.0.1.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { assertAccessible, browser, open, settled } from "./harness.mjs";
import { admin, claim, eventually, finishSetUp, serve } from "./server.mjs";

let server, api, owner, site, chrome, offer, app, link, port;
/** Path to what answers there: HTML, or a function of the request. */
const pages = new Map();

before(async () => {
  server = await serve();
  owner = await claim(server);
  api = admin(server);
  await finishSetUp(server, api);
  site = createServer(async (request, response) => {
    const page = pages.get(new URL(request.url, "http://x").pathname);
    let body = "";
    for await (const chunk of request) body += chunk;
    const text = typeof page === "function" ? page(body) : page;
    response.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
    response.end(text ?? "");
  }).listen(0);
  await once(site, "listening");
  port = site.address().port;
  offer = await api("POST", "/offers", {
    name: "Shop",
    destinations: { default: `http://shop.localhost:${port}/lp` },
    sites: [`http://shop.localhost:${port}`, `http://id.cart.localhost:${port}`],
    events: [
      { name: "購入", has_revenue: true },
      { name: "会員登録", has_revenue: false },
    ],
  });
  app = await api("POST", "/offers", {
    name: "App",
    kind: "app",
    destinations: { default: "https://apps.example.com/a" },
    events: [{ name: "Level", has_revenue: true }],
  });
  link = await api("POST", "/links", { offer: offer.id, network: "Media" });
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  site?.close();
  site?.closeAllConnections();
  await server?.stop();
});

/** The pieces of a system as the screen shows them, by their place. */
async function pieces(system, { event = 0, fields = {}, id = offer.id } = {}) {
  const view = await open(chrome, { language: "en", cookie: owner });
  const token = (id === offer.id ? offer : app).events[event].token;
  await view.page.goto(`${server.url}/offers/${id}/tags?system=${system}&event=${token}`);
  await settled(view.page);
  for (const [label, value] of Object.entries(fields)) await view.page.getByLabel(label).fill(value);
  const found = await view.page
    .locator("pre[data-piece]")
    .evaluateAll((all) => Object.fromEntries(all.map((one) => [one.dataset.piece, one.textContent])));
  await assertAccessible(view.page, system);
  await view.assertClean(system);
  await view.close();
  for (const [place, code] of Object.entries(found)) assert.match(code, /^[\x20-\x7e\n]*$/, `${place} is ASCII`);
  return found;
}

const html = (head, body = "") => `<!doctype html><html><head><title>shop</title>${head}</head><body>${body}</body>`;

async function visitor() {
  // A browser that says it is headless counts as a bot.
  const context = await chrome.newContext({
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  return { page, context, errors };
}

/** The conversion with an order number, once it is there. */
const arrived = (uid) =>
  eventually(`the conversion ${uid}`, async () => (await api("GET", `/activities?uid=${uid}`)).items[0]);

function assertSale(sale, amount) {
  assert.equal(sale.verdict, "accepted", JSON.stringify(sale));
  assert.ok(sale.session, "it has its click");
  assert.equal(sale.link, link.token);
  assert.equal(sale.event, offer.events[0].token);
  assert.equal(Number(sale.money.amount), amount);
}

/** Clicks the link, lands, goes to the thanks page; both pages stand in `pages`. */
async function buy(uid, amount, { thanks = "/thanks", before = async () => undefined } = {}) {
  const { page, context, errors } = await visitor();
  await page.goto(`${server.url}/c/${link.token}`);
  await page.waitForFunction(() => document.cookie.includes("_yb_"));
  await before(page);
  await page.goto(`http://shop.localhost:${port}${thanks}`);
  assertSale(await arrived(uid), amount);
  assert.deepEqual(errors, []);
  await context.close();
}

test("a plain page", { timeout: 60_000 }, async () => {
  const made = await pieces("plain");
  pages.set("/lp", html(made.every_page));
  pages.set("/thanks", html("", made.thanks.replace("A-1001", "PLAIN-1")));
  await buy("PLAIN-1", 5400);
  const lead = await pieces("plain", { event: 1 });
  assert.doesNotMatch(lead.thanks, /amount/);
  assert.match(lead.thanks, new RegExp(offer.events[1].token));
});

test("a tag manager, which strips data attributes and fills variables as values", { timeout: 60_000 }, async () => {
  const made = await pieces("gtm");
  const data = { transaction_id: "GTM-1", value: 3060.5, currency: "JPY" };
  // As it inserts custom HTML: attributes gone, variables as JavaScript values, the script made anew.
  const insert = (code) => {
    const stripped = code.replaceAll(/ data-[a-z-]+="[^"]*"/g, "");
    const filled = stripped.replaceAll(/\{\{DLV - (\w+)\}\}/g, (_, name) => JSON.stringify(data[name]));
    const inner = JSON.stringify(filled.replaceAll(/<\/?script>/g, ""));
    return `<script>var s=document.createElement('script');s.text=${inner};document.body.appendChild(s)</script>`;
  };
  pages.set("/lp", html("", insert(made.gtm_all_pages)));
  pages.set("/thanks", html("", insert(made.gtm_all_pages) + insert(made.gtm_purchase)));
  await buy("GTM-1", 3060.5);
});

test("Shopify: the session goes with the cart, the pixel runs in a sandbox", { timeout: 60_000 }, async () => {
  const made = await pieces("shopify");
  let cart = null;
  pages.set("/lp", html(made.shopify_theme));
  pages.set("/cart/update.js", (body) => {
    cart = JSON.parse(body);
    return "{}";
  });
  const pixel = (attributes, cookie, id) => `<script>
    const analytics = { subscribe: (name, work) => name === 'checkout_completed' && work({ data: { checkout: {
      attributes: ${JSON.stringify(attributes)}, currencyCode: 'JPY', order: { id: 'gid://shopify/Order/${id}' },
      subtotalPrice: { amount: 2780 }, totalPrice: { amount: 3280 } } } }) };
    const browser = { cookie: { get: async () => ${JSON.stringify(cookie)} } };
    ${made.shopify_pixel}
  </script>`;
  const framed = (code) =>
    html(
      "",
      `<iframe sandbox="allow-scripts" srcdoc="${code.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"></iframe>`,
    );
  await buy("1234567", 2780, {
    before: async () => {
      await eventually("the session is noted on the cart", () => cart);
      const attributes = Object.entries(cart.attributes).map(([key, value]) => ({ key, value }));
      pages.set("/thanks", framed(pixel(attributes, "", 1234567)));
    },
  });
  // "Buy now" overtook the cart: the cookie of the top frame has it.
  await buy("7654321", 2780, {
    before: async (page) => {
      const kept = (await page.evaluate(() => document.cookie)).match(/_yb_[a-z0-9]+=([^;]+)/)[1];
      pages.set("/thanks", framed(pixel([], kept, 7654321)));
    },
  });
});

test("WooCommerce: what the hooks print", { timeout: 60_000 }, async () => {
  const code = (await pieces("woocommerce")).woo_functions;
  const [head, thanks] = [...code.matchAll(/\?>\n([\s\S]*?)<\?php \}\);/g)].map((m) => m[1]);
  for (const getter of ["get_order_number()", "get_currency()", "get_subtotal()", "has_status('failed')"])
    assert.ok(code.includes(getter), getter);
  const sale = { event: /'event' {4}=> '(\w+)'/.exec(code)[1], uid1: "WOO-1", amount: "4980.5", currency: "JPY" };
  pages.set("/lp", html(head));
  pages.set("/thanks", html(head, thanks.replace("<?php echo wp_json_encode($sale); ?>", JSON.stringify(sale))));
  assert.doesNotMatch(pages.get("/thanks"), /<\?php/);
  await buy("WOO-1", 4980.5);
});

test("EC-CUBE: Twig fills the thanks page", { timeout: 60_000 }, async () => {
  const made = await pieces("eccube");
  const filled = made.eccube_complete
    .replace("{{ Order.order_no|e('js') }}", "EC-1")
    .replace("{{ Order.subtotal|number_format(0, '', '') }}", "3060");
  assert.doesNotMatch(filled, /\{\{/);
  pages.set("/lp", html(made.eccube_head));
  pages.set("/thanks", html(made.eccube_head, filled));
  await buy("EC-1", 3060);
});

test("ecforce: the cart's server calls", { timeout: 60_000 }, async () => {
  const made = await pieces("ecforce");
  assert.equal(made.ecforce_parameter, "sid");
  const { sid } = await (await fetch(`${server.url}/c/${link.token}?s2s=1`)).json();
  const values = { sid, order_number: "0A1B2C3D4E", subtotal_price: "2980" };
  const url = made.ecforce_socket.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]);
  const answer = await fetch(url);
  assert.equal(answer.status, 200, await answer.text());
  assertSale(await arrived("0A1B2C3D4E"), 2980);
});

test("Color Me: the cart is another host, the tag runs in a frame there", { timeout: 60_000 }, async () => {
  const made = await pieces("colorme", { fields: { "Host of the cart": "cart.localhost" } });
  const filled = made.colorme_conversion.replace("<{$order_no}>", "CM-1").replace("<{$order_price}>", "4400");
  const cart = `http://id.cart.localhost:${port}`;
  pages.set(
    "/lp",
    html(made.colorme_head, `<a href="${cart}/cart">cart</a><a href="http://other.localhost:${port}/cart">x</a>`),
  );
  pages.set("/cart", html(made.colorme_head));
  pages.set("/frame", html("", filled));
  pages.set("/done", html("", '<iframe src="/frame"></iframe>'));
  const { page, context, errors } = await visitor();
  await page.goto(`${server.url}/c/${link.token}`);
  await page.waitForFunction(() => document.cookie.includes("_yb_"));
  await page.getByText("x").evaluate((a) => a.addEventListener("click", (e) => e.preventDefault()));
  await page.getByText("x").click();
  assert.doesNotMatch(await page.getByText("x").getAttribute("href"), /sid=/, "only that host is told");
  await page.getByText("cart").click();
  await page.waitForURL(/id\.cart\.localhost:\d+\/cart\?sid=[0-9a-z]{16}$/);
  await page.waitForFunction(() => document.cookie.includes("_yb_"));
  await page.goto(`${cart}/done`);
  assertSale(await arrived("CM-1"), 4400);
  assert.deepEqual(errors, []);
  await context.close();
});

test("MakeShop: variables in brackets", { timeout: 60_000 }, async () => {
  const made = await pieces("makeshop");
  pages.set("/lp", html(made.makeshop_head));
  const filled = made.makeshop_conversion.replace("[ORDER_NUM]", "P1234567890123456789");
  pages.set("/thanks", html("", filled.replace("[ITEM_AMOUNT_TAX]", "3300")));
  await buy("P1234567890123456789", 3300);
});

test("futureshop: variables are filled late", { timeout: 60_000 }, async () => {
  const made = await pieces("futureshop", {
    fields: { "Variable of the order number": "{@ order.no @}", "Variable of the amount": "{@ order.sum @}" },
  });
  assert.ok(made.futureshop_complete.length <= 2000, "the longest tag that it takes");
  const late = `<script>setTimeout(() => {
    document.body.innerHTML.includes('{@ order.no @}') || (window.failed = 1);
    document.getElementById('yb-order').textContent = 'FS-1';
    setTimeout(() => { document.getElementById('yb-amount').textContent = '12,800\u5186'; }, 400);
  }, 900)</script>`;
  pages.set("/lp", html(made.futureshop_every));
  pages.set("/thanks", html("", made.futureshop_complete + late));
  await buy("FS-1", 12800);
});

test("a server: curl, one address, and PHP where it is installed", { timeout: 60_000 }, async (t) => {
  const made = await pieces("curl");
  const { sid } = await (await fetch(`${server.url}/c/${link.token}?s2s=1`)).json();
  const command = made.curl.replace("SID", sid).replace("A-1001", "CURL-1").replace("curl ", "curl -sf ");
  execFileSync("sh", ["-c", command], { timeout: 20_000 });
  assertSale(await arrived("CURL-1"), 5400);
  assert.equal((await fetch(made.get.replace("=SID", `=${sid}`).replace("A-1001", "GET-1"))).status, 200);
  assertSale(await arrived("GET-1"), 5400);
  const code = (await pieces("php")).php_complete;
  assert.match(code, /_yb_[a-z0-9]+/);
  try {
    execFileSync("php", ["--version"], { stdio: "ignore" });
  } catch {
    t.diagnostic("php is not installed: its piece was only read");
    return;
  }
  const cookie = `$_COOKIE = array('_yb_${offer.id}' => '{"s":"${sid}"}'); $orderNumber = 'PHP-1'; $amount = 990;`;
  execFileSync("php", ["-r", cookie + code.replace("<?php", "")], { timeout: 20_000 });
  assertSale(await arrived("PHP-1"), 990);
});

test("one tag for the offers of a group: a sale counts once, for the one that was clicked last", {
  timeout: 60_000,
}, async () => {
  const more = { ...offer, id: null, group: "Spring", events: [{ name: "購入", has_revenue: true }] };
  const [first, second] = [await api("POST", "/offers", more), await api("POST", "/offers", { ...more, name: "Tea" })];
  const other = await api("POST", "/offers", { ...more, name: "Rice", events: [{ name: "Sale", has_revenue: true }] });
  const links = [];
  for (const { id } of [first, second]) links.push(await api("POST", "/links", { offer: id, network: "Media" }));
  const view = await open(chrome, { language: "ja", cookie: owner });
  await view.page.goto(`${server.url}/offers/${first.id}/tags`);
  await view.page.getByLabel("タグの対象").selectOption({ label: "広告グループ「Spring」の広告3件" });
  await view.page.getByText(`計測できません：${other.name}`).waitFor();
  const made = await view.page
    .locator("pre[data-piece]")
    .evaluateAll((all) => Object.fromEntries(all.map((one) => [one.dataset.piece, one.textContent])));
  await view.page.getByRole("link", { name: "サーバーから送信", exact: true }).click();
  const call = await view.page.locator('pre[data-piece="curl"]').textContent();
  await assertAccessible(view.page, "tags of a group");
  await view.assertClean("tags of a group");
  await view.close();
  pages.set("/lp", html(made.every_page));
  pages.set("/thanks", html("", made.thanks.replace("A-1001", "GROUP-1")));
  const { page, context, errors } = await visitor();
  for (const { token } of links) {
    await page.goto(`${server.url}/c/${token}`);
    await page.waitForFunction(() => document.cookie.includes("_yb="));
  }
  await page.goto(`http://shop.localhost:${port}/thanks`);
  const sale = await arrived("GROUP-1");
  assert.deepEqual([sale.verdict, sale.offer, sale.event], ["accepted", second.id, second.events[0].token]);
  assert.equal((await api("GET", "/activities?uid=GROUP-1")).items.length, 1);
  assert.deepEqual(errors, []);
  const sid = await page.evaluate(() => JSON.parse(localStorage.getItem("_yb")).s);
  await context.close();
  const filled = call.replace("curl ", "curl -sf ").replace("=SID", `=${sid}`).replace("A-1001", "GROUP-2");
  execFileSync("sh", ["-c", filled]);
  assert.equal((await arrived("GROUP-2")).event, second.events[0].token);
});

test("the screen says that the tag was seen, and follows a test purchase", { timeout: 60_000 }, async () => {
  const made = await pieces("plain");
  pages.set("/lp", html(made.every_page));
  pages.set("/thanks", html("", made.thanks.replace("A-1001", "TRY-1")));
  const view = await open(chrome, { language: "ja", width: 390, cookie: owner });
  await view.page.goto(`${server.url}/offers/${offer.id}/tags`);
  await view.page.getByText("タグを確認しました").first().waitFor();
  await view.page.getByRole("button", { name: "テスト購入を始める" }).click();
  const shop = view.page.getByRole("link", { name: "ページを開く" });
  const [tab] = await Promise.all([view.context.waitForEvent("page"), shop.click()]);
  await tab.waitForFunction(() => document.cookie.includes("_yb_"));
  await tab.goto(`http://shop.localhost:${port}/thanks`);
  await view.page.getByText("届きました（注文番号 TRY-1）").waitFor();
  assert.equal((await arrived("TRY-1")).is_test, true, "a purchase after a test click is a test");
  await assertAccessible(view.page, "tags");
  await view.assertClean("tags");
  await view.close();
});

test("an app: every language names its tokens, curl works, a device has a trace", { timeout: 60_000 }, async () => {
  const made = await pieces("plain", { id: app.id });
  for (const code of Object.values(made)) execFileSync("sh", ["-c", code.replace("curl ", "curl -sf ")]);
  const event = await eventually("the event", async () => {
    const { items } = await api("GET", `/activities?offer=${app.id}&kind=event`);
    return items[0];
  });
  assert.equal(event.verdict, "accepted");
  const view = await open(chrome, { language: "en", cookie: owner });
  await view.page.goto(`${server.url}/offers/${app.id}/tags`);
  await settled(view.page);
  for (const language of ["swift", "kotlin", "unity", "flutter"]) {
    await view.page.getByLabel("Language", { exact: true }).selectOption(language);
    const all = (await view.page.locator("pre[data-piece]").allTextContents()).join("\n");
    for (const part of [app.id, app.events[0].token, "/session", "/event", "external_device_id|idfv|android_id"])
      assert.match(all, new RegExp(part), `${language}: ${part}`);
  }
  await view.page.getByRole("button", { name: "Send first open and event" }).click();
  await view.page.getByRole("link", { name: "Trace of this device" }).click();
  await view.page.getByRole("heading", { level: 1 }).waitFor();
  await settled(view.page);
  await view.page.getByText(/Level/).first().waitFor();
  await view.assertClean("app");
  await view.close();
});
