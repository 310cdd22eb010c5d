/** What is given to a partner from a list: the 入稿URL to copy, and the page that explains it. */
import { Printer } from "lucide-react";
import type { Link } from "../../api/types";
import { CopyButton, LinkButton } from "../../components/basic";
import { useT } from "../../i18n/all";

export function HandOver({ link }: { link: Link }) {
  const t = useT();
  return (
    <span className="row one-line">
      <CopyButton text={link.urls.submission_url} label={t("link.submission_short")} />
      <LinkButton href={`/links/${link.token}/hand-out`} size="small" icon={Printer} label={t("link.hand_out_short")} />
    </span>
  );
}
