/** Whether the tag runs: on which sites it was seen, what came in last, and a purchase to try. */
import { useQuery } from "@tanstack/react-query";
import { ExternalLink, FlaskConical } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { get, post } from "../../api/client";
import { useCanEdit, useLinks, useNames } from "../../api/queries";
import type { ActivityRow, Offer, Page, SessionRow, TagSeen } from "../../api/types";
import { Amount, Badge, Button, Card, Note, Skeleton, Time } from "../../components/basic";
import { Problem } from "../../components/form";
import { useT } from "../../i18n/all";
import { useCodeText } from "../parts/kinds";

const hostOf = (address: string) => {
  try {
    return new URL(address).hostname;
  } catch {
    return "";
  }
};

/** Sites on which the tag was loaded: those of the offer first, by what browsers say of themselves. */
function useSeen(offer: Offer) {
  const seen = useQuery({
    queryKey: ["tags", "seen"],
    queryFn: () => get<{ items: TagSeen[] }>("/tags/seen"),
    refetchInterval: 5_000,
  });
  const hosts = new Set([...offer.sites, offer.destinations.default].map(hostOf).filter(Boolean));
  const items = seen.data?.items ?? [];
  return { ...seen, own: items.filter((s) => hosts.has(s.host)), others: items.filter((s) => !hosts.has(s.host)) };
}

export function TagCheck({ offer }: { offer: Offer }) {
  const t = useT();
  const seen = useSeen(offer);
  return (
    <Card title={t("tags.check")} help={t("tags.check_help")}>
      <div className="stack">
        {seen.isPending ? (
          <Skeleton lines={2} />
        ) : seen.isError ? (
          <Problem error={seen.error} />
        ) : seen.own.length > 0 ? (
          <ul className="plain-list">
            {seen.own.map((one) => (
              <li key={one.host}>
                <Badge tone="ok">{t("tags.seen")}</Badge> <code>{one.host}</code>{" "}
                <Time ms={one.last_at_ms} mode="relative" />
              </li>
            ))}
          </ul>
        ) : (
          <Note tone="warn">
            {t("tags.not_seen")}{" "}
            {seen.others.length > 0 && t("tags.seen_elsewhere", { hosts: seen.others.map((o) => o.host).join(", ") })}
          </Note>
        )}
        <TestPurchase offer={offer} />
        <LastArrivals offer={offer} />
      </div>
    </Card>
  );
}

function LastArrivals({ offer }: { offer: Offer }) {
  const t = useT();
  const names = useNames();
  const reason = useCodeText("refusal");
  const last = useQuery({
    queryKey: ["activities", "last", offer.id],
    queryFn: () => get<Page<ActivityRow>>("/activities", { offer: offer.id, limit: 5 }),
    refetchInterval: 3_000,
  });
  if (!last.data) return last.isError ? <Problem error={last.error} /> : null;
  return (
    <div className="stack tight">
      <h3>{t("tags.arrivals")}</h3>
      {last.data.items.length === 0 ? (
        <p className="muted">{t("tags.no_arrivals")}</p>
      ) : (
        <ul className="plain-list" aria-live="polite">
          {last.data.items.map((a) => (
            <li key={a.id} className="row">
              <Badge tone={a.verdict === "accepted" ? "ok" : "warn"}>
                {a.verdict === "accepted" ? t("tags.counted") : reason(a.reason)}
              </Badge>
              <Link href={`/trace?q=${a.id}`}>
                {names.event(a.offer, a.event) || a.kind} <Time ms={a.received_at_ms} mode="relative" />
              </Link>
              {a.uids[0] && <code>{a.uids[0]}</code>}
              <Amount value={a.money} />
              {!a.session && <span className="muted">{t("tags.without_sid")}</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** A test click whose landing page is opened as a visitor's would be; what is bought there is labelled test. */
function TestPurchase({ offer }: { offer: Offer }) {
  const t = useT();
  const canEdit = useCanEdit();
  const link = useLinks().data?.find((l) => l.offer === offer.id && l.state === "active");
  const [click, setClick] = useState<SessionRow | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  if (!canEdit) return null;
  if (!link) {
    return (
      <p className="help">
        {t("tags.test_needs_link")} <Link href={`/links/new?offer=${offer.id}`}>{t("links.add")}</Link>
      </p>
    );
  }
  return (
    <div className="stack tight">
      <h3>{t("tags.test")}</h3>
      <p className="help">{t("tags.test_help")}</p>
      <div>
        <Button
          icon={FlaskConical}
          isBusy={isBusy}
          onPress={() => {
            setBusy(true);
            setProblem(null);
            post<SessionRow>("/test/click", { link: link.token })
              .then(setClick, setProblem)
              .finally(() => setBusy(false));
          }}
        >
          {t("tags.test_do")}
        </Button>
      </div>
      <Problem error={problem} />
      {click && (
        <Note tone="info">
          <div className="stack tight">
            <span>{t("tags.test_open")}</span>
            <a href={click.destination} target="_blank" rel="noreferrer" className="btn">
              <ExternalLink size={16} aria-hidden /> {t("tags.test_shop")}
            </a>
            <Arrival sid={click.id} />
          </div>
        </Note>
      )}
    </div>
  );
}

function Arrival({ sid }: { sid: string }) {
  const t = useT();
  const found = useQuery({
    queryKey: ["activities", "of_test", sid],
    queryFn: () => get<Page<ActivityRow>>("/activities", { sid, limit: 1 }),
    refetchInterval: 2_000,
  });
  const one = found.data?.items[0];
  return (
    <span role="status">
      {one ? (
        <>
          {t("tags.test_arrived", { order: one.uids[0] ?? "–" })}{" "}
          <Link href={`/trace?q=${one.id}`}>{t("link.test_trace")}</Link>
        </>
      ) : (
        t("tags.test_waiting", { sid })
      )}
    </span>
  );
}
