/** Checks that addresses reach this server: the server calls itself under each, and says what is in the way. */
import { Radar } from "lucide-react";
import { useState } from "react";
import { post } from "../../api/client";
import type { AddressChecked } from "../../api/types";
import { Button, Note, type Tone } from "../../components/basic";
import { Problem } from "../../components/form";
import { useT } from "../../i18n/all";

const TONES: Record<AddressChecked["result"], Tone> = {
  ok: "ok",
  ok_private: "warn",
  something_else: "bad",
  redirected: "bad",
  not_resolved: "bad",
  refused: "bad",
  timed_out: "bad",
  tls: "bad",
  private_elsewhere: "bad",
};

export function AddressCheck({ urls }: { urls: readonly string[] }) {
  const t = useT();
  const [isBusy, setBusy] = useState(false);
  const [found, setFound] = useState<readonly AddressChecked[]>([]);
  const [problem, setProblem] = useState<unknown>(null);
  const wanted = urls.filter(Boolean);
  const check = async () => {
    setBusy(true);
    setProblem(null);
    setFound([]);
    try {
      for (const url of wanted) {
        const checked = await post<AddressChecked>("/address-check", { url });
        setFound((old) => [...old, checked]);
      }
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  if (wanted.length === 0) return null;
  return (
    <div className="stack tight">
      <div className="row">
        <Button icon={Radar} isBusy={isBusy} onPress={() => void check()}>
          {isBusy ? t("reach.busy") : t("reach.check")}
        </Button>
      </div>
      <div className="stack tight" aria-live="polite">
        {found.map((f) => (
          <Note key={f.url} tone={TONES[f.result]}>
            <code>{f.url}</code> {t(`reach.${f.result}`)}
          </Note>
        ))}
        <Problem error={problem} />
      </div>
    </div>
  );
}
