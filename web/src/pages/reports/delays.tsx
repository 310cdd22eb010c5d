/** How long it takes from the click to the conversion. */
import { useQuery } from "@tanstack/react-query";
import { get } from "../../api/client";
import type { StatQuery } from "../../api/stats";
import type { Delays as Found } from "../../api/types";
import { Card, Note, Skeleton } from "../../components/basic";
import { Problem } from "../../components/form";
import { type Column, Table } from "../../components/table";
import { useFormat, useT } from "../../i18n/all";

type Row = Found["rows"][number];

export function Delays({ query }: { query: StatQuery }) {
  const t = useT();
  const format = useFormat();
  const { from_ms, to_ms, offer, partner, link } = query;
  const wanted = { from_ms, to_ms, offer, partner, link };
  const found = useQuery({
    queryKey: ["stats", "delays", wanted],
    queryFn: ({ signal }) => get<Found>("/stats/delays", wanted, signal),
  });
  if (found.isError) return <Problem error={found.error} />;
  if (!found.data) return <Skeleton lines={6} />;
  const { rows, median_ms, conversions, is_partial } = found.data;
  const most = Math.max(1, ...rows.map((r) => r.conversions));
  const upTo = (row: Row) =>
    rows.filter((r) => r.from_ms <= row.from_ms).reduce((count, r) => count + r.conversions, 0);
  const columns: Column<Row>[] = [
    {
      id: "delay",
      label: t("reports.delay"),
      render: (r) => (
        <>
          {r.to_ms === null
            ? t("reports.delay_over", { from: format.duration(r.from_ms) })
            : t("reports.delay_within", { to: format.duration(r.to_ms) })}
          <svg
            viewBox="0 0 100 4"
            preserveAspectRatio="none"
            width="100%"
            height="4"
            aria-hidden
            style={{ display: "block" }}
          >
            <rect width={(r.conversions / most) * 100} height="4" fill="var(--accent)" opacity="0.55" />
          </svg>
        </>
      ),
    },
    {
      id: "conversions",
      label: t("stat.conversions"),
      numeric: true,
      render: (r) => format.number(r.conversions),
    },
    {
      id: "share",
      label: t("reports.delay_share"),
      numeric: true,
      render: (r) => (conversions ? format.percent(r.conversions / conversions, 1) : "–"),
    },
    {
      id: "up_to",
      label: t("reports.delay_up_to"),
      numeric: true,
      render: (r) => (conversions ? format.percent(upTo(r) / conversions, 1) : "–"),
    },
  ];
  return (
    <Card
      title={t("reports.delays")}
      help={
        median_ms === null
          ? t("reports.delays_none")
          : t("reports.delays_help", { median: format.duration(median_ms), count: conversions })
      }
    >
      {is_partial && <Note>{t("reports.delays_partial")}</Note>}
      <Table label={t("reports.delays")} columns={columns} rows={rows} rowKey={(r) => String(r.from_ms)} />
    </Card>
  );
}
