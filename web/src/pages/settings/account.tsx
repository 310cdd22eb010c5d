/** One's own account: name, language, password, second factor, where one is signed in. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { del, get, post, put } from "../../api/client";
import { useMe, useRefresh } from "../../api/queries";
import type { Login, Me } from "../../api/types";
import { Badge, Button, Card, CopyLine, Note, Skeleton, Time } from "../../components/basic";
import { Form, Problem, SelectField, SubmitButton, TextField, useForm } from "../../components/form";
import { Table } from "../../components/table";
import { toast } from "../../components/toast";
import { useI18n, useT } from "../../i18n/all";
import { Qr } from "../parts/qr";

export default function Account() {
  const me = useMe().data;
  if (!me) return <Skeleton />;
  return (
    <div className="stack">
      <Profile me={me} />
      <Password />
      <SecondFactor me={me} />
      <Logins />
    </div>
  );
}

function Profile({ me }: { me: Me }) {
  const { t, setLanguage } = useI18n();
  const refresh = useRefresh();
  const form = useForm({ name: me.name ?? "", language: me.language ?? "" });
  return (
    <Card title={t("account.profile")}>
      <Form
        forEveryone
        label={t("account.profile")}
        onSubmit={() =>
          void form.run(async () => {
            await put("/me", { name: form.value.name, language: form.value.language || null });
            if (form.value.language === "ja" || form.value.language === "en") setLanguage(form.value.language);
            await refresh("me");
            toast(t("form.saved"));
          })
        }
      >
        <div className="grid two">
          <TextField
            label={t("account.name")}
            value={form.value.name}
            onChange={(v) => form.set("name", v)}
            error={form.error("name")}
          />
          <SelectField
            label={t("settings.language")}
            value={form.value.language}
            onChange={(v) => form.set("language", v)}
            options={[
              { value: "", label: t("account.language_browser") },
              { value: "ja", label: "日本語" },
              { value: "en", label: "English" },
            ]}
          />
        </div>
        <Problem error={form.problem} />
        <div className="row">
          <SubmitButton forEveryone isBusy={form.isBusy}>
            {t("form.save")}
          </SubmitButton>
        </div>
      </Form>
    </Card>
  );
}

function Password() {
  const t = useT();
  const form = useForm({ current: "", next: "" });
  return (
    <Card title={t("account.password")} help={t("account.password_help")}>
      <Form
        forEveryone
        label={t("account.password")}
        onSubmit={() =>
          void form.run(async () => {
            await put("/me/password", { old_password: form.value.current, password: form.value.next });
            form.setValue({ current: "", next: "" });
            toast(t("form.saved"));
          })
        }
      >
        <div className="grid two">
          <TextField
            label={t("account.current_password")}
            type="password"
            autoComplete="current-password"
            value={form.value.current}
            onChange={(v) => form.set("current", v)}
            error={form.error("old_password")}
          />
          <TextField
            label={t("account.new_password")}
            type="password"
            autoComplete="new-password"
            value={form.value.next}
            onChange={(v) => form.set("next", v)}
            error={form.error("password")}
            help={t("account.password_rule")}
          />
        </div>
        <Problem error={form.problem} />
        <div className="row">
          <SubmitButton forEveryone isBusy={form.isBusy}>
            {t("account.password_change")}
          </SubmitButton>
        </div>
      </Form>
    </Card>
  );
}

function SecondFactor({ me }: { me: Me }) {
  const t = useT();
  const refresh = useRefresh();
  const [offer, setOffer] = useState<{ secret: string; url: string } | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const form = useForm({ code: "", password: "" });
  const start = () =>
    void form.run(async () => setOffer(await post<{ secret: string; url: string }>("/me/totp/offer")));
  const confirm = () =>
    void form.run(async () => {
      const answer = await put<{ codes: string[] }>("/me/totp", { secret: offer?.secret, ...form.value });
      setCodes(answer.codes);
      setOffer(null);
      await refresh("me");
    });
  const off = () =>
    void form.run(async () => {
      await post("/me/totp/off", { password: form.value.password });
      form.setValue({ code: "", password: "" });
      await refresh("me");
    });
  const password = (
    <TextField
      label={t("account.current_password")}
      type="password"
      autoComplete="current-password"
      value={form.value.password}
      onChange={(v) => form.set("password", v)}
      error={form.error("password")}
    />
  );
  return (
    <Card
      title={t("totp.title")}
      help={t("totp.help")}
      actions={me.has_totp ? <Badge tone="ok">{t("totp.on")}</Badge> : <Badge tone="plain">{t("totp.off")}</Badge>}
    >
      {codes ? (
        <Note tone="warn" title={t("totp.codes")}>
          <code className="codebox" style={{ marginTop: 8 }}>
            {codes.join("\n")}
          </code>
        </Note>
      ) : offer ? (
        <Form forEveryone onSubmit={confirm} label={t("totp.title")}>
          <div className="row top" style={{ gap: 24 }}>
            <Qr text={offer.url} label={t("totp.qr")} />
            <div className="grow stack" style={{ minWidth: 240 }}>
              <p>{t("totp.scan")}</p>
              <CopyLine text={offer.secret} />
              <TextField
                label={t("totp.code")}
                value={form.value.code}
                onChange={(v) => form.set("code", v.normalize("NFKC").trim())}
                inputMode="numeric"
                autoComplete="one-time-code"
                error={form.error("code")}
              />
              {password}
              <Problem error={form.problem} />
              <div className="row">
                <SubmitButton forEveryone isBusy={form.isBusy}>
                  {t("totp.switch_on")}
                </SubmitButton>
                <Button onPress={() => setOffer(null)}>{t("form.cancel")}</Button>
              </div>
            </div>
          </div>
        </Form>
      ) : me.has_totp ? (
        <Form forEveryone onSubmit={off} label={t("totp.title")}>
          {password}
          <Problem error={form.problem} />
          <div className="row">
            <SubmitButton forEveryone isBusy={form.isBusy}>
              {t("totp.switch_off")}
            </SubmitButton>
          </div>
        </Form>
      ) : (
        <div className="stack">
          <Problem error={form.problem} />
          <div>
            <Button onPress={start} isBusy={form.isBusy}>
              {t("totp.start")}
            </Button>
          </div>
        </div>
      )}
    </Card>
  );
}

function Logins() {
  const t = useT();
  const refresh = useRefresh();
  const logins = useQuery({
    queryKey: ["logins"],
    queryFn: () => get<{ items: Login[] }>("/me/logins").then((r) => r.items),
  });
  const [problem, setProblem] = useState<unknown>(null);
  return (
    <Card title={t("logins.title")} help={t("logins.help")} flush>
      <Problem error={problem ?? logins.error} />
      <Table
        label={t("logins.title")}
        rows={logins.data ?? []}
        rowKey={(l) => l.id}
        columns={[
          { id: "seen", label: t("logins.seen"), render: (l) => <Time ms={l.seen_at_ms} /> },
          { id: "from", label: "IP", render: (l) => <code>{l.from}</code> },
          { id: "ua", label: t("click.user_agent"), render: (l) => <span className="clip">{l.user_agent}</span> },
          {
            id: "end",
            label: t("table.tools"),
            render: (l) =>
              l.is_this ? (
                <Badge tone="ok">{t("logins.this")}</Badge>
              ) : (
                <Button
                  size="small"
                  onPress={() => void del(`/me/logins/${l.id}`).then(() => refresh("logins"), setProblem)}
                >
                  {t("logins.end")}
                </Button>
              ),
          },
        ]}
      />
    </Card>
  );
}
