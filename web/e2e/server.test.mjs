// Against the real binary (`YAMABIKO_BIN`, else the debug build): from the one-time link to a proven postback,
// hostile data in every list, and the live view through a restart of the server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, browser, open, settled } from "./harness.mjs";

const target = process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, "../../target");
const binary = process.env.YAMABIKO_BIN ?? join(target, "debug/yamabiko");
const HOSTILE = `<img src=x onerror="window.hacked=1">`;
// The server refuses settings that it does not know, which the variable above would be.
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("YAMABIKO_")));
const PASSWORD = "a quiet echo from the mountain";

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts the server and gives what it printed of the set-up link. */
async function serve(data, port) {
  const child = spawn(binary, ["--data-dir", data, "serve", "--listen", `127.0.0.1:${port}`], {
    env: ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const link = new Promise((resolve, reject) => {
    const read = (chunk) => {
      output += chunk;
      const found = /http:\/\/\S+\/setup#\S+/.exec(output);
      if (found) resolve(found[0]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}:\n${output}`)));
  });
  link.catch(() => undefined);
  const deadline = Date.now() + 20_000;
  while (
    !(await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (r) => r.ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) throw new Error(`not ready:\n${output}`);
    await new Promise((r) => setTimeout(r, 100));
  }
  const stop = () =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  return { link, stop };
}

let chrome;
const data = mkdtempSync(join(tmpdir(), "yamabiko-ui-"));
before(async () => {
  assert.ok(existsSync(binary), `build the server first: there is no ${binary}`);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  rmSync(data, { recursive: true, force: true });
});

test("from the one-time link to a proven postback", { timeout: 180_000 }, async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let server = await serve(data, port);
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
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("textbox", { name: /^Name/ }).fill(`Serum ${HOSTILE}`);
    await page.getByLabel("Destination (landing page)").fill("https://shop.example.com/lp");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByLabel("Find the partner").fill("afad");
    await page.getByRole("button", { name: /AFAD/ }).first().click();
    await page.getByRole("button", { name: /Not in the list/ }).click();
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

  await t.test("the live view comes back after a restart, without a gap", async () => {
    await page.goto(`${url}/live`);
    await page.getByText("live", { exact: true }).waitFor();
    const token = await page.evaluate(async () => (await (await fetch("/api/v1/links")).json()).items[0].token);
    await fetch(`${url}/c/${token}?s2s=1`);
    await page.locator(".live-list > li").first().waitFor();
    await server.stop();
    await page.getByText("connection lost, trying again").waitFor();
    server = await serve(data, port);
    await page.getByText("live", { exact: true }).waitFor({ timeout: 20_000 });
    const before = await page.locator(".live-list > li").count();
    await fetch(`${url}/c/${token}?s2s=1`);
    await page.waitForFunction((n) => document.querySelectorAll(".live-list > li").length > n, before);
    await view.assertClean("live");
  });

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
