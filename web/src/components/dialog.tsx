/** Dialogs: the page behind them is inert, Tab stays inside, Escape closes, and the focus returns to where it was. */
import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useT } from "../i18n/all";
import { Button } from "./basic";
import { isComposing } from "./composing";
import "./dialog.css";

interface DialogProps {
  isOpen: boolean;
  onClose: () => void;
  title: ReactNode;
  wide?: boolean;
  alert?: boolean;
  children: ReactNode;
}

export function Dialog({ isOpen, ...rest }: DialogProps) {
  return isOpen ? <Shown {...rest} /> : null;
}

/** The dialogs that are open, the upper last: keys are its own. */
const open: HTMLElement[] = [];

/** The page does not scroll behind a dialog, nor does it move sideways when its scrollbar goes. */
function holdStill(): void {
  const page = document.documentElement;
  const bar = window.innerWidth - page.clientWidth;
  if (open.length === 0) page.style.paddingRight = "";
  else if (bar > 0) page.style.paddingRight = `${bar}px`;
  page.classList.toggle("has-dialog", open.length > 0);
}

const TABBABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']";

/** Keeps Tab between the first and the last thing inside. */
function keepInside(box: HTMLElement, event: KeyboardEvent): void {
  const all = [...box.querySelectorAll<HTMLElement>(TABBABLE)].filter(
    (e) => e.tabIndex >= 0 && !e.matches(":disabled") && e.getClientRects().length > 0,
  );
  const [first, last] = [all[0], all.at(-1)];
  const at = document.activeElement;
  const isInside = at !== box && box.contains(at);
  if (event.shiftKey ? at === first || !isInside : at === last || !isInside) {
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}

/** Makes everything else of the page inert, toasts excepted, for as long as the dialog is there. */
function useModal(onClose: () => void) {
  const overlay = useRef<HTMLDivElement>(null);
  const [before] = useState(() => document.activeElement);
  useLayoutEffect(() => {
    const own = overlay.current;
    if (!own) return;
    const others = [...document.body.children].filter(
      (e): e is HTMLElement => e instanceof HTMLElement && e !== own && !e.inert && !e.matches(".toasts, script"),
    );
    for (const other of others) other.inert = true;
    open.push(own);
    holdStill();
    if (!own.contains(document.activeElement)) own.querySelector<HTMLElement>(".dialog")?.focus();
    return () => {
      for (const other of others) other.inert = false;
      open.splice(open.indexOf(own), 1);
      holdStill();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, [before]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const own = overlay.current;
      if (!own || open.at(-1) !== own || event.defaultPrevented || isComposing(event)) return;
      if (event.key === "Escape") onClose();
      else if (event.key === "Tab") keepInside(own, event);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [onClose]);
  return overlay;
}

function Shown(props: Omit<DialogProps, "isOpen">) {
  const t = useT();
  const id = useId();
  const overlay = useModal(props.onClose);
  const isPressed = useRef(false);
  return createPortal(
    <div
      className="overlay"
      ref={overlay}
      onPointerDown={(e) => {
        isPressed.current = e.target === e.currentTarget;
      }}
      onPointerUp={(e) => {
        // A text that is marked beyond the edge ends outside, too: only what began there closes.
        if (isPressed.current && e.target === e.currentTarget && !props.alert) props.onClose();
      }}
    >
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles are a dialog's */}
      <div
        className={`dialog ${props.wide ? "wide" : ""}`}
        role={props.alert ? "alertdialog" : "dialog"}
        aria-modal="true"
        aria-labelledby={id}
        tabIndex={-1}
      >
        <div className="dialog-head">
          <h2 id={id}>{props.title}</h2>
          {!props.alert && <Button variant="quiet" icon={X} aria-label={t("form.close")} onPress={props.onClose} />}
        </div>
        {props.children}
      </div>
    </div>,
    document.body,
  );
}

export function Confirm(props: {
  isOpen: boolean;
  onClose: () => void;
  onConfirm: () => void;
  title: ReactNode;
  action: string;
  danger?: boolean;
  children?: ReactNode;
}) {
  const t = useT();
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title={props.title} alert>
      <div className="stack">
        <div>{props.children}</div>
        <div className="row end">
          <Button onPress={props.onClose}>{t("form.cancel")}</Button>
          <Button
            variant={props.danger ? "danger" : "primary"}
            autoFocus
            onPress={() => {
              props.onClose();
              props.onConfirm();
            }}
          >
            {props.action}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
