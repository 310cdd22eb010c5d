/** One partner: status URLs, incoming parameters, payouts, caps, trust, test send. */
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { del, put } from "../api/client";
import { useCanEdit, usePartners, useRefresh, useRules } from "../api/queries";
import type { Partner, Rule } from "../api/types";
import { Button, Card, LinkButton, Note, Skeleton } from "../components/basic";
import { Confirm } from "../components/dialog";
import { Form, LinesField, Problem, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { toast } from "../components/toast";
import { useT } from "../i18n/all";
import {
  ClickParameters,
  DeliveryFields,
  PartnerPayouts,
  partnerBody,
  saveStatusTexts,
  STATUSES,
  type StatusTexts,
  statusRule,
  StatusUrlFields,
} from "./parts/partner-fields";
import { TrustFields } from "./parts/policy-fields";
import { SourceAddress } from "./parts/source-address";
import { TestSend } from "./parts/test-send";

export default function PartnerEdit({ id }: { id: string }) {
  const t = useT();
  const partners = usePartners();
  const rules = useRules();
  if (partners.isPending || rules.isPending) return <Skeleton lines={10} />;
  if (partners.isError || rules.isError) return <Problem error={partners.error ?? rules.error} />;
  const found = partners.data.find((p) => p.id === id);
  if (!found) return <Note tone="warn">{t("error.gone")}</Note>;
  const own = rules.data.filter((r) => r.scope.type === "partner" && r.scope.partner === id);
  return (
    <Editor key={`${found.updated_at_ms}-${own.map((r) => r.updated_at_ms).join("-")}`} initial={found} rules={own} />
  );
}

function Editor({ initial, rules }: { initial: Partner; rules: Rule[] }) {
  const t = useT();
  const [, navigate] = useLocation();
  const refresh = useRefresh();
  const byStatus = STATUSES.map((s) => [s, statusRule(rules, initial.id, s)] as const);
  const simple = new Set(byStatus.map(([, r]) => r?.id));
  const others = rules.filter((r) => !simple.has(r.id));
  const canEdit = useCanEdit();
  const form = useForm({
    partner: initial,
    texts: Object.fromEntries(byStatus.map(([s, r]) => [s, r?.text ?? ""])) as StatusTexts,
  });
  const [isDeleting, setDeleting] = useState(false);
  const { partner, texts } = form.value;
  const set = <K extends keyof Partner>(key: K, value: Partner[K]) => form.set("partner", { ...partner, [key]: value });

  const save = () =>
    void form.run(async () => {
      await saveStatusTexts(partner.id, texts, rules, (s) => t(`status.${s}`));
      await put(`/partners/${partner.id}`, partnerBody(partner));
      await refresh("partners", "rules", "links");
      toast(t("form.saved"));
    });
  const remove = () =>
    void form.run(async () => {
      await del(`/partners/${partner.id}`);
      await refresh("partners");
      navigate("/partners");
    });
  return (
    <PageFrame
      title={initial.name}
      lead={t("partner.lead")}
      back={{ href: "/partners", label: t("partners.title") }}
      actions={
        canEdit && (
          <>
            <LinkButton href={`/links/new?partner=${partner.id}`} icon={Plus}>
              {t("links.add")}
            </LinkButton>
            <Button variant="danger" icon={Trash2} onPress={() => setDeleting(true)}>
              {t("form.delete")}
            </Button>
          </>
        )
      }
    >
      <Form onSubmit={save} label={initial.name}>
        <Card title={t("partner.basics")}>
          <div className="stack">
            <TextField
              label={t("partners.name")}
              value={partner.name}
              onChange={(v) => set("name", v)}
              error={form.error("name")}
              required
            />
            <TextField
              label={t("form.note")}
              help={t("form.note_help")}
              value={partner.note}
              onChange={(v) => set("note", v)}
              rows={2}
            />
          </div>
        </Card>
        <Card title={t("partner.in")} help={t("partner.in_help")}>
          <ClickParameters
            value={partner.click_parameters}
            onChange={(v) => set("click_parameters", v)}
            error={form.error}
          />
        </Card>
        <Card title={t("partner.out")} help={t("partner.out_help")}>
          <div className="stack">
            <StatusUrlFields texts={texts} onChange={(v) => form.set("texts", v)} partner={partner.id} />
            {canEdit &&
              byStatus.map(
                ([s, r]) => r && <TestSend key={s} rule={r} label={t("test_send.of", { name: t(`status.${s}`) })} />,
              )}
            {others.length > 0 && (
              <div>
                <h3>{t("partner.other_rules")}</h3>
                <ul>
                  {others.map((r) => (
                    <li key={r.id}>
                      <Link href={`/rules/${r.id}`}>{r.name || r.id}</Link>{" "}
                      {!r.enabled && <span className="muted">({t("rule.off")})</span>}
                    </li>
                  ))}
                </ul>
              </div>
            )}
            <p className="help" hidden={!canEdit}>
              {t("partner.more_rules")} <Link href={`/rules/new?partner=${partner.id}`}>{t("rules.add")}</Link>
            </p>
            <SourceAddress />
          </div>
        </Card>
        <Card title={t("payout.title")} help={t("partner.payouts_help")}>
          <PartnerPayouts value={partner.payouts} onChange={(v) => set("payouts", v)} error={form.error} />
        </Card>
        <Card title={t("form.more")}>
          <div className="stack">
            <details>
              <summary>{t("delivery.title")}</summary>
              <DeliveryFields
                value={partner.delivery}
                onChange={(v) => set("delivery", v)}
                error={(f) => form.error(`delivery.${f}`, true)}
              />
            </details>
            <details>
              <summary>{t("partner.callback_hosts")}</summary>
              <LinesField
                label={t("partner.callback_hosts_label")}
                help={t("partner.callback_hosts_help")}
                value={partner.callback_hosts}
                onChange={(v) => set("callback_hosts", v)}
                placeholder="callback.partner.example"
                error={form.error("callback_hosts", true)}
              />
            </details>
            <details>
              <summary>{t("partner.trust")}</summary>
              <TrustFields
                value={partner.trust}
                onChange={(v) => set("trust", v)}
                error={(f) => form.error(`trust.${f}`, true)}
              />
            </details>
          </div>
        </Card>
        <Problem error={form.problem} />
        <div className="form-foot sticky">
          <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
        </div>
      </Form>
      <Confirm
        isOpen={isDeleting}
        onClose={() => setDeleting(false)}
        onConfirm={remove}
        title={t("form.delete_title", { name: partner.name })}
        action={t("form.delete")}
        danger
      >
        {t("partner.delete_text")}
      </Confirm>
    </PageFrame>
  );
}
