/** Which parameters of a link arrive empty or as unfilled macros, among its newest clicks. */
import { useQuery } from "@tanstack/react-query";
import { get } from "../../api/client";
import { usePartners } from "../../api/queries";
import type { Link, Page, SessionRow } from "../../api/types";
import { Badge, Card } from "../../components/basic";
import { Table } from "../../components/table";
import { useFormat, useT } from "../../i18n/all";
import { countParameters, type ParameterCount } from "./parameter-count";

const LOOKED_AT = 200;

export function LinkParameters({ link }: { link: Link }) {
  const t = useT();
  const format = useFormat();
  const partner = usePartners().data?.find((p) => p.id === link.partner);
  const clicks = useQuery({
    queryKey: ["sessions", "parameters", link.token],
    queryFn: () => get<Page<SessionRow>>("/sessions", { link: link.token, test: false, limit: LOOKED_AT }),
  }).data?.items;
  if (!clicks || clicks.length === 0) return null;
  const counts = countParameters(clicks, partner?.click_parameters ?? []);
  const state = (c: ParameterCount) =>
    c.unfilled > 0 ? (
      <Badge tone="bad">{t("parameters.unfilled_state")}</Badge>
    ) : c.filled === 0 ? (
      <Badge tone="warn">{t("parameters.empty_state")}</Badge>
    ) : c.empty > 0 ? (
      <Badge tone="warn">{t("parameters.partly_state")}</Badge>
    ) : (
      <Badge tone="ok">{t("parameters.ok_state")}</Badge>
    );
  return (
    <Card title={t("parameters.title")} help={t("parameters.help", { count: clicks.length })} flush>
      <Table
        label={t("parameters.title")}
        rows={counts}
        rowKey={(c) => c.name}
        columns={[
          {
            id: "name",
            short: true,
            label: t("parameters.name"),
            sort: (c) => c.name,
            render: (c) => <code>{c.name}</code>,
          },
          { id: "state", short: true, label: t("offers.state"), render: state },
          {
            id: "filled",
            label: t("parameters.filled"),
            numeric: true,
            sort: (c) => c.filled,
            render: (c) => format.number(c.filled),
          },
          {
            id: "empty",
            label: t("parameters.empty"),
            numeric: true,
            sort: (c) => c.empty,
            render: (c) => format.number(c.empty),
          },
          {
            id: "unfilled",
            label: t("parameters.unfilled"),
            numeric: true,
            sort: (c) => c.unfilled,
            render: (c) => format.number(c.unfilled),
          },
          { id: "sample", label: t("parameters.sample"), render: (c) => <span className="clip mono">{c.sample}</span> },
        ]}
      />
    </Card>
  );
}
