// The jobs of a month on the screens: sort and read figures, go deeper in reports, move in from another system, issue
// links in bulk, build URLs, find things, leave an editor.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, browser, open, settled } from "./harness.mjs";
import { scene } from "./scene.mjs";

let chrome, shop;
before(async () => {
  [chrome, shop] = await Promise.all([browser(), scene()]);
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

async function on({ cookie = shop.owner, ...options }, path, work) {
  const view = await open(chrome, { ...options, cookie });
  view.page.setDefaultTimeout(20_000);
  try {
    await view.page.goto(shop.url + path);
    await settled(view.page);
    await work(view.page, view);
    await assertAccessible(view.page, path);
    await assertFits(view.page, path);
    await view.assertClean(path);
  } finally {
    await view.close();
  }
}

const column = (page, n) => page.locator(`tbody tr td:nth-child(${n})`).allTextContents();

test("lists are sorted by a press on a heading, figures lead to their records", { timeout: 60_000 }, () =>
  on({ language: "en" }, "/links", async (page) => {
    await page.getByRole("button", { name: "Clicks", exact: true }).click();
    await page.waitForURL(/sort=-clicks/);
    assert.equal(await page.getByRole("columnheader", { name: /Clicks/ }).getAttribute("aria-sort"), "descending");
    const numbers = (await column(page, 5)).map(Number);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => b - a),
    );
    await page.getByRole("button", { name: "Clicks", exact: true }).click();
    await page.waitForURL(/sort=clicks/);
    await page.locator("tbody tr td:nth-child(5) a").last().click();
    await page.getByRole("heading", { level: 1, name: "Clicks" }).waitFor();
    assert.match(page.url(), /\/clicks\?link=\w+&period=last_30d/);
    await settled(page);
  }),
);

test("the server sorts the log of conversions, over its pages", { timeout: 60_000 }, () =>
  on({ language: "en" }, "/conversions?period=all", async (page) => {
    const asked = page.waitForRequest((r) => r.url().includes("order=highest_revenue"));
    await page.getByRole("button", { name: "Revenue" }).click();
    await asked;
    await settled(page);
    const sums = (await column(page, 8)).map((text) => Number(text.replace(/[^\d.]/g, "") || -1));
    assert.deepEqual(
      sums,
      [...sums].sort((a, b) => b - a),
    );
    const { items } = await shop.api(
      "GET",
      "/activities?conversions=true&verdict=accepted&order=lowest_revenue&limit=5",
    );
    const amounts = items.map((a) => Number(a.money.amount));
    assert.deepEqual(
      amounts,
      [...amounts].sort((a, b) => a - b),
    );
  }),
);

test("on a phone a field sorts", { timeout: 60_000 }, () =>
  on({ language: "ja", width: 390 }, "/partners", async (page) => {
    await page.getByLabel("並べ替え").selectOption("clicks");
    await page.waitForURL(/sort=/);
    await page.getByRole("button", { name: /昇順|降順/ }).click();
  }),
);

test("a partner's home has figures, links, rules with preview and test, and notes", { timeout: 60_000 }, () =>
  on({ language: "ja" }, "/partners/hanamed1", async (page) => {
    await page.getByRole("link", { name: "はなメディア › 秋の特集" }).waitFor();
    await page.getByRole("button", { name: "プレビュー" }).first().click();
    await page
      .getByText(/送信する|送信しない/)
      .first()
      .waitFor();
    await page.getByLabel("社内メモ").fill("月末締め");
    await page.getByRole("button", { name: "保存" }).click();
    await page.getByText("保存しました").first().waitFor();
    assert.equal((await shop.api("GET", "/partners/hanamed1")).note, "月末締め");
  }),
);

test("order numbers are found in the postback log", { timeout: 60_000 }, () =>
  on({ language: "en" }, "/postbacks?period=all&q=ORDER-20260", async (page) => {
    const log = page.getByRole("table", { name: "Postbacks" });
    const rows = await log.locator("tbody tr").count();
    assert.ok(rows >= 1);
    assert.equal(await page.getByRole("cell", { name: "ORDER-20260", exact: true }).count(), rows);
  }),
);

test(
  "reports: the chart is read by keyboard and leads deeper, days without traffic are rows",
  { timeout: 60_000 },
  () =>
    on({ language: "en" }, "/reports", async (page) => {
      assert.equal(await page.locator("tbody tr").count(), 7);
      const chart = page.getByRole("slider");
      await chart.focus();
      await page.keyboard.press("End");
      assert.match(await chart.getAttribute("aria-valuetext"), /\d{4}-\d\d-\d\d: Clicks \d+, Conversions .* \d+/);
      await page.locator(".readout strong").waitFor();
      await page.keyboard.press("Enter");
      await page.waitForURL(/group=hour/);
      await settled(page);
      await page.goto(`${shop.url}/reports?group=partner&compare=1`);
      await settled(page);
      await page.locator("tbody td a").first().click();
      await page.waitForURL(/group=link/);
      assert.match(page.url(), /partner=\w+/);
      await page.goto(`${shop.url}/reports?view=week`);
      await settled(page);
      assert.equal(await page.locator(".heat tbody td").count(), 7 * 24);
      await assertAccessible(page, "heat map");
      await page.goto(`${shop.url}/reports?view=delay`);
      await settled(page);
      await page.getByText(/Half of the \d+ conversions/).waitFor();
    }),
);

test("partners come from another system's list, after a look", { timeout: 60_000 }, () =>
  on({ language: "ja" }, "/import?kind=partners", async (page) => {
    await page
      .getByLabel("または表計算ソフトから貼り付け")
      .fill(
        "媒体名,ポストバック通知先URL（成果）,登録日\n移行メディア,https://move.example/pb?id=##PARA1##,2026/01/01\n",
      );
    await page.getByRole("button", { name: "内容を確認" }).click();
    await page.getByText("使用しない列：登録日").waitFor();
    await assertAccessible(page, "look");
    const before = (await shop.api("GET", "/partners?limit=200")).items.length;
    await page.getByRole("button", { name: "適用する" }).click();
    await page.getByText("取り込みました").waitFor();
    const { items } = await shop.api("GET", "/partners?limit=200");
    assert.equal(items.length, before + 1);
    const made = items.find((p) => p.name === "移行メディア");
    const rules = (await shop.api("GET", `/rules?partner=${made.id}`)).items;
    assert.deepEqual(
      rules.map((r) => r.text),
      ["https://move.example/pb?id=##PARA1##"],
    );
    await page.getByLabel("または表計算ソフトから貼り付け").fill("name,parameters\n,param1\n");
    await page.getByRole("button", { name: "内容を確認" }).click();
    await page.getByText("エラーがあるため取り込めません").waitFor();
  }),
);

test("links are issued in bulk, partner by creative", { timeout: 60_000 }, () =>
  on({ language: "en", width: 390 }, "/links/bulk", async (page) => {
    await page.getByLabel("Offer").selectOption("skincare2026");
    await page.getByLabel("はなメディア").check();
    await page.getByLabel("AdNet Global").check();
    await page.getByLabel("Creatives, one a line").fill("banner-a\nbanner-b\nbanner-b\n");
    await page.getByRole("button", { name: "Look at 4 links" }).click();
    await page.getByText("4 rows: 4 new").waitFor();
    await page.getByRole("button", { name: "Issue 4 links" }).click();
    const made = page.locator('pre[data-piece="links"]');
    await made.waitFor();
    const lines = (await made.textContent()).split("\n");
    assert.equal(lines.length, 4);
    assert.ok(
      lines.every((line) => /banner-[ab]\thttp.*\/c\/\w+\?param1=/.test(line)),
      lines.join(),
    );
  }),
);

test("a link, an offer and a rule are duplicated", { timeout: 60_000 }, () =>
  on({ language: "en" }, "/links/abcd1234", async (page) => {
    await page.getByRole("link", { name: "Duplicate" }).click();
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByLabel(/^Creative/).fill("copied");
    await page.getByRole("button", { name: /Issue|Save/ }).click();
    await page.waitForURL(/\/links\/(?!new)\w+$/);
    const { items } = await shop.api("GET", "/links?limit=200");
    assert.equal(items.filter((l) => l.creative === "copied").length, 1);
    for (const path of ["/offers/skincare2026", "/rules/adnet001"]) {
      await page.goto(shop.url + path);
      await settled(page);
      await page.getByRole("link", { name: "Duplicate" }).click();
      await page.waitForURL(/new\?copy=/);
      await settled(page);
      assert.match(await page.getByLabel("Name").first().inputValue(), /^Copy of/);
    }
  }),
);

test("parameters are appended to foreign URLs, and to whole landing pages", { timeout: 60_000 }, () =>
  on({ language: "ja", width: 390 }, "/links/tools", async (page) => {
    await page.getByLabel("媒体", { exact: true }).selectOption("hanamed1");
    await page.getByLabel("URL（1行に1つ）").fill("https://px.example/c?a8=1\nhttps://other.example/x#top");
    assert.equal(
      await page.locator('pre[data-piece="urls"]').textContent(),
      "https://px.example/c?a8=1&param1=##sessionId##\nhttps://other.example/x?param1=##sessionId###top",
    );
    await page.getByLabel("用途").selectOption("direct");
    await page.getByLabel("クリックURL", { exact: true }).selectOption("abcd1234");
    await page.getByLabel("URL（1行に1つ）").fill("https://shop.example.com/lp?from=x");
    assert.equal(
      await page.locator('pre[data-piece="urls"]').textContent(),
      "https://shop.example.com/lp?from=x&yb_link=abcd1234&param1=##sessionId##",
    );
  }),
);

test("a link says which of its parameters arrive as macros", { timeout: 60_000 }, () =>
  on({ language: "ja" }, "/links/mani0001", async (page) => {
    const row = page.getByRole("row", { name: /param1/ });
    await row.getByText("変数が未置換").waitFor();
    await row.getByText("{clickid}").waitFor();
  }),
);

test("the search finds help and tools, ? lists the keys", { timeout: 60_000 }, () =>
  on({ language: "ja" }, "/", async (page) => {
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("すべてから検索").waitFor();
    await assertAccessible(page, "keys");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("96時間");
    await page.getByRole("option", { name: /媒体のサーバーが止まっている/ }).click();
    await page.waitForURL(/\/help\/answers/);
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("一括発行");
    await page.getByRole("option").last().click();
    await page.waitForURL(/\/links\/bulk/);
    await settled(page);
  }),
);

test("leaving an editor with changes asks: by link, search and the browser's back", { timeout: 60_000 }, () =>
  on({ language: "en" }, "/offers", async (page) => {
    await page.getByRole("link", { name: "美容液 お試しセット" }).click();
    await page.waitForURL(/\/offers\/skincare2026$/);
    await settled(page);
    const name = page.getByLabel("Name").first();
    await name.fill("changed");
    const question = page.getByRole("alertdialog");
    const stay = async (what) => {
      await question.waitFor();
      await question.getByRole("button", { name: "Cancel" }).click();
      await question.waitFor({ state: "detached" });
      assert.match(page.url(), /\/offers\/skincare2026$/, what);
      assert.equal(await name.inputValue(), "changed", what);
    };
    await page.getByRole("navigation").getByRole("link", { name: "Links" }).click();
    await stay("link");
    await page.goBack();
    await stay("back");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Find anything" }).fill("Live");
    await page.getByRole("option", { name: /Live/ }).last().click();
    await stay("search");
    await page.goBack();
    await question.getByRole("button", { name: /Leave/ }).click();
    await page.waitForURL(/\/offers$/);
    await settled(page);
  }),
);
