/** What was sent to each partner day by day, and what became of it. */
import { useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { get } from "../api/client";
import { usePartners } from "../api/queries";
import type { ReasonCount, TakenRow, TakenTable } from "../api/types";
import { Empty, Note, Skeleton } from "../components/basic";
import { Problem, SelectField } from "../components/form";
import { PageFrame } from "../components/page";
import { type Column, Table } from "../components/table";
import { useFormat, useT } from "../i18n/all";
import { useCodeText } from "./parts/kinds";
import { CsvButton } from "./parts/log-frame";

const DAYS = ["1", "7", "30"] as const;
const DAY_MS = 86_400_000;

export default function Taken() {
  const t = useT();
  const format = useFormat();
  const partners = usePartners().data ?? [];
  const [days, setDays] = useState("7");
  const [partner, setPartner] = useState("");
  const [now] = useState(() => Date.now());
  const query = {
    from_ms: now - Number(days) * DAY_MS,
    to_ms: now + DAY_MS,
    time_zone: format.timeZone,
    ...(partner ? { partner } : {}),
  };
  const found = useQuery({ queryKey: ["taken", query], queryFn: () => get<TakenTable>("/stats/taken", query) });
  return (
    <PageFrame
      title={t("taken.title")}
      lead={t("taken.help")}
      back={{ href: "/reports", label: t("nav.reports") }}
      actions={<CsvButton path="/taken" query={query} />}
    >
      <div className="filters">
        <SelectField
          label={t("taken.period")}
          value={days}
          onChange={setDays}
          options={DAYS.map((value) => ({ value, label: t("taken.days", { count: Number(value) }) }))}
        />
        <SelectField
          label={t("link.partner")}
          value={partner}
          onChange={setPartner}
          options={[{ value: "", label: t("common.all") }, ...partners.map((p) => ({ value: p.id, label: p.name }))]}
        />
      </div>
      {found.isPending ? (
        <Skeleton />
      ) : found.isError ? (
        <Problem error={found.error} />
      ) : found.data.rows.length === 0 ? (
        <div className="table-box">
          <Empty icon={Send} title={t("taken.empty")} />
        </div>
      ) : (
        <>
          {found.data.complete_from_ms && (
            <Note tone="warn">{t("taken.partial", { when: format.dateTime(found.data.complete_from_ms) })}</Note>
          )}
          <Rows rows={found.data.rows} />
        </>
      )}
    </PageFrame>
  );
}

function Rows({ rows }: { rows: readonly TakenRow[] }) {
  const t = useT();
  const format = useFormat();
  const failText = useCodeText("fail");
  const skippedText = useCodeText("skipped");
  const count = (id: "conversions" | "sent" | "taken" | "waiting", label: string): Column<TakenRow> => ({
    id,
    label,
    numeric: true,
    render: (r) => format.number(r[id]),
  });
  const reasons = (id: "refused" | "skipped", label: string, text: (code: string) => string): Column<TakenRow> => ({
    id,
    label,
    render: (r) =>
      r[id].length === 0 ? (
        "–"
      ) : (
        <ul className="plain-list">
          {r[id].map((reason: ReasonCount) => (
            <li key={reason.code}>
              {text(reason.code)} <strong>{format.number(reason.count)}</strong>
            </li>
          ))}
        </ul>
      ),
  });
  const columns: Column<TakenRow>[] = [
    { id: "day", label: t("taken.day"), short: true, render: (r) => format.calendarDay(r.day) },
    {
      id: "partner",
      label: t("link.partner"),
      short: true,
      render: (r) => (r.partner ? <Link href={`/partners/${r.partner}`}>{r.name}</Link> : t("pb.own_server")),
    },
    count("conversions", t("stat.conversions")),
    count("sent", t("taken.sent")),
    count("taken", t("taken.taken")),
    reasons("refused", t("taken.refused"), failText),
    reasons("skipped", t("taken.skipped"), skippedText),
    count("waiting", t("taken.waiting")),
  ];
  return <Table label={t("taken.title")} rows={rows} rowKey={(r) => `${r.day} ${r.partner}`} columns={columns} />;
}
