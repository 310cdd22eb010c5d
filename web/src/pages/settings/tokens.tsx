/** API tokens: shown once, stored hashed. */
import { useQuery } from "@tanstack/react-query";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, get, post } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { Page, Token } from "../../api/types";
import { Button, Card, CopyLine, Empty, Note, Skeleton, Time } from "../../components/basic";
import { Confirm, Dialog } from "../../components/dialog";
import { Form, NumberField, Problem, SelectField, SubmitButton, TextField, useForm } from "../../components/form";
import { Table } from "../../components/table";
import { useT } from "../../i18n/all";
import { useActor } from "../parts/actor";

export default function Tokens() {
  const t = useT();
  const refresh = useRefresh();
  const actor = useActor();
  const tokens = useQuery({
    queryKey: ["tokens"],
    queryFn: () => get<Page<Token>>("/tokens", { limit: 200 }).then((p) => p.items),
  });
  const [isOpen, setOpen] = useState(false);
  const [removed, setRemoved] = useState<Token | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  if (tokens.isPending) return <Skeleton />;
  if (tokens.isError) return <Problem error={tokens.error} />;
  const add = (
    <Button variant="primary" size="small" icon={Plus} onPress={() => setOpen(true)}>
      {t("tokens.add")}
    </Button>
  );
  return (
    <Card title={t("settings.tokens")} help={t("tokens.help")} flush actions={tokens.data.length ? add : null}>
      <Problem error={problem} />
      {tokens.data.length === 0 ? (
        <Empty icon={KeyRound} title={t("tokens.empty")} action={add}>
          {t("tokens.empty_text")}
        </Empty>
      ) : (
        <Table
          label={t("settings.tokens")}
          rows={tokens.data}
          rowKey={(x) => x.id}
          columns={[
            { id: "name", label: t("rules.name"), sort: (x) => x.name, render: (x) => x.name },
            { id: "scope", label: t("tokens.scope"), sort: (x) => x.scope, render: (x) => t(`token_scope.${x.scope}`) },
            { id: "by", label: t("tokens.by"), sort: (x) => x.created_by, render: (x) => actor(x.created_by) },
            {
              id: "made",
              label: t("links.created"),
              sort: (x) => x.created_at_ms,
              render: (x) => <Time ms={x.created_at_ms} mode="date" />,
            },
            {
              id: "until",
              label: t("tokens.until"),
              render: (x) => (x.expires_at_ms ? <Time ms={x.expires_at_ms} mode="date" /> : t("tokens.forever")),
            },
            {
              id: "do",
              label: t("table.tools"),
              render: (x) => (
                <Button
                  size="small"
                  icon={Trash2}
                  aria-label={`${t("form.delete")} ${x.name}`}
                  onPress={() => setRemoved(x)}
                />
              ),
            },
          ]}
        />
      )}
      {isOpen && <NewToken onClose={() => setOpen(false)} />}
      <Confirm
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
        onConfirm={() => void del(`/tokens/${removed?.id}`).then(() => refresh("tokens"), setProblem)}
        title={t("form.delete_title", { name: removed?.name ?? "" })}
        action={t("form.delete")}
        danger
      >
        {t("tokens.delete_text")}
      </Confirm>
    </Card>
  );
}

function NewToken({ onClose }: { onClose: () => void }) {
  const t = useT();
  const refresh = useRefresh();
  const form = useForm({ name: "", scope: "read", days: 365 as number | null });
  const [secret, setSecret] = useState<string | null>(null);
  const save = () =>
    void form.run(async () => {
      const { name, scope, days } = form.value;
      setSecret((await post<{ secret: string }>("/tokens", { name, scope, ...(days ? { days } : {}) })).secret);
      await refresh("tokens");
    });
  return (
    <Dialog isOpen onClose={onClose} title={t("tokens.add")}>
      {secret ? (
        <div className="stack">
          <Note tone="warn">{t("tokens.once")}</Note>
          <CopyLine text={secret} />
          <div className="row end">
            <Button variant="primary" onPress={onClose}>
              {t("form.close")}
            </Button>
          </div>
        </div>
      ) : (
        <Form onSubmit={save} label={t("tokens.add")}>
          <TextField
            label={t("rules.name")}
            value={form.value.name}
            onChange={(v) => form.set("name", v)}
            error={form.error("name")}
            required
          />
          <SelectField
            label={t("tokens.scope")}
            value={form.value.scope}
            onChange={(v) => form.set("scope", v)}
            options={(["read", "write", "admin"] as const).map((value) => ({
              value,
              label: t(`token_scope.${value}`),
            }))}
          />
          <NumberField
            label={t("tokens.days")}
            help={t("tokens.days_help")}
            value={form.value.days}
            onChange={(v) => form.set("days", v)}
            error={form.error("days")}
          />
          <Problem error={form.problem} />
          <div className="row end">
            <Button onPress={onClose}>{t("form.cancel")}</Button>
            <SubmitButton isBusy={form.isBusy}>{t("tokens.create")}</SubmitButton>
          </div>
        </Form>
      )}
    </Dialog>
  );
}
