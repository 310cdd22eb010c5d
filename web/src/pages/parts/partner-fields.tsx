/** Fields of a partner, and its three status URLs, which are three simple rules. */

import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { post } from "../../api/client";
import { useCanEdit, useOffers } from "../../api/queries";
import type {
  ActivityKind,
  ClickParameter,
  ConversionStatus,
  Finding,
  Partner,
  Preset,
  Rule,
  StatusUrl,
  StatusUrls,
} from "../../api/types";
import { Button, Note } from "../../components/basic";
import { useDebounced } from "../../components/debounce";
import { NumberField, SelectField, TextField } from "../../components/form";
import { useT } from "../../i18n/all";
import { FindingList } from "./findings";
import { PayoutField } from "./policy-fields";
import { RuleText } from "./rule-text";

export const STATUSES: readonly ConversionStatus[] = ["pending", "approved", "rejected"];
const NO_URL: StatusUrl = { text: "", name: "", rule: null, updated_at_ms: null };
export const NO_URLS: StatusUrls = { pending: NO_URL, approved: NO_URL, rejected: NO_URL };

/** What is sent to save a partner with its status URLs; rules that are new are named by their status. */
export function withUrlsBody(partner: Partner, urls: StatusUrls, nameOf: (status: ConversionStatus) => string) {
  const named = STATUSES.map((s) => [s, { ...urls[s], name: urls[s].name || nameOf(s), text: urls[s].text.trim() }]);
  return { partner: partnerBody(partner), status_urls: Object.fromEntries(named) };
}

export function newPartner(): Partner {
  return {
    id: "",
    name: "",
    preset: null,
    stop: null,
    click_parameters: [{ name: "param1", para: 1, macro_text: null }],
    callback_hosts: [],
    delivery: {
      timeout_s: null,
      max_per_second: null,
      max_concurrent: null,
      schedule_s: null,
      short_schedule_s: null,
      ttl_h: null,
    },
    payouts: [],
    wording: { statuses: {}, events: {} },
    trust: { mode: "off", bearer_tokens: [], hmac_secret: null, allowed_ips: [], addresses_may_change: false },
    charset: null,
    note: "",
    categories: [],
    created_at_ms: 0,
    updated_at_ms: 0,
  };
}

export function partnerFromPreset(preset: Preset, name: string): Partner {
  return {
    ...newPartner(),
    name,
    preset: preset.id,
    click_parameters: preset.click.map((p) => ({ name: p.name, para: p.para, macro_text: p.macro })),
  };
}

export function partnerBody(partner: Partner): Partial<Partner> {
  const { id, created_at_ms, updated_at_ms, ...body } = partner;
  return updated_at_ms ? { ...body, updated_at_ms } : body;
}

const BLANK = /<([A-Z0-9_]+)>/g;

/** Whether a text still has a blank of a preset. */
export const hasBlanks = (text: string): boolean => text.search(BLANK) >= 0;

/** Puts the operator's words in place of the blanks (`<HOST>`) of a preset. */
export function fillBlanks(text: string, words: Readonly<Record<string, string>>): string {
  return text.replaceAll(BLANK, (whole, key: string) => words[key]?.trim() || whole);
}

const CONVERSION_KINDS: readonly ActivityKind[] = ["event", "event_update"];

/** Where the rule text of a preset goes: the fields of its statuses, or the one field of a rule without a status. */
export function presetUrls(preset: Preset, text: string): { urls: StatusUrls; appText: string } {
  const urls = { ...NO_URLS };
  for (const status of preset.statuses) urls[status] = { ...NO_URL, text };
  return { urls, appText: preset.statuses.length ? "" : text };
}

export function newRule(): Rule {
  return {
    id: "",
    name: "",
    enabled: true,
    scope: { type: "partner", partner: "", offer: null },
    kinds: [...CONVERSION_KINDS],
    event: null,
    statuses: [],
    text: "",
    method: "GET",
    body: null,
    headers: [],
    no_data: { policy: "empty" },
    signing_secret: null,
    include_bots: false,
    allow_empty_click_id: false,
    amount_changes: false,
    credit: "credited",
    secrets_of: null,
    event_map: [],
    needs: [],
    max_age_h: null,
    test: null,
    answers: null,
    second_look: null,
    consent: "any",
    full_address: false,
    updated_at_ms: 0,
  };
}

export function ruleBody(rule: Rule): Partial<Rule> {
  const { id, updated_at_ms, broken, ...body } = rule;
  return updated_at_ms ? { ...body, updated_at_ms } : body;
}

export function useCheck(rule: Rule, enabled: boolean) {
  return useQuery({
    queryKey: ["rule-check", rule],
    queryFn: ({ signal: _ }) => post<{ findings: Finding[] }>("/rules/check", ruleBody(rule)),
    enabled: enabled && rule.text.trim() !== "",
    staleTime: 60_000,
    placeholderData: (old) => old,
    retry: false,
  });
}

export function StatusUrlFields(props: {
  urls: StatusUrls;
  onChange: (urls: StatusUrls) => void;
  partner: string;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const { urls, onChange } = props;
  return (
    <div className="stack">
      {STATUSES.map((status) => (
        <StatusUrlField
          key={status}
          status={status}
          value={urls[status].text}
          partner={props.partner}
          onChange={(text) => onChange({ ...urls, [status]: { ...urls[status], text } })}
          error={props.error(`${status}.text`)}
        />
      ))}
      <Note tone="info">{t("partner.status_note")}</Note>
    </div>
  );
}

function StatusUrlField(props: {
  status: ConversionStatus;
  value: string;
  partner: string;
  onChange: (text: string) => void;
  error: string | undefined;
}) {
  const t = useT();
  // A partner that is not saved yet cannot be named; an offer stands in for the check of the text.
  const offer = useOffers().data?.[0]?.id;
  const settled = useDebounced(props.value);
  const rule: Rule = {
    ...newRule(),
    scope: props.partner
      ? { type: "partner", partner: props.partner, offer: null }
      : { type: "offer", offer: offer ?? "" },
    statuses: [props.status],
    text: settled,
  };
  const canEdit = useCanEdit();
  // What a preset leaves open is asked for in fields of its own, and is no mistake yet.
  const isOpen = hasBlanks(settled);
  const check = useCheck(rule, canEdit && !isOpen && Boolean(props.partner || offer));
  return (
    <div className="stack tight">
      <RuleText
        label={t(`partner.url_${props.status}`)}
        value={props.value}
        onChange={props.onChange}
        rows={2}
        error={props.error}
      />
      {settled.trim() && !isOpen && check.data && (
        <FindingList findings={check.data.findings} text={settled} onReplace={props.onChange} />
      )}
    </div>
  );
}

export function ClickParameters(props: {
  value: ClickParameter[];
  onChange: (value: ClickParameter[]) => void;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const { value, onChange } = props;
  const change = (i: number, p: ClickParameter) => onChange(value.map((old, n) => (n === i ? p : old)));
  return (
    <div className="stack">
      {value.map((p, i) => (
        <div className="row top" key={i} role="group" aria-label={p.name || t("partner.parameter")}>
          <div className="grow" style={{ minWidth: 130 }}>
            <TextField
              label={t("partner.parameter")}
              value={p.name}
              onChange={(v) => change(i, { ...p, name: v.trim() })}
              mono
              error={props.error(`click_parameters.${i}.name`)}
            />
          </div>
          <div style={{ flex: "0 0 120px" }}>
            <SelectField
              label={t("partner.para")}
              value={p.para ? String(p.para) : ""}
              onChange={(v) => change(i, { ...p, para: v ? Number(v) : null })}
              options={[
                { value: "", label: t("partner.para_none") },
                ...[1, 2, 3, 4, 5].map((n) => ({ value: String(n), label: `PARA${n}` })),
              ]}
            />
          </div>
          <div className="grow" style={{ minWidth: 160 }}>
            <TextField
              label={t("partner.macro")}
              value={p.macro_text ?? ""}
              onChange={(v) => change(i, { ...p, macro_text: v || null })}
              mono
              error={props.error(`click_parameters.${i}.macro_text`)}
            />
          </div>
          <div style={{ paddingTop: 28 }}>
            <Button
              variant="quiet"
              icon={Trash2}
              aria-label={t("form.remove_name", { name: p.name })}
              onPress={() => onChange(value.filter((_, n) => n !== i))}
            />
          </div>
        </div>
      ))}
      <p className="help">{t("partner.macro_help")}</p>
      <div>
        <Button
          size="small"
          icon={Plus}
          onPress={() =>
            onChange([
              ...value,
              {
                name: `param${Math.min(value.length + 1, 5)}`,
                para: value.length < 5 ? value.length + 1 : null,
                macro_text: null,
              },
            ])
          }
        >
          {t("partner.parameter_add")}
        </Button>
      </div>
    </div>
  );
}

export function DeliveryFields({
  value,
  onChange,
  error,
}: {
  value: Partner["delivery"];
  onChange: (value: Partner["delivery"]) => void;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  return (
    <div className="grid">
      <TextField
        label={t("delivery.max_per_second")}
        value={value.max_per_second ?? ""}
        inputMode="decimal"
        placeholder={t("delivery.unlimited")}
        onChange={(v) => onChange({ ...value, max_per_second: v.normalize("NFKC").trim() || null })}
        error={error("max_per_second")}
      />
      <NumberField
        label={t("delivery.max_concurrent")}
        value={value.max_concurrent}
        placeholder={t("delivery.automatic")}
        onChange={(n) => onChange({ ...value, max_concurrent: n })}
        error={error("max_concurrent")}
      />
      <NumberField
        label={t("delivery.timeout_s")}
        value={value.timeout_s}
        placeholder="10"
        onChange={(n) => onChange({ ...value, timeout_s: n })}
        error={error("timeout_s")}
      />
      <NumberField
        label={t("delivery.ttl_h")}
        value={value.ttl_h}
        placeholder="96"
        onChange={(n) => onChange({ ...value, ttl_h: n })}
        error={error("ttl_h")}
      />
    </div>
  );
}

/** Stands for installs among the events of an app; a token of an event has no such sign. */
const INSTALLS = "*installs";

export function PartnerPayouts({
  value,
  onChange,
  error,
}: {
  value: Partner["payouts"];
  onChange: (value: Partner["payouts"]) => void;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const offers = useOffers().data ?? [];
  return (
    <div className="stack">
      {value.map((row, i) => {
        const offer = offers.find((o) => o.id === row.offer);
        const change = (next: Partner["payouts"][number]) => onChange(value.map((old, n) => (n === i ? next : old)));
        return (
          <div className="row top" key={i}>
            <div className="grow" style={{ minWidth: 150 }}>
              <SelectField
                label={t("link.offer")}
                value={row.offer}
                onChange={(v) => change({ ...row, offer: v, event: null, installs: false })}
                options={offers.map((o) => ({ value: o.id, label: o.name }))}
                error={error(`payouts.${i}.offer`)}
              />
            </div>
            <div className="grow" style={{ minWidth: 150 }}>
              <SelectField
                label={t("conversion.event")}
                value={row.installs ? INSTALLS : (row.event ?? "")}
                onChange={(v) => change({ ...row, event: v === INSTALLS ? null : v || null, installs: v === INSTALLS })}
                options={[
                  { value: "", label: t("common.all") },
                  ...(offer?.kind === "app" ? [{ value: INSTALLS, label: t("installs.title") }] : []),
                  ...(offer?.events ?? []).flatMap((e) => (e.token ? [{ value: e.token, label: e.name }] : [])),
                ]}
              />
            </div>
            <div className="grow" style={{ minWidth: 200 }}>
              <PayoutField
                label={t("payout.title")}
                value={row.payout}
                currency={offer?.currency ?? "JPY"}
                onChange={(payout) => payout && change({ ...row, payout })}
                isFixed={row.installs}
                error={error(`payouts.${i}.payout`)}
              />
            </div>
            <div style={{ paddingTop: 28 }}>
              <Button
                variant="quiet"
                icon={Trash2}
                aria-label={t("form.remove_name", { name: offer?.name ?? "" })}
                onPress={() => onChange(value.filter((_, n) => n !== i))}
              />
            </div>
          </div>
        );
      })}
      <div>
        <Button
          size="small"
          icon={Plus}
          isDisabled={offers.length === 0}
          onPress={() => {
            const first = offers[0];
            if (first)
              onChange([
                ...value,
                {
                  offer: first.id,
                  event: null,
                  installs: false,
                  payout: { type: "fixed", amount: "1000", currency: first.currency },
                },
              ]);
          }}
        >
          {t("partner.payout_add")}
        </Button>
      </div>
    </div>
  );
}
