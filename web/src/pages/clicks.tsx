/** クリックログ: every click and impression. */
import { MousePointerClick } from "lucide-react";
import { Link } from "wouter";
import { useNames } from "../api/queries";
import type { SessionRow } from "../api/types";
import { Badge, BotBadge, LinkButton, TestBadge, Time } from "../components/basic";
import { useFilters, usePeriod } from "../components/filters";
import { systemName, trackerName } from "../components/names";
import { PageFrame } from "../components/page";
import { useServerSorting } from "../components/sorting";
import { type Column, ColumnPicker, PagedTable, useColumns, usePaged } from "../components/table";
import { useT } from "../i18n/all";
import { useKindName } from "./parts/kinds";
import { CsvButton, FilterSelect, LogFrame, SearchFilter, useConfigOptions } from "./parts/log-frame";

export function SessionFlags({ row }: { row: SessionRow }) {
  const t = useT();
  return (
    <span className="row">
      {row.is_test && <TestBadge />}
      {row.is_bot && <BotBadge />}
      {row.is_prefetch && <Badge tone="plain">{t("flag.prefetch")}</Badge>}
      {row.is_repeat && <Badge tone="warn">{t("flag.repeat")}</Badge>}
      {row.is_unique && <Badge tone="ok">{t("flag.unique")}</Badge>}
    </span>
  );
}

const ORDERS = { at: { up: "oldest", down: "newest" } };

export default function Clicks() {
  const t = useT();
  const names = useNames();
  const kindName = useKindName();
  const options = useConfigOptions();
  const filters = useFilters();
  const period = usePeriod(filters, "today");
  const query = {
    from_ms: period.from_ms,
    to_ms: period.to_ms,
    offer: filters.get("offer"),
    partner: filters.get("partner"),
    link: filters.get("link"),
    kind: filters.get("kind"),
    value: filters.get("q"),
    automated: filters.get("automated"),
  };
  const sorting = useServerSorting(filters, ORDERS, "-at");
  const paged = usePaged<SessionRow>("/sessions", { ...query, ...sorting.query });
  const columns: Column<SessionRow>[] = [
    { id: "at", short: true, label: t("click.at"), order: ORDERS.at, render: (r) => <Time ms={r.at_ms} /> },
    {
      id: "sid",
      short: true,
      label: t("click.sid"),
      render: (r) => (
        <Link href={`/trace?q=${r.id}`}>
          <code>{r.id}</code>
        </Link>
      ),
    },
    {
      id: "link",
      short: true,
      label: t("link.one"),
      render: (r) => <Link href={`/links/${r.link}`}>{trackerName(r.tracker_name) || r.link}</Link>,
    },
    { id: "offer", label: t("link.offer"), render: (r) => names.offer(r.offer), extra: true },
    { id: "partner", label: t("link.partner"), render: (r) => names.partner(r.partner) },
    { id: "para1", label: "PARA1", render: (r) => <span className="clip mono">{r.para[0]}</span> },
    {
      id: "device",
      short: true,
      label: t("click.device"),
      render: (r) => [systemName(r.os_name), r.browser].filter(Boolean).join(" / "),
    },
    { id: "flags", short: true, label: t("click.flags"), render: (r) => <SessionFlags row={r} /> },
    {
      id: "kind",
      label: t("click.kind"),
      render: (r) => (r.kind === "direct" ? t("click.direct") : kindName(r.kind)),
      extra: true,
    },
    { id: "country", label: t("click.country"), render: (r) => r.country.toUpperCase(), extra: true },
    { id: "ip", label: "IP", render: (r) => <code>{r.ip}</code>, extra: true },
    {
      id: "para",
      label: "PARA2–5",
      render: (r) => <code>{r.para.slice(1).filter(Boolean).join(" / ")}</code>,
      extra: true,
    },
    { id: "label", label: t("click.label"), render: (r) => r.label, extra: true },
    { id: "referer", label: t("click.referer"), render: (r) => <span className="clip">{r.referer}</span>, extra: true },
    {
      id: "ua",
      label: t("click.user_agent"),
      render: (r) => <span className="clip">{r.user_agent}</span>,
      extra: true,
    },
    {
      id: "dest",
      label: t("link.destination"),
      render: (r) => <span className="clip mono">{r.destination}</span>,
      extra: true,
    },
  ];
  const { visible, shown, change } = useColumns("clicks", columns);
  return (
    <PageFrame title={t("nav.clicks")} lead={t("clicks.lead")}>
      <LogFrame
        name="clicks"
        filters={filters}
        period={period.period}
        selects={
          <>
            <FilterSelect filters={filters} name="offer" label={t("link.offer")} options={options.offers} />
            <FilterSelect filters={filters} name="partner" label={t("link.partner")} options={options.partners} />
            <FilterSelect filters={filters} name="link" label={t("link.one")} options={options.links} />
            <FilterSelect
              filters={filters}
              name="kind"
              label={t("click.kind")}
              options={[
                options.any,
                { value: "click", label: kindName("click") },
                { value: "impression", label: kindName("impression") },
                { value: "direct", label: t("click.direct") },
              ]}
            />
            <FilterSelect
              filters={filters}
              name="automated"
              label={t("click.people")}
              options={[
                options.any,
                { value: "false", label: t("click.people_only") },
                { value: "true", label: t("click.bots_only") },
              ]}
            />
            <SearchFilter filters={filters} hint={t("click.search_hint")} />
          </>
        }
        tools={
          <>
            <ColumnPicker columns={columns} shown={shown} change={change} />
            <CsvButton path="/sessions" query={query} />
          </>
        }
      >
        <PagedTable
          label={t("nav.clicks")}
          columns={visible}
          paged={paged}
          sorting={sorting}
          rowKey={(r) => r.id}
          empty={{
            icon: MousePointerClick,
            title: t("clicks.empty"),
            text: t("clicks.empty_text"),
            action: (
              <LinkButton href="/links" variant="primary">
                {t("clicks.empty_do")}
              </LinkButton>
            ),
          }}
        />
      </LogFrame>
    </PageFrame>
  );
}
