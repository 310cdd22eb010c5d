/** Links (クリックURL): one offer at one partner. */
import { Link2, Plus } from "lucide-react";
import { Link } from "wouter";
import { useCanEdit, useLinks, useNames } from "../api/queries";
import type { Link as TrackingLink } from "../api/types";
import { LinkButton, RunBadge, Time } from "../components/basic";
import { useFilters } from "../components/filters";
import { Problem } from "../components/form";
import { Listed, SearchField, useSearched } from "../components/listed";
import { PageFrame } from "../components/page";
import { useAddressSorting } from "../components/sorting";
import { type Column, ColumnPicker, Table, useColumns } from "../components/table";
import { useT } from "../i18n/all";
import { FigurePeriod, useFigureColumns, useFigures } from "./parts/figures";
import { HandOver } from "./parts/hand-over";
import { linkName } from "./parts/link-name";
import { ListActions } from "./parts/list-actions";

export default function Links() {
  const t = useT();
  const links = useLinks();
  const names = useNames();
  const filters = useFilters();
  const sorting = useAddressSorting(filters);
  const figures = useFigures("link", filters);
  const figureColumns = useFigureColumns<TrackingLink>(figures, "link", (l) => l.token);
  const isFound = useSearched(filters);
  const canEdit = useCanEdit();
  const add = canEdit && (
    <LinkButton href="/links/new" variant="primary" icon={Plus}>
      {t("links.add")}
    </LinkButton>
  );
  const columns: Column<TrackingLink>[] = [
    {
      id: "name",
      short: true,
      label: t("links.name"),
      sort: linkName,
      render: (l) => <Link href={`/links/${l.token}`}>{linkName(l)}</Link>,
    },
    { id: "offer", label: t("link.offer"), sort: (l) => names.offer(l.offer), render: (l) => names.offer(l.offer) },
    {
      id: "partner",
      label: t("link.partner"),
      sort: (l) => names.partner(l.partner),
      render: (l) => names.partner(l.partner) || <span className="muted">{t("links.own")}</span>,
    },
    {
      id: "state",
      short: true,
      label: t("offers.state"),
      sort: (l) => l.state,
      render: (l) => <RunBadge {...l} />,
    },
    ...figureColumns,
    {
      id: "token",
      short: true,
      label: t("links.token"),
      sort: (l) => l.token,
      render: (l) => <code>{l.token}</code>,
      extra: true,
    },
    {
      id: "created",
      label: t("links.created"),
      sort: (l) => l.created_at_ms,
      render: (l) => <Time ms={l.created_at_ms} mode="date" />,
      extra: true,
    },
    { id: "note", label: t("form.note"), render: (l) => l.note, extra: true },
    {
      id: "copy",
      label: t("links.to_copy"),
      render: (l) => <HandOver link={l} />,
    },
  ];
  const { visible, shown, change } = useColumns("links2", columns);
  const rows = (links.data ?? []).filter((l) =>
    isFound(linkName(l), l.token, l.note, names.offer(l.offer), names.partner(l.partner)),
  );
  return (
    <PageFrame
      title={t("links.title")}
      lead={t("links.lead")}
      actions={<ListActions kind="links" add={add} hasRows={Boolean(links.data?.length)} />}
    >
      <Listed query={links} icon={Link2} title={t("links.empty")} text={t("links.empty_text")} add={add}>
        <FigurePeriod filters={filters} figures={figures} />
        <Problem error={figures.error} />
        <div className="filters">
          <SearchField filters={filters} />
          <ColumnPicker columns={columns} shown={shown} change={change} />
        </div>
        <Table label={t("links.title")} columns={visible} rows={rows} rowKey={(l) => l.token} sorting={sorting} />
      </Listed>
    </PageFrame>
  );
}
