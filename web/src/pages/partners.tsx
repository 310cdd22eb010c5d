/** Partners (媒体 / 連携先): who sends traffic and wants to be told. */
import { Plus, Users } from "lucide-react";
import { Link } from "wouter";
import { useCanEdit, useLinks, usePartners, useRules } from "../api/queries";
import type { Partner } from "../api/types";
import { Badge, LinkButton, RunBadge } from "../components/basic";
import { useFilters } from "../components/filters";
import { Problem } from "../components/form";
import { GroupField, Listed, SearchField, useSearched } from "../components/listed";
import { PageFrame } from "../components/page";
import { useAddressSorting } from "../components/sorting";
import { type Column, ColumnPicker, Table, useColumns } from "../components/table";
import { useFormat, useT } from "../i18n/all";
import { FigurePeriod, useFigureColumns, useFigures } from "./parts/figures";
import { ListActions } from "./parts/list-actions";

export default function Partners() {
  const t = useT();
  const format = useFormat();
  const partners = usePartners();
  const links = useLinks().data;
  const rules = useRules().data;
  const canEdit = useCanEdit();
  const filters = useFilters();
  const sorting = useAddressSorting(filters);
  const figures = useFigures("partner", filters);
  const figureColumns = useFigureColumns<Partner>(figures, "partner", (p) => p.id);
  const add = canEdit && (
    <LinkButton href="/partners/new" variant="primary" icon={Plus}>
      {t("partners.add")}
    </LinkButton>
  );
  const rulesOf = (id: string) =>
    (rules ?? []).filter((r) => r.scope.type === "partner" && r.scope.partner === id && r.enabled);
  const linksOf = (id: string) => (links ?? []).filter((l) => l.partner === id).length;
  const columns: Column<Partner>[] = [
    {
      id: "name",
      short: true,
      label: t("partners.name"),
      sort: (p) => p.name,
      render: (p) => <Link href={`/partners/${p.id}`}>{p.name}</Link>,
    },
    { id: "state", short: true, label: t("offers.state"), render: (p) => <RunBadge stop={p.stop} /> },
    {
      id: "postback",
      label: t("partners.postback"),
      sort: (p) => rulesOf(p.id).length,
      render: (p) => {
        const count = rulesOf(p.id).length;
        return count > 0 ? (
          <Badge tone="ok">{t("partners.rules_count", { count })}</Badge>
        ) : (
          <Badge tone="warn">{t("partners.no_postback")}</Badge>
        );
      },
    },
    {
      id: "categories",
      label: t("partner.categories"),
      sort: (p) => p.categories.join(" / "),
      render: (p) => p.categories.join(" / "),
      extra: true,
    },
    ...figureColumns,
    {
      id: "params",
      extra: true,
      label: t("partners.parameters"),
      render: (p) => <code>{p.click_parameters.map((c) => c.name).join(", ") || "–"}</code>,
    },
    {
      id: "links",
      label: t("link.one"),
      numeric: true,
      sort: (p) => linksOf(p.id),
      render: (p) => format.number(linksOf(p.id)),
    },
    { id: "note", label: t("form.note"), render: (p) => p.note, extra: true },
    { id: "id", label: "ID", render: (p) => <code>{p.id}</code>, extra: true },
  ];
  const { visible, shown, change } = useColumns("partners", columns);
  const isFound = useSearched(filters);
  const categories = [...new Set((partners.data ?? []).flatMap((p) => p.categories))].sort();
  const inCategory = (p: Partner) => !filters.get("category") || p.categories.includes(filters.get("category"));
  const rows = (partners.data ?? []).filter(inCategory).filter((p) => isFound(p.name, p.id, p.note, ...p.categories));
  return (
    <PageFrame
      title={t("partners.title")}
      lead={t("partners.lead")}
      actions={<ListActions kind="partners" add={add} hasRows={Boolean(partners.data?.length)} />}
    >
      <Listed query={partners} icon={Users} title={t("partners.empty")} text={t("partners.empty_text")} add={add}>
        <FigurePeriod filters={filters} figures={figures} />
        <Problem error={figures.error} />
        <div className="filters">
          <SearchField filters={filters} />
          <GroupField filters={filters} name="category" label={t("partner.categories")} words={categories} />
          <ColumnPicker columns={columns} shown={shown} change={change} />
        </div>
        <Table label={t("partners.title")} columns={visible} rows={rows} rowKey={(p) => p.id} sorting={sorting} />
      </Listed>
    </PageFrame>
  );
}
