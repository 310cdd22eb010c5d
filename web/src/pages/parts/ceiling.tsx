/** The largest amount of an event that counts while nobody vouches for it, with a suggestion from what was seen. */
import type { OfferEvent } from "../../api/types";
import { plainAmount } from "../../components/amount";
import { Button } from "../../components/basic";
import { TextField } from "../../components/form";
import { useFormat, useT } from "../../i18n/all";
import { useUnproven } from "./unproven";

export function CeilingField(props: {
  offer: string;
  event: OfferEvent;
  currency: string;
  onChange: (value: OfferEvent["unproven_amount"]) => void;
  error: string | undefined;
}) {
  const t = useT();
  const format = useFormat();
  const { event, currency, onChange } = props;
  const seen = useUnproven(props.offer).find((item) => item.event === event.token);
  const value = event.unproven_amount;
  return (
    <div className="stack tight">
      <TextField
        label={t("event.unproven_amount", { currency: value?.currency ?? currency })}
        help={t("event.unproven_amount_help")}
        value={value?.amount ?? ""}
        onChange={(text) => {
          const amount = plainAmount(text);
          onChange(amount ? { amount, currency: value?.currency ?? currency } : null);
        }}
        error={props.error}
        inputMode="decimal"
      />
      {seen?.largest && seen.suggested && value?.amount !== seen.suggested.amount && (
        <div className="row">
          <span className="small muted">{t("event.largest_seen", { amount: format.money(seen.largest) })}</span>
          <Button size="small" variant="quiet" onPress={() => onChange(seen.suggested)}>
            {t("event.take_suggested", { amount: format.money(seen.suggested) })}
          </Button>
        </div>
      )}
    </div>
  );
}
