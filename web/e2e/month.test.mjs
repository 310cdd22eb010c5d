// What a month needs on the screens: a rule sent over the past, rates, summaries.
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

async function on(options, path, work) {
  const view = await open(chrome, { ...options, cookie: shop.owner });
  view.page.setDefaultTimeout(60_000);
  try {
    await view.page.goto(shop.url + path);
    await settled(view.page);
    await work(view.page);
    await assertAccessible(view.page, path);
    await assertFits(view.page, path);
    await view.assertClean(path);
  } finally {
    await view.close();
  }
}

for (const width of [390, 1280]) {
  test(`a rule's past is counted before anything is sent, at ${width} px`, { timeout: 180_000 }, () =>
    on({ language: "ja", width }, "/rules/adnet001", async (page) => {
      await page.getByRole("button", { name: "件数を確認（送信しません）" }).click();
      await page.getByText(/期間内の.*件が送信対象です/).waitFor();
    }),
  );

  test(`rates name the line with a mistake and are saved as a whole, at ${width} px`, { timeout: 180_000 }, () =>
    on({ language: "ja", width }, "/settings/rates", async (page) => {
      const field = page.getByLabel("レート（CSV）");
      await field.fill("2026-11-01,USD,150\n2026-11-02,USD");
      await page.getByRole("button", { name: "保存", exact: true }).click();
      await page.getByText("2行目：列は「日付, 通貨, 通貨, レート」で入力してください").waitFor();
      await field.fill(`2026-11-01,USD,150\n2026-11-02,USD,15${width % 10}`);
      await page.getByRole("button", { name: "保存", exact: true }).click();
      await page.getByText("登録済み2件").waitFor();
      const saved = await shop.api("GET", "/rates");
      assert.equal(saved.count, 2);
      assert.match(saved.text, /^2026-11-01,USD,JPY,150$/m);
    }),
  );
}
