/** Where alerts go, with a test of each way, and which alerts stand. */
import { useQuery } from "@tanstack/react-query";
import { BellRing, Send } from "lucide-react";
import { useState } from "react";
import { get, post, put } from "../../api/client";
import { useRefresh, useSettings } from "../../api/queries";
import type { AlertChannel, AlertSettings, Alerts, LastSent, Secret, Settings, SummarySent } from "../../api/types";
import { Button, Card, Note, Skeleton, Time } from "../../components/basic";
import {
  CheckField,
  Form,
  LinesField,
  NumberField,
  Problem,
  SelectField,
  SubmitButton,
  TextField,
  useForm,
} from "../../components/form";
import { toast } from "../../components/toast";
import { Unsaved } from "../../components/unsaved";
import { useT } from "../../i18n/all";
import { useCodeText } from "../parts/kinds";

export default function AlertsPage() {
  const settings = useSettings();
  const alerts = useQuery({ queryKey: ["alerts"], queryFn: () => get<Alerts>("/alerts"), refetchInterval: 15_000 });
  if (settings.isPending || alerts.isPending) return <Skeleton lines={8} />;
  if (settings.isError) return <Problem error={settings.error} />;
  if (alerts.isError) return <Problem error={alerts.error} />;
  return (
    <div className="stack">
      <Standing alerts={alerts.data} />
      <Editor key={settings.data.updated_at_ms} initial={settings.data} alerts={alerts.data} />
    </div>
  );
}

function Standing({ alerts }: { alerts: Alerts }) {
  const t = useT();
  return (
    <Card title={t("alerts.open")} help={t("alerts.open_help")}>
      {alerts.open.length === 0 ? (
        <Note tone="ok">{t("alerts.none")}</Note>
      ) : (
        <ul className="stack tight" style={{ listStyle: "none", margin: 0, padding: 0 }}>
          {alerts.open.map((a) => (
            <li key={`${a.kind} ${a.subject}`}>
              <Note tone="bad" title={a.headline}>
                {t("alerts.since")} <Time ms={a.since_ms} />
              </Note>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

const isSet = (secret: string | Secret | null) => typeof secret === "object" && secret !== null && secret.is_set;

/** A secret: typed anew, kept, or removed; never shown. */
function SecretField(props: {
  label: string;
  help: string;
  value: string | Secret | null;
  wasSet: boolean;
  onChange: (value: string | Secret | null) => void;
  error: string | undefined;
  placeholder?: string;
}) {
  const t = useT();
  const { value, wasSet } = props;
  return (
    <div className="stack tight">
      <TextField
        label={props.label}
        help={wasSet && value !== null ? t("secret.is_set") : props.help}
        value={typeof value === "string" ? value : ""}
        placeholder={wasSet && value !== null ? "••••••••" : (props.placeholder ?? "")}
        onChange={(v) => props.onChange(v.trim() || (wasSet ? { is_set: true } : null))}
        error={props.error}
        type="password"
        autoComplete="off"
        mono
      />
      {wasSet && (
        <div className="row">
          <Button
            size="small"
            aria-label={`${t(value === null ? "alerts.keep" : "alerts.remove")} ${props.label}`}
            onPress={() => props.onChange(value === null ? { is_set: true } : null)}
          >
            {t(value === null ? "alerts.keep" : "alerts.remove")}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Sends a test on a way as it is saved, and shows exactly what came of it. */
function Test(props: { channel: AlertChannel; name: string; alerts: Alerts; isChanged: boolean }) {
  const t = useT();
  const refresh = useRefresh();
  const [isBusy, setBusy] = useState(false);
  const [sent, setSent] = useState<LastSent | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const state = props.alerts.channels.find((c) => c.channel === props.channel);
  const last = sent ?? state?.last ?? null;
  const test = () => {
    setBusy(true);
    setProblem(null);
    post<LastSent>("/alerts/test", { channel: props.channel })
      .then((outcome) => {
        setSent(outcome);
        return refresh("alerts");
      })
      .catch(setProblem)
      .finally(() => setBusy(false));
  };
  const outcome = useCodeText("alert_outcome");
  if (!state?.is_set_up && !last) return null;
  return (
    <div className="stack tight" aria-live="polite">
      <div className="row">
        <Button
          icon={Send}
          isBusy={isBusy}
          isDisabled={props.isChanged || !state?.is_set_up}
          onPress={test}
          aria-label={`${t("alerts.test")} (${props.name})`}
        >
          {isBusy ? t("alerts.testing") : t("alerts.test")}
        </Button>
        {props.isChanged && <span className="muted">{t("alerts.save_first")}</span>}
      </div>
      <Problem error={problem} />
      {last && (
        <Note tone={last.is_ok ? "ok" : "bad"} title={t(last.is_ok ? "alerts.taken" : "alerts.not_taken")}>
          <Time ms={last.at_ms} /> {!last.is_ok && outcome(last.code)} <code>{last.message}</code>
        </Note>
      )}
    </div>
  );
}

type Summary = AlertSettings["summary"];

/** Sends the summary of the last whole period now, and shows what came of it on each way. */
function SummaryNow({ alerts, isChanged }: { alerts: Alerts; isChanged: boolean }) {
  const t = useT();
  const refresh = useRefresh();
  const outcome = useCodeText("alert_outcome");
  const [isBusy, setBusy] = useState(false);
  const [sent, setSent] = useState<SummarySent[]>([]);
  const [problem, setProblem] = useState<unknown>(null);
  const isSetUp = alerts.channels.some((c) => c.is_set_up);
  const send = () => {
    setBusy(true);
    setProblem(null);
    post<SummarySent[]>("/alerts/summary", {})
      .then((all) => {
        setSent(all);
        return refresh("alerts");
      })
      .catch(setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <div className="stack tight" aria-live="polite">
      <div className="row">
        <Button icon={Send} isBusy={isBusy} isDisabled={isChanged || !isSetUp} onPress={send}>
          {isBusy ? t("alerts.testing") : t("alerts.summary_now")}
        </Button>
        {(isChanged || !isSetUp) && (
          <span className="muted">{t(isSetUp ? "alerts.save_first" : "alerts.summary_none")}</span>
        )}
      </div>
      <Problem error={problem} />
      {sent.map((one) => (
        <Note
          key={one.channel}
          tone={one.sent.is_ok ? "ok" : "bad"}
          title={t("form.pair", {
            name: t(
              one.channel === "line" ? "alerts.line" : one.channel === "email" ? "alerts.email" : "settings.webhook",
            ),
            value: t(one.sent.is_ok ? "alerts.taken" : "alerts.not_taken"),
          })}
        >
          {!one.sent.is_ok && outcome(one.sent.code)} <code>{one.sent.message}</code>
        </Note>
      ))}
    </div>
  );
}

const PORTS = { starttls: 587, tls: 465, none: 25 } as const;

function Editor({ initial, alerts }: { initial: Settings; alerts: Alerts }) {
  const t = useT();
  const refresh = useRefresh();
  const form = useForm(initial);
  const saved = initial.alerts;
  const value = form.value.alerts;
  if (!saved || !value) return null;
  const set = (change: Partial<AlertSettings>) => form.set("alerts", { ...value, ...change });
  const email = (change: Partial<AlertSettings["email"]>) => set({ email: { ...value.email, ...change } });
  const line = (change: Partial<AlertSettings["line"]>) => set({ line: { ...value.line, ...change } });
  const silence = (change: Partial<AlertSettings["silence"]>) => set({ silence: { ...value.silence, ...change } });
  const summary = (change: Partial<Summary>) => set({ summary: { ...value.summary, ...change } });
  const isChanged = JSON.stringify(value) !== JSON.stringify(saved);
  const save = () =>
    void form.run(async () => {
      await put("/settings", form.value);
      await refresh("settings", "alerts");
      toast(t("form.saved"));
    });
  return (
    <Form onSubmit={save} label={t("settings.alerts")}>
      <Unsaved isChanged={form.isChanged} />
      <Card title={t("alerts.email")} help={t("alerts.email_help")}>
        <div className="stack">
          <LinesField
            label={t("alerts.to")}
            help={t("alerts.to_help")}
            value={value.email.to}
            onChange={(to) => email({ to })}
            error={form.error("alerts.email.to", true) ?? form.error("alerts.email.to")}
            placeholder="you@example.jp"
          />
          <div className="grid">
            <TextField
              label={t("alerts.host")}
              value={value.email.host}
              onChange={(v) => email({ host: v.trim() })}
              error={form.error("alerts.email.host")}
              placeholder="smtp.example.jp"
              mono
            />
            <SelectField
              label={t("alerts.security")}
              value={value.email.security}
              onChange={(v) => {
                const security = v as keyof typeof PORTS;
                email({ security, port: PORTS[security] });
              }}
              options={(["starttls", "tls", "none"] as const).map((v) => ({
                value: v,
                label: t(`alerts.security_${v}`),
              }))}
              error={form.error("alerts.email.security")}
            />
            <NumberField
              key={value.email.security}
              label={t("alerts.port")}
              value={value.email.port}
              onChange={(port) => email({ port: port ?? 0 })}
              error={form.error("alerts.email.port")}
            />
            <TextField
              label={t("alerts.from")}
              value={value.email.from}
              onChange={(from) => email({ from })}
              error={form.error("alerts.email.from")}
              placeholder="alerts@example.jp"
              mono
            />
            <TextField
              label={t("alerts.user")}
              help={t("alerts.user_help")}
              value={value.email.user}
              onChange={(user) => email({ user })}
              error={form.error("alerts.email.user")}
              mono
            />
            <SecretField
              label={t("alerts.password")}
              help={t("alerts.password_help")}
              value={value.email.password}
              wasSet={isSet(saved.email.password)}
              onChange={(password) => email({ password })}
              error={form.error("alerts.email.password")}
            />
          </div>
          <Test channel="email" name={t("alerts.email")} alerts={alerts} isChanged={isChanged} />
        </div>
      </Card>
      <Card title={t("settings.webhook")} help={t("alerts.webhook_help")}>
        <div className="stack">
          <SecretField
            label={t("alerts.webhook_url")}
            help={t("settings.webhook_help")}
            value={value.webhook_url}
            wasSet={isSet(saved.webhook_url)}
            onChange={(webhook_url) => set({ webhook_url })}
            error={form.error("alerts.webhook_url")}
            placeholder="https://hooks.slack.com/services/…"
          />
          <Test channel="webhook" name={t("settings.webhook")} alerts={alerts} isChanged={isChanged} />
        </div>
      </Card>
      <Card title="LINE" help={t("alerts.line_help")}>
        <div className="stack">
          <div className="grid">
            <SecretField
              label={t("alerts.line_token")}
              help={t("alerts.line_token_help")}
              value={value.line.token}
              wasSet={isSet(saved.line.token)}
              onChange={(token) => line({ token })}
              error={form.error("alerts.line.token")}
            />
            <TextField
              label={t("alerts.line_to")}
              help={t("alerts.line_to_help")}
              value={value.line.to}
              onChange={(to) => line({ to: to.trim() })}
              error={form.error("alerts.line.to")}
              placeholder="U0123456789abcdef…"
              mono
            />
          </div>
          <Test channel="line" name="LINE" alerts={alerts} isChanged={isChanged} />
        </div>
      </Card>
      <Card title={t("alerts.silence")} help={t("alerts.silence_help")}>
        <div className="stack">
          <div className="grid">
            <NumberField
              label={t("alerts.silence_clicks")}
              value={value.silence.clicks_h || null}
              onChange={(hours) => silence({ clicks_h: hours ?? 0 })}
              error={form.error("alerts.silence.clicks_h")}
            />
            <NumberField
              label={t("alerts.silence_conversions")}
              value={value.silence.conversions_h || null}
              onChange={(hours) => silence({ conversions_h: hours ?? 0 })}
              error={form.error("alerts.silence.conversions_h")}
            />
          </div>
          <CheckField
            label={t("alerts.silence_by_offer")}
            value={value.silence.by_offer}
            onChange={(by_offer) => silence({ by_offer })}
          />
        </div>
      </Card>
      <Card title={t("alerts.summary")} help={t("alerts.summary_help")}>
        <div className="stack">
          <div className="grid">
            <SelectField
              label={t("alerts.summary_every")}
              value={value.summary.every}
              onChange={(every) => summary({ every: every as Summary["every"] })}
              options={(["off", "daily", "weekly"] as const).map((v) => ({
                value: v,
                label: t(`alerts.summary_${v}`),
              }))}
            />
            {value.summary.every !== "off" && (
              <SelectField
                label={t("alerts.summary_hour")}
                value={String(value.summary.hour)}
                onChange={(hour) => summary({ hour: Number(hour) })}
                options={Array.from({ length: 24 }, (_, hour) => ({ value: String(hour), label: `${hour}:00` }))}
                error={form.error("alerts.summary.hour")}
              />
            )}
          </div>
          <SummaryNow alerts={alerts} isChanged={isChanged} />
        </div>
      </Card>
      <Card title={t("alerts.when")}>
        <div className="stack">
          <ul className="stack tight" style={{ listStyle: "none", margin: 0, padding: 0 }}>
            {(
              ["partner", "held", "queue", "disk", "refusals", "store", "backup", "raw_data", "certificate"] as const
            ).map((kind) => (
              <li key={kind}>
                <BellRing size={15} aria-hidden /> {t(`alerts.when_${kind}`)}
              </li>
            ))}
          </ul>
          <SelectField
            label={t("alerts.language")}
            value={value.language}
            onChange={(language) => set({ language })}
            options={[
              { value: "", label: t("alerts.language_same") },
              { value: "ja", label: "日本語" },
              { value: "en", label: "English" },
            ]}
          />
        </div>
      </Card>
      <Problem error={form.problem} />
      <div className="form-foot sticky">
        <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
      </div>
    </Form>
  );
}
