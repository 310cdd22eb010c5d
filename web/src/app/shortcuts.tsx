/** Every key that does something, listed under `?`. */
import { Facts } from "../components/basic";
import { Dialog } from "../components/dialog";
import { type MessageKey, useT } from "../i18n/all";

const KEYS: [string, MessageKey][] = [
  ["?", "keys.this"],
  ["↑ ↓ Enter", "keys.palette"],
  ["Esc", "keys.close"],
  ["Shift", "keys.range"],
  ["← →", "keys.chart"],
  ["Enter", "keys.chart_pick"],
  ["{  #", "keys.placeholders"],
];

export function Shortcuts({ isOpen, onClose, find }: { isOpen: boolean; onClose: () => void; find: string }) {
  const t = useT();
  const all: [string, MessageKey][] = [[find, "keys.find"], ...KEYS];
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={t("keys.title")}>
      <Facts items={all.map(([keys, text]) => [<kbd key={text}>{keys}</kbd>, t(text)])} />
    </Dialog>
  );
}
