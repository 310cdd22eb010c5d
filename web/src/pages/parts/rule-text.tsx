/** The field of a rule's text: completes placeholders from the server's catalogue while typing `{` or `##`. */
import { useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { usePlaceholders } from "../../api/queries";
import type { Placeholder } from "../../api/types";
import { isComposing } from "../../components/composing";
import { FieldFrame } from "../../components/form";
import { useI18n } from "../../i18n/all";
import "./rule-text.css";

interface Open {
  /** Where the placeholder begins, and what is typed of its name. */
  start: number;
  typed: string;
  style: "brace" | "hash";
}

/** The placeholder that is being typed at the cursor, if any. */
export function openPlaceholder(text: string, cursor: number): Open | null {
  const before = text.slice(0, cursor);
  const brace = /\{(?:[a-z0-9_]*\|\|)*([a-z0-9_.]*)$/i.exec(before);
  if (brace) return { start: cursor - (brace[1]?.length ?? 0), typed: brace[1] ?? "", style: "brace" };
  const hash = /##([A-Z0-9_]*)$/i.exec(before);
  // A pair of hashes before this one is the end of a placeholder, not a beginning.
  if (hash && (before.slice(0, hash.index).split("##").length - 1) % 2 === 0) {
    return { start: cursor - (hash[1]?.length ?? 0), typed: hash[1] ?? "", style: "hash" };
  }
  return null;
}

/** What nearly every postback carries; offered before the rest of the catalogue. */
const USUAL = ["para1", "amount", "content_uid1", "sid", "status", "currency"];

export function matching(all: readonly Placeholder[], typed: string, limit = 40): Placeholder[] {
  const wanted = typed.toLowerCase();
  const rank = (p: Placeholder) => (USUAL.includes(p.name) ? USUAL.indexOf(p.name) : USUAL.length);
  const starts = all.filter((p) => p.name.startsWith(wanted)).sort((a, b) => rank(a) - rank(b));
  const holds = wanted.length > 1 ? all.filter((p) => !p.name.startsWith(wanted) && p.name.includes(wanted)) : [];
  return [...starts, ...holds].slice(0, limit);
}

function secretPlaceholders(names: string, meaning: string): Placeholder[] {
  return names
    .split(" ")
    .filter(Boolean)
    .map((name) => ({
      name: `secret.${name}`,
      group: "activity",
      meaning_en: meaning,
      meaning_ja: meaning,
      format_en: "",
      format_ja: "",
      sample: "",
      kinds: [],
      source: "record",
    }));
}

export function RuleText(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  help?: string;
  error?: string | undefined;
  required?: boolean;
  /** Names of secrets that the text may use. */
  secrets?: readonly string[];
}) {
  const { t, language } = useI18n();
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const known = usePlaceholders().data;
  const secretMeaning = t("secrets.placeholder");
  const secretNames = props.secrets?.join(" ") ?? "";
  const catalogue = useMemo(
    () => known && [...known, ...secretPlaceholders(secretNames, secretMeaning)],
    [known, secretNames, secretMeaning],
  );
  const [open, setOpen] = useState<Open | null>(null);
  const [at, setAt] = useState(0);
  const cursor = useRef<number | null>(null);
  const found = useMemo(() => (open && catalogue ? matching(catalogue, open.typed) : []), [open, catalogue]);
  const isShown = open !== null && found.length > 0;

  useLayoutEffect(() => {
    if (cursor.current !== null && area.current) {
      area.current.setSelectionRange(cursor.current, cursor.current);
      cursor.current = null;
    }
  });

  const look = (text: string, position: number) => {
    setOpen(openPlaceholder(text, position));
    setAt(0);
  };
  const choose = (placeholder: Placeholder | undefined) => {
    if (!placeholder || !open) return;
    const name = open.style === "hash" ? placeholder.name.toUpperCase() : placeholder.name;
    const close = open.style === "hash" ? "##" : "}";
    const rest = props.value.slice(open.start + open.typed.length);
    const inserted = rest.startsWith(close) ? name : name + close;
    cursor.current = open.start + name.length + close.length;
    props.onChange(props.value.slice(0, open.start) + inserted + rest);
    setOpen(null);
    area.current?.focus();
  };
  return (
    <FieldFrame id={id} label={props.label} help={props.help} error={props.error} required={props.required}>
      <div className="editor">
        <textarea
          id={id}
          ref={area}
          className="mono"
          rows={props.rows ?? 4}
          spellCheck={false}
          autoCapitalize="off"
          autoCorrect="off"
          value={props.value}
          aria-autocomplete="list"
          aria-controls={isShown ? `${id}-c` : undefined}
          aria-activedescendant={isShown ? `${id}-${at}` : undefined}
          aria-invalid={props.error ? true : undefined}
          placeholder="https://partner.example/postback?id={para1}&amount={amount}"
          onChange={(e) => {
            props.onChange(e.target.value);
            look(e.target.value, e.target.selectionStart);
          }}
          onBlur={() => setOpen(null)}
          onKeyDown={(e) => {
            if (!isShown || isComposing(e.nativeEvent)) return;
            if (e.key === "ArrowDown") setAt((n) => Math.min(n + 1, found.length - 1));
            else if (e.key === "ArrowUp") setAt((n) => Math.max(n - 1, 0));
            else if (e.key === "Enter" || e.key === "Tab") choose(found[at]);
            else if (e.key === "Escape") setOpen(null);
            else return;
            e.preventDefault();
          }}
        />
        {isShown && (
          <div
            className="popover complete"
            role="listbox"
            id={`${id}-c`}
            aria-label={t("rule.placeholders")}
            tabIndex={0}
          >
            {found.map((p, i) => (
              <div
                key={p.name}
                id={`${id}-${i}`}
                role="option"
                aria-selected={i === at}
                ref={i === at ? (el) => el?.scrollIntoView({ block: "nearest" }) : undefined}
                onMouseDown={(e) => {
                  e.preventDefault();
                  choose(p);
                }}
              >
                <div className="row between">
                  <code>{open.style === "hash" ? `##${p.name.toUpperCase()}##` : `{${p.name}}`}</code>
                  <span className="muted small mono">{p.sample}</span>
                </div>
                <div className="small muted">{language === "ja" ? p.meaning_ja : p.meaning_en}</div>
              </div>
            ))}
          </div>
        )}
      </div>
    </FieldFrame>
  );
}
