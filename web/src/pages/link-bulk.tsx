/** Links in bulk: one for every chosen partner and every creative, looked at before they are made. */
import { useState } from "react";
import { call } from "../api/client";
import { useLinks, useOffers, usePartners, useRefresh } from "../api/queries";
import type { SheetResult } from "../api/types";
import { Button, Card, CopyButton, Note, Skeleton } from "../components/basic";
import { Form, Problem, SelectField, TextField } from "../components/form";
import { PageFrame } from "../components/page";
import { useT } from "../i18n/all";
import { linkName } from "./parts/link-name";
import { SheetOutcome } from "./parts/sheet-result";

/** Rows that the server takes at once. */
const MOST = 1000;

const KIND = "links";

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

export default function LinkBulk() {
  const t = useT();
  const offers = useOffers();
  const partners = usePartners();
  if (offers.isPending || partners.isPending) return <Skeleton lines={8} />;
  if (offers.isError || partners.isError) return <Problem error={offers.error ?? partners.error} />;
  return (
    <PageFrame
      title={t("bulk_links.title")}
      lead={t("bulk_links.lead")}
      back={{ href: "/links", label: t("links.title") }}
    >
      {offers.data.length === 0 || partners.data.length === 0 ? (
        <Note tone="info">{t("bulk_links.needs")}</Note>
      ) : (
        <Issue />
      )}
    </PageFrame>
  );
}

function Issue() {
  const t = useT();
  const offers = useOffers().data ?? [];
  const partners = usePartners().data ?? [];
  const links = useLinks().data ?? [];
  const refresh = useRefresh();
  const [offer, setOffer] = useState(offers.length === 1 ? (offers[0]?.id ?? "") : "");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [campaign, setCampaign] = useState("");
  const [creatives, setCreatives] = useState("");
  const [result, setResult] = useState<SheetResult | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const names = [...new Set(creatives.split("\n").map((line) => line.trim()))].filter(Boolean);
  const count = chosen.size * Math.max(1, names.length);
  const change = <T,>(set: (value: T) => void) => {
    return (value: T) => {
      set(value);
      setResult(null);
    };
  };
  const send = (dryRun: boolean) => {
    const rows = [...chosen].flatMap((partner) =>
      (names.length ? names : [""]).map((creative) =>
        [offer, partner, campaign.trim(), creative].map(quoted).join(","),
      ),
    );
    setBusy(true);
    setProblem(null);
    call<SheetResult>(`/config/sheets/${KIND}`, {
      method: "POST",
      query: { dry_run: dryRun },
      body: new Blob([["offer,partner,campaign,creative", ...rows].join("\n")], { type: "text/csv" }),
    })
      .then(async (r) => {
        if (r.is_applied) await refresh("links");
        setResult(r);
      }, setProblem)
      .finally(() => setBusy(false));
  };
  const made = result?.is_applied ? new Set(result.changes.map((c) => c.id)) : null;
  const madeLinks = links.filter((l) => made?.has(l.token));
  return (
    <Form label={t("bulk_links.title")} onSubmit={() => send(true)}>
      <Card title={t("bulk_links.what")}>
        <div className="stack">
          <SelectField
            label={t("link.offer")}
            value={offer}
            onChange={change(setOffer)}
            options={[{ value: "", label: t("form.choose") }, ...offers.map((o) => ({ value: o.id, label: o.name }))]}
            required
          />
          <fieldset className="plain">
            <legend>{t("nav.partners")}</legend>
            <div className="chips">
              {partners.map((p) => (
                <label key={p.id} className="chip">
                  <input
                    type="checkbox"
                    checked={chosen.has(p.id)}
                    onChange={(e) => {
                      const next = new Set(chosen);
                      if (e.target.checked) next.add(p.id);
                      else next.delete(p.id);
                      change(setChosen)(next);
                    }}
                  />
                  {p.name}
                </label>
              ))}
            </div>
          </fieldset>
          <TextField label={t("link.campaign")} value={campaign} onChange={change(setCampaign)} />
          <TextField
            label={t("bulk_links.creatives")}
            help={t("bulk_links.creatives_help")}
            value={creatives}
            onChange={change(setCreatives)}
            rows={4}
          />
        </div>
      </Card>
      {count > MOST && <Note tone="bad">{t("bulk_links.too_many", { count, most: MOST })}</Note>}
      <div className="row">
        <button type="submit" className="btn" disabled={!offer || count === 0 || count > MOST || isBusy}>
          {t("bulk_links.look", { count })}
        </button>
        <Button
          variant="primary"
          isBusy={isBusy}
          isDisabled={!result || result.errors.length > 0 || result.is_applied}
          onPress={() => send(false)}
        >
          {t("bulk_links.make", { count })}
        </Button>
      </div>
      <Problem error={problem} />
      {result && <SheetOutcome result={result} />}
      {madeLinks.length > 0 && (
        <Card
          title={t("bulk_links.made")}
          actions={<CopyButton text={madeLinks.map((l) => `${linkName(l)}\t${l.urls.submission_url}`).join("\n")} />}
        >
          <pre className="codebox snippet" tabIndex={0} data-piece="links">
            {madeLinks.map((l) => `${linkName(l)}\t${l.urls.submission_url}`).join("\n")}
          </pre>
        </Card>
      )}
    </Form>
  );
}
