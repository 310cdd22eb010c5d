/**
 * Asks before a screen with changes is left: by a link, by the search, by the browser's buttons, by the address bar, or
 * by closing the tab.
 */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useT } from "../i18n/all";
import { Confirm } from "./dialog";
import { guardLeaving } from "./leaving";

export function Unsaved({ isChanged }: { isChanged: boolean }) {
  const t = useT();
  const [, navigate] = useLocation();
  const [wanted, setWanted] = useState<string | null>(null);
  useEffect(() => {
    if (!isChanged) return;
    const onLeave = (event: BeforeUnloadEvent) => event.preventDefault();
    // Before the router sees the click. Links that open elsewhere leave nothing behind.
    const onClick = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href^='/']") : null;
      const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || link?.target;
      if (!link || isElsewhere) return;
      event.preventDefault();
      event.stopPropagation();
      setWanted(link.getAttribute("href"));
    };
    const release = guardLeaving(setWanted);
    window.addEventListener("beforeunload", onLeave);
    document.addEventListener("click", onClick, { capture: true });
    return () => {
      release();
      window.removeEventListener("beforeunload", onLeave);
      document.removeEventListener("click", onClick, { capture: true });
    };
  }, [isChanged]);
  return (
    <Confirm
      isOpen={wanted !== null}
      onClose={() => setWanted(null)}
      onConfirm={() => wanted && navigate(wanted)}
      title={t("form.leave_title")}
      action={t("form.leave")}
      danger
    >
      {t("form.leave_text")}
    </Confirm>
  );
}
