/** Appends parameters to a URL of somebody else without touching what is there: macros stay byte for byte. Pure. */

/** `a=1&b={x}` out of what was typed, without a leading `?` or `&`. */
export const cleanQuery = (text: string): string =>
  text
    .trim()
    .replace(/^[?&]+/, "")
    .replace(/&+$/, "");

/**
 * `?` where the URL has none, else `&`; before the fragment. What the URL holds already under the same name is said in
 * `repeated`, since the two would fight.
 */
export function joinQuery(url: string, query: string): { url: string; repeated: string[] } {
  const more = cleanQuery(query);
  const text = url.trim();
  if (!more || !text) return { url: text, repeated: [] };
  const hash = text.indexOf("#");
  // A macro such as ##sid## is no fragment.
  const isFragment = hash >= 0 && text[hash + 1] !== "#" && !/#[^&=]*#/.test(text.slice(hash));
  const [before, fragment] = isFragment ? [text.slice(0, hash), text.slice(hash)] : [text, ""];
  const mark = before.indexOf("?");
  const join = mark < 0 ? "?" : before.endsWith("?") || before.endsWith("&") ? "" : "&";
  const names = (pairs: string) => pairs.split("&").map((pair) => pair.split("=")[0] ?? "");
  const own = new Set(mark < 0 ? [] : names(before.slice(mark + 1)));
  const repeated = names(more).filter((name) => name && own.has(name));
  return { url: before + join + more + fragment, repeated };
}
