import { describe, expect, it } from "vitest";
import { beginBefore, bucketsOf, readAt, splitRunning } from "./chart-data";

const at = (text: string) => Date.parse(`${text}+09:00`);

describe("buckets of a chart", () => {
  it("are there for hours and days in which nothing happened", () => {
    const hours = bucketsOf("hour", at("2026-11-21T00:00"), at("2026-11-21T05:30"), "Asia/Tokyo");
    expect(hours).toHaveLength(6);
    expect(hours.at(-1)).toBe(at("2026-11-21T05:00"));
    const days = bucketsOf("day", at("2026-11-28T00:00"), at("2026-12-02T10:00"), "Asia/Tokyo");
    expect(days).toEqual(
      ["2026-11-28", "2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"].map((d) => at(`${d}T00:00`)),
    );
  });

  it("of months begin with the first day", () => {
    const months = bucketsOf("month", at("2026-11-01T00:00"), at("2027-01-15T00:00"), "Asia/Tokyo");
    expect(months).toEqual(["2026-11-01", "2026-12-01", "2027-01-01"].map((d) => at(`${d}T00:00`)));
  });
});

describe("a bucket that still runs", () => {
  it("is a stretch of its own", () => {
    expect(splitRunning([5, 7, 1, null], 2)).toEqual({ over: [5, 7, null, null], running: [null, 7, 1, null] });
  });
  it("is none in a period that is over", () => {
    expect(splitRunning([5, 7], 2)).toEqual({ over: [5, 7], running: null });
    expect(splitRunning([5], 0)).toEqual({ over: [5], running: null });
  });
});

describe("the values of a bucket", () => {
  it("are those of each line, the running stretch under its line's name", () => {
    const series = [
      { label: "Clicks", color: "a", values: [1, 2, null] },
      { label: "running", color: "a", values: [null, 2, 3] },
      { label: "Before", color: "a", isDashed: true, values: [9, null, null] },
    ];
    expect(readAt(series, 0).map((v) => [v.label, v.value])).toEqual([
      ["Clicks", 1],
      ["Before", 9],
    ]);
    expect(readAt(series, 2).map((v) => [v.label, v.value])).toEqual([["Clicks", 3]]);
  });
});

describe("the period before", () => {
  it("has as many whole buckets", () => {
    const from = Date.UTC(2026, 10, 24);
    const now = Date.UTC(2026, 10, 30, 4, 12);
    expect(beginBefore("day", from, now, "UTC")).toBe(Date.UTC(2026, 10, 17));
    expect(beginBefore("hour", from, from + 90 * 60_000, "UTC")).toBe(from - 2 * 3_600_000);
    expect(beginBefore("month", Date.UTC(2026, 0, 1), Date.UTC(2026, 1, 3), "UTC")).toBe(Date.UTC(2025, 10, 1));
  });
});
