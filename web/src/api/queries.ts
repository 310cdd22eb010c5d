/** Queries that several screens share, and the names under which answers are kept. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { get } from "./client";
import type { Link, Me, Offer, Page, Partner, Placeholder, Rule, Settings } from "./types";

export const useMe = () => useQuery({ queryKey: ["me"], queryFn: () => get<Me>("/me"), staleTime: 60_000 });

/** Whether this person may change things; a viewer only looks. */
export const useCanEdit = (): boolean => {
  const role = useMe().data?.role;
  return role === "editor" || role === "owner";
};

/** Whether this person sees the whole instance; a viewer can be limited to partners. */
export const useSeesAll = (): boolean => useMe().data?.partners.length === 0;

export const useSettings = (enabled = true) => {
  const seesAll = useSeesAll();
  return useQuery({
    queryKey: ["settings"],
    queryFn: () => get<Settings>("/settings"),
    staleTime: 60_000,
    enabled: enabled && seesAll,
  });
};

async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await get<Page<T>>(path, { limit: 200, cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < 5000);
  return items;
}

// Configuration is small (it lives in the server's memory too), so pickers and names read it whole.
export const useOffers = () =>
  useQuery({ queryKey: ["offers"], queryFn: () => all<Offer>("/offers"), staleTime: 30_000 });
export const usePartners = () =>
  useQuery({ queryKey: ["partners"], queryFn: () => all<Partner>("/partners"), staleTime: 30_000 });
export const useLinks = () => useQuery({ queryKey: ["links"], queryFn: () => all<Link>("/links"), staleTime: 30_000 });
export const useRules = () => useQuery({ queryKey: ["rules"], queryFn: () => all<Rule>("/rules"), staleTime: 30_000 });
export const usePlaceholders = () =>
  useQuery({
    queryKey: ["placeholders"],
    queryFn: () => get<Page<Placeholder>>("/placeholders").then((page) => page.items),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Names of configured things by id; the id stands in for what is gone. */
export function useNames() {
  const offers = useOffers().data;
  const partners = usePartners().data;
  const rules = useRules().data;
  return useMemo(() => {
    const offer = new Map((offers ?? []).map((o) => [o.id, o]));
    const partner = new Map((partners ?? []).map((p) => [p.id, p]));
    const rule = new Map((rules ?? []).map((r) => [r.id, r]));
    return {
      offer: (id: string | null | undefined) => (id ? (offer.get(id)?.name ?? id) : ""),
      partner: (id: string | null | undefined) => (id ? (partner.get(id)?.name ?? id) : ""),
      rule: (id: string | null | undefined) => (id ? rule.get(id)?.name || id : ""),
      event: (offerId: string | null | undefined, token: string | null | undefined) =>
        token ? (offer.get(offerId ?? "")?.events.find((e) => e.token === token)?.name ?? token) : "",
    };
  }, [offers, partners, rules]);
}

/** After a save: everything that could show the old state is read again. */
export function refresh(client: QueryClient, ...keys: string[]): Promise<void> {
  return Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] }))).then(() => undefined);
}

export function useRefresh(): (...keys: string[]) => Promise<void> {
  const client = useQueryClient();
  return (...keys) => refresh(client, ...keys);
}
