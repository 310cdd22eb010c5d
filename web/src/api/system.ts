/** Health of the instance. */
import { useQuery } from "@tanstack/react-query";
import { get } from "./client";
import type { Lane, Queue, System } from "./types";

export type { Lane, Queue, System };

/** Whether a destination needs somebody's attention. */
export const isUnwell = (lane: Lane): boolean =>
  lane.state === "open" || lane.state === "failing" || lane.state === "paused";

export const useSystem = () =>
  useQuery({
    queryKey: ["system"],
    queryFn: () => get<System>("/system"),
    staleTime: 5_000,
    refetchInterval: 15_000,
    retry: false,
  });

export const useQueue = () =>
  useQuery({
    queryKey: ["queue"],
    queryFn: () => get<Queue>("/postbacks/queue"),
    refetchInterval: 15_000,
    retry: false,
  });
