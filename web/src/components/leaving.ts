/** Who asks before a screen with changes is left; at most one screen does at a time. Knows nothing of screens. */

type Ask = (href: string) => void;

const address = () => window.location.pathname + window.location.search;

let asking: { ask: Ask; here: string } | null = null;

/** From now on `ask` is called before the present address is left; the answer of this ends it. */
export function guardLeaving(ask: Ask): () => void {
  const own = { ask, here: address() };
  asking = own;
  return () => {
    if (asking === own) asking = null;
  };
}

/** Whether a screen can be left at once. When it cannot, the question is put, and leads there if the answer is yes. */
export function mayLeave(href: string): boolean {
  if (!asking) return true;
  asking.ask(href);
  return false;
}

// Back and forward have happened when they are heard. This listener is there before the router's, since the module is
// read before anything is drawn: the router is not told, and the address is put back.
window.addEventListener("popstate", (event) => {
  const to = address();
  if (!asking || to === asking.here) return;
  event.stopImmediatePropagation();
  window.history.pushState(null, "", asking.here);
  asking.ask(to);
});
