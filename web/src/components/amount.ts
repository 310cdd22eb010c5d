/** Amounts as people type them in Japan: full-width digits, separators, signs of currency, △ for less than nothing. */

/** What of it the server reads; it judges the rest. */
export const plainAmount = (text: string): string => text.normalize("NFKC").replaceAll(/[^0-9.]/g, "");

/** The same, for amounts that may be taken off. */
export function signedAmount(text: string): string {
  const isLess = /^\s*[-−‐–—ー△▲]/.test(text.normalize("NFKC"));
  return (isLess ? "-" : "") + plainAmount(text);
}
