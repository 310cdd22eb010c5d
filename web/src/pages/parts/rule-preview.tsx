/** What the rule would send, rendered by the server, for the sample or a real activity. */
import { Check, X } from "lucide-react";
import { useState } from "react";
import type { Rule } from "../../api/types";
import { Badge, Card, Note, Skeleton } from "../../components/basic";
import { Problem, SelectField } from "../../components/form";
import { usePaged } from "../../components/table";
import type { ActivityRow } from "../../api/types";
import { useFormat, useT } from "../../i18n/all";
import { usePreview } from "../rule-edit";
import { RequestView } from "./attempts";
import { KINDS, useKindName } from "./kinds";

export interface Evaluation {
  holds: boolean;
  left: string;
  actual: string;
  operator: string;
  expected: string[];
}

export interface Preview {
  entries: {
    condition: Evaluation | null;
    holds: boolean;
    request: { method: string; url: string; headers: [string, string][]; body: string | null } | null;
    message: string | null;
  }[];
}

export function ConditionLine({ condition }: { condition: Evaluation }) {
  const t = useT();
  return (
    <div className="row top" style={{ flexWrap: "nowrap" }}>
      {condition.holds ? <Check size={16} color="var(--ok)" aria-hidden style={{ marginTop: 4 }} /> : <X size={16} color="var(--bad)" aria-hidden style={{ marginTop: 4 }} />}
      <div className="wrap-any">
        <code>{condition.left}</code> = <code>“{condition.actual}”</code> <strong>{t.has(`operator.${condition.operator}`) ? t(`operator.${condition.operator}` as "operator.equal") : condition.operator}</strong>{" "}
        <code>{condition.expected.map((e) => `“${e}”`).join("; ")}</code> {condition.holds ? t("condition.true") : t("condition.false")}
      </div>
    </div>
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
            ...kinds.filter((k) => k !== sampleKind).map((k) => ({ value: `kind:${k}`, label: t("rule.sample", { kind: kindName(k) }) })),
            ...recent.rows.slice(0, 30).map((a) => ({ value: a.id, label: `${kindName(a.kind)} · ${format.dateTime(a.at_ms)} · ${a.uids[0] || a.id}` })),
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
                {entry.holds ? <Badge tone="ok">{t("rules.sends")}</Badge> : <Badge tone="plain">{t("rule.sends_not")}</Badge>}
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
