/** What a partner calls statuses and events: the values of `{partner_status}` and `{partner_event}`. */
import { useOffers } from "../../api/queries";
import type { Partner } from "../../api/types";
import { TextField } from "../../components/form";
import { useT } from "../../i18n/all";
import { STATUSES } from "./partner-fields";

type Wording = Partner["wording"];

export function WordingFields(props: {
  value: Wording;
  onChange: (value: Wording) => void;
  error: (field: string) => string | undefined;
}) {
  const t = useT();
  const offers = useOffers().data ?? [];
  const { statuses, events } = props.value;
  const put = (words: Record<string, string>, key: string, word: string) => {
    const { [key]: _, ...others } = words;
    return word ? { ...others, [key]: word } : others;
  };
  return (
    <div className="stack">
      <div className="grid two">
        {STATUSES.map((status) => (
          <TextField
            key={status}
            label={t(`status.${status}`)}
            value={statuses[status] ?? ""}
            placeholder={status}
            onChange={(word) => props.onChange({ events, statuses: put(statuses, status, word) })}
            error={props.error(`wording.statuses.${status}`)}
          />
        ))}
      </div>
      <details>
        <summary>{t("wording.events")}</summary>
        <div className="grid two">
          {offers.flatMap((offer) =>
            offer.events.map((event) => (
              <TextField
                key={event.token}
                label={`${offer.name} / ${event.name}`}
                value={events[event.token ?? ""] ?? ""}
                placeholder={event.name}
                onChange={(word) => props.onChange({ statuses, events: put(events, event.token ?? "", word) })}
                error={props.error(`wording.events.${event.token}`)}
              />
            )),
          )}
        </div>
      </details>
    </div>
  );
}
