import { IntlMessageFormat } from "intl-messageformat";
import { expect, it } from "vitest";
import en from "../../i18n/en.json";
import ja from "../../i18n/ja.json";
import { compile } from "./message";

it("writes every message as the reference implementation does", () => {
  for (const [language, catalogue] of [
    ["en", en],
    ["ja", ja],
  ] as const) {
    for (const [key, text] of Object.entries(catalogue)) {
      for (const n of [0, 1, 2, 11]) {
        const values = Object.fromEntries([...text.matchAll(/\{\s*(\w+)/g)].map(([, name]) => [name ?? "", n]));
        const theirs = new IntlMessageFormat(text, language, undefined, { ignoreTag: true }).format(values);
        expect(compile(text, language)(values), `${language} ${key}`).toBe(String(theirs));
      }
    }
  }
});

it("writes numbers as the language does, wherever they stand", () => {
  expect(compile("{count}件", "ja")({ count: 10_000 })).toBe("10,000件");
  expect(compile("{count, plural, one {# row} other {# rows}}", "en")({ count: 1234 })).toBe("1,234 rows");
  expect(compile("{id}", "en")({ id: "10000" })).toBe("10000");
  expect(compile("It's '{sid}' and ''{what}''", "en")({ what: "x" })).toBe("It's {sid} and 'x'");
});
