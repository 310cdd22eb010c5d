/** A line chart of time buckets. The table beside it says the same for those who do not see it. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useFormat } from "../i18n/all";

export interface Series {
  label: string;
  values: readonly (number | null)[];
  /** Name of a colour token. */
  color: "--accent" | "--info" | "--warn" | "--muted";
  /** Dashed: the period before. */
  isDashed?: boolean;
  /** A soft area below the line: the one that matters most. */
  isFilled?: boolean;
  /** Drawn against its own scale on the right. */
  isSecond?: boolean;
}

export function Chart({
  times,
  series,
  label,
  isHourly,
}: {
  times: readonly number[];
  series: readonly Series[];
  label: string;
  isHourly?: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const format = useFormat();
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
    const draw = () =>
      new uPlot(
        {
          width: element.clientWidth,
          height: 240,
          ms: 1,
          tzDate: (ts) => uPlot.tzDate(new Date(ts), format.timeZone),
          scales: {
            x: { time: true },
            y: { range: (_, __, max) => [0, Math.max(max * 1.1, 4)] },
            z: { range: (_, __, max) => [0, Math.max(max * 1.1, 4)] },
          },
          legend: { show: false },
          cursor: { y: false, points: { size: 6 } },
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
              ...(s.isDashed ? { dash: [4, 4], width: 1.5 } : {}),
              ...(s.isFilled ? { fill: resolved("--accent-soft") } : {}),
              points: { show: s.values.filter((v) => v !== null).length < 3, size: 7 },
            })),
          ],
        },
        [[...times], ...series.map((s) => [...s.values])] as uPlot.AlignedData,
        element,
      );
    let plot = draw();
    const redraw = () => {
      plot.destroy();
      plot = draw();
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
      probe.remove();
    };
  }, [times, series, format, isHourly]);
  return (
    <figure style={{ margin: 0 }}>
      <div ref={box} className="chart" role="img" aria-label={label} />
      <figcaption className="legend">
        {series.map((s) => (
          <span key={s.label}>
            <i style={{ borderColor: `var(${s.color})`, borderTopStyle: s.isDashed ? "dashed" : "solid" }} />
            {s.label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
