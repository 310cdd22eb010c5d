// What every browser test needs: the built UI, a browser, and a page that reports what must not happen.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const web = join(import.meta.dirname, "..");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Builds the UI once; `WEB_DIST` names one that is built already. */
export function dist() {
  if (process.env.WEB_DIST) return process.env.WEB_DIST;
  const out = mkdtempSync(join(tmpdir(), "yamabiko-web-"));
  execFileSync("npm", ["run", "build", "--", "--outDir", out], { cwd: web, stdio: "ignore", timeout: 120_000 });
  process.env.WEB_DIST = out;
  return out;
}

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

/** A page that collects violations of the content security policy, script errors and hostile text that ran. */
export async function open(chrome, { language = "ja", theme = "light", width = 1280 } = {}) {
  const context = await chrome.newContext({
    viewport: { width, height: 900 },
    locale: language === "ja" ? "ja-JP" : "en-GB",
    colorScheme: theme,
    timezoneId: "Asia/Tokyo",
    reducedMotion: "reduce",
  });
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

/** Waits until what is loading is there. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector(".skeleton"));
  await page.evaluate(() => document.fonts.ready);
}
