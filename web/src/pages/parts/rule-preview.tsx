/** What the rule would send, rendered by the server, for the sample or a real activity. */
import { Check, X } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { post } from "../../api/client";
import type { ActivityRow, Backtest, Evaluation, Preview, Rule } from "../../api/types";
import { Badge, Button, Card, Note, Skeleton } from "../../components/basic";
import { Problem, SelectField } from "../../components/form";
import { usePaged } from "../../components/table";
import { useFormat, useT } from "../../i18n/all";
import { RequestView } from "./attempts";
import { KINDS, useCodeText, useKindName } from "./kinds";
import { ruleBody } from "./partner-fields";
import { isAddressed, usePreview } from "./preview-query";

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

/** What the rule would have sent in the last seven days: the server asks every record, with the code that delivers. */
export function LastWeek({ rule }: { rule: Rule }) {
  const t = useT();
  const format = useFormat();
  const kindName = useKindName();
  const [found, setFound] = useState<Backtest | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const run = () => {
    setBusy(true);
    setProblem(null);
    setFound(null);
    post<Backtest>("/rules/backtest", { rule: ruleBody(rule) })
      .then(setFound, setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <Card title={t("rule.last_week")} help={t("rule.last_week_help")}>
      <div className="stack">
        <div>
          <Button size="small" isBusy={isBusy} isDisabled={!rule.text.trim() || !isAddressed(rule)} onPress={run}>
            {isBusy ? t("rule.trying") : t("rule.try")}
          </Button>
        </div>
        <Problem error={problem} />
        {found &&
          (found.findings.some((f) => f.severity === "error") ? (
            <Note tone="warn">{t("rule.preview_errors")}</Note>
          ) : (
            <Note tone={found.fired > 0 ? "ok" : "warn"}>
              {t("rule.would_have_sent", { fired: found.fired, tried: found.tried })}{" "}
              {found.is_partial && t("rule.backtest_partial", { from: format.dateTime(found.from_ms) })}
            </Note>
          ))}
        {found?.samples.map((one) => (
          <div key={one.activity} className="small">
            <Link href={`/trace?q=${one.activity}`}>
              {format.dateTime(one.at_ms)} · {kindName(one.kind)}
              {one.status && ` · ${t(`status.${one.status}`)}`}
            </Link>
            {one.urls.map((url) => (
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
  const skippedText = useCodeText("skipped");
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
            ...recent.rows.slice(0, 30).map((a) => ({
              value: a.id,
              label: `${kindName(a.kind)} · ${format.dateTime(a.at_ms)} · ${a.uids[0] || a.id}`,
            })),
          ]}
        />
        {!rule.text.trim() ? (
          <p className="help">{t("rule.preview_empty")}</p>
        ) : !isAddressed(rule) ? (
          <p className="help">{t("rule.choose_first")}</p>
        ) : preview.isPending ? (
          <Skeleton lines={3} />
        ) : preview.isError ? (
          <Problem error={preview.error} />
        ) : preview.data.entries.length === 0 ? (
          <Note tone="warn">{t("rule.preview_errors")}</Note>
        ) : (
          <>
            {preview.data.skipped && (
              <Note tone="warn" title={skippedText(preview.data.skipped)}>
                {preview.data.skipped_because && <code>{preview.data.skipped_because}</code>}
              </Note>
            )}
            {preview.data.entries.map((entry, i) => (
              <div key={i} className="stack tight">
                <div className="row">
                  <strong>{t("rule.entry", { number: i + 1 })}</strong>
                  {entry.holds && !preview.data.skipped ? (
                    <Badge tone="ok">{t("rules.sends")}</Badge>
                  ) : (
                    <Badge tone="plain">{t("rule.sends_not")}</Badge>
                  )}
                </div>
                {entry.condition && <ConditionLine condition={entry.condition} />}
                {entry.request && <RequestView {...entry.request} />}
                {entry.unrenderable && <Note tone="bad">{t(`unrenderable.${entry.unrenderable}`)}</Note>}
              </div>
            ))}
          </>
        )}
      </div>
    </Card>
  );
}
