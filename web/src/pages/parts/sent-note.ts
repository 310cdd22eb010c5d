/**
 * What the server noted on a record, in the operator's language. The server's sentences are English and kept with the
 * record; each that it can write has its own here, told by how it reads. Pure.
 */
import type { MessageKey, Translate } from "../../i18n";

const SENTENCES: [RegExp, MessageKey][] = [
  [/plain number such as/, "sent_note.number"],
  [/must not be negative/, "sent_note.negative"],
  [/must be at most 100000000000|0\.001 to/, "sent_note.range"],
  [/at most 6 decimals/, "sent_note.decimals"],
  [/ISO 4217/, "sent_note.currency"],
  [/pending, approved or rejected/, "sent_note.status"],
  [/production or sandbox/, "sent_note.environment"],
  [/session id has 16/, "sent_note.sid"],
  [/sending system did not fill it/, "sent_note.unfilled"],
  [/offer id \(CID\)/, "sent_note.cid"],
  [/mean the same field|same key is in callback_params/, "sent_note.twice"],
  [/sent more than once/, "sent_note.repeated"],
  [/have at most \d+ bytes/, "sent_note.long"],
  [/two hexadecimal digits/, "sent_note.escape"],
  [/percent-encoded UTF-8|must be UTF-8/, "sent_note.charset"],
  [/control characters/, "sent_note.control"],
  [/send a string or a number/, "sent_note.type"],
  [/text is malformed|JSON object is expected/, "sent_note.json"],
  [/unix seconds|ISO 8601/, "sent_note.time"],
  [/device's address/, "sent_note.address"],
  [/adid of an answer/, "sent_note.adid"],
  [/was not taken: only callers/, "sent_note.status_not_taken"],
  [/more candidates were judged/, "sent_note.more_candidates"],
  [/^erased at the request/, "sent_note.erased"],
];

/** English is shown as it is kept; in Japanese what is not known is told by its field. */
export function sentNote(note: string, language: string, t: Translate): string {
  if (!note || language !== "ja") return note;
  const [, field, sentence] = /^([\w.[\]]{1,64}): (.+)$/s.exec(note) ?? [null, "", note];
  const refused = /^(?:would be refused once the check is enforced|over_bound): ?(\w*)/.exec(note);
  if (refused) {
    const code = note.startsWith("over_bound") ? "over_bound" : (refused[1] ?? "");
    const key = `refusal.${code}`;
    const reason = t.has(key) ? t(key) : code;
    return note.startsWith("over_bound") ? reason : t("sent_note.would_refuse", { reason });
  }
  const known = SENTENCES.find(([pattern]) => pattern.test(sentence ?? ""));
  if (known) return field ? t("sent_note.of_field", { field, text: t(known[1]) }) : t(known[1]);
  return field ? t("sent_note.other", { field }) : note;
}
