import { describe, expect, it } from "vitest";
import { systemName, trackerName } from "./names";

describe("names", () => {
  it("of links leave out the levels that are unknown", () => {
    expect(trackerName("Media::Autumn::unknown::banner2")).toBe("Media › Autumn › banner2");
    expect(trackerName("Media::unknown::unknown::unknown")).toBe("Media");
    expect(trackerName("unknown")).toBe("");
    expect(trackerName("")).toBe("");
  });
  it("of systems are those that people know", () => {
    expect(systemName("windows", "NT 10.0")).toBe("Windows 10/11");
    expect(systemName("ios", "17.4")).toBe("iOS 17.4");
    expect(systemName("tizen")).toBe("tizen");
  });
});
