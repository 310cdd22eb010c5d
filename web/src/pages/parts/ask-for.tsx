/** Says which variables of the partner are still to be asked for, as long as a submission URL lacks them. */
import type { LinkUrls } from "../../api/types";
import { Note } from "../../components/basic";
import { useT } from "../../i18n/all";

export function AskFor({ urls }: { urls: LinkUrls }) {
  const t = useT();
  const names = urls.ask_for ?? [];
  if (!names.length) return null;
  return <Note tone="warn">{t("link.ask_for", { names: names.map((name) => `${name}=`).join(" ") })}</Note>;
}
