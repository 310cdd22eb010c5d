/** A session id where it looks like one, else an order number. */
export function idOrUid(text: string): { sid?: string; uid?: string } {
  if (!text) return {};
  return /^[0-9a-z]{16}$/.test(text) ? { sid: text } : { uid: text };
}
