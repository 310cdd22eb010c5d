/** 支払明細: what each partner is paid for a month; open until it is closed. */
import { useQuery } from "@tanstack/react-query";
import { ReceiptText } from "lucide-react";
import { Link } from "wouter";
import { get, put } from "../api/client";
import { useCanEdit, useMe, useRefresh } from "../api/queries";
import type { StatementRow, StatementSender, StatementTable } from "../api/types";
import { Badge, Card, Empty, Note, Skeleton, Time } from "../components/basic";
import { useFilters } from "../components/filters";
import { CheckField, Form, Problem, SelectField, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { Table } from "../components/table";
import { toast } from "../components/toast";
import { useFormat, useT } from "../i18n/all";
import { lastMonths } from "./payouts";

export default function Statements() {
  const t = useT();
  const format = useFormat();
  const canEdit = useCanEdit();
  const months = lastMonths(Date.now(), format.timeZone);
  // Statements are closed after their month: the one before this is what is asked for most.
  const filters = useFilters();
  const month = filters.get("month") || (months[1] ?? "");
  const found = useQuery({
    queryKey: ["statements", "list", month],
    queryFn: () => get<StatementTable>("/statements", { month }),
  });
  return (
    <PageFrame
      title={t("nav.statements")}
      lead={t("statements.lead")}
      back={{ href: "/payouts", label: t("nav.payouts") }}
    >
      <div className="stack">
        <div className="filters">
          <SelectField
            label={t("payouts.month")}
            value={month}
            onChange={(value) => filters.set({ month: value })}
            options={months.map((value) => ({ value, label: format.calendarMonth(value) }))}
          />
        </div>
        {found.isPending ? (
          <Skeleton />
        ) : found.isError ? (
          <Problem error={found.error} />
        ) : (
          <>
            <Note>
              {t("statements.what", { zone: found.data.time_zone })} {!found.data.is_over && t("statements.not_over")}
            </Note>
            <Month table={found.data} month={month} />
          </>
        )}
        {canEdit && <SenderCard />}
      </div>
    </PageFrame>
  );
}

function Month({ table, month }: { table: StatementTable; month: string }) {
  const t = useT();
  const format = useFormat();
  if (table.rows.length === 0) {
    return (
      <div className="table-box">
        <Empty icon={ReceiptText} title={t("statements.empty")}>
          {t("statements.empty_text")}
        </Empty>
      </div>
    );
  }
  const sums = (row: StatementRow, of: "base" | "tax" | "total") =>
    row.totals.map((total) => format.money({ amount: total[of], currency: total.currency })).join(" + ");
  return (
    <Table
      label={t("nav.statements")}
      rows={table.rows}
      rowKey={(row) => row.partner}
      columns={[
        {
          id: "partner",
          short: true,
          label: t("link.partner"),
          render: (row) => <Link href={`/statements/${row.partner}/${month}`}>{row.name}</Link>,
        },
        {
          id: "state",
          short: true,
          label: t("offers.state"),
          render: (row) => (
            <Badge tone={row.closed_at_ms ? "ok" : "warn"}>
              {t(row.closed_at_ms ? "statements.closed" : "statements.open")}
            </Badge>
          ),
        },
        { id: "number", label: t("statement.number"), render: (row) => row.number ?? "" },
        { id: "lines", label: t("statement.count"), numeric: true, render: (row) => format.number(row.lines) },
        {
          id: "corrections",
          label: t("statement.corrections"),
          numeric: true,
          render: (row) => format.number(row.corrections),
        },
        { id: "base", label: t("statement.base"), numeric: true, render: (row) => sums(row, "base") },
        { id: "tax", label: t("statement.tax"), numeric: true, render: (row) => sums(row, "tax") },
        { id: "total", label: t("statement.total"), numeric: true, render: (row) => <b>{sums(row, "total")}</b> },
        {
          id: "at",
          label: t("statement.closed_at"),
          render: (row) => row.closed_at_ms && <Time ms={row.closed_at_ms} mode="date" />,
        },
      ]}
    />
  );
}

/** Who pays: on every statement that is closed from now on. */
function SenderCard() {
  const sender = useQuery({
    queryKey: ["statements", "sender"],
    queryFn: () => get<StatementSender>("/statements/sender"),
  });
  if (!sender.data) return null;
  return <SenderForm initial={sender.data} />;
}

function SenderForm({ initial }: { initial: StatementSender }) {
  const t = useT();
  const refresh = useRefresh();
  const isOwner = useMe().data?.role === "owner";
  const form = useForm(initial);
  const save = () =>
    void form.run(async () => {
      form.setValue(await put<StatementSender>("/statements/sender", form.value));
      await refresh("statements");
      toast(t("form.saved"));
    });
  return (
    <Card title={t("statement.sender")} help={t("statement.sender_help")}>
      <Form onSubmit={save} label={t("statement.sender")}>
        <TextField
          label={t("statement.sender_name")}
          value={form.value.name}
          onChange={(v) => form.set("name", v)}
          error={form.error("name")}
        />
        <TextField
          label={t("statement.sender_address")}
          value={form.value.address}
          onChange={(v) => form.set("address", v)}
          error={form.error("address")}
          rows={3}
        />
        <TextField
          label={t("statement.registration")}
          help={t("statement.registration_help")}
          value={form.value.registration_number}
          onChange={(v) => form.set("registration_number", v.trim())}
          error={form.error("registration_number")}
          placeholder="T1234567890123"
        />
        <CheckField
          label={t("statement.is_taxed")}
          help={t("statement.is_taxed_help")}
          value={form.value.is_taxed}
          onChange={(v) => form.set("is_taxed", v)}
        />
        <Problem error={form.problem} />
        {isOwner ? (
          <div>
            <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
          </div>
        ) : (
          <Note>{t("statement.owner_only")}</Note>
        )}
      </Form>
    </Card>
  );
}
