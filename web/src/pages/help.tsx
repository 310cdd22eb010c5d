/** Documentation inside: how to begin, how conversions come in, the rule language, every placeholder. */
import { Link } from "wouter";
import { useSettings } from "../api/queries";
import { Card, CopyLine } from "../components/basic";
import { PageFrame } from "../components/page";
import { type MessageKey, useT } from "../i18n/all";
import { PlaceholderReference } from "./parts/placeholder-reference";
import { PlatformGuide } from "./parts/platform-guide";
import "../components/tabs.css";
import "../components/document.css";

const TOPICS = ["start", "conversions", "platforms", "rules", "placeholders", "answers"] as const;
type Topic = (typeof TOPICS)[number];

export default function Help({ topic }: { topic: string }) {
  const t = useT();
  const current: Topic = TOPICS.find((x) => x === topic) ?? "start";
  return (
    <PageFrame title={t("nav.help")} lead={t(`help.${current}_lead`)}>
      <nav className="tabs" aria-label={t("nav.help")}>
        {TOPICS.map((x) => (
          <Link key={x} href={`/help/${x}`} aria-current={x === current ? "page" : undefined}>
            {t(`help.${x}`)}
          </Link>
        ))}
      </nav>
      {current === "start" && <Start />}
      {current === "conversions" && <Conversions />}
      {current === "platforms" && <PlatformGuide />}
      {current === "rules" && <RuleLanguage />}
      {current === "placeholders" && <PlaceholderReference />}
      {current === "answers" && <Answers />}
    </PageFrame>
  );
}

function Step({ n, href, action }: { n: 1 | 2 | 3 | 4; href: string; action: MessageKey }) {
  const t = useT();
  return (
    <Card title={`${n}. ${t(`help.step${n}`)}`}>
      <div className="stack">
        <p>{t(`help.step${n}_text`)}</p>
        <div>
          <Link className="btn" href={href}>
            {t(action)}
          </Link>
        </div>
      </div>
    </Card>
  );
}

function Start() {
  return (
    <div className="doc stack">
      <Step n={1} href="/partners/new" action="partners.add" />
      <Step n={2} href="/links/new" action="links.add" />
      <Step n={3} href="/links" action="nav.links" />
      <Step n={4} href="/trace" action="nav.trace" />
    </div>
  );
}

function Conversions() {
  const t = useT();
  const base = useSettings().data?.public_url || window.location.origin;
  return (
    <div className="doc stack">
      <Card title={t("help.tag")}>
        <div className="stack">
          <p>{t("help.tag_text")}</p>
          <Link href="/offers">{t("help.tag_offers")}</Link>
        </div>
      </Card>
      <Card title={t("help.server")}>
        <div className="stack">
          <p>{t("help.server_text")}</p>
          <CopyLine text={`${base}/cv?sid=SID&event=EVENT&amount=5400&uid1=A-1001`} />
          <ul>
            {(["sid", "cid", "event", "amount", "uid1", "status", "p"] as const).map((f) => (
              <li key={f}>{t(`help.field_${f}`)}</li>
            ))}
          </ul>
        </div>
      </Card>
      <Card title={t("help.answer")}>
        <p>{t("help.answer_text")}</p>
      </Card>
    </div>
  );
}

function RuleLanguage() {
  const t = useT();
  return (
    <div className="doc stack">
      <Card title={t("help.rule_entry")}>
        <div className="stack">
          <p>{t("help.rule_entry_text")}</p>
          <code className="codebox">{"https://partner.example/pb?id=##PARA1##&amount=##AMOUNT##"}</code>
          <p>{t("help.rule_condition_text")}</p>
          <code className="codebox">
            {
              "equal,{country},jp,https://partner.example/pb?id={para1}\nnotequal,{status},rejected,https://partner.example/pb?id={para1}\ncontained,{os_name},ios;android,https://partner.example/pb?id={para1}"
            }
          </code>
        </div>
      </Card>
      <Card title={t("help.rule_values")}>
        <ul>
          {([1, 2, 3, 4, 5] as const).map((n) => (
            <li key={n}>{t(`help.rule_value${n}`)}</li>
          ))}
        </ul>
      </Card>
    </div>
  );
}

function Answers() {
  const t = useT();
  return (
    <div className="doc stack">
      {([1, 2, 3, 4, 5, 6] as const).map((n) => (
        <Card key={n} title={t(`help.q${n}`)}>
          <p>{t(`help.a${n}`)}</p>
        </Card>
      ))}
    </div>
  );
}
