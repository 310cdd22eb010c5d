/** What a rule for a platform has beside its text: whose conversions, events, needs, age, tests, answers. */
import { Plus, Trash2 } from "lucide-react";
import { useOffers, usePartners } from "../../api/queries";
import type { AnswerCase, AnswerPolicy, ConversionStatus, EventWord, Finding, Rule, SecondLook } from "../../api/types";
import { Button } from "../../components/basic";
import { CheckField, LinesField, NumberField, SelectField, TextField, type useForm } from "../../components/form";
import { useT } from "../../i18n/all";
import { FindingList } from "./findings";
import { STATUSES } from "./partner-fields";

type RuleForm = ReturnType<typeof useForm<Rule>>;

const VERDICTS = ["delivered", "retry", "give_up", "stop"] as const;
const CONSENTS = ["any", "not_denied", "granted"] as const;
const NO_TEST = { code: "", text: "", by_hand_only: false };

/** Whether a rule uses any of these parts. */
export function isForPlatform(rule: Rule): boolean {
  return (
    rule.credit === "any" ||
    rule.secrets_of !== null ||
    rule.event_map.length > 0 ||
    rule.needs.length > 0 ||
    rule.max_age_h !== null ||
    rule.test !== null ||
    rule.answers !== null ||
    rule.second_look !== null ||
    rule.consent !== "any" ||
    rule.full_address
  );
}

/** Findings about these parts, which stand with them. */
export function isOfParts(finding: Finding): boolean {
  return /^(event_map|needs|max_age_h|test|answers|second_look|secrets_of|consent|full_address)/.test(finding.field);
}

const replaced = <T,>(list: readonly T[], at: number, next: T): T[] => list.map((x, n) => (n === at ? next : x));
const without = <T,>(list: readonly T[], at: number): T[] => list.filter((_, n) => n !== at);

export function PlatformFields({ form, findings }: { form: RuleForm; findings: readonly Finding[] }) {
  const t = useT();
  const partners = usePartners().data ?? [];
  const rule = form.value;
  return (
    <div className="stack">
      {rule.scope.type === "partner" ? (
        <SelectField
          label={t("platform.credit")}
          help={t("platform.credit_help")}
          value={rule.credit}
          onChange={(v) => form.set("credit", v === "any" ? "any" : "credited")}
          options={(["credited", "any"] as const).map((value) => ({ value, label: t(`platform.credit_${value}`) }))}
        />
      ) : (
        <SelectField
          label={t("platform.secrets_of")}
          help={t("platform.secrets_of_help")}
          value={rule.secrets_of ?? ""}
          onChange={(v) => form.set("secrets_of", v || null)}
          options={[{ value: "", label: "–" }, ...partners.map((p) => ({ value: p.id, label: p.name }))]}
          error={form.error("secrets_of")}
        />
      )}
      <EventMap form={form} />
      <LinesField
        label={t("platform.needs")}
        help={t("platform.needs_help")}
        value={rule.needs}
        onChange={(v) => form.set("needs", v)}
        placeholder="{dcp_ttclid}"
        error={form.error("needs", true)}
      />
      <NumberField
        label={t("platform.max_age")}
        help={t("platform.max_age_help")}
        value={rule.max_age_h}
        onChange={(v) => form.set("max_age_h", v)}
        placeholder="168"
        error={form.error("max_age_h")}
      />
      <SelectField
        label={t("platform.consent")}
        help={t("platform.consent_help")}
        value={rule.consent}
        onChange={(v) => form.set("consent", CONSENTS.find((consent) => consent === v) ?? "any")}
        options={CONSENTS.map((value) => ({ value, label: t(`platform.consent_${value}`) }))}
      />
      <CheckField
        label={t("platform.full_address")}
        help={t("platform.full_address_help")}
        value={rule.full_address}
        onChange={(v) => form.set("full_address", v)}
      />
      <TestFields form={form} />
      <Answers
        form={form}
        field="answers"
        title={t("platform.answers")}
        policy={rule.answers ?? NO_POLICY}
        onChange={(policy) => form.set("answers", isPlain(policy) ? null : policy)}
      />
      <Look form={form} />
      <FindingList findings={findings.filter(isOfParts)} text="" />
    </div>
  );
}

function EventMap({ form }: { form: RuleForm }) {
  const t = useT();
  const offers = useOffers().data ?? [];
  const rule = form.value;
  const offer = offers.find((o) => o.id === rule.scope.offer);
  const known = [...new Set((offer ? [offer] : offers).flatMap((o) => o.events.map((e) => e.name)))];
  const set = (map: EventWord[]) => form.set("event_map", map);
  return (
    <fieldset className="stack tight">
      <legend>{t("platform.events")}</legend>
      <p className="help">{t("platform.events_help")}</p>
      {rule.event_map.map((row, i) => (
        <div className="row top" key={i}>
          <div className="grow">
            <SelectField
              label={t("conversion.event")}
              value={row.event}
              onChange={(event) => set(replaced(rule.event_map, i, { ...row, event }))}
              options={[...new Set([...known, "install", "session", row.event].filter(Boolean))].map((value) => ({
                value,
                label: value,
              }))}
              error={form.error(`event_map.${i}.event`)}
            />
          </div>
          <div className="grow">
            <SelectField
              label={t("conversion.status")}
              value={row.status ?? ""}
              onChange={(v) => set(replaced(rule.event_map, i, { ...row, status: v ? (v as ConversionStatus) : null }))}
              options={[
                { value: "", label: t("common.all") },
                ...STATUSES.map((value) => ({ value, label: t(`status.${value}`) })),
              ]}
            />
          </div>
          <div className="grow">
            <TextField
              label={t("platform.word")}
              value={row.word}
              onChange={(word) => set(replaced(rule.event_map, i, { ...row, word }))}
              placeholder="Purchase"
              error={form.error(`event_map.${i}.word`)}
              mono
            />
          </div>
          <div style={{ paddingTop: 28 }}>
            <Button
              variant="quiet"
              icon={Trash2}
              aria-label={t("form.remove_name", { name: row.event })}
              onPress={() => set(without(rule.event_map, i))}
            />
          </div>
        </div>
      ))}
      <div>
        <Button
          size="small"
          icon={Plus}
          onPress={() => set([...rule.event_map, { event: known[0] ?? "", status: null, word: "" }])}
        >
          {t("platform.event_add")}
        </Button>
      </div>
    </fieldset>
  );
}

function TestFields({ form }: { form: RuleForm }) {
  const t = useT();
  const test = form.value.test ?? NO_TEST;
  const set = (next: Partial<typeof NO_TEST>) => {
    const value = { ...test, ...next };
    form.set("test", value.code || value.text || value.by_hand_only ? value : null);
  };
  return (
    <fieldset className="stack tight">
      <legend>{t("platform.test")}</legend>
      <p className="help">{t("platform.test_help")}</p>
      <TextField label={t("platform.test_code")} value={test.code} onChange={(code) => set({ code })} mono />
      <TextField
        label={t("platform.test_text")}
        help={t("platform.test_text_help")}
        value={test.text}
        onChange={(text) => set({ text })}
        error={form.error("test.text")}
        mono
      />
      <CheckField
        label={t("platform.by_hand_only")}
        value={test.by_hand_only}
        onChange={(by_hand_only) => set({ by_hand_only })}
      />
    </fieldset>
  );
}

const NO_CASE: AnswerCase = { status: [], pointer: "", values: [], at_least: null, verdict: "delivered" };
const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);

const NO_POLICY: AnswerPolicy = { by_status: "postback", cases: [], says: [] };

function isPlain(policy: AnswerPolicy): boolean {
  return policy.by_status === "postback" && policy.cases.length === 0 && policy.says.length === 0;
}

const NO_LOOK: SecondLook = { url: "", after_s: 1800, answers: NO_POLICY };

function Look({ form }: { form: RuleForm }) {
  const t = useT();
  const look = form.value.second_look;
  const set = (next: Partial<SecondLook>) => form.set("second_look", { ...(look ?? NO_LOOK), ...next });
  return (
    <fieldset className="stack tight">
      <legend>{t("platform.look")}</legend>
      <CheckField
        label={t("platform.look_on")}
        help={t("platform.look_help")}
        value={look !== null}
        onChange={(on) => form.set("second_look", on ? NO_LOOK : null)}
      />
      {look && (
        <>
          <TextField
            label={t("platform.look_url")}
            value={look.url}
            onChange={(url) => set({ url })}
            placeholder="https://api.example.com/status/{answer./requestId}"
            error={form.error("second_look.url")}
            mono
            required
          />
          <NumberField
            label={t("platform.look_after")}
            value={look.after_s}
            onChange={(after_s) => set({ after_s: after_s ?? 0 })}
            error={form.error("second_look.after_s")}
          />
          <Answers
            form={form}
            field="second_look.answers"
            title={t("platform.look_answers")}
            policy={look.answers}
            onChange={(answers) => set({ answers })}
          />
        </>
      )}
    </fieldset>
  );
}

function Answers(props: {
  form: RuleForm;
  field: string;
  title: string;
  policy: AnswerPolicy;
  onChange: (policy: AnswerPolicy) => void;
}) {
  const t = useT();
  const { form, field, policy } = props;
  const set = (next: Partial<AnswerPolicy>) => props.onChange({ ...policy, ...next });
  return (
    <fieldset className="stack tight">
      <legend>{props.title}</legend>
      <SelectField
        label={t("platform.by_status")}
        help={t(`platform.by_status_${policy.by_status}_help`)}
        value={policy.by_status}
        onChange={(v) => set({ by_status: v === "platform" ? "platform" : "postback" })}
        options={(["postback", "platform"] as const).map((value) => ({
          value,
          label: t(`platform.by_status_${value}`),
        }))}
      />
      {policy.cases.map((row, i) => {
        const change = (next: Partial<AnswerCase>) => set({ cases: replaced(policy.cases, i, { ...row, ...next }) });
        return (
          <div className="row top" key={i}>
            <div className="grow">
              <TextField
                label={t("platform.case_status")}
                value={row.status.join(" ")}
                onChange={(v) => change({ status: words(v) })}
                placeholder="2xx"
                error={form.error(`${field}.cases.${i}.status`)}
                mono
              />
            </div>
            <div className="grow">
              <TextField
                label={t("platform.case_pointer")}
                value={row.pointer}
                onChange={(pointer) => change({ pointer })}
                placeholder="/code"
                error={form.error(`${field}.cases.${i}.pointer`)}
                mono
              />
            </div>
            <div className="grow">
              <TextField
                label={t("platform.case_values")}
                value={row.values.join(" ")}
                onChange={(v) => change({ values: words(v) })}
                placeholder="0"
                mono
              />
            </div>
            <div className="grow">
              <NumberField
                label={t("platform.case_at_least")}
                value={row.at_least}
                onChange={(at_least) => change({ at_least })}
              />
            </div>
            <div className="grow">
              <SelectField
                label={t("platform.case_verdict")}
                value={row.verdict}
                onChange={(v) => change({ verdict: VERDICTS.find((verdict) => verdict === v) ?? "retry" })}
                options={VERDICTS.map((value) => ({ value, label: t(`verdict.${value}`) }))}
              />
            </div>
            <div style={{ paddingTop: 28 }}>
              <Button
                variant="quiet"
                icon={Trash2}
                aria-label={t("form.remove_name", { name: row.pointer || row.status.join(" ") })}
                onPress={() => set({ cases: without(policy.cases, i) })}
              />
            </div>
          </div>
        );
      })}
      <div>
        <Button size="small" icon={Plus} onPress={() => set({ cases: [...policy.cases, NO_CASE] })}>
          {t("platform.case_add")}
        </Button>
      </div>
      <LinesField
        label={t("platform.says")}
        help={t("platform.says_help")}
        value={policy.says}
        onChange={(says) => set({ says })}
        placeholder="/error/message"
        error={form.error(`${field}.says`, true)}
      />
    </fieldset>
  );
}
