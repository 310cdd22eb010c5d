/** Users and their roles; viewers can be limited to partners (子アカウント). */
import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, get, post, put } from "../../api/client";
import { useMe, useNames, usePartners, useRefresh } from "../../api/queries";
import type { Page, Role } from "../../api/types";
import { Badge, Button, Card, Skeleton } from "../../components/basic";
import { Confirm, Dialog } from "../../components/dialog";
import { CheckField, Form, Problem, SelectField, SubmitButton, TextField, useForm } from "../../components/form";
import { Table } from "../../components/table";
import { useT } from "../../i18n/all";

interface User {
  id?: string;
  login: string;
  name: string;
  role: Role;
  partners: string[];
  language: string | null;
  is_disabled: boolean;
  password?: string;
  has_totp?: boolean;
  updated_at_ms?: number;
}

const NEW: User = {
  login: "",
  name: "",
  role: "viewer",
  partners: [],
  language: null,
  is_disabled: false,
  password: "",
};

export default function People() {
  const t = useT();
  const names = useNames();
  const me = useMe().data;
  const refresh = useRefresh();
  const users = useQuery({
    queryKey: ["users"],
    queryFn: () => get<Page<User>>("/users", { limit: 200 }).then((p) => p.items),
  });
  const [edited, setEdited] = useState<User | null>(null);
  const [removed, setRemoved] = useState<User | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  if (users.isPending) return <Skeleton />;
  if (users.isError) return <Problem error={users.error} />;
  return (
    <Card
      title={t("settings.users")}
      help={t("users.help")}
      flush
      actions={
        <Button variant="primary" size="small" icon={Plus} onPress={() => setEdited(NEW)}>
          {t("users.add")}
        </Button>
      }
    >
      <Problem error={problem} />
      <Table
        label={t("settings.users")}
        rows={users.data}
        rowKey={(u) => u.id ?? ""}
        columns={[
          { id: "login", label: t("field_name.login"), sort: (u) => u.login, render: (u) => u.login },
          { id: "name", label: t("account.name"), sort: (u) => u.name, render: (u) => u.name },
          { id: "role", label: t("users.role"), sort: (u) => u.role, render: (u) => t(`role.${u.role}`) },
          {
            id: "partners",
            label: t("link.partner"),
            render: (u) =>
              u.partners.length ? u.partners.map((p) => names.partner(p)).join(t("list.separator")) : t("common.all"),
          },
          {
            id: "state",
            label: t("offers.state"),
            render: (u) =>
              u.is_disabled ? (
                <Badge tone="plain">{t("users.disabled")}</Badge>
              ) : (
                <Badge tone="ok">{t("users.enabled")}</Badge>
              ),
          },
          { id: "totp", label: t("totp.short"), render: (u) => t(u.has_totp ? "totp.on" : "totp.off") },
          {
            id: "do",
            label: t("table.tools"),
            render: (u) => (
              <span className="row">
                <Button
                  size="small"
                  icon={Pencil}
                  aria-label={`${t("form.edit")} ${u.login}`}
                  onPress={() => setEdited({ ...u, password: "" })}
                />
                <Button
                  size="small"
                  icon={Trash2}
                  aria-label={`${t("form.delete")} ${u.login}`}
                  isDisabled={u.id === me?.user}
                  onPress={() => setRemoved(u)}
                />
              </span>
            ),
          },
        ]}
      />
      {edited && <UserDialog user={edited} onClose={() => setEdited(null)} />}
      <Confirm
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
        onConfirm={() => void del(`/users/${removed?.id}`).then(() => refresh("users"), setProblem)}
        title={t("form.delete_title", { name: removed?.login ?? "" })}
        action={t("form.delete")}
        danger
      >
        {t("users.delete_text")}
      </Confirm>
    </Card>
  );
}

function UserDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const t = useT();
  const refresh = useRefresh();
  const partners = usePartners().data ?? [];
  const form = useForm(user);
  const u = form.value;
  const isNew = !user.id;
  const save = () =>
    void form.run(async () => {
      const { id, has_totp, password, updated_at_ms, ...rest } = u;
      const body = { ...rest, ...(password ? { password } : {}), ...(updated_at_ms ? { updated_at_ms } : {}) };
      delete (body as { created_at_ms?: number }).created_at_ms;
      if (isNew) await post("/users", body);
      else await put(`/users/${id}`, body);
      await refresh("users");
      onClose();
    });
  return (
    <Dialog isOpen onClose={onClose} title={isNew ? t("users.add") : user.login}>
      <Form onSubmit={save} label={t("settings.users")}>
        <TextField
          label={t("sign_in.login")}
          value={u.login}
          onChange={(v) => form.set("login", v.trim())}
          error={form.error("login")}
          required
        />
        <TextField
          label={t("account.name")}
          value={u.name}
          onChange={(v) => form.set("name", v)}
          error={form.error("name")}
        />
        <TextField
          label={isNew ? t("sign_in.password") : t("account.new_password")}
          type="password"
          autoComplete="new-password"
          value={u.password ?? ""}
          onChange={(v) => form.set("password", v)}
          error={form.error("password")}
          help={isNew ? t("account.password_rule") : t("users.password_keep")}
          required={isNew}
        />
        <SelectField
          label={t("users.role")}
          help={t(`users.${u.role}_help`)}
          value={u.role}
          onChange={(v) => form.set("role", v as Role)}
          options={(["viewer", "editor", "owner"] as const).map((value) => ({ value, label: t(`role.${value}`) }))}
        />
        {u.role === "viewer" && partners.length > 0 && (
          <fieldset>
            <legend>{t("users.limit")}</legend>
            <p className="help">{t("users.limit_help")}</p>
            <div className="chips">
              {partners.map((p) => (
                <label key={p.id} className="chip">
                  <input
                    type="checkbox"
                    checked={u.partners.includes(p.id)}
                    onChange={(e) =>
                      form.set(
                        "partners",
                        e.target.checked ? [...u.partners, p.id] : u.partners.filter((x) => x !== p.id),
                      )
                    }
                  />
                  {p.name}
                </label>
              ))}
            </div>
          </fieldset>
        )}
        {!isNew && (
          <CheckField label={t("users.disable")} value={u.is_disabled} onChange={(v) => form.set("is_disabled", v)} />
        )}
        <Problem error={form.problem} />
        <div className="row end">
          <Button onPress={onClose}>{t("form.cancel")}</Button>
          <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
        </div>
      </Form>
    </Dialog>
  );
}
