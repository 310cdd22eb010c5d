/** Partners, links and rules from a CSV: our own export, edited, or the list of another system. */
import { Download } from "lucide-react";
import { useState } from "react";
import { apiUrl, call } from "../api/client";
import { useRefresh } from "../api/queries";
import type { SheetResult } from "../api/types";
import { Button, Card } from "../components/basic";
import { FileField } from "../components/date-field";
import { useFilters } from "../components/filters";
import { Problem, SelectField, TextField } from "../components/form";
import { PageFrame } from "../components/page";
import { useT } from "../i18n/all";
import { SheetOutcome } from "./parts/sheet-result";

const KINDS = ["partners", "links", "rules"] as const;

const EXAMPLES: Record<(typeof KINDS)[number], string> = {
  partners: "name,parameters,postback,note\nSky Media,param1=##sid##,https://sky.example/pb?id=##PARA1##,",
  links: "name,offer,partner,destination,note\nSpring,OFFER,Sky Media,https://shop.example.com/spring,",
  rules:
    "name,partner,offer,statuses,kinds,url\nApproved,Sky Media,,approved,event event_update,https://sky.example/pb?id=##PARA1##",
};

export default function Import() {
  const t = useT();
  const refresh = useRefresh();
  const filters = useFilters();
  const kind = KINDS.find((k) => k === filters.get("kind")) ?? "links";
  const [body, setBody] = useState<Blob | null>(null);
  const [text, setText] = useState("");
  const [result, setResult] = useState<SheetResult | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const file = text.trim() ? new Blob([text], { type: "text/csv" }) : body;
  const send = (dryRun: boolean) => {
    if (!file) return;
    setBusy(true);
    setProblem(null);
    call<SheetResult>(`/config/sheets/${kind}`, { method: "POST", query: { dry_run: dryRun }, body: file })
      .then((r) => {
        setResult(r);
        if (r.is_applied) void refresh("partners", "links", "rules");
      }, setProblem)
      .finally(() => setBusy(false));
  };
  const isGood = result !== null && result.errors.length === 0 && result.changes.length > 0;
  return (
    <PageFrame title={t("sheet.title")} lead={t("sheet.lead")} back={{ href: `/${kind}`, label: t(`nav.${kind}`) }}>
      <div className="stack">
        <Card
          title={t("upload.file")}
          help={t("sheet.file_help")}
          actions={
            <a className="btn small" href={apiUrl(`/${kind}.csv`, { codes: true })} download={`${kind}.csv`}>
              <Download size={15} aria-hidden />
              {t("sheet.export")}
            </a>
          }
        >
          <div className="stack">
            <SelectField
              label={t("sheet.what")}
              value={kind}
              onChange={(v) => {
                setResult(null);
                filters.set({ kind: v });
              }}
              options={KINDS.map((value) => ({ value, label: t(`nav.${value}`) }))}
            />
            <FileField
              label="CSV"
              accept=".csv,.tsv,text/csv"
              onChange={(chosen) => {
                setBody(chosen && new Blob([chosen], { type: "text/csv" }));
                setResult(null);
              }}
            />
            <TextField
              label={t("sheet.paste")}
              help={t("sheet.paste_help")}
              value={text}
              onChange={(v) => {
                setText(v);
                setResult(null);
              }}
              rows={4}
              mono
            />
            <div className="row">
              <Button isDisabled={!file} isBusy={isBusy} onPress={() => send(true)}>
                {t("upload.look")}
              </Button>
              <Button
                variant="primary"
                isDisabled={!isGood || result.is_applied}
                isBusy={isBusy}
                onPress={() => send(false)}
              >
                {t("upload.apply")}
              </Button>
            </div>
            <Problem error={problem} />
            {result && <SheetOutcome result={result} />}
          </div>
        </Card>
        <Card title={t("upload.columns")}>
          <div className="stack">
            <p>{t(`sheet.columns.${kind}`)}</p>
            <code className="codebox">{EXAMPLES[kind]}</code>
          </div>
        </Card>
      </div>
    </PageFrame>
  );
}
