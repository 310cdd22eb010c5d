import { describe, expect, it } from "vitest";
import { makeFormats } from "./format";
import { makeTranslate, pickLanguage } from "./index";

describe("formats", () => {
  const ja = makeFormats("ja", "Asia/Tokyo");
  const en = makeFormats("en", "UTC");

  it("shows yen without decimals and dollars with them, exactly", () => {
    expect(ja.money({ amount: "1000", currency: "JPY" })).toMatch(/^[¥￥]1,000$/);
    expect(en.money({ amount: "1234567890123456.78", currency: "USD" })).toBe("$1,234,567,890,123,456.78");
  });

  it("shows times in the operator's zone and names the zone on hovering", () => {
    const at = Date.UTC(2026, 10, 20, 15, 30);
    expect(ja.dateTime(at)).toContain("2026/11/21");
    expect(en.dateTime(at)).toContain("2026-11-20");
    expect(ja.full(at)).toContain("UTC");
  });

  it("counts back in words", () => {
    expect(en.relative(0, 120_000)).toBe("2 minutes ago");
    expect(ja.relative(0, 13_000)).toBe("13秒前");
    expect(ja.duration(1_500)).toBe("1.5秒");
  });
});

describe("languages", () => {
  it("takes the first one that there is a catalogue for", () => {
    expect(pickLanguage(["fr-FR", "ja-JP", "en"])).toBe("ja");
    expect(pickLanguage(["de"])).toBe("en");
    expect(pickLanguage([])).toBe("en");
  });

  it("formats arguments, and leaves angle brackets alone", () => {
    const t = makeTranslate("en", { "form.delete_title": "Delete <b>“{name}”</b>?" });
    expect(t("form.delete_title", { name: "<i>" })).toBe("Delete <b>“<i>”</b>?");
    expect(t("form.save")).toBe("form.save");
  });
  it("writes months of the calendar", () => {
    expect(makeFormats("ja", "Asia/Tokyo").calendarMonth("2026-11")).toBe("2026年11月");
    expect(makeFormats("en", "Asia/Tokyo").calendarMonth("2026-11")).toBe("November 2026");
  });
});
