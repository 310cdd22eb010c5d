/** 注文番号で承認・否認: pasted or as CSV in the shop's own columns; looked at first, then decided, then taken back. */
import { useState } from "react";
import { ApiError, post } from "../api/client";
import { useOffers, useRefresh } from "../api/queries";
import type { ConversionStatus, Deciding, Decision, DecisionWord, Look, OrderColumns } from "../api/types";
import { Badge, Button, Card, Note, Time } from "../components/basic";
import { FileField } from "../components/date-field";
import { CheckField, Form, Problem, SelectField, TextField } from "../components/form";
import { PageFrame } from "../components/page";
import { useErrorText } from "../components/problem";
import { Table } from "../components/table";
import { useT } from "../i18n/all";
import { useActor } from "./parts/actor";
import { DecisionProgress, LookLines, LookSummary, UndoButton, useDecisions } from "./parts/decide";
import { STATUSES } from "./parts/partner-fields";

const WORDS = ["approved", "rejected", "pending", "skip"] as const;

/** UTF-8 where it is that, else Shift_JIS. */
async function textOf(file: File): Promise<string> {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("shift_jis").decode(bytes);
  }
}

export default function Decide() {
  const t = useT();
  const refresh = useRefresh();
  const errorText = useErrorText();
  const offers = useOffers().data ?? [];
  const [offerId, setOffer] = useState("");
  const [event, setEvent] = useState("");
  const [text, setText] = useState("");
  const [status, setStatus] = useState<ConversionStatus | "">("");
  const [reason, setReason] = useState("");
  const [mapping, setMapping] = useState<OrderColumns | null>(null);
  const [look, setLook] = useState<Look | null>(null);
  const [deciding, setDeciding] = useState<Deciding | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const offer = offers.find((o) => o.id === (offerId || offers[0]?.id));
  const request = (columns: OrderColumns | null) => ({
    offer: offer?.id,
    event: event || null,
    text,
    status: status || null,
    reason: reason || null,
    mapping: columns,
  });
  const send = (columns: OrderColumns | null) => {
    setBusy(true);
    setProblem(null);
    setLook(null);
    post<Look>("/decisions/look", request(columns))
      .then((found) => {
        setLook(found);
        setMapping(found.mapping ?? columns);
      }, setProblem)
      .finally(() => setBusy(false));
  };
  const decide = () => {
    setBusy(true);
    setProblem(null);
    post<Deciding>("/decisions", request(mapping))
      .then((begun) => {
        setDeciding(begun);
        setLook(null);
        setText("");
        return refresh("decisions");
      }, setProblem)
      .finally(() => setBusy(false));
  };
  const changed = look?.results.changed ?? 0;
  const isAsked = look !== null && look.columns.length > 0;
  return (
    <PageFrame
      title={t("decide.title")}
      lead={t("decide.lead")}
      back={{ href: "/conversions", label: t("nav.conversions") }}
    >
      <div className="stack">
        {deciding && <DecisionProgress key={deciding.decision} deciding={deciding} />}
        <Card title={t("decide.what")}>
          <Form onSubmit={() => send(mapping)}>
            <div className="grid two">
              <SelectField
                label={t("decide.offer")}
                value={offer?.id ?? ""}
                onChange={(id) => {
                  setOffer(id);
                  setEvent("");
                  setMapping(null);
                  setLook(null);
                }}
                options={offers.map((o) => ({ value: o.id, label: o.name }))}
              />
              <SelectField
                label={t("decide.event")}
                value={event}
                onChange={setEvent}
                options={[
                  { value: "", label: t("decide.event_first") },
                  ...(offer?.events ?? []).map((e) => ({ value: e.token ?? e.name, label: e.name })),
                ]}
              />
            </div>
            <TextField
              label={t("decide.text")}
              help={t("decide.text_help")}
              rows={8}
              mono
              value={text}
              onChange={(value) => {
                setText(value);
                setLook(null);
              }}
            />
            <FileField
              label={t("decide.file")}
              help={t("decide.file_help")}
              accept=".csv,.tsv,.txt,text/csv,text/plain"
              onChange={(file) => {
                setLook(null);
                if (file) textOf(file).then(setText, setProblem);
              }}
            />
            <div className="grid two">
              <SelectField
                label={t("decide.status")}
                help={t("decide.status_help")}
                value={status}
                onChange={(value) => {
                  setStatus(value as ConversionStatus | "");
                  setLook(null);
                }}
                options={[
                  { value: "", label: t("decide.status_table") },
                  ...STATUSES.map((value) => ({ value, label: t(`status.${value}`) })),
                ]}
              />
              <TextField
                label={t("decide.reason")}
                help={t("decide.reason_help")}
                value={reason}
                onChange={(value) => {
                  setReason(value);
                  setLook(null);
                }}
              />
            </div>
            <div className="row">
              <button type="submit" className="btn primary" disabled={isBusy || !text.trim() || !offer}>
                {t("decide.look")}
              </button>
            </div>
          </Form>
          <Problem error={problem} />
        </Card>
        {isAsked && (
          <Columns
            look={look}
            mapping={mapping ?? EMPTY}
            onChange={(columns) => {
              setMapping(columns);
              if (columns.order) send(columns);
            }}
          />
        )}
        {look && (
          <Card title={t("decide.would")}>
            <div className="stack">
              {look.errors.length > 0 && (
                <Note tone="bad" title={t("decide.mistakes")}>
                  {look.errors.map((error) => (
                    <div key={`${error.line} ${error.code}`}>
                      {t("decide.line")} {error.line}:{" "}
                      {errorText(new ApiError(400, error.code, error.message, error.field))}
                    </div>
                  ))}
                </Note>
              )}
              <LookSummary look={look} />
              <div className="row">
                <Button
                  variant="primary"
                  isDisabled={changed === 0 || look.errors.length > 0}
                  isBusy={isBusy}
                  onPress={decide}
                >
                  {t("decide.do", { count: changed })}
                </Button>
              </div>
              {look.lines.length > 0 && (
                <>
                  {look.total > look.lines.length && <p className="muted small">{t("decide.lines_first")}</p>}
                  <LookLines look={look} />
                </>
              )}
            </div>
          </Card>
        )}
        <Recent />
      </div>
    </PageFrame>
  );
}

const EMPTY: OrderColumns = { no_headings: false, order: "", status: null, reason: null, words: {} };

function Columns(props: { look: Look; mapping: OrderColumns; onChange: (mapping: OrderColumns) => void }) {
  const t = useT();
  const { look, mapping } = props;
  const change = (part: Partial<OrderColumns>) => props.onChange({ ...mapping, ...part });
  const columns = look.columns.map((name) => ({ value: name, label: name }));
  const none = { value: "", label: t("decide.column_none") };
  const words = [...new Set([...look.unknown_words, ...Object.keys(mapping.words)])];
  return (
    <Card title={t("decide.columns")} help={t("decide.columns_help")}>
      <div className="stack">
        <CheckField
          label={t("decide.no_headings")}
          value={mapping.no_headings}
          onChange={(no_headings) => change({ no_headings, order: no_headings ? "1" : "", status: null, reason: null })}
        />
        <div className="grid two">
          <SelectField
            label={t("decide.column_order")}
            required
            value={mapping.order}
            onChange={(order) => change({ order })}
            options={[{ value: "", label: t("decide.column_choose") }, ...columns]}
          />
          <SelectField
            label={t("decide.column_status")}
            value={mapping.status ?? ""}
            onChange={(status) => change({ status: status || null })}
            options={[none, ...columns]}
          />
          <SelectField
            label={t("decide.column_reason")}
            value={mapping.reason ?? ""}
            onChange={(reason) => change({ reason: reason || null })}
            options={[none, ...columns]}
          />
        </div>
        {words.length > 0 && (
          <fieldset className="stack">
            <legend>{t("decide.words")}</legend>
            <div className="grid two">
              {words.map((word) => (
                <SelectField
                  key={word}
                  label={word}
                  value={mapping.words[word] ?? ""}
                  onChange={(meaning) => change({ words: { ...mapping.words, [word]: meaning as DecisionWord } })}
                  options={[
                    ...(mapping.words[word] ? [] : [{ value: "", label: t("decide.column_choose") }]),
                    ...WORDS.map((value) => ({
                      value,
                      label: value === "skip" ? t("decide.skip") : t(`status.${value}`),
                    })),
                  ]}
                />
              ))}
            </div>
          </fieldset>
        )}
      </div>
    </Card>
  );
}

function Recent() {
  const t = useT();
  const actor = useActor();
  const decisions = useDecisions();
  const rows = decisions.data ?? [];
  if (rows.length === 0) return null;
  const isQuiet = (d: Decision) => d.quiet_left_ms > 0 && decisions.dataUpdatedAt + d.quiet_left_ms > Date.now();
  return (
    <Card title={t("decide.recent")}>
      <Table
        label={t("decide.recent")}
        rows={rows}
        rowKey={(d) => d.id}
        columns={[
          { id: "at", short: true, label: t("decide.at"), render: (d) => <Time ms={d.at_ms} /> },
          { id: "by", short: true, label: t("decide.by"), render: (d) => actor(d.by) },
          {
            id: "what",
            label: t("decide.outcome"),
            render: (d) => t("decide.done", { approved: d.approved, rejected: d.rejected, pending: d.pending }),
          },
          {
            id: "state",
            short: true,
            label: t("decide.state"),
            render: (d) => (
              <Badge tone={d.undone_at_ms ? "plain" : isQuiet(d) ? "warn" : "ok"}>
                {t(d.undone_at_ms ? "decide.state_undone" : isQuiet(d) ? "decide.state_waiting" : "decide.state_done")}
              </Badge>
            ),
          },
          {
            id: "undo",
            short: true,
            label: t("decide.undo"),
            render: (d) => <UndoButton decision={d} isQuiet={isQuiet(d)} />,
          },
        ]}
      />
    </Card>
  );
}
