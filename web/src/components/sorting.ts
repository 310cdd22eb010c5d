/** In which order a table stands: kept by the table, or in the address, or told to the server. */
import { useState } from "react";
import type { Money } from "../i18n/all";
import type { Filters } from "./filters";

export type SortKey = string | number | null | undefined;

export interface Sorting {
  /** The column, empty for the order in which the rows come. */
  id: string;
  isDown: boolean;
  set: (id: string, isDown: boolean) => void;
  /** The server looks for the rows of this order. */
  isRemote?: boolean;
}

/** Text as people sort it; numbers in it by their value. */
const collator = new Intl.Collator(["ja", "en"], { numeric: true });

/** The rows in order; those without a value stand last in either direction. */
export function sorted<T>(rows: readonly T[], key: (row: T) => SortKey, isDown: boolean): T[] {
  const isNone = (k: SortKey) => k === null || k === undefined || k === "";
  const keyed = rows.map((row) => ({ row, key: key(row) }));
  keyed.sort(({ key: a }, { key: b }) => {
    if (isNone(a) || isNone(b)) return Number(isNone(a)) - Number(isNone(b));
    const difference = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
    return isDown ? -difference : difference;
  });
  return keyed.map(({ row }) => row);
}

/** The amount of the first currency: sums of several currencies have no other order. */
export const moneyKey = (values: readonly Money[] | Money | null | undefined): SortKey => {
  const first = Array.isArray(values) ? (values as readonly Money[])[0] : (values as Money | null | undefined);
  return first ? Number(first.amount) : null;
};

export function useOwnSorting(id = "", isDown = false): Sorting {
  const [at, setAt] = useState({ id, isDown });
  return { ...at, set: (id, isDown) => setAt({ id, isDown }) };
}

/** The order in the address: `sort=-clicks` is by clicks, highest first. `fallback` is what stands without it. */
export function useAddressSorting(filters: Filters, fallback = ""): Sorting {
  const text = filters.get("sort") || fallback;
  const isDown = text.startsWith("-");
  return {
    id: isDown ? text.slice(1) : text,
    isDown,
    set: (id, isDown) => filters.set({ sort: `${isDown ? "-" : ""}${id}` }),
  };
}

/** The same for a list that the server sorts, with what it is asked for. Without a choice: newest first. */
export function useServerSorting(
  filters: Filters,
  columns: Record<string, { up: string; down: string }>,
  fallback: string,
): Sorting & { query: { order?: string } } {
  const sorting = useAddressSorting(filters, fallback);
  const words = columns[sorting.id];
  const order = words && (sorting.isDown ? words.down : words.up);
  const isRemote = order !== undefined && order !== "newest";
  return { ...sorting, isRemote, query: isRemote ? { order } : {} };
}
