import { expect, it } from "vitest";
import { plainAmount, signedAmount } from "./amount";

it("reads amounts as bookkeepers write them", () => {
  expect(plainAmount("１，０００円")).toBe("1000");
  for (const text of ["-500", "−500", "△500", "▲５００円", "ー500"]) expect(signedAmount(text), text).toBe("-500");
  expect(signedAmount("¥1,234.5")).toBe("1234.5");
  expect(signedAmount("-")).toBe("-");
});
