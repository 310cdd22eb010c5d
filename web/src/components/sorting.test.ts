import { describe, expect, it } from "vitest";
import { moneyKey, sorted } from "./sorting";

describe("the order of a table", () => {
  it("puts rows without a value last in either direction", () => {
    const rows = [{ n: 2 }, { n: null }, { n: 10 }];
    expect(sorted(rows, (r) => r.n, false).map((r) => r.n)).toEqual([2, 10, null]);
    expect(sorted(rows, (r) => r.n, true).map((r) => r.n)).toEqual([10, 2, null]);
  });

  it("reads numbers in text by their value, and keeps equal rows as they came", () => {
    const rows = ["媒体10", "媒体2", "Adnet"].map((name, i) => ({ name, i }));
    expect(sorted(rows, (r) => r.name, false).map((r) => r.name)).toEqual(["Adnet", "媒体2", "媒体10"]);
    expect(sorted(rows, () => 1, true).map((r) => r.i)).toEqual([0, 1, 2]);
  });

  it("takes the first currency of a sum", () => {
    expect(moneyKey([{ amount: "1200.50", currency: "JPY" }])).toBe(1200.5);
    expect(moneyKey([])).toBe(null);
    expect(moneyKey(null)).toBe(null);
  });
});
