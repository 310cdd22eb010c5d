/** Tables of the logs and lists: columns to choose, rows to select, cards on a phone, pages by cursor. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, Columns3, type LucideIcon } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { get, type Query } from "../api/client";
import type { Page } from "../api/types";
import { useT } from "../i18n/all";
import { Button, Empty, Note, Skeleton } from "./basic";
import { Dialog } from "./dialog";
import { Problem } from "./form";
import { type Sorting, type SortKey, sorted, useOwnSorting } from "./sorting";
import "./table.css";

export interface Column<T> {
  id: string;
  label: string;
  render: (row: T) => ReactNode;
  numeric?: boolean;
  /** Needs no name beside it: on a phone it stands in one line with its neighbours. */
  short?: boolean;
  /** Hidden until chosen. */
  extra?: boolean;
  /** What the column is sorted by; a column without it cannot be sorted. */
  sort?: (row: T) => SortKey;
  /** For lists that the server sorts: its words for the two directions. */
  order?: { up: string; down: string };
}

export interface Selection {
  chosen: ReadonlySet<string>;
  setChosen: (chosen: ReadonlySet<string>) => void;
}

export function Table<T>(props: {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  selection?: Selection;
  foot?: ReactNode;
  /** Who else keeps the order (the address, the server); the table keeps it itself when left out. */
  sorting?: Sorting;
  /** The rows come in order. */
  isSorted?: boolean;
}) {
  const t = useT();
  const { columns, rowKey, selection } = props;
  const own = useOwnSorting();
  const sorting = props.sorting ?? own;
  const isSortable = (c: Column<T>) => Boolean(props.isSorted ? c.order : c.sort);
  const by = columns.find((c) => c.id === sorting.id && isSortable(c));
  const rows = by?.sort && !props.isSorted ? sorted(props.rows, by.sort, sorting.isDown) : props.rows;
  const every = selection !== undefined && rows.length > 0 && rows.every((row) => selection.chosen.has(rowKey(row)));
  const last = useRef<string | null>(null);
  const isRange = useRef(false);
  const toggle = (key: string, on: boolean) => {
    if (!selection) return;
    const keys = rows.map(rowKey);
    const [from, to] = [keys.indexOf(last.current ?? ""), keys.indexOf(key)];
    // With Shift everything between the row chosen last and this one.
    const meant = isRange.current && from >= 0 ? keys.slice(Math.min(from, to), Math.max(from, to) + 1) : [key];
    const chosen = new Set(selection.chosen);
    for (const one of meant) {
      if (on) chosen.add(one);
      else chosen.delete(one);
    }
    last.current = key;
    selection.setChosen(chosen);
  };
  const selectAll = selection && (
    <input
      type="checkbox"
      aria-label={t("table.select_all")}
      checked={every}
      onChange={(e) => selection.setChosen(e.target.checked ? new Set(rows.map(rowKey)) : new Set())}
    />
  );
  return (
    <div className="table-box" role="region" aria-label={props.label} tabIndex={0}>
      {rows.length > 0 && (selection || columns.some(isSortable)) && (
        <div className="pick-all">
          {selectAll}
          {selection && <span aria-hidden>{t("table.select_all")}</span>}
          {columns.some(isSortable) && (
            <span className="sort-by">
              <select
                aria-label={t("table.sort_by")}
                value={by?.id ?? ""}
                onChange={(e) => sorting.set(e.target.value, sorting.isDown)}
              >
                {!by && <option value="">{t("table.sort_by")}</option>}
                {columns.filter(isSortable).map((c) => (
                  <option key={c.id} value={c.id}>
                    {c.label}
                  </option>
                ))}
              </select>
              {by && (
                <Button
                  size="small"
                  variant="quiet"
                  icon={sorting.isDown ? ArrowDown : ArrowUp}
                  aria-label={t(sorting.isDown ? "table.sorted_down" : "table.sorted_up")}
                  onPress={() => sorting.set(by.id, !sorting.isDown)}
                />
              )}
            </span>
          )}
        </div>
      )}
      <table className="cards">
        <caption className="sr">{props.label}</caption>
        <thead>
          <tr>
            {selection && (
              <th scope="col" className="pick">
                {selectAll}
              </th>
            )}
            {columns.map((c) => (
              <th
                key={c.id}
                scope="col"
                className={c.numeric ? "num" : undefined}
                aria-sort={by?.id === c.id ? (sorting.isDown ? "descending" : "ascending") : undefined}
              >
                {isSortable(c) ? (
                  <button
                    type="button"
                    className="sort only-wide"
                    onClick={() => sorting.set(c.id, by?.id === c.id ? !sorting.isDown : Boolean(c.numeric || c.order))}
                  >
                    {c.label}
                    {by?.id === c.id &&
                      (sorting.isDown ? <ArrowDown size={13} aria-hidden /> : <ArrowUp size={13} aria-hidden />)}
                  </button>
                ) : null}
                {/* On a phone the headings are read only, and a field sorts. */}
                <span className={isSortable(c) ? "only-narrow" : undefined}>{c.label}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = rowKey(row);
            return (
              <tr key={key} aria-selected={selection ? selection.chosen.has(key) : undefined}>
                {selection && (
                  <td className="pick" data-label={t("table.select")}>
                    <input
                      type="checkbox"
                      aria-label={t("table.select_row", { name: key })}
                      checked={selection.chosen.has(key)}
                      onClick={(e) => {
                        isRange.current = e.shiftKey;
                      }}
                      onChange={(e) => toggle(key, e.target.checked)}
                    />
                  </td>
                )}
                {columns.map((c) => (
                  <td
                    key={c.id}
                    data-label={c.label}
                    className={[c.numeric && "num", c.short && "short"].filter(Boolean).join(" ") || undefined}
                  >
                    <div>{c.render(row)}</div>
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
        {props.foot}
      </table>
    </div>
  );
}

/** Which columns are shown; remembered on this device. */
export function useColumns<T>(name: string, columns: readonly Column<T>[]) {
  const key = `yamabiko.columns.${name}`;
  const [shown, setShown] = useState<ReadonlySet<string>>(() => {
    const stored = localStorage.getItem(key);
    return new Set(stored ? stored.split(",") : columns.filter((c) => !c.extra).map((c) => c.id));
  });
  const change = (id: string, on: boolean) => {
    const next = new Set(shown);
    if (on) next.add(id);
    else next.delete(id);
    setShown(next);
    localStorage.setItem(key, [...next].join(","));
  };
  return { visible: columns.filter((c) => shown.has(c.id)), shown, change };
}

export function ColumnPicker<T>(props: {
  columns: readonly Column<T>[];
  shown: ReadonlySet<string>;
  change: (id: string, on: boolean) => void;
}) {
  const t = useT();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button size="small" icon={Columns3} aria-haspopup="dialog" onPress={() => setOpen(true)}>
        {t("table.columns")}
      </Button>
      <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title={t("table.columns")}>
        <div className="stack tight">
          {props.columns.map((c) => (
            <label key={c.id} className="check">
              <input
                type="checkbox"
                checked={props.shown.has(c.id)}
                onChange={(e) => props.change(c.id, e.target.checked)}
              />
              <span>{c.label}</span>
            </label>
          ))}
        </div>
      </Dialog>
    </>
  );
}

/** A list of the server read page by page; `more` fetches the next one. */
export function usePaged<T>(path: string, query: Query, options: { refetchMs?: number; enabled?: boolean } = {}) {
  const result = useInfiniteQuery({
    queryKey: [path.split("/")[1] ?? path, "list", path, query],
    queryFn: ({ pageParam, signal }) => get<Page<T>>(path, { ...query, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled: options.enabled ?? true,
    ...(options.refetchMs ? { refetchInterval: options.refetchMs } : {}),
  });
  const pages = result.data?.pages ?? [];
  return {
    ...result,
    rows: pages.flatMap((p) => p.items),
    isPartial: pages.at(-1)?.is_partial ?? false,
  };
}

export function PagedTable<T>(props: {
  label: string;
  columns: readonly Column<T>[];
  paged: ReturnType<typeof usePaged<T>>;
  rowKey: (row: T) => string;
  selection?: Selection;
  sorting?: Sorting;
  empty: { icon: LucideIcon; title: string; text: string; action?: ReactNode };
}) {
  const t = useT();
  const { paged } = props;
  if (paged.isPending) return <Skeleton lines={8} />;
  if (paged.isError) return <Problem error={paged.error} />;
  const searchOn = paged.hasNextPage && (
    <Button onPress={() => void paged.fetchNextPage()} isBusy={paged.isFetchingNextPage}>
      {paged.isPartial && paged.rows.length === 0 ? t("table.search_on") : t("table.more")}
    </Button>
  );
  if (paged.rows.length === 0 && !paged.hasNextPage) {
    const { icon, title, text, action } = props.empty;
    return (
      <div className="table-box">
        <Empty icon={icon} title={title} action={action}>
          {text}
        </Empty>
      </div>
    );
  }
  return (
    <>
      {paged.rows.length > 0 && (
        <Table
          label={props.label}
          columns={props.columns}
          rows={paged.rows}
          rowKey={props.rowKey}
          {...(props.selection ? { selection: props.selection } : {})}
          {...(props.sorting ? { sorting: props.sorting, isSorted: true } : {})}
        />
      )}
      {paged.isPartial && <Note>{t(props.sorting?.isRemote ? "table.partial_sorted" : "table.partial")}</Note>}
      <div className="pager">
        <span className="muted small" role="status">
          {t("table.shown", { count: paged.rows.length })}
        </span>
        {searchOn}
      </div>
    </>
  );
}
