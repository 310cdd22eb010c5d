import { expect, it } from "vitest";
import { readClock, readDay } from "./day";

it("reads days as they are typed in Japan and elsewhere", () => {
  for (const text of ["2026/11/01", "2026-11-1", "20261101", "２０２６年１１月１日", " 2026.11.01 "])
    expect(readDay(text), text).toBe("2026-11-01");
  for (const text of ["", "11/01/2026", "2026/02/30", "2026/13/01", "tomorrow"]) expect(readDay(text), text).toBeNull();
});

it("reads times of the clock", () => {
  for (const text of ["9:30", "09:30", "0930", "９時３０分"]) expect(readClock(text), text).toBe("09:30");
  for (const text of ["", "24:00", "9:60", "9"]) expect(readClock(text), text).toBeNull();
});
