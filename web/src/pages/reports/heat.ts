/** Hours of the week: how rows by the hour are added up into seven days of 24 hours. Pure. */

export interface HourRow {
  at_ms: number | null;
  clicks: number;
  conversions: number;
}

export interface Cell {
  clicks: number;
  conversions: number;
}

/** `[day][hour]`, Monday first, in the zone. */
export function weekOf(rows: readonly HourRow[], timeZone: string): Cell[][] {
  const week = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => ({ clicks: 0, conversions: 0 })));
  const parts = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", hourCycle: "h23" });
  const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  for (const row of rows) {
    if (row.at_ms === null) continue;
    const found = parts.formatToParts(row.at_ms);
    const part = (type: string) => found.find((p) => p.type === type)?.value ?? "";
    const cell = week[days.indexOf(part("weekday"))]?.[Number(part("hour"))];
    if (!cell) continue;
    cell.clicks += row.clicks;
    cell.conversions += row.conversions;
  }
  return week;
}
