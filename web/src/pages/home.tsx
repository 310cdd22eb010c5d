/** Home: is it working, what needs me, what came in today, who earns. Every number opens the list behind it. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { get } from "../api/client";
import { useErasures } from "../api/erasures";
import { useMe, useSeesAll } from "../api/queries";
import { type StatQuery, useStats } from "../api/stats";
import { isUnwell, type System, useDelivery, useQueue, useSystem } from "../api/system";
import type { Counters, Page, PostbackRow, Stats } from "../api/types";
import { Amounts, Badge, Card, LinkButton, Note, Skeleton } from "../components/basic";
import { splitRunning } from "../components/chart-data";
import { Problem } from "../components/form";
import { lazy } from "../components/lazy";
import { trackerName } from "../components/names";
import { PageFrame } from "../components/page";
import { periodRange } from "../components/period";
import { moneyKey } from "../components/sorting";
import { Table } from "../components/table";
import { type MessageKey, useFormat, useT } from "../i18n/all";
import { NextSteps } from "./parts/next-steps";
import { toMend, useNotes } from "./parts/notes";
import { UnprovenNote } from "./parts/unproven";
import "../components/tiles.css";

const Chart = lazy(() => import("../components/chart"));
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const JUST_NOW_MS = 5_000;

export default function Home() {
  const t = useT();
  const me = useMe().data;
  const week = useWeek();
  const total = useStats({ ...week, group_by: "partner" }, 60_000).data?.total;
  // Test clicks do not count: until a real one has come, there is nothing to look at but much to do.
  const isNew = total !== undefined && total.clicks + total.impressions + total.conversions + total.refused === 0;
  return (
    <PageFrame title={t("nav.home")} lead={<Health />}>
      <div className="stack" style={{ gap: 24 }}>
        {me && !me.is_set_up && me.role === "owner" && (
          <Note tone="info" title={t("home.finish")}>
            <Link href="/setup">{t("home.finish_do")}</Link>
          </Note>
        )}
        <Attention />
        <UnprovenNote />
        {isNew ? (
          <NextSteps />
        ) : (
          <>
            <Today />
            <div className="grid two">
              <Top group="link" query={week} />
              <Top group="partner" query={week} />
            </div>
          </>
        )}
      </div>
    </PageFrame>
  );
}

function Health() {
  const t = useT();
  const format = useFormat();
  const system = useSystem();
  const queue = useQueue().data;
  const seesAll = useSeesAll();
  if (!seesAll) return <>{t("home.limited")}</>;
  if (!system.data) return <>{system.isError ? t("home.health_unknown") : t("common.loading")}</>;
  const unwell = (queue?.lanes ?? []).filter(isUnwell).length;
  const { health, last_session_at_ms } = system.data;
  const last = !last_session_at_ms
    ? t("home.no_click")
    : Date.now() - last_session_at_ms < JUST_NOW_MS
      ? t("home.last_click_now")
      : t("home.last_click", { when: format.relative(last_session_at_ms, Date.now()) });
  if (health === "down") {
    return (
      <span className="row">
        <Badge tone="bad">{t("home.not_well")}</Badge> {last}
      </span>
    );
  }
  return (
    <span className="row">
      {unwell === 0 ? (
        <Badge tone="ok">{t("home.well")}</Badge>
      ) : (
        <Badge tone="warn">{t("home.partners_unwell", { count: unwell })}</Badge>
      )}{" "}
      {last}
    </span>
  );
}

interface Matter {
  tone: "bad" | "warn";
  title: string;
  text: string;
  href: string;
  action: string;
}

function systemMatters(system: System | undefined, t: ReturnType<typeof useT>): Matter[] {
  if (!system) return [];
  const matter = (tone: Matter["tone"], title: string, text: string): Matter => ({
    tone,
    title,
    text,
    href: "/settings/system",
    action: t("settings.system"),
  });
  return [
    ...system.checks.filter((c) => !c.is_ok).map((c) => matter("bad", checkName(c.name, t), checkText(c, t))),
    ...(system.spool.lost > 0
      ? [matter("bad", t("attention.lost", { count: system.spool.lost }), t("attention.lost_text"))]
      : []),
    ...(system.broken_rules > 0
      ? [
          {
            ...matter("bad", t("attention.broken", { count: system.broken_rules }), t("attention.broken_text")),
            href: "/rules",
            action: t("nav.rules"),
          },
        ]
      : []),
  ];
}

/** Name of a readiness check in the operator's language. */
export function checkName(name: string, t: ReturnType<typeof useT>): string {
  const key: string = `check.${name}`;
  return t.has(key) ? t(key as MessageKey) : name;
}

/** What a check that failed means; the server's own words stand on the screen of the system. */
function checkText(check: { name: string; message: string }, t: ReturnType<typeof useT>): string {
  const key: string = `check_bad.${check.name}`;
  return t.has(key) ? t(key as MessageKey) : check.message;
}

const MOST_FAILED = 50;

function Attention() {
  const t = useT();
  const system = useSystem().data;
  const queue = useQueue().data;
  const today = useStats(useToday(), 60_000).data?.total;
  const failed = useFailed();
  const erasures = useErasures().data?.count ?? 0;
  const notes = useNotes({ from_ms: useToday().from_ms });
  const unfilled = notes?.conversions.unfilled ?? 0;
  const toBeMended = notes ? toMend(notes.clicks).reduce((sum, row) => sum + row.count, 0) : 0;
  const delivery = useDelivery().data;
  const held = delivery?.held ?? [];
  const format = useFormat();
  const matters: Matter[] = systemMatters(system, t);
  for (const hold of held) {
    matters.push({
      tone: "bad",
      title: t("attention.held", { name: hold.name || t("attention.own_servers"), why: t(`hold.${hold.cause}`) }),
      text: `${t(`hold.${hold.cause}_text`)} ${hold.detail}`,
      href: hold.partner ? `/partners/${hold.partner}/edit` : "/rules",
      action: t("attention.held_do"),
    });
  }
  for (const waiting of delivery?.held_queues.filter((q) => q.percent >= 50) ?? []) {
    matters.push({
      tone: "bad",
      title: t("attention.held_queue", {
        name: waiting.name || t("attention.own_servers"),
        percent: waiting.percent,
        count: format.number(waiting.postbacks),
      }),
      text: t("attention.held_queue_text"),
      href: "/postbacks?state=waiting",
      action: t("nav.postbacks"),
    });
  }
  if (delivery?.ending) {
    const { postbacks, money, first_at_ms } = delivery.ending;
    const sums = money.map((m) => format.money(m)).join(", ");
    matters.push({
      tone: "bad",
      title: t("attention.ending", { count: postbacks, money: sums && t("attention.ending_money", { sums }) }),
      text: t("attention.ending_text", { when: format.dateTime(first_at_ms) }),
      href: "/postbacks?state=waiting",
      action: t("nav.postbacks"),
    });
  }
  for (const lane of queue?.lanes ?? []) {
    if (isUnwell(lane)) {
      matters.push({
        tone: "warn",
        title: t("attention.lane", { lane: lane.lane, count: lane.waiting }),
        text: t("attention.lane_text"),
        href: "/postbacks?state=waiting",
        action: t("nav.postbacks"),
      });
    }
  }
  if (failed > 0) {
    matters.push({
      tone: "warn",
      title: t("attention.failed", { count: failed >= MOST_FAILED ? `${MOST_FAILED}+` : String(failed) }),
      text: t("attention.failed_text"),
      href: "/postbacks?state=failed&period=last_7d",
      action: t("attention.failed_do"),
    });
  }
  if (today && today.refused > 0) {
    matters.push({
      tone: "warn",
      title: t("attention.refused", { count: today.refused }),
      text: t("attention.refused_text"),
      href: "/refused?period=today",
      action: t("nav.refused"),
    });
  }
  if (unfilled > 0) {
    matters.push({
      tone: "warn",
      title: t("attention.unfilled", { count: unfilled }),
      text: t("attention.unfilled_text"),
      href: "/conversions?period=today",
      action: t("nav.conversions"),
    });
  }
  if (toBeMended > 0) {
    matters.push({
      tone: "warn",
      title: t("attention.clicks_noted", { count: toBeMended }),
      text: t("attention.clicks_noted_text"),
      href: "/clicks?period=today",
      action: t("nav.clicks"),
    });
  }
  if (erasures > 0) {
    matters.push({
      tone: "warn",
      title: t("attention.erasures", { count: erasures }),
      text: t("attention.erasures_text"),
      href: "/erasures",
      action: t("attention.erasures_do"),
    });
  }
  if (matters.length === 0) return null;
  return (
    <Card title={t("attention.title")}>
      <ul className="stack tight" style={{ listStyle: "none", margin: 0, padding: 0 }}>
        {matters.map((m) => (
          <li key={m.title}>
            <Note tone={m.tone} title={m.title}>
              {m.text} <Link href={m.href}>{m.action}</Link>
            </Note>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Postbacks of the last seven days that were given up, counted up to a page of them. */
function useFailed(): number {
  const { timeZone } = useFormat();
  const from = useMemo(() => periodRange("last_7d", Date.now(), timeZone).from, [timeZone]);
  const failed = useQuery({
    queryKey: ["postbacks", "failed", from],
    queryFn: () =>
      get<Page<PostbackRow>>("/postbacks", { state: "failed", from_ms: from, limit: MOST_FAILED, test: false }),
    refetchInterval: 60_000,
  });
  return failed.data?.items.length ?? 0;
}

/** Today's range, kept for a minute so that the query's name stays the same. */
function useToday(): StatQuery {
  const { timeZone } = useFormat();
  const minute = Math.floor(Date.now() / 60_000);
  return useMemo(() => {
    const now = minute * 60_000;
    return {
      group_by: "hour",
      from_ms: periodRange("today", now, timeZone).from ?? 0,
      to_ms: now + 60_000,
      time_zone: timeZone,
    };
  }, [minute, timeZone]);
}

function useYesterdaySoFar(): StatQuery {
  const today = useToday();
  return useMemo(() => ({ ...today, from_ms: today.from_ms - DAY, to_ms: today.to_ms - DAY }), [today]);
}

/** All of yesterday, hour by hour: what today is measured against in the chart. */
function useYesterday(): StatQuery {
  const today = useToday();
  const { from_ms, time_zone } = today;
  return useMemo(
    () => ({ group_by: "hour", from_ms: from_ms - DAY, to_ms: from_ms, time_zone }) as const,
    [time_zone, from_ms],
  );
}

function Change({ now, before }: { now: number; before: number | undefined }) {
  const t = useT();
  const format = useFormat();
  if (before === undefined) return <span className="d">&nbsp;</span>;
  if (before === 0) return <span className="d">{t("home.before", { value: format.number(before) })}</span>;
  // Rounded first: a change that is shown as 0 % is none.
  const change = Math.round(((now - before) / before) * 100) / 100;
  const sign = change > 0 ? "▲" : change < 0 ? "▼" : "";
  return (
    <span className={`d ${change > 0 ? "up" : change < 0 ? "down" : ""}`}>
      {sign} {format.percent(Math.abs(change), 0)}{" "}
      <span className="muted">{t("home.before", { value: format.number(before) })}</span>
    </span>
  );
}

function Today() {
  const t = useT();
  const format = useFormat();
  const query = useToday();
  const today = useStats(query, 30_000);
  const before = useStats(useYesterdaySoFar(), 300_000).data?.total;
  const queue = useQueue().data;
  const failed = useFailed();
  if (today.isError) return <Problem error={today.error} />;
  if (!today.data) return <Skeleton lines={6} />;
  const now = today.data.total;
  const rate = (c: Counters | undefined) => (c && c.clicks > 0 ? c.conversions / c.clicks : null);
  const cr = rate(now);
  return (
    <>
      <section aria-label={t("home.today")}>
        <div className="row between" style={{ marginBottom: 8 }}>
          <h2>{t("home.today")}</h2>
          <span className="muted small">{t("home.compared")}</span>
        </div>
        <div className="tiles">
          <Link className="tile" href="/clicks?period=today">
            <span className="k">{t("stat.clicks")}</span>
            <span className="v">{format.number(now.clicks)}</span>
            <Change now={now.clicks} before={before?.clicks} />
          </Link>
          <Link className="tile" href="/conversions?period=today">
            <span className="k">{t("stat.conversions")}</span>
            <span className="v">{format.number(now.conversions)}</span>
            <Change now={now.conversions} before={before?.conversions} />
          </Link>
          <Link className="tile" href="/reports?period=today">
            <span className="k">{t("stat.cr")}</span>
            <span className="v">{cr === null ? "–" : format.percent(cr, 2)}</span>
            <span className="d">
              {rate(before) === null ? "\u00a0" : t("home.before", { value: format.percent(rate(before) ?? 0, 2) })}
            </span>
          </Link>
          <Link className="tile" href="/reports?period=today">
            <span className="k">{t("stat.revenue")}</span>
            <span className="v">
              <Amounts values={now.revenue} />
            </span>
            <span className="d">
              {t("home.payout")} <Amounts values={now.payout} />
            </span>
          </Link>
          <Link className="tile" href="/conversions?status=pending&period=all">
            <span className="k">{t("stat.pending")}</span>
            <span className="v">{format.number(now.pending)}</span>
            <span className="d">{t("home.pending_today")}</span>
          </Link>
          <Link className="tile" href="/postbacks?state=waiting&period=all">
            <span className="k">{t("home.waiting")}</span>
            <span className="v">{queue ? format.number(queue.waiting) : "–"}</span>
            <span className="d">
              {failed > 0
                ? t("home.failed", { count: failed >= MOST_FAILED ? `${MOST_FAILED}+` : String(failed) })
                : t("home.none_failed")}
            </span>
          </Link>
        </div>
      </section>
      <Card title={t("home.chart")}>
        <HourChart stats={today.data} from={query.from_ms} now={query.to_ms} />
      </Card>
    </>
  );
}

function HourChart({ stats, from, now }: { stats: Stats; from: number; now: number }) {
  const t = useT();
  const yesterday = useStats(useYesterday(), 3_600_000).data;
  const { times, series } = useMemo(() => {
    const hours = Array.from({ length: 24 }, (_, i) => from + i * HOUR);
    const today = new Map(stats.rows.map((r) => [r.at_ms, r]));
    const before = new Map((yesterday?.rows ?? []).map((r) => [(r.at_ms ?? 0) + DAY, r]));
    // What has not come yet is no zero.
    const soFar = (of: "clicks" | "conversions") =>
      splitRunning(
        hours.map((h) => (h < now ? (today.get(h)?.[of] ?? 0) : null)),
        hours.findLastIndex((h) => h < now),
      );
    const [clicks, conversions] = [soFar("clicks"), soFar("conversions")];
    return {
      times: hours,
      series: [
        { label: t("stat.clicks"), color: "--accent" as const, values: clicks.over, isFilled: true },
        {
          label: t("stat.conversions_right"),
          color: "--info" as const,
          values: conversions.over,
          isSecond: true,
        },
        ...(clicks.running
          ? [{ label: t("chart.running"), color: "--accent" as const, values: clicks.running, isRunning: true }]
          : []),
        ...(conversions.running
          ? [{ label: "", color: "--info" as const, values: conversions.running, isSecond: true, isRunning: true }]
          : []),
        {
          label: t("home.clicks_yesterday"),
          color: "--muted" as const,
          values: hours.map((h) => before.get(h)?.clicks ?? 0),
          isDashed: true,
        },
      ],
    };
  }, [stats, yesterday, from, now, t]);
  return (
    <Chart
      times={times}
      series={series}
      label={t("home.chart_label", { clicks: stats.total.clicks, conversions: stats.total.conversions })}
      isHourly
    />
  );
}

/** The last seven days, today included. */
function useWeek(): Omit<StatQuery, "group_by"> {
  const { timeZone } = useFormat();
  return useMemo(() => {
    const { from, to } = periodRange("last_7d", Date.now(), timeZone);
    return { from_ms: from ?? 0, to_ms: to ?? Date.now() + DAY, time_zone: timeZone };
  }, [timeZone]);
}

function Top({ group, query }: { group: "link" | "partner"; query: Omit<StatQuery, "group_by"> }) {
  const t = useT();
  const format = useFormat();
  const stats = useStats({ ...query, group_by: group }, 60_000);
  const rows = [...(stats.data?.rows ?? [])]
    .filter((r) => r.key)
    .sort((a, b) => b.conversions - a.conversions || b.clicks - a.clicks)
    .slice(0, 5);
  return (
    <Card title={t(group === "link" ? "home.top_links" : "home.top_partners")} help={t("link.numbers")} flush>
      {rows.length === 0 ? (
        <div className="empty">
          <p>{t("home.top_empty")}</p>
          <LinkButton href={group === "link" ? "/links/new" : "/partners/new"}>
            {t(group === "link" ? "links.add" : "partners.add")}
          </LinkButton>
        </div>
      ) : (
        <Table
          label={t(group === "link" ? "home.top_links" : "home.top_partners")}
          rows={rows}
          rowKey={(r) => r.key}
          columns={[
            {
              id: "name",
              label: t("links.name"),
              render: (r) => <Link href={`/${group}s/${r.key}`}>{trackerName(r.label)}</Link>,
            },
            {
              id: "clicks",
              label: t("stat.clicks"),
              numeric: true,
              sort: (r) => r.clicks,
              render: (r) => <Link href={`/clicks?${group}=${r.key}&period=last_7d`}>{format.number(r.clicks)}</Link>,
            },
            {
              id: "cv",
              label: t("stat.conversions"),
              numeric: true,
              sort: (r) => r.conversions,
              render: (r) => (
                <Link href={`/conversions?${group}=${r.key}&period=last_7d`}>{format.number(r.conversions)}</Link>
              ),
            },
            {
              id: "rev",
              label: t("stat.revenue"),
              numeric: true,
              sort: (r) => moneyKey(r.revenue),
              render: (r) => <Amounts values={r.revenue} />,
            },
          ]}
        />
      )}
    </Card>
  );
}
