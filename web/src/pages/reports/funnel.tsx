/** How many of the clicks became conversions, and how many of these were approved. */
import { Link } from "wouter";
import type { Counters } from "../../api/types";
import { Card } from "../../components/basic";
import { useFormat, useT } from "../../i18n/all";
import "./reports.css";

export function Funnel({
  total,
  links,
}: {
  total: Counters;
  links: Record<"clicks" | "conversions" | "approved", string>;
}) {
  const t = useT();
  const format = useFormat();
  const steps = [
    { id: "clicks", count: total.clicks, of: null },
    { id: "conversions", count: total.conversions, of: total.clicks },
    { id: "approved", count: total.approved, of: total.conversions },
  ] as const;
  const most = Math.max(1, ...steps.map((s) => s.count));
  return (
    <Card title={t("reports.funnel")}>
      <ol className="funnel">
        {steps.map(({ id, count, of }) => (
          <li key={id}>
            <span className="row between">
              <Link href={links[id]}>{t(`stat.${id}`)}</Link>
              <span>
                <strong>{format.number(count)}</strong>
                {of !== null && (
                  <span className="muted small">
                    {" "}
                    {of ? t(`reports.funnel_of_${id}`, { rate: format.percent(count / of, 2) }) : "–"}
                  </span>
                )}
              </span>
            </span>
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden>
              <rect width={Math.max((count / most) * 100, count ? 0.5 : 0)} height="10" fill="var(--accent)" />
            </svg>
          </li>
        ))}
      </ol>
    </Card>
  );
}
