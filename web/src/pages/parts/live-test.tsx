/** A test click, conversion and postback, shown as they happen. */
import { CheckCircle2, Circle, Loader } from "lucide-react";
import { useReducer, useState } from "react";
import { post } from "../../api/client";
import type { Link } from "../../api/types";
import { Button, Card, Note } from "../../components/basic";
import { Problem } from "../../components/form";
import { useT } from "../../i18n/all";
import { StoryRow, useStream } from "../live";
import { addEvent, type LiveEvent, type LiveStory } from "../live-model";

type Stage = "idle" | "running" | "done";

export function LiveTest({ link }: { link: Link }) {
  const t = useT();
  const [stories, add] = useReducer((all: LiveStory[], event: LiveEvent) => addEvent(all, event), []);
  const [sid, setSid] = useState<string | null>(null);
  const [stage, setStage] = useState<Stage>("idle");
  const [problem, setProblem] = useState<unknown>(null);
  useStream(add, () => undefined);
  const story = stories.find((s) => s.key === sid);
  const hasClick = Boolean(story?.session);
  const hasConversion = Boolean(story?.activities.length);
  const delivered = story?.postbacks.filter((p) => p.state === "delivered").length ?? 0;
  const run = async () => {
    setStage("running");
    setProblem(null);
    try {
      const click = await post<{ sid: string }>(`/links/${link.token}/test-click`);
      setSid(click.sid);
      await post(`/links/${link.token}/test-conversion`, { sid: click.sid });
      setStage("done");
    } catch (error) {
      setProblem(error);
      setStage("idle");
    }
  };
  const line = (isDone: boolean, text: string) => (
    <li className="row">
      {isDone ? <CheckCircle2 size={18} color="var(--ok)" aria-hidden /> : stage === "idle" ? <Circle size={18} aria-hidden /> : <Loader size={18} aria-hidden />}
      {text}
    </li>
  );
  return (
    <Card title={t("test.title")} help={t("test.text")}>
      <div className="stack">
        <div>
          <Button variant={stage === "done" ? "plain" : "primary"} onPress={() => void run()} isBusy={stage === "running"}>
            {stage === "done" ? t("test.again") : t("test.run")}
          </Button>
        </div>
        <Problem error={problem} />
        <ul style={{ listStyle: "none", margin: 0, padding: 0 }} className="stack tight" aria-live="polite">
          {line(hasClick, t("test.click"))}
          {line(hasConversion, t("test.conversion"))}
          {line(delivered > 0, t("test.postback"))}
        </ul>
        {story && (
          <ul className="live-list">
            <StoryRow story={story} />
          </ul>
        )}
        {delivered > 0 && <Note tone="ok">{t("test.proven")}</Note>}
        {stage === "done" && hasConversion && story?.postbacks.length === 0 && <Note tone="warn">{t("test.no_postback")}</Note>}
        {story?.postbacks.some((p) => p.last && p.state !== "delivered") && <Note tone="warn">{t("test.not_delivered")}</Note>}
      </div>
    </Card>
  );
}
