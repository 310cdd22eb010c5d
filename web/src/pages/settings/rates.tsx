/** Rates between currencies: a CSV that is typed, pasted or read from a file. */
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { get, put } from "../../api/client";
import { useMe, useRefresh } from "../../api/queries";
import type { Rates } from "../../api/types";
import { Button, Card, Note, Skeleton } from "../../components/basic";
import { Form, Problem, SubmitButton, TextField, useForm } from "../../components/form";
import { toast } from "../../components/toast";
import { Unsaved } from "../../components/unsaved";
import { useT } from "../../i18n/all";

export default function RatesPage() {
  const rates = useQuery({ queryKey: ["rates"], queryFn: () => get<Rates>("/rates") });
  if (rates.isPending) return <Skeleton lines={8} />;
  if (rates.isError) return <Problem error={rates.error} />;
  return <Editor key={rates.data.updated_at_ms} initial={rates.data} />;
}

function Editor({ initial }: { initial: Rates }) {
  const t = useT();
  const refresh = useRefresh();
  const isOwner = useMe().data?.role === "owner";
  const form = useForm({ text: initial.text });
  const file = useRef<HTMLInputElement>(null);
  const [errors, setErrors] = useState<Rates["errors"]>([]);
  const save = () =>
    void form.run(async () => {
      const saved = await put<Rates>("/rates", { text: form.value.text, updated_at_ms: initial.updated_at_ms });
      setErrors(saved.errors);
      if (saved.errors.length > 0) return;
      await refresh("rates", "settings", "stats");
      toast(t("form.saved"));
    });
  return (
    <Form onSubmit={save} label={t("settings.rates")}>
      <Unsaved isChanged={form.isChanged} />
      <Card title={t("settings.rates")} help={t("rates.used")}>
        <div className="stack">
          <p className="muted">{t("rates.count", { count: initial.count })}</p>
          <TextField
            label={t("rates.lines")}
            help={t("rates.help", { currency: initial.currency })}
            value={form.value.text}
            onChange={(text) => form.set("text", text)}
            rows={12}
            mono
            placeholder={"2026-11-01,USD,JPY,150.25"}
          />
          <div>
            <input
              ref={file}
              type="file"
              accept=".csv,text/csv,text/plain"
              hidden
              onChange={(e) => {
                const chosen = e.target.files?.[0];
                e.target.value = "";
                if (chosen) void chosen.text().then((text) => form.set("text", text));
              }}
            />
            <Button size="small" onPress={() => file.current?.click()}>
              {t("rates.file")}
            </Button>
          </div>
          {errors.length > 0 && (
            <Note tone="bad">
              <ul>
                {errors.map((one) => (
                  <li key={one.line}>{t("rates.error", { line: one.line, what: t(`rates.mistake.${one.code}`) })}</li>
                ))}
              </ul>
            </Note>
          )}
        </div>
      </Card>
      <Problem error={form.problem} />
      {isOwner && (
        <div className="form-foot sticky">
          <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
        </div>
      )}
    </Form>
  );
}
