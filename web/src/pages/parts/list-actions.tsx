/** What a list of partners, links or rules offers above it: a new one, many of them, the list of another system. */
import { CopyPlus, Upload, Wand2 } from "lucide-react";
import type { ReactNode } from "react";
import { useCanEdit } from "../../api/queries";
import { LinkButton } from "../../components/basic";
import { useT } from "../../i18n/all";

export function ListActions(props: { kind: "partners" | "links" | "rules"; add: ReactNode; hasRows: boolean }) {
  const t = useT();
  const canEdit = useCanEdit();
  return (
    <>
      {props.hasRows && props.add}
      {props.kind === "links" && (
        <>
          {canEdit && (
            <LinkButton href="/links/bulk" icon={CopyPlus}>
              {t("bulk_links.short")}
            </LinkButton>
          )}
          <LinkButton href="/links/tools" icon={Wand2}>
            {t("url_tool.short")}
          </LinkButton>
        </>
      )}
      {canEdit && (
        <LinkButton href={`/import?kind=${props.kind}`} icon={Upload}>
          {t("sheet.short")}
        </LinkButton>
      )}
    </>
  );
}
