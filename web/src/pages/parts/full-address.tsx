/** What is kept of consent, which rules of an offer may send visitors' whole addresses, and what is kept for them. */
import { Link } from "wouter";
import { useRules } from "../../api/queries";
import { useT } from "../../i18n/all";

export function FullAddress({ offer }: { offer: string }) {
  const t = useT();
  const rules = useRules().data ?? [];
  const allowed = rules.filter((r) => r.full_address && (!r.scope.offer || r.scope.offer === offer));
  return (
    <section className="stack tight">
      <strong>{t("offer.consent")}</strong>
      <p className="help">{t("offer.consent_help")}</p>
      <strong>{t("offer.full_address")}</strong>
      <p className="help">{t("offer.full_address_help")}</p>
      <p className="help">{t(allowed.length > 0 ? "offer.full_address_rules" : "offer.full_address_none")}</p>
      {allowed.length > 0 && (
        <ul className="plain-list">
          {allowed.map((rule) => (
            <li key={rule.id}>
              <Link href={`/rules/${rule.id}`}>{rule.name || rule.id}</Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
