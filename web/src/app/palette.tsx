/** Ctrl/Cmd+K: paste any id, order number, partner click id or URL and land on its story; or go to a screen. */
import { Activity, ArrowRight } from "lucide-react";
import { useEffect, useId, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { useLinks, useOffers, usePartners, useRules } from "../api/queries";
import { Dialog } from "../components/dialog";
import { isComposing } from "../components/form";
import { useT } from "../i18n/all";

interface Target {
  label: string;
  hint: string;
  href: string;
}

export function Palette({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const t = useT();
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={t("palette.title")}>
      <Finder onClose={onClose} />
    </Dialog>
  );
}

function Finder({ onClose }: { onClose: () => void }) {
  const t = useT();
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  const links = useLinks().data;
  const offers = useOffers().data;
  const partners = usePartners().data;
  const rules = useRules().data;

  const targets = useMemo(() => {
    const wanted = text.trim().normalize("NFKC").toLowerCase();
    const found: Target[] = [];
    if (wanted)
      found.push({
        label: t("palette.trace", { text: text.trim() }),
        hint: t("nav.trace"),
        href: `/trace?q=${encodeURIComponent(text.trim())}`,
      });
    const add = (hint: string, href: string, ...names: (string | null | undefined)[]) => {
      const label = names.filter(Boolean).join(" · ");
      if (!wanted || label.normalize("NFKC").toLowerCase().includes(wanted)) found.push({ label, hint, href });
    };
    for (const key of [
      "home",
      "live",
      "reports",
      "links",
      "offers",
      "partners",
      "rules",
      "clicks",
      "conversions",
      "refused",
      "postbacks",
      "settings",
      "help",
    ] as const)
      add(t("palette.screen"), key === "home" ? "/" : `/${key}`, t(`nav.${key}`));
    if (wanted) {
      for (const l of links ?? []) add(t("nav.links"), `/links/${l.token}`, l.network, l.campaign, l.token);
      for (const o of offers ?? []) add(t("nav.offers"), `/offers/${o.id}`, o.name, o.id);
      for (const p of partners ?? []) add(t("nav.partners"), `/partners/${p.id}`, p.name, p.id);
      for (const r of rules ?? []) add(t("nav.rules"), `/rules/${r.id}`, r.name, r.id);
    }
    return found.slice(0, 12);
  }, [text, t, links, offers, partners, rules]);

  useEffect(() => setAt(0), [text]);

  const go = (target: Target | undefined) => {
    if (!target) return;
    onClose();
    navigate(target.href);
  };
  return (
    <div className="stack tight">
      <input
        className="input"
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={targets[at] ? `${id}-${at}` : undefined}
        aria-label={t("palette.title")}
        placeholder={t("palette.hint")}
        value={text}
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => {
          if (isComposing(e.nativeEvent)) return;
          if (e.key === "ArrowDown") setAt((n) => Math.min(n + 1, targets.length - 1));
          else if (e.key === "ArrowUp") setAt((n) => Math.max(n - 1, 0));
          else if (e.key === "Enter") go(targets[at]);
          else return;
          e.preventDefault();
        }}
      />
      <ul
        id={id}
        role="listbox"
        aria-label={t("palette.title")}
        className="options"
        style={{ listStyle: "none", margin: 0 }}
      >
        {targets.map((target, i) => (
          <li
            key={target.href + target.label}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === at}
            data-focused={i === at ? "" : undefined}
            className="row"
            onMouseMove={() => setAt(i)}
            onClick={() => go(target)}
          >
            {target.href.startsWith("/trace?") ? (
              <Activity size={16} aria-hidden />
            ) : (
              <ArrowRight size={16} aria-hidden />
            )}
            <span className="grow wrap-any">{target.label}</span>
            <span className="muted small">{target.hint}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
