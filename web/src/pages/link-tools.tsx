/** メディア入稿URLの自動生成: what is appended to a foreign click URL, or to a landing page for direct measurement. */
import { useState } from "react";
import { useLinks, usePartners } from "../api/queries";
import { Card, CopyButton, Note, Skeleton } from "../components/basic";
import { useFilters } from "../components/filters";
import { Problem, SelectField, TextField } from "../components/form";
import { PageFrame } from "../components/page";
import { useT } from "../i18n/all";
import { linkName } from "./parts/link-name";
import { cleanQuery, joinQuery } from "./parts/url-join";

/** URLs of one go. */
const MOST_LINES = 500;

export default function LinkTools() {
  const t = useT();
  const filters = useFilters();
  const links = useLinks();
  const partners = usePartners();
  const way = filters.get("way") === "direct" ? "direct" : "foreign";
  const [urls, setUrls] = useState("");
  const [own, setOwn] = useState<string | null>(null);
  if (links.isPending || partners.isPending) return <Skeleton lines={6} />;
  if (links.isError || partners.isError) return <Problem error={links.error ?? partners.error} />;
  const chosen = filters.get(way === "direct" ? "link" : "partner");
  const partner = partners.data.find((p) => p.id === chosen);
  const known =
    way === "direct"
      ? (links.data.find((l) => l.token === chosen)?.urls.direct_query ?? "")
      : (partner?.click_parameters ?? []).map((p) => `${p.name}=${p.macro_text ?? ""}`).join("&");
  const query = own ?? known;
  const lines = urls.split("\n").filter((line) => line.trim());
  const made = lines.slice(0, MOST_LINES).map((line) => joinQuery(line, query));
  const repeated = [...new Set(made.flatMap((m) => m.repeated))];
  const text = made.map((m) => m.url).join("\n");
  return (
    <PageFrame title={t("url_tool.title")} lead={t("url_tool.lead")} back={{ href: "/links", label: t("links.title") }}>
      <div className="stack">
        <Card title={t("url_tool.in")}>
          <div className="stack">
            <div className="grid two">
              <SelectField
                label={t("url_tool.way")}
                value={way}
                onChange={(v) => {
                  setOwn(null);
                  filters.set({ way: v });
                }}
                options={[
                  { value: "foreign", label: t("url_tool.way_foreign") },
                  { value: "direct", label: t("url_tool.way_direct") },
                ]}
              />
              {way === "direct" ? (
                <SelectField
                  label={t("link.one")}
                  value={chosen}
                  onChange={(v) => {
                    setOwn(null);
                    filters.set({ link: v });
                  }}
                  options={[
                    { value: "", label: t("form.choose") },
                    ...links.data.map((l) => ({ value: l.token, label: linkName(l) })),
                  ]}
                />
              ) : (
                <SelectField
                  label={t("link.partner")}
                  value={chosen}
                  onChange={(v) => {
                    setOwn(null);
                    filters.set({ partner: v });
                  }}
                  options={[
                    { value: "", label: t("form.choose") },
                    ...partners.data.map((p) => ({ value: p.id, label: p.name })),
                  ]}
                />
              )}
            </div>
            <TextField
              label={t("url_tool.urls")}
              help={t(way === "direct" ? "url_tool.urls_help_direct" : "url_tool.urls_help", { most: MOST_LINES })}
              value={urls}
              onChange={setUrls}
              rows={5}
              mono
            />
            <TextField
              label={t("url_tool.query")}
              help={t("url_tool.query_help")}
              value={query}
              onChange={setOwn}
              mono
            />
          </div>
        </Card>
        <Card title={t("url_tool.out")} actions={text && <CopyButton text={text} />}>
          {repeated.length > 0 && <Note tone="warn">{t("url_tool.repeated", { names: repeated.join(", ") })}</Note>}
          {/=(?:&|$)/.test(cleanQuery(query)) && <Note tone="warn">{t("url_tool.open")}</Note>}
          {lines.length > MOST_LINES && <Note tone="warn">{t("url_tool.too_many", { most: MOST_LINES })}</Note>}
          {text ? (
            <pre className="codebox snippet" tabIndex={0} data-piece="urls">
              {text}
            </pre>
          ) : (
            <p className="muted">{t("url_tool.nothing")}</p>
          )}
        </Card>
      </div>
    </PageFrame>
  );
}
