/** What the four logs share: periods, saved views, filters, columns, CSV. */
import { Download } from "lucide-react";
import { type ReactNode, useState } from "react";
import { download, type Query } from "../../api/client";
import { useLinks, useOffers, usePartners } from "../../api/queries";
import { Button } from "../../components/basic";
import { Dialog } from "../../components/dialog";
import { type Filters, PeriodButtons, SavedViews } from "../../components/filters";
import { CheckField, type Option, Problem, SelectField, TextField } from "../../components/form";
import { useI18n, useT } from "../../i18n/all";
import { linkName } from "./link-name";

export function useConfigOptions() {
  const t = useT();
  const any: Option = { value: "", label: t("common.all") };
  return {
    any,
    offers: [any, ...(useOffers().data ?? []).map((o) => ({ value: o.id, label: o.name }))],
    partners: [any, ...(usePartners().data ?? []).map((p) => ({ value: p.id, label: p.name }))],
    links: [any, ...(useLinks().data ?? []).map((l) => ({ value: l.token, label: linkName(l) }))],
  };
}

export function FilterSelect({
  filters,
  name,
  label,
  options,
}: {
  filters: Filters;
  name: string;
  label: string;
  options: readonly Option[];
}) {
  return (
    <SelectField
      label={label}
      value={filters.get(name)}
      onChange={(v) => filters.set({ [name]: v })}
      options={options}
    />
  );
}

export function LogFrame(props: {
  name: string;
  filters: Filters;
  period: string;
  children: ReactNode;
  tools: ReactNode;
  selects: ReactNode;
}) {
  const t = useT();
  return (
    <>
      <div className="stack tight" style={{ marginBottom: 12 }}>
        <PeriodButtons filters={props.filters} current={props.period} />
      </div>
      <SavedViews name={props.name} filters={props.filters} />
      <div className="filters">
        {props.selects}
        <div className="row" role="group" aria-label={t("table.tools")}>
          {props.tools}
        </div>
      </div>
      {props.children}
    </>
  );
}

/** What can be done with the chosen rows; absent when none is chosen. */
export function BulkBar({ count, clear, children }: { count: number; clear: () => void; children: ReactNode }) {
  const t = useT();
  if (count === 0) return null;
  return (
    <div className="bulk" role="region" aria-label={t("bulk.label")}>
      <strong>{t("bulk.chosen", { count })}</strong>
      {children}
      <Button size="small" variant="quiet" onPress={clear}>
        {t("bulk.clear")}
      </Button>
    </div>
  );
}

export function SearchFilter({ filters, hint }: { filters: Filters; hint: string }) {
  const t = useT();
  const [text, setText] = useState(filters.get("q"));
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        filters.set({ q: text.trim() });
      }}
      onBlur={() => filters.set({ q: text.trim() })}
    >
      <TextField label={t("filter.search")} type="search" value={text} onChange={setText} placeholder={hint} />
    </form>
  );
}

/** Downloads the list with its filters; headings and words come in the language of the screen. */
export function CsvButton({ path, query }: { path: string; query: Query }) {
  const { t, language } = useI18n();
  const [isOpen, setOpen] = useState(false);
  const [encoding, setEncoding] = useState(language === "ja" ? "shift_jis" : "utf8");
  const [hasCodes, setCodes] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const start = () => {
    setBusy(true);
    setProblem(null);
    download(`${path}.csv`, { ...query, encoding, language, ...(hasCodes ? { codes: true } : {}) })
      .then(() => setOpen(false), setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Button size="small" icon={Download} onPress={() => setOpen(true)}>
        CSV
      </Button>
      <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title={t("csv.title")}>
        <div className="stack">
          <p>{t("csv.text")}</p>
          <SelectField
            label={t("csv.encoding")}
            value={encoding}
            onChange={setEncoding}
            options={[
              { value: "utf8", label: t("csv.utf8") },
              { value: "shift_jis", label: t("csv.shift_jis") },
            ]}
            help={t("csv.encoding_help")}
          />
          <CheckField label={t("csv.codes")} help={t("csv.codes_help")} value={hasCodes} onChange={setCodes} />
          <Problem error={problem} />
          <div className="row end">
            <Button onPress={() => setOpen(false)}>{t("form.cancel")}</Button>
            <Button variant="primary" icon={Download} isBusy={isBusy} onPress={start}>
              {isBusy ? t("csv.busy") : t("csv.download")}
            </Button>
          </div>
        </div>
      </Dialog>
    </>
  );
}
