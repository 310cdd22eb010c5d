/** Health of the instance. */
import { useQuery } from "@tanstack/react-query";
import { get } from "./client";
import { useSeesAll } from "./queries";
import type { Archive, Delivery, Lane, Queue, System } from "./types";

export type { Lane, Queue, System };

/** Whether a destination needs somebody's attention. */
export const isUnwell = (lane: Lane): boolean =>
  lane.state === "open" || lane.state === "failing" || lane.state === "paused";

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

/** How the archive off the machine is. */
export const useArchive = () =>
  useQuery({
    enabled: useSeesAll(),
    queryKey: ["archive"],
    queryFn: () => get<Archive>("/archive"),
    refetchInterval: 15_000,
    retry: false,
  });

/** Whether anything is paused or held. */
export const useDelivery = () =>
  useQuery({
    enabled: useSeesAll(),
    queryKey: ["delivery"],
    queryFn: () => get<Delivery>("/delivery"),
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
