/** The destinations that have something waiting, and which of them are unwell. */
import { isUnwell, useQueue } from "../../api/system";
import { Badge, Card, Time } from "../../components/basic";
import { Table } from "../../components/table";
import { useFormat, useT } from "../../i18n/all";

const TONES = { healthy: "ok", new: "plain", failing: "warn", open: "bad", paused: "warn" } as const;

export function Lanes() {
  const t = useT();
  const format = useFormat();
  const lanes = (useQueue().data?.lanes ?? []).filter((l) => l.waiting > 0 || isUnwell(l));
  if (lanes.length === 0) return null;
  return (
    <div style={{ marginBottom: 24 }}>
      <Card title={t("lanes.title")} help={t("lanes.help")} flush>
        <Table
          label={t("lanes.title")}
          rows={lanes}
          rowKey={(l) => l.lane}
          columns={[
            { id: "lane", label: t("pb.lane"), sort: (l) => l.lane, render: (l) => <code>{l.lane}</code> },
            {
              id: "health",
              label: t("offers.state"),
              render: (l) => <Badge tone={TONES[l.state]}>{t(`lane.${l.state}`)}</Badge>,
            },
            {
              id: "waiting",
              label: t("postback.waiting_all"),
              numeric: true,
              sort: (l) => l.waiting,
              render: (l) => format.number(l.waiting),
            },
            {
              id: "wire",
              label: t("postback.in_flight"),
              numeric: true,
              sort: (l) => l.in_flight,
              render: (l) => format.number(l.in_flight),
            },
            {
              id: "failures",
              label: t("lanes.failures"),
              numeric: true,
              render: (l) => format.number(l.failures_in_row),
            },
            {
              id: "probe",
              label: t("lanes.probe"),
              render: (l) => <Time ms={l.next_probe_at_ms ?? l.paused_until_ms} mode="relative" />,
            },
          ]}
        />
      </Card>
    </div>
  );
}
