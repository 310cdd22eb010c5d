/** What is owed to each partner, month by month. */
import { useQuery } from "@tanstack/react-query";
import { Coins, ReceiptText } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { get } from "../api/client";
import type { ConversionStatus, PayoutRow, PayoutTable } from "../api/types";
import { Amounts, Empty, LinkButton, Skeleton } from "../components/basic";
import { Problem, SelectField } from "../components/form";
import { PageFrame } from "../components/page";
import { dayText, startOfDay } from "../components/period";
import { moneyKey } from "../components/sorting";
import { type Column, Table } from "../components/table";
import { useFormat, useT } from "../i18n/all";
import { CsvButton } from "./parts/log-frame";

/** The twelve months up to now, as `2026-11`. */
export function lastMonths(nowMs: number, timeZone: string): string[] {
  const [y = 1970, m = 1] = dayText(nowMs, timeZone).split("-").map(Number);
  return Array.from({ length: 12 }, (_, back) => {
    const at = new Date(Date.UTC(y, m - 1 - back, 1));
    return `${at.getUTCFullYear()}-${String(at.getUTCMonth() + 1).padStart(2, "0")}`;
  });
}

/** Beginning of a month and of the next one. */
export function monthRange(month: string, timeZone: string): { from_ms: number; to_ms: number } {
  const [y = 1970, m = 1] = month.split("-").map(Number);
  return { from_ms: startOfDay({ y, m, d: 1 }, timeZone), to_ms: startOfDay({ y, m: m + 1, d: 1 }, timeZone) };
}

export default function Payouts() {
  const t = useT();
  const format = useFormat();
  const months = lastMonths(Date.now(), format.timeZone);
  const [month, setMonth] = useState(months[0] ?? "");
  const query = { ...monthRange(month, format.timeZone), time_zone: format.timeZone };
  const found = useQuery({
    queryKey: ["payouts", month, format.timeZone],
    queryFn: () => get<PayoutTable>("/payouts", query),
  });
  return (
    <PageFrame
      title={t("settings.payouts")}
      lead={t("payouts.help")}
      actions={
        <>
          <LinkButton href={`/statements?month=${month}`} icon={ReceiptText}>
            {t("payouts.to_statements")}
          </LinkButton>
          <CsvButton path="/payouts" query={query} />
        </>
      }
    >
      <div className="filters">
        <SelectField
          label={t("payouts.month")}
          value={month}
          onChange={setMonth}
          options={months.map((value) => ({ value, label: format.calendarMonth(value) }))}
        />
      </div>
      {found.isPending ? (
        <Skeleton />
      ) : found.isError ? (
        <Problem error={found.error} />
      ) : found.data.rows.length === 0 ? (
        <div className="table-box">
          <Empty icon={Coins} title={t("payouts.empty")}>
            {t("payouts.empty_text")}
          </Empty>
        </div>
      ) : (
        <MonthTable rows={found.data.rows} total={found.data.total} month={month} />
      )}
    </PageFrame>
  );
}

/** The conversions behind a number. */
function Behind(props: { row: PayoutRow; month: string; status: ConversionStatus; children: ReactNode }) {
  const [y = 1970, m = 1] = props.month.split("-").map(Number);
  const last = new Date(Date.UTC(y, m, 0)).getUTCDate();
  const period = `period=custom&from=${props.month}-01&to=${props.month}-${last}`;
  // Conversions without a partner cannot be filtered for.
  if (!props.row.partner) return props.children;
  return (
    <Link href={`/conversions?partner=${props.row.partner}&status=${props.status}&${period}`}>{props.children}</Link>
  );
}

type Sums = PayoutTable["total"];

function MonthTable({ rows, total, month }: { rows: readonly PayoutRow[]; total: Sums; month: string }) {
  const t = useT();
  const format = useFormat();
  const count = (status: ConversionStatus): Column<PayoutRow> => ({
    id: status,
    label: t("payouts.count", { status: t(`status.${status}`) }),
    numeric: true,
    sort: (r) => r[status],
    render: (r) => (
      <Behind row={r} month={month} status={status}>
        {format.number(r[status])}
      </Behind>
    ),
  });
  const money = (id: "payout" | "pending_payout" | "rejected_payout"): Column<PayoutRow> => ({
    id,
    label: t(`payouts.${id}`),
    numeric: true,
    sort: (r) => moneyKey(r[id]),
    render: (r) => <Amounts values={r[id]} />,
  });
  const columns: Column<PayoutRow>[] = [
    {
      id: "partner",
      label: t("link.partner"),
      short: true,
      sort: (r) => r.name,
      render: (r) => (r.partner ? <Link href={`/partners/${r.partner}`}>{r.name}</Link> : t("links.own")),
    },
    count("approved"),
    money("payout"),
    count("pending"),
    money("pending_payout"),
    count("rejected"),
    money("rejected_payout"),
  ];
  const sum: PayoutRow = { ...total, partner: null, name: "", month };
  return (
    <Table
      label={t("settings.payouts")}
      rows={rows}
      rowKey={(r) => r.partner ?? ""}
      columns={columns}
      foot={
        <tfoot>
          <tr>
            <th scope="row">{t("reports.total")}</th>
            {columns.slice(1).map((c) => (
              <td key={c.id} className="num" data-label={c.label}>
                <div>{c.render(sum)}</div>
              </td>
            ))}
          </tr>
        </tfoot>
      }
    />
  );
}
