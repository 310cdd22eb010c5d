/** Links (クリックURL): one offer at one partner. */
import { Link2, Plus, Printer } from "lucide-react";
import { Link } from "wouter";
import { useCanEdit, useLinks, useNames } from "../api/queries";
import type { Link as TrackingLink } from "../api/types";
import { CopyButton, Empty, LinkButton, RunBadge, Skeleton, Time } from "../components/basic";
import { useFilters } from "../components/filters";
import { Problem, TextField } from "../components/form";
import { PageFrame } from "../components/page";
import { type Column, ColumnPicker, Table, useColumns } from "../components/table";
import { useT } from "../i18n/all";

export function linkName(link: TrackingLink): string {
  return [link.network, link.campaign, link.adgroup, link.creative].filter(Boolean).join(" › ");
}

export default function Links() {
  const t = useT();
  const links = useLinks();
  const names = useNames();
  const filters = useFilters();
  const wanted = filters.get("q").normalize("NFKC").toLowerCase();
  const canEdit = useCanEdit();
  const add = canEdit && (
    <LinkButton href="/links/new" variant="primary" icon={Plus}>
      {t("links.add")}
    </LinkButton>
  );
  const columns: Column<TrackingLink>[] = [
    { id: "name", label: t("links.name"), render: (l) => <Link href={`/links/${l.token}`}>{linkName(l)}</Link> },
    { id: "offer", label: t("link.offer"), render: (l) => names.offer(l.offer) },
    {
      id: "partner",
      label: t("link.partner"),
      render: (l) => names.partner(l.partner) || <span className="muted">{t("links.own")}</span>,
    },
    { id: "state", label: t("offers.state"), render: (l) => <RunBadge state={l.state} /> },
    { id: "token", label: t("links.token"), render: (l) => <code>{l.token}</code> },
    { id: "created", label: t("links.created"), render: (l) => <Time ms={l.created_at_ms} mode="date" />, extra: true },
    { id: "note", label: t("form.note"), render: (l) => l.note, extra: true },
    {
      id: "copy",
      label: t("links.to_copy"),
      render: (l) => (
        <span className="row one-line">
          <CopyButton text={l.urls.submission_url} label={t("link.submission_short")} />
          <LinkButton href={`/links/${l.token}/hand-out`} size="small" icon={Printer}>
            {t("link.hand_out_short")}
          </LinkButton>
        </span>
      ),
    },
  ];
  const { visible, shown, change } = useColumns("links", columns);
  const rows = (links.data ?? []).filter(
    (l) =>
      !wanted ||
      [linkName(l), l.token, l.note, names.offer(l.offer), names.partner(l.partner)]
        .join(" ")
        .normalize("NFKC")
        .toLowerCase()
        .includes(wanted),
  );
  return (
    <PageFrame title={t("links.title")} lead={t("links.lead")} actions={links.data?.length ? add : null}>
      {links.isPending ? (
        <Skeleton />
      ) : links.isError ? (
        <Problem error={links.error} />
      ) : links.data.length === 0 ? (
        <div className="table-box">
          <Empty icon={Link2} title={t("links.empty")} action={add}>
            {t("links.empty_text")}
          </Empty>
        </div>
      ) : (
        <>
          <div className="filters">
            <TextField
              label={t("form.search")}
              type="search"
              value={filters.get("q")}
              onChange={(q) => filters.set({ q })}
            />
            <ColumnPicker columns={columns} shown={shown} change={change} />
          </div>
          <Table label={t("links.title")} columns={visible} rows={rows} rowKey={(l) => l.token} />
        </>
      )}
    </PageFrame>
  );
}
