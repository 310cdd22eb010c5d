/** A list to search by typing, for things that there may be many of. */
import { ChevronDown } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useId, useMemo, useRef, useState } from "react";
import { useT } from "../i18n/all";
import { isComposing } from "./composing";
import { describedBy, FieldFrame, type Option } from "./form";
import { folded } from "./search";
import "./pick-field.css";

const MOST_SHOWN = 200;

/** What of the list stands below the field while `text` is in it; everything until something is typed. */
export function offered(options: readonly Option[], text: string | null): Option[] {
  const wanted = folded((text ?? "").trim());
  return options.filter((o) => folded(o.label).includes(wanted)).slice(0, MOST_SHOWN);
}

export function PickField(props: {
  label: ReactNode;
  value: string | null;
  onChange: (value: string | null) => void;
  options: readonly Option[];
  help?: ReactNode;
  error?: string | undefined;
  required?: boolean;
  placeholder?: string;
}) {
  const t = useT();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  /** What is typed; none while the field shows what is chosen. */
  const [text, setText] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const chosen = props.options.find((o) => o.value === props.value);
  const found = useMemo(() => offered(props.options, text), [props.options, text]);
  const show = () => {
    setAt(
      Math.max(
        found.findIndex((o) => o.value === props.value),
        0,
      ),
    );
    setOpen(true);
  };
  const shut = () => {
    setText(null);
    setOpen(false);
  };
  const choose = (option: Option | undefined) => {
    if (option) props.onChange(option.value);
    shut();
  };
  const onKey = (event: KeyboardEvent) => {
    if (isComposing(event.nativeEvent)) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen) show();
      else setAt((n) => Math.min(Math.max(n + (event.key === "ArrowDown" ? 1 : -1), 0), found.length - 1));
    } else if (event.key === "Enter" && isOpen) choose(found[at]);
    else if (event.key === "Escape" && isOpen) shut();
    else return;
    event.preventDefault();
  };
  // Who leaves with a name in full has chosen it; who has emptied the field has chosen nothing.
  const leave = () => {
    if (text !== null) {
      const meant = props.options.find((o) => folded(o.label) === folded(text.trim()));
      if (meant) props.onChange(meant.value);
      else if (text.trim() === "") props.onChange(null);
    }
    shut();
  };
  return (
    <FieldFrame id={id} label={props.label} required={props.required} help={props.help} error={props.error}>
      <div className="combo">
        <input
          id={id}
          ref={field}
          role="combobox"
          autoComplete="off"
          spellCheck={false}
          placeholder={props.placeholder}
          value={text ?? chosen?.label ?? ""}
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={isOpen ? `${id}-l` : undefined}
          aria-activedescendant={isOpen && found[at] ? `${id}-${at}` : undefined}
          aria-invalid={props.error ? true : undefined}
          aria-describedby={describedBy(id, props.help, props.error)}
          onFocus={(event) => {
            event.target.select();
            show();
          }}
          onClick={() => !isOpen && show()}
          onBlur={leave}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
            setOpen(true);
          }}
          onKeyDown={onKey}
        />
        <button
          type="button"
          tabIndex={-1}
          aria-label={t("form.open_list")}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => {
            if (isOpen) shut();
            else if (document.activeElement === field.current) show();
            else field.current?.focus();
          }}
        >
          <ChevronDown size={16} aria-hidden />
        </button>
        {isOpen && (
          <div className="popover options" role="listbox" id={`${id}-l`} aria-label={t("form.open_list")}>
            {found.map((option, n) => (
              <div
                key={option.value}
                id={`${id}-${n}`}
                role="option"
                aria-selected={option.value === props.value}
                data-focused={n === at ? "" : undefined}
                ref={n === at ? (element) => element?.scrollIntoView({ block: "nearest" }) : undefined}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => choose(option)}
              >
                {option.label}
              </div>
            ))}
            {found.length === 0 && (
              <div role="option" aria-selected="false" aria-disabled="true" className="muted">
                {t("common.nothing_found")}
              </div>
            )}
          </div>
        )}
      </div>
    </FieldFrame>
  );
}
