/** Sending postbacks again and giving waiting ones up: one, those chosen, or all that a filter finds. */
import { useQuery } from "@tanstack/react-query";
import { Ban, RotateCw } from "lucide-react";
import { useState } from "react";
import { get, post } from "../../api/client";
import { useCanEdit, useRefresh } from "../../api/queries";
import type { Attempt, Job, PostbackDetail, PostbackLook } from "../../api/types";
import { Button, Note } from "../../components/basic";
import { Confirm, Dialog } from "../../components/dialog";
import { CheckField, Problem, SelectField } from "../../components/form";
import { useJobText } from "../../components/problem";
import { useFormat, useT } from "../../i18n/all";
import { AnswerBadge } from "./attempts";
import { JobRunning } from "./job-running";

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

/** Sends one postback again; what was delivered only after a question. Says what was answered, once it was. */
export function ResendOne({ postback }: { postback: { id: string; state: string; attempts: number } }) {
  const t = useT();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const [isBusy, setBusy] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const [answer, setAnswer] = useState<Attempt | "none" | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  if (!canEdit) return null;
  const resend = async () => {
    await finished(await post<Job>("/postbacks/resend", { ids: [postback.id] }));
    setAnswer((await nextAttempt(postback.id, postback.attempts)) ?? "none");
    await refresh("postbacks", "trace", "queue");
  };
  const start = () => {
    setBusy(true);
    setProblem(null);
    setAnswer(null);
    resend()
      .catch(setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Button
        size="small"
        icon={RotateCw}
        isBusy={isBusy}
        onPress={() => (postback.state === "delivered" ? setAsking(true) : start())}
      >
        {isBusy ? t("resend.busy") : t("resend.do")}
      </Button>
      <span aria-live="polite">
        {answer === "none" && <span className="small">{t("resend.no_answer_yet")}</span>}
        {answer && answer !== "none" && (
          <span className="row one-line small">
            {t("resend.answered")} <AnswerBadge attempt={answer} />
          </span>
        )}
      </span>
      <Confirm
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        onConfirm={start}
        title={t("resend.delivered_title")}
        action={t("resend.do")}
      >
        {t("resend.text")}
      </Confirm>
      <Problem error={problem} />
    </>
  );
}

/** The first attempt after those that there were, if it ends within ten seconds. */
async function nextAttempt(id: string, before: number): Promise<Attempt | null> {
  for (let looks = 0; looks < 40; looks += 1) {
    const { attempts } = await get<PostbackDetail>(`/postbacks/${id}`);
    const latest = attempts.at(-1);
    if (latest && attempts.length > before) return latest;
    await new Promise((done) => setTimeout(done, 250));
  }
  return null;
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
  const [hasDelivered, setDelivered] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const format = useFormat();
  const look = useQuery({
    queryKey: ["look", "postbacks", props.body],
    queryFn: () => post<PostbackLook>("/postbacks/look", props.body),
    gcTime: 0,
  });
  const found = look.data ?? { total: 0, waiting: 0, delivered: 0, failed: 0 };
  const meant = work === "cancel" ? found.waiting : hasDelivered ? found.total : found.total - found.delivered;
  const start = () => {
    setBusy(true);
    const resend = { ...props.body, rendering: how, leave_delivered: !hasDelivered };
    post<Job>(`/postbacks/${work}`, work === "resend" ? resend : props.body).then(
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
        <p role="status">
          {look.isPending
            ? t("bulk.counting")
            : t("bulk.postbacks", {
                total: format.number(found.total),
                failed: format.number(found.failed),
                waiting: format.number(found.waiting),
                delivered: format.number(found.delivered),
              })}
        </p>
        {work === "resend" && found.delivered > 0 && (
          <CheckField
            label={t("bulk.delivered", { count: format.number(found.delivered) })}
            value={hasDelivered}
            onChange={setDelivered}
          />
        )}
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
        <Problem error={problem ?? look.error} />
        <div className="row end">
          <Button onPress={props.onClose}>{t("form.back")}</Button>
          <Button
            variant={work === "cancel" ? "danger" : "primary"}
            isDisabled={meant === 0}
            isBusy={isBusy}
            onPress={start}
          >
            {t(TEXTS[work].do)} {look.data && t("bulk.do_count", { count: meant })}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

export function JobProgress({ id, work, undo }: { id: string; work: Work; undo?: readonly string[] }) {
  const t = useT();
  const jobText = useJobText();
  const refresh = useRefresh();
  const [problem, setProblem] = useState<unknown>(null);
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
  const { total, done, results, state } = job.data;
  const well = work === "resend" ? (results.queued ?? 0) + (results.already_waiting ?? 0) : (results.cancelled ?? 0);
  return (
    <Note tone={state === "done" ? "ok" : state === "failed" ? "bad" : "info"}>
      {state === "done" && total === 0
        ? t(TEXTS[work].nothing)
        : t(TEXTS[work].progress, { done: well, total: total ?? done, failed: done - well })}{" "}
      {jobText(job.data)}
      {state === "done" && work === "cancel" && well > 0 && undo && undo.length > 0 && <UndoCancel ids={undo} />}
      {state === "running" && (
        <JobRunning
          id={id}
          label={t(TEXTS[work].all)}
          done={done}
          total={total}
          onStopped={() => void job.refetch()}
          onProblem={setProblem}
        />
      )}
      <Problem error={problem} />
    </Note>
  );
}

/** What was given up a moment ago waits again. */
function UndoCancel({ ids }: { ids: readonly string[] }) {
  const t = useT();
  const refresh = useRefresh();
  const [problem, setProblem] = useState<unknown>(null);
  const [isDone, setDone] = useState(false);
  const undo = async () => {
    await finished(await post<Job>("/postbacks/resend", { ids, leave_delivered: true }));
    setDone(true);
    await refresh("postbacks", "queue");
  };
  return (
    <>
      <Button size="small" isDisabled={isDone} onPress={() => void undo().catch(setProblem)}>
        {t("cancel.undo")}
      </Button>
      <Problem error={problem} />
    </>
  );
}
