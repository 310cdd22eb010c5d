/** Fields that offers, links and partners share: destinations, windows, payouts, trust. */

import { useId, useState } from "react";
import type {
  Approval,
  AttributionKey,
  AttributionPolicy,
  Destinations,
  InstallTerms,
  Offer,
  Payout,
  TrustPolicy,
} from "../../api/types";
import { plainAmount } from "../../components/amount";
import { CheckField, FieldFrame, LinesField, NumberField, SelectField, TextField } from "../../components/form";
import { useT } from "../../i18n/all";

export function DestinationFields(props: {
  value: Destinations;
  onChange: (value: Destinations) => void;
  error: (field: keyof Destinations) => string | undefined;
  isApp: boolean;
  required?: boolean;
}) {
  const t = useT();
  const { value, onChange, error } = props;
  const [isOpen] = useState(props.isApp || Boolean(value.ios || value.android || value.deep_link || value.fallback));
  const optional = (field: "ios" | "android" | "deep_link" | "fallback", placeholder: string) => (
    <TextField
      label={t(`destination.${field}`)}
      value={value[field] ?? ""}
      onChange={(v) => onChange({ ...value, [field]: v.trim() || null })}
      error={error(field)}
      mono
      placeholder={placeholder}
    />
  );
  return (
    <>
      <TextField
        label={t("destination.default")}
        help={t("destination.help")}
        value={value.default}
        onChange={(v) => onChange({ ...value, default: v.trim() })}
        error={error("default")}
        required={props.required ?? false}
        mono
        inputMode="url"
        placeholder="https://www.example.com/lp"
      />
      <details open={isOpen}>
        <summary>{t("destination.more")}</summary>
        <div className="grid two">
          {optional("ios", "https://apps.apple.com/app/id0000000000")}
          {optional("android", "https://play.google.com/store/apps/details?id=com.example")}
          {optional("deep_link", "example://open?sid={sid}")}
          {optional("fallback", "https://www.example.com/")}
        </div>
      </details>
    </>
  );
}

const WEB: AttributionKey[] = ["web_window_days"];
const APP: AttributionKey[] = [
  "click_window_h",
  "click_probabilistic_window_h",
  "impression_window_h",
  "impression_probabilistic_window_h",
  "inactivity_h",
  "reattribution_window_h",
  "click_to_install_floor_s",
  "max_engagements",
  "temporary_credit_h",
];
const DEFAULTS: Record<AttributionKey, string> = {
  web_window_days: "30",
  click_window_h: "168",
  click_probabilistic_window_h: "6",
  impression_window_h: "24",
  impression_probabilistic_window_h: "6",
  inactivity_h: "168",
  reattribution_window_h: "168",
  click_to_install_floor_s: "0",
  max_engagements: "0",
  temporary_credit_h: "0",
};

export function AttributionFields(props: {
  value: AttributionPolicy;
  onChange: (value: AttributionPolicy) => void;
  isApp: boolean;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const { value, onChange } = props;
  return (
    <div className="stack">
      <p className="help">{t("attribution.help")}</p>
      <div className="grid">
        {(props.isApp ? [...WEB, ...APP] : WEB).map((key) => (
          <NumberField
            key={key}
            label={t(`attribution.${key}`)}
            value={value[key]}
            placeholder={DEFAULTS[key]}
            onChange={(n) => onChange({ ...value, [key]: n })}
            error={props.error(key)}
          />
        ))}
      </div>
      {props.isApp && (
        <>
          <CheckField
            label={t("attribution.probabilistic")}
            value={value.probabilistic ?? true}
            onChange={(v) => onChange({ ...value, probabilistic: v })}
          />
          <CheckField
            label={t("attribution.temporary_to_organic")}
            value={value.temporary_to_organic ?? false}
            onChange={(v) => onChange({ ...value, temporary_to_organic: v })}
          />
        </>
      )}
    </div>
  );
}

export function ApprovalFields(props: {
  value: Approval;
  onChange: (value: Approval) => void;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const { value, onChange } = props;
  return (
    <>
      <SelectField
        label={t("event.approval")}
        value={value.mode}
        onChange={(mode) =>
          onChange(mode === "after_days" ? { mode, days: 30 } : { mode: mode as "automatic" | "manual" })
        }
        options={(["automatic", "after_days", "manual"] as const).map((mode) => ({
          value: mode,
          label: t(`approval.${mode}`),
        }))}
        error={props.error("approval")}
      />
      {value.mode === "after_days" && (
        <NumberField
          label={t("event.approval_days")}
          value={value.days}
          onChange={(days) => onChange({ mode: "after_days", days: days ?? 1 })}
        />
      )}
    </>
  );
}

/** Installs of an app as conversions. */
export function InstallFields(props: {
  value: InstallTerms;
  onChange: (value: InstallTerms) => void;
  currency: string;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const { value, onChange } = props;
  return (
    <div className="stack">
      <div className="grid">
        <ApprovalFields
          value={value.approval}
          onChange={(approval) => onChange({ ...value, approval })}
          error={props.error}
        />
        <PayoutField
          label={t("event.payout")}
          value={value.payout}
          currency={props.currency}
          onChange={(payout) => onChange({ ...value, payout })}
          error={props.error("payout")}
          isFixed
        />
      </div>
      <div className="stack tight">
        <CheckField
          label={t("installs.reattributions")}
          value={value.reattributions}
          onChange={(v) => onChange({ ...value, reattributions: v })}
        />
        <CheckField
          label={t("installs.reinstalls")}
          value={value.reinstalls}
          onChange={(v) => onChange({ ...value, reinstalls: v })}
        />
      </div>
    </div>
  );
}

const CHARSETS = ["shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "windows1252"] as const;

export function CharsetField(props: {
  value: Offer["charset"];
  onChange: (value: Offer["charset"]) => void;
  help: string;
}) {
  const t = useT();
  return (
    <SelectField
      label={t("charset.label")}
      help={props.help}
      value={props.value ?? ""}
      onChange={(v) => props.onChange(CHARSETS.find((known) => known === v) ?? null)}
      options={[
        { value: "", label: t("charset.found") },
        ...CHARSETS.map((value) => ({ value, label: t(`charset.${value}`) })),
      ]}
    />
  );
}

export function PayoutField(props: {
  label: string;
  value: Payout | null;
  currency: string;
  onChange: (value: Payout | null) => void;
  error?: string | undefined;
  /** There is no amount that a share could be taken of. */
  isFixed?: boolean;
}) {
  const t = useT();
  const id = useId();
  const { value, currency, onChange } = props;
  const amount = value?.type === "fixed" ? value.amount : value?.type === "percent" ? value.percent : "";
  return (
    <FieldFrame id={id} label={props.label} error={props.error}>
      <div className="row" style={{ flexWrap: "nowrap" }}>
        <select
          id={id}
          value={value?.type ?? "none"}
          onChange={(e) => {
            const type = e.target.value;
            onChange(
              type === "fixed"
                ? { type, amount: amount || "0", currency }
                : type === "percent"
                  ? { type, percent: amount || "0" }
                  : null,
            );
          }}
        >
          <option value="none">{t("payout.none")}</option>
          <option value="fixed">{t("payout.fixed")}</option>
          {!props.isFixed && <option value="percent">{t("payout.percent")}</option>}
        </select>
        {value && (
          <input
            aria-label={t("payout.amount", { unit: value.type === "fixed" ? value.currency : "%" })}
            inputMode="decimal"
            style={{ maxWidth: 120 }}
            value={amount}
            onChange={(e) => {
              const text = plainAmount(e.target.value);
              onChange(value.type === "fixed" ? { ...value, amount: text } : { ...value, percent: text });
            }}
          />
        )}
        {value && <span className="muted">{value.type === "fixed" ? value.currency : "%"}</span>}
      </div>
    </FieldFrame>
  );
}

export function TrustFields(props: {
  value: TrustPolicy;
  onChange: (value: TrustPolicy) => void;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const { value, onChange } = props;
  const isSet = value.hmac_secret !== null && typeof value.hmac_secret === "object" && value.hmac_secret.is_set;
  return (
    <div className="stack">
      <p className="help">{t("trust.help")}</p>
      <SelectField
        label={t("trust.mode")}
        value={value.mode}
        onChange={(v) => onChange({ ...value, mode: v as TrustPolicy["mode"] })}
        options={(["off", "test", "enforced"] as const).map((mode) => ({ value: mode, label: t(`trust.${mode}`) }))}
      />
      <LinesField
        label={t("trust.allowed_ips")}
        help={t("trust.allowed_ips_help")}
        value={value.allowed_ips}
        onChange={(v) => onChange({ ...value, allowed_ips: v })}
        placeholder="203.0.113.0/24"
        error={props.error("allowed_ips")}
      />
      {value.allowed_ips.length > 0 && (
        <CheckField
          label={t("trust.addresses_may_change")}
          help={t("trust.addresses_may_change_help")}
          value={value.addresses_may_change}
          onChange={(v) => onChange({ ...value, addresses_may_change: v })}
        />
      )}
      <TextField
        label={t("trust.hmac")}
        help={isSet ? t("secret.is_set") : t("trust.hmac_help")}
        type="password"
        autoComplete="new-password"
        value={typeof value.hmac_secret === "string" ? value.hmac_secret : ""}
        placeholder={isSet ? "••••••••" : ""}
        onChange={(v) => onChange({ ...value, hmac_secret: v || (isSet ? { is_set: true } : null) })}
        error={props.error("hmac_secret")}
      />
    </div>
  );
}
