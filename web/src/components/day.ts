/** Days and times of the clock as people type them, whatever the browser's language is. */

/** `2026-11-21` for what means that day: `2026/11/21`, `20261121`, `2026年11月21日`, full-width too; `null` when it is no day. */
export function readDay(text: string): string | null {
  const plain = text.normalize("NFKC").trim();
  const found =
    /^(\d{4})(\d{2})(\d{2})$/.exec(plain) ?? /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?$/.exec(plain);
  if (!found) return null;
  const [y, m, d] = found.slice(1).map(Number) as [number, number, number];
  const day = new Date(Date.UTC(y, m - 1, d));
  return day.getUTCMonth() === m - 1 && day.getUTCDate() === d ? day.toISOString().slice(0, 10) : null;
}

/** `09:30` for `9:30`, `0930`, `9時30分`; `null` when it is no time of the clock. */
export function readClock(text: string): string | null {
  const plain = text.normalize("NFKC").trim();
  const found = /^(\d{1,2})\s*[:時]\s*(\d{2})\s*分?$/.exec(plain) ?? /^(\d{2})(\d{2})$/.exec(plain);
  if (!found || Number(found[1]) > 23 || Number(found[2]) > 59) return null;
  return `${(found[1] ?? "").padStart(2, "0")}:${found[2]}`;
}
