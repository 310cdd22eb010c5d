/** Health of the instance. */
import { useQuery } from "@tanstack/react-query";
import { get } from "./client";
import { useSeesAll } from "./queries";

export interface Lane {
  lane: string;
  state: "healthy" | "new" | "failing" | "open" | "paused";
  waiting: number;
  ready: number;
  in_flight: number;
  concurrency: number;
  failures_in_row: number;
  next_probe_at_ms: number | null;
  paused_until_ms: number | null;
}

export interface Queue {
  lanes: Lane[];
  waiting: number;
  on_wire: number;
  workers: number;
  is_scanning: boolean;
  oldest_due_age_ms: number;
}

/** Whether a destination needs somebody's attention. */
export const isUnwell = (lane: Lane): boolean =>
  lane.state === "open" || lane.state === "failing" || lane.state === "paused";

export interface System {
  version: string;
  health: "ok" | "degraded" | "down";
  checks: { name: string; is_ok: boolean; message: string }[];
  store: {
    state: string;
    failure: string | null;
    rebuilding: string[];
    databases: number;
    durable_seq: number;
    applied_seq: number;
    journal_bytes: number;
    repairs: string[];
  };
  queue: { waiting: number; in_flight: number; oldest_due_age_s: number; open_lanes: number };
  spool: { waiting: number; lost: number };
  disk_free_bytes: number;
  started_at_ms: number;
  now_ms: number;
  data_dir: string;
  source_address: string | null;
  has_geoip: boolean;
  /** Sessions, activities, attempts. */
  retention_days: [number, number, number];
  broken_rules: number;
  last_session_at_ms: number | null;
  client: { ip: string; because: string; origin: string };
}

export const useSystem = () =>
  useQuery({
    // The machine is the business of those who see the whole instance.
    enabled: useSeesAll(),
    queryKey: ["system"],
    queryFn: () => get<System>("/system"),
    staleTime: 5_000,
    refetchInterval: 15_000,
    retry: false,
  });

export const useQueue = () =>
  useQuery({
    enabled: useSeesAll(),
    queryKey: ["queue"],
    queryFn: () => get<Queue>("/postbacks/queue"),
    refetchInterval: 15_000,
    retry: false,
  });
