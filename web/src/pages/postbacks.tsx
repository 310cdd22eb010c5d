/** ポストバックログ: every call, its attempts, its next try; resending and giving up, alone or in bulk. */
import { useQuery } from "@tanstack/react-query";
import { Ban, RotateCw, Send } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { get } from "../api/client";
import { useCanEdit, useNames, useRules } from "../api/queries";
import type { PostbackDetail as Detail, PostbackRow } from "../api/types";
import { Badge, Button, Due, LinkButton, PostbackBadge, Skeleton, TestBadge, Time } from "../components/basic";
import { Dialog } from "../components/dialog";
import { useFilters, usePeriod } from "../components/filters";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { useServerSorting } from "../components/sorting";
import { type Column, ColumnPicker, PagedTable, useColumns, usePaged } from "../components/table";
import { useT } from "../i18n/all";
import { AnswerBadge, AttemptLine, RequestView } from "./parts/attempts";
import { DeliveryPaused } from "./parts/delivery-paused";
import { idOrUid } from "./parts/id-or-uid";
import { useCodeText } from "./parts/kinds";
import { Lanes } from "./parts/lanes";
import { BulkBar, CsvButton, FilterSelect, LogFrame, SearchFilter, useConfigOptions } from "./parts/log-frame";
import { BulkDialog, CancelOne, JobProgress, ResendOne, type Work } from "./parts/postback-jobs";

const ANSWERS = ["200", "302", "400", "401", "403", "404", "410", "429", "500", "502", "503", "504"] as const;
const STATES = ["waiting", "delivered", "failed"] as const;

const ORDERS = {
  at: { up: "oldest", down: "newest" },
  attempts: { up: "fewest_attempts", down: "most_attempts" },
};

/** An order number, or the id of an activity or click. */
const wordQuery = (text: string) => {
  const { sid, uid } = idOrUid(text);
  return sid ? { activity: sid } : { uid };
};

export default function Postbacks() {
  const t = useT();
  const names = useNames();
  const options = useConfigOptions();
  const rules = useRules().data ?? [];
  const filters = useFilters();
  const canEdit = useCanEdit();
  const failText = useCodeText("fail");
  const period = usePeriod(filters, "last_7d");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [shownId, setShownId] = useState<string | null>(null);
  const [asked, setAsked] = useState<{ work: Work; of: "chosen" | "filter" } | null>(null);
  const [job, setJob] = useState<{ id: string; work: Work; undo?: readonly string[] } | null>(null);
  const query = {
    state: filters.get("state"),
    partner: filters.get("partner"),
    offer: filters.get("offer"),
    rule: filters.get("rule"),
    answer: filters.get("answer"),
    from_ms: period.from_ms,
    to_ms: period.to_ms,
    ...wordQuery(filters.get("q")),
  };
  const sorting = useServerSorting(filters, ORDERS, "-at");
  const paged = usePaged<PostbackRow>("/postbacks", { ...query, ...sorting.query });
  const columns: Column<PostbackRow>[] = [
    { id: "at", short: true, label: t("pb.at"), order: ORDERS.at, render: (r) => <Time ms={r.created_at_ms} /> },
    {
      id: "state",
      short: true,
      label: t("pb.state"),
      render: (r) => (
        <span className="row">
          <PostbackBadge postback={r} />
          {r.is_test && <TestBadge />}
          {r.looks_at && <Badge tone="plain">{t("postback.look")}</Badge>}
        </span>
      ),
    },
    {
      id: "partner",
      short: true,
      label: t("pb.to"),
      render: (r) => names.partner(r.partner) || <span className="muted">{t("pb.own_server")}</span>,
    },
    {
      id: "url",
      short: true,
      label: "URL",
      render: (r) => (
        <Button variant="quiet" size="small" onPress={() => setShownId(r.id)}>
          <span className="clip mono">{r.request.url}</span>
        </Button>
      ),
    },
    {
      id: "uid",
      short: true,
      label: t("conversion.uid"),
      render: (r) => r.uid1 && <code>{r.uid1}</code>,
    },
    {
      id: "answer",
      short: true,
      label: t("pb.answer"),
      render: (r) => (
        <span className="row">
          {r.last && <AnswerBadge attempt={r.last} />}
          {r.fail_reason && <span className="small">{failText(r.fail_reason)}</span>}
          {r.last?.said && <span className="small clip">{t("attempt.said", { text: r.last.said })}</span>}
        </span>
      ),
    },
    { id: "attempts", label: t("pb.attempts"), numeric: true, order: ORDERS.attempts, render: (r) => r.attempts },
    { id: "next", label: t("pb.next"), render: (r) => (r.due_at_ms ? <Due ms={r.due_at_ms} /> : "") },
    {
      id: "trace",
      short: true,
      label: t("nav.trace"),
      render: (r) => <Link href={`/trace?q=${r.id}`}>{t("pb.trace")}</Link>,
    },
    {
      id: "rule",
      label: t("pb.rule"),
      render: (r) => (r.origin.type === "link" ? r.origin.id : names.rule(r.origin.id)),
      extra: true,
    },
    { id: "lane", label: t("pb.lane"), render: (r) => <code>{r.lane}</code>, extra: true },
    { id: "id", label: "ID", render: (r) => <code>{r.id}</code>, extra: true },
  ];
  const { visible, shown, change } = useColumns("postbacks", columns);
  return (
    <PageFrame title={t("nav.postbacks")} lead={t("postbacks.lead")}>
      <DeliveryPaused />
      <Lanes />
      <LogFrame
        name="postbacks"
        filters={filters}
        period={period.period}
        selects={
          <>
            <FilterSelect
              filters={filters}
              name="state"
              label={t("pb.state")}
              options={[
                options.any,
                ...STATES.map((value) => ({
                  value,
                  label: t(value === "waiting" ? "postback.waiting_all" : `postback.${value}`),
                })),
              ]}
            />
            <FilterSelect filters={filters} name="partner" label={t("link.partner")} options={options.partners} />
            <FilterSelect filters={filters} name="offer" label={t("link.offer")} options={options.offers} />
            <FilterSelect
              filters={filters}
              name="rule"
              label={t("pb.rule")}
              options={[options.any, ...rules.map((r) => ({ value: r.id, label: r.name || r.id }))]}
            />
            <FilterSelect
              filters={filters}
              name="answer"
              label={t("pb.answer")}
              options={[options.any, ...ANSWERS.map((code) => ({ value: code, label: `HTTP ${code}` }))]}
            />
            <SearchFilter filters={filters} hint={t("filter.search_hint")} />
          </>
        }
        tools={
          <>
            <ColumnPicker columns={columns} shown={shown} change={change} />
            <CsvButton path="/postbacks" query={query} />
            {canEdit && (
              <>
                <Button size="small" icon={RotateCw} onPress={() => setAsked({ work: "resend", of: "filter" })}>
                  {t("resend.all")}
                </Button>
                <Button size="small" icon={Ban} onPress={() => setAsked({ work: "cancel", of: "filter" })}>
                  {t("cancel.all")}
                </Button>
              </>
            )}
          </>
        }
      >
        {job && <JobProgress key={job.id} {...job} />}
        <BulkBar count={chosen.size} clear={() => setChosen(new Set())}>
          <Button
            size="small"
            variant="primary"
            icon={RotateCw}
            onPress={() => setAsked({ work: "resend", of: "chosen" })}
          >
            {t("resend.do")}
          </Button>
          <Button size="small" icon={Ban} onPress={() => setAsked({ work: "cancel", of: "chosen" })}>
            {t("cancel.do")}
          </Button>
        </BulkBar>
        <PagedTable
          label={t("nav.postbacks")}
          columns={visible}
          paged={paged}
          sorting={sorting}
          rowKey={(r) => r.id}
          {...(canEdit ? { selection: { chosen, setChosen } } : {})}
          empty={{
            icon: Send,
            title: t("postbacks.empty"),
            text: t("postbacks.empty_text"),
            action: (
              <LinkButton href="/partners" variant="primary">
                {t("postbacks.empty_do")}
              </LinkButton>
            ),
          }}
        />
      </LogFrame>
      <Dialog isOpen={shownId !== null} onClose={() => setShownId(null)} title={t("pb.title")} wide>
        {shownId && <PostbackDetail id={shownId} />}
      </Dialog>
      {asked && (
        <BulkDialog
          work={asked.work}
          count={asked.of === "chosen" ? chosen.size : null}
          body={
            asked.of === "chosen"
              ? { ids: [...chosen] }
              : {
                  filter: Object.fromEntries(
                    Object.entries({
                      ...query,
                      state: asked.work === "cancel" ? "waiting" : query.state || "failed",
                    })
                      .filter(([, v]) => v !== "" && v !== null && v !== undefined)
                      .map(([k, v]) => [k, k === "answer" ? Number(v) : v]),
                  ),
                }
          }
          onClose={() => setAsked(null)}
          onStarted={(started) => {
            setJob({ id: started.id, work: asked.work, ...(asked.of === "chosen" ? { undo: [...chosen] } : {}) });
            setChosen(new Set());
          }}
        />
      )}
    </PageFrame>
  );
}

export function PostbackDetail({ id }: { id: string }) {
  const t = useT();
  const names = useNames();
  const failText = useCodeText("fail");
  const postback = useQuery({ queryKey: ["postbacks", "one", id], queryFn: () => get<Detail>(`/postbacks/${id}`) });
  if (postback.isPending) return <Skeleton />;
  if (postback.isError) return <Problem error={postback.error} />;
  const { postback: p, attempts } = postback.data;
  return (
    <div className="stack">
      <div className="row">
        <PostbackBadge postback={p} />
        {p.looks_at && <Badge tone="plain">{t("postback.look")}</Badge>}
        {p.fail_reason && <span>{failText(p.fail_reason)}</span>}
        {p.due_at_ms && (
          <span>
            {t("pb.next")}: <Time ms={p.due_at_ms} />
          </span>
        )}
        <span className="muted">{p.origin.type === "link" ? p.origin.id : names.rule(p.origin.id)}</span>
        <ResendOne postback={p} />
        {p.state === "waiting" && <CancelOne id={p.id} />}
      </div>
      <RequestView {...p.request} />
      <div className="stack tight">
        {attempts.map((a) => (
          <AttemptLine key={`${a.number}-${a.at_ms}`} attempt={a} />
        ))}
      </div>
      {attempts.length === 0 && <p className="muted">{t("attempt.none")}</p>}
    </div>
  );
}
