/** Erasures of devices that nobody proved, as they wait. */
import { useQuery } from "@tanstack/react-query";
import { get } from "./client";
import { useCanEdit } from "./queries";
import type { ErasureList } from "./types";

/** What waits; nobody but editors may ask. */
export function useErasures() {
  const canEdit = useCanEdit();
  return useQuery({
    queryKey: ["erasures"],
    queryFn: () => get<ErasureList>("/erasures"),
    enabled: canEdit,
    refetchInterval: 60_000,
  });
}
