import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type MessageFormatElement, parse, TYPE } from "@formatjs/icu-messageformat-parser";
import { describe, expect, it } from "vitest";
import en from "../../i18n/en.json";
import ja from "../../i18n/ja.json";

/** Names of the arguments of a message, those inside plural branches included. */
function argumentsOf(elements: readonly MessageFormatElement[]): string[] {
  const names = new Set<string>();
  for (const e of elements) {
    if (e.type === TYPE.literal || e.type === TYPE.pound) continue;
    if (e.type !== TYPE.tag) names.add(e.value);
    if (e.type === TYPE.plural || e.type === TYPE.select)
      for (const o of Object.values(e.options)) for (const n of argumentsOf(o.value)) names.add(n);
    if (e.type === TYPE.tag) for (const n of argumentsOf(e.children)) names.add(n);
  }
  return [...names].sort();
}

const ofText = (text: string) => argumentsOf(parse(text, { ignoreTag: true }));

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.includes(".test.") ? [readFileSync(path, "utf8")] : [];
  });
}

/** Sources of a room of the server, without their tests. */
function rustSources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return rustSources(path);
    if (!entry.name.endsWith(".rs") || entry.name.includes("test")) return [];
    return [readFileSync(path, "utf8").split("#[cfg(test)]")[0] ?? ""];
  });
}

describe("the two catalogues", () => {
  it("have the same keys", () => {
    expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
  });

  it("take the same arguments", () => {
    for (const [key, text] of Object.entries(en)) {
      expect(ofText(ja[key as keyof typeof ja]), key).toEqual(ofText(text));
    }
  });

  it("have no empty message and no Japanese text in English", () => {
    for (const [key, text] of Object.entries(en)) {
      expect(text.trim(), key).not.toBe("");
      // The three status fields give the Japanese word too, which partners' documents use.
      if (!key.startsWith("partner.url_"))
        expect(/[\u3040-\u30ff\u4e00-\u9fff]/.test(text.replaceAll(/アフィb|フェルマ/g, "")), `${key}: ${text}`).toBe(
          false,
        );
    }
    for (const [key, text] of Object.entries(ja)) expect(text.trim(), key).not.toBe("");
  });

  it("have a sentence for every code that the API answers with", () => {
    const codes = new Set<string>();
    for (const room of ["admin", "http", "reports"])
      for (const source of rustSources(join(import.meta.dirname, "../../../src", room))) {
        // `invalid(field, "code", …)` and its like, `code: "code"`, and the table of statuses.
        for (const [, code] of source.matchAll(
          /\b(?:invalid|refused|wrong)\w*\(\s*(?:&?format!\((?:[^()]|\([^()]*\))*\)|[\w."[\]{}&()]+)\s*,\s*"([a-z_]+)"\s*,/g,
        ))
          codes.add(code ?? "");
        for (const [, a, b] of source.matchAll(/\bcode: "([a-z_]+)"|\(S::\w+, "([a-z_]+)"\)/g)) codes.add(a ?? b ?? "");
        const named = /fn code\(&self\)[^{]*\{(.*?)\n {4}\}\n/s.exec(source)?.[1] ?? "";
        for (const [, code] of named.matchAll(/=> "([a-z_]+)"/g)) codes.add(code ?? "");
      }
    expect(codes.size).toBeGreaterThan(60);
    // What a mail server says of a statement.
    const isTold = (code: string) => code === "sent" || `error.${code}` in en;
    expect([...codes].filter((code) => code && !isTold(code))).toEqual([]);
  });

  it("hold nothing that no screen uses", () => {
    const all = sources(join(import.meta.dirname, "..")).join("\n");
    // Keys made of a prefix and a code: the prefix is in a template literal.
    const prefixes = [...all.matchAll(/`((?:[a-z_]+\.)+(?:[a-z_]+)?)\${/g)].map((m) => m[1] ?? "");
    // Codes of one kind, by the hook that reads them.
    for (const [, prefix] of all.matchAll(/useCodeText\("([a-z_]+)"\)/g)) prefixes.push(`${prefix}.`);
    // The public page of a proof link and the file of a statement are written by the server; errors have a hook.
    const codes = ["proof_page.", "statement_kind.", "error."];
    const unused = Object.keys(en).filter(
      (key) => !all.includes(`"${key}"`) && ![...prefixes, ...codes].some((p) => key.startsWith(p)),
    );
    expect(unused).toEqual([]);
  });

  it("has no text written into a screen", () => {
    for (const source of sources(join(import.meta.dirname, "../pages"))) {
      const texts = [...source.matchAll(/>\s*([A-Za-z][a-z]+(?: [A-Za-z]+)+)\s*</g)].map((m) => m[1]);
      expect(texts).toEqual([]);
    }
  });
});
