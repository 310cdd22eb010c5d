/** Small building blocks: buttons, badges, notes, times, amounts, things to copy. */
import {
  AlertTriangle,
  Ban,
  Bot,
  Check,
  CheckCircle2,
  Clock,
  Copy as CopyIcon,
  FlaskConical,
  Info,
  type LucideIcon,
  Pause,
  XCircle,
} from "lucide-react";
import { type ButtonHTMLAttributes, type ReactNode, useState } from "react";
import { Link } from "wouter";
import { type Money, useFormat, useT } from "../i18n/all";
import { type StopLike, standing } from "./stop-state";
import { toast } from "./toast";
import "./basic.css";

export type Tone = "ok" | "warn" | "bad" | "info" | "plain";

export interface ButtonProps
  extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className" | "style" | "children" | "onClick" | "disabled"> {
  onPress?: () => void;
  isDisabled?: boolean;
  variant?: "primary" | "danger" | "quiet" | "plain";
  size?: "small" | "normal";
  icon?: LucideIcon;
  children?: ReactNode;
  isBusy?: boolean;
}

export function Button(props: ButtonProps) {
  const { variant = "plain", size = "normal", icon: Icon, children, isBusy, isDisabled, onPress, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      disabled={(isDisabled ?? false) || (isBusy ?? false)}
      aria-busy={isBusy || undefined}
      className={`btn ${variant} ${size === "small" ? "small" : ""}`}
      onClick={() => onPress?.()}
    >
      {Icon && <Icon size={size === "small" ? 15 : 17} aria-hidden />}
      {children}
    </button>
  );
}

export function LinkButton(props: {
  href: string;
  variant?: ButtonProps["variant"];
  size?: ButtonProps["size"];
  icon?: LucideIcon;
  children?: ReactNode;
  /** What it is called where only the icon is shown. */
  label?: string;
}) {
  const { href, variant = "plain", size = "normal", icon: Icon, children, label } = props;
  return (
    <Link href={href} aria-label={label} title={label} className={`btn ${variant} ${size === "small" ? "small" : ""}`}>
      {Icon && <Icon size={size === "small" ? 15 : 17} aria-hidden />}
      {children}
    </Link>
  );
}

const TONE_ICON: Record<Tone, LucideIcon> = {
  ok: CheckCircle2,
  warn: AlertTriangle,
  bad: XCircle,
  info: Info,
  plain: Info,
};

/** A state: always an icon and a word, never colour alone. */
export function Badge({ tone, icon, children }: { tone: Tone; icon?: LucideIcon; children: ReactNode }) {
  const Icon = icon ?? TONE_ICON[tone];
  return (
    <span className={`badge ${tone === "plain" ? "" : tone}`}>
      <Icon size={13} aria-hidden />
      {children}
    </span>
  );
}

export function StatusBadge({ status }: { status: string | null | undefined }) {
  const t = useT();
  switch (status) {
    case "approved":
      return <Badge tone="ok">{t("status.approved")}</Badge>;
    case "pending":
      return (
        <Badge tone="warn" icon={Clock}>
          {t("status.pending")}
        </Badge>
      );
    case "rejected":
      return <Badge tone="bad">{t("status.rejected")}</Badge>;
    default:
      return null;
  }
}

/** State of a postback; one that was tried before (it has a last attempt) waits for another try, not for its first. */
export function PostbackBadge({
  postback,
}: {
  postback: { state: string; last: unknown; confirmed_at_ms?: number | null };
}) {
  const t = useT();
  switch (postback.state) {
    case "delivered":
      return <Badge tone="ok">{t(postback.confirmed_at_ms ? "postback.confirmed" : "postback.delivered")}</Badge>;
    case "failed":
      return <Badge tone="bad">{t("postback.failed")}</Badge>;
    case "in_flight":
      return <Badge tone="info">{t("postback.in_flight")}</Badge>;
    case "blocked":
      return (
        <Badge tone="plain" icon={Pause}>
          {t("postback.blocked")}
        </Badge>
      );
    default:
      return (
        <Badge tone="warn" icon={Clock}>
          {t(postback.last ? "postback.retrying" : "postback.waiting")}
        </Badge>
      );
  }
}

export function RunBadge({ state, stop }: { state?: string; stop?: StopLike | null }) {
  const t = useT();
  const is = standing(state, stop, Date.now());
  return is !== "active" ? (
    <Badge tone={is === "planned" ? "warn" : "plain"} icon={Pause}>
      {t(is === "planned" ? "stop.planned" : "state.paused")}
    </Badge>
  ) : (
    <Badge tone="ok">{t("state.active")}</Badge>
  );
}

export const TestBadge = () => {
  const t = useT();
  return (
    <Badge tone="info" icon={FlaskConical}>
      {t("flag.test")}
    </Badge>
  );
};

export const BotBadge = () => {
  const t = useT();
  return (
    <Badge tone="plain" icon={Bot}>
      {t("flag.bot")}
    </Badge>
  );
};

export const RefusedIcon = Ban;

export function Note({ tone = "plain", title, children }: { tone?: Tone; title?: ReactNode; children?: ReactNode }) {
  const Icon = TONE_ICON[tone];
  return (
    <div className={`note ${tone === "plain" ? "" : tone}`} role={tone === "bad" ? "alert" : undefined}>
      <Icon size={18} aria-hidden />
      <div>
        {title && <strong>{title}</strong>}
        {title && children ? " " : null}
        {children}
      </div>
    </div>
  );
}

export function Card(props: {
  title?: ReactNode;
  help?: ReactNode;
  actions?: ReactNode;
  flush?: boolean;
  children: ReactNode;
}) {
  return (
    <section className={`card ${props.flush ? "flush" : ""}`}>
      {(props.title || props.actions) && (
        <header>
          <h2>{props.title}</h2>
          {props.actions && <div className="row">{props.actions}</div>}
          {props.help && <p>{props.help}</p>}
        </header>
      )}
      {props.children}
    </section>
  );
}

/** When something is due; what is due already happens as soon as it can. */
export function Due({ ms }: { ms: number }) {
  const t = useT();
  return ms <= Date.now() ? t("pb.due") : <Time ms={ms} mode="relative" />;
}

/** A point in time; the zone and UTC show on hovering. */
export function Time({
  ms,
  mode = "dateTime",
}: {
  ms: number | null | undefined;
  mode?: "dateTime" | "time" | "date" | "relative";
}) {
  const format = useFormat();
  if (!ms) return <span className="muted none">–</span>;
  const text = mode === "relative" ? format.relative(ms, Date.now()) : format[mode](ms);
  return (
    <time dateTime={new Date(ms).toISOString()} title={format.full(ms)}>
      {text}
    </time>
  );
}

export function Amount({ value }: { value: Money | null | undefined }) {
  const format = useFormat();
  return value ? format.money(value) : <span className="muted none">–</span>;
}

/** Sums in several currencies. */
export function Amounts({ values }: { values: Money[] | null | undefined }) {
  const format = useFormat();
  if (!values?.length) return <span className="muted none">–</span>;
  return <>{values.map((v) => format.money(v)).join(" + ")}</>;
}

export function CopyButton({
  text,
  label,
  variant,
}: {
  text: string;
  label?: string;
  variant?: ButtonProps["variant"];
}) {
  const t = useT();
  const [done, setDone] = useState(false);
  return (
    <Button
      size="small"
      variant={variant ?? "plain"}
      icon={done ? Check : CopyIcon}
      onPress={() => {
        copyText(text).then(
          () => {
            setDone(true);
            toast(t("copy.done"), "ok");
            setTimeout(() => setDone(false), 2000);
          },
          () => toast(t("copy.failed"), "bad"),
        );
      }}
    >
      {label ?? t("copy.copy")}
    </Button>
  );
}

// The clipboard interface exists on https and localhost only; the plain-http fallback selects and copies.
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser refused to copy");
}

export function CopyLine({ text, label }: { text: string; label?: string }) {
  return (
    <div className="copyline">
      <code>{text}</code>
      <CopyButton text={text} {...(label ? { label } : {})} />
    </div>
  );
}

export function Empty(props: { icon: LucideIcon; title: string; children?: ReactNode; action?: ReactNode }) {
  const Icon = props.icon;
  return (
    <div className="empty">
      <Icon size={34} strokeWidth={1.5} aria-hidden />
      <h2>{props.title}</h2>
      {props.children && <p>{props.children}</p>}
      {props.action}
    </div>
  );
}

export function Skeleton({ lines = 5 }: { lines?: number }) {
  const t = useT();
  return (
    <div className="stack tight" role="status" aria-label={t("common.loading")}>
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} className="skeleton" style={{ width: `${96 - ((i * 17) % 38)}%`, height: 18 }} />
      ))}
    </div>
  );
}

export function Facts({ items }: { items: [ReactNode, ReactNode][] }) {
  return (
    <dl className="facts">
      {items.map(([k, v], i) => (
        <div key={i} style={{ display: "contents" }}>
          <dt>{k}</dt>
          <dd>{v === "" || v === null || v === undefined ? <span className="muted none">–</span> : v}</dd>
        </div>
      ))}
    </dl>
  );
}
