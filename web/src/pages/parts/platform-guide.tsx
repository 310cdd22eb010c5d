/** Every platform that a preset connects: what it needs and where that is found. Made of the presets themselves. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { get } from "../../api/client";
import type { Page, Platform, Preset } from "../../api/types";
import { Card, Facts, Skeleton } from "../../components/basic";
import { Problem } from "../../components/form";
import { useI18n, useT } from "../../i18n/all";
import { PlatformNotes } from "./connect-platform";
import { presetName } from "./preset-picker";

async function platforms(): Promise<Preset[]> {
  const found: Preset[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Preset> = await get<Page<Preset>>("/presets", { limit: 200, cursor });
    found.push(...page.items.filter((preset) => preset.platform));
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

export function PlatformGuide() {
  const { t, language } = useI18n();
  const found = useQuery({
    queryKey: ["presets", "platforms"],
    queryFn: platforms,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className="doc stack">
      <Card title={t("help.platforms_how")}>
        <ol>
          <li>{t("help.platforms_how1")}</li>
          <li>{t("help.platforms_how2")}</li>
          <li>{t("help.platforms_how3")}</li>
        </ol>
      </Card>
      {found.isError && <Problem error={found.error} />}
      {found.isPending && <Skeleton lines={8} />}
      {found.data?.map(
        (preset) =>
          preset.platform && (
            <Card key={preset.id} title={presetName(preset, language)}>
              <Guide preset={preset} platform={preset.platform} />
            </Card>
          ),
      )}
    </div>
  );
}

function Guide({ preset, platform }: { preset: Preset; platform: Platform }) {
  const { t, language } = useI18n();
  const { own, usual, others } = platform.words;
  const words = [...new Set([...usual.map((row) => row.word), ...others])];
  const ages = platform.rules.flatMap((rule) => rule.max_age_h ?? []);
  const facts: [string, string][] = [
    [t("help.platforms_ids"), platform.ids.map((id) => id.name).join(", ")],
    [t("help.platforms_words"), own ? t("help.platforms_own", { label: own.label[language] }) : words.join(", ")],
  ];
  if (ages[0] !== undefined) facts.push([t("help.platforms_age"), t("help.platforms_hours", { hours: ages[0] })]);
  facts.push([t("help.platforms_test"), platform.test[language]]);
  return (
    <div className="stack">
      <PlatformNotes platform={platform} />
      <div>
        <strong>{t("help.platforms_needs")}</strong>
        <ul>
          {platform.blanks.map((blank) => (
            <li key={blank.name}>
              {blank.is_optional ? t("connect.optional", { label: blank.label[language] }) : blank.label[language]}
              <span className="muted">: {blank.place[language]}</span>
            </li>
          ))}
          {own && (
            <li>
              {own.label[language]}
              <span className="muted">: {own.place[language]}</span>
            </li>
          )}
        </ul>
      </div>
      <Facts items={facts} />
      <ConnectLink preset={preset} />
    </div>
  );
}

function ConnectLink({ preset }: { preset: Preset }) {
  const t = useT();
  const { language } = useI18n();
  return (
    <div>
      <Link className="btn" href={`/partners/new?preset=${preset.id}`}>
        {t("help.platforms_connect", { name: presetName(preset, language) })}
      </Link>
    </div>
  );
}
