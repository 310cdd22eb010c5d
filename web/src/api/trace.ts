/** Everything that one click or conversion caused. */
import { useQuery } from "@tanstack/react-query";
import { get } from "./client";
import type { Step, Trace } from "./types";

export type { Step, Trace };

export const useTrace = (q: string) =>
  useQuery({
    queryKey: ["trace", q],
    queryFn: ({ signal }) => get<Trace>("/trace", { q }, signal),
    enabled: q !== "",
    retry: false,
  });
