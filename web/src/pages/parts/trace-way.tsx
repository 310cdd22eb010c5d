/** The way from the click to the partner's answer in one glance; where it stopped, why, and what to do. */
import { Check, Clock, FileCheck2, ListChecks, type LucideIcon, MousePointerClick, Reply, Send, X } from "lucide-react";
import type { Step, Trace } from "../../api/trace";
import type { PostbackRow } from "../../api/types";
import { Note, Time } from "../../components/basic";
import { type MessageKey, useFormat, useI18n, useT } from "../../i18n/all";
import { useKindName } from "./kinds";
import "./trace-way.css";

type State = "done" | "open" | "stopped" | "idle";
type Place = "click" | "conversion" | "rules" | "postback" | "answer";

const PLACES: readonly Place[] = ["click", "conversion", "rules", "postback", "answer"];
const ICONS: Record<Place, LucideIcon> = {
  click: MousePointerClick,
  conversion: FileCheck2,
  rules: ListChecks,
  postback: Send,
  answer: Reply,
};
/** Where each step of the server belongs. */
const PLACE_OF: Record<string, Place> = {
  no_conversion: "conversion",
  refused: "conversion",
  no_rule: "rules",
  no_rule_asked: "rules",
  condition_false: "rules",
  no_postback: "postback",
  waiting: "answer",
  failed: "answer",
};
/** What is not over yet. */
const OPEN = ["no_conversion", "waiting"];

interface Station {
  place: Place;
  state: State;
  detail: React.ReactNode;
}

/** Pure: the five places with how far the story has come. */
export function stations(steps: readonly Step[], hasClick: boolean): { place: Place; state: State }[] {
  const stopped = steps.find((s) => !s.is_ok);
  const at = stopped ? PLACES.indexOf(PLACE_OF[stopped.code] ?? "click") : PLACES.length;
  return PLACES.map((place, i) => {
    if (place === "click" && !hasClick) return { place, state: "idle" };
    if (i < at) return { place, state: "done" };
    if (i > at) return { place, state: "idle" };
    return { place, state: stopped && OPEN.includes(stopped.code) ? "open" : "stopped" };
  });
}

export function Way({ trace }: { trace: Trace }) {
  const t = useT();
  const { language } = useI18n();
  const details = useDetails(trace);
  const text = (s: Step) => {
    const key: string = `step.${s.code}`;
    return language === "ja" && t.has(key) ? t(key as MessageKey) : s.message;
  };
  const all: Station[] = stations(trace.steps, trace.session !== null).map((s) => ({ ...s, detail: details[s.place] }));
  const asides = trace.steps.filter((s) => s.code === "automated");
  const stopped = trace.steps.filter((s) => !s.is_ok);
  return (
    <section className="card way-card">
      <h2 className="sr">{t("trace.way")}</h2>
      <ol className="way">
        {all.map(({ place, state, detail }) => {
          const Icon = ICONS[place];
          const Mark = state === "done" ? Check : state === "stopped" ? X : state === "open" ? Clock : null;
          return (
            <li key={place} className={state}>
              <span className="stop" aria-hidden>
                <Icon size={18} />
                {Mark && (
                  <span className="mark">
                    <Mark size={11} strokeWidth={3} />
                  </span>
                )}
              </span>
              <span className="what">
                <strong>{t(`way.${place}`)}</strong>
                <span className="sr">{t(`way_state.${state}`)}</span>
                <span className="small muted">{state === "idle" ? "" : detail}</span>
              </span>
            </li>
          );
        })}
      </ol>
      {[...asides, ...stopped].map((s, i) => (
        <Note
          key={i}
          tone={s.is_ok ? "info" : OPEN.includes(s.code) ? "warn" : "bad"}
          {...(s.is_ok ? {} : { title: t(OPEN.includes(s.code) ? "trace.open" : "trace.stopped") })}
        >
          {text(s)}
        </Note>
      ))}
    </section>
  );
}

/** One short line for each place. */
function useDetails(trace: Trace): Record<Place, React.ReactNode> {
  const t = useT();
  const format = useFormat();
  const kindName = useKindName();
  const activities = trace.activities.map((a) => a.activity);
  const first = activities.find((a) => a.verdict === "accepted") ?? activities[0];
  const rules = activities.flatMap((a) => a.rules);
  const postbacks: PostbackRow[] = [...trace.session_postbacks, ...trace.activities.flatMap((a) => a.postbacks)].map(
    (p) => p.postback,
  );
  const delivered = postbacks.filter((p) => p.state === "delivered");
  const slowest = Math.max(0, ...delivered.map((p) => p.last?.duration_ms ?? 0));
  const next = postbacks.find((p) => p.state === "waiting")?.due_at_ms;
  return {
    click: trace.session && <Time ms={trace.session.at_ms} />,
    conversion: first && (
      <>
        {first.money ? format.money(first.money) : kindName(first.kind)}
        {trace.session && first.at_ms > trace.session.at_ms && (
          <> · {t("trace.after_click", { time: format.duration(first.at_ms - trace.session.at_ms) })}</>
        )}
      </>
    ),
    rules: t("way.rules_detail", { asked: rules.length, held: rules.filter((r) => r.holds).length }),
    postback: t("way.postback_detail", { count: postbacks.length }),
    answer:
      delivered.length < postbacks.length ? (
        <>
          {t("way.answer_some", { done: delivered.length, all: postbacks.length })}
          {next && <> · {t("trace.next_try", { when: format.relative(next, Date.now()) })}</>}
        </>
      ) : (
        t("way.answer_all", { time: format.duration(slowest) })
      ),
  };
}
