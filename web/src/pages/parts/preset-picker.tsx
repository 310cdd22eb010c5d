/** Chooses a preset by name, in either language, searched on the server. */
import { useQuery } from "@tanstack/react-query";
import { Check, PencilLine } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { get } from "../../api/client";
import type { Page, Preset } from "../../api/types";
import { Note, Skeleton } from "../../components/basic";
import { Problem, TextField } from "../../components/form";
import { useI18n } from "../../i18n/all";

export function presetName(preset: Preset, language: string): string {
  return language === "ja" ? preset.name.ja : preset.name.en;
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
  const wanted = useDeferredValue(text);
  const found = useQuery({
    queryKey: ["presets", wanted],
    queryFn: ({ signal }) => get<Page<Preset>>("/presets", { q: wanted, limit: 24 }, signal),
    staleTime: 600_000,
    placeholderData: (old) => old,
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
        <ul className="preset-grid" aria-label={t("preset.list")}>
          <li>
            <button type="button" className="preset" aria-pressed={chosen === null} onClick={() => onChoose(null)}>
              <PencilLine size={16} aria-hidden />
              <span className="grow">{t("preset.by_hand")}</span>
              {chosen === null && <Check size={16} aria-hidden />}
            </button>
          </li>
          {found.data.items.map((preset) => (
            <li key={preset.id}>
              <button
                type="button"
                className="preset"
                aria-pressed={chosen?.id === preset.id}
                onClick={() => onChoose(preset)}
              >
                <span className="grow">
                  <span className="preset-name">{presetName(preset, language)}</span>
                  <span className="muted small">
                    {t(`preset_kind.${preset.kind}`)}
                    {preset.confidence === "unverified" && ` · ${t("preset.unverified")}`}
                  </span>
                </span>
                {chosen?.id === preset.id && <Check size={16} aria-hidden />}
              </button>
            </li>
          ))}
        </ul>
      )}
      {found.data?.items.length === 0 && <Note>{t("preset.none_found")}</Note>}
    </div>
  );
}
