/** The archive off the machine: where it is, how far it is behind, what it costs, and a try of the bucket. */
import { useMutation } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { post } from "../../api/client";
import { useArchive } from "../../api/system";
import type { ArchiveTest } from "../../api/types";
import { Badge, Button, Card, Facts, Note, Skeleton, Time } from "../../components/basic";
import { Problem } from "../../components/form";
import { useFormat, useT } from "../../i18n/all";
import { useCodeText } from "../parts/kinds";

const TONES = { starting: "plain", on: "ok", behind: "warn", fenced: "bad" } as const;

export function ArchiveCard() {
  const t = useT();
  const format = useFormat();
  const archive = useArchive();
  const outcome = useCodeText("archive_outcome");
  const test = useMutation({ mutationFn: () => post<ArchiveTest>("/archive/test", {}) });
  if (archive.isPending) return <Skeleton lines={3} />;
  if (archive.isError) return <Problem error={archive.error} />;
  const s = archive.data.status;
  if (!s) {
    return (
      <Card title={t("archive.title")} help={t("archive.help")}>
        <p>{t("archive.none")}</p>
      </Card>
    );
  }
  return (
    <Card
      title={t("archive.title")}
      help={t("archive.help")}
      actions={
        <Button icon={FlaskConical} isBusy={test.isPending} onPress={() => test.mutate()}>
          {t("archive.test")}
        </Button>
      }
    >
      <div className="stack">
        {test.isError && <Problem error={test.error} />}
        {test.data && (
          <Note
            tone={test.data.is_ok ? "ok" : "bad"}
            title={test.data.is_ok ? t("archive.proven") : outcome(test.data.code)}
          >
            {!test.data.is_ok && <code>{test.data.message}</code>}
          </Note>
        )}
        {s.fenced && <Fenced why={s.fenced} />}
        {s.trouble && (
          <Note tone="warn" title={outcome(s.trouble.code)}>
            <Time ms={s.trouble.at_ms} /> <code>{s.trouble.message}</code> {t("archive.nothing_lost")}
          </Note>
        )}
        {!s.is_sealed && <Note>{t("archive.open")}</Note>}
        <Facts
          items={[
            [
              t("system.state"),
              <Badge key="s" tone={TONES[s.standing]}>
                {t(`archive.standing.${s.standing}`)}
              </Badge>,
            ],
            [t("archive.place"), <code key="p">{s.place}</code>],
            [t("archive.last"), <Time key="l" ms={s.archived_at_ms} />],
            [
              t("archive.behind"),
              t("archive.waiting", {
                count: format.number(s.waiting_commits),
                time: format.duration(s.behind_s * 1000),
              }),
            ],
            [t("archive.snapshot"), <Time key="n" ms={s.snapshot_at_ms} />],
            [t("archive.reach"), <Time key="r" ms={s.reaches_back_to_ms} />],
            [
              t("archive.journal"),
              t("archive.of", { part: format.bytes(s.journal_bytes), whole: format.bytes(s.journal_most_bytes) }),
            ],
            [
              t("archive.cost"),
              t("archive.usage", {
                requests: format.number(s.requests_day),
                sent: format.bytes(s.sent_bytes_day),
                received: format.bytes(s.received_bytes_day),
              }),
            ],
          ]}
        />
      </div>
    </Card>
  );
}

function Fenced({ why }: { why: string }) {
  const t = useT();
  return (
    <Note tone="bad" title={t("error.fenced")}>
      <code>{why}</code>
    </Note>
  );
}

/** On every screen of a server whose place was taken: it saves nothing any more. */
export function FencedNote() {
  const archive = useArchive();
  const why = archive.data?.status?.fenced;
  return why ? <Fenced why={why} /> : null;
}
