/** The sentence of a failure: the operator's language where the code is known, else the server's own. */
import { ApiError } from "../api/client";
import { useI18n } from "../i18n/all";

/**
 * What people call the field of a path such as `trust.allowed_ips[0]`: the innermost part that has a name; the path
 * itself stands in for what is new.
 */
export function useFieldName(): (path: string) => string {
  const { t } = useI18n();
  return (path) => {
    const parts = path.split(/[.[\]]+/).filter((part) => part && !/^\d+$/.test(part));
    for (const part of parts.reverse()) {
      const key = `field_name.${part}`;
      if (t.has(key)) return t(key);
    }
    return path;
  };
}

/** The bounds that a sentence names, such as `1 – 65535`. */
const numbersOf = (message: string): string => (message.match(/\d[\d,.]*\d|\d/g) ?? []).join(" – ");

/** Why a job ended before its end; nothing while it goes on or when it has done its work. */
export function useJobText(): (job: { code?: string | null; message?: string | null }) => string {
  const text = useErrorText();
  return ({ code, message }) => (message ? text(new ApiError(400, code ?? "", message, null)) : "");
}

export function useErrorText(): (error: unknown) => string {
  const { t, language } = useI18n();
  return (error) => {
    if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
    const key = `error.${error.code}`;
    const until = error.retryAt?.toLocaleTimeString(language) ?? "";
    // In English the server's sentence is the more exact one; in Japanese a known code has its own.
    const isKnown = language === "ja" || error.status === 0 || error.code.startsWith("locked_");
    if (isKnown && t.has(key)) return t(key, { detail: error.message, numbers: numbersOf(error.message), until });
    return error.message;
  };
}
