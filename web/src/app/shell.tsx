/** The frame around the screens: navigation, the search field of the trace, language, theme, account. */
import {
  Activity,
  BarChart3,
  BookOpen,
  Check,
  CircleSlash,
  Coins,
  FileCheck2,
  Home,
  Keyboard,
  Link2,
  ListChecks,
  LogOut,
  type LucideIcon,
  Megaphone,
  Menu as MenuIcon,
  MousePointerClick,
  Radio,
  ReceiptText,
  Search,
  Send,
  Settings,
  UserRound,
  Users,
} from "lucide-react";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { post } from "../api/client";
import { useMe } from "../api/queries";
import { Button } from "../components/basic";
import { MenuEntry, MenuList, Popup } from "../components/popup";
import { type MessageKey, useI18n, useT } from "../i18n/all";
import icon from "../icon.svg";
import { FencedNote } from "../pages/settings/archive";
import { SIGNED_IN } from "../pages/sign-in";
import { Palette } from "./palette";
import { Shortcuts } from "./shortcuts";
import { setTheme, storedTheme, type Theme } from "./theme";
import "./shell.css";

interface Item {
  href: string;
  label: MessageKey;
  icon: LucideIcon;
}

const GROUPS: { label: MessageKey | null; items: Item[] }[] = [
  {
    label: null,
    items: [
      { href: "/", label: "nav.home", icon: Home },
      { href: "/live", label: "nav.live", icon: Radio },
      { href: "/reports", label: "nav.reports", icon: BarChart3 },
      { href: "/payouts", label: "nav.payouts", icon: Coins },
      { href: "/statements", label: "nav.statements", icon: ReceiptText },
    ],
  },
  {
    label: "nav.group.measure",
    items: [
      { href: "/links", label: "nav.links", icon: Link2 },
      { href: "/offers", label: "nav.offers", icon: Megaphone },
      { href: "/partners", label: "nav.partners", icon: Users },
      { href: "/rules", label: "nav.rules", icon: ListChecks },
    ],
  },
  {
    label: "nav.group.logs",
    items: [
      { href: "/clicks", label: "nav.clicks", icon: MousePointerClick },
      { href: "/conversions", label: "nav.conversions", icon: FileCheck2 },
      { href: "/refused", label: "nav.refused", icon: CircleSlash },
      { href: "/postbacks", label: "nav.postbacks", icon: Send },
      { href: "/trace", label: "nav.trace", icon: Activity },
    ],
  },
  {
    label: null,
    items: [
      { href: "/settings", label: "nav.settings", icon: Settings },
      { href: "/help", label: "nav.help", icon: BookOpen },
    ],
  },
];

const isAt = (location: string, href: string) =>
  href === "/" ? location === "/" : location === href || location.startsWith(`${href}/`);

export function Shell({ children }: { children: ReactNode }) {
  const t = useT();
  const [location] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const [isFinding, setFinding] = useState(false);
  const [isShowingKeys, setShowingKeys] = useState(false);
  const main = useRef<HTMLElement>(null);

  // A new screen: the menu of a phone closes, and the keyboard starts at the screen's beginning.
  const last = useRef(location);
  useEffect(() => {
    setOpen(false);
    if (last.current !== location) {
      last.current = location;
      window.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
  }, [location]);

  // With the screen itself, not a moment later: whoever sees it may press the keys.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setFinding(true);
      } else if (event.key === "?" && !isTyping(event)) {
        event.preventDefault();
        setShowingKeys(true);
      } else if (event.key === "Escape") setOpen(false);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const shortcut = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘K" : "Ctrl K";
  return (
    <>
      <a className="skip" href="#main">
        {t("nav.skip")}
      </a>
      <div className="shell">
        <nav className={`nav ${isOpen ? "open" : ""}`} aria-label={t("nav.label")} id="nav">
          <Link href="/" className="brand">
            <img src={icon} alt="" />
            {t("app.name")}
          </Link>
          {GROUPS.map((group, i) => (
            <div key={i}>
              {group.label && <h2>{t(group.label)}</h2>}
              <ul>
                {group.items.map(({ href, label, icon: Icon }) => (
                  <li key={href}>
                    <Link href={href} aria-current={isAt(location, href) ? "page" : undefined}>
                      <Icon size={18} strokeWidth={1.8} aria-hidden />
                      {t(label)}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </nav>
        <button
          type="button"
          className={`scrim ${isOpen ? "open" : ""}`}
          aria-label={t("nav.close")}
          tabIndex={-1}
          onClick={() => setOpen(false)}
        />
        <div style={{ minWidth: 0 }}>
          <header className="topbar">
            <span className="menu">
              <Button
                variant="quiet"
                icon={MenuIcon}
                aria-label={t("nav.open")}
                aria-expanded={isOpen}
                aria-controls="nav"
                onPress={() => setOpen(true)}
              />
            </span>
            <button type="button" className="finder" onClick={() => setFinding(true)}>
              <Search size={16} aria-hidden />
              <span>{t("palette.hint")}</span>
              <kbd>{shortcut}</kbd>
            </button>
            <div className="grow" />
            <Account showKeys={() => setShowingKeys(true)} />
          </header>
          <main id="main" ref={main} tabIndex={-1}>
            <FencedNote />
            {children}
          </main>
        </div>
      </div>
      <Shortcuts isOpen={isShowingKeys} onClose={() => setShowingKeys(false)} find={shortcut} />
      <Palette isOpen={isFinding} onClose={() => setFinding(false)} />
    </>
  );
}

/** Whether the key belongs to what somebody writes. */
const isTyping = (event: KeyboardEvent) =>
  event.ctrlKey ||
  event.metaKey ||
  event.altKey ||
  (event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]") !== null);

function Account({ showKeys }: { showKeys: () => void }) {
  const { t, language, setLanguage } = useI18n();
  const me = useMe().data;
  const [theme, setShown] = useState(storedTheme);
  const choose = (next: Theme) => {
    setTheme(next);
    setShown(next);
  };
  const signOut = () => {
    // Whatever the answer, a reload shows the truth: signed out, or still in.
    sessionStorage.removeItem(SIGNED_IN);
    void post("/logout").finally(() => window.location.assign("/"));
  };
  return (
    <Popup label={t("account.menu")} button={<UserRound size={18} aria-hidden />}>
      {(close) => {
        const entry = (work: () => void) => () => {
          close();
          work();
        };
        const other = language === "ja" ? "en" : "ja";
        return (
          <>
            <p className="who">
              {me?.name || me?.login || ""} · {me ? t(`role.${me.role}`) : ""}
            </p>
            <MenuList label={t("account.menu")}>
              <MenuEntry onChoose={entry(() => setLanguage(other))}>{other === "en" ? "English" : "日本語"}</MenuEntry>
              {(["system", "light", "dark"] as const).map((one) => (
                <MenuEntry key={one} isChosen={theme === one} onChoose={entry(() => choose(one))}>
                  {t(`theme.${one}`)} {theme === one && <Check size={15} aria-hidden />}
                </MenuEntry>
              ))}
              <MenuEntry onChoose={entry(showKeys)}>
                <Keyboard size={15} aria-hidden /> {t("keys.title")}
              </MenuEntry>
              <MenuEntry onChoose={entry(signOut)}>
                <LogOut size={15} aria-hidden /> {t("account.sign_out")}
              </MenuEntry>
            </MenuList>
          </>
        );
      }}
    </Popup>
  );
}
