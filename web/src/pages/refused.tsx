/** 成果エラーログ: what does not count, with the reason and what to do. */
import { CircleSlash } from "lucide-react";
import { Link } from "wouter";
import { useNames } from "../api/queries";
import type { ActivityRow } from "../api/types";
import { Amount, Badge, LinkButton, RefusedIcon, TestBadge, Time } from "../components/basic";
import { useFilters, usePeriod } from "../components/filters";
import { PageFrame } from "../components/page";
import { type Column, ColumnPicker, PagedTable, useColumns, usePaged } from "../components/table";
import { type MessageKey, useT } from "../i18n/all";
import { idOrUid } from "./conversions";
import { useCodeText, useKindName } from "./parts/kinds";
import { CsvButton, FilterSelect, LogFrame, SearchFilter, useConfigOptions } from "./parts/log-frame";

/** Fields of a row and characters of each; the trace shows all of it. */
const SENT_SHOWN = 12;
const SENT_LENGTH = 80;

export const REASONS = [
  "unknown_session",
  "missing_session",
  "outside_window",
  "duplicate_uid",
  "duplicate_visitor",
  "duplicate_session",
  "bot",
  "ip_not_allowed",
  "bad_signature",
  "bad_token",
  "wrong_event",
  "wrong_offer",
  "offer_paused",
  "future_timestamp",
  "too_old",
  "invalid_field",
  "out_of_order",
  "unique_event",
  "unknown_device",
  "forgotten_device",
  "invalid_apple_signature",
] as const;

export function Reason({ row }: { row: Pick<ActivityRow, "verdict" | "reason" | "note" | "duplicate_of"> }) {
  const t = useT();
  const text = useCodeText("refusal");
  if (!row.reason) return null;
  const remedy: string = `remedy.${row.reason}`;
  return (
    <div className="stack" style={{ gap: 2 }}>
      <span>
        <Badge tone={row.verdict === "duplicate" ? "warn" : "bad"} icon={RefusedIcon}>
          {text(row.reason)}
        </Badge>
      </span>
      {row.note && <span className="small wrap-any">{row.note}</span>}
      {t.has(remedy) && <span className="small muted">{t(remedy as MessageKey)}</span>}
      {row.duplicate_of && (
        <Link href={`/trace?q=${row.duplicate_of}`} className="small">
          {t("refused.first")}
        </Link>
      )}
    </div>
  );
}

/** What was sent and is shown nowhere else: the SID that is unknown, the event that does not exist. */
function Sent({ fields }: { fields: ActivityRow["fields"] }) {
  return (
    <span className="small wrap-any">
      {fields.slice(0, SENT_SHOWN).map(([name, value], i) => (
        <span key={i}>
          {i > 0 && " "}
          <code>
            {name}={value.length > SENT_LENGTH ? `${value.slice(0, SENT_LENGTH)}…` : value}
          </code>
        </span>
      ))}
      {fields.length > SENT_SHOWN && " …"}
    </span>
  );
}

export default function Refused() {
  const t = useT();
  const names = useNames();
  const kindName = useKindName();
  const reasonText = useCodeText("refusal");
  const options = useConfigOptions();
  const filters = useFilters();
  const period = usePeriod(filters, "last_7d");
  const query = {
    verdict: filters.get("verdict") || "not_accepted",
    from_ms: period.from_ms,
    to_ms: period.to_ms,
    offer: filters.get("offer"),
    partner: filters.get("partner"),
    reason: filters.get("reason"),
    ...idOrUid(filters.get("q")),
  };
  const paged = usePaged<ActivityRow>("/activities", query);
  const columns: Column<ActivityRow>[] = [
    { id: "at", label: t("conversion.at"), render: (r) => <Time ms={r.at_ms} /> },
    { id: "reason", label: t("refused.reason"), render: (r) => <Reason row={r} /> },
    {
      id: "what",
      label: t("conversion.event"),
      render: (r) => (
        <span className="row">
          {names.event(r.offer, r.event) || kindName(r.kind)}
          {r.is_test && <TestBadge />}
        </span>
      ),
    },
    { id: "offer", label: t("link.offer"), render: (r) => names.offer(r.offer) },
    { id: "uid", label: t("conversion.uid"), render: (r) => <code>{r.uids[0]}</code> },
    { id: "money", label: t("stat.revenue"), numeric: true, render: (r) => <Amount value={r.money} /> },
    { id: "fields", label: t("refused.sent"), render: (r) => <Sent fields={r.fields} /> },
    {
      id: "trace",
      label: t("nav.trace"),
      render: (r) => (
        <Link href={`/trace?q=${r.id}`}>
          <code>{r.id}</code>
        </Link>
      ),
    },
    { id: "partner", label: t("link.partner"), render: (r) => names.partner(r.partner), extra: true },
    { id: "ip", label: "IP", render: (r) => <code>{r.ip}</code>, extra: true },
    {
      id: "ua",
      label: t("click.user_agent"),
      render: (r) => <span className="clip">{r.user_agent}</span>,
      extra: true,
    },
  ];
  const { visible, shown, change } = useColumns("refused", columns);
  return (
    <PageFrame title={t("nav.refused")} lead={t("refused.lead")}>
      <LogFrame
        name="refused"
        filters={filters}
        period={period.period}
        selects={
          <>
            <FilterSelect
              filters={filters}
              name="reason"
              label={t("refused.reason")}
              options={[options.any, ...REASONS.map((value) => ({ value, label: reasonText(value) }))]}
            />
            <FilterSelect filters={filters} name="offer" label={t("link.offer")} options={options.offers} />
            <FilterSelect filters={filters} name="partner" label={t("link.partner")} options={options.partners} />
            <SearchFilter filters={filters} hint={t("filter.search_hint")} />
          </>
        }
        tools={
          <>
            <ColumnPicker columns={columns} shown={shown} change={change} />
            <CsvButton path="/activities" query={query} />
          </>
        }
      >
        <PagedTable
          label={t("nav.refused")}
          columns={visible}
          paged={paged}
          rowKey={(r) => r.id}
          empty={{
            icon: CircleSlash,
            title: t("refused.empty"),
            text: t("refused.empty_text"),
            action: <LinkButton href="/conversions">{t("nav.conversions")}</LinkButton>,
          }}
        />
      </LogFrame>
    </PageFrame>
  );
}
