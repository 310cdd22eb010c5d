/** Reports: one dimension, one period, compared with the one before; chart and table say the same. */
import { BarChart3, Download } from "lucide-react";
import { lazy, Suspense, useMemo } from "react";
import { apiUrl } from "../api/client";
import { GROUPS, type Group, type StatQuery, useStats } from "../api/stats";
import type { Counters, StatRow } from "../api/types";
import { Amounts, Card, Empty, Skeleton } from "../components/basic";
import { PeriodButtons, useFilters, usePeriod } from "../components/filters";
import { CheckField, Problem, SelectField } from "../components/form";
import { trackerName } from "../components/names";
import { PageFrame } from "../components/page";
import { type Column, ColumnPicker, Table, useColumns } from "../components/table";
import { useFormat, useI18n, useT } from "../i18n/all";
import { FilterSelect, useConfigOptions } from "./parts/log-frame";

const Chart = lazy(() => import("../components/chart").then((m) => ({ default: m.Chart })));

const NO_ROWS: StatRow[] = [];
const byTime = (a: StatRow, b: StatRow) => (a.at_ms ?? 0) - (b.at_ms ?? 0);

export default function Reports() {
  const { t, language } = useI18n();
  const format = useFormat();
  const filters = useFilters();
  const options = useConfigOptions();
  const period = usePeriod(filters, "last_7d");
  const now = useMemo(() => Date.now() + 1, [period]);
  const wanted = filters.get("group");
  const group: Group = (GROUPS as readonly string[]).includes(wanted) ? (wanted as Group) : "day";
  const isCompared = filters.get("compare") === "1";
  const isSandbox = filters.get("environment") === "sandbox";
  const query: StatQuery = {
    group_by: group,
    from_ms: period.from_ms ?? 0,
    to_ms: period.to_ms ?? now,
    time_zone: format.timeZone,
    offer: filters.get("offer"),
    partner: filters.get("partner"),
    link: filters.get("link"),
    ...(isSandbox ? { environment: "sandbox" } : {}),
    ...(isCompared ? { compare: true } : {}),
  };
  const stats = useStats(query);
  const isTime = group === "day" || group === "hour" || group === "month";
  const span = query.to_ms - query.from_ms;
  const before = useStats(
    { ...query, from_ms: query.from_ms - span, to_ms: query.from_ms },
    undefined,
    isCompared && isTime,
  );
  return (
    <PageFrame
      title={t("nav.reports")}
      lead={t(isSandbox ? "reports.lead_sandbox" : "reports.lead", { zone: format.timeZone })}
      actions={
        <a
          className="btn"
          href={apiUrl("/stats.csv", { ...query, encoding: language === "ja" ? "shift_jis" : "utf8", language })}
          download
        >
          <Download size={17} aria-hidden />
          CSV
        </a>
      }
    >
      <div className="stack tight" style={{ marginBottom: 12 }}>
        <PeriodButtons filters={filters} current={period.period} noAll />
      </div>
      <div className="filters">
        <SelectField
          label={t("reports.by")}
          value={group}
          onChange={(v) => filters.set({ group: v })}
          options={GROUPS.map((value) => ({ value, label: t(`group.${value}`) }))}
        />
        <FilterSelect filters={filters} name="offer" label={t("link.offer")} options={options.offers} />
        <FilterSelect filters={filters} name="partner" label={t("link.partner")} options={options.partners} />
        <FilterSelect filters={filters} name="link" label={t("link.one")} options={options.links} />
        <FilterSelect
          filters={filters}
          name="environment"
          label={t("reports.environment")}
          options={[
            { value: "", label: t("environment.production") },
            { value: "sandbox", label: t("environment.sandbox") },
          ]}
        />
        <CheckField
          label={t("reports.compare")}
          value={isCompared}
          onChange={(on) => filters.set({ compare: on ? "1" : null })}
        />
      </div>
      {stats.isError ? (
        <Problem error={stats.error} />
      ) : !stats.data ? (
        <Skeleton lines={8} />
      ) : stats.data.rows.length === 0 ? (
        <div className="table-box">
          <Empty icon={BarChart3} title={t("reports.empty")}>
            {t("reports.empty_text")}
          </Empty>
        </div>
      ) : (
        <div className="stack">
          <Totals now={stats.data.total} before={isCompared ? stats.data.previous_total : null} />
          {isTime && (
            <Card title={t("reports.chart")}>
              <Suspense fallback={<Skeleton lines={5} />}>
                <TimeChart
                  rows={stats.data.rows}
                  before={isCompared ? (before.data?.rows ?? NO_ROWS) : NO_ROWS}
                  isHourly={group === "hour"}
                />
              </Suspense>
            </Card>
          )}
          <ReportTable rows={stats.data.rows} total={stats.data.total} group={group} />
        </div>
      )}
    </PageFrame>
  );
}

function Totals({ now, before }: { now: Counters; before: Counters | null }) {
  const t = useT();
  const format = useFormat();
  const tile = (label: string, value: (c: Counters) => string) => (
    <div className="tile">
      <span className="k">{label}</span>
      <span className="v">{value(now)}</span>
      {before && <span className="d">{t("reports.before", { value: value(before) })}</span>}
    </div>
  );
  const sum = (list: Counters["revenue"]) => (list.length ? list.map((m) => format.money(m)).join(" + ") : "–");
  return (
    <div className="tiles">
      {tile(t("stat.clicks"), (c) => format.number(c.clicks))}
      {tile(t("stat.unique_clicks"), (c) => format.number(c.unique_clicks))}
      {tile(t("stat.conversions"), (c) => format.number(c.conversions))}
      {tile(t("stat.cr"), (c) => (c.clicks ? format.percent(c.conversions / c.clicks, 2) : "–"))}
      {tile(t("stat.revenue"), (c) => sum(c.revenue))}
      {tile(t("stat.payout"), (c) => sum(c.payout))}
    </div>
  );
}

function TimeChart({
  rows,
  before,
  isHourly,
}: {
  rows: readonly StatRow[];
  before: readonly StatRow[];
  isHourly: boolean;
}) {
  const t = useT();
  const { times, series } = useMemo(() => {
    const sorted = [...rows].sort(byTime);
    const old = [...before].sort(byTime);
    return {
      times: sorted.map((r) => r.at_ms ?? 0),
      series: [
        { label: t("stat.clicks"), color: "--accent" as const, values: sorted.map((r) => r.clicks) },
        {
          label: t("stat.conversions_right"),
          color: "--info" as const,
          values: sorted.map((r) => r.conversions),
          isSecond: true,
        },
        ...(old.length
          ? [
              {
                label: t("reports.clicks_before"),
                color: "--muted" as const,
                values: sorted.map((_, i) => old[i]?.clicks ?? null),
                isDashed: true,
              },
            ]
          : []),
      ],
    };
  }, [rows, before, t]);
  return <Chart times={times} series={series} label={t("reports.chart")} isHourly={isHourly} />;
}

function ReportTable({ rows, total, group }: { rows: readonly StatRow[]; total: Counters; group: Group }) {
  const t = useT();
  const format = useFormat();
  const { language } = useI18n();
  const countries = useMemo(() => new Intl.DisplayNames([language], { type: "region" }), [language]);
  const name = (r: StatRow): string => {
    if (r.key === "") return t("reports.unknown");
    switch (group) {
      case "day":
        return format.date(r.at_ms ?? 0);
      case "hour":
        return format.dateTime(r.at_ms ?? 0).slice(0, -3);
      case "country":
        return /^[a-z]{2}$/.test(r.key) ? (countries.of(r.key.toUpperCase()) ?? r.key) : r.key;
      default:
        return trackerName(r.label);
    }
  };
  const count = (
    id: keyof Counters &
      (
        | "clicks"
        | "unique_clicks"
        | "impressions"
        | "conversions"
        | "pending"
        | "approved"
        | "rejected"
        | "duplicates"
        | "refused"
        | "installs"
        | "automated"
        | "repeats"
      ),
    extra = false,
  ): Column<StatRow> => ({
    id,
    label: t(`stat.${id}`),
    numeric: true,
    extra,
    render: (r) => format.number(r[id]),
  });
  const most = Math.max(1, ...rows.map((r) => r.clicks));
  const columns: Column<StatRow>[] = [
    {
      id: "name",
      label: t(`group.${group}`),
      render: (r) => (
        <span style={{ display: "block", minWidth: 120 }}>
          {name(r)}
          <svg
            viewBox="0 0 100 4"
            preserveAspectRatio="none"
            width="100%"
            height="4"
            aria-hidden
            style={{ display: "block", marginTop: 3 }}
          >
            <rect width={(r.clicks / most) * 100} height="4" fill="var(--accent)" opacity="0.55" />
          </svg>
        </span>
      ),
    },
    count("clicks"),
    count("unique_clicks"),
    count("impressions", true),
    count("conversions"),
    {
      id: "cr",
      label: t("stat.cr"),
      numeric: true,
      render: (r) => (r.clicks ? format.percent(r.conversions / r.clicks, 2) : "–"),
    },
    count("pending", true),
    count("approved"),
    count("rejected", true),
    count("duplicates", true),
    count("refused", true),
    count("installs", true),
    count("automated", true),
    count("repeats", true),
    { id: "revenue", label: t("stat.revenue"), numeric: true, render: (r) => <Amounts values={r.revenue} /> },
    { id: "payout", label: t("stat.payout"), numeric: true, render: (r) => <Amounts values={r.payout} /> },
    { id: "cost", label: t("stat.cost"), numeric: true, extra: true, render: (r) => <Amounts values={r.cost} /> },
  ];
  const { visible, shown, change } = useColumns("reports", columns);
  const isTime = group === "day" || group === "hour" || group === "month";
  const sorted = useMemo(
    () => [...rows].sort((a, b) => (isTime ? byTime(b, a) : b.conversions - a.conversions || b.clicks - a.clicks)),
    [rows, isTime],
  );
  const foot: StatRow = { ...total, key: "", label: "", at_ms: null };
  return (
    <div className="stack tight">
      <div className="row end">
        <ColumnPicker columns={columns} shown={shown} change={change} />
      </div>
      <Table
        label={t("reports.table", { group: t(`group.${group}`) })}
        columns={visible}
        rows={sorted}
        rowKey={(r) => r.key}
        foot={
          <tfoot>
            <tr>
              {visible.map((c) =>
                c.id === "name" ? (
                  <th key={c.id} scope="row">
                    {t("reports.total")}
                  </th>
                ) : (
                  <td key={c.id} className="num" data-label={c.label}>
                    <div>{c.render(foot)}</div>
                  </td>
                ),
              )}
            </tr>
          </tfoot>
        }
      />
    </div>
  );
}
