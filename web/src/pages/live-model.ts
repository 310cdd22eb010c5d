/** Joins the stream of events by session: one story a click, newest first, bounded. Pure, so that it can be tested. */
import type { ActivityRow, PostbackRow, SessionRow } from "../api/types";

export type LiveEvent =
  | { type: "session"; data: SessionRow }
  | { type: "activity"; data: ActivityRow }
  | { type: "postback"; data: PostbackRow };

export interface LiveStory {
  /** Session id, else the id of the activity that has none. */
  key: string;
  at_ms: number;
  session: SessionRow | null;
  activities: ActivityRow[];
  postbacks: PostbackRow[];
}

export const MOST_STORIES = 100;

const put = <T extends { id: string }>(list: readonly T[], item: T): T[] => {
  const at = list.findIndex((x) => x.id === item.id);
  return at < 0 ? [...list, item] : list.map((x, i) => (i === at ? item : x));
};

export function addEvent(stories: readonly LiveStory[], event: LiveEvent): LiveStory[] {
  const key =
    event.type === "session"
      ? event.data.id
      : event.type === "activity"
        ? (event.data.session ?? event.data.id)
        : (stories.find((s) => s.key === event.data.activity || s.activities.some((a) => a.id === event.data.activity))
            ?.key ?? event.data.activity);
  // A postback may be told before its conversion: it waits under the conversion's id, and moves to its click.
  const early = event.type === "activity" && key !== event.data.id && stories.find((s) => s.key === event.data.id);
  const old: LiveStory = stories.find((s) => s.key === key) ?? {
    key,
    at_ms: 0,
    session: null,
    activities: [],
    postbacks: [],
  };
  const next: LiveStory =
    event.type === "session"
      ? { ...old, session: event.data, at_ms: Math.max(old.at_ms, event.data.at_ms) }
      : event.type === "activity"
        ? {
            ...old,
            activities: put(old.activities, event.data),
            postbacks: (early ? early.postbacks : []).reduce(put, old.postbacks),
            at_ms: Math.max(old.at_ms, event.data.at_ms),
          }
        : { ...old, postbacks: put(old.postbacks, event.data), at_ms: Math.max(old.at_ms, event.data.created_at_ms) };
  return [next, ...stories.filter((s) => s.key !== key && s !== early)].slice(0, MOST_STORIES);
}

/** Every text by which somebody would look for a story. */
export function storyText(story: LiveStory): string {
  const s = story.session;
  return [
    story.key,
    ...(s ? [s.link, s.tracker_name, ...s.para, s.offer, s.partner, s.country, s.tuid] : []),
    ...story.activities.flatMap((a) => [a.id, a.kind, a.event, a.reason, ...a.uids]),
    ...story.postbacks.map((p) => p.request.url),
  ]
    .filter(Boolean)
    .join(" ")
    .toLowerCase();
}
