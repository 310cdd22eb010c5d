// What a month needs on the screens: a link and its hand-out, a rule sent over the past, rates, a limited employee, a
// secret that is missing, a statement that is closed and mailed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, browser, open, settled } from "./harness.mjs";
import { scene } from "./scene.mjs";
import { demo, eventually, mailServer, PASSWORD } from "./server.mjs";

let chrome, shop, past;
before(async () => {
  [chrome, shop, past] = await Promise.all([browser(), scene(), demo()]);
});
after(async () => {
  await chrome?.close();
  await Promise.all([shop, past].map((server) => server?.stop()));
});

async function on(options, path, work, server = shop) {
  const view = await open(chrome, { cookie: server.owner, ...options });
  view.page.setDefaultTimeout(20_000);
  try {
    await view.page.goto(server.url + path);
    await settled(view.page);
    await work(view.page, view);
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

test("a link is issued and handed out", { timeout: 60_000 }, () =>
  on({ language: "ja", width: 390 }, "/links", async (page) => {
    await page.getByRole("link", { name: "クリックURLを発行" }).click();
    await page.getByRole("heading", { level: 1, name: "クリックURLを発行" }).waitFor();
    await settled(page);
    // Nothing chosen: the view goes to what is missing.
    await page.getByRole("button", { name: "発行する" }).click();
    const offer = page.getByRole("combobox", { name: /^広告/ });
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    assert.ok(await offer.evaluate((field) => field === document.activeElement));
    await offer.fill("美容液");
    await page.getByRole("option", { name: "美容液 お試しセット" }).click();
    await page.getByRole("combobox", { name: "媒体" }).fill("AdNet");
    await page.keyboard.press("Enter");
    assert.equal(await page.getByLabel(/^名前（ネットワーク）/).inputValue(), "AdNet Global");
    await page.getByLabel("キャンペーン").fill("年末セール");
    await page.getByRole("button", { name: "発行する" }).click();
    await page.getByRole("heading", { level: 1, name: "AdNet Global › 年末セール" }).waitFor();
    await page.getByRole("link", { name: "媒体向けの案内" }).click();
    await page.getByText(/AdNet Global ご担当者様/).waitFor();
    await page
      .getByText(/\/c\/\w+\?param1=\{click_id\}/)
      .first()
      .waitFor();
    await page.getByRole("button", { name: "English" }).click();
    await page
      .getByText(/Dear AdNet Global|AdNet Global/)
      .first()
      .waitFor();
  }),
);

test("an employee sees one partner, and nothing else", { timeout: 60_000 }, async () => {
  await on({ language: "ja", width: 390 }, "/settings/users", async (page) => {
    await page.getByRole("button", { name: "ユーザーを追加" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/ログインID/).fill("tantou@example.com");
    await dialog.getByLabel(/^パスワード/).fill("short");
    await dialog.getByRole("checkbox", { name: "はなメディア" }).check();
    await dialog.getByRole("button", { name: "保存" }).click();
    await dialog.getByText("12文字以上にしてください。").first().waitFor();
    await assertAccessible(page, "a mistake in a dialog");
    await dialog.getByLabel(/^パスワード/).fill(PASSWORD);
    await dialog.getByRole("button", { name: "保存" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText("tantou@example.com").waitFor();
  });
  await on({ language: "ja", width: 390, cookie: undefined }, "/partners", async (page) => {
    await page.getByLabel(/ログインID/).fill("tantou@example.com");
    await page.getByLabel("パスワード").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "はなメディア" }).first().waitFor();
    assert.equal(await page.getByText("AdNet Global").count(), 0);
    await page.goto(`${shop.url}/conversions?period=all`);
    await settled(page);
    await page.locator("tbody tr").first().waitFor();
    assert.equal(await page.getByText("AdNet Global").count(), 0);
  });
});

test("a changed URL is sent over the past once, with its progress, and can be stopped", {
  timeout: 120_000,
}, async () => {
  const scope = { type: "offer", offer: "skincare2026" };
  const body = {
    name: "新しい通知",
    scope,
    statuses: [],
    text: `${shop.receiver.url}/old?sid={sid}`,
    kinds: ["event"],
  };
  const { id } = await shop.api("POST", "/rules", body);
  await on({ language: "ja" }, `/rules/${id}`, async (page) => {
    const rule = page.getByLabel(/^URL、または条件とURL/);
    await rule.fill(`${shop.receiver.url}/anew?sid={sid}&order={content_uid1}`);
    await page.getByText("先に変更を保存してください。").first().waitFor();
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.getByRole("button", { name: "件数を確認（送信しません）" }).click();
    await page.getByText(/期間内の.*件が送信対象です/).waitFor();
    // The server is held up, so that there is something to see.
    let isHeld = true;
    await page.route("**/api/v1/jobs/*", async (route) => {
      const answer = await route.fetch();
      const job = await answer.json();
      await route.fulfill({ json: isHeld ? { ...job, state: "running", total: 9, done: 4 } : job });
    });
    await page.getByRole("button", { name: /^ポストバック\d+件を送信$/ }).click();
    const ask = page.getByRole("alertdialog");
    await assertAccessible(page, "the question");
    await ask.getByRole("button", { name: "送信する" }).click();
    await page.getByText("9件中4件を送信待ちに入れました").waitFor();
    // Whoever leaves and comes back finds it going on.
    await page.getByRole("link", { name: "ポストバックログ" }).first().click();
    await page.getByRole("heading", { level: 1, name: "ポストバックログ" }).waitFor();
    await page.goBack();
    await page.getByText("9件中4件を送信待ちに入れました").waitFor();
    const stopped = page.waitForRequest((r) => r.url().endsWith("/cancel") && r.method() === "POST");
    await page.getByRole("button", { name: "中止する" }).click();
    await stopped;
    isHeld = false;
    await page.getByText(/順次送信されます|件で中止しました/).waitFor();
    await eventually("it came", () => shop.receiver.targets.some((t) => t.startsWith("/anew?sid=")));
    await page.unroute("**/api/v1/jobs/*");
    await page.getByRole("button", { name: "件数を確認（送信しません）" }).click();
    await page.getByText(/この設定で送信済み：/).waitFor();
  });
});

test("a secret that is missing holds the partner, and is told where it is mended", { timeout: 120_000 }, async () => {
  const before = await shop.api("GET", "/rules/hana0001");
  const text = `${shop.receiver.url}/secret?key={secret.api_key}&sid=##PARA1##`;
  await shop.api("PUT", "/rules/hana0001", { ...before, text });
  const clicked = await (await fetch(`${shop.url}/c/abcd1234?param1=held-1&s2s=1`)).json();
  await fetch(`${shop.url}/cv?sid=${clicked.sid}&event=pur001&amount=100&uid1=HELD-9`);
  await on({ language: "ja", width: 390 }, "/", async (page) => {
    await page.getByText("はなメディア：秘密情報がないため送信待ち").waitFor();
    await page.getByRole("link", { name: "対応する" }).first().click();
    await page.getByText("ポストバック設定で使われていますが未登録です。").waitFor();
    await page.getByRole("button", { name: "api_key" }).click();
    const dialog = page.getByRole("dialog");
    await assertAccessible(page, "the secret's dialog");
    await dialog.getByLabel("値").fill("s3cret-of-hana");
    await dialog.getByRole("button", { name: "保存" }).click();
    await dialog.waitFor({ state: "detached" });
    await eventually("it went on", () =>
      shop.receiver.targets.some((t) => t === "/secret?key=s3cret-of-hana&sid=held-1"),
    );
    await page.goto(`${shop.url}/trace?q=HELD-9`);
    await settled(page);
    assert.equal(await page.getByText("s3cret-of-hana").count(), 0, "never shown");
  });
});

for (const width of [1280, 390]) {
  test(`a statement is closed, printed and mailed, at ${width} px`, { timeout: 120_000 }, async () => {
    const mail = await mailServer({ takes: true });
    const partner = width === 390 ? "Blue Network" : "みどりメディア";
    const work = async (page) => {
      const lastMonth = await page.getByLabel("月").inputValue();
      assert.match(await page.getByLabel("月").locator("option:checked").textContent(), /^\d{4}年\d{1,2}月$/);
      await page.getByRole("link", { name: partner }).click();
      await page.getByRole("heading", { level: 1, name: /^\d{4}年\d{1,2}月分 支払明細$/ }).waitFor();
      await page.getByRole("button", { name: "調整を追加" }).click();
      await page.getByLabel("内容", { exact: true }).fill("特別報酬");
      // A mistake stands at its field, and the view goes there.
      await page.getByLabel("金額（JPY）").fill("-");
      await page.getByRole("button", { name: "保存" }).click();
      await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
      await page.getByText("金額は 5400 のように数字だけで入力してください。").first().waitFor();
      await page.getByLabel("金額（JPY）").fill("１，０００円");
      await page.getByLabel("支払期日").fill("2027/1/31");
      await page.getByRole("button", { name: "保存" }).click();
      await page.getByRole("cell", { name: "特別報酬" }).waitFor();
      await page.getByText("2027/01/31").first().waitFor();
      await page.getByRole("button", { name: "確定する" }).click();
      await assertAccessible(page, "the question");
      await page.getByRole("alertdialog").getByRole("button", { name: "確定する" }).click();
      await page.getByText("明細を確定しました。").waitFor();
      await page.getByRole("button", { name: "確定を取り消す" }).waitFor();
      assert.equal(await page.getByRole("button", { name: "調整を追加" }).count(), 0, "what is closed stays");
      const file = page.waitForEvent("download");
      await page.getByRole("button", { name: "CSV" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "ダウンロード" }).click();
      assert.match((await file).suggestedFilename(), /\.csv$/);
      await page.emulateMedia({ media: "print" });
      assert.ok(await page.getByRole("heading", { name: "支払明細書" }).isVisible());
      assert.equal(await page.getByRole("button", { name: "印刷" }).isVisible(), false);
      await page.emulateMedia({ media: "screen" });
      await page.getByRole("button", { name: "メールで送る" }).click();
      const dialog = page.getByRole("dialog");
      if (width === 1280) {
        await dialog.getByRole("link", { name: "「通知」で設定する" }).click();
        await page.getByLabel(/^メールサーバー（SMTP）/).fill("127.0.0.1");
        await page.getByLabel("暗号化").selectOption({ label: "なし（パスワードを使わない場合のみ）" });
        await page.getByLabel("ポート").fill(String(mail.port));
        await page.getByLabel("差出人").fill("keiri@shop.example.jp");
        await page.getByLabel(/^宛先/).fill("keiri@shop.example.jp");
        const saved = page.waitForResponse((r) => r.request().method() === "PUT");
        await page.getByRole("button", { name: "保存", exact: true }).click();
        assert.ok((await saved).ok());
        await page.getByRole("button", { name: "保存", exact: true }).waitFor();
        await page.goBack();
        await page.getByRole("button", { name: "メールで送る" }).click();
      }
      await dialog.getByLabel(/^宛先/).fill("not an address");
      await dialog.getByRole("button", { name: "送信する" }).click();
      await dialog.getByRole("alert").first().waitFor();
      await assertAccessible(page, "a mistake in the letter");
      await dialog.getByLabel(/^宛先/).fill("keiri@media.example.jp");
      await dialog.getByRole("button", { name: "送信する" }).click();
      if (width === 1280) {
        await dialog.getByText("メールサーバーに送信しました。").waitFor();
        assert.match(mail.mails[0], /text\/csv/);
      } else await dialog.getByText("送信できませんでした。").waitFor();
      assert.match(lastMonth, /^\d{4}-\d\d$/);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    };
    await on({ language: "ja", width }, "/statements", work, past).finally(() => mail.close());
  });
}
