/** Reports: one dimension, one period, compared with the one before; when in the week; how long it takes. */
import { BarChart3, Send } from "lucide-react";
import { useMemo } from "react";
import { Link, useLocation } from "wouter";
import { useSettings } from "../api/queries";
import { GROUPS, type Group, type StatQuery, useStats } from "../api/stats";
import type { Counters, StatRow } from "../api/types";
import { Card, Empty, LinkButton, Note, Skeleton } from "../components/basic";
import { beginBefore } from "../components/chart-data";
import { PeriodButtons, useFilters, usePeriod } from "../components/filters";
import { CheckField, Problem, SelectField } from "../components/form";
import { PageFrame } from "../components/page";
import { dayText } from "../components/period";
import { useFormat, useT } from "../i18n/all";
import { CsvButton, FilterSelect, useConfigOptions } from "./parts/log-frame";
import { Delays } from "./reports/delays";
import { Funnel } from "./reports/funnel";
import { HeatMap } from "./reports/heat-map";
import { EMPTY_ROW, isTimeGroup, ReportTable } from "./reports/report-table";
import { TimeChart } from "./reports/time-chart";
import "../components/tiles.css";

const NO_ROWS: StatRow[] = [];
const VIEWS = ["course", "week", "delay"] as const;

/** The address of the report one level down, with the row as a filter; `null` where there is nothing deeper. */
function deeperHref(params: URLSearchParams, group: Group, row: StatRow, timeZone: string): string | null {
  const next = new URLSearchParams(params);
  next.delete("sort");
  const to = (changes: Record<string, string>) => {
    for (const [name, value] of Object.entries(changes)) next.set(name, value);
    return `/reports?${next}`;
  };
  if (row.key === "") return null;
  const day = row.at_ms === null ? "" : dayText(row.at_ms, timeZone);
  switch (group) {
    case "month": {
      const [y = 1970, m = 1] = day.split("-").map(Number);
      const last = new Date(Date.UTC(y, m, 0)).getUTCDate();
      return to({
        group: "day",
        period: "custom",
        from: day,
        to: `${day.slice(0, 8)}${String(last).padStart(2, "0")}`,
      });
    }
    case "day":
      return to({ group: "hour", period: "custom", from: day, to: day });
    case "partner":
      return to({ group: "link", partner: row.key });
    case "offer":
      return to({ group: "partner", offer: row.key });
    case "link":
      return to({ group: "day", link: row.key });
    case "event":
      next.set("event", row.key);
      next.delete("group");
      return `/conversions?${next}`;
    default:
      return null;
  }
}

export default function Reports() {
  const t = useT();
  const format = useFormat();
  const filters = useFilters();
  const [, navigate] = useLocation();
  const options = useConfigOptions();
  const period = usePeriod(filters, "last_7d");
  const now = useMemo(() => Date.now() + 1, [period]);
  const wanted = filters.get("group");
  const group: Group = (GROUPS as readonly string[]).includes(wanted) ? (wanted as Group) : "day";
  const view = VIEWS.find((v) => v === filters.get("view")) ?? "course";
  const isCompared = filters.get("compare") === "1";
  const isSandbox = filters.get("environment") === "sandbox";
  const currency = filters.get("currency");
  const own = useSettings().data?.currency ?? "JPY";
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
    ...(currency ? { currency } : {}),
  };
  const deeper = (row: StatRow) => deeperHref(filters.params, group, row, format.timeZone);
  return (
    <PageFrame
      title={t("nav.reports")}
      lead={t(isSandbox ? "reports.lead_sandbox" : "reports.lead", { zone: format.timeZone })}
      actions={
        <>
          <LinkButton href="/reports/taken" icon={Send}>
            {t("taken.title")}
          </LinkButton>
          <CsvButton path="/stats" query={{ ...query }} />
        </>
      }
    >
      <div className="stack tight" style={{ marginBottom: 12 }}>
        <PeriodButtons filters={filters} current={period.period} noAll />
      </div>
      <div className="filters">
        <SelectField
          label={t("reports.view")}
          value={view}
          onChange={(v) => filters.set({ view: v === "course" ? null : v })}
          options={VIEWS.map((value) => ({ value, label: t(`reports.view.${value}`) }))}
        />
        {view === "course" && (
          <SelectField
            label={t("reports.by")}
            value={group}
            onChange={(v) => filters.set({ group: v, sort: null })}
            options={GROUPS.map((value) => ({ value, label: t(`group.${value}`) }))}
          />
        )}
        <FilterSelect filters={filters} name="offer" label={t("link.offer")} options={options.offers} />
        <FilterSelect filters={filters} name="partner" label={t("link.partner")} options={options.partners} />
        <FilterSelect filters={filters} name="link" label={t("link.one")} options={options.links} />
        {view !== "delay" && (
          <FilterSelect
            filters={filters}
            name="environment"
            label={t("reports.environment")}
            options={[
              { value: "", label: t("environment.production") },
              { value: "sandbox", label: t("environment.sandbox") },
            ]}
          />
        )}
        {view === "course" && (
          <SelectField
            label={t("reports.currency")}
            value={currency}
            onChange={(v) => filters.set({ currency: v || null })}
            options={[
              { value: "", label: t("reports.currency_own") },
              ...[...new Set([own, "JPY", "USD", "EUR", ...(currency ? [currency] : [])])].map((code) => ({
                value: code,
                label: code,
              })),
            ]}
          />
        )}
        {view === "course" && (
          <CheckField
            label={t("reports.compare")}
            value={isCompared}
            onChange={(on) => filters.set({ compare: on ? "1" : null })}
          />
        )}
      </div>
      {view === "week" ? (
        <HeatMap query={query} />
      ) : view === "delay" ? (
        <Delays query={query} />
      ) : (
        <Course
          query={query}
          isOver={period.to_ms !== null && period.to_ms <= now}
          filters={filters}
          deeper={deeper}
          onPick={(at) => {
            const href = deeper({ ...EMPTY_ROW, key: String(at), at_ms: at });
            if (href) navigate(href);
          }}
        />
      )}
    </PageFrame>
  );
}

function Course(props: {
  query: StatQuery;
  isOver: boolean;
  filters: ReturnType<typeof useFilters>;
  deeper: (row: StatRow) => string | null;
  onPick: (atMs: number) => void;
}) {
  const t = useT();
  const { query, filters } = props;
  const group = query.group_by;
  const isCompared = Boolean(query.compare);
  const stats = useStats(query);
  const span = query.to_ms - query.from_ms;
  const begin = isTimeGroup(group)
    ? beginBefore(group, query.from_ms, Math.min(query.to_ms, Date.now()), query.time_zone)
    : query.from_ms - span;
  const before = useStats(
    { ...query, from_ms: begin, to_ms: query.from_ms },
    undefined,
    isCompared && query.from_ms > span && begin > 0,
  );
  if (stats.isError) return <Problem error={stats.error} />;
  if (!stats.data) return <Skeleton lines={8} />;
  if (stats.data.rows.length === 0) {
    return (
      <div className="table-box">
        <Empty icon={BarChart3} title={t("reports.empty")}>
          {t("reports.empty_text")}
        </Empty>
      </div>
    );
  }
  const { rows, total, previous_total, missing_rates } = stats.data;
  const old = isCompared ? (before.data?.rows ?? NO_ROWS) : null;
  const of = new URLSearchParams(filters.params);
  return (
    <div className="stack">
      {missing_rates.length > 0 && (
        <Note tone="warn">
          {t("reports.missing_rates", { list: missing_rates.map((m) => `${m.currency} ${m.date}`).join(", ") })}{" "}
          <Link href="/settings/rates">{t("reports.missing_rates_go")}</Link>
        </Note>
      )}
      <Totals now={total} before={isCompared ? previous_total : null} />
      {isTimeGroup(group) && (
        <Card title={t("reports.chart")}>
          <TimeChart
            rows={rows}
            before={old ?? NO_ROWS}
            group={group}
            query={query}
            isOver={props.isOver}
            {...(group === "hour" ? {} : { onPick: props.onPick })}
          />
        </Card>
      )}
      <Funnel
        total={total}
        links={{
          clicks: `/clicks?${of}`,
          conversions: `/conversions?${of}`,
          approved: `/conversions?${of}&status=approved`,
        }}
      />
      <ReportTable
        rows={rows}
        before={old}
        total={total}
        previous={isCompared ? previous_total : null}
        group={group}
        query={query}
        filters={filters}
        deeper={props.deeper}
      />
    </div>
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
