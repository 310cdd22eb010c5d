/** The editor of a rule: checks and preview come from the server, whose code also delivers. */
import { CopyPlus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { del, post, put } from "../api/client";
import { useCanEdit, useOffers, usePartners, useRefresh, useRules } from "../api/queries";
import type { ActivityKind, ConversionStatus, NoData, Rule } from "../api/types";
import { Button, Card, LinkButton, Note, Skeleton } from "../components/basic";
import { useDebounced } from "../components/debounce";
import { Confirm } from "../components/dialog";
import { CheckField, Form, Problem, SelectField, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { PickField } from "../components/pick-field";
import { toast } from "../components/toast";
import { useT } from "../i18n/all";
import { BackfillCard } from "./parts/backfill";
import { FindingList, MarkedText } from "./parts/findings";
import { KINDS, useKindName } from "./parts/kinds";
import { newRule, ruleBody, STATUSES, useCheck } from "./parts/partner-fields";
import { isForPlatform, isOfParts, PlatformFields } from "./parts/platform-fields";
import { isAddressed } from "./parts/preview-query";
import { LastWeek, RulePreview } from "./parts/rule-preview";
import { RuleText } from "./parts/rule-text";
import { useSecrets } from "./parts/secrets";
import { TestSend } from "./parts/test-send";
import "./rule-edit.css";
import { Unsaved } from "../components/unsaved";

export default function RuleEdit({ id }: { id?: string }) {
  const t = useT();
  const [params] = useSearchParams();
  const rules = useRules();
  const partners = usePartners();
  const offers = useOffers();
  if (rules.isPending || partners.isPending || offers.isPending) return <Skeleton lines={10} />;
  const error = rules.error ?? partners.error ?? offers.error;
  if (error) return <Problem error={error} />;
  const fresh = newRule();
  const partner = params.get("partner") ?? (partners.data?.length === 1 ? partners.data[0]?.id : "") ?? "";
  const copied = rules.data?.find((r) => r.id === params.get("copy"));
  const found = id
    ? rules.data?.find((r) => r.id === id)
    : copied
      ? { ...copied, id: "", updated_at_ms: 0, name: t("form.copy_of", { name: copied.name || copied.id }) }
      : { ...fresh, scope: { type: "partner" as const, partner, offer: null } };
  if (!found) return <Note tone="warn">{t("error.gone")}</Note>;
  return <Editor key={found.updated_at_ms} initial={found} />;
}

function Editor({ initial }: { initial: Rule }) {
  const t = useT();
  const [, navigate] = useLocation();
  const refresh = useRefresh();
  const offers = useOffers().data ?? [];
  const partners = usePartners().data ?? [];
  const form = useForm(initial);
  const [isDeleting, setDeleting] = useState(false);
  const rule = form.value;
  const isNew = !initial.id;
  const settled = useDebounced(rule);
  const canEdit = useCanEdit();
  const check = useCheck(settled, canEdit && isAddressed(settled));
  const findings = check.data?.findings ?? [];
  const offerId = rule.scope.offer;
  const offer = offers.find((o) => o.id === offerId);
  const owner = rule.scope.type === "partner" ? rule.scope.partner : (rule.secrets_of ?? "");
  const known = useSecrets(owner).data;
  const secrets = [...(known?.items.map((s) => s.name) ?? []), ...(known?.missing ?? [])];
  const isChanged = JSON.stringify(rule) !== JSON.stringify(initial);

  const save = () =>
    void form.run(async () => {
      const saved = isNew
        ? await post<Rule>("/rules", ruleBody(rule))
        : await put<Rule>(`/rules/${rule.id}`, ruleBody(rule));
      await refresh("rules");
      toast(t("form.saved"));
      if (isNew) navigate(`/rules/${saved.id}`);
    });
  return (
    <PageFrame
      title={isNew ? t("rule.new") : initial.name || initial.id}
      lead={t("rule.lead")}
      back={{ href: "/rules", label: t("rules.title") }}
      actions={
        !isNew &&
        canEdit && (
          <>
            <LinkButton href={`/rules/new?copy=${initial.id}`} icon={CopyPlus}>
              {t("form.duplicate")}
            </LinkButton>
            <Button variant="danger" icon={Trash2} onPress={() => setDeleting(true)}>
              {t("form.delete")}
            </Button>
          </>
        )
      }
    >
      {initial.broken && (
        <div style={{ marginBottom: 16 }}>
          <Note tone="bad" title={t("rule.broken")}>
            {initial.broken}
          </Note>
        </div>
      )}
      <Unsaved isChanged={form.isChanged} />
      <div className="rule-grid">
        <Form onSubmit={save} label={t("rule.new")}>
          <Card title={t("rule.when")}>
            <div className="stack">
              <div className="grid two">
                <TextField
                  label={t("rules.name")}
                  value={rule.name}
                  onChange={(v) => form.set("name", v)}
                  error={form.error("name")}
                />
                <SelectField
                  label={t("rule.scope")}
                  value={rule.scope.type}
                  onChange={(type) =>
                    form.set(
                      "scope",
                      type === "offer"
                        ? { type, offer: offerId ?? offers[0]?.id ?? "" }
                        : { type: "partner", partner: partners[0]?.id ?? "", offer: null },
                    )
                  }
                  options={[
                    { value: "partner", label: t("rule.scope_partner") },
                    { value: "offer", label: t("rule.scope_offer") },
                  ]}
                />
              </div>
              <div className="grid two">
                {rule.scope.type === "partner" && (
                  <PickField
                    label={t("link.partner")}
                    value={rule.scope.partner || null}
                    onChange={(v) => form.set("scope", { type: "partner", partner: v ?? "", offer: offerId })}
                    options={partners.map((p) => ({ value: p.id, label: p.name }))}
                    error={form.error("scope", true)}
                    required
                  />
                )}
                <SelectField
                  label={t("link.offer")}
                  value={offerId ?? ""}
                  onChange={(v) => {
                    form.setValue({
                      ...rule,
                      event: null,
                      scope:
                        rule.scope.type === "offer" ? { type: "offer", offer: v } : { ...rule.scope, offer: v || null },
                    });
                  }}
                  options={[
                    ...(rule.scope.type === "partner" ? [{ value: "", label: t("common.all") }] : []),
                    ...offers.map((o) => ({ value: o.id, label: o.name })),
                  ]}
                  error={form.error("scope.offer")}
                />
                <SelectField
                  label={t("conversion.event")}
                  value={rule.event ?? ""}
                  onChange={(v) => form.set("event", v || null)}
                  options={[
                    { value: "", label: t("common.all") },
                    ...(offer?.events ?? []).flatMap((e) => (e.token ? [{ value: e.token, label: e.name }] : [])),
                  ]}
                  {...(offer ? {} : { help: t("rule.event_needs_offer") })}
                  disabled={!offer}
                  error={form.error("event")}
                />
              </div>
              <fieldset>
                <legend>{t("rule.kinds")}</legend>
                <p className="help">{t("rule.kinds_help")}</p>
                <KindChips
                  kinds={KINDS.slice(0, 4)}
                  chosen={rule.kinds}
                  onChange={(kinds) => form.set("kinds", kinds)}
                />
                <details style={{ marginTop: 8 }} open={rule.kinds.some((k) => !KINDS.slice(0, 4).includes(k))}>
                  <summary>{t("rule.app_kinds")}</summary>
                  <KindChips
                    kinds={KINDS.slice(4)}
                    chosen={rule.kinds}
                    onChange={(kinds) => form.set("kinds", kinds)}
                  />
                </details>
              </fieldset>
              <fieldset>
                <legend>{t("rule.statuses")}</legend>
                <p className="help">{t("rule.statuses_help")}</p>
                <div className="chips">
                  {STATUSES.map((status: ConversionStatus) => (
                    <label key={status} className="chip">
                      <input
                        type="checkbox"
                        checked={rule.statuses.includes(status)}
                        onChange={(e) => form.set("statuses", toggle(rule.statuses, status, e.target.checked))}
                      />
                      {t(`status.${status}`)}
                    </label>
                  ))}
                </div>
              </fieldset>
              <CheckField label={t("rule.enabled")} value={rule.enabled} onChange={(v) => form.set("enabled", v)} />
            </div>
          </Card>
          <Card title={t("rule.then")} help={t("rule.text_help")}>
            <div className="stack">
              <RuleText
                label={t("rule.text")}
                value={rule.text}
                onChange={(v) => form.set("text", v)}
                secrets={secrets}
                rows={5}
                error={form.error("text")}
                required
              />
              {findings.some((f) => f.field === "text") && <MarkedText text={settled.text} findings={findings} />}
              {rule.text.trim() && (
                <FindingList
                  findings={findings.filter((f) => !isOfParts(f))}
                  text={settled.text}
                  onReplace={(v) => form.set("text", v)}
                />
              )}
              {rule.text.trim() && check.data && findings.length === 0 && (
                <Note tone="ok">{t("rule.no_findings")}</Note>
              )}
              {rule.text.trim() && !isAddressed(rule) && <Note>{t("rule.choose_first")}</Note>}
              <Problem error={check.error} />
            </div>
          </Card>
          <Card title={t("form.more")}>
            <details open={rule.method === "POST" || rule.headers.length > 0}>
              <summary>{t("rule.request")}</summary>
              <RequestFields form={form} secrets={secrets} />
            </details>
            <details open={isForPlatform(initial)}>
              <summary>{t("platform.title")}</summary>
              <PlatformFields form={form} findings={findings} />
            </details>
          </Card>
          <Problem error={form.problem} />
          <div className="form-foot sticky">
            <SubmitButton isBusy={form.isBusy}>{isNew ? t("rule.create") : t("form.save")}</SubmitButton>
            {isChanged && <span className="muted small">{t("form.unsaved")}</span>}
          </div>
        </Form>
        <aside className="stack" aria-label={t("rule.preview")} hidden={!canEdit}>
          <RulePreview rule={settled} />
          <LastWeek rule={rule} />
          {!isNew && (
            <Card title={t("test_send.title")} help={t("test_send.help")}>
              {isChanged ? (
                <p className="help">{t("test_send.save_first")}</p>
              ) : (
                <TestSend rule={initial} label={t("test_send.send")} />
              )}
            </Card>
          )}
          {!isNew && <BackfillCard key={initial.updated_at_ms} rule={initial} isChanged={isChanged} />}
        </aside>
      </div>
      <Confirm
        isOpen={isDeleting}
        onClose={() => setDeleting(false)}
        onConfirm={() =>
          void form.run(async () => {
            await del(`/rules/${rule.id}`);
            await refresh("rules");
            navigate("/rules");
          })
        }
        title={t("form.delete_title", { name: rule.name || rule.id })}
        action={t("form.delete")}
        danger
      >
        {t("rule.delete_text")}
      </Confirm>
    </PageFrame>
  );
}

const toggle = <T extends string>(list: readonly T[], value: T, on: boolean): T[] =>
  on ? [...list, value] : list.filter((x) => x !== value);

function KindChips({
  kinds,
  chosen,
  onChange,
}: {
  kinds: readonly ActivityKind[];
  chosen: readonly ActivityKind[];
  onChange: (kinds: ActivityKind[]) => void;
}) {
  const kindName = useKindName();
  return (
    <div className="chips">
      {kinds.map((kind) => (
        <label key={kind} className="chip">
          <input
            type="checkbox"
            checked={chosen.includes(kind)}
            onChange={(e) => onChange(toggle(chosen, kind, e.target.checked))}
          />
          {kindName(kind)}
        </label>
      ))}
    </div>
  );
}

function RequestFields({ form, secrets }: { form: ReturnType<typeof useForm<Rule>>; secrets: readonly string[] }) {
  const t = useT();
  const rule = form.value;
  const isSecretSet =
    typeof rule.signing_secret === "object" && rule.signing_secret !== null && rule.signing_secret.is_set;
  return (
    <div className="stack">
      <div className="grid two">
        <SelectField
          label={t("rule.method")}
          value={rule.method === "GET" ? "GET" : `POST ${rule.body?.type ?? "form"}`}
          onChange={(v) => {
            if (v === "GET") form.setValue({ ...rule, method: "GET", body: null });
            else
              form.setValue({
                ...rule,
                method: "POST",
                body: { type: v === "POST json" ? "json" : "form", template: rule.body?.template ?? "" },
              });
          }}
          options={[
            { value: "GET", label: "GET" },
            { value: "POST form", label: t("rule.post_form") },
            { value: "POST json", label: t("rule.post_json") },
          ]}
        />
        <SelectField
          label={t("rule.no_data")}
          value={rule.no_data.policy}
          onChange={(policy) =>
            form.set("no_data", (policy === "word" ? { policy, word: "none" } : { policy }) as NoData)
          }
          options={(["empty", "drop", "word"] as const).map((value) => ({ value, label: t(`no_data.${value}`) }))}
        />
      </div>
      {rule.no_data.policy === "word" && (
        <TextField
          label={t("no_data.word_label")}
          value={rule.no_data.word}
          onChange={(word) => form.set("no_data", { policy: "word", word })}
          error={form.error("no_data", true)}
        />
      )}
      {rule.body && (
        <RuleText
          label={t("rule.body")}
          value={rule.body.template}
          onChange={(template) => form.set("body", { type: rule.body?.type ?? "form", template })}
          secrets={secrets}
          rows={4}
          error={form.error("body", true)}
        />
      )}
      {rule.headers.map((h, i) => (
        <div className="row top" key={i}>
          <div className="grow">
            <TextField
              label={t("rule.header_name")}
              value={h.name}
              onChange={(name) =>
                form.set(
                  "headers",
                  rule.headers.map((x, n) => (n === i ? { ...x, name } : x)),
                )
              }
              mono
              error={form.error(`headers.${i}.name`)}
            />
          </div>
          <div className="grow">
            <TextField
              label={t("rule.header_value")}
              value={h.value}
              onChange={(value) =>
                form.set(
                  "headers",
                  rule.headers.map((x, n) => (n === i ? { ...x, value } : x)),
                )
              }
              mono
              error={form.error(`headers.${i}.value`)}
            />
          </div>
          <div style={{ paddingTop: 28 }}>
            <Button
              variant="quiet"
              icon={Trash2}
              aria-label={t("form.remove_name", { name: h.name })}
              onPress={() =>
                form.set(
                  "headers",
                  rule.headers.filter((_, n) => n !== i),
                )
              }
            />
          </div>
        </div>
      ))}
      <div>
        <Button size="small" onPress={() => form.set("headers", [...rule.headers, { name: "", value: "" }])}>
          {t("rule.header_add")}
        </Button>
      </div>
      <TextField
        label={t("rule.secret")}
        help={isSecretSet ? t("secret.is_set") : t("rule.secret_help")}
        type="password"
        autoComplete="new-password"
        value={typeof rule.signing_secret === "string" ? rule.signing_secret : ""}
        onChange={(v) => form.set("signing_secret", v || (isSecretSet ? { is_set: true } : null))}
        error={form.error("signing_secret")}
      />
      <CheckField
        label={t("rule.include_bots")}
        value={rule.include_bots}
        onChange={(v) => form.set("include_bots", v)}
      />
      <CheckField
        label={t("rule.allow_empty_click_id")}
        help={t("rule.allow_empty_click_id_help")}
        value={rule.allow_empty_click_id}
        onChange={(v) => form.set("allow_empty_click_id", v)}
      />
      <CheckField
        label={t("rule.amount_changes")}
        help={t("rule.amount_changes_help")}
        value={rule.amount_changes}
        onChange={(v) => form.set("amount_changes", v)}
      />
    </div>
  );
}
