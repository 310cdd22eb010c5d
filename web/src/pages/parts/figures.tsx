/** Clicks, conversions and money of a period beside the things of a list. */
import { useMemo } from "react";
import { Link } from "wouter";
import { useStats } from "../../api/stats";
import type { Counters } from "../../api/types";
import { Amounts } from "../../components/basic";
import { type Filters, PeriodButtons, usePeriod } from "../../components/filters";
import { moneyKey } from "../../components/sorting";
import type { Column } from "../../components/table";
import { useFormat, useT } from "../../i18n/all";

export type FigureOf = "link" | "partner" | "offer";

/** The counters of every link, partner or offer in the period of the filters, and the period in words of the address. */
export function useFigures(of: FigureOf, filters: Filters, only: { partner?: string; offer?: string } = {}) {
  const { timeZone } = useFormat();
  const period = usePeriod(filters, "last_30d");
  const now = useMemo(() => Date.now() + 1, [period]);
  const stats = useStats({
    group_by: of,
    from_ms: period.from_ms ?? 0,
    to_ms: period.to_ms ?? now,
    time_zone: timeZone,
    ...only,
  });
  const rows = stats.data?.rows;
  const byKey = useMemo(() => new Map((rows ?? []).map((r) => [r.key, r as Counters])), [rows]);
  const [from, to] = [filters.get("from"), filters.get("to")];
  const search = new URLSearchParams({ period: period.period, ...(from ? { from } : {}), ...(to ? { to } : {}) });
  return { period, of: (id: string) => byKey.get(id), total: stats.data?.total, error: stats.error, search };
}

export type Figures = ReturnType<typeof useFigures>;

export function FigurePeriod({ filters, figures }: { filters: Filters; figures: Figures }) {
  return (
    <div style={{ marginBottom: 12 }}>
      <PeriodButtons filters={filters} current={figures.period.period} />
    </div>
  );
}

/** Columns of the figures; a number leads to the records behind it. */
export function useFigureColumns<T>(figures: Figures, of: FigureOf, id: (row: T) => string): Column<T>[] {
  const t = useT();
  const format = useFormat();
  const rate = (c: Counters | undefined) => (c?.clicks ? c.conversions / c.clicks : null);
  const behind = (log: "clicks" | "conversions", row: T, count: number | undefined) =>
    count ? <Link href={`/${log}?${of}=${id(row)}&${figures.search}`}>{format.number(count)}</Link> : "0";
  const money = (name: "revenue" | "payout"): Column<T> => ({
    id: name,
    label: t(`stat.${name}`),
    numeric: true,
    sort: (row) => moneyKey(figures.of(id(row))?.[name]),
    render: (row) => <Amounts values={figures.of(id(row))?.[name]} />,
  });
  return [
    {
      id: "clicks",
      label: t("stat.clicks"),
      numeric: true,
      sort: (row) => figures.of(id(row))?.clicks ?? 0,
      render: (row) => behind("clicks", row, figures.of(id(row))?.clicks),
    },
    {
      id: "conversions",
      label: t("stat.conversions"),
      numeric: true,
      sort: (row) => figures.of(id(row))?.conversions ?? 0,
      render: (row) => behind("conversions", row, figures.of(id(row))?.conversions),
    },
    {
      id: "cr",
      label: t("stat.cr"),
      numeric: true,
      sort: (row) => rate(figures.of(id(row))),
      render: (row) => {
        const value = rate(figures.of(id(row)));
        return value === null ? <span className="muted none">–</span> : format.percent(value, 2);
      },
    },
    money("revenue"),
    money("payout"),
  ];
}
