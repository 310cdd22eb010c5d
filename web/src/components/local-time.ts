/** Moments as fields of date and time hold them, in the operator's time zone. */
import { dayText, offsetAt } from "./period";

/** `2026-11-21T09:30` in the zone. */
export function localTime(ms: number, timeZone: string): string {
  const local = new Date(ms + offsetAt(ms, timeZone));
  return `${dayText(ms, timeZone)}T${local.toISOString().slice(11, 16)}`;
}

/** The moment that such a text means in the zone, unix milliseconds; 0 when it is none. */
export function timeOf(text: string, timeZone: string): number {
  const utc = text ? Date.parse(`${text}:00Z`) : Number.NaN;
  if (Number.isNaN(utc)) return 0;
  const first = utc - offsetAt(utc, timeZone);
  return utc - offsetAt(first, timeZone);
}
