/** What the server found in a rule's text: marked in place, with the remedy and a button that applies it. */
import { AlertTriangle, Wand2, XCircle } from "lucide-react";
import type { ReactNode } from "react";
import type { Finding } from "../../api/types";
import { Button } from "../../components/basic";
import { useI18n } from "../../i18n/all";
import "./findings.css";

export function MarkedText({ text, findings }: { text: string; findings: readonly Finding[] }) {
  const sorted = findings
    .filter((f) => f.field === "text" && f.end_utf16 > f.start_utf16)
    .sort((a, b) => a.start_utf16 - b.start_utf16);
  const parts: ReactNode[] = [];
  let at = 0;
  for (const f of sorted) {
    if (f.start_utf16 < at) continue;
    parts.push(text.slice(at, f.start_utf16));
    parts.push(
      <mark key={f.start_utf16} className={f.severity === "warning" ? "w" : ""}>
        {text.slice(f.start_utf16, f.end_utf16)}
      </mark>,
    );
    at = f.end_utf16;
  }
  parts.push(text.slice(at));
  return <code className="codebox marks">{parts}</code>;
}

/** The text with a finding's replacement in its place. */
export function replaced(text: string, finding: Finding): string {
  return text.slice(0, finding.start_utf16) + (finding.replacement ?? "") + text.slice(finding.end_utf16);
}

export function FindingList({
  findings,
  text,
  onReplace,
}: {
  findings: readonly Finding[];
  text: string;
  onReplace?: (text: string) => void;
}) {
  const { t, language } = useI18n();
  if (findings.length === 0) return null;
  return (
    <ul className="stack tight" style={{ listStyle: "none", margin: 0, padding: 0 }} aria-label={t("rule.findings")}>
      {findings.map((f, i) => {
        const marked = f.field === "text" ? text.slice(f.start_utf16, f.end_utf16) : "";
        const { replacement } = f;
        return (
          <li key={i} className={`finding ${f.severity === "error" ? "bad" : "warn"}`}>
            {f.severity === "error" ? <XCircle size={16} aria-hidden /> : <AlertTriangle size={16} aria-hidden />}
            <div className="grow">
              <span className="sr">{t(`severity.${f.severity}`)}: </span>
              {f.field !== "text" && <code>{f.field} </code>}
              {language === "ja" ? `${f.message_ja} ${f.remedy_ja}` : `${f.message} ${f.remedy}`}
              {marked.trim() && marked.length < 80 && (
                <>
                  {" "}
                  <code>{marked}</code>
                </>
              )}
            </div>
            {replacement !== null && f.field === "text" && onReplace && (
              <Button size="small" icon={Wand2} onPress={() => onReplace(replaced(text, f))}>
                {t("rule.apply", { text: replacement.length > 24 ? `${replacement.slice(0, 24)}…` : replacement })}
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
