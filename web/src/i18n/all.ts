/** What screens take from the language layer, in one import. */

export type { Formats, Money } from "./format";
export { type Language, type MessageKey, type Translate, useFormat, useI18n, useT } from "./index";
