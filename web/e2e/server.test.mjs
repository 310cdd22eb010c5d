// The first day of an instance: from the one-time link to a proven postback,
// hostile data in every list, and the live view through a restart of the server.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, browser, open, settled } from "./harness.mjs";
import { PASSWORD, serve } from "./server.mjs";

const HOSTILE = `<img src=x onerror="window.hacked=1">`;

let chrome;
const data = mkdtempSync(join(tmpdir(), "yamabiko-ui-"));
before(async () => {
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  rmSync(data, { recursive: true, force: true });
});

test("from the one-time link to a proven postback", { timeout: 180_000 }, async (t) => {
  let server = await serve({ data });
  const { url } = server;
  const view = await open(chrome, { language: "en" });
  const { page } = view;

  await t.test("a stranger without the token sees nothing", async () => {
    await page.goto(`${url}/setup`);
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByRole("button", { name: "Next" }).count(), 0);
  });

  await t.test("the wizard", async () => {
    await page.goto("about:blank");
    await page.goto(await server.link);
    await page.getByRole("button", { name: "Next" }).click();
    assert.equal(new URL(page.url()).hash, "", "the token has left the address");
    await page.getByLabel("Login name or e-mail").fill("owner@example.com");
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Create the account" }).click();
    await page.locator(".field .error").waitFor();
    await page.reload();
    assert.equal(
      await page.getByLabel("Login name or e-mail").inputValue(),
      "owner@example.com",
      "what was typed survives a reload",
    );
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Create the account" }).click();
    await page.getByLabel("Public address of the tracking server").fill(url);
    await page.getByRole("button", { name: "Check that it reaches us" }).click();
    await page.getByText("reaches this server, but only from this machine").waitFor({ timeout: 20_000 });
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("textbox", { name: /^Name/ }).fill(`Serum ${HOSTILE}`);
    await page.getByLabel("Destination (landing page)").fill("https://shop.example.com/lp");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByLabel("Find the partner").fill("afad");
    await page.getByRole("radio", { name: /AFAD/ }).first().check();
    await page.getByRole("radio", { name: /Not in the list/ }).check();
    await page.getByRole("textbox", { name: /^Name/ }).fill(`Media ${HOSTILE}`);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("button", { name: "Issue the link" }).click();
    await page.getByRole("button", { name: "Run the test" }).click();
    await page.getByText("It works: the built-in receiver got the request above.").waitFor({ timeout: 20_000 });
    await assertAccessible(page, "live test");
    await page.getByRole("button", { name: "Finish" }).click();
    await page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
  });

  await t.test("hostile clicks are shown as text everywhere", async () => {
    const token = await page.evaluate(async () => (await (await fetch("/api/v1/links")).json()).items[0].token);
    const clicked = await fetch(
      `${url}/c/${token}?param1=${encodeURIComponent(HOSTILE)}&label=${encodeURIComponent(HOSTILE)}&s2s=1`,
      { headers: { "user-agent": `Mozilla/5.0 ${HOSTILE}` } },
    );
    const { sid } = await clicked.json();
    const converted = await fetch(
      `${url}/cv?sid=${sid}&amount=1200&uid1=${encodeURIComponent(HOSTILE)}&p_note=${encodeURIComponent(HOSTILE)}`,
    );
    assert.equal((await converted.json()).result, "accepted");
    for (const path of [
      "/",
      "/clicks",
      "/conversions",
      "/refused",
      "/postbacks",
      "/links",
      "/partners",
      "/offers",
      `/trace?q=${sid}`,
      "/settings/audit",
      "/reports?group=link",
    ]) {
      await page.goto(url + path);
      await settled(page);
      await view.assertClean(path);
    }
  });

  await t.test("a stranger reads a proof link in both languages and themes until it is revoked", async () => {
    const sid = await page.evaluate(async () => (await (await fetch("/api/v1/sessions")).json()).items.at(-1).id);
    await page.goto(`${url}/trace?q=${sid}`);
    await page.getByRole("button", { name: "Proof link" }).click();
    await page.getByRole("button", { name: "Make the link" }).click();
    const address = await page.getByRole("link", { name: "Look at the page" }).getAttribute("href");
    for (const [language, theme, width, heading] of [
      ["en", "light", 1280, "Record of one click and what came of it"],
      ["ja", "dark", 360, "クリックと成果の記録"],
      ["en", "dark", 1280, "Record of one click and what came of it"],
    ]) {
      const stranger = await open(chrome, { language, theme, width });
      await stranger.page.goto(address);
      await stranger.page.getByRole("heading", { level: 1, name: heading }).waitFor();
      await stranger.page.getByText(`Serum ${HOSTILE}`).waitFor();
      assert.equal(await stranger.page.getByText(sid).count(), 0, "the id is masked");
      assert.notEqual(
        await stranger.page.evaluate(() => getComputedStyle(document.body).margin),
        "8px",
        "it has a style",
      );
      await assertAccessible(stranger.page, `proof ${language} ${theme}`);
      await assertFits(stranger.page, `proof ${language} ${theme}`);
      await stranger.assertClean("proof");
      await stranger.close();
    }
    await page.getByRole("button", { name: `Revoke ${sid}` }).click();
    await page.getByText("Links that can be read now").waitFor({ state: "detached" });
    const stranger = await open(chrome, { language: "en" });
    const answer = await stranger.page.goto(address);
    assert.equal(answer.status(), 404);
    await stranger.page.getByRole("heading", { level: 1, name: "There is nothing here" }).waitFor();
    await assertAccessible(stranger.page, "no proof");
    await stranger.close();
  });

  await t.test("a viewer limited to a partner walks every screen and is refused nothing", async () => {
    const partner = await page.evaluate(async (password) => {
      const partner = (await (await fetch("/api/v1/partners")).json()).items[0];
      const user = { login: "media@example.jp", role: "viewer", partners: [partner.id], password };
      const body = JSON.stringify(user);
      const made = await fetch("/api/v1/users", {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      return made.status === 201 ? partner : null;
    }, PASSWORD);
    assert.ok(partner, "the account was made");
    const limited = await open(chrome, { language: "en", width: 360 });
    await limited.page.goto(`${url}/links`);
    await limited.page.getByLabel("Login name or e-mail").fill("media@example.jp");
    await limited.page.getByLabel("Password").fill(PASSWORD);
    await limited.page.keyboard.press("Enter");
    await limited.page.getByRole("heading", { level: 1, name: "Links" }).waitFor();
    const link = await limited.page.evaluate(async () => (await (await fetch("/api/v1/links")).json()).items[0].token);
    const offer = await limited.page.evaluate(async () => (await (await fetch("/api/v1/offers")).json()).items[0].id);
    const refused = [];
    limited.page.on("response", (r) => {
      if (r.url().includes("/api/") && r.status() >= 400) refused.push(`${r.status()} ${r.url()}`);
    });
    for (const path of [
      "/",
      "/live",
      "/reports",
      "/links",
      "/offers",
      "/partners",
      "/rules",
      "/clicks",
      "/conversions",
      "/refused",
      "/postbacks",
      "/trace",
      "/settings",
      "/settings/account",
      "/payouts",
      "/settings/alerts",
      "/help",
      "/help/conversions",
      "/help/rules",
      `/links/${link}`,
      `/links/${link}/hand-out`,
      `/links/${link}/edit`,
      `/offers/${offer}`,
      `/offers/${offer}/tags`,
      `/partners/${partner.id}`,
      `/partners/${partner.id}/edit`,
    ]) {
      await limited.page.goto(url + path);
      await limited.page.waitForSelector("h1");
      if (path !== "/live") await settled(limited.page);
      assert.equal(await limited.page.getByRole("alert").count(), 0, path);
      await assertFits(limited.page, path);
      await limited.assertClean(path);
    }
    assert.deepEqual(refused, []);
    // What cannot be saved cannot be typed either.
    assert.equal(await limited.page.getByLabel("Name").first().isDisabled(), true);
    await limited.close();
  });

  await t.test("the live view comes back after a restart, without a gap", async () => {
    await page.goto(`${url}/live`);
    await page.getByText("live", { exact: true }).waitFor();
    const token = await page.evaluate(async () => (await (await fetch("/api/v1/links")).json()).items[0].token);
    await fetch(`${url}/c/${token}?s2s=1`);
    await page.locator(".live-list > li").first().waitFor();
    await server.stop();
    await page.getByText("connection lost, reconnecting").waitFor();
    server = await serve({ data, port: new URL(url).port });
    await page.getByText("live", { exact: true }).waitFor({ timeout: 20_000 });
    const before = await page.locator(".live-list > li").count();
    await fetch(`${url}/c/${token}?s2s=1`);
    await page.waitForFunction((n) => document.querySelectorAll(".live-list > li").length > n, before);
    await view.assertClean("live");
  });

  await t.test(
    "the first load transfers under 200 KB, the rule editor under 240, and later screens come on demand",
    async () => {
      for (const [path, heading, most] of [
        ["/rules/new", "ポストバック設定を作成", 240_000],
        ["/", "ホーム", 200_000],
      ]) {
        const fresh = await open(chrome, { language: "ja" });
        await fresh.context.addCookies(await view.context.cookies());
        const network = await fresh.context.newCDPSession(fresh.page);
        await network.send("Network.enable");
        let bytes = 0;
        network.on("Network.loadingFinished", (done) => {
          bytes += done.encodedDataLength;
        });
        await fresh.page.goto(url + path);
        await fresh.page.getByRole("heading", { level: 1, name: heading }).waitFor();
        await settled(fresh.page);
        await fresh.page.waitForLoadState("networkidle");
        const first = bytes;
        assert.ok(first > 20_000 && first < most, `${path}: ${first} bytes`);
        if (path === "/") {
          await fresh.page.getByRole("link", { name: "レポート" }).first().click();
          await fresh.page.getByRole("heading", { level: 1, name: "レポート" }).waitFor();
          await settled(fresh.page);
          assert.ok(bytes > first, "the screen of reports was there already");
        }
        await fresh.close();
      }
    },
  );

  await t.test("every path that the screens call is in the server's own document", async () => {
    const document = await page.evaluate(async () => (await fetch("/api/openapi.json")).json());
    const known = Object.keys(document.paths).map((p) => p.replace(/^\/api\/v1/, "").replaceAll(/\{[^}]+\}/g, "*"));
    const called = new Set();
    const folder = join(import.meta.dirname, "../src");
    for (const file of readdirSync(folder, { recursive: true })) {
      if (!/\.tsx?$/.test(file) || file.includes(".test.")) continue;
      const source = readFileSync(join(folder, file), "utf8");
      for (const [, path] of source.matchAll(
        /(?:get|post|put|del|call|all|setupCall|usePaged)(?:<[^(]*>)?\(\s*["`](\/[^"`?]*)["`]/g,
      ))
        called.add(path.replaceAll(/\$\{[^}]+\}/g, "*"));
    }
    assert.ok(called.size > 25, `only ${called.size} paths were found in the sources`);
    assert.deepEqual(
      [...called].filter((path) => !known.includes(path)),
      [],
    );
  });

  await t.test("signing out ends the session", async () => {
    await page.goto(url);
    await page.getByRole("button", { name: "Account, language and theme" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  await view.close();
  await server.stop();
});
