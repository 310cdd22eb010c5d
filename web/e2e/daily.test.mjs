// An affiliate manager's month: orders approved and rejected by their numbers and taken back, partners stopped and
// resumed, postbacks sent again after a count. `SHOTS=DIR` keeps pictures of the screens.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, browser, open, settled } from "./harness.mjs";
import { scene } from "./scene.mjs";
import { eventually } from "./server.mjs";

const shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

let chrome, shop;
before(async () => {
  [chrome, shop] = await Promise.all([browser(), scene()]);
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

async function on(options, path, work) {
  const view = await open(chrome, { cookie: shop.owner, ...options });
  try {
    await view.page.goto(shop.url + path);
    await settled(view.page);
    await work(view.page, view);
    await view.assertClean(path);
  } finally {
    await view.close();
  }
}

/** Keeps a picture, and holds the screen against what every screen has to keep. */
async function look(page, name, width) {
  await assertAccessible(page, name);
  if (width) await assertFits(page, name);
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}

const pending = async () =>
  (await shop.api("GET", "/activities?verdict=accepted&status=pending&conversions=true&limit=200")).items;

for (const [language, width] of [
  ["ja", 1280],
  ["en", 390],
]) {
  const words =
    language === "ja"
      ? {
          text: "注文番号 ",
          look: "内容を確認",
          meaning: "出荷済",
          approved: "承認",
          undo: "取り消す",
          undone: /通知前に復元2件/,
          left: /秒後に媒体へ通知します/,
        }
      : {
          text: "Order numbers",
          look: "See what would happen",
          meaning: "出荷済",
          approved: "Approved",
          undo: "Take back",
          undone: /2 restored unheard/,
          left: /told in \d+ seconds/,
        };
  test(
    `orders are decided in the columns of a shop and taken back (${language}, ${width} px)`,
    { timeout: 60_000 },
    () =>
      on({ language, width }, "/conversions/decide", async (page) => {
        const waiting = (await pending()).filter((a) => a.offer === "skincare2026" && a.uids[0]?.startsWith("ORDER"));
        const [first, second] = waiting;
        const rows = [
          "受注番号,購入日,ステータス,キャンセル理由",
          `${first.uids[0]},11/1,出荷済,`,
          `${second.uids[0]},11/1,キャンセル,在庫切れ`,
          "NO-SUCH-1,11/2,キャンセル,",
        ];
        await page.locator("textarea").fill(rows.join("\n"));
        await page.getByRole("button", { name: words.look }).click();
        const word = page.getByLabel(words.meaning, { exact: true });
        // The second time the shop's words are remembered.
        await page.getByRole("heading", { name: /実行すると|This would happen/ }).waitFor();
        if ((await word.inputValue()) === "") {
          await look(page, `decide-words-${language}-${width}`, width);
          await word.selectOption({ label: words.approved });
        }
        const go = page.getByRole("button", { name: /2件を確定する|Decide about 2/ });
        await go.waitFor();
        await look(page, `decide-look-${language}-${width}`, width);
        const before = shop.receiver.targets.length;
        await go.click();
        await page.getByText(words.left).waitFor();
        await look(page, `decide-done-${language}-${width}`, width);
        const now = await shop.api("GET", `/activities/${second.id}`);
        assert.equal(now.status, "rejected");
        await page.getByRole("button", { name: words.undo }).first().click();
        await page.getByText(words.undone).waitFor();
        assert.equal((await shop.api("GET", `/activities/${second.id}`)).status, "pending");
        assert.equal(shop.receiver.targets.length, before, "nobody was told");
      }),
  );
}

test("a link is stopped after a question that says what happens, and resumed", { timeout: 60_000 }, () =>
  on({ language: "ja", width: 390 }, "/links/abcd1234", async (page) => {
    await page.getByRole("button", { name: "停止…" }).click();
    await page.getByRole("dialog").waitFor();
    await look(page, "stop-dialog-ja-390");
    await page.getByRole("dialog").getByRole("button", { name: "停止する" }).click();
    await page.getByText(/から停止中です/).waitFor();
    await look(page, "stopped-link-ja-390", 390);
    const visit = await fetch(`${shop.url}/c/abcd1234?param1=x`, { redirect: "manual" });
    assert.equal(visit.headers.get("location"), "https://shop.example.com/lp/serum");
    await page.getByRole("button", { name: "再開" }).click();
    await page.getByRole("button", { name: "停止…" }).waitFor();
    const again = await fetch(`${shop.url}/c/abcd1234?param1=x`, { redirect: "manual" });
    assert.match(again.headers.get("location"), /sid=/);
  }),
);

test("a partner's stop is planned for a date, with another page for its visitors", { timeout: 60_000 }, () =>
  on({ language: "en" }, "/partners/adnet002", async (page) => {
    await page.getByRole("button", { name: "Stop …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("What visitors get").selectOption("fallback");
    await dialog.getByLabel("Address of the page").fill("not an address");
    await dialog.getByLabel("From", { exact: true }).selectOption("date");
    await look(page, "stop-partner-en");
    await dialog.getByRole("button", { name: "Stop", exact: true }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Address of the page").fill("https://shop.example.com/ended");
    await dialog.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByText(/Will be stopped at/).waitFor();
    await look(page, "stop-planned-en");
    await page.getByRole("button", { name: "Do not stop" }).click();
    await page.getByRole("button", { name: "Stop …" }).waitFor();
    assert.equal((await shop.api("GET", "/partners/adnet002")).stop, null);
  }),
);

test("postbacks are counted before they are sent again, and a pause can be ended", { timeout: 60_000 }, () =>
  on({ language: "ja" }, "/postbacks?state=delivered&period=all", async (page) => {
    await shop.api("POST", "/delivery/pause");
    await page.reload();
    await page.getByText(/ポストバックの送信をすべて停止しています/).waitFor();
    await page.getByRole("checkbox", { name: "表示中の行をすべて選択" }).first().check();
    await page.getByRole("button", { name: "再送", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog
      .getByText(/送信済み\d+件/)
      .first()
      .waitFor();
    assert.ok(await dialog.getByRole("button", { name: /再送 0件/ }).isDisabled(), "delivered ones ask for a tick");
    await dialog.getByRole("checkbox").check();
    await look(page, "resend-count-ja");
    await dialog.getByRole("button", { name: /戻る|キャンセル/ }).click();
    await page.getByRole("button", { name: "送信を再開" }).click();
    await eventually("delivery goes on", async () => !(await shop.api("GET", "/delivery")).is_paused);
    await page.getByText(/ポストバックの送信をすべて停止しています/).waitFor({ state: "detached" });
  }),
);

for (const [language, width] of [
  ["ja", 1280],
  ["en", 390],
]) {
  test(`a statement is looked at and written on (${language}, ${width} px)`, { timeout: 60_000 }, () =>
    on({ language, width }, "/payouts", async (page) => {
      const { items } = await shop.api(
        "GET",
        "/activities?verdict=accepted&conversions=true&partner=hanamed1&limit=200",
      );
      const ids = items.map((a) => a.id);
      await shop.api("POST", "/activities/status", { ids, status: "approved" });
      const now = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Tokyo" }).format(Date.now()).slice(0, 7);
      await shop.api("PUT", "/statements/draft", { partner: "hanamed1", month: now, draft: {} });
      await page
        .locator("#main")
        .getByRole("link", { name: /^(支払明細|Payout statements)$/ })
        .click();
      await page.getByRole("heading", { level: 1, name: /支払明細|Statements/ }).waitFor();
      await settled(page);
      await look(page, `statements-${language}-${width}`, width);
      await page.getByRole("link", { name: "はなメディア" }).click();
      await page.getByRole("heading", { name: /支払明細書|Payout statement/ }).waitFor();
      await page.getByRole("button", { name: /調整を追加|Add an adjustment/ }).click();
      await page
        .getByLabel(/^(内容|What for)$/)
        .last()
        .fill("特別報酬");
      await page
        .getByLabel(/^(金額（JPY）|Amount \(JPY\))/)
        .last()
        .fill("-500");
      await page.getByRole("button", { name: /^(保存|Save)/ }).click();
      await page.getByRole("cell", { name: "特別報酬" }).first().waitFor();
      await look(page, `statement-${language}-${width}`, width);
      const month = page.url().split("/").at(-1);
      const one = await shop.api("GET", `/statements/one?partner=hanamed1&month=${month}`);
      assert.equal(one.statement.totals[0].adjustments, "-500");
    }),
  );
}
