/** Reports: counters by one dimension, in the operator's zone. */
import { useQuery } from "@tanstack/react-query";
import { get } from "./client";
import type { Stats } from "./types";

export const GROUPS = [
  "day",
  "hour",
  "month",
  "link",
  "partner",
  "offer",
  "event",
  "category",
  "offer_group",
  "campaign",
  "country",
  "device",
] as const;
export type Group = (typeof GROUPS)[number];

export interface StatQuery {
  group_by: Group;
  from_ms: number;
  to_ms: number;
  time_zone: string;
  offer?: string;
  partner?: string;
  link?: string;
  /** What is labelled test is counted apart; left out: production. */
  environment?: "sandbox";
  compare?: boolean;
  /** Sums in this currency, by the rates of each day. */
  currency?: string;
}

export const useStats = (query: StatQuery, refetchMs?: number, enabled = true) =>
  useQuery({
    queryKey: ["stats", query],
    queryFn: ({ signal }) => get<Stats>("/stats", { ...query }, signal),
    placeholderData: (old) => old,
    enabled,
    ...(refetchMs ? { refetchInterval: refetchMs } : {}),
  });
