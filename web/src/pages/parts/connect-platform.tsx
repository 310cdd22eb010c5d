/**
 * Connecting a platform's conversion API in one screen: ids and token as the platform's own screens call them, events
 * with its words, a test send with its answer, done. The server makes partner, secrets and rules of it at once.
 */
import { ExternalLink, Plus, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { ApiError, post } from "../../api/client";
import { useOffers, useRefresh } from "../../api/queries";
import type { Connected, EventWord, Partner, Platform, PlatformBlank, Preset } from "../../api/types";
import { Button, Card, Note } from "../../components/basic";
import { Form, Problem, SelectField, SubmitButton, TextField, useForm } from "../../components/form";
import { toast } from "../../components/toast";
import { Unsaved } from "../../components/unsaved";
import { useI18n, useT } from "../../i18n/all";
import { RequestView } from "./attempts";
import { presetName } from "./preset-picker";
import { TestSend } from "./test-send";
import { usualEvent } from "./usual-event";

interface Draft {
  name: string;
  blanks: Record<string, string>;
  events: EventWord[];
  told: "at_once" | "when_approved";
  offer: string;
}

const begun = (platform: Platform, name: string): Draft => ({
  name,
  blanks: Object.fromEntries(platform.blanks.filter((b) => b.default).map((b) => [b.name, b.default])),
  events: [],
  told: "at_once",
  offer: "",
});

export function ConnectPlatform(props: {
  preset: Preset;
  platform: Platform;
  onConnected: () => void;
  onDone: (partner: Partner) => void;
}) {
  const { preset, platform } = props;
  const { t, language } = useI18n();
  const refresh = useRefresh();
  const [made, setMade] = useState<Connected | null>(null);
  const form = useForm<Draft>(begun(platform, presetName(preset, language)));
  const body = () => {
    const filled = Object.entries(form.value.blanks).filter(([, value]) => value.trim());
    return {
      ...form.value,
      blanks: Object.fromEntries(filled),
      events: form.value.events.filter((row) => row.event && row.word.trim()),
      offer: form.value.offer || null,
    };
  };
  const save = () =>
    void form.run(async () => {
      const filled = body();
      // The first mistake of the form is told first.
      const empty = platform.blanks.find((blank) => !blank.is_optional && !filled.blanks[blank.name]);
      if (empty) throw new ApiError(400, "empty", t("error.empty"), `blanks.${empty.name}`);
      // Without a choice the server takes the usual names, which nobody here may have.
      if (filled.events.length === 0) throw new ApiError(400, "empty", t("connect.no_events"), "events");
      const connected = await post<Connected>(`/presets/${preset.id}/connect`, filled);
      setMade(connected);
      props.onConnected();
      await refresh("partners", "rules", "secrets");
      toast(t("connect.made"));
    });
  if (made) return <Made connected={made} platform={platform} onDone={() => props.onDone(made.partner)} />;
  return (
    <Form onSubmit={save} label={t("connect.title")}>
      <Unsaved isChanged={form.isChanged} />
      <PlatformNotes platform={platform} />
      <Card title={t("connect.paste")} help={t("connect.paste_help")}>
        <div className="stack">
          <TextField
            label={t("partners.name")}
            value={form.value.name}
            onChange={(v) => form.set("name", v)}
            error={form.error("name")}
            required
          />
          {platform.blanks.map((blank) => (
            <BlankField
              key={blank.name}
              blank={blank}
              value={form.value.blanks[blank.name] ?? ""}
              onChange={(v) => form.set("blanks", { ...form.value.blanks, [blank.name]: v })}
              error={form.error(`blanks.${blank.name}`)}
            />
          ))}
        </div>
      </Card>
      <Card title={t("connect.events")} help={t(platform.words.own ? "connect.events_own" : "connect.events_help")}>
        <Events form={form} platform={platform} />
      </Card>
      <Card title={t("connect.when")}>
        <div className="stack">
          <SelectField
            label={t("connect.told")}
            help={t("connect.told_help")}
            value={form.value.told}
            onChange={(v) => form.set("told", v === "when_approved" ? "when_approved" : "at_once")}
            options={(["at_once", "when_approved"] as const).map((value) => ({
              value,
              label: t(`connect.told_${value}`),
            }))}
          />
          <OfferField form={form} />
        </div>
      </Card>
      <Problem error={form.problem} />
      <div className="form-foot sticky">
        <SubmitButton isBusy={form.isBusy}>{t("connect.connect")}</SubmitButton>
      </div>
    </Form>
  );
}

/** What ends, what to do on the platform first, and when all of it was checked. */
export function PlatformNotes({ platform }: { platform: Platform }) {
  const { t, language } = useI18n();
  return (
    <div className="stack tight">
      {platform.ends && (
        <Note tone="warn" title={t("connect.ends", { on: platform.ends.on })}>
          {platform.ends.text[language]}
        </Note>
      )}
      <Note tone="info">
        <div className="stack tight">
          <span>{platform.note[language]}</span>
          <span className="small">
            {t("connect.checked", { on: platform.checked })}{" "}
            <a href={platform.page} target="_blank" rel="noreferrer">
              {t("connect.page")} <ExternalLink size={12} aria-hidden />
            </a>
          </span>
        </div>
      </Note>
    </div>
  );
}

function BlankField(props: {
  blank: PlatformBlank;
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}) {
  const { t, language } = useI18n();
  const { blank } = props;
  const label = blank.label[language];
  return (
    <TextField
      label={blank.is_optional ? t("connect.optional", { label }) : label}
      help={blank.place[language]}
      value={props.value}
      onChange={props.onChange}
      error={props.error && t("connect.wrong", { error: props.error, example: blank.example })}
      required={!blank.is_optional}
      mono
      {...(blank.secret
        ? { type: "password" as const, autoComplete: "new-password" }
        : { placeholder: blank.example, inputMode: blank.shape.characters === "digits" ? "numeric" : "text" })}
    />
  );
}

type DraftForm = ReturnType<typeof useForm<Draft>>;

function OfferField({ form }: { form: DraftForm }) {
  const t = useT();
  const offers = useOffers().data ?? [];
  return (
    <SelectField
      label={t("connect.offer")}
      value={form.value.offer}
      onChange={(v) => form.set("offer", v)}
      options={[{ value: "", label: t("connect.offer_all") }, ...offers.map((o) => ({ value: o.id, label: o.name }))]}
      error={form.error("offer")}
    />
  );
}

/** The events of the offers, each with the platform's word; what is left open is not sent. */
function Events({ form, platform }: { form: DraftForm; platform: Platform }) {
  const { t, language } = useI18n();
  const offers = useOffers().data;
  const { own, usual, others } = platform.words;
  const rows = form.value.events;
  const set = (events: EventWord[]) => form.set("events", events);
  const isEmpty = rows.length === 0;
  // The events that there are, with the words that the platform usually has for them.
  useEffect(() => {
    if (!offers || !isEmpty) return;
    const there = [...new Set(offers.flatMap((offer) => offer.events.map((event) => event.name)))];
    const names = there.length > 0 ? there : usual.map((row) => row.event);
    const usualNames = usual.map((row) => row.event);
    const wordOf = (name: string) => {
      const event = usualEvent(name, usualNames);
      return usual.find((row) => row.event === event)?.word ?? "";
    };
    const found = names.map((event) => ({ event, status: null, word: wordOf(event) }));
    if (found.length > 0) form.set("events", found);
  }, [offers, isEmpty, usual, form]);
  const words = [...new Set([...usual.map((row) => row.word), ...others])];
  const change = (at: number, next: Partial<EventWord>) =>
    set(rows.map((row, n) => (n === at ? { ...row, ...next } : row)));
  const wordProps = (row: EventWord, at: number) => ({
    label: own ? own.label[language] : t("connect.word"),
    value: row.word,
    onChange: (word: string) => change(at, { word }),
    error: form.error(`events.${at}.word`) ?? (at === 0 && !row.word.trim() ? form.error("events") : undefined),
  });
  return (
    <div className="stack tight">
      {own && <p className="help">{t("connect.place", { place: own.place[language] })}</p>}
      {rows.map((row, at) => (
        <div className="row with-labels" key={at}>
          <div className="grow">
            <TextField label={t("conversion.event")} value={row.event} onChange={(event) => change(at, { event })} />
          </div>
          <div className="grow">
            {own ? (
              <TextField {...wordProps(row, at)} placeholder={own.example} mono />
            ) : (
              <SelectField
                {...wordProps(row, at)}
                options={[
                  { value: "", label: t("connect.not_sent") },
                  ...words.map((word) => ({ value: word, label: word })),
                ]}
              />
            )}
          </div>
          <Button
            size="small"
            icon={Trash2}
            aria-label={t("form.remove_name", { name: row.event })}
            onPress={() => set(rows.filter((_, n) => n !== at))}
            isDisabled={rows.length < 2}
          />
        </div>
      ))}
      {form.error("events") && (
        <p className="error" role="alert">
          {t("connect.no_events")}
        </p>
      )}
      <div>
        <Button size="small" icon={Plus} onPress={() => set([...rows, { event: "", status: null, word: "" }])}>
          {t("connect.add_event")}
        </Button>
      </div>
    </div>
  );
}

/** Connected: what is sent, and a test with the platform's answer. */
function Made(props: { connected: Connected; platform: Platform; onDone: () => void }) {
  const { t, language } = useI18n();
  const { connected, platform } = props;
  const begin = useRef<HTMLDivElement>(null);
  useEffect(() => {
    begin.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);
  return (
    <div className="stack" ref={begin} tabIndex={-1}>
      <Note tone="ok" title={t("connect.made_title", { name: connected.partner.name })}>
        {t("connect.made_text")}
      </Note>
      <Card title={t("connect.test")} help={platform.test[language]}>
        <div className="stack">
          {connected.rules.map((rule) => (
            <TestSend key={rule.id} rule={rule} label={t("test_send.of", { name: rule.name })} isExplained />
          ))}
        </div>
      </Card>
      <details>
        <summary>{t("connect.sent")}</summary>
        <div className="stack">
          {connected.requests.map((shown) => (
            <RequestView key={shown.rule + shown.request.url} {...shown.request} />
          ))}
        </div>
      </details>
      <div className="form-foot sticky">
        <Button variant="primary" onPress={props.onDone}>
          {t("connect.done")}
        </Button>
      </div>
    </div>
  );
}
