/** Conversions from a CSV: looked at first, errors by line, nothing half-applied. */
import { useState } from "react";
import { call } from "../api/client";
import { useRefresh } from "../api/queries";
import type { UploadResult } from "../api/types";
import { Button, Card, Note } from "../components/basic";
import { FileField } from "../components/date-field";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { Table } from "../components/table";
import { useI18n } from "../i18n/all";
import { sentNote } from "./parts/sent-note";

type LineError = UploadResult["errors"][number];

/** What is wrong with a line. English is shown as the server says it. */
function useLineText(): (error: LineError) => string {
  const { t, language } = useI18n();
  return ({ code, field, message }) => {
    if (language !== "ja") return message;
    if (code === "missing_field" && field === "sid") return t("upload.missing_sid");
    const remedy: string = `remedy.${code}`;
    if (t.has(remedy)) return t(remedy);
    const known = sentNote(message, language, t);
    const sentence: string = `error.${code}`;
    return known === message && t.has(sentence) ? t(sentence, { detail: message, numbers: "" }) : known;
  };
}

export default function Upload() {
  const { t } = useI18n();
  const lineText = useLineText();
  const refresh = useRefresh();
  const [file, setFile] = useState<File | null>(null);
  const [result, setResult] = useState<UploadResult | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const send = (dryRun: boolean) => {
    if (!file) return;
    setBusy(true);
    setProblem(null);
    call<UploadResult>("/conversions/upload", {
      method: "POST",
      query: { dry_run: dryRun },
      body: new Blob([file], { type: "text/csv" }),
    })
      .then((r) => {
        setResult(r);
        if (r.is_applied) void refresh("activities", "stats");
      }, setProblem)
      .finally(() => setBusy(false));
  };
  const isGood = result !== null && result.errors.length === 0;
  return (
    <PageFrame
      title={t("upload.title")}
      lead={t("upload.lead")}
      back={{ href: "/conversions", label: t("nav.conversions") }}
    >
      <div className="stack">
        <Card title={t("upload.file")} help={t("upload.file_help")}>
          <div className="stack">
            <FileField
              label="CSV"
              accept=".csv,text/csv"
              onChange={(chosen) => {
                setFile(chosen);
                setResult(null);
              }}
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
            {result && (
              <Note
                tone={result.errors.length ? "bad" : result.is_applied ? "ok" : "info"}
                title={
                  result.is_applied
                    ? t("upload.applied")
                    : result.errors.length
                      ? t("upload.nothing")
                      : t("upload.would")
                }
              >
                {t("upload.counts", {
                  lines: result.lines,
                  created: result.created,
                  updated: result.updated,
                  unchanged: result.unchanged,
                })}
              </Note>
            )}
            {result && result.errors.length > 0 && (
              <Table
                label={t("upload.errors")}
                rows={result.errors}
                rowKey={(e) => `${e.line}${e.field}${e.message}`}
                columns={[
                  { id: "l", label: t("upload.line"), numeric: true, render: (e) => e.line },
                  { id: "f", label: t("upload.column"), render: (e) => <code>{e.field}</code> },
                  { id: "m", label: t("upload.error"), render: (e) => lineText(e) },
                ]}
              />
            )}
          </div>
        </Card>
        <Card title={t("upload.columns")}>
          <div className="stack">
            <p>{t("upload.columns_text")}</p>
            <code className="codebox">
              {"sid,event,uid1,amount,currency,status\n0a1b2c3d4e5f6g7h,購入,A-1001,5400,JPY,approved"}
            </code>
          </div>
        </Card>
      </div>
    </PageFrame>
  );
}
