/** Decisions about many conversions: the look beforehand, progress, the minute in which nobody was told, taking back. */
import { useQuery } from "@tanstack/react-query";
import { Undo2 } from "lucide-react";
import { useEffect, useState } from "react";
import { get, post } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { ConversionStatus, Deciding, Decision, DecisionRequest, Job, Look, LookLine } from "../../api/types";
import { Amount, Button, Facts, Note, StatusBadge } from "../../components/basic";
import { Confirm, Dialog } from "../../components/dialog";
import { Problem, SelectField, TextField } from "../../components/form";
import { useJobText } from "../../components/problem";
import { type Column, Table } from "../../components/table";
import { useFormat, useT } from "../../i18n/all";
import { useCodeText } from "./kinds";
import { STATUSES } from "./partner-fields";

const CHANGED = ["decisions", "activities", "stats", "payouts", "postbacks", "queue"] as const;

/** What a decision would do: counts, money, postbacks. */
export function LookSummary({ look }: { look: Look }) {
  const t = useT();
  const format = useFormat();
  const sums = (["approved", "rejected", "pending"] as const).filter((status) => look[status].count > 0);
  const money = (values: Look["approved"]["money"]) => values.map(format.money).join(" + ") || format.number(0);
  const told = useCodeText("decide");
  const rest = Object.entries(look.results).filter(([code]) => code !== "changed");
  const changed = look.results.changed ?? 0;
  return (
    <div className="stack tight">
      <Facts
        items={[
          ...sums.map((status): [string, string] => [
            t(`decide.${status}`),
            t("decide.sums", {
              count: format.number(look[status].count),
              money: money(look[status].money),
              payout: money(look[status].payout),
            }),
          ]),
          ...rest.map(([code, count]): [string, string] => [told(code), format.number(count)]),
          ...(look.repeated ? [[t("decide.repeated"), format.number(look.repeated)] as [string, string]] : []),
          ...(look.skipped ? [[t("decide.skipped"), format.number(look.skipped)] as [string, string]] : []),
        ]}
      />
      <p>{changed ? t("decide.postbacks", { count: look.postbacks }) : t("decide.nothing")}</p>
    </div>
  );
}

export function LookLines({ look }: { look: Look }) {
  const t = useT();
  const told = useCodeText("decide");
  const columns: Column<LookLine>[] = [
    { id: "line", label: t("decide.line"), numeric: true, render: (r) => r.line, short: true },
    { id: "order", label: t("conversion.uid"), render: (r) => <code>{r.order ?? r.id}</code>, short: true },
    { id: "result", label: t("decide.result"), render: (r) => told(r.result), short: true },
    { id: "before", label: t("decide.before"), render: (r) => <StatusBadge status={r.before} />, short: true },
    { id: "after", label: t("decide.after"), render: (r) => <StatusBadge status={r.after} />, short: true },
    { id: "money", label: t("stat.revenue"), numeric: true, render: (r) => <Amount value={r.money} />, short: true },
    { id: "payout", label: t("stat.payout"), numeric: true, render: (r) => <Amount value={r.payout} />, short: true },
    { id: "reason", label: t("decide.reason"), render: (r) => r.reason ?? "" },
  ];
  return (
    <Table
      label={t("decide.lines")}
      rows={look.lines}
      rowKey={(r) => `${r.line} ${r.order} ${r.id}`}
      columns={columns}
    />
  );
}

/** Asks about the chosen conversions, or all that a filter finds: status and reason, what it would do, then does it. */
export function DecideDialog(props: {
  request: Pick<DecisionRequest, "ids"> | Pick<DecisionRequest, "filter">;
  title: string;
  text?: string;
  status: ConversionStatus;
  onClose: () => void;
  onStarted: (deciding: Deciding) => void;
}) {
  const t = useT();
  const [status, setStatus] = useState(props.status);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const body = { ...props.request, status, reason: reason || null };
  const look = useQuery({
    queryKey: ["look", props.request, status],
    queryFn: () => post<Look>("/decisions/look", { ...props.request, status }),
    gcTime: 0,
  });
  const changed = look.data?.results.changed ?? 0;
  const start = () => {
    setBusy(true);
    setProblem(null);
    post<Deciding>("/decisions", body).then(
      (deciding) => {
        props.onStarted(deciding);
        props.onClose();
      },
      (error: unknown) => {
        setBusy(false);
        setProblem(error);
      },
    );
  };
  return (
    <Dialog isOpen onClose={props.onClose} title={props.title} wide>
      <div className="stack">
        {props.text && <p>{props.text}</p>}
        <SelectField
          label={t("decide.status")}
          value={status}
          onChange={(value) => setStatus(value as ConversionStatus)}
          options={STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
        />
        {status === "rejected" && (
          <TextField label={t("decide.reason")} help={t("decide.reason_help")} value={reason} onChange={setReason} />
        )}
        <div aria-live="polite">
          {look.isPending && <p className="muted">{t("decide.busy")}</p>}
          {look.data && <LookSummary look={look.data} />}
        </div>
        <Problem error={problem ?? look.error} />
        <div className="row end">
          <Button onPress={props.onClose}>{t("form.cancel")}</Button>
          <Button
            variant={status === "rejected" ? "danger" : "primary"}
            isDisabled={changed === 0}
            isBusy={isBusy}
            onPress={start}
          >
            {t("decide.do", { count: changed })}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

export const useDecisions = () =>
  useQuery({ queryKey: ["decisions"], queryFn: () => get<Decision[]>("/decisions"), staleTime: 5_000 });

/** Seconds that are left, counted down. */
function useSecondsLeft(untilMs: number): number {
  const [now, setNow] = useState(Date.now());
  const left = Math.max(0, Math.ceil((untilMs - now) / 1000));
  const isOver = left === 0;
  useEffect(() => {
    if (isOver) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [isOver]);
  return left;
}

/** What was begun here: its progress, then the countdown with the way back. */
export function DecisionProgress({ deciding }: { deciding: Deciding }) {
  const t = useT();
  const jobText = useJobText();
  const refresh = useRefresh();
  const job = useQuery({
    queryKey: ["job", deciding.job.id],
    queryFn: async () => {
      const now = await get<Job>(`/jobs/${deciding.job.id}`);
      if (now.state !== "running") await refresh(...CHANGED);
      return now;
    },
    refetchInterval: (q) => (q.state.data?.state === "running" || !q.state.data ? 400 : false),
  });
  const decisions = useDecisions();
  if (job.isError) return <Problem error={job.error} />;
  if (!job.data) return null;
  const { state, done, total } = job.data;
  if (state === "running") {
    return (
      <Note tone="info">
        {t("decide.doing", { done, total: total ?? done })}
        <progress {...(total ? { max: total } : {})} value={total ? done : undefined} aria-label={t("decide.title")} />
      </Note>
    );
  }
  const decision = decisions.data?.find((d) => d.id === deciding.decision);
  return (
    <>
      {state === "failed" && <Note tone="bad">{jobText(job.data)}</Note>}
      {decision && <DecisionNote decision={decision} readAt={decisions.dataUpdatedAt} />}
    </>
  );
}

function DecisionNote({ decision, readAt }: { decision: Decision; readAt: number }) {
  const t = useT();
  const left = useSecondsLeft(readAt + decision.quiet_left_ms);
  if (decision.undone_at_ms) {
    return (
      <Note tone="ok">
        {t("decide.undone", {
          restored: decision.restored,
          changed: decision.changed_back,
          since: decision.changed_since,
        })}
      </Note>
    );
  }
  const { approved, rejected, pending } = decision;
  return (
    <Note tone="ok">
      <div className="row">
        <span>
          {t("decide.done", { approved, rejected, pending })}{" "}
          {left > 0 ? t("decide.left", { seconds: left }) : t("decide.told")}
        </span>
        <UndoButton decision={decision} isQuiet={left > 0} />
      </div>
    </Note>
  );
}

export function UndoButton({ decision, isQuiet }: { decision: Decision; isQuiet: boolean }) {
  const t = useT();
  const refresh = useRefresh();
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  if (decision.undone_at_ms) return null;
  const undo = () => {
    setBusy(true);
    setProblem(null);
    post(`/decisions/${decision.id}/undo`)
      .then(() => refresh(...CHANGED), setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <Button size="small" icon={Undo2} isBusy={isBusy} onPress={() => (isQuiet ? undo() : setAsking(true))}>
        {t("decide.undo")}
      </Button>
      <Confirm
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        onConfirm={undo}
        title={t("decide.undo_title")}
        action={t("decide.undo")}
        danger
      >
        {t("decide.undo_text")}
      </Confirm>
      <Problem error={problem} />
    </>
  );
}
