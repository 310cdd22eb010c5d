// Made from the API's own document by tests/api_types.rs; do not edit.
// A field with `?` may be left out of a request; answers hold it, unless it is described otherwise.
/** An activity. */
export interface ActivityDto {
  /** When it happened, unix milliseconds. */
  at_ms: number;
  /** Every session that was looked at. */
  candidates: Candidate[];
  /** Custom parameters. */
  custom: [string, string][];
  /** The first of the duplicates. */
  duplicate_of?: ActivityId | null;
  /** Token of the event. */
  event?: string | null;
  /** Values of app measurement by placeholder name. */
  facts: [string, string][];
  /** Every other field by its documented name. */
  fields: [string, string][];
  /** History of the status, oldest first. */
  history: StatusChange[];
  /** Its id. */
  id: ActivityId;
  /** Address of the caller as the privacy setting leaves it. */
  ip: string;
  /** Sandbox or test. */
  is_test: boolean;
  /** What happened. */
  kind: ActivityKind;
  /** Link of the credited session. */
  link?: string | null;
  /** How the session was found. */
  match_type?: MatchType | null;
  /** What it is worth. */
  money?: Money | null;
  /** For the operator. */
  note: string;
  /** The activity that it changes. */
  of?: ActivityId | null;
  /** Offer; `null` when the caller named none that exists. */
  offer?: OfferId | null;
  /** Status before this change. */
  outdated_status?: ConversionStatus | null;
  /** PARA1 of the credited session. */
  para1?: string | null;
  /** Partner of the credited session. */
  partner?: PartnerId | null;
  /** What the partner is owed. */
  payout?: Money | null;
  /** Why it does not count: a stable code. */
  reason?: string | null;
  /** When it was received, unix milliseconds. */
  received_at_ms: number;
  /** What to do about it. */
  remedy?: string | null;
  /** What every rule said. */
  rules: RuleOutcomeDto[];
  /** SID of the credited session. */
  session?: SessionId | null;
  /** `pending`, `approved` or `rejected`. */
  status?: ConversionStatus | null;
  /** Level names of the credited link. */
  tracker_name?: string | null;
  /** TUID or `adid`. */
  tuid: string;
  /** `uid1` to `uid8`. */
  uids: string[];
  /** User agent of the caller. */
  user_agent: string;
  /** `accepted`, `duplicate` or `refused`. */
  verdict: VerdictWord;
}
export type ActivityId = string;
/** What kind of thing happened; the value of `{activity_kind}`. */
export type ActivityKind = "impression" | "click" | "install" | "session" | "event" | "event_update" | "reattribution" | "install_update" | "reattribution_update" | "rejected_install" | "rejected_reattribution" | "uninstall" | "reinstall" | "reattribution_reinstall" | "cost_update" | "ad_revenue" | "gdpr_forget_device" | "sk_install";
/** One activity with all that came of it. */
export interface ActivityTrace {
  /** The activity, with its candidates and what every rule said. */
  activity: ActivityDto;
  /** Its postbacks with every attempt. */
  postbacks: PostbackDetail[];
}
/** Which address is checked. */
export interface AddressCheck {
  /** `https://t.example.com`, saved or not. */
  url: string;
}
/** What came of it. */
export interface AddressChecked {
  /** A sentence that says what to do. */
  message: string;
  /** What came of it. */
  result: Reached;
  /** The address in its plain form. */
  url: string;
}
/** A way by which alerts go. */
export type AlertChannel = "email" | "webhook" | "line";
/** What is wrong. */
export type AlertKind = "partner_failing" | "queue_old" | "disk_low" | "refusals_high";
/** Which channel is tested. */
export interface AlertTest {
  /** Which. */
  channel: AlertChannel;
}
/** Where alerts go; addresses of webhooks, passwords and tokens are secrets. */
export interface AlertsDto {
  /** By e-mail. */
  email?: EmailAlertsDto;
  /** `en` or `ja`; empty: the language of the instance. */
  language?: string;
  /** By LINE. */
  line?: LineAlertsDto;
  /** Slack-compatible incoming webhook. */
  webhook_url?: Secret;
}
/** Alerts as they stand. */
export interface AlertsView {
  /** E-mail, webhook, LINE. */
  channels: ChannelDto[];
  /** Those that were said and are not over, the oldest first. */
  open: OpenAlert[];
}
/** What the caller is told. The same key brings the same answer again. */
export interface Answer {
  /** The activity; for a duplicate the first one, for an update the `event_update`. */
  activity_id: ActivityId;
  /** What to do about it. */
  message?: string | null;
  /** Why it does not count. */
  reason?: RefusalReason | null;
  /** `accepted`, `duplicate`, `updated` or `refused`. */
  result: string;
  /** Status of the conversion. */
  status?: ConversionStatus | null;
}
/** How a conversion becomes approved. */
export type Approval = {
  mode: "automatic";
} | {
  /** 1 to 365. */
  days: number;
  mode: "after_days";
} | {
  mode: "manual";
};
/** One try of a postback. */
export interface AttemptDto {
  /** Unix milliseconds when it began. */
  at_ms: number;
  /** How long the exchange took. */
  duration_ms: number;
  /** Kind of failure, when there was none. */
  error?: ErrorClass | null;
  /** The first 2 KiB of the body. */
  excerpt: string;
  /** Headers of interest. */
  headers: [string, string][];
  /** Sent by hand. */
  is_manual: boolean;
  /** A sentence about the failure. */
  message?: string | null;
  /** From 1. */
  number: number;
  /** The address that was connected to. */
  remote_addr?: string | null;
  /** `Retry-After` of the answer, seconds. */
  retry_after_s?: number | null;
  /** HTTP status, when there was an answer. */
  status?: number | null;
  /** The URL that was called. */
  url: string;
}
/** Windows and limits of attribution (SPEC 3). A partner or link can override each. */
export interface AttributionPolicy {
  /** App: installs from these networks (data centres, VPNs, Tor) are `anonymous_traffic`; only the list of the offer counts. */
  anonymous_networks?: string[];
  /** App: click by probabilistic match, hours (6). */
  click_probabilistic_window_h?: number | null;
  /** App: a click-to-install time below this many seconds is `distribution_outlier` (0 = off). */
  click_to_install_floor_s?: number | null;
  /** App: click by device id, hours (168). */
  click_window_h?: number | null;
  /** App: impression by probabilistic match, hours (6). */
  impression_probabilistic_window_h?: number | null;
  /** App: impression by device id, hours (24). */
  impression_window_h?: number | null;
  /** App: inactivity before a reattribution, hours (168). */
  inactivity_h?: number | null;
  /** App: more engagements of one device with one link than this within the click window is `too_many_engagements` (0 = off). */
  max_engagements?: number | null;
  /** App: probabilistic matching at all (on). */
  probabilistic?: boolean | null;
  /** App: engagement to reattributing session, hours (168). */
  reattribution_window_h?: number | null;
  /** App: a credit lasts this many hours and then falls back (0 = it stays). */
  temporary_credit_h?: number | null;
  /** App: a temporary credit falls back to organic, not to the credit before it (off). */
  temporary_to_organic?: boolean | null;
  /** Web: last click of the visitor within this many days (30 unless set; at most the retention of sessions). */
  web_window_days?: number | null;
}
/** One line of the audit log. */
export interface AuditEntry {
  /** What was done: `offer.create`, `login.fail`, ... */
  action: string;
  /** User, token or command that did it. */
  actor: string;
  /** Unix milliseconds. */
  at_ms: number;
  /** Before and after, secrets masked; empty when nothing changed. */
  detail: string;
  /** Address that it came from; empty for the command line. */
  from: string;
  /** What it was done to. */
  subject: string;
}
/** A bearer token, without its secret. */
export interface BearerDto {
  /** Off: kept, refused. */
  enabled?: boolean;
  /** Unique within the offer. */
  name: string;
  /** What it is good for; empty means everything. */
  scopes?: TrustScope[];
}
/** The same in English and Japanese. */
export interface Bilingual {
  /** English. */
  en: string;
  /** Japanese. */
  ja: string;
}
/** A blank of a rule text. */
export interface Blank {
  /** Stands in the host: letters, digits, dots and hyphens only. */
  is_host: boolean;
  /** Not to be shown after saving. */
  is_secret: boolean;
  /** For the form. */
  label: Bilingual;
  /** As in the text, without the angle brackets. */
  name: string;
}
/** Which waiting postbacks are given up. */
export interface CancelRequest {
  /** Or those that a filter finds (at most 100,000) and that wait; `state`, `limit` and `cursor` are not used. */
  filter?: PostbackQuery | null;
  /** These; at most 1,000. */
  ids?: PostbackId[];
}
/** A session that was looked at for the credit, and what became of it: the trace shows all of them. */
export interface Candidate {
  /** Whether it has the credit. */
  is_winner: boolean;
  /** Why it has not: a stable code such as `outside_window`, `older_than_winner`, `wrong_offer`. */
  lost_because?: string | null;
  /** How it matched. */
  matched_by: MatchType;
  /** The session. */
  session: SessionId;
}
/** How a channel is. */
export interface ChannelDto {
  /** Which. */
  channel: AlertChannel;
  /** Whether it is set up. */
  is_set_up: boolean;
  /** What last became of a message; `null`: there was none since the start. */
  last?: LastSent | null;
}
/** One thing that has to be so for the instance to be ready. */
export interface Check {
  /** Whether it is so. */
  is_ok: boolean;
  /** A sentence for the operator. */
  message: string;
  /** Stable name. */
  name: string;
}
/** What was found in a rule. */
export interface Checked {
  /** Errors and warnings with their place. */
  findings: Finding[];
  /** Whether it could be saved. */
  is_savable: boolean;
}
/** The first owner. */
export interface Claim {
  /** `en` or `ja`. */
  language?: string | null;
  /** Sign-in name. */
  login: string;
  /** For people. */
  name?: string;
  /** At least 12 characters. */
  password: string;
}
/** A query parameter that the partner sends under its own name, taken as PARA1 to PARA5. */
export interface ClickParameter {
  /** The partner's own macro that is written on the 入稿URL (`{click_id}`, `##sessionId##`); never touched by us. */
  macro_text?: string | null;
  /** Name on the click URL (`a8`, `gclid`, `param1`). */
  name: string;
  /** 1 to 5; `None` when the value is only kept (and comes back as `{dcp_<name>}`). */
  para?: number | null;
}
/** What a value on the click URL means. */
export type ClickRole = "click_id" | "source" | "campaign" | "adgroup" | "creative" | "cost" | "other";
/** Why the caller appears as it does. */
export interface ClientDto {
  /** A sentence. */
  because: string;
  /** The caller's address. */
  ip: string;
  /** The address of this server as the browser sees it. */
  origin: string;
}
/** How far the preset can be trusted. */
export type Confidence = "verified" | "unverified";
/** Status of a conversion (成果ステータス). */
export type ConversionStatus = "pending" | "approved" | "rejected";
/** Counters as the API shows them. */
export interface CountersDto {
  /** Of these approved. */
  approved: number;
  /** Bots and prefetches. */
  automated: number;
  /** Clicks, without bots, prefetches and repeats. */
  clicks: number;
  /** Conversions a click, in percent with two decimals; `null` without clicks. */
  conversion_rate?: string | null;
  /** Conversions that count. */
  conversions: number;
  /** Cost reported on engagements, by currency. */
  cost: Money[];
  /** Duplicates. */
  duplicates: number;
  /** Impressions. */
  impressions: number;
  /** Installs. */
  installs: number;
  /** Payout of conversions that are not rejected, by currency. */
  payout: Money[];
  /** Of these pending. */
  pending: number;
  /** Reattributions. */
  reattributions: number;
  /** Refused, duplicates not included. */
  refused: number;
  /** Of these rejected. */
  rejected: number;
  /** Repeated clicks (連続クリック). */
  repeats: number;
  /** Revenue of conversions that are not rejected, by currency. */
  revenue: Money[];
  /** App sessions. */
  sessions: number;
  /** Of these, first of their visitor on the link that day. */
  unique_clicks: number;
}
/** Name and password. */
export interface Credentials {
  /** Code of the authenticator app, or a recovery code, when the second factor is on. */
  code?: string | null;
  /** Sign-in name. */
  login: string;
  /** Password. */
  password: string;
}
export type Currency = string;
/** How the partner's postbacks are sent. Everything unset is the default of SPEC 5. */
export interface DeliverySettings {
  /** Concurrent requests. */
  max_concurrent?: number | null;
  /** Requests per second, at least 0.1. */
  max_per_second?: string | null;
  /** Seconds to wait after each failure that is retried in full. */
  schedule_s?: number[] | null;
  /** Seconds to wait after each 3xx or 4xx. */
  short_schedule_s?: number[] | null;
  /** Whole exchange, seconds, 1 to 30 (10). */
  timeout_s?: number | null;
  /** Hours after acceptance at which a postback that was never answered is given up (96). */
  ttl_h?: number | null;
}
/** Where a click leads. Each is a URL template; the first that fits the device wins, in the order app deep link, platform, default, fallback. */
export interface Destinations {
  /** Android: the store page or a site. */
  android?: string | null;
  /** Custom-scheme or universal link that opens the app, on iOS and Android. */
  deep_link?: string | null;
  /** For everyone else. */
  default?: string;
  /** Devices for which there is no other destination. */
  fallback?: string | null;
  /** iPhone and iPad: the store page or a site. */
  ios?: string | null;
}
/** How repeated conversions are recognised (重複成果). */
export type DuplicateBy = "default" | "uid" | "visitor" | "session" | "never";
/** Duplicate policy of an event. */
export interface DuplicatePolicy {
  /** What makes two conversions the same. */
  by?: DuplicateBy;
  /** Within how many days, 1 to 3650. */
  days?: number;
  /** Over which offers. */
  scope?: DuplicateScope;
}
/** Whether order numbers are compared within the offer or over all offers. */
export type DuplicateScope = "offer" | "all";
/** A request that arrived. */
export interface EchoArrival {
  /** Unix milliseconds. */
  at_ms: number;
  /** Body, at most 4 KiB, invalid UTF-8 replaced. */
  body: string;
  /** Headers as they arrived. */
  headers: [string, string][];
  /** GET or POST. */
  method: string;
  /** Rises. */
  number: number;
  /** Path and query as they arrived. */
  target: string;
}
/** What the built-in receiver has seen. */
export interface EchoList {
  /** Where it listens; a rule may call it. */
  address: string;
  /** Oldest first; the last 200 are remembered. */
  items: EchoArrival[];
}
/** Alerts by e-mail. */
export interface EmailAlertsDto {
  /** Sender. */
  from?: string;
  /** Name or address of the mail server (SMTP); empty: off. */
  host?: string;
  /** Password to sign in with. */
  password?: Secret;
  /** Its port. */
  port?: number;
  /** How the connection is protected. */
  security?: MailSecurity;
  /** Who is written to, at most 10. */
  to?: string[];
  /** Name to sign in with; empty: no sign-in. */
  user?: string;
}
/** Click or view. */
export type EngagementKind = "click" | "impression" | "direct";
/** A preview of one entry. */
export interface EntryPreview {
  /** The condition with what it saw; `None` without one. */
  condition?: Evaluation | null;
  /** Byte after it. */
  end: number;
  /** Whether the entry fires. */
  holds: boolean;
  /** The same as a sentence. */
  message?: string | null;
  /** The exact request, also when the condition does not hold. */
  request?: Request | null;
  /** First byte of the entry in the rule text. */
  start: number;
  /** Why there is none. */
  unrenderable?: Unrenderable | null;
}
/** Which traffic a row counts. Production is what was really earned; the sandbox is everything that is labelled test: `environment=sandbox`, test clicks and test conversions. The two never meet in one row. */
export type Environment = "production" | "sandbox";
/** The body of every error. */
export interface ErrorBody {
  /** What went wrong. */
  error: ErrorDetail;
}
/** Why an exchange brought no HTTP answer. */
export type ErrorClass = "dns" | "connect" | "tls" | "timeout" | "reset" | "malformed" | "egress" | "internal";
/** What went wrong. */
export interface ErrorDetail {
  /** Stable code, for programs. */
  code: string;
  /** The field that it is about, as a path; `null` when it is about no single field. */
  field?: string | null;
  /** A sentence that says what to do, for people. */
  message: string;
}
/** What a condition said about an activity. */
export interface Evaluation {
  /** What LEFT was. */
  actual: string;
  /** What it was compared with, decoded. */
  expected: string[];
  /** Whether it holds. */
  holds: boolean;
  /** LEFT as written. */
  left: string;
  /** The operator. */
  operator: string;
}
/** An event as the API shows and takes it. */
export interface EventDto {
  /** How it becomes approved. */
  approval?: Approval;
  /** How repeated conversions are recognised. */
  duplicates?: DuplicatePolicy;
  /** Whether an amount is expected. */
  has_revenue?: boolean;
  /** App events: counted once a device. */
  is_unique?: boolean;
  /** Changeable; unique within the offer. */
  name: string;
  /** What partners are owed, unless a partner has its own. */
  payout?: Payout | null;
  /** Fixed; made by the server when it is left out. */
  token?: EventToken | null;
}
export type EventToken = string;
/** Why a postback ended as failed. Each has a stable code ([`FailReason::code`]). */
export type FailReason = "exhausted" | "gone" | "expired" | "egress_refused" | "unrenderable" | "cancelled";
/** One finding, for the editor. */
export interface Finding {
  /** Stable code. */
  code: string;
  /** Byte after the place. */
  end: number;
  /** `end` in UTF-16 units. */
  end_utf16: number;
  /** Which field of the rule: `text`, `body`, `headers.0.value`, ... */
  field: string;
  /** What is wrong, English. */
  message: string;
  /** What is wrong, Japanese. */
  message_ja: string;
  /** What to do, English. */
  remedy: string;
  /** What to do, Japanese. */
  remedy_ja: string;
  /** Text that can stand in for the place as it is. */
  replacement?: string | null;
  /** Error or warning. */
  severity: Severity;
  /** First byte of the place in the field. */
  start: number;
  /** `start` in UTF-16 units, as a browser counts. */
  start_utf16: number;
}
/** How it was found. */
export type FoundBy = "session" | "activity" | "postback" | "order_number" | "click_value" | "device";
/** What a placeholder is about; the sections of the reference and of the picker. */
export type Group = "activity" | "conversion" | "click" | "link" | "attribution" | "settings" | "time" | "money" | "ad_revenue" | "app" | "device_id" | "device" | "geo" | "skan" | "subscription" | "prediction" | "network";
/** What a report is cut by. */
export type GroupBy = "total" | "offer" | "partner" | "link" | "campaign" | "country" | "device" | "event" | "day" | "hour" | "month";
/** A parameter that the operator puts on the destination, where the partner measures. */
export interface Handover {
  /** Name. */
  name: string;
  /** Template in our syntax. */
  value: string;
}
/** Whether the instance does its work. */
export type Health = "ok" | "degraded" | "down";
/** A document to be taken over. */
export interface ImportRequest {
  /** Only say what would change. */
  dry_run?: boolean;
  /** The document, TOML or JSON. */
  text: string;
}
/** What is stored of a visitor's address. */
export type IpPrivacy = "truncated" | "whole" | "none";
/** A new bearer token: the only time that its secret is shown. */
export interface IssuedBearer {
  /** As asked for. */
  name: string;
  /** The offer as it is now. */
  offer: OfferDto;
  /** Send it as `Authorization: Bearer ...`. */
  secret: string;
}
/** A new bearer token of a partner: the only time that its secret is shown. */
export interface IssuedPartnerBearer {
  /** As asked for. */
  name: string;
  /** The partner as it is now. */
  partner: PartnerDto;
  /** Send it as `Authorization: Bearer ...`. */
  secret: string;
}
/** A new token: the only time that its secret is shown. */
export interface IssuedToken {
  /** Send it as `Authorization: Bearer ybk_...`. */
  secret: string;
  /** The token. */
  token: TokenDto;
}
/** Progress of a job. */
export interface JobDto {
  /** How many are done. */
  done: number;
  /** For asking again. */
  id: string;
  /** `resend`, ... */
  kind: string;
  /** What went wrong, when it failed. */
  message?: string | null;
  /** How many by result code. */
  results: Record<string, number>;
  /** How far it is. */
  state: JobState;
  /** How many things it is about; `null` until that is known. */
  total?: number | null;
}
/** How far a job is. */
export type JobState = "running" | "done" | "failed";
/** A destination with what waits for it. */
export interface LaneDto {
  /** Requests at once that it would be sent. */
  concurrency: number;
  /** Failures in a row that concern the destination. */
  failures_in_row: number;
  /** On the wire. */
  in_flight: number;
  /** Scheme, host and port. */
  lane: string;
  /** When the next probe goes out, unix milliseconds. */
  next_probe_at_ms?: number | null;
  /** Until when it asked to be left alone, unix milliseconds. */
  paused_until_ms?: number | null;
  /** Of these, due now. */
  ready: number;
  /** How it stands. */
  state: LaneState;
  /** Waiting postbacks, those in flight included. */
  waiting: number;
}
/** How a lane stands. */
export type LaneState = "healthy" | "new" | "failing" | "open" | "paused";
/** What last became of a message on a channel. */
export interface LastSent {
  /** Unix milliseconds. */
  at_ms: number;
  /** What kind of outcome, for the language of the reader: a stable code. */
  code: string;
  /** Whether it was taken. */
  is_ok: boolean;
  /** What the other side said, or why it did not come that far. */
  message: string;
}
/** Alerts by the LINE Messaging API. */
export interface LineAlertsDto {
  /** Id of a user, group or room (`U...`, `C...`, `R...`). */
  to?: string;
  /** Channel access token. */
  token?: Secret;
}
/** A mistake in a line. */
export interface LineError {
  /** Stable code. */
  code: string;
  /** Which column. */
  field?: string | null;
  /** Line of the file, from 1 (the headings). */
  line: number;
  /** What to do. */
  message: string;
}
/** A link as the API shows and takes it. */
export interface LinkDto {
  /** Level 3. */
  adgroup?: string | null;
  /** Overrides of the attribution policy. */
  attribution?: AttributionPolicy;
  /** Level 2. */
  campaign?: string | null;
  /** Unix milliseconds; set by the server. */
  created_at_ms?: number;
  /** Level 4. */
  creative?: string | null;
  /** Destinations that replace those of the offer (遷移先変更). */
  destinations?: Destinations | null;
  /** The tracking domain that it was issued on; `null` for the public address of the instance. */
  domain?: string | null;
  /** Names below the link; set by the server where links are read. */
  names?: LinkNamesDto | null;
  /** Level 1 of the name. */
  network: string;
  /** Free text for the operator. */
  note?: string;
  /** What is advertised. */
  offer: OfferId;
  /** Who advertises it; `null` for the advertiser's own links. */
  partner?: PartnerId | null;
  /** Paused: clicks answer 404. */
  state?: RunState;
  /** As in `/c/{token}`; made by the server when it is left out. */
  token?: LinkToken | null;
  /** Unix milliseconds of the last save; must be sent back unchanged to replace. */
  updated_at_ms?: number | null;
  /** To be copied; set by the server. */
  urls?: LinkUrls | null;
}
/** How many names clicks gave a link below its own: combinations of campaign, adgroup and creative. */
export interface LinkNamesDto {
  /** Combinations known. */
  count: number;
  /** How many may be known (`limits.link_names`); what comes after is named `unknown`. */
  limit: number;
}
export type LinkToken = string;
/** Addresses and snippets of a link, to be copied. */
export interface LinkUrls {
  /** Click URL without parameters. */
  click_url: string;
  /** Conversion tag, for the thanks page. */
  conversion_tag: string;
  /** Server-to-server conversion call. */
  conversion_url: string;
  /** Query for the advertiser's own page when the partner allows no redirect (direct measurement). */
  direct_query: string;
  /** Impression URL with the same parameters. */
  impression_url: string;
  /** Landing tag, for every page of the advertiser's site. */
  landing_tag: string;
  /** 入稿URL: the click URL with the partner's parameters and its own macros, byte for byte. */
  submission_url: string;
}
/** A login that is in use. */
export interface LoginDto {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** Address that it was made from. */
  from: string;
  /** For ending it. */
  id: string;
  /** Whether it is the one that asks. */
  is_this: boolean;
  /** Unix milliseconds of the last use, within a minute. */
  seen_at_ms: number;
  /** Browser that it was made with. */
  user_agent: string;
}
/** The logins of one's own account. */
export interface LoginList {
  /** Newest first. */
  items: LoginDto[];
}
/** How the connection to a mail server is protected. */
export type MailSecurity = "starttls" | "tls" | "none";
/** How an activity was tied to its session. */
export type MatchType = "sid" | "visitor" | "partner_click_id" | "device_tag" | "reftag" | "probabilistic" | "claim" | "organic";
/** Somebody who has signed in. */
export interface Me {
  /** User or token, for people. */
  actor: string;
  /** Whether a second factor is on. */
  has_totp: boolean;
  /** Whether the set-up wizard was finished. */
  is_set_up: boolean;
  /** `en` or `ja`; `null` follows the browser. */
  language?: string | null;
  /** Sign-in name. */
  login?: string | null;
  /** For people. */
  name?: string | null;
  /** Partners that they are limited to; empty means all. */
  partners: PartnerId[];
  /** What they may do. */
  role: Role;
  /** IANA time zone of reports. */
  time_zone: string;
  /** The user, unless it is a token. */
  user?: UserId | null;
  /** Version of the server. */
  version: string;
}
/** What users change of themselves. */
export interface MeChange {
  /** `en` or `ja`; `null` follows the browser. */
  language?: string | null;
  /** For people. */
  name: string;
}
/** HTTP method of a postback. */
export type Method = "GET" | "POST";
/** An amount in whole units of a currency. */
export interface Money {
  /** Whole units (yen, dollars), exact. */
  amount: string;
  /** ISO 4217. */
  currency: Currency;
}
/** What a new bearer token is called and good for. */
export interface NewBearer {
  /** Unique within the offer or partner. */
  name: string;
  /** What it is good for; empty means everything. */
  scopes?: TrustScope[];
}
/** What a proof link is made of. */
export interface NewProof {
  /** Hours until it expires, 1 to 720 (168). */
  hours?: number | null;
  /** SID, or the id of an activity without a click. */
  id: string;
}
/** What a new token is called and good for. */
export interface NewToken {
  /** Days until it expires, 1 to 3650; `null`: it does not. */
  days?: number | null;
  /** For people. */
  name: string;
  /** What it is good for. */
  scope: TokenScope;
}
/** What a placeholder without data becomes. */
export type NoData = {
  policy: "empty";
} | {
  policy: "drop";
} | {
  policy: "word";
  /** The word, encoded like any value. */
  word: string;
};
/** Why a preset has no rule. */
export interface NoRule {
  /** `not_public`, `needs_api`, `partner_calls_us`, `computed_field`, `no_click_id`. */
  code: string;
  /** The reason with what to do. */
  text: Bilingual;
}
/** An offer as the API shows and takes it. */
export interface OfferDto {
  /** A conversion may name the partner's click id in place of a SID. */
  accept_partner_click_id?: boolean;
  /** Store id, apps only. */
  app_id?: string | null;
  /** Windows and limits. */
  attribution?: AttributionPolicy;
  /** Bots and prefetches count like people. */
  count_bots?: boolean;
  /** Unix milliseconds; set by the server. */
  created_at_ms?: number;
  /** Currency of amounts that come without one; the instance's own when left out. */
  currency?: Currency | null;
  /** Where clicks lead. */
  destinations?: Destinations;
  /** Conversion points, in order; the first is the default of `/cv`. */
  events?: EventDto[];
  /** CID; made by the server when it is left out. */
  id?: OfferId | null;
  /** What is stored of addresses. */
  ip_privacy?: IpPrivacy;
  /** Site or app. */
  kind?: OfferKind;
  /** For people. */
  name: string;
  /** Hosts that `redirect`, `deep_link` and `fallback` of a click may name. */
  redirect_hosts?: string[];
  /** Repeated clicks within this many seconds are flagged (連続クリック); 0 = off. */
  repeat_click_s?: number;
  /** Name under which the SID is added to destinations. */
  sid_param?: string;
  /** Origins of the offer's site. */
  sites?: string[];
  /** Paused: clicks answer 404. */
  state?: RunState;
  /** Who may send conversions. */
  trust?: TrustDto;
  /** Unix milliseconds of the last save; must be sent back unchanged to replace. */
  updated_at_ms?: number | null;
}
export type OfferId = string;
/** Site or app. */
export type OfferKind = "web" | "app";
/** An alert that stands. */
export interface OpenAlert {
  /** In one line, in the language of alerts. */
  headline: string;
  /** What is wrong. */
  kind: AlertKind;
  /** Unix milliseconds. */
  since_ms: number;
  /** With what: `scheme://host:port` of a destination, else empty. */
  subject: string;
}
/** What made a postback. */
export interface OriginDto {
  /** Rule id or name of the callback parameter. */
  id: string;
  /** `rule`, `link` (a callback on the click URL) or `test`. */
  type: string;
}
/** A partner as the API shows and takes it. */
export interface PartnerDto {
  /** Overrides of the offers' attribution policies; a link's own go first. */
  attribution?: AttributionPolicy;
  /** Hosts that callbacks carried on the click URL may name. */
  callback_hosts?: string[];
  /** What it appends to our click URL. */
  click_parameters?: ClickParameter[];
  /** Unix milliseconds; set by the server. */
  created_at_ms?: number;
  /** How its postbacks are sent. */
  delivery?: DeliverySettings;
  /** Made by the server when it is left out. */
  id?: PartnerId | null;
  /** For people; `{partner}`. */
  name: string;
  /** Free text for the operator. */
  note?: string;
  /** Payouts of its own. */
  payouts?: PartnerPayout[];
  /** The preset that it was made from. */
  preset?: string | null;
  /** Who may send for it. */
  trust?: TrustDto;
  /** Unix milliseconds of the last save; must be sent back unchanged to replace. */
  updated_at_ms?: number | null;
}
export type PartnerId = string;
/** A payout of this partner that replaces the one of the event. */
export interface PartnerPayout {
  /** Which event; `None` means all events of the offer. */
  event?: EventToken | null;
  /** Which offer. */
  offer: OfferId;
  /** How much. */
  payout: Payout;
}
/** A change of one's own password. */
export interface PasswordChange {
  /** The present one. */
  old_password: string;
  /** The new one, at least 12 characters. */
  password: string;
}
/** What the advertiser owes a partner for one conversion (単価 / 報酬). */
export type Payout = Money & {
  type: "fixed";
} | {
  /** In percent, 0 to 100. */
  percent: string;
  type: "percent";
};
/** What is owed to one partner for one month. */
export interface PayoutRow {
  /** Of these approved. */
  approved: number;
  /** Conversions that count. */
  conversions: number;
  /** `2026-11`. */
  month: string;
  /** Its name. */
  name: string;
  /** The partner; `null` for links without one and for organic conversions. */
  partner?: string | null;
  /** Payout of conversions that are not rejected, by currency. */
  payout: Money[];
  /** Of these pending. */
  pending: number;
}
/** Payouts by partner and month. */
export interface Payouts {
  /** Newest month first, then by name. */
  rows: PayoutRow[];
  /** The time zone of months. */
  time_zone: string;
}
/** One name of the catalogue of placeholders. */
export interface PlaceholderDto {
  /** Form of its values, English. */
  format_en: string;
  /** Form of its values, Japanese. */
  format_ja: string;
  /** What it is about. */
  group: Group;
  /** Kinds that have data for it. */
  kinds: ActivityKind[];
  /** What it holds, English. */
  meaning_en: string;
  /** What it holds, Japanese. */
  meaning_ja: string;
  /** As between the braces; in capitals between `##`. */
  name: string;
  /** A value as it could be. */
  sample: string;
  /** Where the value comes from. */
  source: Source;
}
/** The catalogue of placeholders. */
export interface PlaceholderList {
  /** By group. */
  items: PlaceholderDto[];
}
/** One object that would change. */
export interface PlannedChange {
  /** What happens to it. */
  change: WhatChanges;
  /** Field by field, for a replacement. */
  difference: string;
  /** Its id; empty for the settings. */
  id: string;
  /** `offer`, `partner`, `link`, `rule`, `settings`. */
  kind: string;
  /** Its name. */
  name: string;
}
/** A postback with every attempt that is kept. */
export interface PostbackDetail {
  /** Oldest first. */
  attempts: AttemptDto[];
  /** The postback. */
  postback: PostbackDto;
}
/** A postback. */
export interface PostbackDto {
  /** The activity that caused it; the SID for clicks and impressions. */
  activity: ActivityId;
  /** Attempts made so far. */
  attempts: number;
  /** Unix milliseconds of acceptance. */
  created_at_ms: number;
  /** Waiting: when it is due, unix milliseconds. */
  due_at_ms?: number | null;
  /** Which entry of the rule text, from 0. */
  entry: number;
  /** Failed: why, a stable code. */
  fail_reason?: string | null;
  /** Stable over all attempts. */
  id: PostbackId;
  /** Labelled test. */
  is_test: boolean;
  /** Destination: scheme, host and port. */
  lane: string;
  /** The last attempt. */
  last?: AttemptDto | null;
  /** Offer of the activity. */
  offer: OfferId;
  /** What made it. */
  origin: OriginDto;
  /** The partner that is told; `null` for an offer-wide rule. */
  partner?: PartnerId | null;
  /** The exact request. */
  request: Request;
  /** Settled: when, unix milliseconds. */
  settled_at_ms?: number | null;
  /** `waiting`, `delivered` or `failed`. */
  state: StateFilter;
}
export type PostbackId = string;
/** Filters of the log of postbacks. */
export interface PostbackQuery {
  /** Only of this activity (or SID). */
  activity?: string | null;
  /** Only whose last answer had this status. */
  answer?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
  /** Only failed for this reason. */
  fail_reason?: FailReason | null;
  /** Accepted from this time on, unix milliseconds. */
  from_ms?: number | null;
  /** Only to this destination (`https://partner.example:443`). */
  lane?: string | null;
  /** Items of a page, 1 to 200 (50). */
  limit?: number | null;
  /** Only of this offer. */
  offer?: string | null;
  /** Only to this partner. */
  partner?: string | null;
  /** Only of this rule. */
  rule?: string | null;
  /** Only in this state. */
  state?: StateFilter | null;
  /** Only tests, or only others. */
  test?: boolean | null;
  /** Accepted before this time, unix milliseconds. */
  to_ms?: number | null;
}
/** What is known about one system. */
export interface Preset {
  /** The blanks of the rule text in their order, each once. */
  blanks: Blank[];
  /** What the partner puts on our click URL. */
  click: PresetClickParameter[];
  /** How far it can be trusted. */
  confidence: Confidence;
  /** Serves installs and events of apps rather than conversions of sites. */
  for_apps: boolean;
  /** What to put on the destination when the partner measures. */
  handover: Handover[];
  /** Never changes; kept in the partner that is made from it. */
  id: string;
  /** What kind of system. */
  kind: PresetKind;
  /** GET or POST. */
  method: Method;
  /** For the picker. */
  name: Bilingual;
  /** Why there is no rule; `None` exactly when there is one. */
  no_rule?: NoRule | null;
  /** What to know, or empty. */
  note: Bilingual;
  /** Path and query of our address that the partner is to call, with its macros, when it measures. */
  notify?: string | null;
  /** Where. */
  region: Region;
  /** Rule text with `<BLANK>`s; `None`: see [`Self::no_rule`]. */
  rule?: string | null;
  /** Companies, readings and domains that it is also found by. */
  search: string[];
  /** Where it was read, when that is public. */
  source?: string | null;
}
/** One parameter that the partner puts on our click URL. */
export interface PresetClickParameter {
  /** The partner adds the parameter itself; it must not be written on the URL. */
  is_appended?: boolean;
  /** The partner's macro, never touched by us. `None` and not appended: ask the partner for it. */
  macro?: string | null;
  /** `param1`, `a8`, `gclid`. */
  name: string;
  /** Taken as PARA1 to PARA5. */
  para?: number | null;
  /** What it means. */
  role: ClickRole;
}
/** What kind of system a partner runs. */
export type PresetKind = "asp" | "ad_network" | "reward" | "tracker" | "mmp";
/** A preview of a rule. */
export interface Preview {
  /** One for each entry; empty when the rule has errors. */
  entries: EntryPreview[];
  /** Errors and warnings. */
  findings: Finding[];
}
/** What a preview is made with. */
export interface PreviewRequest {
  /** A real activity or session; the sample when left out. */
  activity?: ActivityId | null;
  /** Kind of the sample activity (`event`). */
  kind?: ActivityKind | null;
  /** The rule, saved or not. */
  rule: RuleDto;
}
/** A proof link. */
export interface ProofDto {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** Who made it. */
  created_by: string;
  /** Unix milliseconds. */
  expires_at_ms: number;
  /** Names it, and opens nothing. */
  id: string;
  /** SID or activity. */
  subject: string;
  /** Its address; only in the answer to its making. */
  url?: string | null;
}
/** Proof links. */
export interface ProofList {
  /** Those that have not expired, newest first; at most 1,000. */
  items: ProofDto[];
}
/** The queue as it stands. */
export interface QueueDto {
  /** Whether the waiting postbacks of before the start are still being read. */
  is_scanning: boolean;
  /** Every destination that is known, the longest queue first. */
  lanes: LaneDto[];
  /** For how long the longest neglected postback waits whose lane may send, milliseconds. */
  oldest_due_age_ms: number;
  /** On the wire. */
  on_wire: number;
  /** Waiting postbacks in all. */
  waiting: number;
  /** Worker threads. */
  workers: number;
}
/** How the queue of postbacks is. */
export interface QueueSummary {
  /** On the wire. */
  in_flight: number;
  /** For how long the longest neglected postback waits whose lane may send, seconds. */
  oldest_due_age_s: number;
  /** Destinations whose breaker is open. */
  open_lanes: number;
  /** Waiting postbacks, those in flight included. */
  waiting: number;
}
/** What came of a check. */
export type Reached = "ok" | "ok_private" | "something_else" | "redirected" | "not_resolved" | "refused" | "timed_out" | "tls" | "private_elsewhere";
/** Codes for the day that the app is lost: the only time that they are shown. */
export interface RecoveryCodes {
  /** Each is good once. */
  codes: string[];
}
/** Why an activity does not count. Each is a stable code and is shown to operators in their language. */
export type RefusalReason = "unknown_session" | "missing_session" | "outside_window" | "duplicate_uid" | "duplicate_visitor" | "duplicate_session" | "bot" | "ip_not_allowed" | "bad_signature" | "bad_token" | "wrong_event" | "wrong_offer" | "offer_paused" | "future_timestamp" | "too_old" | "invalid_field" | "out_of_order" | "unique_event" | "unknown_device" | "forgotten_device" | "invalid_apple_signature";
/** Where the partner mostly works. */
export type Region = "jp" | "us" | "eu" | "ru" | "global";
/** Which request a resend sends. */
export type Rendering = "as_it_was" | "anew";
/** A report. */
export interface Report {
  /** First millisecond, as rounded. */
  from_ms: number;
  /** Everything together in the period just before, when asked for. */
  previous_total?: CountersDto | null;
  /** Days and hours in order, all others by clicks. */
  rows: StatRow[];
  /** The time zone of days and hours. */
  time_zone: string;
  /** First millisecond that is not in it, as rounded. */
  to_ms: number;
  /** Everything together. */
  total: CountersDto;
}
/** One request as it will go out, byte for byte, except for signatures, which carry the time of the attempt. */
export interface Request {
  /** Body of a POST, at most 64 KiB; its type is among the headers. */
  body?: string | null;
  /** Extra headers of the rule, rendered; names in the case that the rule wrote. */
  headers: [string, string][];
  /** GET or POST. */
  method: Method;
  /** Absolute URL, rendered, at most 8 KiB. */
  url: string;
}
/** Which postbacks are sent again, and how. */
export interface ResendRequest {
  /** Or those that a filter finds (at most 100,000); `limit` and `cursor` are not used. */
  filter?: PostbackQuery | null;
  /** These; at most 1,000. */
  ids?: PostbackId[];
  /** As it was, or rendered anew with today's rule. */
  rendering?: Rendering;
}
/** What a user may do. */
export type Role = "viewer" | "editor" | "owner";
/** Body of a POST rule; the fields are templates. */
export type RuleBody = {
  /** Template of the whole body. */
  template: string;
  type: "form";
} | {
  /** Template of the whole body. */
  template: string;
  type: "json";
};
/** A rule as the API shows and takes it. */
export interface RuleDto {
  /** Body of a POST. */
  body?: RuleBody | null;
  /** Why a saved rule can no longer be used; set by the server. */
  broken?: string | null;
  /** Off: kept, never fires. */
  enabled?: boolean;
  /** Only for this event. */
  event?: EventToken | null;
  /** Extra headers. */
  headers?: RuleHeader[];
  /** Made by the server when it is left out. */
  id?: RuleId | null;
  /** Also fires for bots and prefetches. */
  include_bots?: boolean;
  /** Kinds that it fires for; empty means all kinds. */
  kinds?: ActivityKind[];
  /** GET unless set. */
  method?: Method;
  /** For people. */
  name?: string;
  /** What empty placeholders become. */
  no_data?: NoData;
  /** Whom it speaks for. */
  scope: RuleScope;
  /** Signing secret (`whsec_...`). */
  signing_secret?: Secret;
  /** Fires when a conversion enters one of these. */
  statuses?: ConversionStatus[];
  /** Entries separated by white space: `URL` or `operator,LEFT,VALUE,URL`. */
  text: string;
  /** Unix milliseconds of the last save; must be sent back unchanged to replace. */
  updated_at_ms?: number | null;
}
/** An extra header; the value is a template. */
export interface RuleHeader {
  /** Header name. */
  name: string;
  /** Template; values that hold CR, LF or NUL make the postback unrenderable. */
  value: string;
}
export type RuleId = string;
/** What one entry of a rule said. */
export interface RuleOutcomeDto {
  /** The condition with the values that it saw. */
  condition?: string | null;
  /** Which entry, from 0. */
  entry: number;
  /** Whether the condition held. */
  holds: boolean;
  /** The rule, or the callback parameter of the click URL. */
  origin: OriginDto;
  /** The postback that came of it. */
  postback?: PostbackId | null;
  /** Why none came although the condition held: a stable code. */
  skipped?: string | null;
}
/** Whom a rule speaks for. */
export type RuleScope = {
  /** The offer. */
  offer: OfferId;
  type: "offer";
} | {
  /** Only for this offer. */
  offer?: OfferId | null;
  /** The partner. */
  partner: PartnerId;
  type: "partner";
};
/** Active or paused: offers and links share it. */
export type RunState = "active" | "paused";
/** Shown as is_set; a string sets it, null removes it, anything else keeps it. */
export type Secret = {
  is_set: boolean;
} | string | null;
/** A click or impression. */
export interface SessionDto {
  /** Unix milliseconds. */
  at_ms: number;
  /** Where known. */
  browser: string;
  /** Or empty. */
  city: string;
  /** Two lower-case letters, or empty. */
  country: string;
  /** Where the visitor was sent. */
  destination: string;
  /** Device ids by name. */
  device_ids: [string, string][];
  /** Where known. */
  device_name: string;
  /** `phone`, `tablet`, `pc`, `bot`. */
  device_type: string;
  /** SID. */
  id: SessionId;
  /** As the privacy setting leaves it. */
  ip: string;
  /** A known bot or a link preview. */
  is_bot: boolean;
  /** Something exceeded a limit and was cut. */
  is_cut: boolean;
  /** `HEAD`, prefetch and the like. */
  is_prefetch: boolean;
  /** Repeated (連続クリック). */
  is_repeat: boolean;
  /** Sent by a server. */
  is_s2s: boolean;
  /** Waited in memory while the store was down. */
  is_spooled: boolean;
  /** Labelled test. */
  is_test: boolean;
  /** First of its visitor on its link that day. */
  is_unique: boolean;
  /** `click`, `impression` or `direct`. */
  kind: EngagementKind;
  /** `label`. */
  label: string;
  /** First language of the browser. */
  language: string;
  /** Token of the link. */
  link: string;
  /** Offer. */
  offer: OfferId;
  /** `ios`, `android`, ... */
  os_name: string;
  /** As the user agent says it. */
  os_version: string;
  /** PARA1 to PARA5. */
  para: string[];
  /** Every other parameter, in the order of the URL. */
  parameters: [string, string][];
  /** Partner, if any. */
  partner?: PartnerId | null;
  /** As sent. */
  referer: string;
  /** Level names joined with `::`. */
  tracker_name: string;
  /** TUID. */
  tuid: string;
  /** As sent. */
  user_agent: string;
}
export type SessionId = string;
/** Settings as the API shows and takes them. */
export interface SettingsDto {
  /** Host names under which the admin side answers, beside those of the addresses above, `localhost` and every IP address; left out: as they are. */
  admin_hosts?: string[] | null;
  /** Where alerts go; shown to owners only. Left out or `null`: what is stored stays. */
  alerts?: AlertsDto | null;
  /** Currency in which new offers are made. */
  currency: Currency;
  /** Whether the set-up wizard was finished. */
  is_set_up?: boolean;
  /** `en` or `ja`. */
  language: string;
  /** Public address of the tracking endpoints, without a path; empty until set. */
  public_url?: string;
  /** IANA time zone of reports. */
  time_zone: string;
  /** Further tracking domains (発行ドメイン). */
  tracking_domains?: string[];
  /** Unix milliseconds of the last save; must be sent back unchanged to replace. */
  updated_at_ms?: number | null;
}
/** Whether the set-up token is good. */
export interface SetupStatus {
  /** Always true: a wrong token is answered 403. */
  is_open: boolean;
  /** `en` or `ja`, from Accept-Language. */
  language: string;
  /** The public address that the browser called, to be proposed in the wizard. */
  origin: string;
  /** Version of the server. */
  version: string;
}
/** Whether a rule with the finding can be saved. */
export type Severity = "error" | "warning";
/** Where a value comes from. */
export type Source = "record" | "parameter";
/** Clicks that wait in memory while the store is down. */
export interface SpoolDto {
  /** How many were lost since the start because there was no room. */
  lost: number;
  /** How many wait. */
  waiting: number;
}
/** One row of a report. */
export type StatRow = CountersDto & {
  /** Start of a day, hour or month, unix milliseconds. */
  at_ms?: number | null;
  /** Id, code, or local time (`2026-11-21`, `2026-11-21T14`); empty for what has none. */
  key: string;
  /** Name for people. */
  label: string;
};
/** Where a postback stands, as a filter. */
export type StateFilter = "waiting" | "delivered" | "failed";
/** A change of a conversion's status. */
export interface StatusChange {
  /** Unix milliseconds. */
  at_ms: number;
  /** `automatic`, `schedule`, `api`, or the name of the user. */
  by: string;
  /** New status. */
  status: ConversionStatus;
}
/** A change of status. */
export interface StatusRequest {
  /** Conversions, at most 1,000. */
  ids: ActivityId[];
  /** A new amount, for a single conversion. */
  money?: Money | null;
  /** New status. */
  status: ConversionStatus;
}
/** What became of one conversion. */
export interface StatusResult {
  /** The conversion. */
  id: ActivityId;
  /** `changed`, `unchanged`, `unknown_conversion`, `not_a_conversion`. */
  result: string;
  /** The `event_update` that was made. */
  update?: ActivityId | null;
}
/** What became of each conversion. */
export interface StatusResults {
  /** How many were changed. */
  changed: number;
  /** In the order of the request. */
  items: StatusResult[];
}
/** One step from click to answer. */
export interface Step {
  /** Stable code. */
  code: string;
  /** Whether it went on from here. */
  is_ok: boolean;
  /** A sentence for the operator. */
  message: string;
}
/** How the store is. */
export interface StoreDto {
  /** The last commit that can be read. */
  applied_seq: number;
  /** Databases in all. */
  databases: number;
  /** The last commit that is durable. */
  durable_seq: number;
  /** What is wrong, when it has failed. */
  failure?: string | null;
  /** Size of the journal. */
  journal_bytes: number;
  /** Databases that are being brought back. */
  rebuilding: string[];
  /** What was repaired, rebuilt or lost since the start: sentences. */
  repairs: string[];
  /** `ready`, `rebuilding`, `full` or `failed`. */
  state: string;
}
/** What taking a document over means. */
export interface Summary {
  /** In the order in which they are made. */
  changes: PlannedChange[];
  /** Whether it was done. */
  is_applied: boolean;
  /** Objects of the document that are there already, as they are. */
  unchanged: number;
}
/** How the instance is. */
export interface SystemDto {
  /** Saved rules that can no longer be used. */
  broken_rules: number;
  /** What readiness depends on, and what the start found wrong, each with a sentence. */
  checks: Check[];
  /** Why the caller appears as it does. */
  client: ClientDto;
  /** Where everything is kept. */
  data_dir: string;
  /** Free on the disk of the data directory. */
  disk_free_bytes: number;
  /** Whether a GeoIP file is in use. */
  has_geoip: boolean;
  /** Well or not. */
  health: Health;
  /** Time of the last click or impression, unix milliseconds. */
  last_session_at_ms?: number | null;
  /** Unix milliseconds on this server. */
  now_ms: number;
  /** How the queue of postbacks is. */
  queue: QueueSummary;
  /** Days that records are kept: sessions, activities, attempts. */
  retention_days: number[];
  /** The address that postbacks leave from, for allow-lists of receivers; `null`: the system chooses. */
  source_address?: string | null;
  /** Clicks that wait in memory. */
  spool: SpoolDto;
  /** Unix milliseconds. */
  started_at_ms: number;
  /** How the store is. */
  store: StoreDto;
  /** Version of the server. */
  version: string;
}
/** What a test click carries. */
export interface TestClick {
  /** Which link. */
  link: LinkToken;
  /** Query as a partner would send it (`param1=TEST-1`). */
  query?: string;
}
/** What a test conversion carries; everything as `/cv` takes it. */
export interface TestConversion {
  /** As a text (`1000`). */
  amount?: string | null;
  /** ISO 4217. */
  currency?: string | null;
  /** Token of the event; the first one when left out. */
  event?: EventToken | null;
  /** Of which click; a test click or a real one. */
  sid: SessionId;
  /** `pending`, `approved` or `rejected`; the event's policy when left out. */
  status?: string | null;
  /** Order number; a new one is made when left out, so that the test is no duplicate. */
  uid1?: string | null;
}
/** Which rule is tried, and with what. */
export interface TestSend {
  /** A real activity or SID; the sample when left out. */
  activity?: ActivityId | null;
  /** Kind of the sample activity (`event`). */
  kind?: ActivityKind | null;
  /** A saved rule. */
  rule: RuleId;
}
/** What a test send came to. */
export interface TestSends {
  /** The activity that it was made with. */
  activity: ActivityDto;
  /** Conditions that did not hold, as they saw the values. */
  conditions: string[];
  /** One for each entry whose condition held. */
  sent: TestSent[];
}
/** One request that was sent, and what came back. */
export interface TestSent {
  /** What came back; `null` when the request could not be rendered. */
  attempt?: AttemptDto | null;
  /** Which entry of the rule text, from 0. */
  entry: number;
  /** What was sent; signatures are added on the wire. */
  request: Request;
}
/** An API token as the API shows it. */
export interface TokenDto {
  /** Unix milliseconds. */
  created_at_ms: number;
  /** Who made it. */
  created_by: string;
  /** Unix milliseconds; `null`: it does not expire. */
  expires_at_ms?: number | null;
  /** Public id. */
  id: TokenId;
  /** For people. */
  name: string;
  /** What it is good for. */
  scope: TokenScope;
}
export type TokenId = string;
/** What an API token is good for. */
export type TokenScope = "read" | "write" | "admin";
/** Switches the second factor on. */
export interface TotpConfirm {
  /** What the app shows for it now. */
  code: string;
  /** The present password. */
  password: string;
  /** The secret that was proposed. */
  secret: string;
}
/** The present password, to switch the second factor off. */
export interface TotpOff {
  /** The present password. */
  password: string;
}
/** A secret for an authenticator app; it is not in force until it is confirmed. */
export interface TotpOffer {
  /** Base32, to be typed. */
  secret: string;
  /** For a QR code. */
  url: string;
}
/** A trace. */
export interface Trace {
  /** Every activity, oldest first. */
  activities: ActivityTrace[];
  /** How it was found; `null` when nothing was. */
  found_by?: FoundBy | null;
  /** The search looked at the newest records only, or the click has more than 100 activities: more may exist. */
  is_partial: boolean;
  /** The click or impression. */
  session?: SessionDto | null;
  /** Postbacks of the click itself. */
  session_postbacks: PostbackDetail[];
  /** What the rules for clicks say of it today. */
  session_rules: RuleOutcomeDto[];
  /** The way from the click to the answer, up to the first step that stopped it. */
  steps: Step[];
  /** The code of the step that stopped it; `null` when everything went through. */
  stopped_at?: string | null;
}
/** Who may send conversions. Every check that is configured must pass. */
export interface TrustDto {
  /** Addresses or ranges that may call (`192.0.2.7`, `192.0.2.0/24`). */
  allowed_ips?: string[];
  /** Tokens are made with their own endpoint; here they can be changed and removed, by name. */
  bearer_tokens?: BearerDto[];
  /** Secret of the HMAC signature. */
  hmac_secret?: Secret;
  /** Off, test or enforced. */
  mode?: TrustMode;
}
/** How far a check is taken. */
export type TrustMode = "off" | "test" | "enforced";
/** What a bearer token of an offer is good for. */
export type TrustScope = "conversions" | "events" | "sessions" | "ad_revenue" | "gdpr" | "claims";
/** Why a template gives no request with these values. */
export type Unrenderable = "dot_segment" | "url_too_long" | "body_too_long" | "header_control";
/** What came of a file. */
export interface UploadResult {
  /** New conversions. */
  created: number;
  /** Mistakes, and lines that would be refused and why; when there is one nothing was done, and the counts are those of the other lines. */
  errors: LineError[];
  /** Whether it was done. */
  is_applied: boolean;
  /** Lines without the headings. */
  lines: number;
  /** Conversions that were so already, and duplicates. */
  unchanged: number;
  /** Conversions whose status or amount changed. */
  updated: number;
}
/** A user as the API shows and takes it. */
export interface UserDto {
  /** Unix milliseconds; set by the server. */
  created_at_ms?: number;
  /** Whether a second factor is on; set by the server. */
  has_totp?: boolean;
  /** Made by the server. */
  id?: UserId | null;
  /** Off: cannot sign in. */
  is_disabled?: boolean;
  /** `en` or `ja`. */
  language?: string | null;
  /** Sign-in name: an e-mail address or one word. */
  login: string;
  /** For people. */
  name?: string;
  /** A viewer limited to these partners (子アカウント); empty means all. */
  partners?: PartnerId[];
  /** What they may do. */
  role: Role;
  /** Unix milliseconds of the last save; must be sent back unchanged to replace. */
  updated_at_ms?: number | null;
}
export type UserId = string;
/** Whether an activity counts, as a filter. */
export type VerdictFilter = "accepted" | "duplicate" | "refused" | "not_accepted";
/** Whether an activity counts. */
export type VerdictWord = "accepted" | "duplicate" | "refused";
/** What would happen to one object. */
export type WhatChanges = "create" | "update";
/** One page of a list. */
export interface Page<T> {
  /** The search stopped early to stay quick: there may be more matches behind the cursor although this page is not full. */
  is_partial: boolean;
  items: T[];
  /** Give it as `cursor` for the next page; `null` at the end. */
  next_cursor?: string | null;
}
