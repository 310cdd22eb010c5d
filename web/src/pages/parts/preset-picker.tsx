/** Chooses a preset by name, in either language, searched on the server. */
import { useQuery } from "@tanstack/react-query";
import { Check, PencilLine } from "lucide-react";
import { type ReactNode, useState } from "react";
import { get } from "../../api/client";
import type { Page, Preset } from "../../api/types";
import { Note, Skeleton } from "../../components/basic";
import { useDebounced } from "../../components/debounce";
import { Problem, TextField } from "../../components/form";
import { useI18n } from "../../i18n/all";
import "./preset-picker.css";

export function presetName(preset: Preset, language: string): string {
  return language === "ja" ? preset.name.ja : preset.name.en;
}

/** How many there are; pages hold at most 200, so this is one request as long as there are fewer. */
async function countPresets(): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: Page<Preset> = await get<Page<Preset>>("/presets", { limit: 200, cursor });
    count += page.items.length;
    cursor = page.next_cursor;
  } while (cursor);
  return count;
}

export function PresetPicker({
  chosen,
  onChoose,
}: {
  chosen: Preset | null;
  onChoose: (preset: Preset | null) => void;
}) {
  const { t, language } = useI18n();
  const [text, setText] = useState("");
  const wanted = useDebounced(text);
  const found = useQuery({
    queryKey: ["presets", wanted],
    queryFn: ({ signal }) => get<Page<Preset>>("/presets", { q: wanted, limit: 24 }, signal),
    staleTime: 600_000,
    placeholderData: (old) => old,
  });
  const everything = useQuery({
    queryKey: ["presets", "count"],
    queryFn: countPresets,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className="stack">
      <TextField
        label={t("preset.search")}
        type="search"
        value={text}
        onChange={setText}
        help={t("preset.search_help")}
        placeholder={t("preset.search_example")}
      />
      {found.isPending ? (
        <Skeleton lines={4} />
      ) : found.isError ? (
        <Problem error={found.error} />
      ) : (
        <fieldset className="preset-list">
          <legend className="help">
            {t("preset.count", { shown: found.data.items.length, all: everything.data ?? found.data.items.length })}
          </legend>
          <div className="preset-grid">
            <Choice
              isChosen={chosen === null}
              onChoose={() => onChoose(null)}
              icon={<PencilLine size={16} aria-hidden />}
            >
              {t("preset.by_hand")}
            </Choice>
            {found.data.items.map((preset) => (
              <Choice key={preset.id} isChosen={chosen?.id === preset.id} onChoose={() => onChoose(preset)}>
                <span className="preset-name">{presetName(preset, language)}</span>
                <span className="muted small">
                  {t(`preset_kind.${preset.kind}`)}
                  {preset.platform && ` · ${t("preset.platform")}`}
                  {preset.confidence === "unverified" && ` · ${t("preset.unverified")}`}
                </span>
              </Choice>
            ))}
          </div>
        </fieldset>
      )}
      {found.data?.items.length === 0 && <Note>{t("preset.none_found")}</Note>}
    </div>
  );
}

function Choice(props: { isChosen: boolean; onChoose: () => void; icon?: ReactNode; children: ReactNode }) {
  return (
    <label className="preset">
      <input type="radio" name="preset" checked={props.isChosen} onChange={props.onChoose} />
      {props.icon}
      <span className="grow">{props.children}</span>
      {props.isChosen && <Check size={16} aria-hidden />}
    </label>
  );
}
