/**
 * Language of the interface: loads one catalogue, formats messages, and gives dates, numbers and money by
 * locale. Knows nothing of screens.
 */
import { createContext, type ReactNode, use, useMemo } from "react";
import type en from "../../i18n/en.json";
import { type Formats, makeFormats } from "./format";
import type { Language } from "./language";
import { compile, type Values } from "./message";

export type { Language } from "./language";

/** Every key of the catalogues; the compiler refuses others. */
export type MessageKey = keyof typeof en;
export type { Values } from "./message";
export type Translate = ((key: MessageKey, values?: Values) => string) & {
  /** Whether the catalogue has a message of that name: for texts by server code. */
  has: (key: string) => key is MessageKey;
};

interface I18n {
  language: Language;
  setLanguage: (language: Language) => void;
  t: Translate;
  format: Formats;
}

const Context = createContext<I18n | null>(null);
const STORED = "yamabiko.language";

export function storedLanguage(): Language | null {
  const stored = localStorage.getItem(STORED);
  return stored === "en" || stored === "ja" ? stored : null;
}

export function storeLanguage(language: Language): void {
  localStorage.setItem(STORED, language);
}

/** The first of the browser's languages that there is a catalogue for. */
export function pickLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "ja" || primary === "en") return primary;
  }
  return "en";
}

export async function loadMessages(language: Language): Promise<Record<string, string>> {
  return language === "ja"
    ? (await import("../../i18n/ja.json")).default
    : (await import("../../i18n/en.json")).default;
}

export function makeTranslate(language: Language, messages: Record<string, string>): Translate {
  const compiled = new Map<string, ReturnType<typeof compile>>();
  const translate = (key: MessageKey, values?: Values): string => {
    const text = messages[key];
    if (text === undefined) return key;
    if (!text.includes("{") && !text.includes("'")) return text;
    let message = compiled.get(key);
    if (!message) {
      message = compile(text, language);
      compiled.set(key, message);
    }
    return message(values);
  };
  return Object.assign(translate, { has: (key: string): key is MessageKey => key in messages });
}

export function I18nRoot(props: {
  language: Language;
  setLanguage: (language: Language) => void;
  messages: Record<string, string>;
  timeZone: string;
  children: ReactNode;
}) {
  const { language, setLanguage, messages, timeZone } = props;
  const value = useMemo<I18n>(
    () => ({
      language,
      setLanguage,
      t: makeTranslate(language, messages),
      format: makeFormats(language, timeZone),
    }),
    [language, setLanguage, messages, timeZone],
  );
  return <Context value={value}>{props.children}</Context>;
}

export function useI18n(): I18n {
  const value = use(Context);
  if (!value) throw new Error("I18nRoot is missing above this component");
  return value;
}

export const useT = (): Translate => useI18n().t;
export const useFormat = (): Formats => useI18n().format;
