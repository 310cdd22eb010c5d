/** Everything that one click or conversion caused. */
import { useQuery } from "@tanstack/react-query";
import { get } from "./client";
import type { ActivityRow, PostbackDetail, RuleOutcome, SessionRow } from "./types";

export interface Step {
  code: string;
  is_ok: boolean;
  message: string;
}

export interface Trace {
  found_by: "session" | "activity" | "postback" | "order_number" | "click_value" | "device" | null;
  session: SessionRow | null;
  session_rules: RuleOutcome[];
  session_postbacks: PostbackDetail[];
  activities: { activity: ActivityRow; postbacks: PostbackDetail[] }[];
  /** The way from the click to the answer, up to the first step that stopped it. */
  steps: Step[];
  stopped_at: string | null;
  /** The search looked at the newest records only. */
  is_partial: boolean;
}

export const useTrace = (q: string) =>
  useQuery({
    queryKey: ["trace", q],
    queryFn: ({ signal }) => get<Trace>("/trace", { q }, signal),
    enabled: q !== "",
    retry: false,
  });
