/**
 * A line chart of time buckets. The values of a bucket show under the pointer and, with the arrow keys, by keyboard; a
 * click or Enter goes deeper. The table beside it says the same for those who do not see it.
 */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useFormat } from "../i18n/all";
import { readAt } from "./chart-data";
import "./chart.css";

export interface Series {
  label: string;
  values: readonly (number | null)[];
  /** Name of a colour token. */
  color: "--accent" | "--info" | "--warn" | "--muted";
  /** Dashed: the period before. */
  isDashed?: boolean;
  /** A soft area below the line: the one that matters most. */
  isFilled?: boolean;
  /** The stretch to the bucket that is not over yet. */
  isRunning?: boolean;
  /** Drawn against its own scale on the right. */
  isSecond?: boolean;
}

export default function Chart({
  times,
  series,
  label,
  isHourly,
  onPick,
}: {
  times: readonly number[];
  series: readonly Series[];
  label: string;
  isHourly?: boolean;
  /** Goes deeper into the bucket of that number. */
  onPick?: (index: number) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const format = useFormat();
  const pick = useRef(onPick);
  pick.current = onPick;
  const canPick = Boolean(onPick);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    // A custom property keeps `light-dark(…)` unresolved; a probe element gives the colour in effect.
    const probe = document.createElement("i");
    element.append(probe);
    const resolved = (name: string) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const axis = {
      stroke: resolved("--muted"),
      grid: { stroke: resolved("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const tick = (ms: number) => (isHourly ? format.time(ms).slice(0, 5) : format.shortDate(ms));
    // A line needs three points; fewer are bars.
    const hasFew = times.length < 3;
    const margin = Math.max((times.at(-1) ?? 0) - (times[0] ?? 0), (isHourly ? 1 : 24) * 3_600_000);
    const draw = () =>
      new uPlot(
        {
          width: element.clientWidth,
          height: 240,
          ms: 1,
          tzDate: (ts) => uPlot.tzDate(new Date(ts), format.timeZone),
          scales: {
            x: { time: true, ...(hasFew ? { range: [(times[0] ?? 0) - margin, (times.at(-1) ?? 0) + margin] } : {}) },
            y: { range: (_, __, max) => [0, Math.max(max * 1.1, 4)] },
            z: { range: (_, __, max) => [0, Math.max(max * 1.1, 4)] },
          },
          legend: { show: false },
          cursor: { y: false, points: { size: 6 } },
          hooks: {
            setCursor: [(plot) => setAt(plot.cursor.idx ?? null)],
            ready: [
              (plot) => {
                if (!canPick) return;
                plot.over.style.cursor = "pointer";
                plot.over.addEventListener("click", () => {
                  if (typeof plot.cursor.idx === "number") pick.current?.(plot.cursor.idx);
                });
              },
            ],
          },
          axes: [
            {
              ...axis,
              incrs: (isHourly ? [1, 2, 3, 6, 12, 24] : [24, 48, 96, 168, 336, 720]).map((h) => h * 3_600_000),
              values: (_, splits) => splits.map(tick),
            },
            {
              ...axis,
              size: 54,
              values: (_, splits) => splits.map((v) => (Number.isInteger(v) ? format.number(v) : "")),
            },
            ...(series.some((s) => s.isSecond)
              ? [
                  {
                    ...axis,
                    scale: "z",
                    side: 1 as const,
                    grid: { show: false },
                    size: 44,
                    values: (_: uPlot, splits: number[]) =>
                      splits.map((v) => (Number.isInteger(v) ? format.number(v) : "")),
                  },
                ]
              : []),
          ],
          series: [
            {},
            ...series.map((s) => ({
              label: s.label,
              scale: s.isSecond ? "z" : "y",
              stroke: resolved(s.color),
              width: 2,
              ...(s.isDashed || s.isRunning ? { dash: [4, 4], width: 1.5 } : {}),
              ...(hasFew && !s.isRunning && !s.isDashed && uPlot.paths.bars
                ? { fill: resolved(s.color), paths: uPlot.paths.bars({ size: [0.5, 60], align: s.isSecond ? 1 : -1 }) }
                : {}),
              ...(s.isFilled ? { fill: resolved("--accent-soft") } : {}),
              points: { show: s.values.filter((v) => v !== null).length < 3 && !hasFew, size: 7 },
            })),
          ],
        },
        [[...times], ...series.map((s) => [...s.values])] as uPlot.AlignedData,
        element,
      );
    let plot = draw();
    shown.current = plot;
    const redraw = () => {
      plot.destroy();
      plot = draw();
      shown.current = plot;
    };
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 240 }));
    resize.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", redraw);
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      resize.disconnect();
      theme.disconnect();
      dark.removeEventListener("change", redraw);
      plot.destroy();
      shown.current = null;
      probe.remove();
    };
  }, [times, series, format, isHourly, canPick]);
  const last = times.length - 1;
  const onKey = (event: KeyboardEvent) => {
    const here = at ?? last;
    const to = {
      ArrowLeft: here - 1,
      ArrowDown: here - 1,
      ArrowRight: here + 1,
      ArrowUp: here + 1,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Enter" && at !== null) onPick?.(at);
    else if (to === undefined) return;
    else {
      const next = Math.max(0, Math.min(last, at === null ? here : to));
      setAt(next);
      const plot = shown.current;
      plot?.setCursor({ left: plot.valToPos(times[next] ?? 0, "x"), top: 0 }, false);
    }
    event.preventDefault();
  };
  const name = (index: number) => {
    const ms = times[index] ?? 0;
    return isHourly ? format.dateTime(ms).slice(0, -3) : format.date(ms);
  };
  const values = at === null ? [] : readAt(series, at);
  const words = values.map((v) => `${v.label} ${format.number(v.value)}`).join(", ");
  return (
    <figure style={{ margin: 0 }}>
      <div
        ref={box}
        className="chart"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(last, 0)}
        aria-valuenow={at ?? Math.max(last, 0)}
        aria-valuetext={at === null ? label : `${name(at)}: ${words}`}
        onKeyDown={onKey}
        onBlur={() => setAt(null)}
      />
      <div className="readout" aria-hidden>
        {at !== null && times[at] !== undefined && (
          <>
            <strong>{name(at)}</strong>
            {values.map((v) => (
              <span key={v.label}>
                <i style={{ background: `var(${v.color})` }} />
                {v.label} <b>{format.number(v.value)}</b>
              </span>
            ))}
          </>
        )}
      </div>
      <figcaption className="legend">
        {series
          .filter((s) => s.label)
          .map((s) => (
            <span key={s.label}>
              <i
                style={{
                  borderColor: `var(${s.color})`,
                  borderTopStyle: s.isDashed || s.isRunning ? "dashed" : "solid",
                }}
              />
              {s.label}
            </span>
          ))}
      </figcaption>
    </figure>
  );
}
