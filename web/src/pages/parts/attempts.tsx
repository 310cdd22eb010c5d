/** One exchange with a receiver: what was sent and what came back, always as text. */
import { CheckCircle2, XCircle } from "lucide-react";
import { useState } from "react";
import type { Attempt, OutgoingRequest } from "../../api/types";
import { Badge, Button, CopyButton, Facts, Time } from "../../components/basic";
import { useFormat, useT } from "../../i18n/all";
import "./attempts.css";

/** Whether the receiver took it: as its rule reads the answer, else by the status. */
function isTaken(attempt: Attempt): boolean {
  if (attempt.verdict) return attempt.verdict === "delivered";
  return attempt.status !== null && attempt.status >= 200 && attempt.status < 300;
}

export function AnswerBadge({ attempt }: { attempt: Attempt }) {
  const t = useT();
  if (attempt.status !== null) {
    return <Badge tone={isTaken(attempt) ? "ok" : "bad"}>HTTP {attempt.status}</Badge>;
  }
  const code = `attempt_error.${attempt.error ?? "internal"}`;
  return <Badge tone="bad">{t.has(code) ? t(code) : attempt.error}</Badge>;
}

export function RequestView({
  method,
  url,
  headers,
  body,
}: {
  method: string;
  url: string;
  headers?: [string, string][];
  body?: string | null;
}) {
  const t = useT();
  return (
    <div className="stack tight">
      <div className="request">
        <code>
          <strong>{method}</strong> {url}
        </code>
        <CopyButton text={url} label={t("copy.url")} variant="quiet" />
      </div>
      {headers && headers.length > 0 && (
        <code className="codebox">{headers.map(([k, v]) => `${k}: ${v}`).join("\n")}</code>
      )}
      {body && <code className="codebox">{body}</code>}
    </div>
  );
}

export function AttemptView({ request, attempt }: { request: OutgoingRequest; attempt: Attempt | null }) {
  const t = useT();
  return (
    <div className="card" style={{ padding: 14 }}>
      <div className="stack tight">
        <RequestView {...request} />
        {attempt ? <AttemptLine attempt={attempt} open /> : <span className="muted">{t("attempt.none")}</span>}
      </div>
    </div>
  );
}

export function AttemptLine({ attempt, open = false }: { attempt: Attempt; open?: boolean }) {
  const t = useT();
  const format = useFormat();
  const [isOpen, setOpen] = useState(open);
  const isGood = isTaken(attempt);
  return (
    <div>
      <div className="row">
        {isGood ? (
          <CheckCircle2 size={16} color="var(--ok)" aria-hidden />
        ) : (
          <XCircle size={16} color="var(--bad)" aria-hidden />
        )}
        <strong>{t("attempt.number", { number: attempt.number })}</strong>
        <AnswerBadge attempt={attempt} />
        {attempt.verdict && attempt.verdict !== "delivered" && (
          <Badge tone="warn">{t(`verdict.${attempt.verdict}`)}</Badge>
        )}
        {attempt.said && <span>{t("attempt.said", { text: attempt.said })}</span>}
        <Time ms={attempt.at_ms} />
        <span className="muted">{format.duration(attempt.duration_ms)}</span>
        {attempt.is_manual && <Badge tone="plain">{t("attempt.manual")}</Badge>}
        <Button size="small" variant="quiet" aria-expanded={isOpen} onPress={() => setOpen(!isOpen)}>
          {isOpen ? t("attempt.less") : t("attempt.more")}
        </Button>
      </div>
      {isOpen && (
        <div style={{ padding: "8px 0 0 24px" }}>
          <Facts
            items={[
              ...(attempt.message ? ([[t("attempt.error"), attempt.message]] as [string, string][]) : []),
              [t("attempt.address"), attempt.remote_addr ?? ""],
              [
                t("attempt.headers"),
                attempt.headers.length ? (
                  <code className="codebox">{attempt.headers.map(([k, v]) => `${k}: ${v}`).join("\n")}</code>
                ) : (
                  ""
                ),
              ],
              [t("attempt.body"), attempt.excerpt ? <code className="codebox">{attempt.excerpt}</code> : ""],
            ]}
          />
        </div>
      )}
    </div>
  );
}
