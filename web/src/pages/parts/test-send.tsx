/** Sends one real request of a saved rule and shows request and answer. */
import { FlaskConical } from "lucide-react";
import { Fragment, useState } from "react";
import { post } from "../../api/client";
import type { Attempt, Rule, TestSends } from "../../api/types";
import { Button, Note } from "../../components/basic";
import { Problem } from "../../components/form";
import { useT } from "../../i18n/all";
import { AttemptView } from "./attempts";

/** What the answer means for somebody who connects a platform, in one sentence. */
function Explained({ attempt }: { attempt: Attempt | null }) {
  const t = useT();
  if (!attempt) return null;
  const verdict = attempt.verdict ?? (attempt.status === null ? "retry" : "give_up");
  const isGood = verdict === "delivered";
  return (
    <Note tone={isGood ? "ok" : "bad"} title={t(`connect.answer_${verdict}`)}>
      {t(`connect.answer_${verdict}_text`)} {attempt.said && <q>{attempt.said}</q>}
    </Note>
  );
}

export function TestSend({ rule, label, isExplained }: { rule: Rule; label: string; isExplained?: boolean }) {
  const t = useT();
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<TestSends | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const send = () => {
    setBusy(true);
    setProblem(null);
    post<TestSends>("/test/rule", { rule: rule.id, ...(rule.kinds[0] ? { kind: rule.kinds[0] } : {}) })
      .then(setResult, setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <div className="stack tight">
      <div>
        <Button icon={FlaskConical} size="small" onPress={send} isBusy={isBusy}>
          {label}
        </Button>
      </div>
      <Problem error={problem} />
      {result && result.sent.length === 0 && (
        <Note tone="warn" title={t("test_send.none")}>
          {result.conditions.map((c) => (
            <code key={c} className="codebox">
              {c}
            </code>
          ))}
        </Note>
      )}
      {result?.sent.map((x) => (
        <Fragment key={x.entry}>
          {isExplained && <Explained attempt={x.attempt} />}
          <AttemptView request={x.request} attempt={x.attempt} />
        </Fragment>
      ))}
    </div>
  );
}
