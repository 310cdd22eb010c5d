/** Trace: the whole story of one click or conversion, in the order of time. */
import { Activity, CircleSlash, FileCheck2, MousePointerClick, RotateCw, Send, Trophy } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { useCanEdit, useNames } from "../api/queries";
import { type Trace, useTrace } from "../api/trace";
import type { ActivityRow, PostbackDetail, RuleOutcome, SessionRow } from "../api/types";
import {
  Amount,
  Badge,
  Button,
  CopyButton,
  Empty,
  Facts,
  Note,
  PostbackBadge,
  Skeleton,
  StatusBadge,
  TestBadge,
  Time,
} from "../components/basic";
import { useFilters } from "../components/filters";
import { Form, Problem, TextField } from "../components/form";
import { systemName, trackerName } from "../components/names";
import { PageFrame } from "../components/page";
import { Table } from "../components/table";
import { useFormat, useT } from "../i18n/all";
import { SessionFlags } from "./clicks";
import { AttemptLine, RequestView } from "./parts/attempts";
import { useCodeText, useKindName } from "./parts/kinds";
import { OddityList } from "./parts/notes";
import { CancelOne, ResendOne } from "./parts/postback-jobs";
import { ProofLink } from "./parts/proof-link";
import { Way } from "./parts/trace-way";
import { Reason } from "./refused";
import "./trace.css";

export default function TracePage() {
  const t = useT();
  const filters = useFilters();
  const q = filters.get("q");
  const [text, setText] = useState(q);
  const trace = useTrace(q);
  const canEdit = useCanEdit();
  const subject = q ? (trace.data?.session?.id ?? trace.data?.activities[0]?.activity.id) : undefined;
  return (
    <PageFrame
      title={t("nav.trace")}
      lead={t("trace.lead")}
      actions={
        q && (
          <>
            {canEdit && subject && <ProofLink subject={subject} />}
            <Button icon={RotateCw} onPress={() => void trace.refetch()}>
              {t("trace.reload")}
            </Button>
          </>
        )
      }
    >
      <Form
        key={q}
        forEveryone
        className="inline-form"
        onSubmit={() => filters.set({ q: text.trim() })}
        label={t("nav.trace")}
      >
        <div style={{ flex: "1 1 320px" }}>
          <TextField
            label={t("trace.field")}
            type="search"
            value={text}
            onChange={setText}
            mono
            placeholder={t("palette.hint")}
          />
        </div>
        <button type="submit" className="btn primary">
          {t("trace.find")}
        </button>
      </Form>
      <div style={{ height: 20 }} />
      {!q ? (
        <div className="table-box">
          <Empty icon={Activity} title={t("trace.empty")}>
            {t("trace.empty_text")}
          </Empty>
        </div>
      ) : trace.isPending ? (
        <Skeleton lines={8} />
      ) : trace.isError ? (
        <Problem error={trace.error} />
      ) : (
        <Story trace={trace.data} q={q} />
      )}
    </PageFrame>
  );
}

function Story({ trace, q }: { trace: Trace; q: string }) {
  const t = useT();
  const kindName = useKindName();
  const { session, activities } = trace;
  if (trace.found_by === null) {
    return (
      <Note tone="warn" title={t("trace.nothing", { text: q })}>
        {t("trace.nothing_text")} {trace.is_partial && t("trace.partial")}
      </Note>
    );
  }
  return (
    <div className="stack">
      <Way trace={trace} />
      {trace.is_partial && <Note>{t("trace.partial")}</Note>}
      <ol className="timeline">
        {session && (
          <Step
            icon={<MousePointerClick size={12} />}
            at={session.at_ms}
            title={session.kind === "impression" ? kindName("impression") : kindName("click")}
          >
            <SessionStory session={session} />
            <RuleOutcomes rules={trace.session_rules} postbacks={trace.session_postbacks} />
            <PostbackList postbacks={trace.session_postbacks} />
          </Step>
        )}
        {activities.map(({ activity: a, postbacks }) => (
          <Step
            key={a.id}
            icon={a.verdict === "accepted" ? <FileCheck2 size={12} /> : <CircleSlash size={12} />}
            at={a.at_ms}
            since={session?.at_ms}
            title={kindName(a.kind)}
          >
            <ActivityStory activity={a} postbacks={postbacks} />
            <PostbackList postbacks={postbacks} />
          </Step>
        ))}
      </ol>
    </div>
  );
}

function Step(props: {
  icon: ReactNode;
  at: number;
  since?: number | undefined;
  title: ReactNode;
  children: ReactNode;
}) {
  const t = useT();
  const format = useFormat();
  const { icon, at, since, title, children } = props;
  return (
    <li>
      <span className="dot" aria-hidden>
        {icon}
      </span>
      <div className="row" style={{ marginBottom: 8 }}>
        <h2>{title}</h2>
        <span className="muted">
          <Time ms={at} />
        </span>
        {since !== undefined && at > since && (
          <span className="muted">· {t("trace.after_click", { time: format.duration(at - since) })}</span>
        )}
      </div>
      <div className="card stack">{children}</div>
    </li>
  );
}

const pairs = (list: readonly [string, string][]) =>
  list.length ? <code className="codebox">{list.map(([k, v]) => `${k} = ${v}`).join("\n")}</code> : "";

function SessionStory({ session: s }: { session: SessionRow }) {
  const t = useT();
  const names = useNames();
  return (
    <>
      <SessionFlags row={s} />
      <OddityList notes={s.notes} />
      <Facts
        items={[
          [
            t("click.sid"),
            <span key="s" className="row">
              <code>{s.id}</code>
              <CopyButton text={s.id} variant="quiet" />
            </span>,
          ],
          [
            t("link.one"),
            <Link key="l" href={`/links/${s.link}`}>
              {trackerName(s.tracker_name) || s.link}
            </Link>,
          ],
          [t("link.offer"), names.offer(s.offer)],
          [t("link.partner"), names.partner(s.partner)],
          [
            "PARA1–5",
            s.para.some(Boolean) ? (
              <code key="p">
                {s.para
                  .map((v, i) => (v ? `PARA${i + 1}=${v}` : ""))
                  .filter(Boolean)
                  .join("  ")}
              </code>
            ) : (
              ""
            ),
          ],
          [
            t("click.device"),
            [systemName(s.os_name, s.os_version), s.browser, s.device_name, s.country.toUpperCase()]
              .filter(Boolean)
              .join(" / "),
          ],
          [t("link.destination"), <code key="d">{s.destination}</code>],
        ]}
      />
      <details>
        <summary>{t("trace.details")}</summary>
        <Facts
          items={[
            ["TUID", <code key="t">{s.tuid}</code>],
            ["IP", <code key="i">{s.ip}</code>],
            [t("click.user_agent"), s.user_agent],
            [t("click.referer"), s.referer],
            [t("click.label"), s.label],
            [t("click.parameters"), pairs(s.parameters)],
          ]}
        />
      </details>
    </>
  );
}

function ActivityStory({ activity: a, postbacks }: { activity: ActivityRow; postbacks: readonly PostbackDetail[] }) {
  const t = useT();
  const names = useNames();
  const matchText = useCodeText("match");
  const lostText = useCodeText("lost");
  return (
    <>
      <div className="row">
        {a.verdict === "accepted" ? <Badge tone="ok">{t("verdict.accepted")}</Badge> : null}
        {a.status && <StatusBadge status={a.status} />}
        {a.is_test && <TestBadge />}
      </div>
      {a.verdict !== "accepted" && <Reason row={a} />}
      <OddityList notes={a.notes} />
      <Facts
        items={[
          [t("conversion.event"), names.event(a.offer, a.event)],
          [t("stat.revenue"), <Amount key="m" value={a.money} />],
          [t("stat.payout"), <Amount key="p" value={a.payout} />],
          [t("conversion.uid"), <code key="u">{a.uids.join(", ")}</code>],
          [t("conversion.match"), matchText(a.match_type)],
          [t("trace.identifiers"), a.identity.kinds.map((kind) => t(`identity_kind.${kind}`)).join(" / ")],
          [t("identity.ad_user_data"), a.identity.ad_user_data && t(`consent.${a.identity.ad_user_data}`)],
          [
            t("identity.ad_personalization"),
            a.identity.ad_personalization && t(`consent.${a.identity.ad_personalization}`),
          ],
          ["ID", <code key="i">{a.id}</code>],
        ]}
      />
      {(a.candidates.length > 1 || a.candidates.some((c) => !c.is_winner)) && (
        <div className="stack tight">
          <h3>{t("trace.candidates")}</h3>
          <Table
            label={t("trace.candidates")}
            rows={a.candidates}
            rowKey={(c) => c.session}
            columns={[
              {
                id: "s",
                label: t("click.sid"),
                render: (c) => (
                  <Link href={`/trace?q=${c.session}`}>
                    <code>{c.session}</code>
                  </Link>
                ),
              },
              { id: "m", label: t("conversion.match"), render: (c) => matchText(c.matched_by) },
              {
                id: "r",
                label: t("trace.result"),
                render: (c) =>
                  c.is_winner ? (
                    <Badge tone="ok" icon={Trophy}>
                      {t("trace.winner")}
                    </Badge>
                  ) : (
                    lostText(c.lost_because)
                  ),
              },
            ]}
          />
        </div>
      )}
      <RuleOutcomes rules={a.rules} postbacks={postbacks} />
      {a.history.length > 1 && (
        <div className="stack tight">
          <h3>{t("trace.history")}</h3>
          <ul style={{ margin: 0, paddingLeft: "1.2em" }}>
            {a.history.map((h) => (
              <li key={h.at_ms + h.status}>
                <Time ms={h.at_ms} /> {t(`status.${h.status}`)}{" "}
                <span className="muted">({t.has(`by.${h.by}`) ? t(`by.${h.by}` as "by.automatic") : h.by})</span>
              </li>
            ))}
          </ul>
        </div>
      )}
      {(a.custom.length > 0 || a.fields.length > 0 || a.user_agent) && (
        <details>
          <summary>{t("trace.details")}</summary>
          <Facts
            items={[
              [t("trace.custom"), pairs(a.custom)],
              [t("trace.fields"), pairs(a.fields)],
              ["IP", <code key="i">{a.ip}</code>],
              [t("click.user_agent"), a.user_agent],
              ["TUID", <code key="t">{a.tuid}</code>],
            ]}
          />
        </details>
      )}
    </>
  );
}

function RuleOutcomes({ rules, postbacks }: { rules: readonly RuleOutcome[]; postbacks: readonly PostbackDetail[] }) {
  const t = useT();
  const names = useNames();
  const skippedText = useCodeText("skipped");
  if (rules.length === 0) return null;
  return (
    <div className="stack tight">
      <h3>{t("trace.rules")}</h3>
      <Table
        label={t("trace.rules")}
        rows={rules.map((r, i) => ({ ...r, i }))}
        rowKey={(r) => String(r.i)}
        columns={[
          {
            id: "n",
            label: t("pb.rule"),
            render: (r) =>
              r.origin.type === "link" ? (
                <code>{r.origin.id}</code>
              ) : (
                <Link href={`/rules/${r.origin.id}`}>{names.rule(r.origin.id)}</Link>
              ),
          },
          {
            id: "c",
            label: t("trace.condition"),
            render: (r) =>
              r.condition ? <code>{r.condition}</code> : <span className="muted">{t("trace.no_condition")}</span>,
          },
          {
            id: "h",
            label: t("trace.result"),
            render: (r) =>
              r.holds ? (
                <Badge tone="ok">{t("condition.true")}</Badge>
              ) : (
                <Badge tone="plain">{t("condition.false")}</Badge>
              ),
          },
          {
            id: "p",
            label: t("nav.postbacks"),
            render: (r) => {
              const sent = postbacks.find((p) => p.postback.id === r.postback)?.postback;
              return sent ? <PostbackBadge postback={sent} /> : skippedText(r.skipped);
            },
          },
        ]}
      />
    </div>
  );
}

function PostbackList({ postbacks }: { postbacks: readonly PostbackDetail[] }) {
  const t = useT();
  const names = useNames();
  const format = useFormat();
  const failText = useCodeText("fail");
  return (
    <>
      {postbacks.map(({ postback: p, attempts }) => (
        <section key={p.id} className="exchange" aria-label={`${t("nav.postbacks")} ${p.id}`}>
          <div className="row between">
            <div className="row">
              <Send size={16} aria-hidden />
              <strong>{names.partner(p.partner) || t("pb.own_server")}</strong>
              <PostbackBadge postback={p} />
              {p.looks_at && <Badge tone="plain">{t("postback.look")}</Badge>}
              {p.fail_reason && <span className="small">{failText(p.fail_reason)}</span>}
              {p.state === "waiting" && p.due_at_ms && (
                <span className="small">{t("trace.next_try", { when: format.relative(p.due_at_ms, Date.now()) })}</span>
              )}
            </div>
            <div className="row">
              <ResendOne postback={p} />
              {p.state === "waiting" && <CancelOne id={p.id} />}
            </div>
          </div>
          <RequestView {...p.request} />
          {(attempts.length ? attempts : p.last ? [p.last] : []).map((a) => (
            <AttemptLine key={`${a.number}-${a.at_ms}`} attempt={a} />
          ))}
        </section>
      ))}
    </>
  );
}
