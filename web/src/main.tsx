/** Starts the interface: theme and language first, then the application. */
import "./styles/tokens.css";
import "./styles/base.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useCallback, useState } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client";
import { App } from "./app/app";
import { applyTheme, storedTheme } from "./app/theme";
import { I18nRoot, type Language, loadMessages, pickLanguage, storedLanguage, storeLanguage } from "./i18n";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // A server that restarts comes back, however long that takes: screens ask again until it answers.
      refetchInterval: ({ state }) =>
        state.error instanceof ApiError && (state.error.status === 0 || state.error.status >= 502) ? 5_000 : false,
      retry: (count, error) => !(error instanceof ApiError && error.status >= 400 && error.status < 500) && count < 2,
    },
  },
});

interface Loaded {
  language: Language;
  messages: Record<string, string>;
}

function Root({ first }: { first: Loaded }) {
  const [loaded, setLoaded] = useState(first);
  const [timeZone, setTimeZone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
  const setLanguage = useCallback((language: Language) => {
    storeLanguage(language);
    document.documentElement.lang = language;
    void loadMessages(language).then((messages) => setLoaded({ language, messages }));
  }, []);
  return (
    <I18nRoot language={loaded.language} setLanguage={setLanguage} messages={loaded.messages} timeZone={timeZone}>
      <App setTimeZone={setTimeZone} />
    </I18nRoot>
  );
}

async function start(): Promise<void> {
  applyTheme(storedTheme());
  const language = storedLanguage() ?? pickLanguage(navigator.languages);
  document.documentElement.lang = language;
  const messages = await loadMessages(language);
  const root = document.getElementById("root");
  if (!root) return;
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Root first={{ language, messages }} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start();
