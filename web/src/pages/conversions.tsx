/** 成果ログ: what counts, with its status; approval alone or in bulk. */
import { CheckCheck, FileCheck2, ListChecks, Upload } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { useCanEdit, useNames } from "../api/queries";
import type { ActivityRow, ConversionStatus, Deciding, DecisionRequest } from "../api/types";
import { Amount, Button, LinkButton, StatusBadge, TestBadge, Time } from "../components/basic";
import { useFilters, usePeriod } from "../components/filters";
import { PageFrame } from "../components/page";
import { useServerSorting } from "../components/sorting";
import { type Column, ColumnPicker, PagedTable, useColumns, usePaged } from "../components/table";
import { useI18n } from "../i18n/all";
import { DecideDialog, DecisionProgress } from "./parts/decide";
import { idOrUid } from "./parts/id-or-uid";
import { useCodeText, useKindName } from "./parts/kinds";
import { BulkBar, CsvButton, FilterSelect, LogFrame, SearchFilter, useConfigOptions } from "./parts/log-frame";
import { STATUSES } from "./parts/partner-fields";
import { sentNote } from "./parts/sent-note";

const ORDERS = {
  at: { up: "oldest", down: "newest" },
  money: { up: "lowest_revenue", down: "highest_revenue" },
  payout: { up: "lowest_payout", down: "highest_payout" },
};

/** The parts of a query that are set, as the filter of a decision. */
function filterOf(query: Record<string, unknown>): NonNullable<DecisionRequest["filter"]> {
  const set = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return Object.fromEntries(set);
}

export default function Conversions() {
  const { t, language } = useI18n();
  const names = useNames();
  const kindName = useKindName();
  const matchText = useCodeText("match");
  const options = useConfigOptions();
  const filters = useFilters();
  const canEdit = useCanEdit();
  const period = usePeriod(filters, "this_month");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<{ status: ConversionStatus; of: "chosen" | "filter" } | null>(null);
  const [deciding, setDeciding] = useState<Deciding | null>(null);
  const query = {
    verdict: "accepted",
    from_ms: period.from_ms,
    to_ms: period.to_ms,
    offer: filters.get("offer"),
    partner: filters.get("partner"),
    link: filters.get("link"),
    event: filters.get("event"),
    status: filters.get("status"),
    conversions: true,
    ...idOrUid(filters.get("q")),
  };
  const sorting = useServerSorting(filters, ORDERS, "-at");
  const paged = usePaged<ActivityRow>("/activities", { ...query, ...sorting.query });
  const columns: Column<ActivityRow>[] = [
    { id: "at", short: true, label: t("conversion.at"), order: ORDERS.at, render: (r) => <Time ms={r.at_ms} /> },
    {
      id: "event",
      short: true,
      label: t("conversion.event"),
      render: (r) => <Link href={`/trace?q=${r.id}`}>{names.event(r.offer, r.event) || kindName(r.kind)}</Link>,
    },
    {
      id: "status",
      short: true,
      label: t("conversion.status"),
      render: (r) => (
        <span className="row">
          <StatusBadge status={r.status} />
          {r.is_test && <TestBadge />}
        </span>
      ),
    },
    {
      id: "partner",
      label: t("link.partner"),
      render: (r) => names.partner(r.partner) || <span className="muted">{t("conversion.organic")}</span>,
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
    {
      id: "payout",
      label: t("stat.payout"),
      numeric: true,
      order: ORDERS.payout,
      render: (r) => <Amount value={r.payout} />,
    },
    {
      id: "sid",
      label: t("click.sid"),
      render: (r) =>
        r.session && (
          <Link href={`/trace?q=${r.session}`}>
            <code>{r.session}</code>
          </Link>
        ),
      extra: true,
    },
    { id: "kind", label: t("conversion.kind"), render: (r) => kindName(r.kind), extra: true },
    { id: "match", label: t("conversion.match"), render: (r) => matchText(r.match_type), extra: true },
    { id: "link", label: t("link.one"), render: (r) => r.link && <code>{r.link}</code>, extra: true },
    { id: "tuid", label: "TUID", render: (r) => <code>{r.tuid}</code>, extra: true },
    { id: "note", label: t("conversion.note"), render: (r) => sentNote(r.note, language, t), extra: true },
    { id: "id", label: "ID", render: (r) => <code>{r.id}</code>, extra: true },
  ];
  const { visible, shown, change } = useColumns("conversions", columns);
  return (
    <PageFrame
      title={t("nav.conversions")}
      lead={t("conversions.lead")}
      actions={
        canEdit && (
          <>
            <LinkButton href="/conversions/decide" icon={ListChecks}>
              {t("decide.title")}
            </LinkButton>
            <LinkButton href="/conversions/upload" icon={Upload}>
              {t("upload.title")}
            </LinkButton>
          </>
        )
      }
    >
      <LogFrame
        name="conversions"
        filters={filters}
        period={period.period}
        selects={
          <>
            <FilterSelect
              filters={filters}
              name="status"
              label={t("conversion.status")}
              options={[options.any, ...STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))]}
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
            {canEdit && (
              <Button size="small" icon={CheckCheck} onPress={() => setAsked({ status: "approved", of: "filter" })}>
                {t("decide.all")}
              </Button>
            )}
          </>
        }
      >
        {deciding && <DecisionProgress key={deciding.decision} deciding={deciding} />}
        <BulkBar count={chosen.size} clear={() => setChosen(new Set())}>
          <Button size="small" variant="primary" onPress={() => setAsked({ status: "approved", of: "chosen" })}>
            {t("bulk.approve")}
          </Button>
          <Button size="small" variant="danger" onPress={() => setAsked({ status: "rejected", of: "chosen" })}>
            {t("bulk.reject")}
          </Button>
          <Button size="small" onPress={() => setAsked({ status: "pending", of: "chosen" })}>
            {t("bulk.pending")}
          </Button>
        </BulkBar>
        <PagedTable
          label={t("nav.conversions")}
          columns={visible}
          paged={paged}
          sorting={sorting}
          rowKey={(r) => r.id}
          {...(canEdit ? { selection: { chosen, setChosen } } : {})}
          empty={{
            icon: FileCheck2,
            title: t("conversions.empty"),
            text: t("conversions.empty_text"),
            action: (
              <LinkButton href="/help/start" variant="primary">
                {t("conversions.empty_do")}
              </LinkButton>
            ),
          }}
        />
      </LogFrame>
      {asked && (
        <DecideDialog
          request={asked.of === "chosen" ? { ids: [...chosen] } : { filter: filterOf(query) }}
          title={asked.of === "chosen" ? t("decide.of_chosen", { count: chosen.size }) : t("decide.all_title")}
          {...(asked.of === "filter" ? { text: t("decide.all_text") } : {})}
          status={asked.status}
          onClose={() => setAsked(null)}
          onStarted={(begun) => {
            setDeciding(begun);
            setChosen(new Set());
          }}
        />
      )}
    </PageFrame>
  );
}
