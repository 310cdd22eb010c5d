/** Erasures of devices that nobody proved: what waits, who asked, and the two things that can be done about it. */
import { ShieldQuestion } from "lucide-react";
import { useState } from "react";
import { del, post } from "../api/client";
import { useErasures } from "../api/erasures";
import { useNames, useRefresh } from "../api/queries";
import type { Erasure } from "../api/types";
import { Button, Card, Empty, Note, Skeleton, TestBadge, Time } from "../components/basic";
import { Confirm } from "../components/dialog";
import { Problem } from "../components/form";
import { PageFrame } from "../components/page";
import { Table } from "../components/table";
import { useT } from "../i18n/all";

export default function Erasures() {
  const t = useT();
  const names = useNames();
  const refresh = useRefresh();
  const erasures = useErasures();
  const [asked, setAsked] = useState<{ erasure: Erasure; cancels: boolean } | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const decide = () => {
    if (!asked) return;
    const path = `/erasures/${asked.erasure.id}`;
    const done = asked.cancels ? del(path) : post(`${path}/carry_out`);
    void done.then(() => {
      setProblem(null);
      return refresh("erasures");
    }, setProblem);
  };
  const body = () => {
    if (erasures.isPending) return <Skeleton />;
    if (erasures.isError) return <Problem error={erasures.error} />;
    if (erasures.data.items.length === 0) {
      return (
        <Empty icon={ShieldQuestion} title={t("erasures.empty")}>
          {t("erasures.empty_text")}
        </Empty>
      );
    }
    return (
      <Table
        label={t("erasures.title")}
        rows={erasures.data.items}
        rowKey={(x) => x.id}
        columns={[
          {
            id: "device",
            label: t("erasures.device"),
            render: (x) => (
              <div className="stack" style={{ gap: 2 }}>
                {x.devices.map((d) => (
                  <code key={d.name} className="wrap-any">
                    {d.name}={d.value}
                  </code>
                ))}
                {x.adid && <code className="wrap-any">adid={x.adid}</code>}
                {x.is_test && <TestBadge />}
              </div>
            ),
          },
          { id: "offer", label: t("erasures.offer"), render: (x) => names.offer(x.offer) },
          { id: "from", label: t("erasures.from"), render: (x) => <code>{x.from}</code> },
          { id: "asked", label: t("erasures.asked"), render: (x) => <Time ms={x.asked_at_ms} /> },
          { id: "due", label: t("erasures.due"), render: (x) => <Time ms={x.due_at_ms} /> },
          {
            id: "do",
            label: t("table.tools"),
            render: (x) => (
              <div className="row">
                <Button size="small" onPress={() => setAsked({ erasure: x, cancels: true })}>
                  {t("erasures.cancel")}
                </Button>
                <Button size="small" onPress={() => setAsked({ erasure: x, cancels: false })}>
                  {t("erasures.now")}
                </Button>
              </div>
            ),
          },
        ]}
      />
    );
  };
  const count = erasures.data?.count ?? 0;
  const shown = erasures.data?.items.length ?? 0;
  return (
    <PageFrame title={t("erasures.title")} lead={t("erasures.lead")}>
      <div className="stack">
        <Problem error={problem} />
        {count > shown && <Note tone="info">{t("erasures.more", { shown, count })}</Note>}
        <Card flush>{body()}</Card>
      </div>
      <Confirm
        isOpen={asked !== null}
        onClose={() => setAsked(null)}
        onConfirm={decide}
        title={asked?.cancels ? t("erasures.cancel_title") : t("erasures.now_title")}
        action={asked?.cancels ? t("erasures.cancel") : t("erasures.now")}
        danger={asked ? !asked.cancels : false}
      >
        {asked?.cancels ? t("erasures.cancel_text") : t("erasures.now_text")}
      </Confirm>
    </PageFrame>
  );
}
