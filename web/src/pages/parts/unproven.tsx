/** In one sentence what anybody can do while nobody vouches for the conversions of an offer, and what ends it. */
import { useQuery } from "@tanstack/react-query";
import { Fragment } from "react";
import { Link } from "wouter";
import { get } from "../../api/client";
import { useNames } from "../../api/queries";
import type { Unproven } from "../../api/types";
import { Note } from "../../components/basic";
import { useFormat, useT } from "../../i18n/all";

/** What anybody can do with each event. */
export function useUnproven(offer?: string): readonly Unproven[] {
  const items = useQuery({
    queryKey: ["stats", "unproven"],
    queryFn: ({ signal }) => get<{ items: Unproven[] }>("/stats/unproven", {}, signal),
    staleTime: 60_000,
  }).data?.items;
  return (items ?? []).filter((item) => offer === undefined || item.offer === offer);
}

/** Events whose conversions partners are paid for although nobody looked and nobody proved anything. */
export const isOpen = (item: Unproven): boolean => item.has_payout && item.is_automatic;

const MOST_NAMED = 3;

/** The sentence, of one offer or of all. */
export function UnprovenNote({ offer }: { offer?: string }) {
  const t = useT();
  const names = useNames();
  const format = useFormat();
  const open = useUnproven(offer).filter(isOpen);
  const [first] = open;
  if (!first) return null;
  const text = first.unproven_amount
    ? t("unproven.text_up_to", { most: first.most, amount: format.money(first.unproven_amount) })
    : t("unproven.text", { most: first.most });
  return (
    <Note tone="warn" title={t("unproven.title")}>
      {text}{" "}
      {offer === undefined ? (
        open.slice(0, MOST_NAMED).map((item, n) => (
          <Fragment key={`${item.offer} ${item.event}`}>
            {n > 0 && t("list.separator")}
            <Link href={`/offers/${item.offer}`}>
              {t("unproven.place", { offer: names.offer(item.offer), event: item.name })}
            </Link>
          </Fragment>
        ))
      ) : (
        <span>{t("unproven.do")}</span>
      )}
    </Note>
  );
}
