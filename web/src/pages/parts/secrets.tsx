/** Secrets of a partner: named here, used by rules as {secret.NAME}, never shown again. */
import { useQuery } from "@tanstack/react-query";
import { KeyRound, Play, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, get, post, put } from "../../api/client";
import { useCanEdit, useNames, useRefresh, useSeesAll } from "../../api/queries";
import type { Hold, PartnerSecret, SecretList, TokenSource } from "../../api/types";
import { Badge, Button, Note, Skeleton, Time } from "../../components/basic";
import { Confirm, Dialog } from "../../components/dialog";
import { CheckField, Form, Problem, SubmitButton, TextField, useForm } from "../../components/form";
import { toast } from "../../components/toast";
import { useT } from "../../i18n/all";

export const useSecrets = (partner: string) => {
  const seesAll = useSeesAll();
  return useQuery({
    queryKey: ["secrets", partner],
    queryFn: () => get<SecretList>(`/partners/${partner}/secrets`),
    enabled: partner !== "" && seesAll,
  });
};

/** What a person does about a partner whose postbacks wait. */
export function HoldNote({ hold, partner }: { hold: Hold; partner: string }) {
  const t = useT();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const [problem, setProblem] = useState<unknown>(null);
  const goOn = async () => {
    await post(`/partners/${partner}/go_on`, {});
    await refresh("secrets", "delivery");
    toast(t("hold.went_on"));
  };
  return (
    <Note tone="bad" title={t(`hold.${hold.cause}`)}>
      <div className="stack tight">
        <span>
          {t(`hold.${hold.cause}_text`)} {hold.detail && <code>{hold.detail}</code>} (<Time ms={hold.since_ms} />)
        </span>
        {canEdit && (
          <div>
            <Button size="small" icon={Play} onPress={() => void goOn().catch(setProblem)}>
              {t("hold.go_on")}
            </Button>
          </div>
        )}
        <Problem error={problem} />
      </div>
    </Note>
  );
}

export function Secrets({ partner }: { partner: string }) {
  const t = useT();
  const names = useNames();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const found = useSecrets(partner);
  const [edited, setEdited] = useState<string | null>(null);
  const [removed, setRemoved] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  if (found.isError) return <Problem error={found.error} />;
  if (!found.data) return <Skeleton lines={3} />;
  const { items, missing, hold } = found.data;
  const remove = async (name: string) => {
    await del(`/partners/${partner}/secrets/${encodeURIComponent(name)}`);
    await refresh("secrets");
    toast(t("secrets.deleted", { name }));
  };
  return (
    <div className="stack">
      {hold && <HoldNote hold={hold} partner={partner} />}
      {missing.length > 0 && (
        <Note tone="warn" title={t("secrets.missing")}>
          <div className="chips">
            {missing.map((name) => (
              <Button key={name} size="small" icon={Plus} onPress={() => setEdited(name)} isDisabled={!canEdit}>
                {name}
              </Button>
            ))}
          </div>
        </Note>
      )}
      {items.length === 0 ? (
        <p className="muted">{t("secrets.none")}</p>
      ) : (
        <ul className="plain-list">
          {items.map((secret) => (
            <li key={secret.name} className="row between">
              <span className="row">
                <KeyRound size={16} aria-hidden />
                <code>{`{secret.${secret.name}}`}</code>
                {secret.token && <Badge tone="plain">{t("secrets.expires")}</Badge>}
                {secret.is_sealed && <Badge tone="bad">{t("secrets.sealed")}</Badge>}
                <span className="muted small">
                  {t("secrets.changed")} <Time ms={secret.updated_at_ms} />
                  {secret.used_by.length > 0 &&
                    ` · ${t("secrets.used_by", { names: secret.used_by.map(names.rule).join(t("list.separator")) })}`}
                </span>
              </span>
              {canEdit && (
                <span className="row">
                  <Button size="small" onPress={() => setEdited(secret.name)}>
                    {t("secrets.replace")}
                  </Button>
                  <Button
                    size="small"
                    icon={Trash2}
                    aria-label={t("form.remove_name", { name: secret.name })}
                    onPress={() => setRemoved(secret.name)}
                  />
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {canEdit && (
        <div>
          <Button size="small" icon={Plus} onPress={() => setEdited("")}>
            {t("secrets.add")}
          </Button>
        </div>
      )}
      <Problem error={problem} />
      {edited !== null && (
        <SecretDialog
          partner={partner}
          name={edited}
          before={items.find((secret) => secret.name === edited)}
          onClose={() => setEdited(null)}
        />
      )}
      <Confirm
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
        onConfirm={() => {
          setProblem(null);
          if (removed) remove(removed).catch(setProblem);
        }}
        title={t("form.delete_title", { name: removed ?? "" })}
        action={t("form.delete")}
        danger
      >
        {t("secrets.delete_text")}
      </Confirm>
    </div>
  );
}

const NO_TOKEN: TokenSource = { url: "", form: "", pointer: "" };

function SecretDialog(props: {
  partner: string;
  name: string;
  before: PartnerSecret | undefined;
  onClose: () => void;
}) {
  const t = useT();
  const refresh = useRefresh();
  const form = useForm({ name: props.name, value: "", token: props.before?.token ?? null });
  const { name, value, token } = form.value;
  const isNew = props.before === undefined;
  const set = <K extends keyof TokenSource>(key: K, next: TokenSource[K]) =>
    form.set("token", { ...NO_TOKEN, ...token, [key]: next });
  const save = () =>
    void form.run(async () => {
      const body = { token, ...(value ? { value } : {}) };
      await put(`/partners/${props.partner}/secrets/${encodeURIComponent(name.trim())}`, body);
      await refresh("secrets", "rule-check", "delivery");
      toast(t("form.saved"));
      props.onClose();
    });
  return (
    <Dialog
      isOpen
      onClose={props.onClose}
      title={isNew ? t("secrets.add") : t("secrets.replace_title", { name: props.name })}
    >
      <Form onSubmit={save} label={t("secrets.add")}>
        {isNew && (
          <TextField
            label={t("rules.name")}
            help={t("secrets.name_help")}
            value={name}
            onChange={(v) => form.set("name", v)}
            placeholder="access_token"
            error={form.error("name")}
            mono
            required
          />
        )}
        <TextField
          label={t("secrets.value")}
          help={isNew ? t("secrets.value_help") : t("secrets.value_keep")}
          type="password"
          autoComplete="new-password"
          value={value}
          onChange={(v) => form.set("value", v)}
          error={form.error("value")}
        />
        <CheckField
          label={t("secrets.expires")}
          help={t("secrets.expires_help")}
          value={token !== null}
          onChange={(v) => form.set("token", v ? NO_TOKEN : null)}
        />
        {token && (
          <>
            <TextField
              label={t("secrets.token_url")}
              value={token.url}
              onChange={(v) => set("url", v)}
              placeholder="https://oauth2.example.com/token"
              error={form.error("token.url")}
              mono
              required
            />
            <TextField
              label={t("secrets.token_form")}
              help={t("secrets.token_form_help")}
              value={token.form}
              onChange={(v) => set("form", v)}
              placeholder="grant_type=refresh_token&refresh_token={secret.refresh_token}"
              error={form.error("token.form")}
              rows={3}
              mono
              required
            />
            <TextField
              label={t("secrets.token_pointer")}
              value={token.pointer ?? ""}
              onChange={(v) => set("pointer", v)}
              placeholder="/access_token"
              error={form.error("token.pointer")}
              mono
            />
          </>
        )}
        <Problem error={form.problem} />
        <div className="row end">
          <Button onPress={props.onClose}>{t("form.cancel")}</Button>
          <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
        </div>
      </Form>
    </Dialog>
  );
}
