// Made from the API's own document by tests/it/api_types.rs; do not edit.
// A field with `?` may be left out of a request; answers hold it, unless it is described otherwise.
/** Which refusals are to count. */
export interface AcceptRequest {
  /** Refused activities, at most 200: conversions that failed a check (`bad_token`, `bad_signature`, `ip_not_allowed`), came `outside_window` or of a `bot`. */
  ids: ActivityId[];
}
/** What came of one of them. */
export interface AcceptResult {
  /** The conversion that counts. */
  conversion?: ActivityId | null;
  /** The refusal. */
  id: ActivityId;
  /** `accepted`, `already_accepted`, `duplicate`, `not_acceptable`, `unknown_activity`, or the reason that is against it. */
  result: string;
}
/** What came of each. */
export interface AcceptResults {
  /** How many count now. */
  accepted: number;
  /** In the order of the request. */
  items: AcceptResult[];
}
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
  /** What is known of the person. */
  identity: IdentityDto;
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
  /** What was odd about the request, which was taken all the same. */
  notes: Note[];
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
/** Filters of the logs of activities. */
export interface ActivityQuery {
  /** Only conversions: installs and first occurrences of events. */
  conversions?: boolean | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
  /** Only of this event (token). */
  event?: string | null;
  /** From this time of receipt on, unix milliseconds. */
  from_ms?: number | null;
  /** Only of this kind. */
  kind?: ActivityKind | null;
  /** Items of a page, 1 to 200 (50). */
  limit?: number | null;
  /** Only credited to this link. */
  link?: string | null;
  /** Only of this offer. */
  offer?: string | null;
  /** Another order than the newest first: by time, revenue or payout. */
  order?: Order | null;
  /** Only credited to this partner. */
  partner?: string | null;
  /** Only refused or duplicate for this reason. */
  reason?: RefusalReason | null;
  /** Only of this SID, or sent with it although there is no such session. */
  sid?: string | null;
  /** Only of this status. */
  status?: ConversionStatus | null;
  /** Only tests, or only others. */
  test?: boolean | null;
  /** Before this time of receipt, unix milliseconds. */
  to_ms?: number | null;
  /** Only with this order number (any of uid1 to uid8). */
  uid?: string | null;
  /** Only of this verdict. */
  verdict?: VerdictFilter | null;
}
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
export type AlertKind = "partner_failing" | "queue_old" | "disk_low" | "refusals_high" | "store_damaged" | "backup_failing" | "archive_failing" | "postbacks_overdue" | "partner_held" | "certificate_failing" | "sign_in_attack" | "checks_failing" | "no_clicks" | "no_conversions" | "raw_data_failing" | "held_queue_filling" | "postbacks_ending";
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
  /** When nothing comes in any more. */
  silence?: SilenceAlerts;
  /** The summary of a day or a week. */
  summary?: SummarySettings;
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
/** One case of an answer. Everything that is given has to hold. */
export interface AnswerCase {
  /** What stands there is a number of at least this. */
  at_least?: number | null;
  /** JSON pointer into the body (`/code`); empty: the body is not looked at. */
  pointer?: string;
  /** Statuses: `200`, `4xx`; empty: any. */
  status?: string[];
  /** What stands there, as text, numbers and booleans too; empty: anything but null. */
  values?: string[];
  /** What it means. */
  verdict: AnswerVerdict;
}
/** How answers are read. */
export interface AnswerPolicy {
  /** What a status means that no case names. */
  by_status?: StatusReading;
  /** The first that holds decides. */
  cases?: AnswerCase[];
  /** JSON pointers to the receiver's own words; the first that leads to a text is shown. */
  says?: string[];
}
/** What an answer means. */
export type AnswerVerdict = "delivered" | "retry" | "give_up" | "stop";
/** Who brought the device. */
export interface AppAttribution {
  /** The device's id. */
  adid: string;
  /** The app. */
  app_token: string;
  attribution: AppCredit;
  /** A sentence. */
  message: string;
  /** The time of the answer, RFC 3339. */
  timestamp: string;
}
/** What became of a claim. */
export interface AppClaim {
  attribution: AppCredit;
  /** Why the claim was not granted; null when it was. */
  reason: string | null;
  /** What was decided: updated, unchanged or rejected among others. */
  result: string;
  /** Always OK. */
  status: "OK";
}
/** Whom the credit belongs to; Organic when nobody. */
export interface AppCredit {
  /** The ad group. */
  adgroup: string | null;
  /** The device, as /attribution tells it. */
  adid?: string;
  /** The campaign. */
  campaign: string | null;
  /** What the link was labelled with. */
  click_label: string | null;
  /** The creative. */
  creative: string | null;
  /** The network. */
  network: string;
  /** Network, campaign, adgroup and creative with :: between them. */
  tracker_name: string;
  /** The link. */
  tracker_token: string | null;
}
/** It was taken. */
export interface AppDone {
  /** Always OK. */
  status: "OK";
}
/** Why it was not taken. */
export interface AppError {
  /** What was kept of it. */
  activity_id?: string;
  /** A stable code, for programs. */
  code: string;
  /** A sentence, as SDKs show it. */
  error: string;
  /** The field that it is about. */
  field: string | null;
  /** What to do about it. */
  message: string;
}
/** The device is forgotten, or will be. */
export interface AppForgotten {
  /** When it is carried out, unix milliseconds; only when nothing proved who asked. */
  due_at_ms?: number;
  /** A sentence. */
  message: string;
  /** Always OK. */
  status: "OK";
}
/** The removal was taken. */
export interface AppRemoved {
  /** The device's id. */
  adid: string;
  /** A sentence. */
  message: string;
  /** Always OK. */
  status: "OK";
}
/** An opening of the app was taken. */
export interface AppSession {
  /** The device's id from now on. */
  adid: string;
  /** The app. */
  app_token: string;
  /** After how many milliseconds /attribution may be asked. */
  ask_in: number;
  /** A sentence. */
  message: string;
  /** When it happened, RFC 3339. */
  timestamp: string;
}
/** What became of Apple's postback. */
export interface AppleAnswer {
  /** The activity. */
  activity_id: string;
  /** Why it does not count; null when it does. */
  reason: string | null;
  /** What was decided. */
  result: "accepted" | "duplicate" | "refused";
}
/** Apple's postback as it is: the fields of SKAdNetwork with attribution-signature, or jws-string of AdAttributionKit with the values that are not signed. */
export type ApplePostback = Record<string, unknown>;
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
/** The archive. */
export interface ArchiveDto {
  /** How it is; `null`: none is set. */
  status?: ArchiveStatus | null;
}
/** Where the archive stands. */
export type ArchiveStanding = "starting" | "on" | "behind" | "fenced";
/** How the archive is. */
export interface ArchiveStatus {
  /** When something was archived last, unix milliseconds. */
  archived_at_ms?: number | null;
  /** The last commit in the archive. */
  archived_seq: number;
  /** For how long the oldest of them has waited, seconds. */
  behind_s: number;
  /** The epoch that this server writes; 0 before the first look. */
  epoch: number;
  /** Why nothing is written here any more. */
  fenced?: string | null;
  /** Whether the journal stopped waiting: its beginning is not in the archive, a new snapshot has to come first. */
  has_let_go: boolean;
  /** Whether objects are sealed with the operator's key. */
  is_sealed: boolean;
  /** Bytes that the journal takes. */
  journal_bytes: number;
  /** Up to how many bytes of the journal wait. */
  journal_most_bytes: number;
  /** When this was told, unix milliseconds. */
  now_ms: number;
  /** Where the archive is. */
  place: string;
  /** The earliest moment that can be restored, unix milliseconds. */
  reaches_back_to_ms?: number | null;
  /** Bytes received in that time. */
  received_bytes_day: number;
  /** Requests of the last 24 hours, or since the start. */
  requests_day: number;
  /** Bytes sent in that time. */
  sent_bytes_day: number;
  /** When the newest verified snapshot was made, unix milliseconds. */
  snapshot_at_ms?: number | null;
  /** Where it stands. */
  standing: ArchiveStanding;
  /** The last trouble; it stays until something worked. */
  trouble?: ArchiveTrouble | null;
  /** Commits that wait. */
  waiting_commits: number;
}
/** What a try of the bucket found. */
export interface ArchiveTestDto {
  /** Stable code of what is wrong. */
  code?: string | null;
  /** Whether objects are taken, given back and removed, and conditional writes are enforced. */
  is_ok: boolean;
  /** The same as a sentence. */
  message?: string | null;
}
/** The last thing that did not work. */
export interface ArchiveTrouble {
  /** When, unix milliseconds. */
  at_ms: number;
  /** Stable code. */
  code: string;
  /** A sentence. */
  message: string;
}
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
  /** The receiver's own words, where the rule says where they stand. */
  said?: string | null;
  /** HTTP status, when there was an answer. */
  status?: number | null;
  /** The URL that was called. */
  url: string;
  /** What the rule says that the answer means; `null`: its status line was read. */
  verdict?: AnswerVerdict | null;
}
/** Windows and limits of attribution. A partner or link can override each. */
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
/** What a rule would send for a period. */
export interface BackfillLook {
  /** First millisecond of the period. */
  from_ms: number;
  /** There is more than can be sent at once: choose a shorter period. */
  is_too_much: boolean;
  /** Activities of the period that count. */
  looked_at: number;
  /** Requests in all. */
  requests: number;
  /** How many by result: `queued` would be told; `already_sent`, `not_matching`, `rejected_since`, `too_old`, `no_identifier`, `no_consent`, `no_click_id`, `unrenderable`, `test` and `undone` would not. */
  results: Record<string, number>;
  /** The newest of those that would be told, at most 10. */
  samples: BacktestSample[];
  /** First millisecond that is not in it. */
  to_ms: number;
}
/** Over which period a rule is sent. */
export interface BackfillRequest {
  /** From this time of receipt on, unix milliseconds. */
  from_ms: number;
  /** Before this time of receipt, unix milliseconds; now when left out. */
  to_ms?: number | null;
  /** `updated_at_ms` of the rule that was looked at: another one is not sent. */
  updated_at_ms: number;
}
/** What a rule would have sent. */
export interface Backtest {
  /** Errors and warnings of the rule; with an error nothing is tried. */
  findings: Finding[];
  /** Of these, those for which something would have been sent. */
  fired: number;
  /** First millisecond that was looked at. */
  from_ms: number;
  /** It was stopped early (20,000 records, 2 seconds); `from_ms` says how far back it came. */
  is_partial: boolean;
  /** Requests in all. */
  requests: number;
  /** The newest of those that fired, at most 10. */
  samples: BacktestSample[];
  /** First millisecond that was not looked at. */
  to_ms: number;
  /** Activities that count, with clicks and impressions when the rule is for them. */
  tried: number;
}
/** Which rule is tried, and on what. */
export interface BacktestRequest {
  /** From this time of receipt on, unix milliseconds; 7 days before the end when left out. */
  from_ms?: number | null;
  /** The rule, saved or not. It is tried as if it were on. */
  rule: RuleDto;
  /** Before this time of receipt, unix milliseconds; now when left out. */
  to_ms?: number | null;
}
/** An activity for which something would have been sent. */
export interface BacktestSample {
  /** The activity; of a click or impression its SID. */
  activity: ActivityId;
  /** Unix milliseconds. */
  at_ms: number;
  /** What it was. */
  kind: ActivityKind;
  /** The status that it entered. */
  status?: ConversionStatus | null;
  /** What would have been called. */
  urls: string[];
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
/** Why a caller's address is what it is. */
export type Because = "connection" | "untrusted_proxy" | "silent_proxy" | "proxy";
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
/** Lets one `/c/cbtest` call the partner's server. */
export interface CallbackTicket {
  /** Unix milliseconds: good until then, and for one request. */
  expires_at_ms: number;
  /** The value of the parameter `ticket`. Shown once. */
  ticket: string;
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
/** Characters that a value may have. */
export type Characters = "digits" | "id" | "visible" | "text";
/** A character set of values that are not UTF-8. */
export type Charset = "shift_jis" | "euc_jp" | "gb18030" | "big5" | "euc_kr" | "windows1252";
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
  /** The same as a code; `null` where nobody asked. */
  known_by?: Because | null;
  /** The address of this server as the browser sees it. */
  origin: string;
}
/** A closed statement without its lines. */
export interface ClosedStatement {
  /** When, unix milliseconds. */
  closed_at_ms: number;
  /** By whom. */
  closed_by: string;
  /** Later changes of earlier months. */
  corrections: StatementCorrection[];
  /** What the operator wrote. */
  draft: StatementDraft;
  /** Conversions by offer and event. */
  groups: StatementGroup[];
  /** Conversions that it holds. */
  lines: number;
  /** For which month. */
  month: Month;
  /** Its number. */
  number: string;
  /** Whose. */
  partner: PartnerId;
  /** The partner's name when it was closed. */
  partner_name: string;
  /** When it was opened again, unix milliseconds: another version holds. */
  reopened_at_ms?: number | null;
  /** By whom. */
  reopened_by?: string;
  /** Who pays. */
  sender: StatementSender;
  /** IANA time zone of the month. */
  time_zone: string;
  /** What is paid. */
  totals: StatementTotal[];
  /** 1, and one more each time that it is closed anew. */
  version: number;
}
/** How far the preset can be trusted. */
export type Confidence = "verified" | "unverified";
/** What is filled in to connect a platform. */
export interface ConnectForm {
  /** Values of the preset's blanks by name, secrets among them. */
  blanks?: Record<string, string>;
  /** Only say what would be made and sent. */
  dry_run?: boolean;
  /** Events that are sent, with the platform's words; empty: the preset's usual ones. */
  events?: EventWord[];
  /** Name of the partner; the preset's unless given. */
  name?: string;
  /** Only conversions of this offer. */
  offer?: OfferId | null;
  /** When the platform is told. */
  told?: Told;
}
/** A platform that was connected. */
export interface Connected {
  /** What the checks of the rules say. */
  findings: Finding[];
  /** The partner. */
  partner: PartnerDto;
  /** What the rules send of a sample conversion; secrets stand in it by name. */
  requests: Shown[];
  /** Its rules. */
  rules: RuleDto[];
  /** Names of its secrets. */
  secrets: string[];
}
/** What a visitor said to a use of their data. */
export type Consent = "granted" | "denied";
/** What a person has to have said of data for ad platforms (`ad_user_data`) for a rule to send anything. */
export type ConsentNeed = "any" | "not_denied" | "granted";
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
  /** Clicks and activities with a variable that nobody filled (`notes` of each tells which). */
  unfilled: number;
  /** Of these, first of their visitor on the link that day. */
  unique_clicks: number;
}
/** Whose conversions a rule of a partner hears. */
export type Credit = "credited" | "any";
export type Currency = string;
/** A decision that goes on. */
export interface Deciding {
  /** Its id, for taking it back. */
  decision: string;
  /** The job whose progress can be read. */
  job: JobDto;
}
/** A decision that was made. */
export interface Decision {
  /** Conversions that became approved. */
  approved?: number;
  /** When, unix milliseconds. */
  at_ms: number;
  /** Who. */
  by: string;
  /** Conversions that got a new change, which fires rules. */
  changed_back?: number;
  /** Conversions that were left, because they were changed again since. */
  changed_since?: number;
  /** Whether it came to its end. */
  is_complete?: boolean;
  /** Offer of order numbers. */
  offer?: OfferId | null;
  /** Conversions that became pending. */
  pending?: number;
  /** Conversions that became rejected. */
  rejected?: number;
  /** Conversions that became what they were before anybody was told. */
  restored?: number;
  /** When it was taken back, unix milliseconds. */
  undone_at_ms?: number | null;
}
/** A decision as it is listed. */
export interface DecisionDto {
  /** Conversions that became approved. */
  approved?: number;
  /** When, unix milliseconds. */
  at_ms: number;
  /** Who. */
  by: string;
  /** Conversions that got a new change, which fires rules. */
  changed_back?: number;
  /** Conversions that were left, because they were changed again since. */
  changed_since?: number;
  /** Its id. */
  id: string;
  /** Whether it came to its end. */
  is_complete?: boolean;
  /** Offer of order numbers. */
  offer?: OfferId | null;
  /** Conversions that became pending. */
  pending?: number;
  /** The same as what is left of it, milliseconds; 0: its postbacks go out, or went. */
  quiet_left_ms: number;
  /** Until when it can be taken back before anybody hears of it, unix milliseconds. */
  quiet_until_ms: number;
  /** Conversions that became rejected. */
  rejected?: number;
  /** Conversions that became what they were before anybody was told. */
  restored?: number;
  /** When it was taken back, unix milliseconds. */
  undone_at_ms?: number | null;
}
/** What is to be decided. One of `ids`, `filter` and `text`. */
export interface DecisionRequest {
  /** Token or name of their event; the offer's first when left out. */
  event?: string | null;
  /** Those that a filter finds (at most 10,000); `limit` and `cursor` are not used. */
  filter?: ActivityQuery | null;
  /** These conversions, at most 10,000. */
  ids?: ActivityId[];
  /** Which column is what; as the last time for the offer, or guessed, when left out. */
  mapping?: Mapping | null;
  /** Offer of the order numbers. */
  offer?: OfferId | null;
  /** Why they are rejected, where the table does not say it: for reports and `{rejection_reason}`. */
  reason?: string | null;
  /** New status of those that have none of their own in the table. */
  status?: ConversionStatus | null;
  /** Order numbers, one a line, or a table with one order a line. */
  text?: string | null;
}
/** Conversions that came within a stretch of time after their click. */
export interface DelayRow {
  /** How many. */
  conversions: number;
  /** From so many milliseconds on. */
  from_ms: number;
  /** Up to so many, exclusive; `null` without an end. */
  to_ms?: number | null;
}
/** Time from click to conversion. */
export interface Delays {
  /** Conversions with a click; tests, and conversions without a click, are left out. */
  conversions: number;
  /** There were too many to look at all: only the newest are counted. */
  is_partial: boolean;
  /** Half of the conversions came sooner, milliseconds; `null` without one. */
  median_ms?: number | null;
  /** Shortest first; every stretch, also the empty ones. */
  rows: DelayRow[];
}
/** Which refused activities and duplicates are to be deleted. */
export interface DeleteRequest {
  /** `more` of the answer before: goes on behind it. */
  behind?: ActivityId | null;
  /** Received from this time on, unix milliseconds. */
  from_ms?: number | null;
  /** Only of this offer. */
  offer?: OfferId | null;
  /** Only for this reason. */
  reason?: RefusalReason | null;
  /** Received before this time, unix milliseconds. */
  to_ms?: number | null;
}
/** What was deleted. */
export interface DeleteResult {
  /** How many. */
  deleted: number;
  /** There is more: the same request with this as `behind` goes on. */
  more?: ActivityId | null;
}
/** Whether delivery is paused. */
export interface DeliveryDto {
  /** User, token or command that paused it. */
  by?: string | null;
  /** Postbacks that will be too old for their rule within a day; `null`: none. */
  ending?: EndingDto | null;
  /** Partners whose postbacks wait: a token is refused, a secret is missing. */
  held: HoldDto[];
  /** What waits for each of them, the longest queue first. */
  held_queues: HeldQueueDto[];
  /** Whether it is. */
  is_paused: boolean;
  /** Since when, unix milliseconds. */
  since_ms?: number | null;
}
/** How the partner's postbacks are sent. Everything unset is the default. */
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
/** A device id. */
export interface DeviceId {
  /** `idfa`, `gps_adid`, ... */
  name: string;
  /** As it was sent, normalised. */
  value: string;
}
/** Which statement is written on, closed or opened again. */
export interface DraftRequest {
  /** What stands on it. */
  draft: StatementDraft;
  /** For which month. */
  month: Month;
  /** Whose. */
  partner: PartnerId;
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
/** An interface that comes to an end. */
export interface Ending {
  /** Month or day, as far as it is announced: `2027-03`. */
  on: string;
  /** What ends, and what to use then. */
  text: Bilingual;
}
/** Postbacks that will be too old for their rule within a day. */
export interface EndingDto {
  /** When the first one is too old, unix milliseconds. */
  first_at_ms: number;
  /** The money of their conversions, one of each currency. */
  money: Money[];
  /** How many. */
  postbacks: number;
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
/** An erasure that waits. */
export interface ErasureDto {
  /** Our id of the device, when it was sent. */
  adid?: string | null;
  /** Unix milliseconds. */
  asked_at_ms: number;
  /** Ids of the device. */
  devices: DeviceId[];
  /** When it is carried out, unix milliseconds. */
  due_at_ms: number;
  /** Address that asked. */
  from: string;
  /** Names it. */
  id: string;
  /** Sandbox. */
  is_test: boolean;
  /** The app. */
  offer: OfferId;
}
/** Erasures that wait. */
export interface ErasureList {
  /** How many wait. */
  count: number;
  /** Those that are due first; at most 200. */
  items: ErasureDto[];
}
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
  /** The largest amount that counts by itself while nobody vouches for it; what is above waits for approval. */
  unproven_amount?: Money | null;
}
export type EventToken = string;
/** What a platform calls one of our events. */
export interface EventWord {
  /** Token or name of the event; for activities that have none the name of their kind (`install`). */
  event: string;
  /** Only when a conversion enters this status. */
  status?: ConversionStatus | null;
  /** The platform's word; `{event_word}`. */
  word: string;
}
/** How the files of raw data are. */
export interface ExportDto {
  /** Files since they began. */
  files: number;
  /** For how long the hour that comes next could have been written, milliseconds; 0: it is not over. */
  lag_ms: number;
  /** The bucket or directory. */
  place: string;
  /** Rows in files since they began. */
  rows: number;
  /** What is wrong; `null`: nothing. */
  trouble?: TroubleDto | null;
  /** Up to when everything is in files, unix milliseconds. */
  until_ms: number;
}
/** Why a postback ended as failed. Each has a stable code ([`FailReason::code`]). */
export type FailReason = "exhausted" | "gone" | "expired" | "egress_refused" | "unrenderable" | "cancelled" | "no_click_id" | "too_old" | "refused_by_partner" | "no_address" | "held_queue_full";
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
export type Group = "activity" | "conversion" | "click" | "identity" | "link" | "attribution" | "settings" | "time" | "money" | "ad_revenue" | "app" | "device_id" | "device" | "geo" | "skan" | "subscription" | "prediction" | "network";
/** What a report is cut by. */
export type GroupBy = "total" | "offer" | "partner" | "link" | "campaign" | "country" | "device" | "event" | "category" | "offer_group" | "day" | "hour" | "month";
/** A parameter that the operator puts on the destination, where the partner measures. */
export interface Handover {
  /** Name. */
  name: string;
  /** Template in our syntax. */
  value: string;
}
/** Whether the instance does its work. */
export type Health = "ok" | "degraded" | "down";
/** What waits for a partner that is held. */
export interface HeldQueueDto {
  /** Its name. */
  name: string;
  /** The partner; empty: the advertiser's own servers. */
  partner: string;
  /** Of the bytes that may wait, in percent. */
  percent: number;
  /** Postbacks that wait. */
  postbacks: number;
}
/** Why the postbacks of a partner wait. */
export type HoldCause = "token_refused" | "secret_missing" | "secret_sealed" | "token_endpoint" | "stopped";
/** Why the postbacks of a partner wait. */
export interface HoldDto {
  /** Why. */
  cause: HoldCause;
  /** Name of the secret, or what the partner said. */
  detail: string;
  /** Its name. */
  name: string;
  /** The partner; `null`: the advertiser's own servers. */
  partner?: PartnerId | null;
  /** Since when, unix milliseconds. */
  since_ms: number;
}
/** What is known of the person: kinds only, never a digest. */
export interface IdentityDto {
  /** Whether it may be used for personal ads. */
  ad_personalization?: Consent | null;
  /** Whether data may be sent to ad platforms; `null` when nothing was said. */
  ad_user_data?: Consent | null;
  /** Of which kinds of identifiers there are digests. */
  kinds: Kind[];
}
/** What an offer keeps of identities. */
export interface IdentityPolicy {
  /** Digests of e-mail, telephone number and external id are kept (off). Off: they are left out, and noted. */
  is_kept?: boolean;
  /** Country code of telephone numbers that come without one, 1 to 3 digits (`81`, Japan). */
  phone_country?: string;
}
/** A document to be taken over. */
export interface ImportRequest {
  /** Only say what would change. */
  dry_run?: boolean;
  /** The document, TOML or JSON. */
  text: string;
}
/** Installs of an app as conversions: how they become approved, and what partners are owed for one. */
export interface InstallTerms {
  /** How an install becomes approved. */
  approval?: Approval;
  /** What the credited partner is owed, unless it has a payout of its own: a fixed sum (CPI). */
  payout?: Payout | null;
  /** Reattributions are settled as installs are (off). */
  reattributions?: boolean;
  /** Reinstalls are settled as installs are (off). */
  reinstalls?: boolean;
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
  /** Its stable code, for programs. */
  code?: string | null;
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
export type JobState = "running" | "done" | "failed" | "cancelled";
/** What identifies a person. */
export type Kind = "email" | "phone" | "external_id";
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
  /** Stopped, now or at a time; left out: not stopped. */
  stop?: Stop | null;
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
  /** Parameters whose variable is still to be asked of the partner; until they are filled the 入稿URL is not finished. */
  ask_for?: string[];
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
/** What a decision would do. */
export interface Look {
  /** What is to be approved. */
  approved: LookSums;
  /** Headings of the table. */
  columns: string[];
  /** Lines with mistakes; with one nothing can be decided. */
  errors: LineError[];
  /** Some of them; those that do not change first. */
  lines: LookLine[];
  /** Which column is what; `null` for a list, or when it has to be told. */
  mapping?: Mapping | null;
  /** What is to be put back to pending. */
  pending: LookSums;
  /** Postbacks that it makes. */
  postbacks: number;
  /** What is to be rejected. */
  rejected: LookSums;
  /** Order numbers that were named again. */
  repeated: number;
  /** How many by result: `changed`, `unchanged`, `unknown_order`, `ambiguous_order`, `unknown_conversion`, `not_a_conversion`. */
  results: Record<string, number>;
  /** Lines that were left out. */
  skipped: number;
  /** Conversions and order numbers that were named. */
  total: number;
  /** Words for statuses that have to be explained. */
  unknown_words: string[];
}
/** One conversion or order number. */
export interface LookLine {
  /** Its status after. */
  after: ConversionStatus;
  /** Its status now. */
  before?: ConversionStatus | null;
  /** The conversion. */
  id?: ActivityId | null;
  /** Line of the text, or place among those chosen, from 1. */
  line: number;
  /** Its amount. */
  money?: Money | null;
  /** The order number. */
  order?: string | null;
  /** Its payout. */
  payout?: Money | null;
  /** Why it is rejected. */
  reason?: string | null;
  /** `changed`, `unchanged`, ... */
  result: string;
}
/** Conversions that would change to one status. */
export interface LookSums {
  /** How many. */
  count: number;
  /** Their amounts, by currency. */
  money: Money[];
  /** Their payouts, by currency. */
  payout: Money[];
}
/** How the connection to a mail server is protected. */
export type MailSecurity = "starttls" | "tls" | "none";
/** What became of it. */
export interface MailSent {
  /** What kind of outcome: a stable code. */
  code: string;
  /** Whether the mail server took it. */
  is_ok: boolean;
  /** What the mail server said, or why it did not come that far. */
  message: string;
}
/** Which column of a shop's table is what. */
export interface Mapping {
  /** The first line holds data, not headings; columns are then called `1`, `2`, ... */
  no_headings?: boolean;
  /** Column of the order number. */
  order?: string;
  /** Column of the reason of a rejection. */
  reason?: string | null;
  /** Column of the status. */
  status?: string | null;
  /** What the shop's words for statuses mean; the usual ones are known. */
  words?: Record<string, Word>;
}
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
/** A rate that was missing. */
export interface MissingRate {
  /** Of this currency. */
  currency: Currency;
  /** On this day, `2026-11-01`. */
  date: string;
  /** In this one. */
  to: Currency;
}
/** An amount in whole units of a currency. */
export interface Money {
  /** Whole units (yen, dollars), exact. */
  amount: string;
  /** ISO 4217. */
  currency: Currency;
}
export type Month = string;
/** Which statement is closed or opened again. */
export interface MonthRequest {
  /** For which month. */
  month: Month;
  /** Whose. */
  partner: PartnerId;
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
  /** `not_public`, `partner_calls_us`, `no_click_id`. */
  code: string;
  /** The reason with what to do. */
  text: Bilingual;
}
/** One note. */
export interface Note {
  /** What was odd. */
  code: NoteCode;
  /** The field or parameter that it is about; empty where it is about none. */
  field: string;
  /** The value, or what it was mended to; cut. */
  value: string;
}
/** What was odd. */
export type NoteCode = "unfilled" | "maybe_unfilled" | "left_out" | "mended" | "charset" | "raw" | "time_of_receipt" | "proved_person" | "refused_callback" | "mended_address" | "identity_off" | "identity_left_out" | "personal_removed" | "order_hashed" | "burst" | "accepted_later";
/** How often one thing was noted. */
export interface NoteCount {
  /** What was odd. */
  code: NoteCode;
  /** Records that it was noted on. */
  count: number;
  /** The field or parameter that it is about; empty where it is about none. */
  field: string;
  /** The newest value; empty for those who are limited to partners. */
  value: string;
}
/** Notes of one kind of records. */
export interface NotesOf {
  /** There were too many to look at all: only the newest are counted. */
  is_partial: boolean;
  /** Of these, with a note of any kind. */
  noted: number;
  /** Records that were looked at; tests are left out. */
  records: number;
  /** By what and where, most frequent first. */
  rows: NoteCount[];
  /** Of these, with a variable that nobody filled. */
  unfilled: number;
}
/** What was odd about what came in. */
export interface NotesReport {
  /** Of clicks and impressions. */
  clicks: NotesOf;
  /** Of conversions that count. */
  conversions: NotesOf;
}
/** An offer as the API shows and takes it. */
export interface OfferDto {
  /** A conversion may name the partner's click id in place of a SID. */
  accept_partner_click_id?: boolean;
  /** Store id, apps only. */
  app_id?: string | null;
  /** Windows and limits. */
  attribution?: AttributionPolicy;
  /** Character set of what is sent for it and is not UTF-8; found by the text unless set. */
  charset?: Charset | null;
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
  /** 広告グループ: offers of one name are looked at together; empty without one. */
  group?: string;
  /** CID; made by the server when it is left out. */
  id?: OfferId | null;
  /** What is kept of e-mail, telephone number and external id. */
  identity?: IdentityPolicy;
  /** Installs as conversions, apps only. */
  installs?: InstallTerms;
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
  /** Stopped, now or at a time; left out: not stopped. */
  stop?: Stop | null;
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
/** An order of a list of records. What a record has not (money, a payout) stands last in either direction. */
export type Order = "newest" | "oldest" | "highest_revenue" | "lowest_revenue" | "highest_payout" | "lowest_payout" | "most_attempts" | "fewest_attempts";
/** What became of one order number. */
export interface OrderResult {
  /** The conversion that it names. */
  id?: ActivityId | null;
  /** The order number. */
  order: string;
  /** `changed`, `unchanged`, `unknown_order` or `ambiguous_order`. */
  result: string;
  /** The `event_update` that was made. */
  update?: ActivityId | null;
}
/** What made a postback. */
export interface OriginDto {
  /** Rule id or name of the callback parameter. */
  id: string;
  /** `rule`, `link` (a callback on the click URL) or `test`. */
  type: string;
}
/** Words of the operator's own account for events, where the platform has no names of its own. */
export interface OwnWord {
  /** A value as it could be. */
  example: string;
  /** What the platform's own screens call it. */
  label: Bilingual;
  /** The way there through the platform's screens. */
  place: Bilingual;
  /** Its form. */
  shape: Shape;
}
/** A partner as the API shows and takes it. */
export interface PartnerDto {
  /** Overrides of the offers' attribution policies; a link's own go first. */
  attribution?: AttributionPolicy;
  /** Hosts that callbacks carried on the click URL may name. */
  callback_hosts?: string[];
  /** 媒体カテゴリ, at most two: what lists and reports are cut by. */
  categories?: string[];
  /** Character set of what it sends and is not UTF-8; found by the text unless set. */
  charset?: Charset | null;
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
  /** Stopped, now or at a time; left out: not stopped. */
  stop?: Stop | null;
  /** Who may send for it. */
  trust?: TrustDto;
  /** Unix milliseconds of the last save; must be sent back unchanged to replace. */
  updated_at_ms?: number | null;
  /** What it calls statuses and events. */
  wording?: Wording;
}
export type PartnerId = string;
/** A payout of this partner that replaces the one of the event. */
export interface PartnerPayout {
  /** Which event; `None` means all events of the offer. */
  event?: EventToken | null;
  /** For installs of the app, and for no event. */
  installs?: boolean;
  /** Which offer. */
  offer: OfferId;
  /** How much. */
  payout: Payout;
}
/** A partner with its status URLs. */
export interface PartnerWithUrls {
  /** The partner. */
  partner: PartnerDto;
  /** What is called when a conversion enters a status. */
  status_urls?: StatusUrls;
}
/** A change of one's own password. */
export interface PasswordChange {
  /** The present one. */
  old_password: string;
  /** The new one, at least 12 characters. */
  password: string;
}
/** What the advertiser owes a partner for one conversion (単価 / 報酬). */
export type Payout = {
  /** Whole units (yen, dollars), exact. */
  amount: string;
  /** ISO 4217. */
  currency: Currency;
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
  /** Conversions: approved, pending and rejected together. */
  conversions: number;
  /** `2026-11`. */
  month: string;
  /** Its name. */
  name: string;
  /** The partner; `null` for links without one and for organic conversions. */
  partner?: string | null;
  /** What is owed: payout of approved conversions, by currency. */
  payout: Money[];
  /** Of these pending. */
  pending: number;
  /** Payout of pending conversions, by currency: not owed yet. */
  pending_payout: Money[];
  /** Of these rejected. */
  rejected: number;
  /** Payout of rejected conversions, by currency: not owed. */
  rejected_payout: Money[];
}
/** Conversions and what they pay, by status. */
export interface PayoutSums {
  /** Of these approved. */
  approved: number;
  /** Conversions: approved, pending and rejected together. */
  conversions: number;
  /** What is owed: payout of approved conversions, by currency. */
  payout: Money[];
  /** Of these pending. */
  pending: number;
  /** Payout of pending conversions, by currency: not owed yet. */
  pending_payout: Money[];
  /** Of these rejected. */
  rejected: number;
  /** Payout of rejected conversions, by currency: not owed. */
  rejected_payout: Money[];
}
/** Payouts by partner and month. */
export interface Payouts {
  /** Newest month first, then by name. */
  rows: PayoutRow[];
  /** The time zone of months. */
  time_zone: string;
  /** All rows together. */
  total: PayoutSums;
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
  /** Tokens and secrets that the document names and does not hold. Where there are some, the check of a new object is off until they are made here; the check of one that is there stays as it is. */
  left_out: string[];
  /** Its name. */
  name: string;
}
/** What is known of a platform's conversion API. */
export interface Platform {
  /** What is filled in. */
  blanks: PlatformBlank[];
  /** Day of the last check against the platform's documents. */
  checked: string;
  /** When it ends, if that is known. */
  ends?: Ending | null;
  /** What it recognises clicks and browsers by. */
  ids: PlatformId[];
  /** Requests a second at most, where the platform says so. */
  max_per_second?: number | null;
  /** What to do on the platform first, and what is good to know. */
  note: Bilingual;
  /** The page that tells the interface. */
  page: string;
  /** What is sent. */
  rules: PlatformRule[];
  /** How a test is sent and where it is seen. */
  test: Bilingual;
  /** Secrets that are fetched. */
  tokens?: PlatformToken[];
  /** What it calls events. */
  words: PlatformWords;
}
/** What an operator fills in. */
export interface PlatformBlank {
  /** What stands in the form to begin with. */
  default?: string;
  /** A value as it could be. */
  example: string;
  /** Can be left open. */
  is_optional?: boolean;
  /** What the platform's own screens call it. */
  label: Bilingual;
  /** As in the texts, without the angle brackets. */
  name: string;
  /** The way there through the platform's screens. */
  place: Bilingual;
  /** Kept as a secret of this name (`{secret.token}`), never shown after saving. */
  secret?: string | null;
  /** Its form. */
  shape: Shape;
}
/** An id that the platform recognises the click or the browser by. */
export interface PlatformId {
  /** A value as it could be. */
  example: string;
  /** A cookie of the advertiser's own site, which the tag reads. */
  is_cookie?: boolean;
  /** Name of the parameter of the landing page, or of the cookie. */
  name: string;
}
/** A rule as the preset writes it. */
export interface PlatformRule {
  /** How answers are read. */
  answers: AnswerPolicy;
  /** What the person has to have said. */
  consent?: ConsentNeed;
  /** Whose conversions it hears. */
  credit: Credit;
  /** It sends the visitor's whole address. */
  full_address?: boolean;
  /** Extra headers. */
  headers?: RuleHeader[];
  /** Lines of the JSON body. */
  json?: string[];
  /** Kinds of activities that it is for; conversions of a site unless given. */
  kinds?: ActivityKind[];
  /** Hours after which it is no longer sent. */
  max_age_h?: number | null;
  /** GET or POST. */
  method?: Method;
  /** For people. */
  name: string;
  /** Alternatives of what is needed. */
  needs?: string[];
  /** Asks later what became of it. */
  second_look?: SecondLook | null;
  /** How tests are sent. */
  test?: TestSwitch | null;
  /** Pieces of the text, with `<BLANK>`s. */
  text: string[];
}
/** A secret that the platform gives for others, and that expires. */
export interface PlatformToken {
  /** Name of the secret. */
  secret: string;
  /** Where its value comes from. */
  source: TokenSource;
}
/** What the platform calls events. */
export interface PlatformWords {
  /** More of its words. */
  others?: string[];
  /** Each word is one of the operator's account. */
  own?: OwnWord | null;
  /** Our usual names of events with the platform's words, which are taken when nothing else is chosen. */
  usual?: EventWord[];
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
  /** When a second look found it taken for good, unix milliseconds. */
  confirmed_at_ms?: number | null;
  /** Unix milliseconds of acceptance. */
  created_at_ms: number;
  /** Waiting: when it is due, unix milliseconds. */
  due_at_ms?: number | null;
  /** Which entry of the rule text, from 0. */
  entry: number;
  /** From when it is too old to be sent, unix milliseconds. */
  expires_at_ms?: number | null;
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
  /** It asks what became of this one. */
  looks_at?: PostbackId | null;
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
  /** Order number of the activity; only in lists. */
  uid1?: string | null;
}
export type PostbackId = string;
/** How many postbacks were chosen, by where they stand. */
export interface PostbackLook {
  /** Delivered. */
  delivered: number;
  /** Failed. */
  failed: number;
  /** All of them. */
  total: number;
  /** Waiting. */
  waiting: number;
}
/** Which postbacks are looked at before they are sent again or given up. */
export interface PostbackLookRequest {
  /** Or those that a filter finds (at most 100,000); `limit` and `cursor` are not used. */
  filter?: PostbackQuery | null;
  /** These; at most 1,000. */
  ids?: PostbackId[];
}
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
  /** Another order than the newest first: by time or attempts. */
  order?: Order | null;
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
  /** Only of activities with this order number (any of uid1 to uid8). */
  uid?: string | null;
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
  /** Kinds of activities that the rule is for; empty without a rule. */
  kinds: ActivityKind[];
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
  /** Its conversion API; with it there is neither a rule text nor a reason for none. */
  platform?: Platform | null;
  /** Where. */
  region: Region;
  /** Rule text with `<BLANK>`s; `None`: see [`Self::no_rule`]. */
  rule?: string | null;
  /** Companies, readings and domains that it is also found by. */
  search: string[];
  /** Where it was read, when that is public. */
  source?: string | null;
  /** Statuses of conversions that the rule text is entered for; empty: the rule asks for no status. */
  statuses: ConversionStatus[];
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
  /** Why nothing would be sent for this activity, whatever the conditions say; a stable code. */
  skipped?: string | null;
  /** What was missing. */
  skipped_because?: string | null;
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
/** How the process is. */
export interface ProcessHealth {
  /** One word. */
  status: "ok" | "stuck";
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
/** A line with a mistake. */
export interface RateLine {
  /** What is wrong. */
  code: RateMistake;
  /** From 1. */
  line: number;
}
/** What is wrong with a line. */
export type RateMistake = "columns" | "date" | "currency" | "rate" | "too_many";
/** All rates. */
export interface RatesDto {
  /** How many they are. */
  count: number;
  /** The second currency of lines that name one only: that of the settings. */
  currency: Currency;
  /** Lines with mistakes; with one nothing was saved. */
  errors: RateLine[];
  /** Lines `date,currency,currency,rate`: one unit of the first currency in the second. */
  text: string;
  /** Of the settings; must be sent back unchanged to replace. */
  updated_at_ms: number;
}
/** All rates, to replace those before. */
export interface RatesForm {
  /** Lines `date,currency,currency,rate` or `date,currency,rate`, at most 2,000. */
  text: string;
  /** As it was read. */
  updated_at_ms?: number | null;
}
/** How raw data is handed on. */
export interface RawDataDto {
  /** Files to a bucket or directory; `null`: none are written. */
  export?: ExportDto | null;
  /** Activities to a receiver; `null`: none is configured. */
  stream?: StreamDto | null;
}
/** What came of a test. */
export interface RawDataTest {
  /** Stable code: `taken`, or what went wrong. */
  code: string;
  /** Whether the receiver took a batch without rows, or the place an object. */
  is_ok: boolean;
  /** A sentence; empty when it was taken. */
  message: string;
}
/** What came of a check. */
export type Reached = "ok" | "ok_private" | "something_else" | "redirected" | "not_resolved" | "refused" | "timed_out" | "tls" | "private_elsewhere";
/** Whether conversions can be taken. */
export interface Readiness {
  /** What it depends on; told on the admin side only. */
  checks?: {
    /** Whether it is so. */
    is_ok: boolean;
    /** A sentence. */
    message: string;
    /** Stable name. */
    name: string;
  }[];
  /** What somebody should look at although it is ready; told on the admin side only. */
  look_at?: string[];
  /** One word. */
  status: "ready" | "not_ready";
}
/** A reason with how often it was given. */
export interface ReasonCount {
  /** Stable code. */
  code: string;
  /** How often. */
  count: number;
}
/** Who a partner's statements can be sent to. */
export interface Recipients {
  /** Whether there is a mail server. */
  is_set_up: boolean;
  /** As it was sent the last time. */
  to: string[];
}
/** Codes for the day that the app is lost: the only time that they are shown. */
export interface RecoveryCodes {
  /** Each is good once. */
  codes: string[];
}
/** Why an activity does not count. Each is a stable code and is shown to operators in their language. */
export type RefusalReason = "unknown_session" | "missing_session" | "outside_window" | "duplicate_uid" | "duplicate_visitor" | "duplicate_session" | "bot" | "ip_not_allowed" | "bad_signature" | "bad_token" | "wrong_event" | "wrong_offer" | "offer_paused" | "future_timestamp" | "too_old" | "invalid_field" | "out_of_order" | "unique_event" | "unknown_device" | "forgotten_device" | "invalid_apple_signature" | "unknown_order" | "ambiguous_order" | "over_bound";
/** Where the partner mostly works. */
export type Region = "jp" | "us" | "eu" | "ru" | "global";
/** Which request a resend sends. */
export type Rendering = "as_it_was" | "anew";
/** A report. */
export interface Report {
  /** First millisecond, as rounded. */
  from_ms: number;
  /** Rates that were missing, at most 20: these amounts stand in their own currency. */
  missing_rates: MissingRate[];
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
  /** Those that were delivered are left alone. */
  leave_delivered?: boolean;
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
  /** Also sent when the partner's click id (PARA1) is to go out and has no value. */
  allow_empty_click_id?: boolean;
  /** Also fires when only the amount of a conversion changes. */
  amount_changes?: boolean;
  /** How answers are read; by the status line when left out. */
  answers?: AnswerPolicy | null;
  /** Body of a POST. */
  body?: RuleBody | null;
  /** Why a saved rule can no longer be used; set by the server. */
  broken?: string | null;
  /** What the person has to have said of data for ad platforms. */
  consent?: ConsentNeed;
  /** Whose conversions it hears, where it speaks for a partner. */
  credit?: Credit;
  /** Off: kept, never fires. */
  enabled?: boolean;
  /** Only for this event. */
  event?: EventToken | null;
  /** The platform's words for our events; an event that is not among them does not fire the rule. Empty: all do. */
  event_map?: EventWord[];
  /** It may send the visitor's whole address (`{full_ip_address}`), which is kept for it until it is sent. */
  full_address?: boolean;
  /** Extra headers. */
  headers?: RuleHeader[];
  /** Made by the server when it is left out. */
  id?: RuleId | null;
  /** Also fires for bots and prefetches. */
  include_bots?: boolean;
  /** Kinds that it fires for; empty means all kinds. */
  kinds?: ActivityKind[];
  /** Hours after an activity at which it is no longer sent, also not by hand. */
  max_age_h?: number | null;
  /** GET unless set. */
  method?: Method;
  /** For people. */
  name?: string;
  /** Alternatives, each a text of placeholders that all need data; without any of them nothing is sent. Empty: nothing is needed. */
  needs?: string[];
  /** What empty placeholders become. */
  no_data?: NoData;
  /** Whom it speaks for. */
  scope: RuleScope;
  /** Asks later what became of a request that was taken. */
  second_look?: SecondLook | null;
  /** The partner whose secrets an offer-wide rule uses. */
  secrets_of?: PartnerId | null;
  /** Signing secret (`whsec_...`). */
  signing_secret?: Secret;
  /** Fires when a conversion enters one of these. */
  statuses?: ConversionStatus[];
  /** How tests are sent. */
  test?: TestSwitch | null;
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
/** Asking later what became of a request that was taken first. */
export interface SecondLook {
  /** Seconds after the first answer, 1 to 86400; asked again along the schedule while it says to try again. */
  after_s: number;
  /** How the later answer is read: delivered is confirmed, give up is refused by the partner. */
  answers?: AnswerPolicy;
  /** What is asked with GET and the rule's headers: a URL with `{answer./pointer}`, from the JSON of the first answer, and secrets. */
  url: string;
}
/** Shown as is_set; a string sets it, null removes it, anything else keeps it. */
export type Secret = {
  is_set: boolean;
} | string | null;
/** A secret as it is shown: everything but its value. */
export interface SecretDto {
  /** It is sealed with a key that the server was not given: what needs it waits. */
  is_sealed: boolean;
  /** Rules use it as `{secret.NAME}`. */
  name: string;
  /** Where its value comes from, when it expires. */
  token?: TokenSource | null;
  /** Unix milliseconds of the last change. */
  updated_at_ms: number;
  /** Rules that use it. */
  used_by: RuleId[];
}
/** What a secret is set to. */
export interface SecretForm {
  /** Where its value comes from, when it expires. */
  token?: TokenSource | null;
  /** Its value; left out: what is there stays. */
  value?: string | null;
}
/** The secrets of a partner. */
export interface SecretList {
  /** Why its postbacks wait; `null`: they are sent. */
  hold?: HoldDto | null;
  /** By name. */
  items: SecretDto[];
  /** Names that rules of the partner use and that are not there. */
  missing: string[];
}
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
  /** What was odd about the request, which was taken all the same. */
  notes: Note[];
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
/** The form of a value, by which a wrong paste is noticed before anything is sent. */
export interface Shape {
  /** Which characters. */
  characters: Characters;
  /** How many at most. */
  max: number;
  /** How many at least. */
  min: number;
  /** How it begins; empty: anyhow. */
  prefix?: string;
}
/** What the rows of a file are. */
export type SheetKind = "partners" | "links" | "rules";
/** What came of a file. */
export interface SheetResult {
  /** What would change or has changed. */
  changes: PlannedChange[];
  /** Mistakes; when there is one nothing is done. */
  errors: LineError[];
  /** Columns that say nothing to us. */
  ignored_columns: string[];
  /** Whether it was done. */
  is_applied: boolean;
  /** Rows without the headings. */
  rows: number;
  /** Objects that are there already, as they are. */
  unchanged: number;
}
/** The first request of a rule. */
export interface Shown {
  /** The request; secrets stand in it by name. */
  request: Request;
  /** Name of the rule. */
  rule: string;
}
/** How somebody would sign in here. */
export interface SignInState {
  /** Whether the connection is encrypted as far as the server can tell. */
  is_encrypted: boolean;
  /** Whether a password is taken; if not, it is refused with `plain_http`. */
  is_open: boolean;
}
/** After how many hours without any it is told; only where the same hours of the last two weeks had some. */
export interface SilenceAlerts {
  /** Also of each offer. */
  by_offer?: boolean;
  /** Hours without clicks, at most 168; 0: off. */
  clicks_h?: number;
  /** Hours without conversions, at most 168; 0: off. */
  conversions_h?: number;
}
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
export interface StatRow {
  /** Of these approved. */
  approved: number;
  /** Start of a day, hour or month, unix milliseconds. */
  at_ms?: number | null;
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
  /** Id, code, or local time (`2026-11-21`, `2026-11-21T14`); empty for what has none. */
  key: string;
  /** Name for people. */
  label: string;
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
  /** Clicks and activities with a variable that nobody filled (`notes` of each tells which). */
  unfilled: number;
  /** Of these, first of their visitor on the link that day. */
  unique_clicks: number;
}
/** Where a postback stands. */
export type StateFilter = "waiting" | "delivered" | "failed";
/** Something else that is added or taken off. */
export interface StatementAdjustment {
  /** Signed, in whole units; before tax. */
  amount: string;
  /** ISO 4217. */
  currency: Currency;
  /** What for. */
  note: string;
}
/** A change of a conversion that a closed statement holds. */
export interface StatementCorrection {
  /** What it is worth now; zero when it is not approved any more. */
  after: Money;
  /** What closed statements say of it. */
  before: Money;
  /** The conversion. */
  id: ActivityId;
  /** The month of the statement that holds it. */
  month: Month;
  /** Its order number; empty: it has none. */
  order: string;
  /** Why it was rejected, when that was said. */
  reason?: string;
}
/** What an operator writes on a statement. */
export interface StatementDraft {
  /** What is added or taken off. */
  adjustments?: StatementAdjustment[];
  /** When it is paid, `2026-12-31`; empty: not said. */
  due_date?: string;
  /** Free text. */
  note?: string;
  /** Its number; made of month and order of closing when empty. */
  number?: string;
  /** Whom it is for; the partner's name when empty. */
  recipient?: string;
  /** The recipient's registration number (T and 13 digits); empty: none. */
  registration_number?: string;
}
/** One statement, open or closed. */
export interface StatementDto {
  /** Whether it is open: it may still change, and `closed_at_ms` is 0. */
  is_open: boolean;
  /** Whether the month is over. */
  is_over: boolean;
  /** The first of its conversions. */
  lines: StatementLine[];
  /** What it says. */
  statement: ClosedStatement;
  /** The closed versions, the newest first. */
  versions: VersionDto[];
}
/** Conversions of one event of one offer. */
export interface StatementGroup {
  /** How many. */
  count: number;
  /** The event's name. */
  event: string;
  /** The offer's name. */
  offer: string;
  /** What is owed for them. */
  payout: Money;
}
/** One conversion of a statement. */
export interface StatementLine {
  /** When it was approved, unix milliseconds. */
  approved_at_ms: number;
  /** The event. */
  event?: EventToken | null;
  /** The conversion. */
  id: ActivityId;
  /** Its amount. */
  money?: Money | null;
  /** The offer. */
  offer?: OfferId | null;
  /** Its order number; empty: it has none. */
  order: string;
  /** What is owed for it. */
  payout: Money;
}
/** Which statement is sent to whom. */
export interface StatementMail {
  /** For which month. */
  month: Month;
  /** A sentence of one's own before the figures. */
  note?: string;
  /** Whose. */
  partner: PartnerId;
  /** Who is written to, at most 10; remembered for the partner. */
  to: string[];
}
/** One statement in a list. */
export interface StatementRow {
  /** When it was closed, unix milliseconds; `null`: it is open. */
  closed_at_ms?: number | null;
  /** Later changes of earlier months. */
  corrections: number;
  /** Conversions that it holds. */
  lines: number;
  /** The partner's name. */
  name: string;
  /** Its number, once it is closed. */
  number?: string | null;
  /** Whose. */
  partner: PartnerId;
  /** What is paid, by currency. */
  totals: StatementTotal[];
}
/** Who pays, as statements name them. */
export interface StatementSender {
  /** Address and whatever else stands below the name. */
  address?: string;
  /** Consumption tax is added. */
  is_taxed?: boolean;
  /** Name. */
  name?: string;
  /** Registration number of a qualified invoice issuer (T and 13 digits); empty: none. */
  registration_number?: string;
}
/** What is paid in one currency. */
export interface StatementTotal {
  /** Adjustments. */
  adjustments: string;
  /** All of them, cut to the currency's decimals. */
  base: string;
  /** Conversions of the month. */
  conversions: string;
  /** Later changes of earlier months. */
  corrections: string;
  /** ISO 4217. */
  currency: Currency;
  /** Consumption tax on it, cut to the currency's decimals. */
  tax: string;
  /** What is paid. */
  total: string;
}
/** The statements of a month. */
export interface Statements {
  /** Whether the month is over: only then statements can be closed. */
  is_over: boolean;
  /** By the name of the partner. */
  rows: StatementRow[];
  /** The time zone of open statements. */
  time_zone: string;
}
/** A change of a conversion's status. */
export interface StatusChange {
  /** Unix milliseconds. */
  at_ms: number;
  /** `automatic`, `schedule`, `api`, or the name of the user. */
  by: string;
  /** New status. */
  status: ConversionStatus;
}
/** What a status means that no case names. */
export type StatusReading = "postback" | "platform";
/** A change of status. */
export interface StatusRequest {
  /** Token or name of their event; the offer's first when left out. */
  event?: string | null;
  /** Conversions, at most 1,000. */
  ids?: ActivityId[];
  /** A new amount, for a single conversion. */
  money?: Money | null;
  /** Offer of the order numbers. */
  offer?: OfferId | null;
  /** Order numbers (`uid1`) in place of ids, at most 1,000; with `offer`. */
  orders?: string[];
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
  /** The same for each order number. */
  orders: OrderResult[];
}
/** What is called when a conversion of the partner enters a status. */
export interface StatusUrl {
  /** Name of the rule; of one that is there already it stays as it is. */
  name?: string;
  /** The rule behind it; set by the server. */
  rule?: RuleId | null;
  /** Rule text; empty: nothing is called, and a rule that there was is removed. */
  text?: string;
  /** Unix milliseconds of the rule's last save; must be sent back unchanged where there is a rule. */
  updated_at_ms?: number | null;
}
/** The three status URLs of a partner. */
export interface StatusUrls {
  /** Conversions that were approved. */
  approved?: StatusUrl;
  /** Conversions that wait for approval. */
  pending?: StatusUrl;
  /** Conversions that were rejected. */
  rejected?: StatusUrl;
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
/** A stop, in force or to come. */
export interface Stop {
  /** From when, unix milliseconds; 0: from the save on. */
  from_ms?: number;
  /** Its postbacks wait until the stop ends. */
  hold_postbacks?: boolean;
  /** When it resumes by itself, unix milliseconds. */
  until_ms?: number | null;
  /** What visitors get. */
  visitors?: StoppedVisitors;
}
/** What visitors of a stopped link get. */
export type StoppedVisitors = {
  show: "destination";
} | {
  show: "fallback";
  /** Its address, as it is. */
  url: string;
} | {
  show: "page";
};
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
/** How the stream is. */
export interface StreamDto {
  /** How old the oldest row is that waits, milliseconds; 0: none does. */
  lag_ms: number;
  /** Scheme, host and port of the receiver. */
  receiver: string;
  /** Rows that it took since the stream began. */
  rows: number;
  /** When a batch was taken last since the start of the server, unix milliseconds. */
  taken_at_ms?: number | null;
  /** What is wrong; `null`: nothing. */
  trouble?: TroubleDto | null;
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
/** How often a summary is sent. */
export type SummaryEvery = "off" | "daily" | "weekly";
/** What became of a summary on one way. */
export interface SummarySent {
  /** Which way. */
  channel: AlertChannel;
  /** What came of it. */
  sent: LastSent;
}
/** The summary by the ways of alerts. */
export interface SummarySettings {
  /** How often. */
  every?: SummaryEvery;
  /** From which hour of the day on, in the time zone of the instance. */
  hour?: number;
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
/** A site on which the tag was loaded. */
export interface TagSeen {
  /** Host name of the page. */
  host: string;
  /** When a browser loaded the tag there last, unix milliseconds. A browser keeps the tag for an hour. */
  last_at_ms: number;
  /** How often since the start. */
  loads: number;
}
/** All of them. */
export interface TagSeenList {
  /** The latest first. */
  items: TagSeen[];
}
/** What was sent and taken. */
export interface Taken {
  /** There was more than is read for one report; what is older than this is missing, unix milliseconds. */
  complete_from_ms?: number | null;
  /** Newest day first, then by name. */
  rows: TakenRow[];
  /** The time zone of days. */
  time_zone: string;
}
/** One partner on one day. */
export interface TakenRow {
  /** Conversions that its rules heard, whether they sent something or not. */
  conversions: number;
  /** `2026-11-29`. */
  day: string;
  /** Its name. */
  name: string;
  /** The partner; `null` for the advertiser's own servers. */
  partner?: PartnerId | null;
  /** Postbacks that ended otherwise, by reason, the commonest first. */
  refused: ReasonCount[];
  /** Postbacks of which at least one request went out. */
  sent: number;
  /** What rules did not send, by reason, the commonest first. */
  skipped: ReasonCount[];
  /** Of these taken by the partner. */
  taken: number;
  /** Postbacks that wait. */
  waiting: number;
}
/** What a test click carries. */
export interface TestClick {
  /** Which link. */
  link: LinkToken;
  /** The only rule that the click and its conversions fire, such as one that calls the built-in receiver; when left out, all of them do, and partners are called. */
  only_rule?: RuleId | null;
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
/** How a rule sends tests, and what is sent of test traffic. */
export interface TestSwitch {
  /** Test traffic is not sent by itself: only a test send by an operator is. */
  by_hand_only?: boolean;
  /** `{test_code}` of tests; without data otherwise. */
  code?: string;
  /** Rule text that stands in for the rule's own when a test is sent, such as one that names a staging host; empty: the rule's own. */
  text?: string;
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
/** Where a value that expires comes from: an OAuth 2 token endpoint, asked with a form. */
export interface TokenSource {
  /** Form that it is asked with, a template: `grant_type=refresh_token&refresh_token={secret.refresh}`. */
  form: string;
  /** JSON pointer to the token in the answer; `/access_token` when empty. */
  pointer?: string;
  /** Address of the endpoint (`https://...`). */
  url: string;
}
/** When a platform is told of a conversion. */
export type Told = "at_once" | "when_approved";
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
/** What became of it. */
export interface TrackedAnswer {
  /** The activity; for a duplicate the first one, for an update the change. */
  activity_id: string;
  /** What to do about it. */
  message?: string;
  /** Why it does not count. */
  reason?: string;
  /** What was decided. */
  result: "accepted" | "updated" | "duplicate" | "refused";
  /** Status of the conversion. */
  status?: "pending" | "approved" | "rejected";
}
/** A conversion. Further fields are kept: uid2 to uid8, p_ and free ones. */
export interface TrackedConversion {
  /** A decimal number. */
  amount?: string;
  /** Three letters; unset: that of the offer. */
  currency?: string;
  /** Token or name of the event; unset: the offer's first. */
  event?: string;
  /** The session that it belongs to. */
  sid?: string;
  /** Where the order stands, from proven callers. */
  status?: "pending" | "approved" | "rejected";
  /** The order number. */
  uid1?: string;
}
/** A landing that was recorded. */
export interface TrackedLanding {
  /** For how many days the session may be kept. */
  days: number;
  /** The offer. */
  offer: string;
  /** The session. */
  sid: string;
  /** The visitor's id. */
  tuid: string;
}
/** A session that was recorded; or, on a stopped link, where the visitor leads. */
export interface TrackedSession {
  /** Where visitors of a stopped link lead. */
  destination?: string;
  /** false: it waits in memory for the store. */
  is_durable?: boolean;
  /** true: the link is stopped. */
  is_stopped?: boolean;
  /** Its id; null on a stopped link, of which nothing is recorded. */
  sid: string | null;
}
/** A callback of the query. */
export interface TriedCallback {
  /** What the destination answered, if it was sent. */
  attempt?: Record<string, unknown> | null;
  /** The parameter. */
  callback: string;
  /** A sentence. */
  message: string;
  /** What became of it. */
  result: "sent" | "shown" | "unrenderable" | "host_not_allowed" | "not_called";
  /** The address, rendered with sample values. */
  url?: string;
}
/** What the callbacks of the query are rendered to. */
export interface TriedCallbacks {
  /** One entry for each postback that there would be. */
  callbacks: TriedCallback[];
}
/** What is wrong. */
export interface TroubleDto {
  /** Stable code. */
  code: string;
  /** What happened and what to do: a sentence. */
  message: string;
  /** Since when, unix milliseconds. */
  since_ms: number;
}
/** Who may send conversions. Every check that is configured must pass. */
export interface TrustDto {
  /** A listed address alone, without a token or signature, may change conversions. */
  addresses_may_change?: boolean;
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
/** What anybody can do with one event. */
export interface Unproven {
  /** Its event. */
  event: EventToken;
  /** A partner is owed something for it. */
  has_payout: boolean;
  /** It is approved without anybody looking. */
  is_automatic: boolean;
  /** The largest amount that counted in the last 90 days, of what could be looked at. */
  largest?: Money | null;
  /** Conversions of one click and day that count by themselves. */
  most: number;
  /** Its name. */
  name: string;
  /** The offer. */
  offer: OfferId;
  /** A ceiling with room above it. */
  suggested?: Money | null;
  /** The largest amount that counts by itself; `null`: any. */
  unproven_amount?: Money | null;
}
/** What anybody can do. */
export interface UnprovenReport {
  /** Events of offers that are not stopped and whose checks are not enforced; none for those who are limited to partners. */
  items: Unproven[];
}
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
/** A closed version of a statement. */
export interface VersionDto {
  /** When it was closed, unix milliseconds. */
  closed_at_ms: number;
  /** When it was opened again, unix milliseconds. */
  reopened_at_ms?: number | null;
  /** From 1. */
  version: number;
}
/** What would happen to one object. */
export type WhatChanges = "create" | "update";
/** What a word in the column of statuses means. */
export type Word = "pending" | "approved" | "rejected" | "skip";
/** What a partner calls the statuses of conversions and the events of offers: the values of `{partner_status}` and `{partner_event}`. */
export interface Wording {
  /** Its word for an event, by token; an event without one keeps its name. */
  events?: Record<string, string>;
  /** Its word for a status; a status without one keeps ours. */
  statuses?: Record<string, string>;
}
/** One page of a list. */
export interface Page<T> {
  /** The search stopped early to stay quick: there may be more matches behind the cursor although this page is not full. */
  is_partial: boolean;
  items: T[];
  /** Give it as `cursor` for the next page; `null` at the end. */
  next_cursor?: string | null;
}
