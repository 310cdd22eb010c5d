/** Whether something is stopped, as the server judges it. */
export interface StopLike {
  from_ms: number;
  until_ms: number | null;
}

export type Standing = "active" | "stopped" | "planned";

export function standing(state: string | undefined, stop: StopLike | null | undefined, nowMs: number): Standing {
  if (stop && stop.from_ms <= nowMs && (stop.until_ms === null || nowMs < stop.until_ms)) return "stopped";
  if (state === "paused") return "stopped";
  return stop && stop.from_ms > nowMs ? "planned" : "active";
}
