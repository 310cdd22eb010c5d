/** Stopping and resuming an offer, a partner or a link: a question that says what happens, and a note that says how it stands. */
import { CirclePause, CirclePlay } from "lucide-react";
import { useState } from "react";
import { put } from "../../api/client";
import { useCanEdit, useRefresh } from "../../api/queries";
import type { Stop } from "../../api/types";
import { Button, Note } from "../../components/basic";
import { MomentField } from "../../components/date-field";
import { Dialog } from "../../components/dialog";
import { CheckField, Problem, SelectField, TextField } from "../../components/form";
import { localTime, timeOf } from "../../components/local-time";
import { standing } from "../../components/stop-state";
import { toast } from "../../components/toast";
import { useFormat, useT } from "../../i18n/all";

export type StopKind = "offers" | "partners" | "links";

interface Stoppable {
  state?: string;
  stop: Stop | null;
}

/** How it is saved: its address, and its body with another stop. */
export interface StopProps {
  kind: StopKind;
  of: Stoppable;
  path: string;
  body: (change: { stop: Stop | null; state?: "active" }) => object;
  onSaved?: (saved: unknown) => void;
}

function useSaving(props: StopProps) {
  const refresh = useRefresh();
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const save = async (stop: Stop | null): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    const state = props.of.state === undefined ? {} : { state: "active" as const };
    try {
      const saved = await put(props.path, props.body({ stop, ...state }));
      props.onSaved?.(saved);
      await refresh("offers", "partners", "links");
      return true;
    } catch (error) {
      setProblem(error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { save, problem, isBusy };
}

export function StopButton(props: StopProps) {
  const t = useT();
  const canEdit = useCanEdit();
  const [isAsking, setAsking] = useState(false);
  const saving = useSaving(props);
  if (!canEdit) return null;
  if (standing(props.of.state, props.of.stop, Date.now()) !== "active") {
    const is = standing(props.of.state, props.of.stop, Date.now());
    return (
      <>
        <Button
          icon={CirclePlay}
          isBusy={saving.isBusy}
          onPress={() => void saving.save(null).then((done) => done && toast(t("stop.resumed")))}
        >
          {t(is === "planned" ? "stop.cancel_plan" : "stop.resume")}
        </Button>
        <Problem error={saving.problem} />
      </>
    );
  }
  return (
    <>
      <Button icon={CirclePause} onPress={() => setAsking(true)}>
        {t("stop.do")}
      </Button>
      {isAsking && <StopDialog {...props} onClose={() => setAsking(false)} />}
    </>
  );
}

/** How it stands, where it is stopped or will be. */
export function StopNote({ of }: { of: Stoppable }) {
  const t = useT();
  const format = useFormat();
  const is = standing(of.state, of.stop, Date.now());
  if (is === "active") return null;
  if (!of.stop) return <Note tone="warn">{t("link.paused_note")}</Note>;
  const { stop } = of;
  const visitors = stop.visitors.show === "fallback" ? stop.visitors.url : t(`stop.${stop.visitors.show}`);
  return (
    <Note tone="warn">
      {t(is === "planned" ? "stop.note_planned" : "stop.note_now", { from: format.dateTime(stop.from_ms), visitors })}{" "}
      {stop.until_ms && t("stop.note_until", { until: format.dateTime(stop.until_ms) })}{" "}
      {stop.hold_postbacks && t("stop.note_held")}
    </Note>
  );
}

function StopDialog(props: StopProps & { onClose: () => void }) {
  const t = useT();
  const { timeZone } = useFormat();
  const { save, problem, isBusy } = useSaving(props);
  const [show, setShow] = useState<Stop["visitors"]["show"]>("destination");
  const [url, setUrl] = useState("");
  const [isDated, setDated] = useState(false);
  const [from, setFrom] = useState(localTime(Date.now() + 86_400_000, timeZone));
  const [isEnding, setEnding] = useState(false);
  const [until, setUntil] = useState(localTime(Date.now() + 7 * 86_400_000, timeZone));
  const [isHeld, setHeld] = useState(false);
  const start = () =>
    void save({
      from_ms: isDated ? timeOf(from, timeZone) : 0,
      until_ms: isEnding ? timeOf(until, timeZone) : null,
      visitors: show === "fallback" ? { show, url: url.trim() } : { show },
      hold_postbacks: isHeld,
    }).then((done) => {
      if (!done) return;
      toast(t(isDated ? "stop.planned" : "stop.stopped"));
      props.onClose();
    });
  return (
    <Dialog isOpen onClose={props.onClose} title={t(`stop.title_${props.kind}`)} wide>
      <div className="stack">
        <p>{t("stop.what")}</p>
        <SelectField
          label={t("stop.visitors")}
          value={show}
          onChange={(value) => setShow(value as Stop["visitors"]["show"])}
          help={t("stop.highest")}
          options={(["destination", "fallback", "page"] as const).map((value) => ({
            value,
            label: t(`stop.${value}`),
          }))}
        />
        {show === "fallback" && (
          <TextField label={t("stop.url")} value={url} onChange={setUrl} required placeholder="https://" mono />
        )}
        <SelectField
          label={t("stop.from")}
          value={isDated ? "date" : "now"}
          onChange={(value) => setDated(value === "date")}
          options={[
            { value: "now", label: t("stop.from_now") },
            { value: "date", label: t("stop.from_date") },
          ]}
        />
        {isDated && <MomentField help={timeZone} label={t("stop.at")} value={from} onChange={setFrom} />}
        <CheckField label={t("stop.until")} value={isEnding} onChange={setEnding} />
        {isEnding && <MomentField help={timeZone} label={t("stop.at")} value={until} onChange={setUntil} />}
        {props.kind === "partners" && (
          <CheckField label={t("stop.hold")} help={t("stop.hold_help")} value={isHeld} onChange={setHeld} />
        )}
        <Problem error={problem} />
        <div className="row end">
          <Button onPress={props.onClose}>{t("form.cancel")}</Button>
          <Button variant="danger" isBusy={isBusy} onPress={start}>
            {t("stop.confirm")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
