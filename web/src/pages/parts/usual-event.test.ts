import { expect, it } from "vitest";
import { usualEvent } from "./usual-event";

const USUAL = ["purchase", "lead", "sign_up", "add_to_cart"];

it("knows what people call their events", () => {
  for (const [name, event] of [
    ["purchase", "purchase"],
    ["Lead", "lead"],
    ["購入", "purchase"],
    ["In-app purchase", "purchase"],
    ["資料請求", "lead"],
    ["お問い合わせ", "lead"],
    ["申込完了", "lead"],
    ["無料会員登録", "sign_up"],
    ["カートに追加", "add_to_cart"],
    ["Tutorial done", undefined],
  ] as const) {
    expect(usualEvent(name, USUAL), name).toBe(event);
  }
  expect(usualEvent("購入", ["install"])).toBeUndefined();
});
