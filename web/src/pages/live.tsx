/** Live: click, conversion, postback as they happen, joined by session. */
import { MousePointerClick, Pause, Play, Radio, Trash2 } from "lucide-react";
import { useEffect, useReducer, useRef, useState } from "react";
import { Link } from "wouter";
import { apiUrl } from "../api/client";
import { useNames } from "../api/queries";
import { Amount, Badge, Button, Empty, Note, PostbackBadge, StatusBadge, Time } from "../components/basic";
import { TextField } from "../components/form";
import { systemName, trackerName } from "../components/names";
import { PageFrame } from "../components/page";
import { useT } from "../i18n/all";
import { SessionFlags } from "./clicks";
import { addEvent, type LiveEvent, type LiveStory, storyText } from "./live-model";
import { AnswerBadge } from "./parts/attempts";
import { useCodeText, useKindName } from "./parts/kinds";
import "./parts/live-list.css";

export type StreamState = "connecting" | "open" | "lost";

/**
 * The stream of the server. The browser reconnects by itself and says where it was (`Last-Event-ID`), so a
 * restart of the server leaves no gap; `onGap` tells when the server could not reach back that far.
 */
export function useStream(onEvent: (event: LiveEvent) => void, onGap: () => void): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const handlers = useRef({ onEvent, onGap });
  handlers.current = { onEvent, onGap };
  useEffect(() => {
    let source: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      source = new EventSource(apiUrl("/stream"), { withCredentials: true });
      source.onopen = () => setState("open");
      source.onerror = () => {
        setState("lost");
        // Closed for good, as after an answer that was no stream: begin anew.
        if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 3000);
      };
      for (const type of ["session", "activity", "postback"] as const) {
        source.addEventListener(type, (e: MessageEvent<string>) =>
          handlers.current.onEvent({ type, data: JSON.parse(e.data) } as LiveEvent),
        );
      }
      source.addEventListener("gap", () => handlers.current.onGap());
    };
    open();
    return () => {
      clearTimeout(again);
      source.close();
    };
  }, []);
  return state;
}

interface View {
  stories: LiveStory[];
  held: LiveEvent[];
  isPaused: boolean;
}
type Action = { do: "event"; event: LiveEvent } | { do: "pause" | "resume" | "clear" };

const MOST_HELD = 1000;

function reduce(view: View, action: Action): View {
  switch (action.do) {
    case "event":
      return view.isPaused
        ? { ...view, held: [...view.held, action.event].slice(-MOST_HELD) }
        : { ...view, stories: addEvent(view.stories, action.event) };
    case "pause":
      return { ...view, isPaused: true };
    case "resume":
      return { stories: view.held.reduce(addEvent, view.stories), held: [], isPaused: false };
    case "clear":
      return { ...view, stories: [], held: [] };
  }
}

export default function Live() {
  const t = useT();
  const [view, act] = useReducer(reduce, { stories: [], held: [], isPaused: false });
  const [text, setText] = useState("");
  const [hasGap, setGap] = useState(false);
  const state = useStream(
    (event) => act({ do: "event", event }),
    () => setGap(true),
  );
  const wanted = text.trim().toLowerCase();
  const shown = wanted ? view.stories.filter((s) => storyText(s).includes(wanted)) : view.stories;
  return (
    <PageFrame
      title={t("nav.live")}
      lead={t("live.lead")}
      actions={
        <>
          {state === "open" ? (
            <Badge tone="ok" icon={Radio}>
              {t("live.open")}
            </Badge>
          ) : (
            <Badge tone="warn">{t(state === "lost" ? "live.lost" : "live.connecting")}</Badge>
          )}
          {view.isPaused ? (
            <Button variant="primary" icon={Play} onPress={() => act({ do: "resume" })}>
              {t("live.resume", { count: view.held.length })}
            </Button>
          ) : (
            <Button icon={Pause} onPress={() => act({ do: "pause" })}>
              {t("live.pause")}
            </Button>
          )}
          <Button icon={Trash2} onPress={() => act({ do: "clear" })}>
            {t("live.clear")}
          </Button>
        </>
      }
    >
      <div className="filters">
        <TextField
          label={t("live.filter")}
          type="search"
          value={text}
          onChange={setText}
          placeholder={t("live.filter_hint")}
        />
      </div>
      {hasGap && <Note tone="warn">{t("live.gap")}</Note>}
      {shown.length === 0 ? (
        <div className="table-box">
          <Empty
            icon={Radio}
            title={t("live.empty")}
            action={
              <Link href="/links" className="btn primary">
                {t("clicks.empty_do")}
              </Link>
            }
          >
            {t("live.empty_text")}
          </Empty>
        </div>
      ) : (
        <ul className="live-list" aria-label={t("nav.live")}>
          {shown.map((story) => (
            <StoryRow key={story.key} story={story} />
          ))}
        </ul>
      )}
    </PageFrame>
  );
}

export function StoryRow({ story }: { story: LiveStory }) {
  const t = useT();
  const names = useNames();
  const kindName = useKindName();
  const reasonText = useCodeText("refusal");
  const { session, activities, postbacks } = story;
  return (
    <li>
      <div className="row">
        <Time ms={story.at_ms} mode="time" />
        {session ? (
          <>
            <MousePointerClick size={16} aria-hidden />
            <strong>{kindName(session.kind === "impression" ? "impression" : "click")}</strong>
            <span>{trackerName(session.tracker_name) || session.link}</span>
            <SessionFlags row={session} />
            <span className="muted small">
              {[systemName(session.os_name), session.country.toUpperCase()].filter(Boolean).join(" · ")}
            </span>
          </>
        ) : (
          <span className="muted">{t("live.earlier_click")}</span>
        )}
        <span className="grow" />
        <Link href={`/trace?q=${story.key}`} className="small">
          <code>{story.key}</code>
        </Link>
      </div>
      {activities.map((a) => (
        <div className="row" key={a.id} style={{ paddingLeft: 20 }}>
          <span aria-hidden>↳</span>
          <strong>{names.event(a.offer, a.event) || kindName(a.kind)}</strong>
          {a.verdict === "accepted" ? (
            <StatusBadge status={a.status} />
          ) : (
            <Badge tone={a.verdict === "duplicate" ? "warn" : "bad"}>{reasonText(a.reason)}</Badge>
          )}
          {a.money && <Amount value={a.money} />}
          {a.uids[0] && <code>{a.uids[0]}</code>}
        </div>
      ))}
      {postbacks.map((p) => (
        <div className="row" key={p.id} style={{ paddingLeft: 20 }}>
          <span aria-hidden>↳</span>
          <PostbackBadge postback={p} />
          <span>{names.partner(p.partner) || t("pb.own_server")}</span>
          {p.last && <AnswerBadge attempt={p.last} />}
          <span className="clip mono small muted" style={{ maxWidth: "100%", flex: "1 1 200px" }}>
            {p.request.url}
          </span>
        </div>
      ))}
    </li>
  );
}
