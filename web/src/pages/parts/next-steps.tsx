/** What is left to do until the first real click: shown on Home as long as there is none. */
import { CheckCircle2, Circle } from "lucide-react";
import type { ReactNode } from "react";
import { useCanEdit, useLinks, useOffers, usePartners, useRules } from "../../api/queries";
import { Card, CopyLine, LinkButton } from "../../components/basic";
import { useT } from "../../i18n/all";
import { AskFor } from "./ask-for";
import "./next-steps.css";

export function NextSteps() {
  const t = useT();
  const canEdit = useCanEdit();
  const offers = useOffers().data;
  const partners = usePartners().data;
  const rules = useRules().data;
  const links = useLinks().data;
  if (!offers || !partners || !rules || !links) return null;
  const isTold = (id: string) => rules.some((r) => r.enabled && r.scope.type === "partner" && r.scope.partner === id);
  const untold = partners.find((p) => !isTold(p.id));
  const link = links[0];
  const offer = offers[0];
  return (
    <Card title={t("next.title")} help={t("next.text")}>
      <ol className="next-steps">
        <Step isDone={offers.length > 0} title={t("next.offer")}>
          {canEdit && <LinkButton href="/offers/new">{t("offers.add")}</LinkButton>}
        </Step>
        <Step isDone={partners.length > 0 && !untold} title={t("next.partner")} text={t("next.partner_text")}>
          {canEdit && (
            <LinkButton href={untold ? `/partners/${untold.id}` : "/partners/new"}>
              {untold ? untold.name : t("partners.add")}
            </LinkButton>
          )}
        </Step>
        <Step isDone={false} title={t("next.link")} text={link ? t("next.link_text") : ""}>
          {link ? (
            <>
              <div style={{ flex: "1 1 100%" }}>
                <CopyLine text={link.urls.submission_url} />
                <AskFor urls={link.urls} />
              </div>
              <LinkButton href={`/links/${link.token}/hand-out`}>{t("link.hand_out")}</LinkButton>
            </>
          ) : (
            canEdit && <LinkButton href="/links/new">{t("links.add")}</LinkButton>
          )}
        </Step>
        <Step isDone={false} title={t("next.site")} text={t("next.site_text")}>
          <LinkButton href={link ? `/links/${link.token}` : offer ? `/offers/${offer.id}` : "/help/conversions"}>
            {t("next.site_do")}
          </LinkButton>
        </Step>
      </ol>
    </Card>
  );
}

function Step(props: { isDone: boolean; title: string; text?: string; children?: ReactNode }) {
  const t = useT();
  const Icon = props.isDone ? CheckCircle2 : Circle;
  return (
    <li>
      <Icon size={20} aria-hidden color={props.isDone ? "var(--ok)" : "var(--muted)"} />
      <div className="stack tight grow">
        <strong>
          {props.title}
          {props.isDone && <span className="sr"> ({t("way_state.done")})</span>}
        </strong>
        {!props.isDone && props.text && <span className="muted">{props.text}</span>}
        {!props.isDone && <div className="row">{props.children}</div>}
      </div>
    </li>
  );
}
