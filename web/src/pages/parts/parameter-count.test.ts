import { describe, expect, it } from "vitest";
import { countParameters } from "./parameter-count";

const click = (
  para1: string,
  parameters: [string, string][] = [],
  notes: { code: "unfilled"; field: string; value: string }[] = [],
) => ({
  para: [para1, "", "", "", ""],
  parameters,
  notes,
});

describe("the parameters of a link", () => {
  it("are counted as filled, empty and unfilled, most trouble first", () => {
    const counts = countParameters(
      [
        click("abc", [["gclid", "x"]]),
        click("", [], [{ code: "unfilled", field: "param1", value: "{clickid}" }]),
        click("", [["gclid", ""]]),
      ],
      [
        { name: "param1", para: 1 },
        { name: "sub", para: null },
      ],
    );
    expect(counts.map((c) => [c.name, c.filled, c.empty, c.unfilled])).toEqual([
      ["param1", 1, 1, 1],
      ["sub", 0, 3, 0],
      ["gclid", 1, 1, 0],
    ]);
    expect(counts[0]?.sample).toBe("{clickid}");
  });

  it("that nobody expects are told only when they come; without a partner it is param1", () => {
    expect(countParameters([click("a")], []).map((c) => c.name)).toEqual(["param1"]);
    expect(countParameters([], [])).toEqual([]);
  });
});
