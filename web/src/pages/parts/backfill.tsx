/** Sends a saved rule over what came before it: the look with figures first, then the job, which can be stopped. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { ApiError, get, post } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { BackfillLook, Job, Rule } from "../../api/types";
import { Button, Card, Note } from "../../components/basic";
import { DateField } from "../../components/date-field";
import { Confirm } from "../../components/dialog";
import { Problem } from "../../components/form";
import { dayText, parseDay } from "../../components/period";
import { useJobText } from "../../components/problem";
import { useFormat, useT } from "../../i18n/all";
import { JobRunning } from "./job-running";
import { useKindName } from "./kinds";

/** Results of a look or a job in the order in which they are told. */
const RESULTS = [
  "already_sent",
  "not_matching",
  "rejected_since",
  "too_old",
  "no_identifier",
  "no_consent",
  "no_click_id",
  "unrenderable",
  "test",
  "undone",
  "given_up",
] as const;

const DAY_MS = 86_400_000;

/** The job of a rule that was begun in this tab: whoever comes back to the screen sees how far it is, and can stop it. */
function useKeptJob(rule: string) {
  const key = `yamabiko.backfill.${rule}`;
  const [job, setJob] = useState(() => sessionStorage.getItem(key));
  const keep = (id: string | null) => {
    setJob(id);
    if (id) sessionStorage.setItem(key, id);
    else sessionStorage.removeItem(key);
  };
  return [job, keep] as const;
}

export function Backfill({ rule }: { rule: Rule }) {
  const t = useT();
  const format = useFormat();
  const [from, setFrom] = useState(() => dayText(Date.now() - 30 * DAY_MS, format.timeZone));
  const [to, setTo] = useState(() => dayText(Date.now(), format.timeZone));
  const [look, setLook] = useState<BackfillLook | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const [job, setJob] = useKeptJob(rule.id);
  const [problem, setProblem] = useState<unknown>(null);
  const from_ms = parseDay(from, format.timeZone);
  const to_ms = parseDay(to, format.timeZone, 1);
  const isPeriod = from_ms !== null && to_ms !== null && from_ms < to_ms;
  const body = { from_ms, to_ms, updated_at_ms: rule.updated_at_ms };
  const change = (set: (text: string) => void) => (text: string) => {
    set(text);
    setLook(null);
  };
  const run = () => {
    setBusy(true);
    setProblem(null);
    setJob(null);
    post<BackfillLook>(`/rules/${rule.id}/backfill/look`, body)
      .then(setLook, setProblem)
      .finally(() => setBusy(false));
  };
  const start = () => {
    setProblem(null);
    post<Job>(`/rules/${rule.id}/backfill`, body).then((begun) => {
      setJob(begun.id);
      setLook(null);
    }, setProblem);
  };
  const queued = look?.results.queued ?? 0;
  return (
    <>
      <div className="row top">
        <DateField label={t("backfill.from")} value={from} onChange={change(setFrom)} />
        <DateField label={t("backfill.to")} value={to} onChange={change(setTo)} />
      </div>
      <div>
        <Button size="small" isBusy={isBusy} isDisabled={!isPeriod} onPress={run}>
          {t("backfill.look")}
        </Button>
      </div>
      <Problem error={problem} />
      {look && (
        <>
          <Note tone={look.is_too_much ? "warn" : queued > 0 ? "info" : "ok"}>
            {look.is_too_much
              ? t("backfill.too_much")
              : t("backfill.found", {
                  count: queued,
                  requests: format.number(look.requests),
                  all: format.number(look.looked_at),
                })}
          </Note>
          <Results results={look.results} />
          <Samples look={look} />
          {queued > 0 && !look.is_too_much && (
            <div>
              <Button variant="primary" onPress={() => setAsking(true)}>
                {t("backfill.send", { count: look.requests })}
              </Button>
            </div>
          )}
        </>
      )}
      <Confirm
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        onConfirm={start}
        title={t("backfill.ask", { count: look?.requests ?? 0 })}
        action={t("backfill.do")}
      >
        {t("backfill.ask_text")}
      </Confirm>
      {job && <Progress id={job} rule={rule} />}
    </>
  );
}

export function BackfillCard({ rule, isChanged }: { rule: Rule; isChanged: boolean }) {
  const t = useT();
  const first = isChanged ? t("test_send.save_first") : rule.enabled ? null : t("backfill.off");
  return (
    <Card title={t("backfill.title")} help={t("backfill.help")}>
      <div className="stack">{first ? <p className="help">{first}</p> : <Backfill rule={rule} />}</div>
    </Card>
  );
}

function Results({ results }: { results: Record<string, number> }) {
  const t = useT();
  const format = useFormat();
  const shown = RESULTS.filter((code) => (results[code] ?? 0) > 0);
  if (shown.length === 0) return null;
  return (
    <ul className="small">
      {shown.map((code) => (
        <li key={code}>
          {t("form.pair", { name: t(`backfill.result.${code}`), value: format.number(results[code] ?? 0) })}
        </li>
      ))}
    </ul>
  );
}

function Samples({ look }: { look: BackfillLook }) {
  const t = useT();
  const format = useFormat();
  const kindName = useKindName();
  return look.samples.slice(0, 3).map((one) => (
    <div key={one.activity} className="small">
      <Link href={`/trace?q=${one.activity}`}>
        {format.dateTime(one.at_ms)} · {kindName(one.kind)}
        {one.status && ` · ${t(`status.${one.status}`)}`}
      </Link>
      {one.urls.map((url) => (
        <code key={url} className="codebox">
          {url}
        </code>
      ))}
    </div>
  ));
}

function Progress({ id, rule }: { id: string; rule: Rule }) {
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
    refetchInterval: (q) => (q.state.data?.state === "running" || !q.state.data ? 700 : false),
  });
  // A job of before a restart, or of long ago, is known no more.
  if (job.error instanceof ApiError && job.error.status === 404) return null;
  if (job.isError) return <Problem error={job.error} />;
  if (!job.data) return null;
  const { state, total, done, results } = job.data;
  const queued = results.queued ?? 0;
  const tone = { running: "info", done: "ok", failed: "bad", cancelled: "warn" } as const;
  return (
    <div role="status">
      <Note tone={tone[state]}>
        {total === null
          ? t("bulk.counting")
          : state === "running"
            ? t("backfill.doing", { done, total })
            : t(state === "cancelled" ? "backfill.cancelled" : "backfill.done", { count: queued, total })}{" "}
        {jobText(job.data)}
        {state === "running" && (
          <JobRunning
            id={id}
            label={t("backfill.title")}
            done={done}
            total={total}
            onStopped={() => void job.refetch()}
            onProblem={setProblem}
          />
        )}
        {state !== "running" && queued > 0 && <Link href={`/postbacks?rule=${rule.id}`}>{t("backfill.see")}</Link>}
      </Note>
      {state !== "running" && <Results results={results} />}
      <Problem error={problem} />
    </div>
  );
}
