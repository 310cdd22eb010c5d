/**
 * Forms: fields with label, help and the server's error beside them, and a form that Enter never submits
 * while an input method is composing.
 */
import { useQueryClient } from "@tanstack/react-query";
import { AlertCircle } from "lucide-react";
import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { ApiError } from "../api/client";
import type { Me } from "../api/types";
import { useT } from "../i18n/all";
import { Note } from "./basic";
import { isComposing } from "./composing";
import { useErrorText, useFieldName } from "./problem";
import "./form.css";

/** Whether this person only looks. Read without asking: the sign-in has a form too, and asking would begin it anew. */
function useIsViewer(): boolean {
  return useQueryClient().getQueryData<Me>(["me"])?.role === "viewer";
}

/** A form. Viewers can read but not type, except where it is `forEveryone`. */
export function Form(props: {
  onSubmit: () => void;
  children: ReactNode;
  className?: string;
  label?: string;
  forEveryone?: boolean;
}) {
  const composedAt = useRef(0);
  const isLocked = useIsViewer() && !props.forEveryone;
  return (
    <form
      className={props.className ?? "stack"}
      aria-label={props.label}
      noValidate
      onCompositionEnd={() => {
        composedAt.current = performance.now();
      }}
      onKeyDown={(event: KeyboardEvent) => {
        if (event.key === "Enter" && isComposing(event.nativeEvent)) event.preventDefault();
      }}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        // A dialog's form lies within the page's form for React, though not in the document.
        event.stopPropagation();
        // Safari ends the composition first and submits in the same key press.
        if (performance.now() - composedAt.current < 30) return;
        props.onSubmit();
      }}
    >
      {isLocked ? (
        <fieldset className="locked" disabled>
          {props.children}
        </fieldset>
      ) : (
        props.children
      )}
    </form>
  );
}

/** State of a form: the value, the server's answer to the last save, and whether a save is under way. */
export function useForm<T extends object>(initial: T) {
  const [value, setValue] = useState(initial);
  const [saved, setSaved] = useState(initial);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const errorText = useErrorText();
  return {
    value,
    setValue,
    /** Whether anything differs from what was read or saved last. */
    isChanged: JSON.stringify(value) !== JSON.stringify(saved),
    set: <K extends keyof T>(key: K, next: T[K]) => setValue((old) => ({ ...old, [key]: next })),
    problem,
    setProblem,
    isBusy,
    /** The sentence for a field; `prefix` also takes fields below it, such as `events[0].name`. */
    error: (field: string, prefix = false): string | undefined => {
      if (!(problem instanceof ApiError) || !problem.field) return undefined;
      const dotted = (name: string) => name.replaceAll(/\[(\d+)\]/g, ".$1");
      const path = dotted(problem.field);
      const own = dotted(field);
      return path === own || (prefix && path.startsWith(`${own}.`)) ? errorText(problem) : undefined;
    },
    run: async (work: () => Promise<void>): Promise<void> => {
      setBusy(true);
      setProblem(null);
      try {
        await work();
        setValue((last) => {
          setSaved(last);
          return last;
        });
      } catch (error) {
        setProblem(error);
      } finally {
        setBusy(false);
      }
    },
  };
}

/** What went wrong. After a failed save the first mistake of the form comes into view and takes the focus. */
export function Problem({ error }: { error: unknown }) {
  const errorText = useErrorText();
  const fieldName = useFieldName();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const form = error ? box.current?.closest("form") : null;
    if (!form) return;
    const mistake = form.querySelector<HTMLElement>('[aria-invalid="true"]');
    for (let at = mistake?.closest("details"); at; at = at.parentElement?.closest("details")) at.open = true;
    const target = mistake ?? box.current;
    target?.scrollIntoView({ block: "center" });
    target?.focus({ preventScroll: true });
  }, [error]);
  if (!error) return null;
  const field = error instanceof ApiError ? error.field : null;
  return (
    // Where the field itself says so, this is left out (by style: which fields a form has is the form's matter).
    <div ref={box} tabIndex={-1} className={field ? "of-field" : undefined}>
      <Note tone="bad">
        {field && <strong>{fieldName(field)}</strong>} {errorText(error)}
      </Note>
    </div>
  );
}

export function FieldFrame(props: {
  id: string;
  label: ReactNode;
  required?: boolean | undefined;
  help?: ReactNode;
  error?: string | undefined;
  children: ReactNode;
}) {
  const t = useT();
  return (
    <div className="field">
      <label htmlFor={props.id}>
        {props.label}
        {props.required && <span className="must">{t("form.required")}</span>}
      </label>
      {props.children}
      {props.error && (
        <div className="error" id={`${props.id}-e`} role="alert">
          <AlertCircle size={15} aria-hidden />
          <span>{props.error}</span>
        </div>
      )}
      {props.help && (
        <div className="help" id={`${props.id}-h`}>
          {props.help}
        </div>
      )}
    </div>
  );
}

export const describedBy = (id: string, help: unknown, error: unknown) =>
  [error ? `${id}-e` : "", help ? `${id}-h` : ""].filter(Boolean).join(" ") || undefined;

export function TextField(props: {
  label: ReactNode;
  value: string;
  onChange: (value: string) => void;
  help?: ReactNode;
  error?: string | undefined;
  required?: boolean;
  mono?: boolean;
  rows?: number;
  type?: "text" | "password" | "email" | "url" | "search";
  placeholder?: string;
  autoComplete?: string;
  inputMode?: "text" | "numeric" | "decimal" | "url" | "email";
  autoFocus?: boolean;
  disabled?: boolean;
  list?: readonly string[];
  maxLength?: number;
}) {
  const id = useId();
  const common = {
    id,
    value: props.value,
    required: props.required ?? false,
    disabled: props.disabled ?? false,
    placeholder: props.placeholder,
    className: props.mono ? "mono" : undefined,
    "aria-invalid": props.error ? true : undefined,
    "aria-describedby": describedBy(id, props.help, props.error),
    autoFocus: props.autoFocus,
    maxLength: props.maxLength,
    spellCheck: props.mono ? false : undefined,
  } as const;
  return (
    <FieldFrame id={id} label={props.label} required={props.required} help={props.help} error={props.error}>
      {props.rows ? (
        <textarea {...common} rows={props.rows} onChange={(e) => props.onChange(e.target.value)} />
      ) : (
        <input
          {...common}
          type={props.type ?? "text"}
          autoComplete={props.autoComplete ?? "off"}
          inputMode={props.inputMode}
          list={props.list ? `${id}-l` : undefined}
          onChange={(e) => props.onChange(e.target.value)}
        />
      )}
      {props.list && (
        <datalist id={`${id}-l`}>
          {props.list.map((v) => (
            <option key={v} value={v} />
          ))}
        </datalist>
      )}
    </FieldFrame>
  );
}

/** A whole number or nothing; takes full-width digits, which input methods produce. */
export function NumberField(props: {
  label: ReactNode;
  value: number | null | undefined;
  onChange: (value: number | null) => void;
  help?: ReactNode;
  error?: string | undefined;
  placeholder?: string;
  required?: boolean;
}) {
  const [text, setText] = useState(props.value === null || props.value === undefined ? "" : String(props.value));
  return (
    <TextField
      label={props.label}
      value={text}
      inputMode="numeric"
      help={props.help}
      error={props.error}
      required={props.required ?? false}
      {...(props.placeholder ? { placeholder: props.placeholder } : {})}
      onChange={(raw) => {
        const plain = raw.normalize("NFKC").replaceAll(/[^0-9]/g, "");
        setText(plain);
        props.onChange(plain === "" ? null : Number(plain));
      }}
    />
  );
}

export interface Option {
  value: string;
  label: string;
}

export function SelectField(props: {
  label: ReactNode;
  value: string;
  onChange: (value: string) => void;
  options: readonly Option[];
  help?: ReactNode;
  error?: string | undefined;
  required?: boolean;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <FieldFrame id={id} label={props.label} required={props.required} help={props.help} error={props.error}>
      <select
        id={id}
        value={props.value}
        disabled={props.disabled}
        aria-invalid={props.error ? true : undefined}
        aria-describedby={describedBy(id, props.help, props.error)}
        onChange={(e) => props.onChange(e.target.value)}
      >
        {props.options.map((o) => (
          <option key={o.value} value={o.value}>
            {o.label}
          </option>
        ))}
      </select>
    </FieldFrame>
  );
}

export function CheckField(props: {
  label: ReactNode;
  help?: ReactNode;
  value: boolean;
  onChange: (value: boolean) => void;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div>
      <label className="check">
        <input
          type="checkbox"
          checked={props.value}
          disabled={props.disabled}
          aria-describedby={props.help ? `${id}-h` : undefined}
          onChange={(e) => props.onChange(e.target.checked)}
        />
        <span>{props.label}</span>
      </label>
      {props.help && (
        <div className="help" id={`${id}-h`} style={{ paddingLeft: 26 }}>
          {props.help}
        </div>
      )}
    </div>
  );
}

/** Lines of text as a list: one value a line. */
export function LinesField(props: {
  label: ReactNode;
  value: readonly string[];
  onChange: (value: string[]) => void;
  help?: ReactNode;
  error?: string | undefined;
  placeholder?: string;
}) {
  const [text, setText] = useState(props.value.join("\n"));
  return (
    <TextField
      label={props.label}
      value={text}
      rows={3}
      mono
      help={props.help}
      error={props.error}
      {...(props.placeholder ? { placeholder: props.placeholder } : {})}
      onChange={(raw) => {
        setText(raw);
        props.onChange(
          raw
            .split(/\s+/u)
            .map((line) => line.trim())
            .filter(Boolean),
        );
      }}
    />
  );
}

/** Saves. Viewers are told instead that they only look; `forEveryone` is for one's own account. */
export function SubmitButton({
  isBusy,
  isDisabled,
  forEveryone,
  children,
}: {
  isBusy: boolean;
  isDisabled?: boolean;
  forEveryone?: boolean;
  children: ReactNode;
}) {
  const t = useT();
  const isViewer = useIsViewer();
  if (isViewer && !forEveryone) return <Note>{t("form.viewer")}</Note>;
  return (
    <button type="submit" className="btn primary" disabled={isBusy || isDisabled}>
      {isBusy ? t("form.saving") : children}
    </button>
  );
}
