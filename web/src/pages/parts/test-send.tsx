/** Sends one real request of a saved rule and shows request and answer. */
import { FlaskConical } from "lucide-react";
import { useState } from "react";
import { post } from "../../api/client";
import type { Rule } from "../../api/types";
import { Button } from "../../components/basic";
import { Problem } from "../../components/form";
import { useT } from "../../i18n/all";
import { AttemptView, type Exchange } from "./attempts";

export function TestSend({ rule, label }: { rule: Rule; label: string }) {
  const t = useT();
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<Exchange[] | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const send = () => {
    setBusy(true);
    setProblem(null);
    post<{ items: Exchange[] }>(`/rules/${rule.id}/test`)
      .then((r) => setResult(r.items), setProblem)
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
      {result?.length === 0 && <p className="help">{t("test_send.none")}</p>}
      {result?.map((x, i) => <AttemptView key={i} exchange={x} />)}
    </div>
  );
}
