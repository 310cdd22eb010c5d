/** Offers (広告 / アプリ): what is advertised. */
import { Megaphone, Plus } from "lucide-react";
import { Link } from "wouter";
import { useCanEdit, useOffers } from "../api/queries";
import type { Offer } from "../api/types";
import { Badge, LinkButton, RunBadge } from "../components/basic";
import { useFilters } from "../components/filters";
import { Problem } from "../components/form";
import { GroupField, Listed, SearchField, useSearched } from "../components/listed";
import { PageFrame } from "../components/page";
import { useAddressSorting } from "../components/sorting";
import { type Column, ColumnPicker, Table, useColumns } from "../components/table";
import { useT } from "../i18n/all";
import { FigurePeriod, useFigureColumns, useFigures } from "./parts/figures";

export default function Offers() {
  const t = useT();
  const offers = useOffers();
  const canEdit = useCanEdit();
  const filters = useFilters();
  const sorting = useAddressSorting(filters);
  const figures = useFigures("offer", filters);
  const figureColumns = useFigureColumns<Offer>(figures, "offer", (o) => o.id);
  const add = canEdit && (
    <LinkButton href="/offers/new" variant="primary" icon={Plus}>
      {t("offers.add")}
    </LinkButton>
  );
  const columns: Column<Offer>[] = [
    {
      id: "name",
      short: true,
      label: t("offers.name"),
      sort: (o) => o.name,
      render: (o) => <Link href={`/offers/${o.id}`}>{o.name}</Link>,
    },
    {
      id: "state",
      short: true,
      label: t("offers.state"),
      sort: (o) => o.state,
      render: (o) => <RunBadge {...o} />,
    },
    { id: "group", label: t("offer.group"), sort: (o) => o.group, render: (o) => o.group, extra: true },
    ...figureColumns,
    {
      id: "kind",
      short: true,
      label: t("offers.kind"),
      sort: (o) => t(`offer_kind.${o.kind}`),
      render: (o) => t(`offer_kind.${o.kind}`),
    },
    {
      id: "events",
      label: t("offers.events"),
      render: (o) => (
        <span className="row">
          {o.events.map((e) => (
            <Badge key={e.token ?? e.name} tone="plain">
              {e.name}
            </Badge>
          ))}
        </span>
      ),
    },
    {
      id: "dest",
      extra: true,
      label: t("offers.destination"),
      render: (o) => <span className="clip mono">{o.destinations.default}</span>,
    },
    { id: "id", label: "CID", render: (o) => <code>{o.id}</code> },
  ];
  const { visible, shown, change } = useColumns("offers", columns);
  const isFound = useSearched(filters);
  const groups = [...new Set((offers.data ?? []).map((o) => o.group).filter(Boolean))].sort();
  const inGroup = (o: Offer) => !filters.get("group") || o.group === filters.get("group");
  const rows = (offers.data ?? [])
    .filter(inGroup)
    .filter((o) => isFound(o.name, o.id, o.group, o.destinations.default));
  return (
    <PageFrame title={t("offers.title")} lead={t("offers.lead")} actions={offers.data?.length ? add : null}>
      <Listed query={offers} icon={Megaphone} title={t("offers.empty")} text={t("offers.empty_text")} add={add}>
        <FigurePeriod filters={filters} figures={figures} />
        <Problem error={figures.error} />
        <div className="filters">
          <SearchField filters={filters} />
          <GroupField filters={filters} name="group" label={t("offer.group")} words={groups} />
          <ColumnPicker columns={columns} shown={shown} change={change} />
        </div>
        <Table label={t("offers.title")} columns={visible} rows={rows} rowKey={(o) => o.id} sorting={sorting} />
      </Listed>
    </PageFrame>
  );
}
