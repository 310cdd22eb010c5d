// What people do: sign in, find, edit by keyboard, approve, switch language; against the stand-in server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { assertAccessible, browser, dist, open, settled } from "./harness.mjs";
import { start } from "./mock/server.mjs";

let chrome;
before(async () => {
  dist();
  chrome = await browser();
});
after(() => chrome?.close());

async function on(options, path, work) {
  const server = await start({ dist: dist(), ...options.server });
  const view = await open(chrome, options);
  try {
    await view.page.goto(server.url + path);
    await settled(view.page);
    await work(view.page, server, view);
    await view.assertClean(path);
  } finally {
    await view.close();
    server.close();
  }
}

test("sign-in says the same for every mistake, then opens the screen that was asked for", { timeout: 30_000 }, () =>
  on({ language: "en", server: { isSignedOut: true } }, "/links", async (page) => {
    await page.getByLabel("Login name or e-mail").fill("owner");
    await page.getByLabel("Password").fill("wrong password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Password").fill("right password");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Links" }).waitFor();
  }),
);

test("Enter that confirms an input method's word does not submit", { timeout: 30_000 }, () =>
  on({ server: { isSignedOut: true } }, "/", async (page) => {
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
  on({ language: "en" }, "/", async (page, _server, _view) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Find anything" }).waitFor();
    await assertAccessible(page, "palette");
    await page.keyboard.type("ORDER-20261");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "From click to answer" }).waitFor();
    assert.match(page.url(), /\/trace\?q=ORDER-20261$/);
  }),
);

test("the rule editor completes placeholders, shows findings in place and mends them", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/rules/adnet001", async (page) => {
    const text = page.getByLabel("URL, or condition and URL");
    await text.fill("");
    await text.pressSequentially("https://p.example/pb?id={par");
    await page.getByRole("listbox", { name: "Placeholders" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal(await text.inputValue(), "https://p.example/pb?id={para2}");
    await text.pressSequentially("&x={idfx}");
    await page.getByText("There is no placeholder {idfx}.").waitFor();
    await page.getByRole("button", { name: /Use “\{idfa\}”/ }).click();
    assert.equal(await text.inputValue(), "https://p.example/pb?id={para2}&x={idfa}");
    await page.getByText("No errors and no warnings.").waitFor();
  }),
);

test("conversions are approved in bulk after a question", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/conversions?period=all", async (page) => {
    await page.getByRole("checkbox", { name: "Select all rows shown" }).check();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("alertdialog").waitFor();
    await assertAccessible(page, "confirmation");
    await page.getByRole("alertdialog").getByRole("button", { name: "Approved" }).click();
    await page.getByText(/conversions changed\./).waitFor();
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
    await page.getByRole("menuitem", { name: "Theme: dark" }).click();
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Links" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  }),
);

test("the live view pauses, holds what comes, and goes on", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/live", async (page, server) => {
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    server.push("activity", {
      id: "held000000000001",
      session: null,
      at_ms: Date.now(),
      kind: "event",
      verdict: "refused",
      reason: "unknown_session",
      uids: ["HELD-1"],
      offer: null,
      event: null,
      status: null,
      money: null,
    });
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

test("the first load transfers under 300 KB", { timeout: 30_000 }, async () => {
  const server = await start({ dist: dist() });
  const view = await open(chrome, { language: "ja" });
  const bodies = [];
  view.page.on("response", (r) => {
    if (!r.url().includes("/api/")) bodies.push(r.body());
  });
  await view.page.goto(server.url);
  await settled(view.page);
  const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + gzipSync(body).length, 0);
  assert.ok(bytes < 300_000, `${bytes} bytes`);
  await view.close();
  server.close();
});

test("a viewer is offered nothing that would be refused", { timeout: 60_000 }, () =>
  on({ language: "en", server: { role: "viewer" } }, "/links", async (page, server) => {
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
      "/offers/skincare2026",
    ]) {
      await page.goto(server.url + path);
      await settled(page);
      for (const name of [/^New /, /^Delete$/, /^Save$/, /^Resend/, /^Pause$/, /^Upload/]) {
        assert.equal(
          await page.getByRole("button", { name }).or(page.getByRole("link", { name })).count(),
          0,
          `${path} ${name}`,
        );
      }
    }
  }),
);

test("a test alert is sent as it is saved, and says exactly what came of it", { timeout: 30_000 }, () =>
  on({ language: "en" }, "/settings/alerts", async (page, _server, view) => {
    const send = page.getByRole("button", { name: "Send a test (E-mail)" });
    await send.click();
    await page.getByText("550 5.1.1 no such mailbox").waitFor();
    await page.getByLabel("Sender").fill("else@example.jp");
    await page.getByText("Save first.").first().waitFor();
    assert.equal(await send.isDisabled(), true);
    let saved;
    page.on("request", (r) => {
      if (r.method() === "PUT") saved = r.postDataJSON();
    });
    await page.getByRole("button", { name: "Remove Address of the webhook" }).click();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Saved").waitFor();
    assert.equal(saved.alerts.email.from, "else@example.jp");
    assert.deepEqual(saved.alerts.email.password, { is_set: true });
    assert.equal(saved.alerts.webhook_url, null);
    await assertAccessible(page, "alerts after a save");
    await view.assertClean("alerts");
  }),
);
