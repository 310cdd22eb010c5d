/** Rules (ポストバック設定): when what is sent where, as sentences. */
import { ListChecks, Plus } from "lucide-react";
import { Link } from "wouter";
import { useCanEdit, useNames, useRules } from "../api/queries";
import type { Rule } from "../api/types";
import { Badge, LinkButton } from "../components/basic";
import { useFilters } from "../components/filters";
import { Listed, SearchField, useSearched } from "../components/listed";
import { PageFrame } from "../components/page";
import { useAddressSorting } from "../components/sorting";
import { type Column, Table } from "../components/table";
import { useT } from "../i18n/all";
import { useKindName } from "./parts/kinds";
import { ListActions } from "./parts/list-actions";

export default function Rules() {
  const t = useT();
  const rules = useRules();
  const names = useNames();
  const kindName = useKindName();
  const filters = useFilters();
  const sorting = useAddressSorting(filters);
  const isFound = useSearched(filters);
  const whom = (r: Rule) =>
    r.scope.type === "offer"
      ? t("rules.offer_wide", { offer: names.offer(r.scope.offer) })
      : [names.partner(r.scope.partner), names.offer(r.scope.offer)].filter(Boolean).join(" × ");
  const when = (r: Rule) => {
    const kinds = r.kinds.length ? r.kinds.map(kindName).join(t("list.separator")) : t("rules.all_kinds");
    const event = r.event ? ` · ${names.event(r.scope.offer, r.event)}` : "";
    const statuses = r.statuses.length ? ` · ${r.statuses.map((s) => t(`status.${s}`)).join(t("list.separator"))}` : "";
    return kinds + event + statuses;
  };
  const canEdit = useCanEdit();
  const add = canEdit && (
    <LinkButton href="/rules/new" variant="primary" icon={Plus}>
      {t("rules.add")}
    </LinkButton>
  );
  const columns: Column<Rule>[] = [
    {
      id: "name",
      label: t("rules.name"),
      sort: (r) => r.name || r.id,
      render: (r) => <Link href={`/rules/${r.id}`}>{r.name || r.id}</Link>,
    },
    { id: "whom", label: t("rules.whom"), sort: whom, render: whom },
    { id: "when", label: t("rules.when"), sort: when, render: when },
    {
      id: "text",
      label: t("rule.then"),
      render: (r) => <span className="clip mono">{`${r.method} ${r.text}`}</span>,
    },
    {
      id: "state",
      label: t("offers.state"),
      sort: (r) => (r.broken ? 0 : r.enabled ? 2 : 1),
      render: (r) =>
        r.broken ? (
          <Badge tone="bad">{t("rule.does_not_work")}</Badge>
        ) : r.enabled ? (
          <Badge tone="ok">{t("rule.on")}</Badge>
        ) : (
          <Badge tone="plain">{t("rule.off")}</Badge>
        ),
    },
  ];
  const rows = (rules.data ?? []).filter((r) => isFound(r.name, r.id, r.text, whom(r)));
  return (
    <PageFrame
      title={t("rules.title")}
      lead={t("rules.lead")}
      actions={<ListActions kind="rules" add={add} hasRows={Boolean(rules.data?.length)} />}
    >
      <Listed query={rules} icon={ListChecks} title={t("rules.empty")} text={t("rules.empty_text")} add={add}>
        <div className="filters">
          <SearchField filters={filters} />
        </div>
        <Table label={t("rules.title")} columns={columns} rows={rows} rowKey={(r) => r.id} sorting={sorting} />
      </Listed>
    </PageFrame>
  );
}
