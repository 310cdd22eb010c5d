/**
 * Screens that are fetched when they are first shown. React's own `lazy` would hold back what is ready: after a
 * placeholder it waits 300 ms before it shows the next one, which is all the time that a screen may take.
 */
import { type ComponentType, useEffect, useState } from "react";
import { Skeleton } from "./basic";

export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function OnDemand(props: P) {
    const [, setReady] = useState(false);
    const [problem, setProblem] = useState<unknown>(null);
    useEffect(() => {
      if (loaded) return;
      let isShown = true;
      load().then(
        (module) => {
          loaded = module.default;
          if (isShown) setReady(true);
        },
        (error: unknown) => isShown && setProblem(error),
      );
      return () => {
        isShown = false;
      };
    }, []);
    // The boundary around the screens says what failed.
    if (problem) throw problem;
    const Screen = loaded;
    return Screen ? <Screen {...props} /> : <Skeleton lines={8} />;
  };
}
