import { describe, expect, it } from "vitest";
import type { NoteCount } from "../../api/types";
import { toMend } from "./notes";

const row = (code: NoteCount["code"], field: string, count: number): NoteCount => ({ code, field, value: "", count });

describe("notes", () => {
  it("that nobody can mend at the source are left out", () => {
    const rows = [row("unfilled", "param1", 5), row("charset", "label", 4), row("mended_address", "", 2)];
    const found = toMend({ records: 9, noted: 8, unfilled: 5, rows, is_partial: false });
    expect(found.map((c) => [c.code, c.field, c.count])).toEqual([
      ["unfilled", "param1", 5],
      ["mended_address", "", 2],
    ]);
  });
});
