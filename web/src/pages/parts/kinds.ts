/** Activity kinds, in the order of the specification, with their names. */
import { useT } from "../../i18n/all";

export const KINDS = [
  "click",
  "impression",
  "event",
  "event_update",
  "install",
  "session",
  "reattribution",
  "install_update",
  "reattribution_update",
  "rejected_install",
  "rejected_reattribution",
  "uninstall",
  "reinstall",
  "reattribution_reinstall",
  "cost_update",
  "ad_revenue",
  "gdpr_forget_device",
  "sk_install",
] as const;

export function useKindName(): (kind: string) => string {
  const t = useT();
  return (kind) => {
    const key = `kind.${kind}`;
    return t.has(key) ? t(key) : kind;
  };
}

/** Texts of server codes, such as refusal reasons; the code itself stands in for what is new. */
export function useCodeText(
  prefix:
    | "refusal"
    | "fail"
    | "match"
    | "lost"
    | "skipped"
    | "alert_outcome"
    | "raw_data_outcome"
    | "archive_outcome"
    | "decide"
    | "identity_reason",
): (code: string | null | undefined) => string {
  const t = useT();
  return (code) => {
    if (!code) return "";
    const key = `${prefix}.${code}`;
    return t.has(key) ? t(key) : code;
  };
}
