/** The home of one partner: its figures, its links, what it is told, what is handed out, notes. */
import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { ApiError, get, put } from "../api/client";
import { useCanEdit, useLinks, useNames, useRefresh, useRules } from "../api/queries";
import type { Partner, Rule, Link as TrackingLink } from "../api/types";
import { Amounts, Badge, Button, Card, Empty, LinkButton, Note, RunBadge, Skeleton } from "../components/basic";
import { useFilters } from "../components/filters";
import { Form, Problem, SubmitButton, TextField, useForm } from "../components/form";
import { PageFrame } from "../components/page";
import { useAddressSorting } from "../components/sorting";
import { type Column, Table } from "../components/table";
import { toast } from "../components/toast";
import { Unsaved } from "../components/unsaved";
import { useFormat, useT } from "../i18n/all";
import { FigurePeriod, type Figures, useFigureColumns, useFigures } from "./parts/figures";
import { HandOver } from "./parts/hand-over";
import { linkName } from "./parts/link-name";
import { partnerBody } from "./parts/partner-fields";
import { RulePreview } from "./parts/rule-preview";
import { StopButton, StopNote } from "./parts/stop";
import { TestSend } from "./parts/test-send";
import "../components/tiles.css";

export default function PartnerHome({ id }: { id: string }) {
  const t = useT();
  const found = useQuery({ queryKey: ["partners", "one", id], queryFn: () => get<Partner>(`/partners/${id}`) });
  if (found.error instanceof ApiError && found.error.status === 404) return <Note tone="warn">{t("error.gone")}</Note>;
  if (found.isError) return <Problem error={found.error} />;
  if (found.isPending) return <Skeleton lines={10} />;
  return <Screen partner={found.data} />;
}

function Screen({ partner }: { partner: Partner }) {
  const t = useT();
  const canEdit = useCanEdit();
  const filters = useFilters();
  const figures = useFigures("link", filters, { partner: partner.id });
  return (
    <PageFrame
      title={partner.name}
      lead={t("partner_home.lead")}
      back={{ href: "/partners", label: t("partners.title") }}
      actions={
        <>
          {canEdit && (
            <LinkButton href={`/links/new?partner=${partner.id}`} icon={Plus} variant="primary">
              {t("links.add")}
            </LinkButton>
          )}
          <LinkButton href={`/partners/${partner.id}/edit`} icon={Pencil}>
            {t("partner_home.settings")}
          </LinkButton>
          <StopButton
            kind="partners"
            of={{ stop: partner.stop }}
            path={`/partners/${partner.id}`}
            body={(change) => partnerBody({ ...partner, ...change })}
          />
        </>
      }
    >
      <StopNote of={{ stop: partner.stop }} />
      <FigurePeriod filters={filters} figures={figures} />
      <div className="stack">
        <Problem error={figures.error} />
        <Numbers partner={partner.id} figures={figures} />
        <Links partner={partner.id} figures={figures} />
        <Rules partner={partner.id} />
        <Notes key={partner.updated_at_ms} partner={partner} />
      </div>
    </PageFrame>
  );
}

function Numbers({ partner, figures }: { partner: string; figures: Figures }) {
  const t = useT();
  const format = useFormat();
  const sum = figures.total;
  if (!sum) return figures.error ? null : <Skeleton lines={2} />;
  const to = (path: string, more = "") => `/${path}?partner=${partner}&${figures.search}${more}`;
  const tiles = [
    { id: "clicks", href: to("clicks"), value: format.number(sum.clicks) },
    { id: "conversions", href: to("conversions"), value: format.number(sum.conversions) },
    {
      id: "cr",
      href: to("reports", "&group=link"),
      value: sum.clicks ? format.percent(sum.conversions / sum.clicks, 2) : "–",
    },
    { id: "approved", href: to("conversions", "&status=approved"), value: format.number(sum.approved) },
    { id: "revenue", href: to("reports"), value: <Amounts values={sum.revenue} /> },
    { id: "payout", href: to("conversions", "&sort=-payout"), value: <Amounts values={sum.payout} /> },
  ] as const;
  return (
    <div className="tiles">
      {tiles.map(({ id, href, value }) => (
        <Link key={id} className="tile" href={href}>
          <span className="k">{t(`stat.${id}`)}</span>
          <span className="v">{value}</span>
        </Link>
      ))}
    </div>
  );
}

function Links({ partner, figures }: { partner: string; figures: Figures }) {
  const t = useT();
  const names = useNames();
  const links = useLinks();
  const canEdit = useCanEdit();
  const sorting = useAddressSorting(useFilters(), "-clicks");
  const figureColumns = useFigureColumns<TrackingLink>(figures, "link", (l) => l.token);
  const columns: Column<TrackingLink>[] = [
    {
      id: "name",
      short: true,
      label: t("links.name"),
      sort: linkName,
      render: (l) => <Link href={`/links/${l.token}`}>{linkName(l)}</Link>,
    },
    { id: "offer", label: t("link.offer"), sort: (l) => names.offer(l.offer), render: (l) => names.offer(l.offer) },
    {
      id: "state",
      short: true,
      label: t("offers.state"),
      sort: (l) => l.state,
      render: (l) => <RunBadge state={l.state} />,
    },
    ...figureColumns,
    {
      id: "copy",
      label: t("links.to_copy"),
      render: (l) => <HandOver link={l} />,
    },
  ];
  if (links.isPending) return <Skeleton lines={4} />;
  if (links.isError) return <Problem error={links.error} />;
  const own = links.data.filter((l) => l.partner === partner);
  return (
    <Card title={t("links.title")} flush={own.length > 0}>
      {own.length === 0 ? (
        <Empty
          icon={Plus}
          title={t("partner_home.no_links")}
          action={canEdit && <LinkButton href={`/links/new?partner=${partner}`}>{t("links.add")}</LinkButton>}
        >
          {t("partner_home.no_links_text")}
        </Empty>
      ) : (
        <Table label={t("links.title")} columns={columns} rows={own} rowKey={(l) => l.token} sorting={sorting} />
      )}
    </Card>
  );
}

function Rules({ partner }: { partner: string }) {
  const t = useT();
  const rules = useRules();
  const canEdit = useCanEdit();
  if (rules.isPending) return <Skeleton lines={4} />;
  if (rules.isError) return <Problem error={rules.error} />;
  const own = rules.data.filter((r) => r.scope.type === "partner" && r.scope.partner === partner);
  return (
    <Card
      title={t("partner_home.rules")}
      help={t("partner_home.rules_help")}
      actions={
        canEdit && (
          <LinkButton size="small" icon={Plus} href={`/rules/new?partner=${partner}`}>
            {t("rules.add")}
          </LinkButton>
        )
      }
    >
      {own.length === 0 ? (
        <Note tone="warn">
          {t("partner_home.no_rules")}{" "}
          {canEdit && <Link href={`/partners/${partner}/edit`}>{t("partner_home.add_url")}</Link>}
        </Note>
      ) : (
        <ul className="plain-list">
          {own.map((rule) => (
            <li key={rule.id}>
              <RuleLine rule={rule} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function RuleLine({ rule }: { rule: Rule }) {
  const t = useT();
  const canEdit = useCanEdit();
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="stack tight">
      <div className="row">
        <Link href={`/rules/${rule.id}`}>{rule.name || rule.id}</Link>
        {rule.broken ? (
          <Badge tone="bad">{t("rule.does_not_work")}</Badge>
        ) : (
          <Badge tone={rule.enabled ? "ok" : "plain"}>{t(rule.enabled ? "rule.on" : "rule.off")}</Badge>
        )}
        <Button size="small" aria-expanded={isOpen} onPress={() => setOpen(!isOpen)}>
          {t("rule.preview")}
        </Button>
      </div>
      <code className="codebox">{`${rule.method} ${rule.text}`}</code>
      {canEdit && <TestSend rule={rule} label={t("test_send.of", { name: rule.name || rule.id })} />}
      {isOpen && <RulePreview rule={rule} />}
    </div>
  );
}

function Notes({ partner }: { partner: Partner }) {
  const t = useT();
  const refresh = useRefresh();
  const form = useForm({ note: partner.note });
  return (
    <Card title={t("form.note")}>
      <Unsaved isChanged={form.isChanged} />
      <Form
        label={t("form.note")}
        onSubmit={() =>
          void form.run(async () => {
            await put(`/partners/${partner.id}`, partnerBody({ ...partner, note: form.value.note }));
            await refresh("partners");
            toast(t("form.saved"));
          })
        }
      >
        <TextField
          label={t("partner_home.note")}
          help={t("form.note_help")}
          value={form.value.note}
          onChange={(note) => form.set("note", note)}
          error={form.error("note")}
          rows={3}
        />
        <Problem error={form.problem} />
        <div>
          <SubmitButton isBusy={form.isBusy}>{t("form.save")}</SubmitButton>
        </div>
      </Form>
    </Card>
  );
}
