import { describe, expect, it } from "vitest";
import { weekOf } from "./heat";

describe("hours of the week", () => {
  it("are those of the zone, Monday first", () => {
    // Sunday 2026-11-29 15:30 UTC is Monday half past midnight in Tokyo.
    const at_ms = Date.UTC(2026, 10, 29, 15, 30);
    const rows = [
      { at_ms, clicks: 2, conversions: 1 },
      { at_ms: at_ms + 7 * 86_400_000, clicks: 3, conversions: 0 },
      { at_ms: null, clicks: 9, conversions: 9 },
    ];
    const week = weekOf(rows, "Asia/Tokyo");
    expect(week[0]?.[0]).toEqual({ clicks: 5, conversions: 1 });
    expect(weekOf(rows, "UTC")[6]?.[15]).toEqual({ clicks: 5, conversions: 1 });
    expect(week.flat().reduce((n, c) => n + c.clicks, 0)).toBe(5);
  });
});
