/** Who did what, when, from where. */
import { ScrollText } from "lucide-react";
import type { AuditEntry } from "../../api/types";
import { Time } from "../../components/basic";
import { PagedTable, usePaged } from "../../components/table";
import { useT } from "../../i18n/all";
import { useActor } from "../parts/actor";

export default function Audit() {
  const t = useT();
  const actor = useActor();
  const action = (code: string) => {
    const key = `audit_action.${code}`;
    return t.has(key) ? t(key) : <code>{code}</code>;
  };
  const paged = usePaged<AuditEntry>("/audit", {});
  return (
    <PagedTable
      label={t("settings.audit")}
      paged={paged}
      rowKey={(e) => `${e.at_ms}${e.action}${e.subject}`}
      empty={{ icon: ScrollText, title: t("audit.empty"), text: "" }}
      columns={[
        { id: "at", label: t("audit.at"), render: (e) => <Time ms={e.at_ms} /> },
        { id: "actor", label: t("audit.actor"), render: (e) => actor(e.actor) },
        { id: "action", label: t("audit.action"), render: (e) => action(e.action) },
        { id: "subject", label: t("audit.subject"), render: (e) => <span className="wrap-any">{e.subject}</span> },
        { id: "from", label: "IP", render: (e) => <code>{e.from}</code> },
        {
          id: "detail",
          label: t("audit.detail"),
          render: (e) =>
            e.detail ? (
              <details>
                <summary>{t("audit.show")}</summary>
                <code className="codebox">{e.detail}</code>
              </details>
            ) : (
              ""
            ),
        },
      ]}
    />
  );
}
