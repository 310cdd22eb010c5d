/** The sentence of a failure: the operator's language where the code is known, else the server's own. */
import { ApiError } from "../api/client";
import { useI18n } from "../i18n/all";

export function useErrorText(): (error: unknown) => string {
  const { t, language } = useI18n();
  return (error) => {
    if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
    const key = `error.${error.code}`;
    // In English the server's sentence is the more exact one; in Japanese a known code has its own.
    if ((language === "ja" || error.status === 0) && t.has(key)) return t(key, { detail: error.message });
    return error.message;
  };
}
