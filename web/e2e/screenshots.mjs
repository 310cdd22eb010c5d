// Pictures of the main screens for the README, from `yamabiko demo`:
//   node screenshots.mjs http://127.0.0.1:8080 PASSWORD OUTPUT-FOLDER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { browser, open, settled } from "./harness.mjs";

const [, , url, password, folder] = process.argv;
if (!folder) {
  console.error("usage: node screenshots.mjs URL PASSWORD FOLDER");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const chrome = await browser();
for (const language of ["en", "ja"]) {
  const { page, close } = await open(chrome, { language });
  await page.goto(url);
  await page.locator("input[autocomplete=username]").fill("demo");
  await page.locator("input[type=password]").fill(password);
  await page.keyboard.press("Enter");
  await page.locator("nav").waitFor();
  const order = await page.evaluate(async () => {
    const response = await fetch("/api/v1/activities?verdict=accepted&conversions=true&limit=20");
    return (await response.json()).items.find((a) => a.uids.length > 0)?.id ?? "";
  });
  for (const [name, path] of Object.entries({
    home: "/",
    links: "/links",
    rule: "/rules/new",
    conversions: "/conversions",
    postbacks: "/postbacks",
    trace: `/trace?q=${order}`,
    reports: "/reports?compare=1",
  })) {
    await page.goto(url + path);
    await page.waitForSelector("h1");
    await settled(page);
    await page.screenshot({ path: join(folder, `${name}-${language}.png`) });
  }
  await close();
}
await chrome.close();
