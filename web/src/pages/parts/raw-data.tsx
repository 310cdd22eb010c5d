/** How raw data is handed on: how far, what is wrong, and a test of the receiver. */
import { Send } from "lucide-react";
import { useState } from "react";
import { useMe } from "../../api/queries";
import { testStream, useRawData } from "../../api/raw-data";
import type { RawData, RawDataTest } from "../../api/types";
import { Badge, Button, Card, Facts, Note, Time } from "../../components/basic";
import { Problem } from "../../components/form";
import { useFormat, useT } from "../../i18n/all";
import { useCodeText } from "../parts/kinds";

type Stream = NonNullable<RawData["stream"]>;

function Test() {
  const t = useT();
  const outcome = useCodeText("raw_data_outcome");
  const [isBusy, setBusy] = useState(false);
  const [tested, setTested] = useState<RawDataTest | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const test = () => {
    setBusy(true);
    setProblem(null);
    testStream()
      .then(setTested)
      .catch(setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <div className="stack tight" aria-live="polite">
      <div className="row">
        <Button icon={Send} isBusy={isBusy} onPress={test}>
          {t(isBusy ? "alerts.testing" : "raw_data.test")}
        </Button>
      </div>
      <Problem error={problem} />
      {tested && (
        <Note tone={tested.is_ok ? "ok" : "bad"} title={outcome(tested.code)}>
          {!tested.is_ok && <code>{tested.message}</code>}
        </Note>
      )}
    </div>
  );
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
          [
            t("system.state"),
            stream.trouble ? (
              <Badge key="s" tone="bad">
                {t("system.check_bad")}
              </Badge>
            ) : (
              <Badge key="s" tone="ok">
                {t("system.check_ok")}
              </Badge>
            ),
          ],
          [t("raw_data.rows"), format.number(stream.rows)],
          [t("raw_data.lag"), format.duration(stream.lag_ms)],
          [t("raw_data.taken_at"), <Time key="t" ms={stream.taken_at_ms} />],
        ]}
      />
    </>
  );
}

export function RawDataCard() {
  const t = useT();
  const me = useMe();
  const rawData = useRawData();
  if (!rawData.data) return null;
  const { stream } = rawData.data;
  return (
    <Card title={t("raw_data.stream")} help={t("raw_data.stream_help")}>
      {stream ? (
        <div className="stack">
          <StreamFacts stream={stream} />
          {me.data?.role === "owner" && <Test />}
        </div>
      ) : (
        <p className="muted">{t("raw_data.stream_off")}</p>
      )}
    </Card>
  );
}
