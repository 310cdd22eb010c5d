import { expect, test } from "vitest";
import { standing } from "./stop-state";

test("a stop counts from its beginning to its end, and what was paused before stays paused", () => {
  expect(standing("active", null, 5)).toBe("active");
  expect(standing("active", { from_ms: 5, until_ms: null }, 5)).toBe("stopped");
  expect(standing("active", { from_ms: 6, until_ms: null }, 5)).toBe("planned");
  expect(standing("active", { from_ms: 1, until_ms: 5 }, 5)).toBe("active");
  expect(standing("paused", { from_ms: 6, until_ms: null }, 5)).toBe("stopped");
  expect(standing(undefined, undefined, 5)).toBe("active");
});
