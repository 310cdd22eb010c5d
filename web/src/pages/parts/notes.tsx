/** What was odd about what came in, as sentences; and how often it came. */
import { useQuery } from "@tanstack/react-query";
import { get } from "../../api/client";
import type { NoteCode, NoteCount, NotesOf, NotesReport, Oddity } from "../../api/types";
import { Card, Note } from "../../components/basic";
import { periodRange } from "../../components/period";
import { useFormat, useT } from "../../i18n/all";
import { useCodeText } from "./kinds";

/** What somebody can mend at the source; the rest is only told where the record is looked at. */
const TO_MEND: readonly NoteCode[] = ["unfilled", "maybe_unfilled", "mended_address", "refused_callback"];

export function OddityList({ notes }: { notes: readonly Oddity[] }) {
  const t = useT();
  const reasonText = useCodeText("identity_reason");
  if (notes.length === 0) return null;
  return (
    <Note tone={notes.some((n) => n.code === "unfilled") ? "warn" : "plain"} title={t("note.title")}>
      <ul className="plain-list">
        {notes.map((n) => (
          <li key={`${n.code} ${n.field} ${n.value}`}>
            {n.field && <code>{n.field}</code>} {t(`note.${n.code}`)}{" "}
            {n.code === "identity_left_out" ? reasonText(n.value) : n.value && <code>{n.value}</code>}
          </li>
        ))}
      </ul>
    </Note>
  );
}

/** Of the kinds of notes, those that somebody can mend at the source. */
export const toMend = (of: NotesOf): NoteCount[] => of.rows.filter((row) => TO_MEND.includes(row.code));

export interface NotesQuery {
  from_ms: number;
  link?: string;
}

/** What was odd about what came in, counted by the server. */
export function useNotes(wanted: NotesQuery) {
  return useQuery({
    queryKey: ["stats", "notes", wanted],
    queryFn: ({ signal }) => get<NotesReport>("/stats/notes", { ...wanted }, signal),
    refetchInterval: 60_000,
  }).data;
}

const MOST_ROWS = 8;

function OddityCounts({ title, help, rows }: { title: string; help: string; rows: readonly NoteCount[] }) {
  const t = useT();
  const format = useFormat();
  return (
    <Card title={title} help={help}>
      <ul className="plain-list">
        {rows.slice(0, MOST_ROWS).map((c) => (
          <li key={`${c.code} ${c.field}`}>
            {t("note.times", { count: format.number(c.count) })} {c.field && <code>{c.field}</code>}{" "}
            {t(`note.${c.code}`)} {c.value && <code>{c.value}</code>}
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What the clicks and conversions of a link came with that should be mended: empty macros, a damaged address. */
export function LinkOddities({ link }: { link: string }) {
  const t = useT();
  const format = useFormat();
  const from_ms = periodRange("last_7d", Date.now(), format.timeZone).from ?? 0;
  const notes = useNotes({ from_ms, link });
  if (!notes) return null;
  const [clicks, conversions] = [toMend(notes.clicks), toMend(notes.conversions)];
  const count = (of: NotesOf) => ({ noted: format.number(of.noted), count: format.number(of.records) });
  return (
    <>
      {clicks.length > 0 && (
        <OddityCounts title={t("note.of_link", count(notes.clicks))} help={t("note.of_link_help")} rows={clicks} />
      )}
      {conversions.length > 0 && (
        <OddityCounts
          title={t("note.of_sales", count(notes.conversions))}
          help={t("note.of_sales_help")}
          rows={conversions}
        />
      )}
    </>
  );
}
