/** Every placeholder of the catalogue, searchable, in the operator's language. */
import { useState } from "react";
import { usePlaceholders } from "../../api/queries";
import type { Placeholder } from "../../api/types";
import { CopyButton, Skeleton } from "../../components/basic";
import { Problem, TextField } from "../../components/form";
import { Table } from "../../components/table";
import { useI18n } from "../../i18n/all";
import { KINDS, useKindName } from "./kinds";
import "./placeholder-reference.css";

export function PlaceholderReference() {
  const { t, language } = useI18n();
  const [text, setText] = useState("");
  const kindName = useKindName();
  const catalogue = usePlaceholders();
  if (catalogue.isPending) return <Skeleton lines={10} />;
  if (catalogue.isError) return <Problem error={catalogue.error} />;
  const wanted = text.trim().toLowerCase().replaceAll(/[{}#]/g, "");
  const rows = catalogue.data.filter((p) =>
    `${p.name} ${p.group} ${p.meaning_en} ${p.meaning_ja}`.toLowerCase().includes(wanted),
  );
  const kinds = (p: Placeholder) =>
    p.kinds.length >= KINDS.length ? t("common.all") : p.kinds.map(kindName).join(t("list.separator"));
  return (
    <div className="stack">
      <div className="filters">
        <TextField label={t("form.search")} type="search" value={text} onChange={setText} />
      </div>
      <Table
        label={t("help.placeholders")}
        rows={rows}
        rowKey={(p) => p.name}
        columns={[
          {
            id: "n",
            label: t("help.placeholder"),
            render: (p) => (
              <span className="row placeholder-name">
                <code>{`{${p.name}}`}</code>
                <CopyButton text={`{${p.name}}`} variant="quiet" />
              </span>
            ),
          },
          { id: "m", label: t("help.meaning"), render: (p) => (language === "ja" ? p.meaning_ja : p.meaning_en) },
          { id: "f", label: t("help.format"), render: (p) => (language === "ja" ? p.format_ja : p.format_en) },
          { id: "s", label: t("help.sample"), render: (p) => <code>{p.sample}</code> },
          { id: "k", label: t("help.kinds"), render: (p) => <span className="small">{kinds(p)}</span> },
        ]}
      />
    </div>
  );
}
