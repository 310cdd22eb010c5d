/** The rows of a report: every bucket of a period also when nothing happened, compared with the period before. */
import { type ReactNode, useMemo } from "react";
import { Link } from "wouter";
import type { Group, StatQuery } from "../../api/stats";
import type { Counters, StatRow } from "../../api/types";
import { Amounts } from "../../components/basic";
import type { TimeGroup } from "../../components/chart-data";
import type { Filters } from "../../components/filters";
import { trackerName } from "../../components/names";
import { moneyKey, useAddressSorting } from "../../components/sorting";
import { type Column, ColumnPicker, Table, useColumns } from "../../components/table";
import { useFormat, useI18n, useT } from "../../i18n/all";
import { alignBefore, timesOf } from "./time-chart";
import "./reports.css";

type Countable =
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
  | "repeats";

const NOTHING: Counters = {
  clicks: 0,
  unique_clicks: 0,
  impressions: 0,
  automated: 0,
  repeats: 0,
  conversions: 0,
  pending: 0,
  approved: 0,
  rejected: 0,
  duplicates: 0,
  refused: 0,
  installs: 0,
  sessions: 0,
  reattributions: 0,
  unfilled: 0,
  conversion_rate: null,
  revenue: [],
  payout: [],
  cost: [],
};

export const EMPTY_ROW: StatRow = { ...NOTHING, key: "", label: "", at_ms: null };

export const isTimeGroup = (group: Group): group is TimeGroup =>
  group === "day" || group === "hour" || group === "month";

/** A period that ends as late as this ends now. */
const RUNNING_MS = 600_000;

/** A row, and what it is compared with. */
type Row = StatRow & { before?: Counters | undefined };

/** Every bucket of the period, latest first, or the groups, most conversions first. */
function useRows(props: Props): Row[] {
  const { rows, before, group, query } = props;
  const { from_ms, to_ms, time_zone } = query;
  return useMemo(() => {
    if (isTimeGroup(group)) {
      const span = { from_ms, to_ms, time_zone };
      const byBegin = new Map(rows.map((r) => [r.at_ms, r]));
      const old = before ? alignBefore(group, span, before) : [];
      const all = timesOf(group, span, rows).map((at, i): Row => {
        const row = byBegin.get(at) ?? { ...NOTHING, key: String(at), label: "", at_ms: at };
        return before ? { ...row, before: old[i] ?? NOTHING } : row;
      });
      // What has only begun is not compared with what was whole.
      const last = all.at(-1);
      if (last && to_ms > Date.now() - RUNNING_MS) all[all.length - 1] = { ...last, before: undefined };
      return all.reverse();
    }
    const byKey = new Map((before ?? []).map((r) => [r.key, r]));
    const sorted = [...rows].sort((a, b) => b.conversions - a.conversions || b.clicks - a.clicks);
    return before ? sorted.map((r) => ({ ...r, before: byKey.get(r.key) ?? NOTHING })) : sorted;
  }, [rows, before, group, from_ms, to_ms, time_zone]);
}

interface Props {
  rows: readonly StatRow[];
  /** The period before; left out when nothing is compared. */
  before: readonly StatRow[] | null;
  total: Counters;
  previous: Counters | null;
  group: Group;
  query: StatQuery;
  filters: Filters;
  /** Where a row leads; `null` where there is nothing deeper. */
  deeper: (row: StatRow) => string | null;
}

export function ReportTable(props: Props) {
  const { total, previous, group, filters, deeper } = props;
  const t = useT();
  const rows = useRows(props);
  const name = useRowName(group);
  const columns = useReportColumns({ name, rows, group, deeper });
  const { visible, shown, change } = useColumns("reports", columns);
  const sorting = useAddressSorting(filters);
  const foot: Row = { ...EMPTY_ROW, ...total, ...(previous ? { before: previous } : {}) };
  return (
    <div className="stack tight">
      <div className="row end">
        <ColumnPicker columns={columns} shown={shown} change={change} />
      </div>
      <Table
        label={t("reports.table", { group: t(`group.${group}`) })}
        columns={visible}
        rows={rows}
        rowKey={(r) => r.key}
        sorting={sorting}
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

function useRowName(group: Group): (row: StatRow) => string {
  const t = useT();
  const format = useFormat();
  const { language } = useI18n();
  const countries = useMemo(() => new Intl.DisplayNames([language], { type: "region" }), [language]);
  return (r) => {
    if (r.key === "") return t("reports.unknown");
    switch (group) {
      case "day":
        return format.date(r.at_ms ?? 0);
      case "hour":
        return format.dateTime(r.at_ms ?? 0).slice(0, -3);
      case "country":
        return /^[a-z]{2}$/.test(r.key) ? (countries.of(r.key.toUpperCase()) ?? r.key) : r.key;
      case "month":
        return format.date(r.at_ms ?? 0).slice(0, -3);
      default:
        return trackerName(r.label);
    }
  };
}

function Change({ now, before }: { now: number; before: number | undefined }) {
  const t = useT();
  const format = useFormat();
  if (before === undefined) return null;
  if (before === 0) return now === 0 ? null : <span className="change">{t("reports.was_none")}</span>;
  const change = Math.round(((now - before) / before) * 1000) / 1000;
  const sign = change > 0 ? "+" : change < 0 ? "−" : "±";
  return (
    <span className={`change ${change > 0 ? "up" : change < 0 ? "down" : ""}`}>
      {sign}
      {format.percent(Math.abs(change), 1)}
    </span>
  );
}

function useReportColumns(props: {
  name: (row: StatRow) => string;
  rows: readonly Row[];
  group: Group;
  deeper: (row: StatRow) => string | null;
}): Column<Row>[] {
  const { name, rows, group, deeper } = props;
  const t = useT();
  const format = useFormat();
  const count = (id: Countable, extra = false): Column<Row> => ({
    id,
    label: t(`stat.${id}`),
    numeric: true,
    extra,
    sort: (r) => r[id],
    render: (r) => (
      <>
        {format.number(r[id])}
        <Change now={r[id]} before={r.before?.[id]} />
      </>
    ),
  });
  const money = (id: "revenue" | "payout" | "cost", extra = false): Column<Row> => ({
    id,
    label: t(`stat.${id}`),
    numeric: true,
    extra,
    sort: (r) => moneyKey(r[id]),
    render: (r) => (
      <>
        <Amounts values={r[id]} />
        <Change now={Number(moneyKey(r[id]) ?? 0)} before={r.before && Number(moneyKey(r.before[id]) ?? 0)} />
      </>
    ),
  });
  const most = Math.max(1, ...rows.map((r) => r.clicks));
  const link = (r: Row): ReactNode => {
    const href = deeper(r);
    return href ? <Link href={href}>{name(r)}</Link> : name(r);
  };
  return [
    {
      id: "name",
      label: t(`group.${group}`),
      sort: (r) => (r.at_ms === null ? name(r) : r.at_ms),
      render: (r) => (
        <span style={{ display: "block", minWidth: 120 }}>
          {link(r)}
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
      sort: (r) => (r.clicks ? r.conversions / r.clicks : null),
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
    money("revenue"),
    money("payout"),
    money("cost", true),
  ];
}
