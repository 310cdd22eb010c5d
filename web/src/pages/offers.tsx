/** Offers (広告 / アプリ): what is advertised. */
import { Megaphone, Plus } from "lucide-react";
import { Link } from "wouter";
import { useCanEdit, useOffers } from "../api/queries";
import type { Offer } from "../api/types";
import { Badge, Empty, LinkButton, RunBadge, Skeleton } from "../components/basic";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { type Column, Table } from "../components/table";
import { useT } from "../i18n/all";

export default function Offers() {
  const t = useT();
  const offers = useOffers();
  const canEdit = useCanEdit();
  const add = canEdit && (
    <LinkButton href="/offers/new" variant="primary" icon={Plus}>
      {t("offers.add")}
    </LinkButton>
  );
  const columns: Column<Offer>[] = [
    { id: "name", label: t("offers.name"), render: (o) => <Link href={`/offers/${o.id}`}>{o.name}</Link> },
    { id: "state", label: t("offers.state"), render: (o) => <RunBadge state={o.state} /> },
    { id: "kind", label: t("offers.kind"), render: (o) => t(`offer_kind.${o.kind}`) },
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
      label: t("offers.destination"),
      render: (o) => <span className="clip mono">{o.destinations.default}</span>,
    },
    { id: "id", label: "CID", render: (o) => <code>{o.id}</code> },
  ];
  return (
    <PageFrame title={t("offers.title")} lead={t("offers.lead")} actions={offers.data?.length ? add : null}>
      {offers.isPending ? (
        <Skeleton />
      ) : offers.isError ? (
        <Problem error={offers.error} />
      ) : offers.data.length === 0 ? (
        <div className="table-box">
          <Empty icon={Megaphone} title={t("offers.empty")} action={add}>
            {t("offers.empty_text")}
          </Empty>
        </div>
      ) : (
        <Table label={t("offers.title")} columns={columns} rows={offers.data} rowKey={(o) => o.id} />
      )}
    </PageFrame>
  );
}
