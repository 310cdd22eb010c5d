/** 成果ログ: what counts, with its status; approval alone or in bulk. */
import { FileCheck2, Upload } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { post } from "../api/client";
import { useCanEdit, useNames, useRefresh } from "../api/queries";
import type { ActivityRow, ConversionStatus, StatusResults } from "../api/types";
import { Amount, Button, LinkButton, Note, StatusBadge, TestBadge, Time } from "../components/basic";
import { Confirm } from "../components/dialog";
import { useFilters, usePeriod } from "../components/filters";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { type Column, ColumnPicker, PagedTable, useColumns, usePaged } from "../components/table";
import { useT } from "../i18n/all";
import { useCodeText, useKindName } from "./parts/kinds";
import { CsvButton, FilterSelect, LogFrame, SearchFilter, useConfigOptions } from "./parts/log-frame";
import { STATUSES } from "./parts/partner-fields";

/** A session id where it looks like one, else an order number. */
export function idOrUid(text: string): { sid?: string; uid?: string } {
  if (!text) return {};
  return /^[0-9a-z]{16}$/.test(text) ? { sid: text } : { uid: text };
}

export default function Conversions() {
  const t = useT();
  const told = (code: string) => {
    const key = `conversions.${code}`;
    return t.has(key) ? t(key) : code;
  };
  const names = useNames();
  const kindName = useKindName();
  const matchText = useCodeText("match");
  const options = useConfigOptions();
  const filters = useFilters();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const period = usePeriod(filters, "this_month");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [wanted, setWanted] = useState<ConversionStatus | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [result, setResult] = useState<StatusResults | null>(null);
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
  const paged = usePaged<ActivityRow>("/activities", query);
  const columns: Column<ActivityRow>[] = [
    { id: "at", label: t("conversion.at"), render: (r) => <Time ms={r.at_ms} /> },
    {
      id: "event",
      label: t("conversion.event"),
      render: (r) => <Link href={`/trace?q=${r.id}`}>{names.event(r.offer, r.event) || kindName(r.kind)}</Link>,
    },
    {
      id: "status",
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
    { id: "uid", label: t("conversion.uid"), render: (r) => <code>{r.uids[0]}</code> },
    { id: "money", label: t("stat.revenue"), numeric: true, render: (r) => <Amount value={r.money} /> },
    { id: "payout", label: t("stat.payout"), numeric: true, render: (r) => <Amount value={r.payout} /> },
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
    { id: "note", label: t("conversion.note"), render: (r) => r.note, extra: true },
    { id: "id", label: "ID", render: (r) => <code>{r.id}</code>, extra: true },
  ];
  const { visible, shown, change } = useColumns("conversions", columns);
  const apply = (status: ConversionStatus) => {
    setProblem(null);
    post<StatusResults>("/activities/status", { ids: [...chosen], status })
      .then((r) => {
        setResult(r);
        setChosen(new Set());
        return refresh("activities");
      })
      .catch(setProblem);
  };
  return (
    <PageFrame
      title={t("nav.conversions")}
      lead={t("conversions.lead")}
      actions={
        canEdit && (
          <LinkButton href="/conversions/upload" icon={Upload}>
            {t("upload.title")}
          </LinkButton>
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
          </>
        }
      >
        <Problem error={problem} />
        {result && (
          <Note tone={result.changed === result.items.length ? "ok" : "warn"}>
            {t("conversions.changed", { count: result.changed })}
            {result.items
              .filter((item) => item.result !== "changed")
              .map((item) => (
                <div key={item.id}>
                  <code>{item.id}</code> {told(item.result)}
                </div>
              ))}
          </Note>
        )}
        {chosen.size > 0 && (
          <div className="bulk" role="region" aria-label={t("bulk.label")}>
            <strong>{t("bulk.chosen", { count: chosen.size })}</strong>
            <Button size="small" variant="primary" onPress={() => setWanted("approved")}>
              {t("bulk.approve")}
            </Button>
            <Button size="small" variant="danger" onPress={() => setWanted("rejected")}>
              {t("bulk.reject")}
            </Button>
            <Button size="small" onPress={() => setWanted("pending")}>
              {t("bulk.pending")}
            </Button>
            <Button size="small" variant="quiet" onPress={() => setChosen(new Set())}>
              {t("bulk.clear")}
            </Button>
          </div>
        )}
        <PagedTable
          label={t("nav.conversions")}
          columns={visible}
          paged={paged}
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
      <Confirm
        isOpen={wanted !== null}
        onClose={() => setWanted(null)}
        onConfirm={() => wanted && apply(wanted)}
        title={wanted ? t("bulk.title", { count: chosen.size, status: t(`status.${wanted}`) }) : ""}
        action={wanted ? t(`status.${wanted}`) : ""}
        danger={wanted === "rejected"}
      >
        {t("bulk.text")}
      </Confirm>
    </PageFrame>
  );
}
