/** Who did something, as the server writes it (`user LOGIN`, `token NAME`, `command line`), in the operator's words. */
import { useT } from "../../i18n/all";

export function useActor(): (actor: string) => string {
  const t = useT();
  return (actor) => {
    const [, kind, name] = /^(user|token) (.+)$/.exec(actor) ?? [];
    if (kind === "user" && name) return name;
    if (kind === "token" && name) return t("actor.token", { name });
    if (actor === "command line") return t("actor.command_line");
    return actor;
  };
}
