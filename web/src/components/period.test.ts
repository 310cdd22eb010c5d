import { describe, expect, it } from "vitest";
import { dayText, parseDay, periodRange, startOfDay } from "./period";

const TOKYO = "Asia/Tokyo";
const BERLIN = "Europe/Berlin";

describe("periods", () => {
  const now = Date.UTC(2026, 10, 30, 16); // 2026-12-01 01:00 in Tokyo

  it("are cut in the operator's zone", () => {
    expect(periodRange("today", now, TOKYO)).toEqual({ from: Date.UTC(2026, 10, 30, 15), to: null });
    expect(periodRange("yesterday", now, TOKYO)).toEqual({
      from: Date.UTC(2026, 10, 29, 15),
      to: Date.UTC(2026, 10, 30, 15),
    });
    expect(periodRange("this_month", now, TOKYO).from).toBe(Date.UTC(2026, 10, 30, 15));
    expect(periodRange("last_month", now, TOKYO)).toEqual({
      from: Date.UTC(2026, 9, 31, 15),
      to: Date.UTC(2026, 10, 30, 15),
    });
    expect(periodRange("all", now, TOKYO)).toEqual({ from: null, to: null });
  });

  it("know days of 23 and 25 hours", () => {
    const spring = startOfDay({ y: 2026, m: 3, d: 29 }, BERLIN);
    expect(startOfDay({ y: 2026, m: 3, d: 30 }, BERLIN) - spring).toBe(23 * 3_600_000);
    const autumn = startOfDay({ y: 2026, m: 10, d: 25 }, BERLIN);
    expect(startOfDay({ y: 2026, m: 10, d: 26 }, BERLIN) - autumn).toBe(25 * 3_600_000);
  });

  it("read and write days", () => {
    expect(parseDay("2026-12-01", TOKYO)).toBe(Date.UTC(2026, 10, 30, 15));
    expect(parseDay("2026-12-31", TOKYO, 1)).toBe(Date.UTC(2026, 11, 31, 15));
    expect(parseDay("tomorrow", TOKYO)).toBeNull();
    expect(dayText(now, TOKYO)).toBe("2026-12-01");
  });
});
