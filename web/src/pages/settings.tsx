/** Settings, in sections with an address each. */
import { Link } from "wouter";
import { useMe } from "../api/queries";
import { lazy } from "../components/lazy";
import { PageFrame } from "../components/page";
import { useT } from "../i18n/all";
import { General } from "./settings/general";
import "../components/tabs.css";

const AlertsPage = lazy(() => import("./settings/alerts"));
const Account = lazy(() => import("./settings/account"));
const People = lazy(() => import("./settings/users"));
const Tokens = lazy(() => import("./settings/tokens"));
const RatesPage = lazy(() => import("./settings/rates"));
const Audit = lazy(() => import("./settings/audit"));
const SystemPage = lazy(() => import("./settings/system"));
const Transfer = lazy(() => import("./settings/transfer"));

const OWNER_SECTIONS = [
  "general",
  "alerts",
  "rates",
  "account",
  "users",
  "tokens",
  "transfer",
  "audit",
  "system",
] as const;
const VIEWER_SECTIONS = ["account"] as const;
type Section = (typeof OWNER_SECTIONS)[number];

export default function SettingsPage({ section }: { section: string }) {
  const t = useT();
  const me = useMe().data;
  const sections: readonly Section[] =
    me?.role === "owner" ? OWNER_SECTIONS : me?.partners.length ? VIEWER_SECTIONS : ["general", "account", "system"];
  const current: Section = sections.find((s) => s === section) ?? sections[0] ?? "account";
  return (
    <PageFrame title={t("nav.settings")} lead={t(`settings.${current}_lead`)}>
      <nav className="tabs" aria-label={t("nav.settings")}>
        {sections.map((s) => (
          <Link key={s} href={`/settings/${s}`} aria-current={s === current ? "page" : undefined}>
            {t(`settings.${s}`)}
          </Link>
        ))}
      </nav>
      {current === "general" && <General />}
      {current === "alerts" && <AlertsPage />}
      {current === "rates" && <RatesPage />}
      {current === "account" && <Account />}
      {current === "users" && <People />}
      {current === "tokens" && <Tokens />}
      {current === "transfer" && <Transfer />}
      {current === "audit" && <Audit />}
      {current === "system" && <SystemPage />}
    </PageFrame>
  );
}
