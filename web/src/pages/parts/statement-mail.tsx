/** Sends a closed statement by mail and shows what the mail server said. */
import { useQuery } from "@tanstack/react-query";
import { Mail } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { get, post } from "../../api/client";
import { useCanEdit } from "../../api/queries";
import type { MailSent, Recipients } from "../../api/types";
import { Button, Note, Skeleton } from "../../components/basic";
import { Dialog } from "../../components/dialog";
import { Form, LinesField, Problem, SubmitButton, TextField, useForm } from "../../components/form";
import { useT } from "../../i18n/all";
import { useCodeText } from "./kinds";

export function MailButton({ partner, month }: { partner: string; month: string }) {
  const t = useT();
  const canEdit = useCanEdit();
  const [isOpen, setOpen] = useState(false);
  if (!canEdit) return null;
  return (
    <>
      <Button icon={Mail} onPress={() => setOpen(true)}>
        {t("statement.mail")}
      </Button>
      <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title={t("statement.mail_title")}>
        {isOpen && <MailForm partner={partner} month={month} />}
      </Dialog>
    </>
  );
}

function MailForm({ partner, month }: { partner: string; month: string }) {
  const t = useT();
  const known = useQuery({
    queryKey: ["statements", "recipients", partner],
    queryFn: () => get<Recipients>("/statements/recipients", { partner }),
    gcTime: 0,
  });
  if (known.isPending) return <Skeleton lines={4} />;
  if (known.isError) return <Problem error={known.error} />;
  if (!known.data.is_set_up) {
    return (
      <Note tone="warn">
        {t("statement.mail_server")} <Link href="/settings/alerts">{t("statement.mail_server_go")}</Link>
      </Note>
    );
  }
  return <Letter partner={partner} month={month} to={known.data.to} />;
}

function Letter({ partner, month, to }: { partner: string; month: string; to: string[] }) {
  const t = useT();
  const outcome = useCodeText("alert_outcome");
  const form = useForm({ to, note: "" });
  const [sent, setSent] = useState<MailSent | null>(null);
  const send = () =>
    void form.run(async () => {
      setSent(null);
      setSent(await post<MailSent>("/statements/mail", { partner, month, ...form.value }));
    });
  return (
    <Form onSubmit={send} label={t("statement.mail_title")}>
      <p className="help">{t("statement.mail_help")}</p>
      <LinesField
        label={t("statement.mail_to")}
        value={form.value.to}
        onChange={(v) => form.set("to", v)}
        error={form.error("to", true) ?? form.error("to")}
        placeholder="keiri@media.example.jp"
      />
      <TextField
        label={t("statement.mail_note")}
        value={form.value.note}
        onChange={(v) => form.set("note", v)}
        error={form.error("note")}
      />
      <Problem error={form.problem} />
      {sent && (
        <Note tone={sent.is_ok ? "ok" : "bad"} title={t(sent.is_ok ? "statement.mail_sent" : "statement.mail_failed")}>
          {!sent.is_ok && outcome(sent.code)} <code>{sent.message}</code>
        </Note>
      )}
      <div className="row end">
        <SubmitButton isBusy={form.isBusy}>{t("statement.mail_do")}</SubmitButton>
      </div>
    </Form>
  );
}
