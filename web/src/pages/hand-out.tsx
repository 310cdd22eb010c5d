/** A page to print or save as PDF for the partner: what to put where, in the partner's language. */
import { Printer } from "lucide-react";
import { useEffect, useState } from "react";
import { useLinks, useNames, usePartners, useRules, useSettings } from "../api/queries";
import { useSystem } from "../api/system";
import { Button, Card, CopyButton, Facts, Note, Skeleton } from "../components/basic";
import { PageFrame } from "../components/page";
import { type Language, useI18n } from "../i18n/all";
import { loadMessages, makeTranslate, type Translate } from "../i18n/index";
import { AskFor } from "./parts/ask-for";
import { linkName } from "./parts/link-name";
import { Qr } from "./parts/qr";
import "../components/document.css";

export default function HandOut({ token }: { token: string }) {
  const { t, language } = useI18n();
  const link = useLinks().data?.find((l) => l.token === token);
  const partner = usePartners().data?.find((p) => p.id === link?.partner);
  const rules = useRules().data;
  const names = useNames();
  const settings = useSettings().data;
  const system = useSystem().data;
  const [wanted, setWanted] = useState<Language>(language);
  const [own, setOwn] = useState<Translate | null>(null);
  useEffect(() => {
    let isCurrent = true;
    void loadMessages(wanted).then((messages) => {
      if (isCurrent) setOwn(() => makeTranslate(wanted, messages));
    });
    return () => {
      isCurrent = false;
    };
  }, [wanted]);
  if (!link || !own) return <Skeleton lines={8} />;
  const h = own;
  const urls = (rules ?? []).filter((r) => r.scope.type === "partner" && r.scope.partner === link.partner && r.enabled);
  const parameters = partner?.click_parameters ?? [];
  const text = [
    h("hand_out.title", { offer: names.offer(link.offer) }),
    "",
    `${h("hand_out.url")}\n${link.urls.submission_url}`,
    `${h("hand_out.impression")}\n${link.urls.impression_url}`,
    ...parameters.map((p) => `${p.name}: ${p.macro_text ?? h("hand_out.your_id")}`),
    "",
    h("hand_out.postback"),
    ...urls.map((r) => r.text),
    ...(system?.source_address ? [`${h("hand_out.source")}: ${system.source_address}`] : []),
  ].join("\n");
  return (
    <PageFrame
      title={h("hand_out.title", { offer: names.offer(link.offer) })}
      back={{ href: `/links/${token}`, label: t("form.back") }}
      actions={
        <>
          <Button onPress={() => setWanted(wanted === "ja" ? "en" : "ja")}>
            {wanted === "ja" ? "English" : "日本語"}
          </Button>
          <CopyButton text={text} label={t("hand_out.copy")} />
          <Button variant="primary" icon={Printer} onPress={() => window.print()}>
            {t("hand_out.print")}
          </Button>
        </>
      }
    >
      <article className="doc stack" lang={wanted}>
        <p>{h("hand_out.intro", { partner: partner?.name ?? link.network })}</p>
        <Card title={`1. ${h("hand_out.url")}`} help={h("hand_out.url_help")}>
          <div className="row top" style={{ gap: 24 }}>
            <div className="grow stack" style={{ minWidth: 240 }}>
              <code className="codebox">{link.urls.submission_url}</code>
              <AskFor urls={link.urls} />
              <h3>{h("hand_out.impression")}</h3>
              <code className="codebox">{link.urls.impression_url}</code>
            </div>
            <Qr text={link.urls.click_url} label={h("link.qr")} />
          </div>
        </Card>
        <Card title={`2. ${h("hand_out.parameters")}`} help={h("hand_out.parameters_help")}>
          <Facts
            items={
              parameters.length
                ? parameters.map((p) => [
                    <code key={p.name}>{p.name}</code>,
                    p.macro_text ? <code key="m">{p.macro_text}</code> : h("hand_out.your_id"),
                  ])
                : [["param1", h("hand_out.your_id")]]
            }
          />
        </Card>
        <Card title={`3. ${h("hand_out.postback")}`} help={h("hand_out.postback_help")}>
          {urls.length ? (
            <div className="stack tight">
              {urls.map((r) => (
                <div key={r.id}>
                  <span className="muted small">{r.name}</span>
                  <code className="codebox">{r.text}</code>
                </div>
              ))}
            </div>
          ) : (
            <Note tone="info">{h("hand_out.no_postback")}</Note>
          )}
          {system?.source_address && (
            <p style={{ marginTop: 12 }}>
              {h("hand_out.source")}: <code>{system.source_address}</code>
            </p>
          )}
        </Card>
        <Card title={h("hand_out.sheet")}>
          <Facts
            items={[
              [h("link.offer"), names.offer(link.offer)],
              [h("links.name"), linkName(link)],
              [h("links.token"), <code key="t">{link.token}</code>],
              [h("hand_out.server"), settings?.public_url ?? ""],
            ]}
          />
        </Card>
      </article>
    </PageFrame>
  );
}
