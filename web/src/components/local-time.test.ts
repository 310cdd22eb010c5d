import { expect, test } from "vitest";
import { localTime, timeOf } from "./local-time";

test("a moment is written and read in the zone, also around a change of the clocks", () => {
  const at = Date.UTC(2026, 10, 30, 15, 30);
  expect(localTime(at, "Asia/Tokyo")).toBe("2026-12-01T00:30");
  expect(timeOf("2026-12-01T00:30", "Asia/Tokyo")).toBe(at);
  expect(timeOf("2026-03-29T01:30", "Europe/Berlin")).toBe(Date.UTC(2026, 2, 29, 0, 30));
  expect(timeOf("2026-03-29T03:30", "Europe/Berlin")).toBe(Date.UTC(2026, 2, 29, 1, 30));
  expect(timeOf("", "UTC")).toBe(0);
});
