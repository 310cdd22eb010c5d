/** The course of clicks and conversions over a period. */
import { useMemo } from "react";
import type { StatQuery } from "../../api/stats";
import type { StatRow } from "../../api/types";
import { beginBefore, bucketsOf, splitRunning, type TimeGroup } from "../../components/chart-data";
import { lazy } from "../../components/lazy";
import { useT } from "../../i18n/all";

const Chart = lazy(() => import("../../components/chart"));

export const byTime = (a: StatRow, b: StatRow) => (a.at_ms ?? 0) - (b.at_ms ?? 0);

type Span = Pick<StatQuery, "from_ms" | "to_ms" | "time_zone">;

/** Beginnings of the buckets of a period; one that has no beginning starts with its first row. */
export function timesOf(group: TimeGroup, span: Span, rows: readonly StatRow[]): number[] {
  const first = Math.min(...rows.map((r) => r.at_ms ?? span.to_ms), span.to_ms);
  const from = span.from_ms > 0 && group !== "month" ? span.from_ms : first;
  return bucketsOf(group, from, Math.min(span.to_ms, Date.now()), span.time_zone);
}

/** The rows of the period before, each at the place of the bucket that it is compared with. */
export function alignBefore(group: TimeGroup, span: Span, before: readonly StatRow[]): (StatRow | undefined)[] {
  if (before.length === 0) return [];
  const begin = beginBefore(group, span.from_ms, Math.min(span.to_ms, Date.now()), span.time_zone);
  const times = bucketsOf(group, begin, span.from_ms, span.time_zone);
  const byBegin = new Map(before.map((r) => [r.at_ms, r]));
  return times.map((at) => byBegin.get(at));
}

export function TimeChart({
  rows,
  before,
  group,
  query,
  isOver,
  onPick,
}: {
  rows: readonly StatRow[];
  before: readonly StatRow[];
  group: TimeGroup;
  query: StatQuery;
  isOver: boolean;
  /** Goes deeper into the bucket that begins then. */
  onPick?: (atMs: number) => void;
}) {
  const t = useT();
  const { from_ms, to_ms, time_zone } = query;
  const { times, series } = useMemo(() => {
    const sorted = [...rows].sort(byTime);
    const span = { from_ms, to_ms, time_zone };
    const old = alignBefore(group, span, before);
    const times = timesOf(group, span, sorted);
    const byBegin = new Map(sorted.map((r) => [r.at_ms, r]));
    const running = isOver ? times.length : times.length - 1;
    const line = (of: "clicks" | "conversions") =>
      splitRunning(
        times.map((at) => byBegin.get(at)?.[of] ?? 0),
        running,
      );
    const [clicks, conversions] = [line("clicks"), line("conversions")];
    return {
      times,
      series: [
        { label: t("stat.clicks"), color: "--accent" as const, values: clicks.over },
        {
          label: t("stat.conversions_right"),
          color: "--info" as const,
          values: conversions.over,
          isSecond: true,
        },
        ...(clicks.running
          ? [{ label: t("chart.running"), color: "--accent" as const, values: clicks.running, isRunning: true }]
          : []),
        ...(conversions.running
          ? [{ label: "", color: "--info" as const, values: conversions.running, isSecond: true, isRunning: true }]
          : []),
        ...(old.length
          ? [
              {
                label: t("reports.clicks_before"),
                color: "--muted" as const,
                values: times.map((_, i) => (i < old.length ? (old[i]?.clicks ?? 0) : null)),
                isDashed: true,
              },
            ]
          : []),
      ],
    };
  }, [rows, before, t, group, from_ms, to_ms, time_zone, isOver]);
  return (
    <Chart
      times={times}
      series={series}
      label={t("reports.chart")}
      isHourly={group === "hour"}
      {...(onPick ? { onPick: (index: number) => onPick(times[index] ?? 0) } : {})}
    />
  );
}
