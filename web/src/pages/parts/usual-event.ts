/** What people call the usual events. */

const MEANINGS: readonly (readonly [string, RegExp])[] = [
  ["add_to_cart", /カート|cart/i],
  ["sign_up", /会員|登録|sign.?up|regist/i],
  ["lead", /資料|問い?合わ?せ|申込|申し込|予約|見積|lead|contact|inquiry/i],
  ["purchase", /購入|注文|売上|決済|purchase|order|sale/i],
];

/** The usual event that a name means: the same, else by what it says. */
export function usualEvent(name: string, usual: readonly string[]): string | undefined {
  const same = usual.find((event) => event.toLowerCase() === name.toLowerCase());
  return same ?? MEANINGS.find(([event, words]) => usual.includes(event) && words.test(name))?.[0];
}
