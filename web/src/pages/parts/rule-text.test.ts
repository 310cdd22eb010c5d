import { describe, expect, it } from "vitest";
import type { Finding, Placeholder } from "../../api/types";
import { replaced } from "./findings";
import { fillBlanks } from "./partner-fields";
import { matching, openPlaceholder } from "./rule-text";

const at = (text: string) => openPlaceholder(text, text.length);

describe("completion", () => {
  it("opens after a brace and after two hashes", () => {
    expect(at("https://p.example/?id={pa")).toEqual({ start: 23, typed: "pa", style: "brace" });
    expect(at("https://p.example/?id=##PA")).toEqual({ start: 24, typed: "PA", style: "hash" });
    expect(at("{gps_adid||id")).toEqual({ start: 11, typed: "id", style: "brace" });
  });

  it("stays closed elsewhere", () => {
    expect(at("https://p.example/?id={para1}")).toBeNull();
    expect(at("https://p.example/?id=##PARA1##")).toBeNull();
    expect(at("https://p.example/#frag")).toBeNull();
    expect(at("##PARA1##x##AM")).toEqual({ start: 12, typed: "AM", style: "hash" });
  });

  it("offers names that begin with it first", () => {
    const all = ["amount", "campaign_name", "name"].map((name) => ({ name }) as Placeholder);
    expect(matching(all, "NAM").map((p) => p.name)).toEqual(["name", "campaign_name"]);
  });
});

describe("texts", () => {
  it("fills the blanks that have a word", () => {
    expect(fillBlanks("https://<HOST>/a?id=<AD_ID>", { HOST: " asp.example " })).toBe(
      "https://asp.example/a?id=<AD_ID>",
    );
  });

  it("puts a replacement at the place of the finding", () => {
    const finding = { start_utf16: 2, end_utf16: 5, replacement: "X" } as Finding;
    expect(replaced("😀abcd", finding)).toBe("😀Xd");
  });
});
