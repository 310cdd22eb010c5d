/** Tables of the logs and lists: columns to choose, rows to select, cards on a phone, pages by cursor. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Columns3, type LucideIcon } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button as AriaButton, DialogTrigger, Dialog, Popover } from "react-aria-components";
import { get, type Query } from "../api/client";
import type { Page } from "../api/types";
import { useT } from "../i18n/all";
import { Button, Empty, Note, Skeleton } from "./basic";
import { Problem } from "./form";

export interface Column<T> {
  id: string;
  label: string;
  render: (row: T) => ReactNode;
  numeric?: boolean;
  /** Hidden until chosen. */
  extra?: boolean;
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
}) {
  const t = useT();
  const { columns, rows, rowKey, selection } = props;
  const every = selection !== undefined && rows.length > 0 && rows.every((row) => selection.chosen.has(rowKey(row)));
  const toggle = (key: string, on: boolean) => {
    if (!selection) return;
    const chosen = new Set(selection.chosen);
    if (on) chosen.add(key);
    else chosen.delete(key);
    selection.setChosen(chosen);
  };
  return (
    <div className="table-box" role="region" aria-label={props.label} tabIndex={0}>
      <table className="cards">
        <caption className="sr">{props.label}</caption>
        <thead>
          <tr>
            {selection && (
              <th scope="col" className="pick">
                <input
                  type="checkbox"
                  aria-label={t("table.select_all")}
                  checked={every}
                  onChange={(e) => selection.setChosen(e.target.checked ? new Set(rows.map(rowKey)) : new Set())}
                />
              </th>
            )}
            {columns.map((c) => (
              <th key={c.id} scope="col" className={c.numeric ? "num" : undefined}>
                {c.label}
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
                      onChange={(e) => toggle(key, e.target.checked)}
                    />
                  </td>
                )}
                {columns.map((c) => (
                  <td key={c.id} data-label={c.label} className={c.numeric ? "num" : undefined}>
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
  return (
    <DialogTrigger>
      <AriaButton className="btn small">
        <Columns3 size={15} aria-hidden />
        {t("table.columns")}
      </AriaButton>
      <Popover className="popover">
        <Dialog aria-label={t("table.columns")} style={{ padding: 14, outline: "none" }}>
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
      </Popover>
    </DialogTrigger>
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
        />
      )}
      {paged.isPartial && <Note>{t("table.partial")}</Note>}
      <div className="pager">
        <span className="muted small" role="status">
          {t("table.shown", { count: paged.rows.length })}
        </span>
        {searchOn}
      </div>
    </>
  );
}
