/** Says that all postbacks are held, and lets an owner resume. */
import { useQuery } from "@tanstack/react-query";
import { CirclePlay } from "lucide-react";
import { useState } from "react";
import { get, post } from "../../api/client";
import { useMe, useRefresh, useSeesAll } from "../../api/queries";
import type { DeliveryState } from "../../api/types";
import { Button, Note } from "../../components/basic";
import { Problem } from "../../components/form";
import { useFormat, useT } from "../../i18n/all";
import { useActor } from "./actor";

export function DeliveryPaused() {
  const t = useT();
  const format = useFormat();
  const actor = useActor();
  const refresh = useRefresh();
  const seesAll = useSeesAll();
  const isOwner = useMe().data?.role === "owner";
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const delivery = useQuery({
    queryKey: ["delivery"],
    queryFn: () => get<DeliveryState>("/delivery"),
    enabled: seesAll,
    refetchInterval: 30_000,
  });
  if (!delivery.data?.is_paused) return null;
  const { since_ms, by } = delivery.data;
  const resume = () => {
    setBusy(true);
    setProblem(null);
    post("/delivery/resume")
      .then(() => refresh("delivery", "queue", "postbacks", "system"), setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <Note tone="warn">
      <div className="row">
        <span>{t("delivery.paused", { since: since_ms ? format.dateTime(since_ms) : "", by: actor(by ?? "") })}</span>
        {isOwner ? (
          <Button size="small" icon={CirclePlay} isBusy={isBusy} onPress={resume}>
            {t("delivery.resume")}
          </Button>
        ) : (
          <span>{t("delivery.ask_owner")}</span>
        )}
      </div>
      <Problem error={problem} />
    </Note>
  );
}
