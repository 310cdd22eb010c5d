import { describe, expect, it } from "vitest";
import ja from "../../../i18n/ja.json";
import { makeTranslate } from "../../i18n";
import { sentNote } from "./sent-note";

const t = makeTranslate("ja", ja);

describe("what the server noted", () => {
  it("is told in Japanese, with the field", () => {
    for (const note of [
      "amount: The amount must be a plain number such as 1000 or 12.50: no separators, no exponent, no sign.",
      "currency: The currency must be a currency code of ISO 4217 such as JPY.",
      "sid: The variable was sent as typed; the sending system did not fill it. Check its spelling there.",
      "created_at: Send ISO 8601 with an offset, such as 2026-11-21T15:04:05+09:00.",
      "x: something that nobody has written yet",
      "would be refused once the check is enforced: bad_token",
      "over_bound: One click had more sales today than count without proof; send them with a token.",
      "erased at the request of the device",
      "status=approved was not taken: only callers with a token, signature or allowed address may set it",
    ]) {
      const text = sentNote(note, "ja", t);
      expect(text).toMatch(/[ぁ-ん一-龠]/);
      expect(text).not.toMatch(/[a-z]{4,} [a-z]{3,}/);
      expect(sentNote(note, "en", t)).toBe(note);
    }
    expect(sentNote("", "ja", t)).toBe("");
  });
});
