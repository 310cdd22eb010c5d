import { describe, expect, it } from "vitest";
import { cleanQuery, joinQuery } from "./url-join";

describe("parameters appended to a foreign URL", () => {
  it("are joined with what the URL needs, before its fragment", () => {
    for (const [url, expected] of [
      ["https://a.example/c", "https://a.example/c?p=1"],
      ["https://a.example/c?", "https://a.example/c?p=1"],
      ["https://a.example/c?x=1", "https://a.example/c?x=1&p=1"],
      ["https://a.example/c?x=1&", "https://a.example/c?x=1&p=1"],
      ["https://a.example/lp#top", "https://a.example/lp?p=1#top"],
      ["https://a.example/lp?x=1#/route", "https://a.example/lp?x=1&p=1#/route"],
      ["https://a.example/c?s=##sid##", "https://a.example/c?s=##sid##&p=1"],
      ["  https://a.example/c ", "https://a.example/c?p=1"],
    ])
      expect(joinQuery(url ?? "", "?p=1&").url).toBe(expected);
  });

  it("leave macros as they are and tell names that are there already", () => {
    const joined = joinQuery("https://a.example/c?a8={a8}&id=[ID]", "id={{x}}&n=%%y%%");
    expect(joined.url).toBe("https://a.example/c?a8={a8}&id=[ID]&id={{x}}&n=%%y%%");
    expect(joined.repeated).toEqual(["id"]);
    expect(joinQuery("https://a.example", "").url).toBe("https://a.example");
    expect(cleanQuery(" ?a=1& ")).toBe("a=1");
  });
});
