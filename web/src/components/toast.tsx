/** Short messages in a corner; read out by screen readers, gone after some seconds. */
import { AlertTriangle, CheckCircle2 } from "lucide-react";
import { useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import "./toast.css";

interface Toast {
  id: number;
  text: string;
  tone: "ok" | "bad";
}

let toasts: readonly Toast[] = [];
let next = 0;
const watchers = new Set<() => void>();

function set(value: readonly Toast[]): void {
  toasts = value;
  for (const tell of watchers) tell();
}

export function toast(text: string, tone: Toast["tone"] = "ok"): void {
  const id = ++next;
  set([...toasts.slice(-3), { id, text, tone }]);
  setTimeout(() => set(toasts.filter((t) => t.id !== id)), tone === "bad" ? 9000 : 4000);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    () => toasts,
  );
  // Beside the page, so that they are read out while a dialog makes it inert.
  return createPortal(
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((t) => (
        <div key={t.id} className={`note ${t.tone}`}>
          {t.tone === "ok" ? <CheckCircle2 size={18} aria-hidden /> : <AlertTriangle size={18} aria-hidden />}
          <div>{t.text}</div>
        </div>
      ))}
    </div>,
    document.body,
  );
}
