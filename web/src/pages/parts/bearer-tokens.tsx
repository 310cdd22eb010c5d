/** Tokens that the advertiser's servers send with conversions and events: made here, shown once, revoked here. */
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, get, post } from "../../api/client";
import { useCanEdit } from "../../api/queries";
import type { IssuedBearer, Offer, TrustPolicy, TrustScope } from "../../api/types";
import { Button, CopyLine, Note } from "../../components/basic";
import { Confirm, Dialog } from "../../components/dialog";
import { Form, Problem, SubmitButton, TextField, useForm } from "../../components/form";
import { toast } from "../../components/toast";
import { useT } from "../../i18n/all";
import "./bearer-tokens.css";

const SCOPES: readonly TrustScope[] = ["conversions", "events", "sessions", "ad_revenue", "gdpr"];

export function BearerTokens(props: {
  offer: string;
  tokens: TrustPolicy["bearer_tokens"];
  onChanged: (offer: Offer) => void;
}) {
  const t = useT();
  const canEdit = useCanEdit();
  const [isOpen, setOpen] = useState(false);
  const [removed, setRemoved] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const path = `/offers/${props.offer}`;
  const revoke = async (name: string) => {
    await del(`${path}/bearer_tokens/${encodeURIComponent(name)}`);
    props.onChanged(await get<Offer>(path));
    toast(t("bearer.revoked", { name }));
  };
  return (
    <section className="stack bearer" aria-labelledby="bearer-title">
      <div className="row between">
        <h3 id="bearer-title">{t("bearer.title")}</h3>
        {canEdit && (
          <Button size="small" icon={Plus} onPress={() => setOpen(true)}>
            {t("bearer.add")}
          </Button>
        )}
      </div>
      <p className="help">{t("bearer.help")}</p>
      {props.tokens.length === 0 ? (
        <p className="muted">{t("bearer.none")}</p>
      ) : (
        <ul className="plain-list">
          {props.tokens.map((token) => (
            <li key={token.name} className="row between">
              <span className="row">
                <KeyRound size={16} aria-hidden />
                <strong>{token.name}</strong>
                <span className="muted small">
                  {token.scopes.length === 0
                    ? t("bearer.all")
                    : token.scopes.map((scope) => t(`bearer_scope.${scope}`)).join(t("list.separator"))}
                </span>
              </span>
              {canEdit && (
                <Button
                  size="small"
                  icon={Trash2}
                  aria-label={`${t("bearer.revoke")} ${token.name}`}
                  onPress={() => setRemoved(token.name)}
                >
                  {t("bearer.revoke")}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      <Problem error={problem} />
      {isOpen && <NewBearer path={path} onClose={() => setOpen(false)} onMade={props.onChanged} />}
      <Confirm
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
        onConfirm={() => {
          setProblem(null);
          if (removed) revoke(removed).catch(setProblem);
        }}
        title={t("bearer.revoke_title", { name: removed ?? "" })}
        action={t("bearer.revoke")}
        danger
      >
        {t("bearer.revoke_text")}
      </Confirm>
    </section>
  );
}

function NewBearer(props: { path: string; onClose: () => void; onMade: (offer: Offer) => void }) {
  const t = useT();
  const form = useForm({ name: "", scopes: [] as TrustScope[] });
  const [secret, setSecret] = useState<string | null>(null);
  const { name, scopes } = form.value;
  const make = () =>
    void form.run(async () => {
      const issued = await post<IssuedBearer>(`${props.path}/bearer_tokens`, { name: name.trim(), scopes });
      setSecret(issued.secret);
      props.onMade(issued.offer);
    });
  return (
    <Dialog isOpen onClose={props.onClose} title={t("bearer.add")} alert={secret !== null}>
      {secret ? (
        <div className="stack">
          <Note tone="warn">{t("tokens.once")}</Note>
          <CopyLine text={secret} />
          <p>{t("bearer.use")}</p>
          <CopyLine text={`Authorization: Bearer ${secret}`} />
          <div className="row end">
            <Button variant="primary" onPress={props.onClose}>
              {t("bearer.copied")}
            </Button>
          </div>
        </div>
      ) : (
        <Form onSubmit={make} label={t("bearer.add")}>
          <TextField
            label={t("rules.name")}
            help={t("bearer.name_help")}
            value={name}
            onChange={(v) => form.set("name", v)}
            error={form.error("name")}
            required
          />
          <fieldset>
            <legend>{t("bearer.scopes")}</legend>
            <p className="help">{t("bearer.scopes_help")}</p>
            <div className="chips">
              {SCOPES.map((scope) => (
                <label key={scope} className="chip">
                  <input
                    type="checkbox"
                    checked={scopes.includes(scope)}
                    onChange={(e) =>
                      form.set(
                        "scopes",
                        SCOPES.filter((s) => (s === scope ? e.target.checked : scopes.includes(s))),
                      )
                    }
                  />
                  {t(`bearer_scope.${scope}`)}
                </label>
              ))}
            </div>
          </fieldset>
          <Problem error={form.problem} />
          <div className="row end">
            <Button onPress={props.onClose}>{t("form.cancel")}</Button>
            <SubmitButton isBusy={form.isBusy}>{t("tokens.create")}</SubmitButton>
          </div>
        </Form>
      )}
    </Dialog>
  );
}
