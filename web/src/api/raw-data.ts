/** How raw data is handed on. */
import { useQuery } from "@tanstack/react-query";
import { get, post } from "./client";
import { useSeesAll } from "./queries";
import type { RawData, RawDataTest } from "./types";

export const useRawData = () =>
  useQuery({
    enabled: useSeesAll(),
    queryKey: ["raw-data"],
    queryFn: () => get<RawData>("/raw-data"),
    refetchInterval: 15_000,
    retry: false,
  });

/** Sends a batch without rows to the receiver of the stream. */
export const testStream = () => post<RawDataTest>("/raw-data/stream/test");

/** Writes an object to the place of the files, reads and removes it. */
export const testExport = () => post<RawDataTest>("/raw-data/export/test");
