/** One partner: status URLs, incoming parameters, payouts, caps, trust, test send. */
import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, del, get, put } from "../api/client";
import { useCanEdit, useRefresh, useRules, useSeesAll } from "../api/queries";
import type { Partner, PartnerWithUrls, Rule } from "../api/types";
import { Button, Card, LinkButton, Note, Skeleton } from "../components/basic";
import { Confirm } from "../components/dialog";
import { Form, LinesField, Problem, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { toast } from "../components/toast";
import { Unsaved } from "../components/unsaved";
import { useT } from "../i18n/all";
import {
  ClickParameters,
  DeliveryFields,
  PartnerPayouts,
  STATUSES,
  StatusUrlFields,
  withUrlsBody,
} from "./parts/partner-fields";
import { CharsetField, TrustFields } from "./parts/policy-fields";
import { Secrets } from "./parts/secrets";
import { SourceAddress } from "./parts/source-address";
import { TestSend } from "./parts/test-send";
import { WordingFields } from "./parts/wording-fields";

export default function PartnerEdit({ id }: { id: string }) {
  const t = useT();
  const found = useQuery({
    queryKey: ["partners", "with_urls", id],
    queryFn: () => get<PartnerWithUrls>(`/partners/${id}/with_urls`),
  });
  const rules = useRules();
  if (found.error instanceof ApiError && found.error.status === 404) return <Note tone="warn">{t("error.gone")}</Note>;
  if (found.isError || rules.isError) return <Problem error={found.error ?? rules.error} />;
  if (found.isPending || rules.isPending) return <Skeleton lines={10} />;
  const own = rules.data.filter((r) => r.scope.type === "partner" && r.scope.partner === id);
  const { partner, status_urls } = found.data;
  const versions = [partner.updated_at_ms, ...STATUSES.map((s) => status_urls[s].updated_at_ms)];
  return <Editor key={versions.join("-")} initial={found.data} rules={own} />;
}

function Editor({ initial, rules }: { initial: PartnerWithUrls; rules: Rule[] }) {
  const t = useT();
  const [, navigate] = useLocation();
  const refresh = useRefresh();
  const byStatus = STATUSES.map((s) => [s, rules.find((r) => r.id === initial.status_urls[s].rule)] as const);
  const simple = new Set(byStatus.map(([, r]) => r?.id));
  const others = rules.filter((r) => !simple.has(r.id));
  const canEdit = useCanEdit();
  const seesAll = useSeesAll();
  const form = useForm(initial);
  const [isDeleting, setDeleting] = useState(false);
  const [categories, setCategories] = useState(initial.partner.categories.join(", "));
  const { partner, status_urls } = form.value;
  const error = (field: string, prefix = false) => form.error(`partner.${field}`, prefix);
  const set = <K extends keyof Partner>(key: K, value: Partner[K]) => form.set("partner", { ...partner, [key]: value });

  const save = () =>
    void form.run(async () => {
      await put(
        `/partners/${partner.id}/with_urls`,
        withUrlsBody(partner, status_urls, (s) => t(`status.${s}`)),
      );
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
      title={t("partner.settings_of", { name: initial.partner.name })}
      lead={t("partner.lead")}
      back={{ href: `/partners/${partner.id}`, label: initial.partner.name }}
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
      <Unsaved isChanged={form.isChanged} />
      <Form onSubmit={save} label={initial.partner.name}>
        <Card title={t("partner.basics")}>
          <div className="stack">
            <TextField
              label={t("partners.name")}
              value={partner.name}
              onChange={(v) => set("name", v)}
              error={error("name")}
              required
            />
            <TextField
              label={t("partner.categories")}
              help={t("partner.categories_help")}
              value={categories}
              onChange={(text) => {
                setCategories(text);
                set(
                  "categories",
                  text
                    .split(/[,、]/)
                    .map((name) => name.trim())
                    .filter(Boolean),
                );
              }}
              error={error("categories", true)}
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
            error={error}
          />
        </Card>
        <Card title={t("partner.out")} help={t("partner.out_help")}>
          <div className="stack">
            <StatusUrlFields
              urls={status_urls}
              onChange={(v) => form.set("status_urls", v)}
              partner={partner.id}
              error={(field) => form.error(`status_urls.${field}`)}
            />
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
        <Card title={t("wording.title")} help={t("wording.help")}>
          <WordingFields value={partner.wording} onChange={(v) => set("wording", v)} error={error} />
        </Card>
        <Card title={t("payout.title")} help={t("partner.payouts_help")}>
          <PartnerPayouts value={partner.payouts} onChange={(v) => set("payouts", v)} error={error} />
        </Card>
        <Card title={t("form.more")}>
          <div className="stack">
            <details>
              <summary>{t("delivery.title")}</summary>
              <DeliveryFields
                value={partner.delivery}
                onChange={(v) => set("delivery", v)}
                error={(f) => error(`delivery.${f}`, true)}
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
                error={error("callback_hosts", true)}
              />
            </details>
            <details>
              <summary>{t("charset.label")}</summary>
              <CharsetField
                help={t("charset.partner_help")}
                value={partner.charset}
                onChange={(v) => set("charset", v)}
              />
            </details>
            <details>
              <summary>{t("partner.trust")}</summary>
              <TrustFields
                value={partner.trust}
                onChange={(v) => set("trust", v)}
                error={(f) => error(`trust.${f}`, true)}
              />
            </details>
          </div>
        </Card>
        <Problem error={form.problem} />
        <div className="form-foot sticky">
          <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
        </div>
      </Form>
      {seesAll && (
        <Card title={t("secrets.title")} help={t("secrets.help")}>
          <Secrets partner={partner.id} />
        </Card>
      )}
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
