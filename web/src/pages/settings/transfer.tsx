/** Configuration as a file: export, and import with a look at the difference first. */
import { Download } from "lucide-react";
import { useState } from "react";
import { apiUrl, post } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { Difference } from "../../api/types";
import { Button, Card, Note } from "../../components/basic";
import { FileField } from "../../components/date-field";
import { Problem } from "../../components/form";
import { useT } from "../../i18n/all";

export default function Transfer() {
  const t = useT();
  const refresh = useRefresh();
  const [text, setText] = useState("");
  const [diff, setDiff] = useState<Difference | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const send = (dryRun: boolean) => {
    setProblem(null);
    post<Difference>("/config/import", { text, dry_run: dryRun }).then((d) => {
      setDiff(d);
      if (!dryRun) void refresh("offers", "partners", "links", "rules", "settings");
    }, setProblem);
  };
  return (
    <div className="stack">
      <Card title={t("transfer.export")} help={t("transfer.export_help")}>
        <div className="row">
          <a className="btn" href={apiUrl("/config/export", { format: "toml" })} download="yamabiko-config.toml">
            <Download size={17} aria-hidden />
            TOML
          </a>
          <a className="btn" href={apiUrl("/config/export", { format: "json" })} download="yamabiko-config.json">
            <Download size={17} aria-hidden />
            JSON
          </a>
        </div>
      </Card>
      <Card title={t("transfer.import")} help={t("transfer.import_help")}>
        <div className="stack">
          <FileField
            label={t("transfer.file")}
            accept=".toml,.json"
            onChange={(file) => {
              setDiff(null);
              if (file) file.text().then(setText, setProblem);
            }}
          />
          <div className="row">
            <Button isDisabled={!text} onPress={() => send(true)}>
              {t("transfer.look")}
            </Button>
            <Button
              variant="primary"
              isDisabled={!text || !diff || diff.is_applied || diff.changes.length === 0}
              onPress={() => send(false)}
            >
              {t("transfer.apply")}
            </Button>
          </div>
          <Problem error={problem} />
          {diff && (
            <Note
              tone={diff.is_applied ? "ok" : "info"}
              title={diff.is_applied ? t("transfer.applied") : t("transfer.changes", { count: diff.changes.length })}
            >
              <ul>
                {diff.changes.map((c) => (
                  <li key={`${c.kind}${c.id}`}>
                    {t(`transfer.${c.change}`)} {c.kind} {c.name} <code>{c.id}</code>
                    {c.change === "update" && <code className="codebox">{c.difference}</code>}
                    {c.left_out.length > 0 && (
                      <Note tone="warn">{t("transfer.left_out", { fields: c.left_out.join(", ") })}</Note>
                    )}
                  </li>
                ))}
              </ul>
            </Note>
          )}
        </div>
      </Card>
    </div>
  );
}
