/** A test click, conversion and postback, shown as they happen, against the built-in receiver. */
import { useQuery } from "@tanstack/react-query";
import { CheckCircle2, Circle, Loader } from "lucide-react";
import { useReducer, useState } from "react";
import { del, get, post } from "../../api/client";
import { useRefresh } from "../../api/queries";
import type { EchoList, Link, Rule, SessionRow } from "../../api/types";
import { Button, Card, Note } from "../../components/basic";
import { Problem } from "../../components/form";
import { useT } from "../../i18n/all";
import { StoryRow, useStream } from "../live";
import { addEvent, type LiveEvent, type LiveStory } from "../live-model";
import { newRule, ruleBody } from "./partner-fields";
import "./live-list.css";

type Stage = "idle" | "running" | "done";

/** Waits until the built-in receiver has seen the session, at most five seconds. */
async function arrival(sid: string, after: number): Promise<boolean> {
  for (let tries = 0; tries < 25; tries++) {
    const echo = await get<EchoList>("/test/echo", { after });
    if (echo.items.some((item) => item.target.includes(sid))) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

export function LiveTest({ link }: { link: Link }) {
  const t = useT();
  const refresh = useRefresh();
  const [stories, add] = useReducer((all: LiveStory[], event: LiveEvent) => addEvent(all, event), []);
  const [sid, setSid] = useState<string | null>(null);
  const [stage, setStage] = useState<Stage>("idle");
  const [hasArrived, setArrived] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  useStream(add, () => undefined);
  const story = stories.find((s) => s.key === sid);
  const echo = useQuery({ queryKey: ["echo", sid], queryFn: () => get<EchoList>("/test/echo"), enabled: hasArrived });
  const seen = echo.data?.items.filter((item) => sid !== null && item.target.includes(sid)) ?? [];

  const run = async () => {
    setStage("running");
    setProblem(null);
    setArrived(false);
    let rule: Rule | null = null;
    try {
      const before = await get<EchoList>("/test/echo");
      // A rule of its own for the length of the test, so that no partner has to be ready for it.
      rule = await post<Rule>(
        "/rules",
        ruleBody({
          ...newRule(),
          name: t("test.title"),
          scope: { type: "offer", offer: link.offer },
          kinds: ["event"],
          text: `${before.address}/test?sid={sid}&id=##PARA1##&amount=##AMOUNT##&uid=##CONTENT_UID1##`,
        }),
      );
      const click = await post<SessionRow>("/test/click", {
        link: link.token,
        query: "param1=test-click-id",
        only_rule: rule.id,
      });
      setSid(click.id);
      add({ type: "session", data: click });
      await post("/test/conversion", { sid: click.id, amount: "1000" });
      setArrived(await arrival(click.id, before.items.at(-1)?.number ?? 0));
      setStage("done");
    } catch (error) {
      setProblem(error);
      setStage("idle");
    } finally {
      if (rule) await del(`/rules/${rule.id}`).then(() => refresh("rules"), setProblem);
    }
  };
  const line = (isDone: boolean, text: string) => (
    <li className="row">
      {isDone ? (
        <CheckCircle2 size={18} color="var(--ok)" aria-hidden />
      ) : stage === "idle" ? (
        <Circle size={18} aria-hidden />
      ) : (
        <Loader size={18} aria-hidden />
      )}
      {text}
    </li>
  );
  return (
    <Card title={t("test.title")} help={t("test.text")}>
      <div className="stack">
        <div>
          <Button
            variant={stage === "done" ? "plain" : "primary"}
            onPress={() => void run()}
            isBusy={stage === "running"}
          >
            {stage === "done" ? t("test.again") : t("test.run")}
          </Button>
        </div>
        <Problem error={problem} />
        <ul style={{ listStyle: "none", margin: 0, padding: 0 }} className="stack tight" aria-live="polite">
          {line(sid !== null, t("test.click"))}
          {line(Boolean(story?.activities.length), t("test.conversion"))}
          {line(hasArrived, t("test.postback"))}
        </ul>
        {story && (
          <ul className="live-list">
            <StoryRow story={story} />
          </ul>
        )}
        {seen.map((item) => (
          <code key={item.number} className="codebox">
            <strong>{item.method}</strong> {item.target}
          </code>
        ))}
        {hasArrived && <Note tone="ok">{t("test.proven")}</Note>}
        {stage === "done" && !hasArrived && <Note tone="warn">{t("test.not_delivered")}</Note>}
      </div>
    </Card>
  );
}
