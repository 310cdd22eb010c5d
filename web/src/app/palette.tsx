/** Ctrl/Cmd+K: paste any id, order number, partner click id or URL and land on its story; or go to a screen. */
import { Activity, ArrowRight } from "lucide-react";
import { useEffect, useId, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { useLinks, useOffers, usePartners, useRules } from "../api/queries";
import { isComposing } from "../components/composing";
import { Dialog } from "../components/dialog";
import { mayLeave } from "../components/leaving";
import { folded } from "../components/search";
import { type MessageKey, useT } from "../i18n/all";

interface Target {
  label: string;
  hint: string;
  href: string;
}

/** Screens that the navigation has not. */
const TOOLS: [string, MessageKey][] = [
  ["/links/bulk", "bulk_links.title"],
  ["/links/tools", "url_tool.title"],
  ["/import", "sheet.title"],
  ["/conversions/upload", "upload.title"],
  ["/settings/account", "settings.account"],
  ["/settings/users", "settings.users"],
  ["/settings/tokens", "settings.tokens"],
  ["/settings/alerts", "settings.alerts"],
  ["/settings/rates", "settings.rates"],
  ["/settings/transfer", "settings.transfer"],
  ["/settings/audit", "settings.audit"],
  ["/settings/system", "settings.system"],
];

/** Texts of the help that are searched, under the topic that shows them. */
const HELP: [string, MessageKey, MessageKey][] = [
  ...([1, 2, 3, 4] as const).map((n): [string, MessageKey, MessageKey] => [
    "start",
    `help.step${n}`,
    `help.step${n}_text`,
  ]),
  ["conversions", "help.tag", "help.tag_text"],
  ["conversions", "help.server", "help.server_text"],
  ["conversions", "help.answer", "help.answer_text"],
  ...(["sid", "cid", "event", "amount", "uid1", "status", "p"] as const).map((f): [string, MessageKey, MessageKey] => [
    "conversions",
    `help.field_${f}`,
    `help.field_${f}`,
  ]),
  ["rules", "help.rule_entry", "help.rule_entry_text"],
  ["rules", "help.rule_entry", "help.rule_condition_text"],
  ...([1, 2, 3, 4, 5] as const).map((n): [string, MessageKey, MessageKey] => [
    "rules",
    `help.rule_value${n}`,
    `help.rule_value${n}`,
  ]),
  ...([1, 2, 3, 4, 5, 6] as const).map((n): [string, MessageKey, MessageKey] => [
    "answers",
    `help.q${n}`,
    `help.a${n}`,
  ]),
];

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
    const wanted = folded(text.trim());
    const found: Target[] = [];
    if (wanted)
      found.push({
        label: t("palette.trace", { text: text.trim() }),
        hint: t("nav.trace"),
        href: `/trace?q=${encodeURIComponent(text.trim())}`,
      });
    const add = (hint: string, href: string, ...names: (string | null | undefined)[]) => {
      const label = names.filter(Boolean).join(" · ");
      if (!wanted || folded(label).includes(wanted)) found.push({ label, hint, href });
    };
    for (const key of [
      "home",
      "live",
      "reports",
      "payouts",
      "links",
      "offers",
      "partners",
      "rules",
      "clicks",
      "conversions",
      "refused",
      "postbacks",
      "trace",
      "settings",
      "help",
    ] as const)
      add(t("palette.screen"), key === "home" ? "/" : `/${key}`, t(`nav.${key}`));
    if (wanted) {
      for (const [href, title] of TOOLS) add(t("palette.screen"), href, t(title));
      for (const [topic, title, text] of HELP) {
        const words = folded(`${t(title)} ${t(text)}`);
        if (words.includes(wanted)) found.push({ label: t(title), hint: t("nav.help"), href: `/help/${topic}` });
      }
      for (const l of links ?? []) add(t("nav.links"), `/links/${l.token}`, l.network, l.campaign, l.token);
      for (const o of offers ?? []) {
        add(t("nav.offers"), `/offers/${o.id}`, o.name, o.id);
        add(t("tags.open"), `/offers/${o.id}/tags`, o.name, t("tags.open"));
      }
      for (const p of partners ?? []) add(t("nav.partners"), `/partners/${p.id}`, p.name, p.id);
      for (const r of rules ?? []) add(t("nav.rules"), `/rules/${r.id}`, r.name, r.id);
    }
    return found.slice(0, 12);
  }, [text, t, links, offers, partners, rules]);

  useEffect(() => setAt(0), [text]);

  const go = (target: Target | undefined) => {
    if (!target) return;
    onClose();
    if (mayLeave(target.href)) navigate(target.href);
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
