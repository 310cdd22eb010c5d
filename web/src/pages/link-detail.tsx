/** One link: everything to copy from it, a test click, its numbers, its state. */
import { useQuery } from "@tanstack/react-query";
import { CopyPlus, FlaskConical, Pencil, Printer, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link as RouteLink, useLocation } from "wouter";
import { del, get, post } from "../api/client";
import { useCanEdit, useLinks, useNames, useOffers, useRefresh } from "../api/queries";
import type { Link, SessionRow, Stats } from "../api/types";
import {
  Amounts,
  Button,
  Card,
  CopyLine,
  Facts,
  LinkButton,
  Note,
  RunBadge,
  Skeleton,
  Time,
} from "../components/basic";
import { Confirm } from "../components/dialog";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { periodRange } from "../components/period";
import { useFormat, useT } from "../i18n/all";
import { linkBody } from "./link-edit";
import { AskFor } from "./parts/ask-for";
import { linkName } from "./parts/link-name";
import { LinkParameters } from "./parts/link-parameters";
import { LinkOddities } from "./parts/notes";
import { Qr } from "./parts/qr";
import { StopButton, StopNote } from "./parts/stop";

export default function LinkDetail({ token }: { token: string }) {
  const t = useT();
  const links = useLinks();
  if (links.isPending) return <Skeleton lines={8} />;
  if (links.isError) return <Problem error={links.error} />;
  const link = links.data.find((l) => l.token === token);
  return link ? <Detail link={link} /> : <Note tone="warn">{t("error.gone")}</Note>;
}

function Detail({ link }: { link: Link }) {
  const t = useT();
  const names = useNames();
  const refresh = useRefresh();
  const canEdit = useCanEdit();
  const [, navigate] = useLocation();
  const [isDeleting, setDeleting] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const offer = useOffers().data?.find((o) => o.id === link.offer);
  const run = (work: Promise<unknown>, then: () => void) => {
    setProblem(null);
    work.then(() => refresh("links")).then(then, setProblem);
  };
  return (
    <PageFrame
      title={linkName(link)}
      back={{ href: "/links", label: t("links.title") }}
      lead={
        <>
          <RunBadge {...link} /> <RouteLink href={`/offers/${link.offer}`}>{names.offer(link.offer)}</RouteLink>
          {link.partner && (
            <>
              {" · "}
              <RouteLink href={`/partners/${link.partner}`}>{names.partner(link.partner)}</RouteLink>
            </>
          )}
        </>
      }
      actions={
        <>
          <LinkButton href={`/links/${link.token}/hand-out`} icon={Printer}>
            {t("link.hand_out")}
          </LinkButton>
          {canEdit && (
            <>
              <LinkButton href={`/links/${link.token}/edit`} icon={Pencil}>
                {t("form.edit")}
              </LinkButton>
              <LinkButton href={`/links/new?copy=${link.token}`} icon={CopyPlus}>
                {t("form.duplicate")}
              </LinkButton>
              <StopButton
                kind="links"
                of={link}
                path={`/links/${link.token}`}
                body={(change) => linkBody({ ...link, ...change })}
              />
              <Button variant="danger" icon={Trash2} onPress={() => setDeleting(true)}>
                {t("form.delete")}
              </Button>
            </>
          )}
        </>
      }
    >
      <div className="stack">
        <Problem error={problem} />
        <StopNote of={link} />
        <Card title={t("link.submission")} help={t("link.submission_help")}>
          <div className="row top" style={{ gap: 24 }}>
            <div className="grow stack" style={{ minWidth: 260 }}>
              <CopyLine text={link.urls.submission_url} />
              <AskFor urls={link.urls} />
              <Url label={t("link.click_url")} text={link.urls.click_url} />
              <Url label={t("link.impression_url")} text={link.urls.impression_url} />
            </div>
            <Qr text={link.urls.click_url} label={t("link.qr")} />
          </div>
        </Card>
        <LinkOddities link={link.token} />
        <LinkParameters link={link} />
        <div className="grid two">
          {canEdit && <TestClick link={link} />}
          <Numbers link={link} />
        </div>
        <Card
          title={t(offer?.kind === "app" ? "link.tags_app" : "link.tags")}
          help={t(offer?.kind === "app" ? "link.tags_app_help" : "link.tags_help")}
          actions={
            <RouteLink href={`/offers/${link.offer}/tags`}>
              {t(offer?.kind === "app" ? "link.tags_app_all" : "link.tags_all")}
            </RouteLink>
          }
        >
          {offer?.kind !== "app" && (
            <div className="stack">
              <Url label={t("link.landing_tag")} text={link.urls.landing_tag} />
              <Url label={t("link.conversion_tag")} text={link.urls.conversion_tag} />
              <Url label={t("link.conversion_url")} text={link.urls.conversion_url} />
              <Url label={t("link.direct")} text={link.urls.direct_query} />
            </div>
          )}
        </Card>
        <Card title={t("link.about")}>
          <Facts
            items={[
              [t("links.token"), <code key="t">{link.token}</code>],
              [
                t("link.destination"),
                <code key="d">{link.destinations?.default || offer?.destinations.default || ""}</code>,
              ],
              ...(link.names ? [[t("link.names"), t("link.names_of", link.names)] as [string, string]] : []),
              [t("links.created"), <Time key="c" ms={link.created_at_ms} />],
              [t("form.note"), link.note],
            ]}
          />
        </Card>
      </div>
      <Confirm
        isOpen={isDeleting}
        onClose={() => setDeleting(false)}
        onConfirm={() => run(del(`/links/${link.token}`), () => navigate("/links"))}
        title={t("form.delete_title", { name: linkName(link) })}
        action={t("form.delete")}
        danger
      >
        {t("link.delete_text")}
      </Confirm>
    </PageFrame>
  );
}

function Url({ label, text }: { label: string; text: string }) {
  return (
    <div className="stack tight">
      <h3>{label}</h3>
      <CopyLine text={text} />
    </div>
  );
}

function TestClick({ link }: { link: Link }) {
  const t = useT();
  const [answer, setAnswer] = useState<SessionRow | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  return (
    <Card title={t("link.test")} help={t("link.test_help")}>
      <div className="stack">
        <div>
          <Button
            icon={FlaskConical}
            isBusy={isBusy}
            onPress={() => {
              setBusy(true);
              setProblem(null);
              post<SessionRow>("/test/click", { link: link.token })
                .then(setAnswer, setProblem)
                .finally(() => setBusy(false));
            }}
          >
            {t("link.test_do")}
          </Button>
        </div>
        <Problem error={problem} />
        {answer && (
          <Note tone="ok">
            <div className="stack tight">
              <span>{t("link.test_done")}</span>
              <code>{answer.destination}</code>
              <RouteLink href={`/trace?q=${answer.id}`}>
                {t("link.test_trace")} {answer.id}
              </RouteLink>
            </div>
          </Note>
        )}
      </div>
    </Card>
  );
}

function Numbers({ link }: { link: Link }) {
  const t = useT();
  const format = useFormat();
  const stats = useQuery({
    queryKey: ["stats", "link", link.token, format.timeZone],
    queryFn: () =>
      get<Stats>("/stats", {
        group_by: "day",
        link: link.token,
        time_zone: format.timeZone,
        from_ms: periodRange("last_7d", Date.now(), format.timeZone).from,
        to_ms: Date.now() + 1,
      }),
  });
  const total = stats.data?.total;
  return (
    <Card
      title={t("link.numbers")}
      actions={<RouteLink href={`/reports?link=${link.token}`}>{t("nav.reports")}</RouteLink>}
    >
      {stats.isError ? (
        <Problem error={stats.error} />
      ) : total ? (
        <Facts
          items={[
            [
              t("stat.clicks"),
              <RouteLink key="c" href={`/clicks?link=${link.token}&period=last_7d`}>
                {format.number(total.clicks)}
              </RouteLink>,
            ],
            [t("stat.unique_clicks"), format.number(total.unique_clicks)],
            [
              t("stat.conversions"),
              <RouteLink key="v" href={`/conversions?link=${link.token}&period=last_7d`}>
                {format.number(total.conversions)}
              </RouteLink>,
            ],
            [t("stat.cr"), total.clicks ? format.percent(total.conversions / total.clicks, 2) : "–"],
            [t("stat.revenue"), <Amounts key="r" values={total.revenue} />],
            [t("stat.payout"), <Amounts key="p" values={total.payout} />],
          ]}
        />
      ) : (
        <Skeleton />
      )}
    </Card>
  );
}
