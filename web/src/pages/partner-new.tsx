/** A new partner: a preset first, which fills in the names and the URL, or everything by hand. */
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import { get, post, put } from "../api/client";
import { useRefresh, useSettings } from "../api/queries";
import type { Page, Partner, Preset, Rule } from "../api/types";
import { Card, CopyLine, Note } from "../components/basic";
import { Form, Problem, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { toast } from "../components/toast";
import { useI18n } from "../i18n/all";
import {
  ClickParameters,
  fillBlanks,
  newPartner,
  NO_TEXTS,
  partnerBody,
  partnerFromPreset,
  saveStatusTexts,
  type StatusTexts,
  StatusUrlFields,
} from "./parts/partner-fields";
import { PresetPicker, presetName } from "./parts/preset-picker";

interface Draft {
  partner: Partner;
  texts: StatusTexts;
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
  const saved = useRef<Partner | null>(null);
  const [words, setWords] = useState<Record<string, string>>({});
  const form = useForm<Draft>({ partner: newPartner(), texts: NO_TEXTS });
  const { partner, texts } = form.value;

  const choose = (next: Preset | null) => {
    setPreset(next);
    setWords({});
    if (!next) {
      form.setValue({ partner: { ...newPartner(), name: partner.name }, texts: NO_TEXTS });
      return;
    }
    form.setValue({
      partner: partnerFromPreset(next, presetName(next, language)),
      texts: { ...NO_TEXTS, pending: next.rule ?? "" },
    });
  };
  const fill = (key: string, word: string) => {
    const next = { ...words, [key]: word };
    setWords(next);
    if (preset?.rule) form.set("texts", { ...texts, pending: fillBlanks(preset.rule, next) });
  };
  const save = () =>
    void form.run(async () => {
      // When a URL is refused after the partner was made, the next try goes on with that partner.
      const before = saved.current;
      const made = before
        ? await put<Partner>(`/partners/${before.id}`, partnerBody({ ...partner, updated_at_ms: before.updated_at_ms }))
        : await post<Partner>("/partners", partnerBody(partner));
      saved.current = made;
      const rules = before ? (await get<Page<Rule>>("/rules", { partner: made.id, limit: 200 })).items : [];
      await saveStatusTexts(made.id, texts, rules, (s) => t(`status.${s}`));
      await refresh("partners", "rules", "links");
      toast(t("form.saved"));
      onMade(made);
    });
  return (
    <Form onSubmit={save} label={t("partner.new")}>
      <Card title={t("partner.choose")} help={t("partner.choose_help")}>
        <PresetPicker chosen={preset} onChoose={choose} />
      </Card>
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
            error={form.error("name")}
            required
          />
          {preset?.blanks.map((blank) => (
            <TextField
              key={blank.name}
              label={blank.label[language]}
              value={words[blank.name] ?? ""}
              onChange={(v) => fill(blank.name, v)}
              help={t("preset.blank_help", { key: `<${blank.name}>` })}
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
          error={form.error}
        />
      </Card>
      <Card title={t("partner.out")} help={t("partner.out_help")}>
        <StatusUrlFields texts={texts} onChange={(v) => form.set("texts", v)} partner="" />
      </Card>
      <Problem error={form.problem} />
      <div className="form-foot sticky">
        <SubmitButton isBusy={form.isBusy}>{submitLabel}</SubmitButton>
      </div>
    </Form>
  );
}
