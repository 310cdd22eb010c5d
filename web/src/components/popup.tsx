/** A menu below its button. A press elsewhere, Escape, or leaving by Tab closes it. */
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import "./popup.css";

export function Popup(props: {
  button: ReactNode;
  /** What the button is called. */
  label: string;
  children: (close: () => void) => ReactNode;
}) {
  const [isOpen, setOpen] = useState(false);
  const wrapper = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus({ preventScroll: true });
  };
  useEffect(() => {
    if (!isOpen) return;
    const onPress = (event: PointerEvent) => {
      if (event.target instanceof Node && !wrapper.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", onPress);
    return () => document.removeEventListener("pointerdown", onPress);
  }, [isOpen]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of what is inside
    <span
      className="popup"
      ref={wrapper}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.preventDefault();
        close();
      }}
      onBlur={(event) => {
        if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <button
        type="button"
        ref={button}
        className="btn quiet"
        aria-label={props.label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {props.button}
      </button>
      {isOpen && <div className="popover">{props.children(close)}</div>}
    </span>
  );
}

/** The list of a menu; its items are buttons of the roles `menuitem` and `menuitemradio`. */
export function MenuList({ label, children }: { label: string; children: ReactNode }) {
  const list = useRef<HTMLDivElement>(null);
  const items = () => [...(list.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])];
  useEffect(() => list.current?.querySelector<HTMLElement>('[role^="menuitem"]')?.focus(), []);
  const onKey = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all.at(to % all.length)?.focus();
  };
  return (
    <div ref={list} className="options" role="menu" aria-label={label} tabIndex={-1} onKeyDown={onKey}>
      {children}
    </div>
  );
}

export function MenuEntry(props: {
  onChoose: () => void;
  /** For one of several of which one holds. */
  isChosen?: boolean;
  children: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: either role is a menu's, and only one of them is checked
    <button
      type="button"
      role={props.isChosen === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={props.isChosen}
      tabIndex={-1}
      onClick={props.onChoose}
      onPointerMove={(event) => event.currentTarget.focus({ preventScroll: true })}
    >
      {props.children}
    </button>
  );
}
