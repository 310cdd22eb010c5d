/** Sign-in. The same answer for a wrong name and a wrong password; recovery is on the command line. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, get, post } from "../api/client";
import type { SignInState } from "../api/types";
import { Card, Note } from "../components/basic";
import { Form, SubmitButton, TextField, useForm } from "../components/form";
import { useErrorText } from "../components/problem";
import { useI18n } from "../i18n/all";
import icon from "../icon.svg";

/** Set in this tab while somebody is signed in, so that an end that nobody asked for can be explained. */
export const SIGNED_IN = "yamabiko.signed-in";

export function SignIn() {
  const { t, language, setLanguage } = useI18n();
  const client = useQueryClient();
  const form = useForm({ login: "", password: "", totp: "" });
  const [needsCode, setNeedsCode] = useState(false);
  const errorText = useErrorText();
  const [hasExpired] = useState(() => sessionStorage.getItem(SIGNED_IN) !== null);
  const way = useQuery({ queryKey: ["sign-in"], queryFn: () => get<SignInState>("/login") }).data;
  const submit = () =>
    void form.run(async () => {
      const { login, password, totp } = form.value;
      try {
        await post("/login", { login, password, ...(totp ? { code: totp } : {}) });
      } catch (error) {
        if (error instanceof ApiError && error.code === "second_factor") setNeedsCode(true);
        throw error;
      }
      await client.invalidateQueries();
    });
  return (
    <div className="gate">
      <main className="panel" style={{ padding: 0 }}>
        <div className="brand">
          <img src={icon} alt="" />
          {t("app.name")}
        </div>
        <Card>
          <Form onSubmit={submit} label={t("sign_in.title")}>
            <h1>{t("sign_in.title")}</h1>
            {hasExpired && !form.problem && <Note tone="info">{t("sign_in.expired")}</Note>}
            {way && !way.is_encrypted && (
              <Note tone={way.is_open ? "warn" : "bad"}>{t(way.is_open ? "sign_in.plain" : "error.plain_http")}</Note>
            )}
            {form.problem ? <Note tone="bad">{errorText(form.problem)}</Note> : null}
            <TextField
              label={t("sign_in.login")}
              value={form.value.login}
              onChange={(v) => form.set("login", v)}
              autoComplete="username"
              autoFocus
              required
            />
            <TextField
              label={t("sign_in.password")}
              type="password"
              value={form.value.password}
              onChange={(v) => form.set("password", v)}
              autoComplete="current-password"
              required
            />
            {needsCode && (
              <TextField
                label={t("sign_in.totp")}
                value={form.value.totp}
                onChange={(v) => form.set("totp", v)}
                autoComplete="one-time-code"
                inputMode="numeric"
                autoFocus
              />
            )}
            <SubmitButton isBusy={form.isBusy} isDisabled={way?.is_open === false}>
              {t("sign_in.submit")}
            </SubmitButton>
          </Form>
        </Card>
        <p className="small muted" style={{ marginTop: 16 }}>
          {t("sign_in.forgot")} <code>yamabiko admin reset-password</code>
        </p>
      </main>
      <button type="button" className="btn quiet" onClick={() => setLanguage(language === "ja" ? "en" : "ja")}>
        {language === "ja" ? "English" : "日本語"}
      </button>
    </div>
  );
}
