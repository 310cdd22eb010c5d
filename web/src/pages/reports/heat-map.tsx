/** When in the week clicks and conversions come: seven days of 24 hours, as numbers with a colour behind them. */
import { useMemo, useState } from "react";
import { type StatQuery, useStats } from "../../api/stats";
import { Card, Skeleton } from "../../components/basic";
import { Problem, SelectField } from "../../components/form";
import { useFormat, useI18n, useT } from "../../i18n/all";
import { type Cell, weekOf } from "./heat";
import "./reports.css";

const METRICS = ["clicks", "conversions", "cr"] as const;
type Metric = (typeof METRICS)[number];

export function HeatMap({ query }: { query: StatQuery }) {
  const t = useT();
  const format = useFormat();
  const { language } = useI18n();
  const [metric, setMetric] = useState<Metric>("clicks");
  const stats = useStats({ ...query, group_by: "hour" });
  const week = useMemo(() => weekOf(stats.data?.rows ?? [], query.time_zone), [stats.data, query.time_zone]);
  if (stats.isError) return <Problem error={stats.error} />;
  if (!stats.data) return <Skeleton lines={8} />;
  const value = (c: Cell) =>
    metric === "cr" ? (c.clicks ? c.conversions / c.clicks : 0) : metric === "clicks" ? c.clicks : c.conversions;
  const most = Math.max(...week.flat().map(value), 0);
  // 2024-01-01 was a Monday.
  const day = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" });
  const dayName = (n: number) => day.format(Date.UTC(2024, 0, 1 + n));
  const text = (c: Cell) => (metric === "cr" ? (c.clicks ? format.percent(value(c), 0) : "") : format.number(value(c)));
  return (
    <Card title={t("reports.heat")} help={t("reports.heat_help", { zone: query.time_zone })}>
      <div className="filters">
        <SelectField
          label={t("reports.metric")}
          value={metric}
          onChange={(v) => setMetric(v as Metric)}
          options={METRICS.map((m) => ({ value: m, label: t(`stat.${m}`) }))}
        />
      </div>
      <div className="table-box" role="region" aria-label={t("reports.heat")} tabIndex={0}>
        <table className="heat">
          <caption className="sr">{t("reports.heat")}</caption>
          <thead>
            <tr>
              <td />
              {week[0]?.map((_, hour) => (
                <th key={hour} scope="col">
                  {hour}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {week.map((hours, n) => (
              <tr key={n}>
                <th scope="row">{dayName(n)}</th>
                {hours.map((cell, hour) => {
                  const share = most > 0 ? value(cell) / most : 0;
                  return (
                    <td
                      key={hour}
                      title={`${dayName(n)} ${hour}:00 · ${t("stat.clicks")} ${format.number(cell.clicks)} · ${t("stat.conversions")} ${format.number(cell.conversions)}`}
                      style={{
                        background: `color-mix(in srgb, var(--accent) ${Math.round(share * 45)}%, var(--surface-2))`,
                      }}
                    >
                      {text(cell)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
