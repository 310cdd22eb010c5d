/** 成果エラーログ: what does not count, with the reason and what to do. */
import { CircleSlash } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { post } from "../api/client";
import { useCanEdit, useNames, useRefresh } from "../api/queries";
import type { AcceptResults, ActivityRow, DeleteResult } from "../api/types";
import { Amount, Badge, Button, LinkButton, Note, RefusedIcon, TestBadge, Time } from "../components/basic";
import { Confirm } from "../components/dialog";
import { useFilters, usePeriod } from "../components/filters";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { useServerSorting } from "../components/sorting";
import { type Column, ColumnPicker, PagedTable, useColumns, usePaged } from "../components/table";
import { type MessageKey, useI18n, useT } from "../i18n/all";
import { idOrUid } from "./parts/id-or-uid";
import { useCodeText, useKindName } from "./parts/kinds";
import { BulkBar, CsvButton, FilterSelect, LogFrame, SearchFilter, useConfigOptions } from "./parts/log-frame";
import { sentNote } from "./parts/sent-note";

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
  "unknown_order",
  "ambiguous_order",
  "over_bound",
] as const;

export function Reason({ row }: { row: Pick<ActivityRow, "verdict" | "reason" | "note" | "duplicate_of"> }) {
  const { t, language } = useI18n();
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
      {row.note && <span className="small wrap-any">{sentNote(row.note, language, t)}</span>}
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

const ORDERS = {
  at: { up: "oldest", down: "newest" },
  money: { up: "lowest_revenue", down: "highest_revenue" },
};

export default function Refused() {
  const t = useT();
  const names = useNames();
  const kindName = useKindName();
  const reasonText = useCodeText("refusal");
  const told = (code: string) => {
    const key = `refused.${code}`;
    return t.has(key) ? t(key as MessageKey) : reasonText(code);
  };
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
  const sorting = useServerSorting(filters, ORDERS, "-at");
  const paged = usePaged<ActivityRow>("/activities", { ...query, ...sorting.query });
  const canEdit = useCanEdit();
  const refresh = useRefresh();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<"accept" | "delete" | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [accepted, setAccepted] = useState<AcceptResults | null>(null);
  const [deleted, setDeleted] = useState<number | null>(null);
  const columns: Column<ActivityRow>[] = [
    { id: "at", short: true, label: t("conversion.at"), order: ORDERS.at, render: (r) => <Time ms={r.at_ms} /> },
    { id: "reason", short: true, label: t("refused.reason"), render: (r) => <Reason row={r} /> },
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
    { id: "uid", short: true, label: t("conversion.uid"), render: (r) => <code>{r.uids[0]}</code> },
    {
      id: "money",
      short: true,
      label: t("stat.revenue"),
      numeric: true,
      order: ORDERS.money,
      render: (r) => <Amount value={r.money} />,
    },
    { id: "fields", label: t("refused.sent"), render: (r) => <Sent fields={r.fields} /> },
    {
      id: "trace",
      short: true,
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
  const accept = () => {
    setProblem(null);
    post<AcceptResults>("/activities/refused/accept", { ids: [...chosen] })
      .then((r) => {
        setAccepted(r);
        setChosen(new Set());
        return refresh("activities");
      })
      .catch(setProblem);
  };
  const remove = async () => {
    setProblem(null);
    setDeleted(0);
    const { from_ms, to_ms, offer, reason } = query;
    const wanted = { from_ms, to_ms, offer: offer || null, reason: reason || null };
    try {
      let total = 0;
      let behind: string | null = null;
      do {
        const part: DeleteResult = await post("/activities/refused/delete", { ...wanted, behind });
        total += part.deleted;
        behind = part.more;
        setDeleted(total);
      } while (behind);
      setChosen(new Set());
      await refresh("activities");
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <PageFrame
      title={t("nav.refused")}
      lead={t("refused.lead")}
      actions={
        canEdit && (
          <Button variant="danger" onPress={() => setAsked("delete")}>
            {t("refused.delete")}
          </Button>
        )
      }
    >
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
        <Problem error={problem} />
        {deleted !== null && <Note tone="ok">{t("refused.deleted", { count: deleted })}</Note>}
        {accepted && (
          <Note tone={accepted.accepted === accepted.items.length ? "ok" : "warn"}>
            {t("refused.accepted", { count: accepted.accepted })}
            {accepted.items
              .filter((item) => item.result !== "accepted")
              .map((item) => (
                <div key={item.id}>
                  <code>{item.id}</code> {told(item.result)}
                </div>
              ))}
          </Note>
        )}
        <BulkBar count={chosen.size} clear={() => setChosen(new Set())}>
          <Button size="small" variant="primary" onPress={() => setAsked("accept")}>
            {t("refused.accept")}
          </Button>
        </BulkBar>
        <PagedTable
          label={t("nav.refused")}
          columns={visible}
          paged={paged}
          sorting={sorting}
          rowKey={(r) => r.id}
          {...(canEdit ? { selection: { chosen, setChosen } } : {})}
          empty={{
            icon: CircleSlash,
            title: t("refused.empty"),
            text: t("refused.empty_text"),
            action: <LinkButton href="/conversions">{t("nav.conversions")}</LinkButton>,
          }}
        />
      </LogFrame>
      <Confirm
        isOpen={asked === "accept"}
        onClose={() => setAsked(null)}
        onConfirm={accept}
        title={t("refused.accept_title", { count: chosen.size })}
        action={t("refused.accept")}
      >
        {t("refused.accept_text")}
      </Confirm>
      <Confirm
        isOpen={asked === "delete"}
        onClose={() => setAsked(null)}
        onConfirm={() => void remove()}
        title={t("refused.delete_title")}
        action={t("refused.delete_do")}
        danger
      >
        {t("refused.delete_text")}
      </Confirm>
    </PageFrame>
  );
}
