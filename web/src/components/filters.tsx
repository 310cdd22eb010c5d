/** Filters that live in the address: a filtered list can be bookmarked and sent to a colleague. */
import { Bookmark, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { useFormat, useT } from "../i18n/all";
import { Button } from "./basic";
import { DateField } from "./date-field";
import { SelectField } from "./form";
import { PERIODS, type Period, parseDay, periodRange } from "./period";
import "./filters.css";

export function useFilters() {
  const [params, setParams] = useSearchParams();
  return {
    params,
    get: (name: string) => params.get(name) ?? "",
    set: (changes: Record<string, string | null>) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          for (const [name, value] of Object.entries(changes)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace: true },
      ),
  };
}

export type Filters = ReturnType<typeof useFilters>;

/** The chosen period as the API wants it. The range is kept stable while the choice is. */
export function usePeriod(filters: Filters, fallback: Period) {
  const { timeZone } = useFormat();
  const period = filters.get("period") || (filters.get("from") || filters.get("to") ? "custom" : fallback);
  const from = filters.get("from");
  const to = filters.get("to");
  return useMemo(() => {
    if (period === "custom") return { period, from_ms: parseDay(from, timeZone), to_ms: parseDay(to, timeZone, 1) };
    const range = periodRange(
      (PERIODS as readonly string[]).includes(period) ? (period as Period) : fallback,
      Date.now(),
      timeZone,
    );
    return { period, from_ms: range.from, to_ms: range.to };
  }, [period, from, to, timeZone, fallback]);
}

export function PeriodButtons({ filters, current, noAll }: { filters: Filters; current: string; noAll?: boolean }) {
  const t = useT();
  const choices = PERIODS.filter((p) => !(noAll && p === "all"));
  return (
    <div className="stack tight">
      <div className="only-narrow">
        <SelectField
          label={t("filter.period")}
          value={current}
          onChange={(period) => filters.set(period === "custom" ? { period } : { period, from: null, to: null })}
          options={[...choices, "custom" as const].map((value) => ({ value, label: t(`period.${value}`) }))}
        />
      </div>
      <div className="seg only-wide" role="group" aria-label={t("filter.period")}>
        {choices.map((p) => (
          <Button
            key={p}
            size="small"
            aria-pressed={current === p}
            onPress={() => filters.set({ period: p, from: null, to: null })}
          >
            {t(`period.${p}`)}
          </Button>
        ))}
        <Button size="small" aria-pressed={current === "custom"} onPress={() => filters.set({ period: "custom" })}>
          {t("period.custom")}
        </Button>
      </div>
      {current === "custom" && (
        <div className="inline-form">
          <DateField
            label={t("filter.from")}
            value={filters.get("from")}
            onChange={(v) => filters.set({ from: v, period: "custom" })}
          />
          <DateField
            label={t("filter.to")}
            value={filters.get("to")}
            onChange={(v) => filters.set({ to: v, period: "custom" })}
          />
        </div>
      )}
    </div>
  );
}

interface View {
  name: string;
  search: string;
}

/** Named sets of filters, kept on this device. */
export function SavedViews({ name, filters }: { name: string; filters: Filters }) {
  const t = useT();
  const key = `yamabiko.views.${name}`;
  const [views, setViews] = useState<View[]>(() => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "[]") as View[];
    } catch {
      return [];
    }
  });
  const [draft, setDraft] = useState<string | null>(null);
  const store = (next: View[]) => {
    setViews(next);
    localStorage.setItem(key, JSON.stringify(next));
  };
  const search = filters.params.toString();
  return (
    <div className="row" style={{ marginBottom: 12 }}>
      {views.map((v) => (
        <span key={v.name} className="seg">
          <Button
            size="small"
            aria-pressed={v.search === search}
            onPress={() => {
              const wanted = new URLSearchParams(v.search);
              const changes: Record<string, string | null> = {};
              for (const old of filters.params.keys()) changes[old] = null;
              for (const [k, value] of wanted) changes[k] = value;
              filters.set(changes);
            }}
          >
            {v.name}
          </Button>
          <Button
            size="small"
            icon={Trash2}
            aria-label={t("views.remove", { name: v.name })}
            onPress={() => store(views.filter((x) => x.name !== v.name))}
          />
        </span>
      ))}
      {draft === null ? (
        search && (
          <Button size="small" variant="quiet" icon={Bookmark} onPress={() => setDraft("")}>
            {t("views.save")}
          </Button>
        )
      ) : (
        <form
          className="row"
          onSubmit={(e) => {
            e.preventDefault();
            const trimmed = draft.trim();
            if (trimmed) store([...views.filter((x) => x.name !== trimmed), { name: trimmed, search }]);
            setDraft(null);
          }}
        >
          <input
            className="input"
            style={{ width: 180, minHeight: 30 }}
            aria-label={t("views.name")}
            placeholder={t("views.name")}
            value={draft}
            onChange={(e) => setDraft(e.target.value)}
            autoFocus
          />
          <button type="submit" className="btn small">
            {t("form.save")}
          </button>
        </form>
      )}
    </div>
  );
}
