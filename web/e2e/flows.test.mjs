// What people do: sign in, find, edit by keyboard, approve, switch language.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, browser, open, settled } from "./harness.mjs";
import { scene } from "./scene.mjs";
import { eventually, mailServer, PASSWORD, signIn } from "./server.mjs";

let chrome, shop, viewer;
before(async () => {
  [chrome, shop] = await Promise.all([browser(), scene()]);
  viewer = await signIn(shop, "viewer@example.com");
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

async function on({ cookie = shop.owner, ...options }, path, work) {
  const view = await open(chrome, { ...options, cookie });
  try {
    await view.page.goto(shop.url + path);
    await settled(view.page);
    await work(view.page, view);
    await view.assertClean(path);
  } finally {
    await view.close();
  }
}

test("sign-in says the same for every mistake, then opens the screen that was asked for", { timeout: 30_000 }, () =>
  on({ language: "en", cookie: null }, "/links", async (page) => {
    await page.getByLabel("Login name or e-mail").fill("owner@example.com");
    await page.getByLabel("Password").fill("wrong password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Links" }).waitFor();
  }),
);

test("Enter that confirms an input method's word does not submit", { timeout: 30_000 }, () =>
  on({ cookie: null }, "/", async (page) => {
    let posts = 0;
    page.on("request", (r) => {
      if (r.method() === "POST") posts += 1;
    });
    const field = page.getByLabel("ログインID");
    await field.focus();
    const session = await page.context().newCDPSession(page);
    await session.send("Input.imeSetComposition", { text: "やまびこ", selectionStart: 4, selectionEnd: 4 });
    await page.evaluate(() => {
      const key = new KeyboardEvent("keydown", {
        key: "Enter",
        keyCode: 229,
        bubbles: true,
        cancelable: true,
        isComposing: true,
      });
      document.activeElement.dispatchEvent(key);
      if (!key.defaultPrevented) document.activeElement.form.requestSubmit();
    });
    await session.send("Input.insertText", { text: "山彦" });
    assert.equal(await field.inputValue(), "山彦");
    assert.equal(posts, 0);
  }),
);

test("Ctrl+K takes an order number to its story, by keyboard alone", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/", async (page) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Find anything" }).waitFor();
    await assertAccessible(page, "palette");
    await page.keyboard.type("ORDER-20260");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "From click to answer" }).waitFor();
    assert.match(page.url(), /\/trace\?q=ORDER-20260$/);
  }),
);

test("the rule editor completes placeholders, shows findings in place and mends them", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/rules/adnet001", async (page) => {
    const text = page.getByLabel("URL, or condition and URL");
    await text.fill("");
    await text.pressSequentially("https://p.example/pb?id={par");
    await page.getByRole("listbox", { name: "Placeholders" }).waitFor();
    await page.keyboard.press("Enter");
    assert.equal(await text.inputValue(), "https://p.example/pb?id={para1}");
    await text.pressSequentially("&x={idfx}");
    await page.getByText(/There is no placeholder "idfx"\./).waitFor();
    await page.getByRole("button", { name: /Use “\{idfa\}”/ }).click();
    assert.equal(await text.inputValue(), "https://p.example/pb?id={para1}&x={idfa}");
    await page.getByText("No errors and no warnings.").waitFor();
  }),
);

test("conversions are approved in bulk after a question", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/conversions?period=all", async (page) => {
    await page.getByRole("checkbox", { name: "Select all rows shown" }).check();
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.getByRole("dialog").waitFor();
    await page.getByText(/postbacks? go(es)? out a minute later/).waitFor();
    await assertAccessible(page, "confirmation");
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Decide about \d/ })
      .click();
    await page.getByText(/approved, 0 rejected/).waitFor();
    const { items } = await shop.api("GET", "/activities?verdict=accepted&status=pending");
    assert.deepEqual(items, []);
  }),
);

test("an offer's token is shown once and revoked, and the page around it is not saved", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/offers/skincare2026", async (page) => {
    let puts = 0;
    page.on("request", (r) => {
      if (r.method() === "PUT") puts += 1;
    });
    await page.getByLabel("Name").first().fill("Half typed");
    await page.getByText("Who may send conversions").click();
    await page.getByRole("button", { name: "Make a token" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("shop server");
    await page.keyboard.press("Enter");
    const secret = await page.getByRole("alertdialog").getByText(/^ybs_/).textContent();
    await assertAccessible(page, "token");
    await page.getByRole("button", { name: "I have copied it" }).click();
    assert.equal(await page.getByText(secret).count(), 0);
    assert.doesNotMatch(JSON.stringify(await shop.api("GET", "/offers/skincare2026")), /ybs_/);
    await page.getByRole("button", { name: "Revoke shop server" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("No token yet").waitFor();
    assert.equal(await page.getByLabel("Name").first().inputValue(), "Half typed");
    assert.equal(puts, 0);
  }),
);

test("waiting postbacks are given up by filter, after a question", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/postbacks?period=all&partner=adnet002", async (page) => {
    const { length } = (await shop.api("GET", "/postbacks?state=waiting&partner=adnet002")).items;
    assert.ok(length > 1);
    const asked = page.waitForRequest((r) => r.url().endsWith("/postbacks/cancel"));
    await page.getByRole("button", { name: "Cancel waiting …" }).click();
    await page.getByRole("alertdialog").waitFor();
    await assertAccessible(page, "question");
    await page.getByRole("alertdialog").getByRole("button", { name: "Cancel sending" }).click();
    assert.deepEqual((await asked).postDataJSON(), { filter: { state: "waiting", partner: "adnet002" } });
    await page.getByText(`${length} of ${length} cancelled, 0 no longer waiting.`).waitFor();
  }),
);

test("filters live in the address and come back with it", { timeout: 30_000 }, () =>
  on({ language: "ja" }, "/conversions", async (page) => {
    await page.getByRole("button", { name: "先月" }).click();
    await page.getByLabel("ステータス").selectOption("pending");
    await page.waitForURL(/period=last_month&status=pending|status=pending&period=last_month/);
    await page.reload();
    await settled(page);
    assert.equal(await page.getByRole("button", { name: "先月" }).getAttribute("aria-pressed"), "true");
    assert.equal(await page.getByLabel("ステータス").inputValue(), "pending");
  }),
);

test("language and theme are switched from the menu and kept", { timeout: 30_000 }, () =>
  on({ language: "ja" }, "/links", async (page) => {
    await page.getByRole("button", { name: "アカウント・言語・表示" }).click();
    await page.getByRole("menuitem", { name: "English" }).click();
    await page.getByRole("heading", { level: 1, name: "Links" }).waitFor();
    await page.getByRole("button", { name: "Account, language and theme" }).click();
    await page.getByRole("menuitemradio", { name: "Theme: dark" }).click();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Links" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  }),
);

test("the live view pauses, holds what comes, and goes on", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/live", async (page) => {
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await fetch(`${shop.url}/cv?sid=0000000000000000&uid1=HELD-1`);
    await page.getByRole("button", { name: /Resume \([1-9]/ }).waitFor();
    assert.equal(await page.getByText("HELD-1").count(), 0);
    await page.getByRole("button", { name: /Resume/ }).click();
    await page.getByText("HELD-1").waitFor();
  }),
);

test("a phone opens and closes the menu by keyboard", { timeout: 30_000 }, () =>
  on({ language: "en", width: 360 }, "/", async (page) => {
    await page.getByRole("button", { name: "Open menu" }).click();
    await page.getByRole("link", { name: "Partners" }).click();
    await page.getByRole("heading", { level: 1, name: "Partners" }).waitFor();
    await page.waitForFunction(() => getComputedStyle(document.getElementById("nav")).visibility === "hidden");
  }),
);

test("a viewer is offered nothing that would be refused", { timeout: 60_000 }, () =>
  on({ language: "en", cookie: viewer }, "/links", async (page) => {
    for (const path of [
      "/links",
      "/offers",
      "/partners",
      "/rules",
      "/conversions?period=all",
      "/postbacks?period=all",
      "/links/abcd1234",
      "/rules/adnet001",
      "/partners/hanamed1",
      "/partners/hanamed1/edit",
      "/offers/skincare2026",
    ]) {
      await page.goto(shop.url + path);
      await settled(page);
      for (const name of [
        /^New /,
        /^Make a token$/,
        /^Cancel waiting/,
        /^Delete$/,
        /^Save$/,
        /^Resend/,
        /^Pause$/,
        /^Upload/,
      ]) {
        assert.equal(
          await page.getByRole("button", { name }).or(page.getByRole("link", { name })).count(),
          0,
          `${path} ${name}`,
        );
      }
    }
  }),
);

test("a test alert is sent as it is saved, and says exactly what came of it", { timeout: 30_000 }, async () => {
  const mail = await mailServer();
  const settings = await shop.api("GET", "/settings");
  const email = {
    host: "127.0.0.1",
    port: mail.port,
    security: "none",
    from: "a@example.jp",
    to: ["owner@example.jp"],
  };
  const alerts = { ...settings.alerts, webhook_url: shop.receiver.url, email: { ...settings.alerts.email, ...email } };
  await shop.api("PUT", "/settings", { ...settings, alerts });
  await on({ language: "en" }, "/settings/alerts", async (page, view) => {
    const send = page.getByRole("button", { name: "Send a test (E-mail)" });
    await send.click();
    await page.getByText("550 5.1.1 no such mailbox").waitFor();
    await page.getByLabel("Sender").fill("else@example.jp");
    await page.getByText("Save first.").first().waitFor();
    assert.equal(await send.isDisabled(), true);
    await page.getByRole("button", { name: "Remove Address of the webhook" }).click();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Saved").waitFor();
    const saved = (await shop.api("GET", "/settings")).alerts;
    assert.equal(saved.email.from, "else@example.jp");
    assert.deepEqual(saved.webhook_url, { is_set: false });
    await assertAccessible(page, "alerts after a save");
    await view.assertClean("alerts");
  });
  mail.close();
});

test("a proof link is made from a trace, copied, listed and revoked", { timeout: 30_000 }, async () => {
  const { session } = await shop.api("GET", "/trace?q=ORDER-20260");
  await shop.api("POST", "/proofs", { id: session.id });
  await on({ language: "en", width: 360 }, "/trace?q=ORDER-20260", async (page, view) => {
    await page.getByRole("button", { name: "Proof link" }).click();
    const dialog = page.getByRole("dialog");
    await assertAccessible(page, "proof dialog");
    await dialog.getByLabel("Can be read for").selectOption("24");
    await dialog.getByRole("button", { name: "Make the link" }).click();
    const address = await dialog.getByRole("link", { name: "Look at the page" }).getAttribute("href");
    const shown = await (await fetch(address, { headers: { "accept-language": "en" } })).text();
    assert.match(shown, /the advertiser’s own server/);
    await dialog.getByText(/\/proof\/[\w-]{20}/).waitFor();
    await dialog.getByRole("button", { name: "Copy" }).waitFor();
    await assertAccessible(page, "proof dialog with a link");
    assert.equal(await dialog.getByRole("listitem").count(), 2);
    await dialog
      .getByRole("button", { name: /^Revoke / })
      .first()
      .click();
    await page.waitForFunction(() => document.querySelectorAll("[role=dialog] li").length === 1);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await view.assertClean("proof");
  });
});

test("public and further addresses are checked, saved or not", { timeout: 30_000 }, () =>
  on({ width: 360 }, "/settings/general", async (page) => {
    await page.locator("textarea").first().fill("https://click.no-such-name.invalid");
    await page.getByRole("button", { name: "このアドレスで届くか確認する" }).click();
    await page.getByText("このサーバーに届いています", { exact: false }).waitFor();
    await page.getByText("名前解決できません", { exact: false }).waitFor();
    await assertAccessible(page, "addresses");
  }),
);

test("a preset asks for its blanks, and a save without them leads there", { timeout: 30_000 }, () =>
  on({ language: "ja" }, "/partners/new", async (page) => {
    await page.getByLabel("媒体・ASPを検索").fill("keitaro");
    await page
      .getByRole("radio", { name: /Keitaro/ })
      .first()
      .check();
    const blank = page.getByText("必須").last();
    await blank.waitFor();
    assert.equal(await page.locator(".finding.bad").count(), 0, "nothing is wrong before anything is typed");
    await page.getByRole("button", { name: "媒体を登録する" }).click();
    const missing = page.locator('[aria-invalid="true"]');
    await missing.waitFor();
    assert.equal(await missing.evaluate((field) => field === document.activeElement), true, "it has the focus");
    await assertAccessible(page, "a missing blank");
    assert.equal((await shop.api("GET", "/partners?limit=200")).items.length, 4, "nothing is half saved");
    for (const field of await page.locator("input[required].mono").all()) await field.fill("tracker.example.com");
    await page.getByRole("button", { name: "媒体を登録する" }).click();
    await page.getByRole("link", { name: "設定を編集" }).waitFor();
    const { items } = await shop.api("GET", "/partners?limit=200");
    assert.equal(items.length, 5);
  }),
);

test("a partner and its URLs are saved together or not at all", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/partners/pointsky/edit", async (page) => {
    const name = page.getByLabel("Name").first();
    await name.fill("Point Sky");
    const url = page.getByLabel(/^URL when it is rejected/);
    await url.fill("no address at all");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.locator('textarea[aria-invalid="true"]').waitFor();
    assert.equal(await url.evaluate((field) => field === document.activeElement), true);
    assert.equal((await shop.api("GET", "/partners/pointsky")).name, "ポイントスカイ");
    await url.fill("https://sky.example/rejected?id={para1}");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const saved = await eventually("both are saved", async () => {
      const now = await shop.api("GET", "/partners/pointsky/with_urls");
      return now.partner.name === "Point Sky" && now;
    });
    assert.equal(saved.status_urls.rejected.text, "https://sky.example/rejected?id={para1}");
  }),
);

test("what a rule would have sent is counted by the server", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/rules/hana0001", async (page) => {
    await page.getByRole("button", { name: "Try it" }).click();
    await page.getByText(/would have been sent \(\d+ events? in this period\)/).waitFor();
    const link = page.locator("aside").getByRole("link").first();
    assert.match(await link.getAttribute("href"), /^\/trace\?q=/);
    await assertAccessible(page, "tried rule");
  }),
);

test("a screen with changes asks before it is left", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/offers/denki0000001", async (page) => {
    await page.getByLabel("Name").first().fill("Half typed");
    await page.getByRole("link", { name: "Partners" }).click();
    const question = page.getByRole("alertdialog");
    await question.waitFor();
    await assertAccessible(page, "leaving");
    await question.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await page.getByLabel("Name").first().inputValue(), "Half typed");
    await page.getByRole("link", { name: "Partners" }).click();
    await question.getByRole("button", { name: "Leave" }).click();
    await page.getByRole("heading", { level: 1, name: "Partners" }).waitFor();
    assert.equal((await shop.api("GET", "/offers/denki0000001")).name, "でんき切り替えキャンペーン");
  }),
);

test("what was delivered is resent only after a question, and the answer is shown", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/trace?q=ORDER-20260", async (page) => {
    const before = shop.receiver.targets.length;
    await page.getByRole("button", { name: "Resend" }).first().click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Resend" }).click();
    await page.getByText("Resent. Answer:").waitFor();
    await page.getByText("HTTP 200").first().waitFor();
    assert.equal(shop.receiver.targets.length, before + 1);
  }),
);

test("recipients without a mail server are not saved", { timeout: 30_000 }, () =>
  on({ language: "ja" }, "/settings/alerts", async (page) => {
    await page.getByLabel("メールサーバー（SMTP）").fill("");
    await page.getByLabel("宛先（1行に1件）").fill("owner@example.jp");
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.getByText("入力してください。", { exact: true }).waitFor();
    const field = page.getByLabel("メールサーバー（SMTP）");
    assert.equal(await field.evaluate((input) => input === document.activeElement), true);
  }),
);

test("variables that nobody filled are told where they can be mended", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/links/mani0001", async (page) => {
    await page.getByRole("heading", { name: /^To be corrected at the partner/ }).waitFor();
    await page.getByText("{clickid}").first().waitFor();
    await page.goto(`${shop.url}/`);
    await page.getByText(/came with (an )?unfilled variables?/).waitFor();
    await assertAccessible(page, "home with notes");
  }),
);

test("payouts show what is owed, pending and rejected apart, with the conversions behind", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/payouts", async (page) => {
    await page.getByRole("columnheader", { name: "Owed (approved)" }).waitFor();
    await page.getByRole("rowheader", { name: "Total" }).waitFor();
    const row = page.getByRole("row").filter({ hasText: "AdNet Global" });
    await row.getByRole("link").nth(1).click();
    await page.getByRole("heading", { level: 1, name: "Conversions" }).waitFor();
    assert.match(page.url(), /partner=adnet002&status=approved/);
  }),
);

test("a CSV is fetched, and a failure is told instead of saved", { timeout: 30_000 }, () =>
  on({ language: "ja" }, "/conversions?period=all", async (page) => {
    await page.getByRole("button", { name: "CSV" }).click();
    const file = page.waitForEvent("download");
    await page.getByRole("button", { name: "ダウンロード" }).click();
    assert.match((await file).suggestedFilename(), /\.csv$/);
    await page.route("**/activities.csv*", (route) =>
      route.fulfill({ status: 429, json: { error: { code: "exports_busy", message: "busy" } } }),
    );
    await page.getByRole("button", { name: "CSV" }).click();
    await page.getByRole("button", { name: "ダウンロード" }).click();
    await page.getByRole("dialog").locator(".note.bad").waitFor();
    await assertAccessible(page, "a CSV that failed");
  }),
);
