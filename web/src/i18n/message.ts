/**
 * Messages of the catalogues: the part of the ICU syntax that they use, `{name}`, `{name, number}`,
 * `{name, plural, =0 {…} one {# …} other {…}}`, and quotes as `'{'`. Numbers are written as the language does.
 */
import type { Language } from "./language";

type Part = string | { name: string } | { name: string; cases: Record<string, Part[]> } | typeof POUND;

const POUND = Symbol("#");

export type Values = Record<string, string | number | boolean | Date | null | undefined>;

/** Reads from `at` to the end, or to the brace that ends a case of a plural. */
function read(text: string, at: number, isCase: boolean): [Part[], number] {
  const parts: Part[] = [];
  let literal = "";
  const push = (part: Part) => {
    if (literal) parts.push(literal);
    literal = "";
    parts.push(part);
  };
  let i = at;
  while (i < text.length) {
    const c = text[i] ?? "";
    const next = text[i + 1] ?? "";
    if (c === "'" && next === "'") {
      literal += "'";
      i += 2;
    } else if (c === "'" && (next === "{" || next === "}" || (isCase && next === "#"))) {
      const end = text.indexOf("'", i + 1);
      literal += text.slice(i + 1, end < 0 ? undefined : end);
      i = end < 0 ? text.length : end + 1;
    } else if (c === "{") {
      const [part, after] = argument(text, i + 1);
      push(part);
      i = after;
    } else if (c === "}" && isCase) break;
    else if (c === "#" && isCase) {
      push(POUND);
      i += 1;
    } else {
      literal += c;
      i += 1;
    }
  }
  if (literal) parts.push(literal);
  return [parts, i];
}

/** What stands in braces, from behind the first to behind the last. */
function argument(text: string, at: number): [Part, number] {
  const head = /\s*(\w+)\s*(?:,\s*(\w+)\s*)?([,}])/y;
  head.lastIndex = at;
  const found = head.exec(text);
  if (!found) throw new Error(`not a message: ${text}`);
  const name = found[1] ?? "";
  if (found[3] === "}") return [{ name }, head.lastIndex];
  const cases: Record<string, Part[]> = {};
  const key = /\s*(?:(=?\w+)\s*\{|\})/y;
  let i = head.lastIndex;
  for (;;) {
    key.lastIndex = i;
    const one = key.exec(text);
    if (!one) throw new Error(`not a message: ${text}`);
    if (one[1] === undefined) return [{ name, cases }, key.lastIndex];
    const [parts, end] = read(text, key.lastIndex, true);
    cases[one[1]] = parts;
    i = end + 1;
  }
}

const written = (value: Values[string], number: Intl.NumberFormat): string =>
  typeof value === "number" ? number.format(value) : value === null || value === undefined ? "" : String(value);

function write(parts: Part[], values: Values, rules: Intl.PluralRules, number: Intl.NumberFormat, count = 0): string {
  return parts
    .map((part) => {
      if (typeof part === "string") return part;
      if (typeof part === "symbol") return number.format(count);
      const value = values[part.name];
      if (!("cases" in part)) return written(value, number);
      const n = Number(value);
      const chosen = part.cases[`=${n}`] ?? part.cases[rules.select(n)] ?? part.cases.other ?? [];
      return write(chosen, values, rules, number, n);
    })
    .join("");
}

/** A message made ready: gives the sentence for values. */
export function compile(text: string, language: Language): (values?: Values) => string {
  const [parts] = read(text, 0, false);
  const rules = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language === "ja" ? "ja-JP" : "en-GB");
  return (values = {}) => write(parts, values, rules, number);
}
