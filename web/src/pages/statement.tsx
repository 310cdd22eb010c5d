/** One payout statement as it is printed; what is open can be written on, then closed. */
import { useQuery } from "@tanstack/react-query";
import { Lock, LockOpen, Plus, Printer, Trash2 } from "lucide-react";
import { useState } from "react";
import { get, post, put } from "../api/client";
import { useCanEdit, useMe, useRefresh } from "../api/queries";
import type { Statement, StatementAdjustment, StatementDraft } from "../api/types";
import { signedAmount } from "../components/amount";
import { Badge, Button, Card, Facts, Note, Skeleton, Time } from "../components/basic";
import { DateField } from "../components/date-field";
import { Confirm } from "../components/dialog";
import { Form, Problem, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { Table } from "../components/table";
import { toast } from "../components/toast";
import { useFormat, useT } from "../i18n/all";
import { CsvButton } from "./parts/log-frame";
import { MailButton } from "./parts/statement-mail";
import "./statement.css";

export default function StatementPage({ partner, month }: { partner: string; month: string }) {
  const t = useT();
  const format = useFormat();
  const found = useQuery({
    queryKey: ["statements", "one", partner, month],
    queryFn: () => get<Statement>("/statements/one", { partner, month }),
  });
  if (found.isPending) return <Skeleton lines={10} />;
  if (found.isError) return <Problem error={found.error} />;
  const { statement, is_open, is_over } = found.data;
  return (
    <PageFrame
      title={t("statement.title", { month: format.calendarMonth(month) })}
      lead={statement.partner_name}
      back={{ href: `/statements?month=${month}`, label: t("nav.statements") }}
      actions={
        <>
          <Button icon={Printer} onPress={() => window.print()}>
            {t("statement.print")}
          </Button>
          <CsvButton path="/statement" query={{ partner, month }} />
          {!is_open && <MailButton partner={partner} month={month} />}
          <Closing of={found.data} />
        </>
      }
    >
      <div className="stack">
        {is_open && <Note tone="warn">{t(is_over ? "statement.open_note" : "statement.running_note")}</Note>}
        <Paper of={found.data} />
        {is_open && <DraftForm key={JSON.stringify(statement.draft)} of={found.data} />}
        <Lines of={found.data} />
      </div>
    </PageFrame>
  );
}

/** The page that a bookkeeper gets. */
function Paper({ of }: { of: Statement }) {
  const t = useT();
  const format = useFormat();
  const { statement } = of;
  const { sender, draft } = statement;
  const money = (amount: string, currency: string) => format.money({ amount, currency });
  return (
    <section className="card paper" aria-label={t("statement.heading")}>
      <header>
        <h2>{t("statement.heading")}</h2>
        {of.is_open && <Badge tone="warn">{t("statement.preview")}</Badge>}
      </header>
      <div className="grid two">
        <div>
          <p className="to">{t("statement.to", { name: draft.recipient || statement.partner_name })}</p>
          {draft.registration_number && (
            <p>{t("form.pair", { name: t("statement.registration"), value: draft.registration_number })}</p>
          )}
        </div>
        <div>
          <p>
            <b>{sender.name}</b>
          </p>
          <p className="lines">{sender.address}</p>
          {sender.registration_number && (
            <p>{t("form.pair", { name: t("statement.registration"), value: sender.registration_number })}</p>
          )}
        </div>
      </div>
      <Facts
        items={[
          [t("statement.number"), statement.number],
          [
            t("payouts.month"),
            t("statement.month_in", { month: format.calendarMonth(statement.month), zone: statement.time_zone }),
          ],
          [
            t("statement.closed_at"),
            statement.closed_at_ms > 0 ? <Time key="c" ms={statement.closed_at_ms} mode="date" /> : "",
          ],
          [t("statement.due"), format.calendarDay(draft.due_date)],
          ...(statement.version > 1 ? [[t("statement.version"), String(statement.version)] as [string, string]] : []),
        ]}
      />
      {statement.totals.map((total) => (
        <p key={total.currency} className="sum">
          {t("form.pair", { name: t("statement.total"), value: "" })}
          <strong>{money(total.total, total.currency)}</strong>
        </p>
      ))}
      <table>
        <caption className="sr">{t("statement.heading")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("statement.item")}</th>
            <th scope="col" className="num">
              {t("statement.count")}
            </th>
            <th scope="col" className="num">
              {t("statement.amount")}
            </th>
          </tr>
        </thead>
        <tbody>
          {statement.groups.map((g) => (
            <tr key={`${g.offer} ${g.event} ${g.payout.currency}`}>
              <td>
                {g.offer} / {g.event}
              </td>
              <td className="num">{format.number(g.count)}</td>
              <td className="num">{format.money(g.payout)}</td>
            </tr>
          ))}
          {statement.corrections.map((c) => (
            <tr key={`${c.id} ${c.before.currency}`}>
              <td>
                {t("statement.correction", { month: format.calendarMonth(c.month), order: c.order || c.id })}
                {c.reason && ` (${c.reason})`}
              </td>
              <td className="num" />
              <td className="num">{money(difference(c.before.amount, c.after.amount), c.before.currency)}</td>
            </tr>
          ))}
          {draft.adjustments.map((a) => (
            <tr key={`${a.note} ${a.amount} ${a.currency}`}>
              <td>{a.note}</td>
              <td className="num" />
              <td className="num">{money(a.amount, a.currency)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          {statement.totals.map((total) => (
            <Sums key={total.currency} total={total} isTaxed={sender.is_taxed} />
          ))}
        </tfoot>
      </table>
      {draft.note && <p className="lines">{draft.note}</p>}
    </section>
  );
}

/** `after - before`: one of them is 0 or both are small whole amounts of one currency; kept as decimal text. */
export function difference(before: string, after: string): string {
  const digits = Math.max(...[before, after].map((text) => text.split(".")[1]?.length ?? 0));
  const whole = (text: string) => {
    const [head = "0", tail = ""] = text.split(".");
    return BigInt(head + tail.padEnd(digits, "0"));
  };
  const found = whole(after) - whole(before);
  const text = (found < 0n ? -found : found).toString().padStart(digits + 1, "0");
  const cut = text.length - digits;
  return `${found < 0n ? "-" : ""}${text.slice(0, cut)}${digits ? `.${text.slice(cut)}` : ""}`;
}

function Sums({ total, isTaxed }: { total: Statement["statement"]["totals"][number]; isTaxed: boolean }) {
  const t = useT();
  const format = useFormat();
  const row = (label: string, amount: string) => (
    <tr>
      <th scope="row" colSpan={2}>
        {label}
      </th>
      <td className="num">{format.money({ amount, currency: total.currency })}</td>
    </tr>
  );
  return (
    <>
      {row(t("statement.base"), total.base)}
      {isTaxed && row(t("statement.tax"), total.tax)}
      {row(t("statement.total"), total.total)}
    </>
  );
}

function Closing({ of }: { of: Statement }) {
  const t = useT();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const isOwner = useMe().data?.role === "owner";
  const [asked, setAsked] = useState<"close" | "reopen" | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const { partner, month } = of.statement;
  const run = (what: "close" | "reopen") => {
    setProblem(null);
    const asks = { partner, month };
    const sent = what === "close" ? post("/statements/close", asks) : post("/statements/reopen", asks);
    sent.then(() => {
      toast(t(what === "close" ? "statement.was_closed" : "statement.was_reopened"));
      return refresh("statements");
    }, setProblem);
  };
  const what = of.is_open ? "close" : "reopen";
  const may = of.is_open ? canEdit && of.is_over : isOwner;
  return (
    <>
      {may && (
        <Button
          icon={of.is_open ? Lock : LockOpen}
          variant={of.is_open ? "primary" : "plain"}
          onPress={() => setAsked(what)}
        >
          {t(`statement.${what}`)}
        </Button>
      )}
      <Problem error={problem} />
      <Confirm
        isOpen={asked !== null}
        onClose={() => setAsked(null)}
        onConfirm={() => asked && run(asked)}
        title={t(`statement.${what}_title`)}
        action={t(`statement.${what}`)}
        danger={what === "reopen"}
      >
        {t(`statement.${what}_text`)}
      </Confirm>
    </>
  );
}

function DraftForm({ of }: { of: Statement }) {
  const t = useT();
  const refresh = useRefresh();
  const form = useForm<StatementDraft>(of.statement.draft);
  const canEdit = useCanEdit();
  if (!canEdit) return null;
  const draft = form.value;
  const { partner, month } = of.statement;
  const error = (field: string) => form.error(`draft.${field}`);
  const save = () =>
    void form.run(async () => {
      await put("/statements/draft", { partner, month, draft });
      await refresh("statements");
      toast(t("form.saved"));
    });
  const change = (at: number, part: Partial<StatementAdjustment>) =>
    form.set(
      "adjustments",
      draft.adjustments.map((own, n) => (n === at ? { ...own, ...part } : own)),
    );
  const currency = of.statement.totals[0]?.currency ?? "JPY";
  return (
    <div className="no-print">
      <Card title={t("statement.write")} help={t("statement.write_help")}>
        <Form onSubmit={save} label={t("statement.write")}>
          <div className="grid two">
            <TextField
              label={t("statement.recipient")}
              value={draft.recipient}
              onChange={(v) => form.set("recipient", v)}
              placeholder={of.statement.partner_name}
              error={error("recipient")}
            />
            <TextField
              label={t("statement.recipient_registration")}
              value={draft.registration_number}
              onChange={(v) => form.set("registration_number", v.trim())}
              placeholder="T1234567890123"
              error={error("registration_number")}
            />
            <TextField
              label={t("statement.number")}
              help={t("statement.number_help")}
              value={draft.number}
              onChange={(v) => form.set("number", v)}
              error={error("number")}
            />
            <DateField
              label={t("statement.due")}
              value={draft.due_date}
              onChange={(v) => form.set("due_date", v)}
              error={error("due_date")}
            />
          </div>
          <fieldset className="stack">
            <legend>{t("statement.adjustments")}</legend>
            {draft.adjustments.map((own, n) => (
              <div key={n} className="row top">
                <TextField
                  label={t("statement.adjustment_note")}
                  value={own.note}
                  onChange={(note) => change(n, { note })}
                  error={error(`adjustments[${n}].note`)}
                />
                <TextField
                  label={t("statement.adjustment_amount", { currency: own.currency })}
                  help={t("statement.adjustment_help")}
                  value={own.amount}
                  inputMode="text"
                  onChange={(amount) => change(n, { amount: signedAmount(amount) })}
                  error={error(`adjustments[${n}].amount`)}
                />
                <Button
                  icon={Trash2}
                  aria-label={t("form.delete")}
                  onPress={() =>
                    form.set(
                      "adjustments",
                      draft.adjustments.filter((_, at) => at !== n),
                    )
                  }
                />
              </div>
            ))}
            <div>
              <Button
                size="small"
                icon={Plus}
                onPress={() => form.set("adjustments", [...draft.adjustments, { note: "", amount: "", currency }])}
              >
                {t("statement.adjustment_add")}
              </Button>
            </div>
          </fieldset>
          <TextField
            label={t("form.note")}
            value={draft.note}
            onChange={(v) => form.set("note", v)}
            rows={2}
            error={error("note")}
          />
          <Problem error={form.problem} />
          <div>
            <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
          </div>
        </Form>
      </Card>
    </div>
  );
}

function Lines({ of }: { of: Statement }) {
  const t = useT();
  const format = useFormat();
  if (of.lines.length === 0) return null;
  return (
    <div className="no-print">
      <Card
        title={t("statement.lines")}
        {...(of.statement.lines > of.lines.length ? { help: t("statement.lines_help") } : {})}
      >
        <Table
          label={t("statement.lines")}
          rows={of.lines}
          rowKey={(line) => line.id}
          columns={[
            {
              id: "at",
              short: true,
              label: t("statement.approved_at"),
              render: (line) => <Time ms={line.approved_at_ms} />,
            },
            {
              id: "order",
              short: true,
              label: t("conversion.uid"),
              render: (line) => <code>{line.order || line.id}</code>,
            },
            {
              id: "payout",
              short: true,
              label: t("stat.payout"),
              numeric: true,
              render: (line) => format.money(line.payout),
            },
          ]}
        />
      </Card>
    </div>
  );
}
