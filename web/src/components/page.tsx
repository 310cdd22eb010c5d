/** The frame of every screen: title, one sentence of help, actions. */
import { ChevronLeft } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { Link, useLocation } from "wouter";
import { useT } from "../i18n/all";

export function PageFrame(props: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  back?: { href: string; label: string };
  children: ReactNode;
}) {
  const t = useT();
  useEffect(() => {
    document.title = `${props.title} · ${t("app.name")}`;
  }, [props.title, t]);
  const [path] = useLocation();
  // On a narrow screen the sections are wider than the window.
  useEffect(() => {
    const tab = document.querySelector<HTMLElement>(".tabs [aria-current]");
    const row = tab?.parentElement;
    if (tab && row) row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }, [path]);
  return (
    <>
      <div className="page-head">
        <div className="titles">
          {props.back && (
            <Link href={props.back.href} className="crumb">
              <ChevronLeft size={15} aria-hidden />
              {props.back.label}
            </Link>
          )}
          <h1>{props.title}</h1>
          {props.lead && <p className="lead">{props.lead}</p>}
        </div>
        {props.actions && <div className="row no-print">{props.actions}</div>}
      </div>
      {props.children}
    </>
  );
}
