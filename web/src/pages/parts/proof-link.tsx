/** A link under which anybody can read the redacted story of one trace: make one, copy it, see and revoke those that exist. */
import { useQuery } from "@tanstack/react-query";
import { Share2, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, get, post } from "../../api/client";
import { useRefresh } from "../../api/queries";
import { Button, CopyLine, Note, Skeleton, Time } from "../../components/basic";
import { Dialog } from "../../components/dialog";
import { Form, Problem, SelectField, SubmitButton, useForm } from "../../components/form";
import { useT } from "../../i18n/all";
import { useActor } from "./actor";

interface Proof {
  id: string;
  subject: string;
  created_by: string;
  created_at_ms: number;
  expires_at_ms: number;
  url: string | null;
}

const LIVES = { "1": "proof.hour", "24": "proof.day", "168": "proof.week", "720": "proof.month" } as const;
type Life = keyof typeof LIVES;

export function ProofLink({ subject }: { subject: string }) {
  const t = useT();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button icon={Share2} onPress={() => setOpen(true)}>
        {t("proof.make")}
      </Button>
      {isOpen && <ProofDialog subject={subject} onClose={() => setOpen(false)} />}
    </>
  );
}

function ProofDialog({ subject, onClose }: { subject: string; onClose: () => void }) {
  const t = useT();
  const refresh = useRefresh();
  const form = useForm({ hours: "168" as Life });
  const [made, setMade] = useState<Proof | null>(null);
  const save = () =>
    void form.run(async () => {
      setMade(await post<Proof>("/proofs", { id: subject, hours: Number(form.value.hours) }));
      await refresh("proofs");
    });
  return (
    <Dialog isOpen onClose={onClose} title={t("proof.title")} wide>
      <div className="stack">
        {made?.url ? (
          <>
            <Note tone="ok">
              {t("proof.made")} <Time ms={made.expires_at_ms} />
            </Note>
            <CopyLine text={made.url} />
            <a href={made.url} target="_blank" rel="noreferrer">
              {t("proof.look")}
            </a>
          </>
        ) : (
          <Form onSubmit={save} label={t("proof.title")}>
            <p>{t("proof.shows")}</p>
            <p className="muted">{t("proof.hides")}</p>
            <SelectField
              label={t("proof.life")}
              value={form.value.hours}
              onChange={(v) => form.set("hours", v as Life)}
              options={(Object.keys(LIVES) as Life[]).map((value) => ({ value, label: t(LIVES[value]) }))}
              error={form.error("hours")}
            />
            <Problem error={form.problem} />
            <div className="row">
              <SubmitButton isBusy={form.isBusy}>{t("proof.create")}</SubmitButton>
            </div>
          </Form>
        )}
        <Existing />
        <div className="row end">
          <Button onPress={onClose}>{t("form.close")}</Button>
        </div>
      </div>
    </Dialog>
  );
}

/** Every link that has not expired, of this trace and others. */
function Existing() {
  const t = useT();
  const actor = useActor();
  const refresh = useRefresh();
  const [problem, setProblem] = useState<unknown>(null);
  const proofs = useQuery({ queryKey: ["proofs"], queryFn: () => get<{ items: Proof[] }>("/proofs") });
  if (proofs.isPending) return <Skeleton lines={2} />;
  if (proofs.isError) return <Problem error={proofs.error} />;
  if (proofs.data.items.length === 0) return null;
  return (
    <section aria-label={t("proof.existing")}>
      <h3>{t("proof.existing")}</h3>
      <Problem error={problem} />
      <ul className="stack tight" style={{ listStyle: "none", margin: 0, padding: 0 }}>
        {proofs.data.items.map((p) => (
          <li key={p.id} className="row">
            <code>{p.subject}</code>
            <span className="muted">
              {actor(p.created_by)} · {t("proof.until")} <Time ms={p.expires_at_ms} />
            </span>
            <Button
              size="small"
              icon={Trash2}
              aria-label={`${t("proof.revoke")} ${p.subject}`}
              onPress={() => void del(`/proofs/${p.id}`).then(() => refresh("proofs"), setProblem)}
            >
              {t("proof.revoke")}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
