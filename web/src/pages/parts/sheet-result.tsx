/** What taking a file over would change: every object, mistakes by line, columns that were left out. */
import type { SheetResult } from "../../api/types";
import { Note } from "../../components/basic";
import { useFieldName } from "../../components/problem";
import { Table } from "../../components/table";
import { type MessageKey, useI18n } from "../../i18n/all";

export function SheetOutcome({ result }: { result: SheetResult }) {
  const { t, language } = useI18n();
  const fieldName = useFieldName();
  const text = (e: SheetResult["errors"][number]) => {
    const key: string = `error.${e.code}`;
    return language === "ja" && t.has(key) ? t(key as MessageKey, { detail: e.message, numbers: "" }) : e.message;
  };
  return (
    <div className="stack">
      <Note
        tone={result.errors.length ? "bad" : result.is_applied ? "ok" : "info"}
        title={t(result.is_applied ? "sheet.applied" : result.errors.length ? "sheet.nothing" : "sheet.would")}
      >
        {t("sheet.counts", {
          rows: result.rows,
          created: result.changes.filter((c) => c.change === "create").length,
          updated: result.changes.filter((c) => c.change === "update").length,
          unchanged: result.unchanged,
        })}
      </Note>
      {result.ignored_columns.length > 0 && (
        <Note tone="warn">{t("sheet.ignored", { columns: result.ignored_columns.join(", ") })}</Note>
      )}
      {result.errors.length > 0 && (
        <Table
          label={t("upload.errors")}
          rows={result.errors}
          rowKey={(e) => `${e.line}${e.field}${e.message}`}
          columns={[
            { id: "l", label: t("upload.line"), numeric: true, sort: (e) => e.line, render: (e) => e.line },
            { id: "f", label: t("upload.column"), render: (e) => fieldName(e.field ?? "") },
            { id: "m", label: t("upload.error"), render: text },
          ]}
        />
      )}
      {result.changes.length > 0 && (
        <Table
          label={t("sheet.changes")}
          rows={result.changes}
          rowKey={(c) => `${c.kind}${c.id}`}
          columns={[
            { id: "change", label: t("sheet.change"), short: true, render: (c) => t(`transfer.${c.change}`) },
            {
              id: "kind",
              label: t("sheet.kind"),
              short: true,
              render: (c) => t(`sheet.kind.${c.kind as "partner" | "link" | "rule"}`),
            },
            { id: "name", label: t("links.name"), sort: (c) => c.name, render: (c) => c.name },
            { id: "id", label: "ID", render: (c) => <code>{c.id}</code> },
            {
              id: "difference",
              label: t("sheet.difference"),
              render: (c) => c.difference && <code className="wrap-any">{c.difference}</code>,
            },
          ]}
        />
      )}
    </div>
  );
}
