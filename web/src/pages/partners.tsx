/** Partners (媒体 / 連携先): who sends traffic and wants to be told. */
import { Plus, Users } from "lucide-react";
import { Link } from "wouter";
import { useCanEdit, useLinks, usePartners, useRules } from "../api/queries";
import type { Partner } from "../api/types";
import { Badge, Empty, LinkButton, Skeleton } from "../components/basic";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { type Column, Table } from "../components/table";
import { useFormat, useT } from "../i18n/all";

export default function Partners() {
  const t = useT();
  const format = useFormat();
  const partners = usePartners();
  const links = useLinks().data;
  const rules = useRules().data;
  const canEdit = useCanEdit();
  const add = canEdit && (
    <LinkButton href="/partners/new" variant="primary" icon={Plus}>
      {t("partners.add")}
    </LinkButton>
  );
  const rulesOf = (id: string) =>
    (rules ?? []).filter((r) => r.scope.type === "partner" && r.scope.partner === id && r.enabled);
  const columns: Column<Partner>[] = [
    { id: "name", label: t("partners.name"), render: (p) => <Link href={`/partners/${p.id}`}>{p.name}</Link> },
    {
      id: "postback",
      label: t("partners.postback"),
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
      id: "params",
      label: t("partners.parameters"),
      render: (p) => <code>{p.click_parameters.map((c) => c.name).join(", ") || "–"}</code>,
    },
    {
      id: "links",
      label: t("link.one"),
      numeric: true,
      render: (p) => format.number((links ?? []).filter((l) => l.partner === p.id).length),
    },
    { id: "id", label: "ID", render: (p) => <code>{p.id}</code> },
  ];
  return (
    <PageFrame title={t("partners.title")} lead={t("partners.lead")} actions={partners.data?.length ? add : null}>
      {partners.isPending ? (
        <Skeleton />
      ) : partners.isError ? (
        <Problem error={partners.error} />
      ) : partners.data.length === 0 ? (
        <div className="table-box">
          <Empty icon={Users} title={t("partners.empty")} action={add}>
            {t("partners.empty_text")}
          </Empty>
        </div>
      ) : (
        <Table label={t("partners.title")} columns={columns} rows={partners.data} rowKey={(p) => p.id} />
      )}
    </PageFrame>
  );
}
