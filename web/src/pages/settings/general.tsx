/** Public address, time zone, language, currency, tracking domains. */
import { put } from "../../api/client";
import { useMe, useRefresh, useSettings } from "../../api/queries";
import type { Settings } from "../../api/types";
import { Card, Note, Skeleton } from "../../components/basic";
import { Form, LinesField, Problem, SelectField, SubmitButton, TextField, useForm } from "../../components/form";
import { PickField } from "../../components/pick-field";
import { toast } from "../../components/toast";
import { Unsaved } from "../../components/unsaved";
import { useT } from "../../i18n/all";
import { AddressCheck } from "../parts/address-check";

export const TIME_ZONES: string[] = Intl.supportedValuesOf("timeZone").concat("UTC");

export function General() {
  const settings = useSettings();
  if (settings.isPending) return <Skeleton lines={8} />;
  if (settings.isError) return <Problem error={settings.error} />;
  return <Editor key={settings.data.updated_at_ms} initial={settings.data} />;
}

/** What the address says about itself: whether this browser came that way. */
export function AddressNote({ url }: { url: string }) {
  const t = useT();
  if (!url) return <Note tone="warn">{t("settings.address_missing")}</Note>;
  let host = "";
  try {
    host = new URL(url).host;
  } catch {
    return null;
  }
  if (/^(localhost|127\.|\[::1\])/.test(host)) return <Note tone="warn">{t("settings.address_local")}</Note>;
  if (url === window.location.origin) return <Note tone="ok">{t("settings.address_ok")}</Note>;
  return null;
}

function Editor({ initial }: { initial: Settings }) {
  const t = useT();
  const refresh = useRefresh();
  const form = useForm(initial);
  const s = form.value;
  const canEdit = useMe().data?.role === "owner";
  const save = () =>
    void form.run(async () => {
      await put("/settings", s);
      await refresh("settings", "me", "links");
      toast(t("form.saved"));
    });
  return (
    <Form onSubmit={save} label={t("settings.general")}>
      <Unsaved isChanged={form.isChanged} />
      <Card title={t("settings.address")}>
        <div className="stack">
          <TextField
            label={t("settings.public_url")}
            help={t("settings.public_url_help")}
            value={s.public_url}
            onChange={(v) => form.set("public_url", v.trim())}
            error={form.error("public_url")}
            placeholder="https://t.example.com"
            mono
          />
          <AddressNote url={s.public_url} />
          <LinesField
            label={t("settings.domains")}
            help={t("settings.domains_help")}
            value={s.tracking_domains}
            onChange={(v) => form.set("tracking_domains", v)}
            error={form.error("tracking_domains", true)}
            placeholder="https://click.example.jp"
          />
          {canEdit && <AddressCheck urls={[s.public_url, ...s.tracking_domains]} />}
        </div>
      </Card>
      <Card title={t("settings.local")}>
        <div className="grid">
          <PickField
            label={t("settings.time_zone")}
            value={s.time_zone}
            onChange={(v) => form.set("time_zone", v ?? s.time_zone)}
            options={TIME_ZONES.map((z) => ({ value: z, label: z }))}
            error={form.error("time_zone")}
          />
          <SelectField
            label={t("settings.language")}
            help={t("settings.language_help")}
            value={s.language}
            onChange={(v) => form.set("language", v)}
            options={[
              { value: "ja", label: "日本語" },
              { value: "en", label: "English" },
            ]}
          />
          <TextField
            label={t("settings.currency")}
            value={s.currency}
            onChange={(v) => form.set("currency", v.toUpperCase())}
            maxLength={3}
            list={["JPY", "USD", "EUR", "TWD", "KRW", "CNY"]}
            error={form.error("currency")}
          />
        </div>
      </Card>
      <Problem error={form.problem} />
      {canEdit && (
        <div className="form-foot sticky">
          <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
        </div>
      )}
    </Form>
  );
}
