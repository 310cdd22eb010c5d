/** Text as it is searched: in half width and lower case. */
export const folded = (text: string) => text.normalize("NFKC").toLowerCase();
