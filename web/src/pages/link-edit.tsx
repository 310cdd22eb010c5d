/** Issues a link, or changes one. */
import { useLocation, useSearchParams } from "wouter";
import { post, put } from "../api/client";
import { useLinks, useOffers, usePartners, useRefresh, useSettings } from "../api/queries";
import type { Link } from "../api/types";
import { Card, LinkButton, Note, Skeleton } from "../components/basic";
import { CheckField, Form, Problem, SelectField, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { PickField } from "../components/pick-field";
import { toast } from "../components/toast";
import { Unsaved } from "../components/unsaved";
import { useT } from "../i18n/all";
import { linkName } from "./parts/link-name";
import { AttributionFields, DestinationFields } from "./parts/policy-fields";

export type LinkDraft = Omit<Link, "token" | "created_at_ms" | "urls" | "names">;

export function newLink(offer: string, partner: string | null, network: string): LinkDraft {
  return {
    offer,
    partner,
    network,
    campaign: null,
    adgroup: null,
    creative: null,
    destinations: null,
    state: "active",
    stop: null,
    attribution: {},
    domain: null,
    note: "",
    updated_at_ms: 0,
  };
}

/** What is saved of a link: without what the server makes. */
export function linkBody(link: LinkDraft | Link): Partial<LinkDraft> {
  const body: Partial<Link> = { ...link };
  for (const key of ["token", "created_at_ms", "urls", "names"] as const) delete body[key];
  if (!body.updated_at_ms) delete body.updated_at_ms;
  return body;
}

/** The same link once more, to be changed and issued. */
function copyOf(link: Link): LinkDraft {
  const { token, created_at_ms, urls, names, ...draft } = link;
  return { ...draft, state: "active", stop: null, updated_at_ms: 0 };
}

export default function LinkEdit({ token }: { token?: string }) {
  const t = useT();
  const [params] = useSearchParams();
  const links = useLinks();
  const offers = useOffers();
  const partners = usePartners();
  const settings = useSettings();
  if (links.isPending || offers.isPending || partners.isPending || settings.isLoading) return <Skeleton lines={8} />;
  const error = links.error ?? offers.error ?? partners.error;
  if (error) return <Problem error={error} />;
  const found = token ? links.data?.find((l) => l.token === token) : undefined;
  const copied = links.data?.find((l) => l.token === params.get("copy"));
  if (token && !found) return <Note tone="warn">{t("error.gone")}</Note>;
  if (offers.data?.length === 0) {
    return (
      <PageFrame title={t("links.add")}>
        <Note tone="info">
          {t("link.needs_offer")} <LinkButton href="/offers/new">{t("offers.add")}</LinkButton>
        </Note>
      </PageFrame>
    );
  }
  const partner = partners.data?.find((p) => p.id === params.get("partner"));
  const offer = params.get("offer") ?? (offers.data?.length === 1 ? offers.data[0]?.id : "") ?? "";
  return (
    <Editor
      key={found?.updated_at_ms ?? 0}
      token={token}
      initial={found ?? (copied ? copyOf(copied) : newLink(offer, partner?.id ?? null, partner?.name ?? ""))}
    />
  );
}

function Editor({ token, initial }: { token: string | undefined; initial: LinkDraft | Link }) {
  const t = useT();
  const [, navigate] = useLocation();
  const refresh = useRefresh();
  const offers = useOffers().data ?? [];
  const partners = usePartners().data ?? [];
  const settings = useSettings().data;
  const form = useForm<LinkDraft>(initial);
  const link = form.value;
  const isApp = offers.find((o) => o.id === link.offer)?.kind === "app";
  const save = () =>
    void form.run(async () => {
      const saved = token
        ? await put<Link>(`/links/${token}`, linkBody(link))
        : await post<Link>("/links", linkBody(link));
      await refresh("links");
      toast(t("form.saved"));
      navigate(`/links/${saved.token}`);
    });
  const text = (key: "network" | "campaign" | "adgroup" | "creative") => (
    <TextField
      label={t(`link.${key}`)}
      value={link[key] ?? ""}
      onChange={(v) => form.set(key, (key === "network" ? v : v || null) as never)}
      error={form.error(key)}
      required={key === "network"}
    />
  );
  const domains = settings?.tracking_domains ?? [];
  return (
    <PageFrame
      title={token ? linkName(initial as Link) : t("links.add")}
      lead={t("link.edit_lead")}
      back={token ? { href: `/links/${token}`, label: t("form.back") } : { href: "/links", label: t("links.title") }}
    >
      <Unsaved isChanged={form.isChanged} />
      <Form onSubmit={save} label={t("links.add")}>
        <Card>
          <div className="stack">
            <div className="grid two">
              <PickField
                label={t("link.offer")}
                value={link.offer || null}
                onChange={(v) => form.set("offer", v ?? "")}
                options={offers.map((o) => ({ value: o.id, label: o.name }))}
                error={form.error("offer")}
                required
              />
              <PickField
                label={t("link.partner")}
                value={link.partner ?? "-"}
                onChange={(v) => {
                  const next = v === "-" ? null : v;
                  const old = partners.find((p) => p.id === link.partner)?.name ?? "";
                  const name = partners.find((p) => p.id === next)?.name ?? "";
                  form.setValue({
                    ...link,
                    partner: next,
                    network: !link.network || link.network === old ? name : link.network,
                  });
                }}
                options={[
                  { value: "-", label: t("links.own") },
                  ...partners.map((p) => ({ value: p.id, label: p.name })),
                ]}
                help={t("link.partner_help")}
                error={form.error("partner")}
              />
            </div>
            <div className="grid">
              {text("network")}
              {text("campaign")}
              {text("adgroup")}
              {text("creative")}
            </div>
            {domains.length > 0 && (
              <SelectField
                label={t("link.domain")}
                value={link.domain ?? ""}
                onChange={(v) => form.set("domain", v || null)}
                options={[
                  { value: "", label: settings?.public_url || t("link.domain_default") },
                  ...domains.map((d) => ({ value: d, label: d })),
                ]}
                error={form.error("domain")}
              />
            )}
          </div>
        </Card>
        <Card title={t("form.more")}>
          <div className="stack">
            <CheckField
              label={t("link.override")}
              help={t("link.override_help")}
              value={link.destinations !== null}
              onChange={(on) =>
                form.set(
                  "destinations",
                  on ? { default: "", ios: null, android: null, deep_link: null, fallback: null } : null,
                )
              }
            />
            {link.destinations && (
              <DestinationFields
                value={link.destinations}
                onChange={(v) => form.set("destinations", v)}
                error={(f) => form.error(`destinations.${f}`)}
                isApp={isApp}
              />
            )}
            <details>
              <summary>{t("offer.attribution")}</summary>
              <AttributionFields
                value={link.attribution}
                onChange={(v) => form.set("attribution", v)}
                isApp={isApp}
                error={(f) => form.error(`attribution.${f}`)}
              />
            </details>
            <TextField
              label={t("form.note")}
              help={t("form.note_help")}
              value={link.note}
              onChange={(v) => form.set("note", v)}
              rows={2}
              error={form.error("note")}
            />
          </div>
        </Card>
        <Problem error={form.problem} />
        <div className="form-foot sticky">
          <SubmitButton isBusy={form.isBusy}>{token ? t("form.save") : t("link.issue")}</SubmitButton>
        </div>
      </Form>
    </PageFrame>
  );
}
