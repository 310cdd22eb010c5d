/** A list of offers, partners, links or rules: what stands in its place while it loads, when it cannot be had, and when
 * there is nothing yet; the search above it. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { useT } from "../i18n/all";
import { Empty, Skeleton } from "./basic";
import type { Filters } from "./filters";
import { Problem, SelectField, TextField } from "./form";
import { folded } from "./search";

/** Whether something is looked for and found in one of its texts. */
export function useSearched(filters: Filters) {
  const wanted = folded(filters.get("q"));
  return (...texts: string[]) => !wanted || folded(texts.join(" ")).includes(wanted);
}

export function Listed<T>(props: {
  query: UseQueryResult<T[], Error>;
  /** Of the empty list, with what it is for and the way to its first entry. */
  icon: LucideIcon;
  title: string;
  text: string;
  add: ReactNode;
  children: ReactNode;
}) {
  const { query } = props;
  if (query.isPending) return <Skeleton />;
  if (query.isError) return <Problem error={query.error} />;
  if (query.data.length > 0) return props.children;
  return (
    <div className="table-box">
      <Empty icon={props.icon} title={props.title} action={props.add}>
        {props.text}
      </Empty>
    </div>
  );
}

export function SearchField({ filters }: { filters: Filters }) {
  const t = useT();
  return (
    <TextField label={t("form.search")} type="search" value={filters.get("q")} onChange={(q) => filters.set({ q })} />
  );
}

/** One of the words that entries are grouped by; absent when none has any. */
export function GroupField(props: { filters: Filters; name: string; label: string; words: string[] }) {
  const t = useT();
  if (props.words.length === 0) return null;
  return (
    <SelectField
      label={props.label}
      value={props.filters.get(props.name)}
      onChange={(value) => props.filters.set({ [props.name]: value })}
      options={[{ value: "", label: t("common.all") }, ...props.words.map((value) => ({ value, label: value }))]}
    />
  );
}
