/** Sending postbacks again and giving waiting ones up: one, those chosen, or all that a filter finds. */
import { useQuery } from "@tanstack/react-query";
import { Ban, RotateCw } from "lucide-react";
import { useState } from "react";
import { get, post } from "../../api/client";
import { useCanEdit, useRefresh } from "../../api/queries";
import type { Job } from "../../api/types";
import { Button, Note } from "../../components/basic";
import { Confirm, Dialog } from "../../components/dialog";
import { Problem, SelectField } from "../../components/form";
import { useT } from "../../i18n/all";

export type Work = "resend" | "cancel";

const TEXTS = {
  resend: {
    all: "resend.all",
    all_text: "resend.all_text",
    do: "resend.do",
    nothing: "resend.nothing",
    progress: "resend.progress",
    text: "resend.text",
    title: "resend.title",
  },
  cancel: {
    all: "cancel.all",
    all_text: "cancel.all_text",
    do: "cancel.do",
    nothing: "cancel.nothing",
    progress: "cancel.progress",
    text: "cancel.text",
    title: "cancel.title",
  },
} as const;

export function ResendOne({ id }: { id: string }) {
  const t = useT();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const [state, setState] = useState<"idle" | "busy" | "done">("idle");
  const [problem, setProblem] = useState<unknown>(null);
  if (!canEdit) return null;
  return (
    <>
      <Button
        size="small"
        icon={RotateCw}
        isBusy={state === "busy"}
        onPress={() => {
          setState("busy");
          post<Job>("/postbacks/resend", { ids: [id] }).then(
            () => {
              setState("done");
              // The answer of the receiver follows a moment later.
              setTimeout(() => void refresh("postbacks", "trace"), 1200);
            },
            (error: unknown) => {
              setState("idle");
              setProblem(error);
            },
          );
        }}
      >
        {state === "done" ? t("resend.done_one") : t("resend.do")}
      </Button>
      <Problem error={problem} />
    </>
  );
}

export function CancelOne({ id }: { id: string }) {
  const t = useT();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  if (!canEdit) return null;
  const cancel = async () => {
    await finished(await post<Job>("/postbacks/cancel", { ids: [id] }));
    await refresh("postbacks", "trace", "queue");
  };
  return (
    <>
      <Button size="small" icon={Ban} onPress={() => setAsking(true)}>
        {t("cancel.do")}
      </Button>
      <Confirm
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        onConfirm={() => {
          setProblem(null);
          cancel().catch(setProblem);
        }}
        title={t("cancel.title", { count: 1 })}
        action={t("cancel.do")}
        danger
      >
        {t("cancel.text")}
      </Confirm>
      <Problem error={problem} />
    </>
  );
}

/** Waits for the end of a short job. */
async function finished(job: Job): Promise<Job> {
  let now = job;
  for (let looks = 0; now.state === "running" && looks < 50; looks += 1) {
    await new Promise((done) => setTimeout(done, 100));
    now = await get<Job>(`/jobs/${job.id}`);
  }
  return now;
}

export function BulkDialog(props: {
  work: Work;
  /** How many are chosen; `null`: those that the filter finds. */
  count: number | null;
  body: object;
  onClose: () => void;
  onStarted: (job: Job) => void;
}) {
  const t = useT();
  const { work, count } = props;
  const [how, setHow] = useState("as_it_was");
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const start = () => {
    setBusy(true);
    post<Job>(`/postbacks/${work}`, work === "resend" ? { ...props.body, rendering: how } : props.body).then(
      (job) => {
        props.onStarted(job);
        props.onClose();
      },
      (error: unknown) => {
        setBusy(false);
        setProblem(error);
      },
    );
  };
  return (
    <Dialog
      isOpen
      onClose={props.onClose}
      title={count === null ? t(TEXTS[work].all) : t(TEXTS[work].title, { count })}
      alert={work === "cancel"}
    >
      <div className="stack">
        <p>{count === null ? t(TEXTS[work].all_text) : t(TEXTS[work].text)}</p>
        {work === "resend" && (
          <SelectField
            label={t("resend.how")}
            value={how}
            onChange={setHow}
            options={[
              { value: "as_it_was", label: t("resend.as_it_was") },
              { value: "anew", label: t("resend.anew") },
            ]}
          />
        )}
        <Problem error={problem} />
        <div className="row end">
          <Button onPress={props.onClose}>{t("form.back")}</Button>
          <Button variant={work === "cancel" ? "danger" : "primary"} isBusy={isBusy} onPress={start}>
            {t(TEXTS[work].do)}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

export function JobProgress({ id, work }: { id: string; work: Work }) {
  const t = useT();
  const refresh = useRefresh();
  const job = useQuery({
    queryKey: ["job", id],
    queryFn: async () => {
      const now = await get<Job>(`/jobs/${id}`);
      if (now.state !== "running") void refresh("postbacks", "queue");
      return now;
    },
    refetchInterval: (q) => (q.state.data?.state === "running" ? 700 : false),
  });
  if (job.isError) return <Problem error={job.error} />;
  if (!job.data) return null;
  const { total, done, results, state, message } = job.data;
  const well = work === "resend" ? (results.queued ?? 0) + (results.already_waiting ?? 0) : (results.cancelled ?? 0);
  return (
    <Note tone={state === "done" ? "ok" : state === "failed" ? "bad" : "info"}>
      {state === "done" && total === 0
        ? t(TEXTS[work].nothing)
        : t(TEXTS[work].progress, { done: well, total: total ?? done, failed: done - well })}{" "}
      {message}
      {state === "running" && (
        <progress
          {...(total ? { max: total } : {})}
          value={total ? done : undefined}
          aria-label={t(TEXTS[work].all)}
        />
      )}
    </Note>
  );
}
