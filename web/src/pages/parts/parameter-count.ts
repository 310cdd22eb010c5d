/** How the parameters of a link arrive: filled, empty, or as macros that nobody replaced. Pure. */
import type { Oddity } from "../../api/types";

interface Click {
  para: readonly string[];
  parameters: readonly (readonly [string, string])[];
  notes: readonly Pick<Oddity, "code" | "field" | "value">[];
}

export interface ParameterCount {
  name: string;
  filled: number;
  empty: number;
  unfilled: number;
  /** A macro as it arrived, else a value. */
  sample: string;
}

/**
 * Every parameter that the partner is expected to send, and every other that came; the ones with most trouble first.
 * One that did not come at all counts as empty where it is expected.
 */
export function countParameters(
  clicks: readonly Click[],
  expected: readonly { name: string; para: number | null }[],
): ParameterCount[] {
  const known = expected.length ? expected : [{ name: "param1", para: 1 }];
  const counts = new Map<string, ParameterCount>();
  const countOf = (name: string) => {
    const count = counts.get(name) ?? { name, filled: 0, empty: 0, unfilled: 0, sample: "" };
    counts.set(name, count);
    return count;
  };
  for (const click of clicks) {
    const came = new Map(click.parameters);
    for (const { name, para } of known) if (para) came.set(name, click.para[para - 1] ?? "");
    click.para.forEach((value, i) => {
      if (value && !known.some((k) => k.para === i + 1)) came.set(`param${i + 1}`, value);
    });
    for (const { name } of known) if (!came.has(name)) came.set(name, "");
    const odd = new Map(click.notes.filter((n) => n.code === "unfilled").map((n) => [n.field, n.value]));
    for (const name of new Set([...came.keys(), ...odd.keys()])) {
      if (!name) continue;
      const count = countOf(name);
      const macro = odd.get(name);
      const value = came.get(name) ?? "";
      if (macro !== undefined) {
        count.unfilled += 1;
        count.sample = macro || count.sample;
      } else if (value) {
        count.filled += 1;
        if (count.unfilled === 0) count.sample = value;
      } else count.empty += 1;
    }
  }
  const trouble = (c: ParameterCount) => c.unfilled * 2 + c.empty;
  return [...counts.values()].sort((a, b) => trouble(b) - trouble(a) || a.name.localeCompare(b.name));
}
