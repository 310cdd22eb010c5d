/** How raw data is handed on, as a stream and as files: how far, what is wrong, and a test of where it goes. */
import { Send } from "lucide-react";
import { useState } from "react";
import { useMe } from "../../api/queries";
import { testExport, testStream, useRawData } from "../../api/raw-data";
import type { RawData, RawDataTest } from "../../api/types";
import { Badge, Button, Card, Facts, Note, Time } from "../../components/basic";
import { Problem } from "../../components/form";
import { useFormat, useT } from "../../i18n/all";
import { useCodeText } from "../parts/kinds";

type Stream = NonNullable<RawData["stream"]>;
type Export = NonNullable<RawData["export"]>;

function Test({ run, label, taken }: { run: () => Promise<RawDataTest>; label: string; taken?: string }) {
  const t = useT();
  const outcome = useCodeText("raw_data_outcome");
  const [isBusy, setBusy] = useState(false);
  const [tested, setTested] = useState<RawDataTest | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const test = () => {
    setBusy(true);
    setProblem(null);
    run()
      .then(setTested)
      .catch(setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <div className="stack tight" aria-live="polite">
      <div className="row">
        <Button icon={Send} isBusy={isBusy} onPress={test}>
          {isBusy ? t("alerts.testing") : label}
        </Button>
      </div>
      <Problem error={problem} />
      {tested && (
        <Note tone={tested.is_ok ? "ok" : "bad"} title={(tested.is_ok && taken) || outcome(tested.code)}>
          {!tested.is_ok && <code>{tested.message}</code>}
        </Note>
      )}
    </div>
  );
}

function State({ isWell }: { isWell: boolean }) {
  const t = useT();
  return <Badge tone={isWell ? "ok" : "bad"}>{t(isWell ? "system.check_ok" : "system.check_bad")}</Badge>;
}

function StreamFacts({ stream }: { stream: Stream }) {
  const t = useT();
  const format = useFormat();
  const outcome = useCodeText("raw_data_outcome");
  return (
    <>
      {stream.trouble && (
        <Note tone="bad" title={outcome(stream.trouble.code)}>
          <Time ms={stream.trouble.since_ms} /> <code>{stream.trouble.message}</code> {t("raw_data.nothing_lost")}
        </Note>
      )}
      <Facts
        items={[
          [t("raw_data.receiver"), <code key="r">{stream.receiver}</code>],
          [t("system.state"), <State key="s" isWell={!stream.trouble} />],
          [t("raw_data.rows"), format.number(stream.rows)],
          [t("raw_data.lag"), format.duration(stream.lag_ms)],
          [t("raw_data.taken_at"), <Time key="t" ms={stream.taken_at_ms} />],
        ]}
      />
    </>
  );
}

function ExportFacts({ files }: { files: Export }) {
  const t = useT();
  const format = useFormat();
  const outcome = useCodeText("raw_data_outcome");
  return (
    <>
      {files.trouble && (
        <Note tone="bad" title={outcome(files.trouble.code)}>
          <Time ms={files.trouble.since_ms} /> <code>{files.trouble.message}</code> {t("raw_data.export_nothing_lost")}
        </Note>
      )}
      <Facts
        items={[
          [t("raw_data.place"), <code key="p">{files.place}</code>],
          [t("system.state"), <State key="s" isWell={!files.trouble} />],
          [t("raw_data.until"), <Time key="u" ms={files.until_ms} />],
          [t("raw_data.lag"), format.duration(files.lag_ms)],
          [t("raw_data.export_rows"), format.number(files.rows)],
          [t("raw_data.files"), format.number(files.files)],
        ]}
      />
    </>
  );
}

export function RawDataCard() {
  const t = useT();
  const isOwner = useMe().data?.role === "owner";
  const rawData = useRawData();
  if (!rawData.data) return null;
  const { stream, export: files } = rawData.data;
  return (
    <>
      <Card title={t("raw_data.stream")} help={t("raw_data.stream_help")}>
        {stream ? (
          <div className="stack">
            <StreamFacts stream={stream} />
            {isOwner && <Test run={testStream} label={t("raw_data.test")} />}
          </div>
        ) : (
          <p className="muted">{t("raw_data.stream_off")}</p>
        )}
      </Card>
      <Card title={t("raw_data.export")} help={t("raw_data.export_help")}>
        {files ? (
          <div className="stack">
            <ExportFacts files={files} />
            {isOwner && <Test run={testExport} label={t("raw_data.test_place")} taken={t("raw_data.place_taken")} />}
          </div>
        ) : (
          <p className="muted">{t("raw_data.export_off")}</p>
        )}
      </Card>
    </>
  );
}
