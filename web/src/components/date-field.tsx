/**
 * Dates, times and files in the language of the interface: the browser's own fields speak the browser's language and
 * order days as it does. A day is typed, or picked in the browser's calendar.
 */
import { CalendarDays, FileUp } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useFormat, useT } from "../i18n/all";
import { Button } from "./basic";
import { readClock, readDay } from "./day";
import { describedBy, FieldFrame } from "./form";
import "./date-field.css";

/** A field whose text means something else than itself: the draft is kept until it can be read. */
function useDraft(value: string, shown: string, read: (text: string) => string | null, onChange: (v: string) => void) {
  const [draft, setDraft] = useState<string | null>(null);
  const [isWrong, setWrong] = useState(false);
  // What was changed from outside stands in the field; what is being typed is left as it is.
  useEffect(() => {
    setDraft((old) => (old !== null && (read(old) ?? old.trim()) === value ? old : null));
  }, [value, read]);
  const type = (text: string) => {
    setDraft(text);
    setWrong(false);
    const meant = text.trim() === "" ? "" : read(text);
    if (meant !== null && meant !== value) onChange(meant);
  };
  const leave = () => {
    if (draft === null) return;
    const isRead = draft.trim() === "" || read(draft) !== null;
    setWrong(!isRead);
    if (isRead) setDraft(null);
  };
  return { text: draft ?? shown, isWrong, type, leave, clear: () => setDraft(null) };
}

/** A day; the value is `2026-11-21` or nothing. */
export function DateField(props: {
  label: ReactNode;
  value: string;
  onChange: (value: string) => void;
  help?: ReactNode;
  error?: string | undefined;
  required?: boolean;
}) {
  const t = useT();
  const format = useFormat();
  const id = useId();
  const calendar = useRef<HTMLInputElement>(null);
  const sample = format.calendarDay("2026-12-31");
  const field = useDraft(props.value, format.calendarDay(props.value), readDay, props.onChange);
  const error = props.error ?? (field.isWrong ? t("date.not_read", { sample }) : undefined);
  return (
    <FieldFrame id={id} label={props.label} required={props.required} help={props.help} error={error}>
      <div className="day">
        <input
          id={id}
          inputMode="numeric"
          autoComplete="off"
          placeholder={sample}
          value={field.text}
          aria-invalid={error ? true : undefined}
          aria-describedby={describedBy(id, props.help, error)}
          onChange={(e) => field.type(e.target.value)}
          onBlur={field.leave}
        />
        <input
          ref={calendar}
          type="date"
          tabIndex={-1}
          aria-hidden
          value={props.value}
          onChange={(e) => {
            field.clear();
            props.onChange(e.target.value);
          }}
        />
        <Button
          icon={CalendarDays}
          aria-label={t("date.pick")}
          title={t("date.pick")}
          onPress={() => calendar.current?.showPicker?.()}
        />
      </div>
    </FieldFrame>
  );
}

/** A moment as `2026-11-21T09:30`: a day and a time of the clock. */
export function MomentField(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  help?: ReactNode;
}) {
  const t = useT();
  const id = useId();
  const [day = "", clock = ""] = props.value.split("T");
  const field = useDraft(clock, clock, readClock, (next) => next && props.onChange(`${day}T${next}`));
  const error = field.isWrong ? t("date.clock_not_read") : undefined;
  return (
    <fieldset className="moment">
      <legend>{props.label}</legend>
      <div className="row top">
        <DateField label={t("date.day")} value={day} onChange={(next) => next && props.onChange(`${next}T${clock}`)} />
        <FieldFrame id={id} label={t("date.clock")} error={error}>
          <input
            id={id}
            inputMode="numeric"
            autoComplete="off"
            placeholder="09:00"
            value={field.text}
            aria-invalid={error ? true : undefined}
            onChange={(e) => field.type(e.target.value)}
            onBlur={field.leave}
          />
        </FieldFrame>
      </div>
      {props.help && <div className="help">{props.help}</div>}
    </fieldset>
  );
}

/** One file from this device. */
export function FileField(props: {
  label: ReactNode;
  accept: string;
  onChange: (file: File | null) => void;
  help?: ReactNode;
}) {
  const t = useT();
  const id = useId();
  const [name, setName] = useState("");
  return (
    <FieldFrame id={id} label={props.label} help={props.help}>
      <div className="file">
        <input
          id={id}
          type="file"
          accept={props.accept}
          aria-describedby={`${id}-n ${describedBy(id, props.help, undefined) ?? ""}`.trim()}
          onChange={(e) => {
            const file = e.target.files?.[0] ?? null;
            setName(file?.name ?? "");
            props.onChange(file);
          }}
        />
        <span className="btn" aria-hidden>
          <FileUp size={17} />
          {t("file.choose")}
        </span>
        <span id={`${id}-n`} className={name ? "wrap-any" : "muted"}>
          {name || t("file.none")}
        </span>
      </div>
    </FieldFrame>
  );
}
