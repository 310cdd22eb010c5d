/** What is owed to each partner, month by month. */
import { useQuery } from "@tanstack/react-query";
import { Coins } from "lucide-react";
import { useState } from "react";
import { get } from "../../api/client";
import { Amounts, Card, Empty, Skeleton } from "../../components/basic";
import { Problem, SelectField } from "../../components/form";
import { dayText, startOfDay } from "../../components/period";
import { Table } from "../../components/table";
import { useFormat, useT } from "../../i18n/all";
import type { PayoutRow } from "../../api/types";

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
  const rows = useQuery({
    queryKey: ["payouts", month, format.timeZone],
    queryFn: () =>
      get<{ rows: PayoutRow[] }>("/payouts", { ...monthRange(month, format.timeZone), time_zone: format.timeZone }).then(
        (r) => r.rows,
      ),
  });
  return (
    <Card
      title={t("settings.payouts")}
      help={t("payouts.help")}
      flush
      actions={
        <SelectField
          label={t("payouts.month")}
          value={month}
          onChange={setMonth}
          options={months.map((value) => ({ value, label: value }))}
        />
      }
    >
      {rows.isPending ? (
        <Skeleton />
      ) : rows.isError ? (
        <Problem error={rows.error} />
      ) : rows.data.length === 0 ? (
        <Empty icon={Coins} title={t("payouts.empty")}>
          {t("payouts.empty_text")}
        </Empty>
      ) : (
        <Table
          label={t("settings.payouts")}
          rows={rows.data}
          rowKey={(r) => r.partner ?? ""}
          columns={[
            { id: "p", label: t("link.partner"), render: (r) => r.name || t("links.own") },
            { id: "n", label: t("stat.conversions"), numeric: true, render: (r) => format.number(r.conversions) },
            { id: "w", label: t("stat.pending"), numeric: true, render: (r) => format.number(r.pending) },
            { id: "a", label: t("stat.approved"), numeric: true, render: (r) => format.number(r.approved) },
            { id: "m", label: t("stat.payout"), numeric: true, render: (r) => <Amounts values={r.payout} /> },
          ]}
        />
      )}
    </Card>
  );
}
