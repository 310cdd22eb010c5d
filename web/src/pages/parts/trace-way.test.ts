import { describe, expect, it } from "vitest";
import { stations } from "./trace-way";

const step = (code: string, is_ok = true) => ({ code, is_ok, message: "" });
const states = (codes: [string, boolean][], hasClick = true) =>
  stations(
    codes.map(([code, ok]) => step(code, ok)),
    hasClick,
  )
    .map((s) => s.state)
    .join(" ");

describe("the way", () => {
  it("is done when nothing stopped it", () => {
    expect(
      states([
        ["click", true],
        ["delivered", true],
      ]),
    ).toBe("done done done done done");
  });
  it("is open where it still waits, and idle behind it", () => {
    expect(
      states([
        ["click", true],
        ["no_conversion", false],
      ]),
    ).toBe("done open idle idle idle");
    expect(
      states([
        ["click", true],
        ["waiting", false],
      ]),
    ).toBe("done done done done open");
  });
  it("is stopped where it ended", () => {
    expect(
      states([
        ["click", true],
        ["refused", false],
      ]),
    ).toBe("done stopped idle idle idle");
    expect(states([["condition_false", false]], false)).toBe("idle done stopped idle idle");
    expect(states([["failed", false]])).toBe("done done done done stopped");
  });
});
