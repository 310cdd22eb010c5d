/** How far a job is that runs on the server, and a button that stops it. */
import { post } from "../../api/client";
import { Button } from "../../components/basic";
import { useT } from "../../i18n/all";

export function JobRunning(props: {
  id: string;
  /** What the job does. */
  label: string;
  done: number;
  /** Not known before the job has counted. */
  total: number | null;
  onStopped: () => void;
  onProblem: (problem: unknown) => void;
}) {
  const t = useT();
  return (
    <>
      <progress
        {...(props.total ? { max: props.total } : {})}
        value={props.total ? props.done : undefined}
        aria-label={props.label}
      />
      <Button
        size="small"
        onPress={() => void post(`/jobs/${props.id}/cancel`, {}).then(props.onStopped, props.onProblem)}
      >
        {t("backfill.cancel")}
      </Button>
    </>
  );
}
