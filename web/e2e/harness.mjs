// What every browser test needs: a browser, and a page that reports what must not happen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const browser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/** A page that collects violations of the content security policy, script errors and hostile text that ran; signed in with `cookie`. */
export async function open(chrome, { language = "ja", theme = "light", width = 1280, cookie } = {}) {
  const context = await chrome.newContext({
    viewport: { width, height: 900 },
    locale: language === "ja" ? "ja-JP" : "en-GB",
    colorScheme: theme,
    timezoneId: "Asia/Tokyo",
    reducedMotion: "reduce",
  });
  if (cookie) await context.addCookies([cookie]);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !/Failed to load resource/.test(text)) troubles.push(`console: ${text}`);
  });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) =>
      console.error(`policy violated: ${e.violatedDirective} ${e.blockedURI}`),
    );
  });
  return {
    page,
    context,
    /** Fails with everything that went wrong since the page was opened. */
    async assertClean(what) {
      assert.equal(await page.evaluate(() => window.hacked), undefined, `${what}: hostile text ran`);
      assert.deepEqual(troubles, [], what);
    },
    close: () => context.close(),
  };
}

/** Runs axe in the page's own world; the policy does not bind the debugger's scripts. */
export async function assertAccessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map(
      (v) =>
        `${v.id}: ${v.help} | ${v.nodes
          .slice(0, 3)
          .map((n) => `${n.html.slice(0, 140)} ${n.any.map((a) => a.message).join(" ")}`)
          .join(" || ")}`,
    );
  });
  assert.deepEqual(found, [], what);
}

/** Nothing may be wider than the window, tables in their own scroll boxes excepted. */
export async function assertFits(page, what) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wider <= 0, `${what}: ${wider} px wider than the window`);
}

/** Waits until a screen with its heading stands, and what it loads is there. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector("h1") && !document.querySelector(".skeleton"));
  await page.evaluate(() => document.fonts.ready);
}
