/** One offer: destinations, conversion points, attribution, duplicates, approval, privacy, trust. */
import { ArrowDown, ArrowUp, Code, CopyPlus, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { del, post, put } from "../api/client";
import { useCanEdit, useOffers, useRefresh, useSettings } from "../api/queries";
import type { Offer, OfferEvent } from "../api/types";
import { Button, Card, CopyLine, LinkButton, Note, Skeleton } from "../components/basic";
import { Confirm } from "../components/dialog";
import {
  CheckField,
  Form,
  LinesField,
  NumberField,
  Problem,
  SelectField,
  SubmitButton,
  TextField,
  useForm,
} from "../components/form";
import { PageFrame } from "../components/page";
import { toast } from "../components/toast";
import { Unsaved } from "../components/unsaved";
import { useT } from "../i18n/all";
import { BearerTokens } from "./parts/bearer-tokens";
import { CeilingField } from "./parts/ceiling";
import { FullAddress } from "./parts/full-address";
import {
  ApprovalFields,
  AttributionFields,
  CharsetField,
  DestinationFields,
  InstallFields,
  PayoutField,
  TrustFields,
} from "./parts/policy-fields";
import { StopButton, StopNote } from "./parts/stop";
import { UnprovenNote } from "./parts/unproven";

export function newEvent(name: string): OfferEvent {
  return {
    name,
    is_unique: false,
    has_revenue: true,
    duplicates: { by: "default", days: 365, scope: "offer" },
    approval: { mode: "automatic" },
    payout: null,
    unproven_amount: null,
  };
}

export function newOffer(currency: string, eventName: string): Offer {
  return {
    id: "",
    name: "",
    group: "",
    kind: "web",
    state: "active",
    stop: null,
    destinations: { default: "", ios: null, android: null, deep_link: null, fallback: null },
    sid_param: "sid",
    redirect_hosts: [],
    sites: [],
    events: [newEvent(eventName)],
    installs: { approval: { mode: "automatic" }, payout: null, reattributions: false, reinstalls: false },
    charset: null,
    currency,
    attribution: {},
    accept_partner_click_id: false,
    repeat_click_s: 10,
    ip_privacy: "truncated",
    count_bots: false,
    identity: { is_kept: false, phone_country: "81" },
    trust: { mode: "off", bearer_tokens: [], hmac_secret: null, allowed_ips: [], addresses_may_change: false },
    app_id: null,
    created_at_ms: 0,
    updated_at_ms: 0,
  };
}

/** What is sent to create an offer: the server makes id and times. */
export function offerBody(offer: Offer): Partial<Offer> {
  const { id, created_at_ms, updated_at_ms, ...body } = offer;
  return updated_at_ms ? { ...body, updated_at_ms } : body;
}

/** The same offer once more, to be changed and saved: with events and policies, without what identifies callers. */
function copyOf(offer: Offer, name: string): Offer {
  return {
    ...offer,
    id: "",
    name,
    state: "active",
    stop: null,
    events: offer.events.map(({ token, ...event }) => event),
    trust: { ...offer.trust, bearer_tokens: [], hmac_secret: null },
    created_at_ms: 0,
    updated_at_ms: 0,
  };
}

export default function OfferEdit({ id }: { id?: string }) {
  const t = useT();
  const offers = useOffers();
  const settings = useSettings();
  const [params] = useSearchParams();
  // Whoever is limited to partners is not asked for the settings: that is no loading.
  if (offers.isPending || settings.isLoading) return <Skeleton lines={10} />;
  if (offers.isError) return <Problem error={offers.error} />;
  const copied = offers.data.find((o) => o.id === params.get("copy"));
  const found = id
    ? offers.data.find((o) => o.id === id)
    : copied
      ? copyOf(copied, t("form.copy_of", { name: copied.name }))
      : newOffer(settings.data?.currency ?? "JPY", t("offer.first_event"));
  if (!found) return <Note tone="warn">{t("error.gone")}</Note>;
  return <Editor key={found.id} initial={found} />;
}

function Editor({ initial }: { initial: Offer }) {
  const t = useT();
  const [, navigate] = useLocation();
  const refresh = useRefresh();
  const form = useForm(initial);
  const canEdit = useCanEdit();
  const [isDeleting, setDeleting] = useState(false);
  const offer = form.value;
  const isNew = !initial.id;
  const groups = [...new Set((useOffers().data ?? []).map((o) => o.group).filter(Boolean))];

  const save = () =>
    void form.run(async () => {
      if (isNew) {
        const made = await post<Offer>("/offers", offerBody(offer));
        await refresh("offers");
        toast(t("form.saved"));
        navigate(`/offers/${made.id}`);
      } else {
        form.setValue(await put<Offer>(`/offers/${offer.id}`, offerBody(offer)));
        await refresh("offers", "links");
        toast(t("form.saved"));
      }
    });
  const remove = () =>
    void form.run(async () => {
      await del(`/offers/${offer.id}`);
      await refresh("offers");
      navigate("/offers");
    });

  return (
    <PageFrame
      title={isNew ? t("offer.new") : initial.name}
      lead={t("offer.lead")}
      back={{ href: "/offers", label: t("offers.title") }}
      actions={
        !isNew && (
          <>
            <LinkButton href={`/offers/${initial.id}/tags`} icon={Code}>
              {t(initial.kind === "app" ? "tags.open_app" : "tags.open")}
            </LinkButton>
            {canEdit && (
              <LinkButton href={`/offers/new?copy=${initial.id}`} icon={CopyPlus}>
                {t("form.duplicate")}
              </LinkButton>
            )}
            {canEdit && (
              <Actions
                offer={initial}
                onStopped={({ state, stop, updated_at_ms }) =>
                  form.setValue((old) => ({ ...old, state, stop, updated_at_ms }))
                }
                onDelete={() => setDeleting(true)}
              />
            )}
          </>
        )
      }
    >
      <Unsaved isChanged={form.isChanged} />
      <Form onSubmit={save} label={t("offer.new")}>
        <StopNote of={offer} />
        <Card title={t("offer.basics")}>
          <div className="stack">
            <TextField
              label={t("offers.name")}
              value={offer.name}
              onChange={(v) => form.set("name", v)}
              error={form.error("name")}
              required
            />
            <TextField
              label={t("offer.group")}
              help={t("offer.group_help")}
              value={offer.group}
              onChange={(v) => form.set("group", v)}
              list={groups}
              error={form.error("group")}
            />
            <SelectField
              label={t("offers.kind")}
              value={offer.kind}
              onChange={(v) => form.set("kind", v as Offer["kind"])}
              options={[
                { value: "web", label: t("offer_kind.web") },
                { value: "app", label: t("offer_kind.app") },
              ]}
            />
            {offer.kind === "app" && (
              <TextField
                label={t("offer.app_id")}
                value={offer.app_id ?? ""}
                onChange={(v) => form.set("app_id", v || null)}
                error={form.error("app_id")}
                mono
              />
            )}
            <DestinationFields
              value={offer.destinations}
              onChange={(v) => form.set("destinations", v)}
              error={(f) => form.error(`destinations.${f}`)}
              isApp={offer.kind === "app"}
              required
            />
            {!isNew && (
              <div className="field">
                <span className="label">CID</span>
                <CopyLine text={offer.id} />
              </div>
            )}
          </div>
        </Card>
        <Card title={t("offer.events")} help={t("offer.events_help")}>
          <EventList form={form} />
        </Card>
        {offer.kind === "app" && (
          <Card title={t("installs.title")} help={t("installs.help")}>
            <InstallFields
              value={offer.installs}
              onChange={(v) => form.set("installs", v)}
              currency={offer.currency}
              error={(field) => form.error(`installs.${field}`, true)}
            />
          </Card>
        )}
        <Card title={t("offer.sites")} help={t("offer.sites_help")}>
          <LinesField
            label={t("offer.sites_label")}
            value={offer.sites}
            onChange={(v) => form.set("sites", v)}
            placeholder="https://shop.example.com"
            error={form.error("sites", true)}
          />
        </Card>
        <Card title={t("form.more")}>
          <div className="stack">
            <details>
              <summary>{t("offer.clicks")}</summary>
              <div className="stack">
                <TextField
                  label={t("offer.sid_param")}
                  help={t("offer.sid_param_help")}
                  value={offer.sid_param}
                  onChange={(v) => form.set("sid_param", v)}
                  error={form.error("sid_param")}
                  mono
                />
                <NumberField
                  label={t("offer.repeat_click")}
                  help={t("offer.repeat_click_help")}
                  value={offer.repeat_click_s}
                  onChange={(v) => form.set("repeat_click_s", v ?? 0)}
                  error={form.error("repeat_click_s")}
                />
                <LinesField
                  label={t("offer.redirect_hosts")}
                  help={t("offer.redirect_hosts_help")}
                  value={offer.redirect_hosts}
                  onChange={(v) => form.set("redirect_hosts", v)}
                  placeholder="shop.example.com"
                  error={form.error("redirect_hosts", true)}
                />
                <CheckField
                  label={t("offer.count_bots")}
                  value={offer.count_bots}
                  onChange={(v) => form.set("count_bots", v)}
                />
                <CheckField
                  label={t("offer.partner_click_id")}
                  help={t("offer.partner_click_id_help")}
                  value={offer.accept_partner_click_id}
                  onChange={(v) => form.set("accept_partner_click_id", v)}
                />
                <CharsetField
                  help={t("charset.offer_help")}
                  value={offer.charset}
                  onChange={(v) => form.set("charset", v)}
                />
              </div>
            </details>
            <details>
              <summary>{t("offer.attribution")}</summary>
              <AttributionFields
                value={offer.attribution}
                onChange={(v) => form.set("attribution", v)}
                isApp={offer.kind === "app"}
                error={(f) => form.error(`attribution.${f}`)}
              />
            </details>
            <details>
              <summary>{t("offer.money_privacy")}</summary>
              <div className="stack">
                <TextField
                  label={t("offer.currency")}
                  value={offer.currency}
                  onChange={(v) => form.set("currency", v.toUpperCase())}
                  list={["JPY", "USD", "EUR", "TWD", "KRW", "CNY"]}
                  error={form.error("currency")}
                  maxLength={3}
                />
                <SelectField
                  label={t("offer.ip_privacy")}
                  help={t("offer.ip_privacy_help")}
                  value={offer.ip_privacy}
                  onChange={(v) => form.set("ip_privacy", v as Offer["ip_privacy"])}
                  options={(["truncated", "whole", "none"] as const).map((value) => ({
                    value,
                    label: t(`ip_privacy.${value}`),
                  }))}
                />
                <CheckField
                  label={t("offer.identity")}
                  help={t("offer.identity_help")}
                  value={offer.identity.is_kept}
                  onChange={(is_kept) => form.set("identity", { ...offer.identity, is_kept })}
                />
                {offer.identity.is_kept && (
                  <TextField
                    label={t("offer.phone_country")}
                    help={t("offer.phone_country_help")}
                    value={offer.identity.phone_country}
                    onChange={(phone_country) => form.set("identity", { ...offer.identity, phone_country })}
                    error={form.error("identity.phone_country")}
                    maxLength={4}
                  />
                )}
                <FullAddress offer={offer.id} />
              </div>
            </details>
            <details>
              <summary>{t("trust.title")}</summary>
              {!isNew && <UnprovenNote offer={offer.id} />}
              <TrustFields
                value={offer.trust}
                onChange={(v) => form.set("trust", v)}
                error={(f) => form.error(`trust.${f}`, true)}
              />
              {!isNew && (
                <BearerTokens
                  offer={offer.id}
                  tokens={offer.trust.bearer_tokens}
                  onChanged={({ updated_at_ms, trust }) => {
                    // What else was typed on this page stays.
                    form.setValue((old) => ({
                      ...old,
                      updated_at_ms,
                      trust: { ...old.trust, bearer_tokens: trust.bearer_tokens },
                    }));
                    void refresh("offers");
                  }}
                />
              )}
            </details>
          </div>
        </Card>
        <Problem error={form.problem} />
        <div className="form-foot sticky">
          <SubmitButton isBusy={form.isBusy}>{isNew ? t("offer.create") : t("form.save")}</SubmitButton>
        </div>
      </Form>
      <Confirm
        isOpen={isDeleting}
        onClose={() => setDeleting(false)}
        onConfirm={remove}
        title={t("form.delete_title", { name: offer.name })}
        action={t("form.delete")}
        danger
      >
        {t("offer.delete_text")}
      </Confirm>
    </PageFrame>
  );
}

/** Stopping and removing an offer. */
function Actions(props: { offer: Offer; onStopped: (saved: Offer) => void; onDelete: () => void }) {
  const t = useT();
  const { offer } = props;
  return (
    <>
      <StopButton
        kind="offers"
        of={offer}
        path={`/offers/${offer.id}`}
        body={(change) => offerBody({ ...offer, ...change })}
        onSaved={(saved) => props.onStopped(saved as Offer)}
      />
      <Button variant="danger" icon={Trash2} onPress={props.onDelete}>
        {t("form.delete")}
      </Button>
    </>
  );
}

function EventList({ form }: { form: ReturnType<typeof useForm<Offer>> }) {
  const t = useT();
  const { events, currency, kind } = form.value;
  const change = (i: number, event: OfferEvent) =>
    form.set(
      "events",
      events.map((e, n) => (n === i ? event : e)),
    );
  const move = (i: number, by: number) => {
    const next = [...events];
    const [taken] = next.splice(i, 1);
    if (taken) next.splice(i + by, 0, taken);
    form.set("events", next);
  };
  return (
    <div className="stack">
      {events.map((event, i) => (
        <fieldset key={event.token ?? `new${i}`} className="card" style={{ padding: 16 }}>
          <legend className="sr">{event.name || t("offer.event_new")}</legend>
          <div className="stack">
            <div className="row top">
              <div className="grow">
                <TextField
                  label={t("event.name")}
                  value={event.name}
                  onChange={(v) => change(i, { ...event, name: v })}
                  error={form.error(`events.${i}.name`)}
                  required
                />
              </div>
              <div className="row" style={{ paddingTop: 28 }}>
                <Button
                  size="small"
                  variant="quiet"
                  icon={ArrowUp}
                  aria-label={t("form.up")}
                  isDisabled={i === 0}
                  onPress={() => move(i, -1)}
                />
                <Button
                  size="small"
                  variant="quiet"
                  icon={ArrowDown}
                  aria-label={t("form.down")}
                  isDisabled={i === events.length - 1}
                  onPress={() => move(i, 1)}
                />
                <Button
                  size="small"
                  variant="quiet"
                  icon={Trash2}
                  aria-label={t("form.remove_name", { name: event.name })}
                  isDisabled={events.length === 1}
                  onPress={() =>
                    form.set(
                      "events",
                      events.filter((_, n) => n !== i),
                    )
                  }
                />
              </div>
            </div>
            <div className="small muted">
              {event.token ? (
                <>
                  {t("event.token")} <code>{event.token}</code>
                </>
              ) : (
                t("event.token_new")
              )}
              {i === 0 && <> · {t("event.is_default")}</>}
            </div>
            <div className="grid">
              <ApprovalFields
                value={event.approval}
                onChange={(approval) => change(i, { ...event, approval })}
                error={(field) => form.error(`events.${i}.${field}`, true)}
              />
              <PayoutField
                label={t("event.payout")}
                value={event.payout}
                currency={currency}
                onChange={(payout) => change(i, { ...event, payout })}
                error={form.error(`events.${i}.payout`, true)}
              />
              <CeilingField
                offer={form.value.id}
                event={event}
                currency={currency}
                onChange={(unproven_amount) => change(i, { ...event, unproven_amount })}
                error={form.error(`events.${i}.unproven_amount`, true)}
              />
            </div>
            <details>
              <summary>{t("event.duplicates")}</summary>
              <div className="grid">
                <SelectField
                  label={t("event.duplicates_by")}
                  value={event.duplicates.by}
                  onChange={(by) =>
                    change(i, {
                      ...event,
                      duplicates: { ...event.duplicates, by: by as OfferEvent["duplicates"]["by"] },
                    })
                  }
                  options={(["default", "uid", "visitor", "session", "never"] as const).map((value) => ({
                    value,
                    label: t(`duplicate.${value}`),
                  }))}
                />
                <NumberField
                  label={t("event.duplicates_days")}
                  value={event.duplicates.days}
                  onChange={(days) => change(i, { ...event, duplicates: { ...event.duplicates, days: days ?? 365 } })}
                  error={form.error(`events.${i}.duplicates`, true)}
                />
                <SelectField
                  label={t("event.duplicates_scope")}
                  value={event.duplicates.scope}
                  onChange={(scope) =>
                    change(i, { ...event, duplicates: { ...event.duplicates, scope: scope as "offer" | "all" } })
                  }
                  options={(["offer", "all"] as const).map((value) => ({
                    value,
                    label: t(`duplicate_scope.${value}`),
                  }))}
                />
              </div>
              <div className="stack tight" style={{ marginTop: 12 }}>
                <CheckField
                  label={t("event.has_revenue")}
                  value={event.has_revenue}
                  onChange={(v) => change(i, { ...event, has_revenue: v })}
                />
                {kind === "app" && (
                  <CheckField
                    label={t("event.is_unique")}
                    value={event.is_unique}
                    onChange={(v) => change(i, { ...event, is_unique: v })}
                  />
                )}
              </div>
            </details>
          </div>
        </fieldset>
      ))}
      <div>
        <Button icon={Plus} onPress={() => form.set("events", [...events, newEvent("")])}>
          {t("offer.event_add")}
        </Button>
      </div>
    </div>
  );
}
