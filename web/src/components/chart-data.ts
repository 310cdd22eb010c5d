/** Buckets of time for charts: every one of a period, also those in which nothing happened. Pure. */
import { dayText, startOfDay } from "./period";

export type TimeGroup = "hour" | "day" | "month";

const HOUR = 3_600_000;
/** A chart of more buckets than this cannot be read. */
const MOST = 5_000;

/** Beginnings of the buckets from `fromMs` on, before `toMs`; `fromMs` is the beginning of the first. */
export function bucketsOf(group: TimeGroup, fromMs: number, toMs: number, timeZone: string): number[] {
  const [y = 1970, m = 1, d = 1] = dayText(fromMs, timeZone).split("-").map(Number);
  const at = (n: number) =>
    group === "hour"
      ? fromMs + n * HOUR
      : startOfDay(group === "day" ? { y, m, d: d + n } : { y, m: m + n, d: 1 }, timeZone);
  const buckets: number[] = [];
  for (let n = 0; n < MOST; n += 1) {
    const begin = n === 0 ? fromMs : at(n);
    if (begin >= toMs) break;
    buckets.push(begin);
  }
  return buckets;
}

/** Where the period before begins, so that it has as many whole buckets, the last of which ends at `fromMs`. */
export function beginBefore(group: TimeGroup, fromMs: number, toMs: number, timeZone: string): number {
  const count = bucketsOf(group, fromMs, toMs, timeZone).length;
  if (group === "hour") return fromMs - count * HOUR;
  const [y = 1970, m = 1, d = 1] = dayText(fromMs, timeZone).split("-").map(Number);
  return startOfDay(group === "day" ? { y, m, d: d - count } : { y, m: m - count, d: 1 }, timeZone);
}

/**
 * Values up to the last bucket that is over, and the stretch from there to the one that still runs: drawn as one line,
 * a bucket that has only begun would look like a fall.
 */
export function splitRunning(values: readonly (number | null)[], running: number) {
  if (running < 1 || running >= values.length) return { over: [...values], running: null };
  return {
    over: values.map((v, i) => (i < running ? v : null)),
    running: values.map((v, i) => (i === running || i === running - 1 ? v : null)),
  };
}

interface Line {
  label: string;
  color: string;
  values: readonly (number | null)[];
  isDashed?: boolean;
}

/** What the lines of a chart say of one bucket: the stretch that still runs under the name of its line. */
export function readAt(series: readonly Line[], index: number): { label: string; color: string; value: number }[] {
  const found = new Map<string, { label: string; color: string; value: number | null }>();
  for (const line of series) {
    const key = `${line.color}${line.isDashed ?? false}`;
    const before = found.get(key);
    const value = before?.value ?? line.values[index] ?? null;
    found.set(key, { label: before?.label || line.label, color: line.color, value });
  }
  return [...found.values()].flatMap(({ label, color, value }) => (value === null ? [] : [{ label, color, value }]));
}
