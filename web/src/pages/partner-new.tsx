/** A new partner: a preset first, which fills in the names and the URL, or everything by hand. */
import { useEffect, useRef, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { ApiError, get, post } from "../api/client";
import { useRefresh, useSettings } from "../api/queries";
import type { Partner, PartnerWithUrls, Preset, Rule, StatusUrls } from "../api/types";
import { Card, CopyLine, Note } from "../components/basic";
import { Form, Problem, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { toast } from "../components/toast";
import { Unsaved } from "../components/unsaved";
import { useI18n } from "../i18n/all";
import { ConnectPlatform } from "./parts/connect-platform";
import {
  ClickParameters,
  fillBlanks,
  NO_URLS,
  newPartner,
  newRule,
  partnerFromPreset,
  presetUrls,
  ruleBody,
  STATUSES,
  StatusUrlFields,
  withUrlsBody,
} from "./parts/partner-fields";
import { PresetPicker, presetName } from "./parts/preset-picker";

interface Draft {
  partner: Partner;
  urls: StatusUrls;
  /** The rule of a preset that asks for no status: installs and events of apps. */
  appText: string;
}

export default function PartnerNew() {
  const { t } = useI18n();
  const [, navigate] = useLocation();
  return (
    <PageFrame
      title={t("partner.new")}
      lead={t("partner.new_lead")}
      back={{ href: "/partners", label: t("partners.title") }}
    >
      <PartnerForm onMade={(partner) => navigate(`/partners/${partner.id}`)} submitLabel={t("partner.create")} />
    </PageFrame>
  );
}

export function PartnerForm({ onMade, submitLabel }: { onMade: (partner: Partner) => void; submitLabel: string }) {
  const { t, language } = useI18n();
  const refresh = useRefresh();
  const [preset, setPreset] = useState<Preset | null>(null);
  const settings = useSettings().data;
  const [words, setWords] = useState<Record<string, string>>({});
  // A platform that is connected is not chosen any more.
  const [isConnected, setConnected] = useState(false);
  const form = useForm<Draft>({ partner: newPartner(), urls: NO_URLS, appText: "" });
  const { partner, urls, appText } = form.value;
  const isForApps = Boolean(preset?.rule && preset.statuses.length === 0);
  // Where the rule for an app was refused, the next try goes on with the partner that is there.
  const saved = useRef<Partner | null>(null);

  const choose = (next: Preset | null) => {
    setPreset(next);
    setWords({});
    if (!next) {
      form.setValue({ partner: { ...newPartner(), name: partner.name }, urls: NO_URLS, appText: "" });
      return;
    }
    form.setValue({
      partner: partnerFromPreset(next, presetName(next, language)),
      ...presetUrls(next, next.rule ?? ""),
    });
  };
  // Asked for by its address, as the help does.
  const wanted = useSearchParams()[0].get("preset");
  const chooseFirst = useRef(choose);
  useEffect(() => {
    // What cannot be read is chosen by hand.
    if (wanted) get<Preset>(`/presets/${encodeURIComponent(wanted)}`).then(chooseFirst.current, () => undefined);
  }, [wanted]);
  const fill = (key: string, word: string) => {
    const next = { ...words, [key]: word };
    setWords(next);
    if (!preset?.rule) return;
    const filled = presetUrls(preset, fillBlanks(preset.rule, next));
    form.setValue({ partner, urls: { ...urls, ...filled.urls }, appText: filled.appText });
  };
  const save = () =>
    void form.run(async () => {
      const texts = [appText, ...STATUSES.map((s) => urls[s].text)];
      const open = preset?.blanks.find((b) => texts.some((text) => text.includes(`<${b.name}>`)));
      if (open) throw new ApiError(400, "empty", t("error.empty"), `blanks.${open.name}`);
      const body = withUrlsBody(partner, urls, (s) => t(`status.${s}`));
      const made = saved.current ?? (await post<PartnerWithUrls>("/partners/with_urls", body)).partner;
      saved.current = made;
      if (isForApps && preset && appText.trim()) {
        const scope: Rule["scope"] = { type: "partner", partner: made.id, offer: null };
        const rule = { ...newRule(), name: t("partner.app_rule"), scope, kinds: preset.kinds, text: appText };
        await post("/rules", ruleBody(rule));
      }
      await refresh("partners", "rules", "links");
      toast(t("form.saved"));
      onMade(made);
    });
  const picker = (
    <Card title={t("partner.choose")} help={t("partner.choose_help")}>
      <PresetPicker chosen={preset} onChoose={choose} />
    </Card>
  );
  if (preset?.platform) {
    return (
      <div className="stack">
        {!isConnected && picker}
        <ConnectPlatform
          key={preset.id}
          preset={preset}
          platform={preset.platform}
          onConnected={() => setConnected(true)}
          onDone={onMade}
        />
      </div>
    );
  }
  return (
    <div className="stack">
      {picker}
      <Form onSubmit={save} label={t("partner.new")}>
        <Unsaved isChanged={form.isChanged} />
        <Card title={t("partner.basics")}>
          <div className="stack">
            {preset && (
              <Note tone={preset.confidence === "verified" ? "info" : "warn"}>
                {preset.note[language]} {preset.confidence === "unverified" && t("preset.unverified_text")}{" "}
                {preset.no_rule?.text[language]}
              </Note>
            )}
            <TextField
              label={t("partners.name")}
              value={partner.name}
              onChange={(v) => form.set("partner", { ...partner, name: v })}
              error={form.error("partner.name")}
              required
            />
            {preset?.blanks.map((blank) => (
              <TextField
                key={blank.name}
                label={blank.label[language]}
                value={words[blank.name] ?? ""}
                onChange={(v) => fill(blank.name, v)}
                help={t("preset.blank_help", { key: `<${blank.name}>` })}
                error={form.error(`blanks.${blank.name}`)}
                required
                mono
              />
            ))}
            {preset && preset.handover.length > 0 && (
              <Note tone="info">
                {t("preset.handover")} <code>{preset.handover.map((h) => `${h.name}=${h.value}`).join("&")}</code>
              </Note>
            )}
            {preset?.notify && (
              <div className="field">
                <span className="label">{t("preset.notify")}</span>
                <CopyLine text={(settings?.public_url ?? "") + preset.notify} />
              </div>
            )}
          </div>
        </Card>
        <Card title={t("partner.in")} help={t("partner.in_help")}>
          <ClickParameters
            key={preset?.id ?? ""}
            value={partner.click_parameters}
            onChange={(v) => form.set("partner", { ...partner, click_parameters: v })}
            error={(field) => form.error(`partner.${field}`)}
          />
        </Card>
        <Card title={t("partner.out")} help={t("partner.out_help")}>
          {isForApps && preset ? (
            <TextField
              label={t("partner.app_rule")}
              help={t("partner.app_rule_help", { kinds: preset.kinds.map((kind) => t(`kind.${kind}`)).join(", ") })}
              value={appText}
              onChange={(v) => form.set("appText", v)}
              error={form.error("text")}
              mono
            />
          ) : (
            <StatusUrlFields
              urls={urls}
              onChange={(v) => form.set("urls", v)}
              partner=""
              error={(field) => form.error(`status_urls.${field}`)}
            />
          )}
        </Card>
        <Problem error={form.problem} />
        <div className="form-foot sticky">
          <SubmitButton isBusy={form.isBusy}>{submitLabel}</SubmitButton>
        </div>
      </Form>
    </div>
  );
}
