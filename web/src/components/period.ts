/** Periods of logs and reports (本日, 昨日, 今月, 先月 ...), cut in the operator's time zone. */

export const PERIODS = [
  "today",
  "yesterday",
  "last_7d",
  "last_week",
  "last_30d",
  "this_month",
  "last_month",
  "this_year",
  "all",
] as const;
export type Period = (typeof PERIODS)[number];

interface Day {
  y: number;
  m: number;
  d: number;
}

function dayOf(ms: number, timeZone: string): Day {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  }).format(ms);
  const [y = 1970, m = 1, d = 1] = parts.split("-").map(Number);
  return { y, m, d };
}

/** How far the zone is ahead of UTC at that moment, in milliseconds. */
export function offsetAt(ms: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(ms);
  const n = (type: string) => Number(parts.find((p) => p.type === type)?.value);
  return (
    Date.UTC(n("year"), n("month") - 1, n("day"), n("hour"), n("minute"), n("second")) - Math.floor(ms / 1000) * 1000
  );
}

/** Unix milliseconds at which a calendar day begins in the zone; days and months outside their range roll over. */
export function startOfDay({ y, m, d }: Day, timeZone: string): number {
  const utc = Date.UTC(y, m - 1, d);
  const first = utc - offsetAt(utc, timeZone);
  return utc - offsetAt(first, timeZone);
}

/** First millisecond and the one after the last; `null` where the period is open. */
export function periodRange(
  period: Period,
  nowMs: number,
  timeZone: string,
): { from: number | null; to: number | null } {
  const day = dayOf(nowMs, timeZone);
  const at = (offset: Partial<Day>) => startOfDay({ y: day.y, m: offset.m ?? day.m, d: offset.d ?? day.d }, timeZone);
  switch (period) {
    case "today":
      return { from: at({}), to: null };
    case "yesterday":
      return { from: at({ d: day.d - 1 }), to: at({}) };
    case "last_7d":
      return { from: at({ d: day.d - 6 }), to: null };
    case "last_week": {
      // From Monday to Sunday.
      const monday = day.d - ((new Date(Date.UTC(day.y, day.m - 1, day.d)).getUTCDay() + 6) % 7);
      return { from: at({ d: monday - 7 }), to: at({ d: monday }) };
    }
    case "last_30d":
      return { from: at({ d: day.d - 29 }), to: null };
    case "this_year":
      return { from: at({ m: 1, d: 1 }), to: null };
    case "this_month":
      return { from: at({ d: 1 }), to: null };
    case "last_month":
      return { from: at({ m: day.m - 1, d: 1 }), to: at({ d: 1 }) };
    case "all":
      return { from: null, to: null };
  }
}

/** `2026-11-21` to the start of that day in the zone; `null` when it is no date. */
export function parseDay(text: string, timeZone: string, plusDays = 0): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return null;
  const [, y, m, d] = match.map(Number) as [number, number, number, number];
  return startOfDay({ y, m, d: d + plusDays }, timeZone);
}

/** The calendar day of a moment, as a date field holds it. */
export function dayText(ms: number, timeZone: string): string {
  const { y, m, d } = dayOf(ms, timeZone);
  return `${y}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`;
}
