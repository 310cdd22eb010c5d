/** What is built into an app: its token, the calls of first open and events, and a device to try. */
import { useState } from "react";
import { Link } from "wouter";
import { useCanEdit } from "../../api/queries";
import type { Offer } from "../../api/types";
import { Button, Card, CopyButton, CopyLine, Note } from "../../components/basic";
import { SelectField } from "../../components/form";
import { useT } from "../../i18n/all";
import { type AppLanguage, appSnippets, LANGUAGES } from "./app-snippets";

export function AppTags({ offer, base }: { offer: Offer; base: string }) {
  const t = useT();
  const [language, setLanguage] = useState<AppLanguage>("curl");
  const [token, setToken] = useState(offer.events[0]?.token ?? "");
  const event = offer.events.find((e) => e.token === token);
  const made = appSnippets(language, {
    base,
    token: offer.id,
    event: token,
    hasRevenue: event?.has_revenue ?? false,
    currency: offer.currency,
  });
  return (
    <div className="stack">
      <Card title={t("tags.app_token")} help={t("tags.app_token_help")}>
        <div className="stack">
          <CopyLine text={offer.id} />
          <h3>{t("tags.event_tokens")}</h3>
          <ul className="plain-list">
            {offer.events.map((e) => (
              <li key={e.token} className="stack tight">
                <span>{e.name}</span>
                <CopyLine text={e.token ?? ""} />
              </li>
            ))}
          </ul>
        </div>
      </Card>
      <div className="filters">
        <SelectField
          label={t("tags.language")}
          value={language}
          onChange={(v) => setLanguage(v as AppLanguage)}
          options={LANGUAGES.map((value) => ({ value, label: t(`tags.language.${value}`) }))}
        />
        <SelectField
          label={t("conversion.event")}
          value={token}
          onChange={setToken}
          options={offer.events.map((e) => ({ value: e.token ?? "", label: e.name }))}
        />
      </div>
      {made.helper && <Piece name="helper" code={made.helper} />}
      <Piece name="session" code={made.session} />
      <Piece name="event" code={made.event} />
      <DeviceTest offer={offer} event={token} />
    </div>
  );
}

function Piece({ name, code }: { name: "helper" | "session" | "event"; code: string }) {
  const t = useT();
  return (
    <Card title={t(`tags.app.${name}`)} help={t(`tags.app.${name}_help`)} actions={<CopyButton text={code} />}>
      <pre className="codebox snippet" tabIndex={0} data-piece={name}>
        {code}
      </pre>
    </Card>
  );
}

interface Answer {
  adid?: string;
  message?: string;
  error?: string;
}

/** Opens the app on a device that does not exist, in the sandbox: counted apart, never in a total. */
function DeviceTest({ offer, event }: { offer: Offer; event: string }) {
  const t = useT();
  const canEdit = useCanEdit();
  const [answers, setAnswers] = useState<Answer[]>([]);
  const [isBusy, setBusy] = useState(false);
  if (!canEdit) return null;
  const send = async (path: string, more: Record<string, string>): Promise<Answer> => {
    const body = new URLSearchParams({ app_token: offer.id, environment: "sandbox", ...more });
    try {
      const answer = await fetch(path, { method: "POST", body, credentials: "omit" });
      return (await answer.json()) as Answer;
    } catch {
      return { error: t("error.unreachable") };
    }
  };
  const run = async () => {
    setBusy(true);
    const device = { external_device_id: crypto.randomUUID(), os_name: "android" };
    const opened = await send("/session", device);
    setAnswers([opened]);
    if (opened.adid) {
      const told = await send("/event", { adid: opened.adid, event_token: event });
      setAnswers([opened, told]);
    }
    setBusy(false);
  };
  const adid = answers[0]?.adid;
  return (
    <Card title={t("tags.device")} help={t("tags.device_help")}>
      <div className="stack">
        <div>
          <Button isBusy={isBusy} onPress={() => void run()}>
            {t("tags.device_do")}
          </Button>
        </div>
        {answers.map((a, i) => (
          <Note key={i} tone={a.error ? "bad" : "ok"}>
            <code>{i === 0 ? "/session" : "/event"}</code>{" "}
            {typeof a.error === "string" ? a.error : t(i === 0 ? "tags.device_opened" : "tags.device_event")}
          </Note>
        ))}
        {adid && (
          <Link href={`/trace?q=${adid}`} className="btn">
            {t("tags.device_trace")}
          </Link>
        )}
      </div>
    </Card>
  );
}
