/**
 * The set-up wizard: from the one-time link to a proven postback. The token comes in the fragment, so that it
 * never travels in a request line; what is typed survives a reload (passwords do not).
 */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Check } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Redirect, useLocation } from "wouter";
import { ApiError, apiUrl, post, put } from "../api/client";
import { refresh, useLinks, useMe, useOffers, usePartners, useSettings } from "../api/queries";
import type { Link, Me, Offer, Partner, Settings, SetupStatus } from "../api/types";
import { Button, Card, CopyLine, Empty, LinkButton, Note, Skeleton } from "../components/basic";
import { Form, Problem, SubmitButton, TextField, useForm } from "../components/form";
import { PickField } from "../components/pick-field";
import { useErrorText } from "../components/problem";
import { type MessageKey, useI18n, useT } from "../i18n/all";
import icon from "../icon.svg";
import { linkBody, newLink } from "./link-edit";
import { newOffer, offerBody } from "./offer-edit";
import { PartnerForm } from "./partner-new";
import { AddressCheck } from "./parts/address-check";
import { AskFor } from "./parts/ask-for";
import { linkName } from "./parts/link-name";
import { LiveTest } from "./parts/live-test";
import { AddressNote, TIME_ZONES } from "./settings/general";
import "./setup.css";

const STEPS = ["language", "owner", "address", "offer", "partner", "link", "test"] as const;
type StepName = (typeof STEPS)[number];

interface Progress {
  step: StepName;
  offer: string | null;
  partner: string | null;
  link: string | null;
}

const PROGRESS = "yamabiko.setup";
const TOKEN = "yamabiko.setup.token";

/** The token of the address, kept for this tab; the address is cleaned so that it is not copied along. */
function takeToken(): string | null {
  const fragment = window.location.hash.slice(1);
  const token = fragment.startsWith("token=") ? fragment.slice(6) : fragment;
  if (token) {
    sessionStorage.setItem(TOKEN, token);
    window.history.replaceState(null, "", window.location.pathname);
  }
  return sessionStorage.getItem(TOKEN);
}

/** A draft that survives a reload, in this tab only. */
export function useDraft<T extends object>(name: string, initial: T) {
  const key = `${PROGRESS}.${name}`;
  const [value, setValue] = useState<T>(() => {
    try {
      return { ...initial, ...(JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<T>) };
    } catch {
      return initial;
    }
  });
  return [
    value,
    (next: T) => {
      setValue(next);
      sessionStorage.setItem(key, JSON.stringify(next));
    },
  ] as const;
}

async function setupCall<T>(path: string, token: string | null, body?: unknown): Promise<T> {
  const response = await fetch(apiUrl(path), {
    method: body === undefined ? "GET" : "POST",
    headers: {
      "x-setup-token": token ?? "",
      "accept-language": document.documentElement.lang,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    credentials: "same-origin",
  });
  const answer = (await response.json()) as T & { error?: { code: string; message: string; field?: string } };
  if (!response.ok)
    throw new ApiError(
      response.status,
      answer.error?.code ?? "unreadable_answer",
      answer.error?.message ?? response.statusText,
      answer.error?.field ?? null,
    );
  return answer;
}

export default function Setup() {
  const { t, language, setLanguage } = useI18n();
  const [token] = useState(takeToken);
  const [progress, setProgress] = useDraft<Progress>("progress", {
    step: "language",
    offer: null,
    partner: null,
    link: null,
  });
  const me = useMe();
  const status = useQuery({
    queryKey: ["setup"],
    queryFn: () => setupCall<SetupStatus>("/setup/status", token),
    enabled: !me.data && !me.isPending,
    retry: false,
  });
  const errorText = useErrorText();

  if (me.isPending || (!me.data && status.isPending)) return <Frame>{<Skeleton lines={6} />}</Frame>;
  if (me.data?.is_set_up) return <Redirect to="/" />;
  if (!me.data && status.isError) {
    return (
      <Frame>
        <Note tone="bad">{errorText(status.error)}</Note>
        {status.error instanceof ApiError && status.error.code === "already_set_up" && (
          <LinkButton href="/">{t("sign_in.title")}</LinkButton>
        )}
      </Frame>
    );
  }
  // Without an owner only the first two steps are there.
  const isClaimed = Boolean(me.data);
  const asked = STEPS.indexOf(progress.step);
  const at = isClaimed ? asked : Math.min(asked, 1);
  const step = STEPS[at] ?? "language";
  const go = (next: StepName, more: Partial<Progress> = {}) => {
    setProgress({ ...progress, ...more, step: next });
    window.scrollTo(0, 0);
  };
  const back = at > 0 ? () => go(STEPS[at - 1] ?? "language") : null;
  return (
    <Frame step={step}>
      <ol className="steps" aria-label={t("setup.steps")}>
        {STEPS.map((s, i) => (
          <li key={s} aria-current={s === step ? "step" : undefined} className={i < at ? "done" : ""}>
            <b>{i < at ? <Check size={14} aria-hidden /> : i + 1}</b>
            {t(`setup.${s}`)}
          </li>
        ))}
      </ol>
      {step === "language" && (
        <Card title={t("setup.welcome")} help={t("setup.welcome_text")}>
          <div className="stack">
            <div className="row" role="group" aria-label={t("settings.language")}>
              <Button aria-pressed={language === "ja"} onPress={() => setLanguage("ja")}>
                日本語
              </Button>
              <Button aria-pressed={language === "en"} onPress={() => setLanguage("en")}>
                English
              </Button>
            </div>
            <div>
              <Button variant="primary" onPress={() => go("owner")}>
                {t("form.next")}
              </Button>
            </div>
          </div>
        </Card>
      )}
      {step === "owner" &&
        (me.data ? (
          <Made title="setup.owner_title" name={me.data.login ?? ""} onNext={() => go("address")} />
        ) : (
          <Owner token={token} onDone={() => go("address")} />
        ))}
      {step === "address" && (
        <Address origin={status.data?.origin ?? window.location.origin} onDone={() => go("offer")} />
      )}
      {step === "offer" && <OfferStep id={progress.offer} onDone={(offer) => go("partner", { offer })} />}
      {step === "partner" && <PartnerStep id={progress.partner} onDone={(partner) => go("link", { partner })} />}
      {step === "link" && <LinkStep progress={progress} onDone={(link) => go("test", { link })} />}
      {step === "test" && <TestStep progress={progress} />}
      {back && (
        <div style={{ marginTop: 16 }}>
          <Button variant="quiet" onPress={back}>
            {t("form.back")}
          </Button>
        </div>
      )}
    </Frame>
  );
}

function Frame({ step, children }: { step?: StepName; children: ReactNode }) {
  const { t, language, setLanguage } = useI18n();
  const main = useRef<HTMLElement>(null);
  const last = useRef(step);
  // A new step begins at its heading; a field that wants the focus has taken it by then.
  useEffect(() => {
    if (last.current === step || !main.current) return;
    last.current = step;
    const box = main.current;
    const arrive = () => {
      const heading = box.querySelector<HTMLElement>("h2");
      if (!heading) return false;
      if (!box.contains(document.activeElement?.closest("input") ?? null)) {
        heading.tabIndex = -1;
        heading.focus({ preventScroll: true });
      }
      return true;
    };
    if (arrive()) return;
    // The step loads what it needs before its heading is there.
    const waiting = new MutationObserver(() => {
      if (arrive()) waiting.disconnect();
    });
    waiting.observe(box, { childList: true, subtree: true });
    return () => waiting.disconnect();
  }, [step]);
  useEffect(() => {
    document.title = `${t("setup.title")} · ${t("app.name")}`;
  }, [t]);
  return (
    <div className="gate">
      <main ref={main} className="panel wide" style={{ padding: 0 }}>
        <div className="row between">
          <div className="brand">
            <img src={icon} alt="" />
            {t("app.name")}
          </div>
          <Button variant="quiet" onPress={() => setLanguage(language === "ja" ? "en" : "ja")}>
            {language === "ja" ? "English" : "日本語"}
          </Button>
        </div>
        <h1 className="sr">{t("setup.title")}</h1>
        {children}
      </main>
    </div>
  );
}

function Owner({ token, onDone }: { token: string | null; onDone: () => void }) {
  const { t, language } = useI18n();
  const client = useQueryClient();
  const [draft, setDraft] = useDraft("owner", { login: "", name: "" });
  const form = useForm({ password: "" });
  const save = () =>
    void form.run(async () => {
      const made = await setupCall<Me>("/setup/claim", token, { ...draft, password: form.value.password, language });
      sessionStorage.removeItem(TOKEN);
      client.setQueryData(["me"], made);
      onDone();
    });
  return (
    <Card title={t("setup.owner_title")} help={t("setup.owner_text")}>
      <Form onSubmit={save} label={t("setup.owner_title")}>
        <TextField
          label={t("sign_in.login")}
          value={draft.login}
          onChange={(login) => setDraft({ ...draft, login: login.trim() })}
          error={form.error("login")}
          autoComplete="username"
          required
          autoFocus
        />
        <TextField
          label={t("account.name")}
          value={draft.name}
          onChange={(name) => setDraft({ ...draft, name })}
          error={form.error("name")}
          autoComplete="name"
        />
        <TextField
          label={t("sign_in.password")}
          type="password"
          value={form.value.password}
          onChange={(v) => form.set("password", v)}
          error={form.error("password")}
          help={t("account.password_rule")}
          autoComplete="new-password"
          required
        />
        <Problem error={form.problem} />
        <div>
          <SubmitButton isBusy={form.isBusy}>{t("setup.owner_do")}</SubmitButton>
        </div>
      </Form>
    </Card>
  );
}

function Address({ origin, onDone }: { origin: string; onDone: () => void }) {
  const settings = useSettings();
  if (settings.isPending) return <Skeleton />;
  if (settings.isError) return <Problem error={settings.error} />;
  return <AddressForm settings={settings.data} origin={origin} onDone={onDone} />;
}

/** Over http to a name: the one command that turns https on, for whoever has no proxy. */
function CertificateHint({ url }: { url: string }) {
  const t = useT();
  let name = "";
  try {
    name = new URL(url).hostname;
  } catch {
    return null;
  }
  if (window.location.protocol === "https:" || !/^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]+$/.test(name)) return null;
  return (
    <Note>
      <div className="stack tight">
        {t("setup.certificate_hint")}
        <CopyLine text={`sudo yamabiko certificates enable ${name}`} />
      </div>
    </Note>
  );
}

function AddressForm({ settings, origin, onDone }: { settings: Settings; origin: string; onDone: () => void }) {
  const { t, language } = useI18n();
  const client = useQueryClient();
  const isLocal = /^https?:\/\/(localhost|127\.|\[::1\])/.test(origin);
  const [draft, setDraft] = useDraft("address", {
    public_url: settings.public_url || (isLocal ? "" : origin),
    time_zone: settings.public_url
      ? settings.time_zone
      : Intl.DateTimeFormat().resolvedOptions().timeZone || settings.time_zone,
  });
  const form = useForm({});
  const save = () =>
    void form.run(async () => {
      await put("/settings", { ...settings, ...draft, language });
      await refresh(client, "settings", "me");
      onDone();
    });
  return (
    <Card title={t("setup.address_title")} help={t("setup.address_text")}>
      <Form onSubmit={save} label={t("setup.address_title")}>
        <TextField
          label={t("settings.public_url")}
          value={draft.public_url}
          onChange={(public_url) => setDraft({ ...draft, public_url: public_url.trim() })}
          error={form.error("public_url")}
          help={t("settings.public_url_help")}
          placeholder="https://t.example.com"
          mono
          inputMode="url"
        />
        <AddressNote url={draft.public_url} />
        <CertificateHint url={draft.public_url} />
        <AddressCheck key={draft.public_url} urls={[draft.public_url]} />
        <PickField
          label={t("settings.time_zone")}
          value={draft.time_zone}
          onChange={(v) => setDraft({ ...draft, time_zone: v ?? draft.time_zone })}
          options={TIME_ZONES.map((z) => ({ value: z, label: z }))}
          error={form.error("time_zone")}
        />
        <Problem error={form.problem} />
        <div>
          <SubmitButton isBusy={form.isBusy}>{t("form.next")}</SubmitButton>
        </div>
      </Form>
    </Card>
  );
}

/** A step that is done: it can be corrected on the screen of what was made, from where Home leads back here. */
function Made(props: { title: MessageKey; name: string; edit?: string; onNext: () => void; children?: ReactNode }) {
  const t = useT();
  return (
    <Card title={t(props.title)}>
      <div className="stack">
        <Note tone="ok">{t("setup.have", { name: props.name })}</Note>
        {props.children}
        <div className="row">
          <Button variant="primary" onPress={props.onNext}>
            {t("form.next")}
          </Button>
          {props.edit && <LinkButton href={props.edit}>{t("form.edit")}</LinkButton>}
        </div>
        {props.edit && <p className="help">{t("setup.edit_help")}</p>}
      </div>
    </Card>
  );
}

function OfferStep({ id, onDone }: { id: string | null; onDone: (id: string) => void }) {
  const t = useT();
  const client = useQueryClient();
  const offers = useOffers();
  const currency = useSettings().data?.currency ?? "JPY";
  const [draft, setDraft] = useDraft("offer", { name: "", destination: "", event: t("offer.first_event") });
  const form = useForm({});
  if (offers.isPending) return <Skeleton />;
  const made = offers.data?.find((o) => o.id === id);
  if (made)
    return (
      <Made title="setup.offer_title" name={made.name} edit={`/offers/${made.id}`} onNext={() => onDone(made.id)} />
    );
  const save = () =>
    void form.run(async () => {
      const fresh = newOffer(currency, draft.event);
      const offer = await post<Offer>(
        "/offers",
        offerBody({ ...fresh, name: draft.name, destinations: { ...fresh.destinations, default: draft.destination } }),
      );
      await refresh(client, "offers");
      onDone(offer.id);
    });
  return (
    <Card title={t("setup.offer_title")} help={t("setup.offer_text")}>
      <Form onSubmit={save} label={t("setup.offer_title")}>
        <TextField
          label={t("offers.name")}
          value={draft.name}
          onChange={(name) => setDraft({ ...draft, name })}
          error={form.error("name")}
          required
        />
        <TextField
          label={t("destination.default")}
          value={draft.destination}
          onChange={(destination) => setDraft({ ...draft, destination: destination.trim() })}
          error={form.error("destinations.default")}
          placeholder="https://www.example.com/lp"
          help={t("destination.help")}
          required
          mono
          inputMode="url"
        />
        <TextField
          label={t("conversion.event")}
          value={draft.event}
          onChange={(event) => setDraft({ ...draft, event })}
          error={form.error("events.0.name")}
          help={t("setup.event_help")}
          required
        />
        <Problem error={form.problem} />
        <div>
          <SubmitButton isBusy={form.isBusy}>{t("form.next")}</SubmitButton>
        </div>
      </Form>
    </Card>
  );
}

function PartnerStep({ id, onDone }: { id: string | null; onDone: (id: string) => void }) {
  const t = useT();
  const partners = usePartners();
  if (partners.isPending) return <Skeleton />;
  const made = partners.data?.find((p: Partner) => p.id === id);
  if (made)
    return (
      <Made title="setup.partner_title" name={made.name} edit={`/partners/${made.id}`} onNext={() => onDone(made.id)} />
    );
  return (
    <div className="stack">
      <Note tone="info">{t("setup.partner_text")}</Note>
      <PartnerForm onMade={(p) => onDone(p.id)} submitLabel={t("form.next")} />
    </div>
  );
}

function LinkStep({ progress, onDone }: { progress: Progress; onDone: (token: string) => void }) {
  const t = useT();
  const client = useQueryClient();
  const offers = useOffers().data;
  const partners = usePartners().data;
  const links = useLinks();
  const form = useForm({ campaign: "" });
  if (links.isPending || !offers || !partners) return <Skeleton />;
  const offer = offers.find((o) => o.id === progress.offer) ?? offers[0];
  const partner = partners.find((p) => p.id === progress.partner) ?? partners[0];
  const made = links.data?.find((l) => l.token === progress.link);
  if (made)
    return (
      <Made
        title="setup.link_title"
        name={linkName(made)}
        edit={`/links/${made.token}/edit`}
        onNext={() => onDone(made.token)}
      >
        <IssuedUrl link={made} />
      </Made>
    );
  if (!offer) return <Note tone="warn">{t("link.needs_offer")}</Note>;
  const save = () =>
    void form.run(async () => {
      const link = await post<Link>(
        "/links",
        linkBody({
          ...newLink(offer.id, partner?.id ?? null, partner?.name ?? offer.name),
          campaign: form.value.campaign || null,
        }),
      );
      await refresh(client, "links");
      onDone(link.token);
    });
  return (
    <Card
      title={t("setup.link_title")}
      help={t("setup.link_text", { offer: offer.name, partner: partner?.name ?? "–" })}
    >
      <Form onSubmit={save} label={t("setup.link_title")}>
        <TextField
          label={t("link.campaign")}
          value={form.value.campaign}
          onChange={(v) => form.set("campaign", v)}
          help={t("setup.campaign_help")}
          error={form.error("campaign")}
        />
        <Problem error={form.problem} />
        <div>
          <SubmitButton isBusy={form.isBusy}>{t("link.issue")}</SubmitButton>
        </div>
      </Form>
    </Card>
  );
}

function IssuedUrl({ link }: { link: Link }) {
  const t = useT();
  return (
    <div className="field">
      <span className="label">{t("link.submission")}</span>
      <CopyLine text={link.urls.submission_url} />
      <span className="help">{t("link.submission_help")}</span>
      <AskFor urls={link.urls} />
    </div>
  );
}

function TestStep({ progress }: { progress: Progress }) {
  const t = useT();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const settings = useSettings().data;
  const links = useLinks();
  const form = useForm({});
  const link = links.data?.find((l) => l.token === progress.link) ?? links.data?.[0];
  const finish = () =>
    void form.run(async () => {
      await put("/settings", { ...settings, is_set_up: true });
      for (const key of Object.keys(sessionStorage)) if (key.startsWith(PROGRESS)) sessionStorage.removeItem(key);
      await refresh(client, "settings", "me");
      navigate("/");
    });
  return (
    <div className="stack">
      {link && (
        <Card title={t("link.submission")} help={t("link.submission_help")}>
          <div className="stack tight">
            <CopyLine text={link.urls.submission_url} />
            <AskFor urls={link.urls} />
          </div>
        </Card>
      )}
      {link ? <LiveTest link={link} /> : <Empty icon={Check} title={t("links.empty")} />}
      <Problem error={form.problem} />
      <div>
        <Button variant="primary" onPress={finish} isBusy={form.isBusy}>
          {t("setup.finish")}
        </Button>
      </div>
    </div>
  );
}
