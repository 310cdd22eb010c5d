/** Who is here decides what is shown: set-up, sign-in, or the application with its screens on demand. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { ApiError } from "../api/client";
import { useMe } from "../api/queries";
import { Note, Skeleton } from "../components/basic";
import { lazy } from "../components/lazy";
import { PageFrame } from "../components/page";
import { useErrorText } from "../components/problem";
import { Toasts } from "../components/toast";
import { useI18n } from "../i18n/all";
import Home from "../pages/home";
import { SIGNED_IN, SignIn } from "../pages/sign-in";
import { Boundary } from "./boundary";
import { Shell } from "./shell";

const Setup = lazy(() => import("../pages/setup"));
const Live = lazy(() => import("../pages/live"));
const Links = lazy(() => import("../pages/links"));
const LinkTools = lazy(() => import("../pages/link-tools"));
const LinkBulk = lazy(() => import("../pages/link-bulk"));
const Import = lazy(() => import("../pages/import"));
const LinkDetail = lazy(() => import("../pages/link-detail"));
const LinkEdit = lazy(() => import("../pages/link-edit"));
const HandOut = lazy(() => import("../pages/hand-out"));
const Offers = lazy(() => import("../pages/offers"));
const OfferEdit = lazy(() => import("../pages/offer-edit"));
const OfferTags = lazy(() => import("../pages/offer-tags"));
const Partners = lazy(() => import("../pages/partners"));
const PartnerNew = lazy(() => import("../pages/partner-new"));
const PartnerHome = lazy(() => import("../pages/partner-home"));
const PartnerEdit = lazy(() => import("../pages/partner-edit"));
const Rules = lazy(() => import("../pages/rules"));
const RuleEdit = lazy(() => import("../pages/rule-edit"));
const Clicks = lazy(() => import("../pages/clicks"));
const Conversions = lazy(() => import("../pages/conversions"));
const Erasures = lazy(() => import("../pages/erasures"));
const Refused = lazy(() => import("../pages/refused"));
const Postbacks = lazy(() => import("../pages/postbacks"));
const Decide = lazy(() => import("../pages/decide"));
const Upload = lazy(() => import("../pages/upload"));
const Trace = lazy(() => import("../pages/trace"));
const Reports = lazy(() => import("../pages/reports"));
const Statements = lazy(() => import("../pages/statements"));
const StatementPage = lazy(() => import("../pages/statement"));
const Payouts = lazy(() => import("../pages/payouts"));
const Taken = lazy(() => import("../pages/taken"));
const SettingsPage = lazy(() => import("../pages/settings"));
const Help = lazy(() => import("../pages/help"));

export function App({ setTimeZone }: { setTimeZone: (zone: string) => void }) {
  const [location] = useLocation();
  const { t } = useI18n();
  return (
    <Boundary title={t("error.screen")}>
      {location === "/setup" ? <Setup /> : <Gate setTimeZone={setTimeZone} />}
      <Toasts />
    </Boundary>
  );
}

function Gate({ setTimeZone }: { setTimeZone: (zone: string) => void }) {
  const me = useMe();
  const client = useQueryClient();
  const errorText = useErrorText();
  const refusal = me.error instanceof ApiError && me.error.status === 401 ? me.error.code : null;

  // A login that ended while a screen was open: the next answer of 401 leads to the sign-in.
  useEffect(
    () =>
      client.getQueryCache().subscribe((event) => {
        const error = event.query.state.error;
        if (
          event.type === "updated" &&
          error instanceof ApiError &&
          error.status === 401 &&
          event.query.queryKey[0] !== "me"
        ) {
          void client.invalidateQueries({ queryKey: ["me"] });
        }
      }),
    [client],
  );

  if (refusal === "setup_required") return <NotSetUp />;
  if (refusal) return <SignIn />;
  if (me.isPending) return <Blank />;
  if (!me.data) {
    return (
      <div className="gate">
        <div className="panel">
          <Note tone="bad">{errorText(me.error)}</Note>
        </div>
      </div>
    );
  }
  return <Screens setTimeZone={setTimeZone} />;
}

function NotSetUp() {
  const { t, language, setLanguage } = useI18n();
  return (
    <div className="gate">
      <main className="panel">
        <h1>{t("setup.title")}</h1>
        <Note tone="info">{t("error.setup_required")}</Note>
      </main>
      <button type="button" className="btn quiet" onClick={() => setLanguage(language === "ja" ? "en" : "ja")}>
        {language === "ja" ? "English" : "日本語"}
      </button>
    </div>
  );
}

function Blank() {
  return (
    <div className="gate">
      <div className="panel">
        <Skeleton lines={4} />
      </div>
    </div>
  );
}

function Screens({ setTimeZone }: { setTimeZone: (zone: string) => void }) {
  const { t } = useI18n();
  const zone = useMe().data?.time_zone;
  useEffect(() => {
    if (zone) setTimeZone(zone);
  }, [zone, setTimeZone]);
  useEffect(() => sessionStorage.setItem(SIGNED_IN, "1"), []);
  const [location] = useLocation();
  return (
    <Shell>
      <Boundary key={location} title={t("error.screen")}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/live" component={Live} />
          <Route path="/links" component={Links} />
          <Route path="/links/tools" component={LinkTools} />
          <Route path="/links/bulk" component={LinkBulk} />
          <Route path="/import" component={Import} />
          <Route path="/links/new">{() => <LinkEdit />}</Route>
          <Route path="/links/:token/edit">{({ token }) => <LinkEdit token={token} />}</Route>
          <Route path="/links/:token/hand-out">{({ token }) => <HandOut token={token} />}</Route>
          <Route path="/links/:token">{({ token }) => <LinkDetail token={token} />}</Route>
          <Route path="/offers" component={Offers} />
          <Route path="/offers/new">{() => <OfferEdit />}</Route>
          <Route path="/offers/:id/tags">{({ id }) => <OfferTags id={id} />}</Route>
          <Route path="/offers/:id">{({ id }) => <OfferEdit id={id} />}</Route>
          <Route path="/partners" component={Partners} />
          <Route path="/partners/new" component={PartnerNew} />
          <Route path="/partners/:id/edit">{({ id }) => <PartnerEdit id={id} />}</Route>
          <Route path="/partners/:id">{({ id }) => <PartnerHome id={id} />}</Route>
          <Route path="/rules" component={Rules} />
          <Route path="/rules/new">{() => <RuleEdit />}</Route>
          <Route path="/rules/:id">{({ id }) => <RuleEdit id={id} />}</Route>
          <Route path="/clicks" component={Clicks} />
          <Route path="/conversions" component={Conversions} />
          <Route path="/conversions/decide" component={Decide} />
          <Route path="/conversions/upload" component={Upload} />
          <Route path="/refused" component={Refused} />
          <Route path="/erasures" component={Erasures} />
          <Route path="/postbacks" component={Postbacks} />
          <Route path="/trace" component={Trace} />
          <Route path="/reports" component={Reports} />
          <Route path="/payouts" component={Payouts} />
          <Route path="/statements" component={Statements} />
          <Route path="/statements/:partner/:month">
            {({ partner, month }) => <StatementPage partner={partner} month={month} />}
          </Route>
          <Route path="/reports/taken" component={Taken} />
          <Route path="/settings/payouts">{() => <Redirect to="/payouts" />}</Route>
          <Route path="/settings/:section?">{({ section }) => <SettingsPage section={section ?? "general"} />}</Route>
          <Route path="/help/:topic?">{({ topic }) => <Help topic={topic ?? "start"} />}</Route>
          <Route path="/login">{() => <Redirect to="/" />}</Route>
          <Route>
            {() => (
              <PageFrame title={t("error.no_page_title")}>
                <Note tone="warn">
                  {t("error.no_such_page")} <Link href="/">{t("nav.home")}</Link>
                </Note>
              </PageFrame>
            )}
          </Route>
        </Switch>
      </Boundary>
    </Shell>
  );
}
