import { describe, expect, it } from "vitest";
import type { ActivityRow, PostbackRow, SessionRow } from "../api/types";
import { addEvent, type LiveEvent, type LiveStory, MOST_STORIES, storyText } from "./live-model";

const session = (id: string, at_ms = 1) => ({ id, at_ms, tracker_name: "net", para: ["clk"], link: "l" }) as SessionRow;
const activity = (id: string, of: string | null) =>
  ({ id, session: of, at_ms: 2, uids: ["ORDER-1"], kind: "event" }) as ActivityRow;
const postback = (id: string, of: string, state: PostbackRow["state"]) =>
  ({ id, activity: of, state, created_at_ms: 3, request: { url: "https://p.example/" } }) as PostbackRow;
const play = (events: LiveEvent[]) => events.reduce<LiveStory[]>(addEvent, []);

describe("the live view", () => {
  it("joins click, conversion and postback by session", () => {
    const stories = play([
      { type: "session", data: session("s1") },
      { type: "session", data: session("s2") },
      { type: "activity", data: activity("a1", "s1") },
      { type: "postback", data: postback("p1", "a1", "waiting") },
      { type: "postback", data: postback("p1", "a1", "delivered") },
    ]);
    expect(stories.map((s) => s.key)).toEqual(["s1", "s2"]);
    expect(stories[0]?.postbacks.map((p) => p.state)).toEqual(["delivered"]);
  });

  it("joins the postback of a click, and keeps what has no session", () => {
    const stories = play([
      { type: "session", data: session("s1") },
      { type: "postback", data: postback("p1", "s1", "delivered") },
      { type: "activity", data: activity("a9", null) },
      { type: "postback", data: postback("p9", "unknown", "failed") },
    ]);
    expect(stories.map((s) => s.key)).toEqual(["unknown", "a9", "s1"]);
    expect(stories[2]?.postbacks).toHaveLength(1);
  });

  it("joins a postback that is told before its conversion", () => {
    const stories = play([
      { type: "postback", data: postback("p1", "a1", "waiting") },
      { type: "activity", data: activity("a1", "s1") },
      { type: "postback", data: postback("p1", "a1", "delivered") },
    ]);
    expect(stories.map((s) => s.key)).toEqual(["s1"]);
    expect(stories[0]?.postbacks.map((p) => p.state)).toEqual(["delivered"]);
  });

  it("is bounded", () => {
    const stories = play(
      Array.from({ length: MOST_STORIES + 50 }, (_, i) => ({ type: "session", data: session(`s${i}`) })),
    );
    expect(stories).toHaveLength(MOST_STORIES);
    expect(stories[0]?.key).toBe(`s${MOST_STORIES + 49}`);
  });

  it("finds a story by order number, click id or URL", () => {
    const [story] = play([
      { type: "session", data: session("s1") },
      { type: "activity", data: activity("a1", "s1") },
    ]);
    expect(story && storyText(story)).toContain("order-1");
  });
});
