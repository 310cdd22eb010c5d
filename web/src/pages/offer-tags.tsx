/** The tags of one offer: what is pasted where, for every conversion point and shop system; and whether it works. */
import { useState } from "react";
import { Link } from "wouter";
import { useLinks, useOffers, useSeesAll, useSettings } from "../api/queries";
import type { Offer } from "../api/types";
import { Card, CopyButton, CopyLine, Note, Skeleton } from "../components/basic";
import { type Filters, useFilters } from "../components/filters";
import { Problem, SelectField, TextField } from "../components/form";
import { PageFrame } from "../components/page";
import { type MessageKey, useT } from "../i18n/all";
import { linkName } from "./parts/link-name";
import { AppTags } from "./tags/app-tags";
import {
  HAS_TOTALS,
  hostsOf,
  type Site,
  type Snippet,
  SYSTEMS,
  type System,
  serverUrl,
  snippets,
  TOTALS,
  type Total,
  type Wish,
} from "./tags/snippets";
import { TagCheck } from "./tags/tag-check";
import "../components/tabs.css";

export default function OfferTags({ id }: { id: string }) {
  const t = useT();
  const offers = useOffers();
  const settings = useSettings();
  if (offers.isPending || settings.isLoading) return <Skeleton lines={10} />;
  if (offers.isError) return <Problem error={offers.error} />;
  const offer = offers.data.find((o) => o.id === id);
  if (!offer) return <Note tone="warn">{t("error.gone")}</Note>;
  const base = (settings.data?.public_url || window.location.origin).replace(/\/+$/, "");
  return (
    <PageFrame
      title={t(offer.kind === "app" ? "tags.title_app" : "tags.title", { offer: offer.name })}
      lead={t(offer.kind === "app" ? "tags.lead_app" : "tags.lead")}
      back={{ href: `/offers/${offer.id}`, label: offer.name }}
    >
      {offer.kind === "app" ? (
        <AppTags offer={offer} base={base} />
      ) : (
        <WebTags offer={offer} group={groupOf(offer, offers.data)} base={base} />
      )}
    </PageFrame>
  );
}

/** The parts of a choice that have a value of their own in the address. */
function useChoice(offer: Offer, filters: Filters) {
  const wanted = filters.get("system");
  const system: System = SYSTEMS.find((s) => s === wanted) ?? "plain";
  const event = offer.events.find((e) => e.token === filters.get("event")) ?? offer.events[0];
  return { system, event };
}

/** The offers of its group, itself among them; fewer than two are none. */
function groupOf(offer: Offer, all: Offer[]): Offer[] {
  const group = all.filter((o) => offer.group && o.group === offer.group && o.kind === "web");
  return group.length > 1 ? group : [];
}

/** Names of the offers that one tag cannot serve with the given one: it finds the conversion point by its name. */
function leftOut(offer: Offer, group: Offer[], event: Offer["events"][number]): string[] {
  const serves = (o: Offer) => o.sid_param === offer.sid_param && o.events.some((e) => e.name === event.name);
  return group.filter((o) => !serves(o)).map((o) => o.name);
}

function WebTags({ offer, group, base }: { offer: Offer; group: Offer[]; base: string }) {
  const t = useT();
  const filters = useFilters();
  const seesAll = useSeesAll();
  const { system, event } = useChoice(offer, filters);
  const [total, setTotal] = useState<Total>("goods");
  const [orderVariable, setOrderVariable] = useState("");
  const [amountVariable, setAmountVariable] = useState("");
  const [organic, setOrganic] = useState("");
  const links = useLinks();
  const own = (links.data ?? []).filter((link) => link.offer === offer.id);
  const [cartHost, setCartHost] = useState("shop-pro.jp");
  const isShared = group.length > 0 && filters.get("for") === "group";
  const site: Site = {
    base,
    cid: isShared ? "" : offer.id,
    sidParam: offer.sid_param,
    days: offer.attribution.web_window_days ?? 30,
    currency: offer.currency,
    domains: hostsOf(isShared ? group.flatMap((o) => o.sites) : offer.sites),
    organic,
  };
  const wishOf = (one: Offer["events"][number]): Wish => ({
    event: isShared ? one.name : (one.token ?? ""),
    hasRevenue: one.has_revenue,
    total,
    orderVariable,
    amountVariable,
    cartHost: /^[a-z0-9.-]+$/.test(cartHost) ? cartHost : "",
  });
  if (!event) return <Note tone="warn">{t("tags.no_event")}</Note>;
  const made = snippets(system, site, wishOf(event));
  const note: string = `tags.note.${system}`;
  const others = isShared ? leftOut(offer, group, event) : [];
  return (
    <div className="stack">
      <nav className="tabs" aria-label={t("tags.systems")}>
        {SYSTEMS.map((one) => (
          <Link
            key={one}
            href={`/offers/${offer.id}/tags?system=${one}&event=${event.token}${isShared ? "&for=group" : ""}`}
            aria-current={one === system ? "page" : undefined}
          >
            {t(`tags.system.${one}`)}
          </Link>
        ))}
      </nav>
      <div className="filters">
        <SelectField
          label={t("conversion.event")}
          value={event.token ?? ""}
          onChange={(token) => filters.set({ event: token })}
          options={offer.events.map((e) => ({ value: e.token ?? "", label: e.name }))}
        />
        {group.length > 0 && (
          <SelectField
            label={t("tags.for")}
            value={isShared ? "group" : ""}
            onChange={(value) => filters.set({ for: value })}
            options={[
              { value: "", label: t("tags.for_offer") },
              { value: "group", label: t("tags.for_group", { group: offer.group, count: group.length }) },
            ]}
          />
        )}
        {event.has_revenue && HAS_TOTALS.has(system) && (
          <SelectField
            label={t("tags.total")}
            value={total}
            onChange={(v) => setTotal(v as Total)}
            options={TOTALS.map((value) => ({ value, label: t(`tags.total.${value}`) }))}
          />
        )}
        {system === "futureshop" && (
          <>
            <TextField label={t("tags.order_variable")} value={orderVariable} onChange={setOrderVariable} mono />
            <TextField label={t("tags.amount_variable")} value={amountVariable} onChange={setAmountVariable} mono />
          </>
        )}
        {own.length > 0 && (
          <SelectField
            label={t("tags.organic")}
            value={organic}
            onChange={setOrganic}
            options={[
              { value: "", label: t("tags.organic_off") },
              ...own.map((link) => ({ value: link.token, label: linkName(link) })),
            ]}
          />
        )}
        {system === "colorme" && <TextField label={t("tags.cart_host")} value={cartHost} onChange={setCartHost} mono />}
      </div>
      {isShared && <Note tone="info">{t("tags.for_group_note")}</Note>}
      {others.length > 0 && <Note tone="warn">{t("tags.for_group_left_out", { offers: others.join(", ") })}</Note>}
      {organic && <Note tone="info">{t("tags.organic_note")}</Note>}
      {(site.domains?.length ?? 0) > 1 && (
        <Note tone="info">{t("tags.domains_note", { hosts: site.domains?.join(", ") ?? "" })}</Note>
      )}
      {t.has(note) && <Note tone="info">{t(note as MessageKey)}</Note>}
      {made.map((one) => (
        <Piece key={one.place} piece={one} />
      ))}
      <Card title={t("tags.every_event")} help={t("tags.every_event_help")}>
        <div className="stack">
          {offer.events.map((one) => (
            <div key={one.token} className="stack tight">
              <h3>
                {one.name} <code className="muted small">{one.token}</code>
              </h3>
              <CopyLine text={serverUrl(site, wishOf(one))} />
            </div>
          ))}
        </div>
      </Card>
      {seesAll && <TagCheck offer={offer} />}
    </div>
  );
}

function Piece({ piece }: { piece: Snippet }) {
  const t = useT();
  const key: string = `tags.place.${piece.place}`;
  const title: string = `${key}_title`;
  return (
    <Card
      title={t.has(title) ? t(title as MessageKey) : piece.place}
      help={t.has(key) ? t(key as MessageKey) : undefined}
      actions={<CopyButton text={piece.code} />}
    >
      <pre className="codebox snippet" tabIndex={0} data-piece={piece.place}>
        {piece.code}
      </pre>
    </Card>
  );
}
