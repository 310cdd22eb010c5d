/** The address that partners should allow-list. */
import { useSystem } from "../../api/system";
import { CopyLine } from "../../components/basic";
import { useT } from "../../i18n/all";

export function SourceAddress() {
  const t = useT();
  const system = useSystem().data;
  const addresses = system?.source_address ? [system.source_address] : [];
  return (
    <div className="stack tight">
      <h3>{t("partner.source_address")}</h3>
      <p className="help">
        {addresses.length ? t("partner.source_address_help") : t("partner.source_address_unknown")}
      </p>
      {addresses.map((a) => (
        <CopyLine key={a} text={a} />
      ))}
    </div>
  );
}
