/** What the rule would send, rendered by the server, for the sample or a real activity. */
import { Check, X } from "lucide-react";
import { useState } from "react";
import { get, post } from "../../api/client";
import type { Evaluation, Page, Preview, Rule } from "../../api/types";
import { Badge, Button, Card, Note, Skeleton } from "../../components/basic";
import { Problem, SelectField } from "../../components/form";
import { usePaged } from "../../components/table";
import type { ActivityRow } from "../../api/types";
import { periodRange } from "../../components/period";
import { useFormat, useT } from "../../i18n/all";
import { usePreview } from "../rule-edit";
import { RequestView } from "./attempts";
import { KINDS, useKindName } from "./kinds";
import { ruleBody } from "./partner-fields";

export function ConditionLine({ condition }: { condition: Evaluation }) {
  const t = useT();
  return (
    <div className="row top" style={{ flexWrap: "nowrap" }}>
      {condition.holds ? (
        <Check size={16} color="var(--ok)" aria-hidden style={{ marginTop: 4 }} />
      ) : (
        <X size={16} color="var(--bad)" aria-hidden style={{ marginTop: 4 }} />
      )}
      <div className="wrap-any">
        <code>{condition.left}</code> = <code>“{condition.actual}”</code>{" "}
        <strong>
          {t.has(`operator.${condition.operator}`)
            ? t(`operator.${condition.operator}` as "operator.equal")
            : condition.operator}
        </strong>{" "}
        <code>{condition.expected.map((e) => `“${e}”`).join("; ")}</code>{" "}
        {condition.holds ? t("condition.true") : t("condition.false")}
      </div>
    </div>
  );
}

interface Outcome {
  activity: ActivityRow;
  urls: string[];
}

const MOST_TRIED = 60;
const AT_A_TIME = 4;

/** Tries the unsaved rule on the newest activities of the last week, with the code that delivers. */
export function LastWeek({ rule }: { rule: Rule }) {
  const t = useT();
  const format = useFormat();
  const kindName = useKindName();
  const [tried, setTried] = useState(0);
  const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const run = async () => {
    setBusy(true);
    setProblem(null);
    setOutcomes(null);
    try {
      const from_ms = periodRange("last_7d", Date.now(), format.timeZone).from;
      const page = await get<Page<ActivityRow>>("/activities", { from_ms, verdict: "accepted", limit: 200 });
      const speaksFor = (a: ActivityRow) =>
        (rule.kinds.length === 0 || rule.kinds.includes(a.kind)) &&
        (!rule.event || rule.event === a.event) &&
        (!rule.scope.offer || rule.scope.offer === a.offer) &&
        (rule.scope.type === "offer" || rule.scope.partner === a.partner);
      const fitting = page.items.filter(speaksFor).slice(0, MOST_TRIED);
      const found: Outcome[] = [];
      for (let at = 0; at < fitting.length; at += AT_A_TIME) {
        const part = await Promise.all(
          fitting.slice(at, at + AT_A_TIME).map(async (activity) => {
            const preview = await post<Preview>("/rules/preview", { rule: ruleBody(rule), activity: activity.id });
            return { activity, urls: preview.entries.flatMap((e) => (e.holds && e.request ? [e.request.url] : [])) };
          }),
        );
        found.push(...part);
        setTried(found.length);
      }
      setOutcomes(found);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const sending = outcomes?.filter((o) => o.urls.length > 0) ?? [];
  return (
    <Card title={t("rule.last_week")} help={t("rule.last_week_help")}>
      <div className="stack">
        <div>
          <Button size="small" isBusy={isBusy} isDisabled={!rule.text.trim()} onPress={() => void run()}>
            {isBusy ? t("rule.trying", { count: tried }) : t("rule.try")}
          </Button>
        </div>
        <Problem error={problem} />
        {outcomes && (
          <Note tone={sending.length > 0 ? "ok" : "warn"}>
            {t("rule.would_have_sent", {
              sent: sending.reduce((n, o) => n + o.urls.length, 0),
              tried: outcomes.length,
            })}
          </Note>
        )}
        {sending.slice(0, 10).map((o) => (
          <div key={o.activity.id} className="small">
            <span className="muted">
              {format.dateTime(o.activity.at_ms)} · {kindName(o.activity.kind)}
            </span>
            {o.urls.map((url) => (
              <code key={url} className="codebox">
                {url}
              </code>
            ))}
          </div>
        ))}
      </div>
    </Card>
  );
}

export function RulePreview({ rule }: { rule: Rule }) {
  const t = useT();
  const format = useFormat();
  const kindName = useKindName();
  const [choice, setChoice] = useState("");
  const sampleKind = rule.kinds[0] ?? "event";
  const isSample = choice === "" || choice.startsWith("kind:");
  const kind = choice.startsWith("kind:") ? choice.slice(5) : sampleKind;
  const recent = usePaged<ActivityRow>("/activities", {}, {});
  const preview = usePreview<Preview>(rule, isSample ? null : choice, kind);
  const kinds = rule.kinds.length ? rule.kinds : [...KINDS];
  return (
    <Card title={t("rule.preview")} help={t("rule.preview_help")}>
      <div className="stack">
        <SelectField
          label={t("rule.preview_against")}
          value={choice}
          onChange={setChoice}
          options={[
            { value: "", label: t("rule.sample", { kind: kindName(sampleKind) }) },
            ...kinds
              .filter((k) => k !== sampleKind)
              .map((k) => ({ value: `kind:${k}`, label: t("rule.sample", { kind: kindName(k) }) })),
            ...recent.rows
              .slice(0, 30)
              .map((a) => ({
                value: a.id,
                label: `${kindName(a.kind)} · ${format.dateTime(a.at_ms)} · ${a.uids[0] || a.id}`,
              })),
          ]}
        />
        {!rule.text.trim() ? (
          <p className="help">{t("rule.preview_empty")}</p>
        ) : preview.isPending ? (
          <Skeleton lines={3} />
        ) : preview.isError ? (
          <Problem error={preview.error} />
        ) : preview.data.entries.length === 0 ? (
          <Note tone="warn">{t("rule.preview_errors")}</Note>
        ) : (
          preview.data.entries.map((entry, i) => (
            <div key={i} className="stack tight">
              <div className="row">
                <strong>{t("rule.entry", { number: i + 1 })}</strong>
                {entry.holds ? (
                  <Badge tone="ok">{t("rules.sends")}</Badge>
                ) : (
                  <Badge tone="plain">{t("rule.sends_not")}</Badge>
                )}
              </div>
              {entry.condition && <ConditionLine condition={entry.condition} />}
              {entry.request && <RequestView {...entry.request} />}
              {entry.message && <Note tone="bad">{entry.message}</Note>}
            </div>
          ))
        )}
      </div>
    </Card>
  );
}
