/** Health: what an operator looks at when something is odd. */
import { type System, useSystem } from "../../api/system";
import { Badge, Card, CopyButton, Facts, Note, Skeleton, Time } from "../../components/basic";
import { Problem } from "../../components/form";
import { Table } from "../../components/table";
import { type MessageKey, useFormat, useT } from "../../i18n/all";
import { checkName } from "../home";
import { Lanes } from "../parts/lanes";
import { RawDataCard } from "../parts/raw-data";
import { ArchiveCard } from "./archive";

type Check = System["checks"][number];

/** What a check found: a sentence in the operator's language, and the server's own words of what is not well. */
function CheckText({ check }: { check: Check }) {
  const t = useT();
  const key = check.is_ok ? `check_fine.${check.name}` : `check_bad.${check.name}`;
  if (!t.has(key)) return check.message;
  return check.is_ok ? (
    t(key)
  ) : (
    <>
      {t(key)} <span className="small muted wrap-any">{check.message}</span>
    </>
  );
}

export default function SystemPage() {
  const t = useT();
  const format = useFormat();
  const system = useSystem();
  if (system.isPending) return <Skeleton lines={8} />;
  if (system.isError) return <Problem error={system.error} />;
  const s = system.data;
  const state = {
    ok: ["ok", "home.well"],
    degraded: ["warn", "system.degraded"],
    down: ["bad", "home.not_well"],
  } as const;
  const [tone, word] = state[s.health];
  const [sessions, activities, attempts] = s.retention_days;
  return (
    <div className="stack">
      {s.store.failure && <Note tone="bad">{s.store.failure}</Note>}
      {s.store.repairs.map((text) => (
        <Note key={text} tone="warn">
          {text}
        </Note>
      ))}
      <Card title={t("system.health")} flush>
        <Table
          label={t("system.health")}
          rows={s.checks}
          rowKey={(c) => c.name}
          columns={[
            { id: "name", label: t("system.check"), render: (c) => checkName(c.name, t) },
            {
              id: "state",
              label: t("system.state"),
              render: (c) =>
                c.is_ok ? (
                  <Badge tone="ok">{t("system.check_ok")}</Badge>
                ) : (
                  <Badge tone="bad">{t("system.check_bad")}</Badge>
                ),
            },
            {
              id: "message",
              label: t("system.message"),
              render: (c) => <CheckText check={c} />,
            },
          ]}
        />
      </Card>
      <div className="grid two">
        <Card title={t("system.server")}>
          <Facts
            items={[
              [
                t("system.state"),
                <Badge key="h" tone={tone}>
                  {t(word)}
                </Badge>,
              ],
              [t("system.version"), s.version],
              [t("system.started"), <Time key="s" ms={s.started_at_ms} />],
              [t("system.now"), <Time key="n" ms={s.now_ms} />],
              [t("system.last_click"), <Time key="l" ms={s.last_session_at_ms} />],
              [t("system.geoip"), s.has_geoip ? t("common.set") : t("common.not_set")],
            ]}
          />
        </Card>
        <Card title={t("system.queue")}>
          <Facts
            items={[
              [t("postback.waiting_all"), format.number(s.queue.waiting)],
              [t("postback.in_flight"), format.number(s.queue.in_flight)],
              [t("system.oldest"), format.duration(s.queue.oldest_due_age_s * 1000)],
              [t("system.spool"), format.number(s.spool.waiting)],
              [
                t("system.lost"),
                s.spool.lost > 0 ? (
                  <Badge key="l" tone="bad">
                    {format.number(s.spool.lost)}
                  </Badge>
                ) : (
                  "0"
                ),
              ],
            ]}
          />
        </Card>
        <Card title={t("system.data")}>
          <Facts
            items={[
              [
                t("system.store"),
                t.has(`store_state.${s.store.state}`) ? t(`store_state.${s.store.state}` as MessageKey) : s.store.state,
              ],
              [t("system.free"), format.bytes(s.disk_free_bytes)],
              [t("system.journal"), format.bytes(s.store.journal_bytes)],
              [t("system.dir"), <code key="d">{s.data_dir}</code>],
              [t("system.retention"), t("system.retention_days", { sessions, activities, attempts })],
            ]}
          />
        </Card>
        <Card title={t("system.you")} help={t("system.you_help")}>
          <Facts
            items={[
              ["IP", <code key="i">{s.client.ip}</code>],
              [t("system.because"), s.client.known_by ? t(`known_by.${s.client.known_by}`) : s.client.because],
              [t("settings.address"), s.client.origin],
              [t("partner.source_address"), s.source_address ?? ""],
            ]}
          />
        </Card>
      </div>
      <Lanes />
      <RawDataCard />
      <ArchiveCard />
      <Card title={t("system.backup")} help={t("system.backup_help")}>
        <code className="codebox">yamabiko backup /var/backups/yamabiko.tar</code>
      </Card>
      <div className="row">
        <CopyButton text={JSON.stringify(s, null, 2)} label={t("system.copy")} />
      </div>
    </div>
  );
}
