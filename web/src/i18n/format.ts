/** Dates, numbers and money by locale and the operator's time zone. Amounts stay decimal text: no floats. */
import type { Language } from "./language";

export interface Money {
  amount: string;
  currency: string;
}

export interface Formats {
  timeZone: string;
  number: (value: number) => string;
  percent: (value: number, digits?: number) => string;
  money: (value: Money) => string;
  date: (ms: number) => string;
  /** A day of the calendar, as the server writes it (2026-11-21). */
  calendarDay: (day: string) => string;
  /** A month of the calendar, as the server writes it (2026-11). */
  calendarMonth: (month: string) => string;
  /** Month and day, for axes. */
  shortDate: (ms: number) => string;
  dateTime: (ms: number) => string;
  time: (ms: number) => string;
  /** With zone and UTC, for hovering. */
  full: (ms: number) => string;
  relative: (ms: number, nowMs: number) => string;
  duration: (ms: number) => string;
  bytes: (count: number) => string;
}

const DECIMALS: Record<string, number> = { JPY: 0, KRW: 0, VND: 0, CLP: 0, ISK: 0, KWD: 3, BHD: 3 };

export function makeFormats(language: Language, timeZone: string): Formats {
  const locale = language === "ja" ? "ja-JP" : "en-GB";
  const number = new Intl.NumberFormat(locale);
  const day = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  // English dates as 2026-11-21: the one order that nobody reads wrongly.
  const dates = language === "ja" ? "ja-JP" : "en-CA";
  const date = new Intl.DateTimeFormat(dates, { ...day, timeZone });
  const short = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", timeZone });
  const months = new Intl.DateTimeFormat(locale, { year: "numeric", month: "long", timeZone: "UTC" });
  const time = new Intl.DateTimeFormat(locale, { ...clock, timeZone });
  const dateTime = new Intl.DateTimeFormat(dates, { ...day, ...clock, timeZone });
  const full = new Intl.DateTimeFormat(dates, { ...day, ...clock, timeZone, timeZoneName: "short" });
  const utc = new Intl.DateTimeFormat(dates, { ...day, ...clock, timeZone: "UTC" });
  const inWords = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  // Japanese writes no space between a number and its unit.
  const tight = (text: string) => (language === "ja" ? text.replaceAll(/(?<=\d) (?=[^\d\s])/g, "") : text);
  const relative = {
    format: (value: number, unit: Intl.RelativeTimeFormatUnit) => tight(inWords.format(value, unit)),
  };
  const money = new Map<string, Intl.NumberFormat>();
  const unit = (name: string, value: number, digits = 0) =>
    tight(
      new Intl.NumberFormat(locale, {
        style: "unit",
        unit: name,
        unitDisplay: "short",
        maximumFractionDigits: digits,
      }).format(value),
    );

  return {
    timeZone,
    number: (value) => number.format(value),
    percent: (value, digits = 1) =>
      new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format(value),
    money: ({ amount, currency }) => {
      let formatter = money.get(currency);
      if (!formatter) {
        formatter = new Intl.NumberFormat(locale, {
          style: "currency",
          currency,
          currencyDisplay: "narrowSymbol",
          ...(DECIMALS[currency] === 0 ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : {}),
        });
        money.set(currency, formatter);
      }
      // Text is formatted exactly; a number would pass through a float.
      return formatter.format(amount as unknown as number);
    },
    date: (ms) => date.format(ms),
    calendarDay: (day) => (language === "ja" ? day.replaceAll("-", "/") : day),
    calendarMonth: (month) => (/^\d{4}-\d{2}$/.test(month) ? months.format(new Date(`${month}-01T00:00:00Z`)) : month),
    shortDate: (ms) => short.format(ms),
    dateTime: (ms) => dateTime.format(ms),
    time: (ms) => time.format(ms),
    full: (ms) => `${full.format(ms)} (UTC ${utc.format(ms)})`,
    relative: (ms, nowMs) => {
      const s = Math.round((ms - nowMs) / 1000);
      const a = Math.abs(s);
      if (a < 60) return relative.format(s, "second");
      if (a < 3600) return relative.format(Math.round(s / 60), "minute");
      if (a < 86_400) return relative.format(Math.round(s / 3600), "hour");
      return relative.format(Math.round(s / 86_400), "day");
    },
    duration: (ms) => {
      if (ms < 1) return `< ${unit("millisecond", 1)}`;
      if (ms < 1000) return unit("millisecond", ms);
      const s = ms / 1000;
      if (s < 60) return unit("second", s, 1);
      if (s < 3600) return unit("minute", s / 60);
      if (s < 172_800) return unit("hour", s / 3600, 1);
      return unit("day", s / 86_400);
    },
    bytes: (count) => {
      const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
      let i = 0;
      let n = count;
      while (n >= 1024 && i < units.length - 1) {
        n /= 1024;
        i += 1;
      }
      return unit(units[i] ?? "byte", n, i > 1 ? 1 : 0);
    },
  };
}
