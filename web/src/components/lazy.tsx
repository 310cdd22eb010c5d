/**
 * Screens that are fetched when they are first shown. React's own `lazy` would hold back what is ready: after a
 * placeholder it waits 300 ms before it shows the next one, which is all the time that a screen may take.
 */
import { type ComponentType, useEffect, useState } from "react";
import { useT } from "../i18n/all";
import { Note, Skeleton } from "./basic";

export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  // biome-ignore lint/correctness/noComponentHookFactories: called once a screen, when the module is read
  return function OnDemand(props: P) {
    const [, setReady] = useState(false);
    const [isLost, setLost] = useState(false);
    const [problem, setProblem] = useState<unknown>(null);
    useEffect(() => {
      if (loaded) return;
      let isShown = true;
      let again: ReturnType<typeof setTimeout> | undefined;
      const fetchIt = () =>
        load().then(
          (module) => {
            loaded = module.default;
            if (isShown) setReady(true);
          },
          () => {
            if (!isShown) return;
            setLost(true);
            again = setTimeout(onceThere, 3000);
          },
        );
      // The server restarts, or is another version with other files: when it answers, the page begins anew.
      const onceThere = () =>
        void fetch("/healthz", { cache: "no-store" }).then(
          () => isShown && beginAnew(setProblem),
          () => {
            if (isShown) again = setTimeout(onceThere, 3000);
          },
        );
      void fetchIt();
      return () => {
        isShown = false;
        clearTimeout(again);
      };
    }, []);
    // The boundary around the screens says what failed.
    if (problem) throw problem;
    const Screen = loaded;
    if (Screen) return <Screen {...props} />;
    return (
      <>
        {isLost && <Lost />}
        <Skeleton lines={8} />
      </>
    );
  };
}

const RELOADED = "yamabiko.reloaded";
const SOON_MS = 30_000;

/** Reloads the page, but not again and again: a screen that is broken in itself is told. */
function beginAnew(give: (problem: unknown) => void): void {
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last < SOON_MS) {
    give(new Error("a part of this screen cannot be loaded"));
    return;
  }
  sessionStorage.setItem(RELOADED, String(Date.now()));
  window.location.reload();
}

function Lost() {
  const t = useT();
  return <Note tone="warn">{t("error.unreachable")}</Note>;
}
