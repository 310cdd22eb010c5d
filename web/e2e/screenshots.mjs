// Pictures of the main screens for the README, from `yamabiko demo --visits-per-day 20000`, as soon as it is up:
//   node screenshots.mjs http://127.0.0.1:8080 PASSWORD ../../packaging/docs/screens
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { browser, open, settled } from "./harness.mjs";

const [, , url, password, folder] = process.argv;
if (!folder) {
  console.error("usage: node screenshots.mjs URL PASSWORD FOLDER");
  process.exit(2);
}
const MOST_BYTES = 150_000;
const PICTURES = [
  { name: "home", language: "en", path: () => "/" },
  { name: "trace", language: "en", path: ({ order }) => `/trace?q=${order}`, height: 960 },
  { name: "rule", language: "en", path: () => "/rules/toldmido", height: 780 },
  { name: "conversions-ja", language: "ja", path: () => "/conversions", width: 1200, height: 620 },
  { name: "reports-dark", language: "en", theme: "dark", path: () => "/reports?compare=1" },
  { name: "phone-ja", language: "ja", theme: "dark", path: () => "/", width: 360, height: 740 },
];

mkdirSync(folder, { recursive: true });
const chrome = await browser();
let cookies = null;
for (const { name, language, theme = "light", path, width = 1280, height = 860 } of PICTURES) {
  const { page, context, close } = await open(chrome, { language, theme, width });
  await page.setViewportSize({ width, height });
  if (cookies) await context.addCookies(cookies);
  await page.goto(url);
  if (!cookies) {
    await page.locator("input[autocomplete=username]").fill("demo");
    await page.locator("input[type=password]").fill(password);
    await page.keyboard.press("Enter");
  }
  await page.locator("nav").waitFor({ state: "attached" });
  cookies ??= await context.cookies();
  const order = await page.evaluate(async () => {
    const response = await fetch("/api/v1/activities?verdict=accepted&conversions=true&test=false&limit=50");
    return (await response.json()).items.find((a) => a.partner === "midori01" && a.uids.length > 0)?.uids[0] ?? "";
  });
  await page.goto(url + path({ order }));
  await page.waitForSelector("h1");
  await settled(page);
  // The chart is drawn after its data has come.
  await page.waitForTimeout(500);
  const file = join(folder, `${name}.png`);
  await page.screenshot({ path: file });
  const { size } = statSync(file);
  console.log(`${file} ${size} bytes`);
  if (size > MOST_BYTES) process.exitCode = 1;
  await close();
}
await chrome.close();
