/** Shapes of the admin API, as the OpenAPI document describes them. */
import type { Money } from "../i18n/format";

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  /** The server stopped at its scan budget; the cursor goes on from there. */
  is_partial?: boolean;
}

export type Role = "viewer" | "editor" | "owner";

/** Answered only to who holds the set-up token. */
export interface SetupStatus {
  is_open: boolean;
  /** Address under which this browser reaches the server. */
  origin: string;
  language: string;
  version: string;
}

export interface Me {
  actor: string;
  user: string | null;
  login: string | null;
  name: string | null;
  role: Role;
  partners: string[];
  language: string | null;
  has_totp: boolean;
  is_set_up: boolean;
  time_zone: string;
  version: string;
}

export interface Secret {
  is_set: boolean;
}

export interface AlertSettings {
  webhook_url: string | Secret | null;
  email: {
    host: string;
    port: number;
    security: "starttls" | "tls" | "none";
    user: string;
    password: string | Secret | null;
    from: string;
    to: string[];
  };
  line: { token: string | Secret | null; to: string };
  language: string;
}

export type AlertChannel = "email" | "webhook" | "line";

export interface LastSent {
  at_ms: number;
  is_ok: boolean;
  code: string;
  message: string;
}

export interface Alerts {
  open: { kind: string; subject: string; headline: string; since_ms: number }[];
  channels: { channel: AlertChannel; is_set_up: boolean; last: LastSent | null }[];
}

export interface AddressChecked {
  url: string;
  result:
    | "ok"
    | "ok_private"
    | "something_else"
    | "redirected"
    | "not_resolved"
    | "refused"
    | "timed_out"
    | "tls"
    | "private_elsewhere";
  message: string;
}

export interface Settings {
  public_url: string;
  tracking_domains: string[];
  time_zone: string;
  language: string;
  currency: string;
  alerts: AlertSettings | null;
  is_set_up: boolean;
  updated_at_ms: number;
}

export interface Destinations {
  default: string;
  ios: string | null;
  android: string | null;
  deep_link: string | null;
  fallback: string | null;
}

export type Approval = { mode: "automatic" } | { mode: "after_days"; days: number } | { mode: "manual" };
export type Payout = { type: "fixed"; amount: string; currency: string } | { type: "percent"; percent: string };

export interface OfferEvent {
  token?: string;
  name: string;
  is_unique: boolean;
  has_revenue: boolean;
  duplicates: { by: "default" | "uid" | "visitor" | "session" | "never"; days: number; scope: "offer" | "all" };
  approval: Approval;
  payout: Payout | null;
}

export interface TrustPolicy {
  mode: "off" | "test" | "enforced";
  bearer_tokens: unknown[];
  hmac_secret: string | Secret | null;
  allowed_ips: string[];
}

export type AttributionKey =
  | "web_window_days"
  | "click_window_h"
  | "click_probabilistic_window_h"
  | "impression_window_h"
  | "impression_probabilistic_window_h"
  | "inactivity_h"
  | "reattribution_window_h"
  | "click_to_install_floor_s"
  | "max_engagements";
export type AttributionPolicy = { [K in AttributionKey]?: number | null } & { probabilistic?: boolean | null };

export interface Offer {
  id: string;
  name: string;
  kind: "web" | "app";
  state: "active" | "paused";
  destinations: Destinations;
  sid_param: string;
  redirect_hosts: string[];
  sites: string[];
  events: OfferEvent[];
  currency: string;
  attribution: AttributionPolicy;
  accept_partner_click_id: boolean;
  repeat_click_s: number;
  ip_privacy: "truncated" | "whole" | "none";
  count_bots: boolean;
  trust: TrustPolicy;
  app_id: string | null;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface ClickParameter {
  name: string;
  para: number | null;
  macro_text: string | null;
}

export interface Partner {
  id: string;
  name: string;
  preset: string | null;
  click_parameters: ClickParameter[];
  callback_hosts: string[];
  delivery: {
    timeout_s: number | null;
    max_per_second: string | null;
    max_concurrent: number | null;
    schedule_s: number[] | null;
    short_schedule_s: number[] | null;
    ttl_h: number | null;
  };
  payouts: { offer: string; event: string | null; payout: Payout }[];
  trust: TrustPolicy;
  note: string;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface Link {
  token: string;
  offer: string;
  partner: string | null;
  network: string;
  campaign: string | null;
  adgroup: string | null;
  creative: string | null;
  destinations: Destinations | null;
  state: "active" | "paused";
  attribution: AttributionPolicy;
  domain: string | null;
  note: string;
  created_at_ms: number;
  updated_at_ms: number;
  /** Made by the server. */
  urls: LinkUrls;
}

export interface LinkUrls {
  click_url: string;
  submission_url: string;
  impression_url: string;
  landing_tag: string;
  conversion_tag: string;
  conversion_url: string;
  direct_query: string;
}

export type Method = "GET" | "POST";
export type NoData = { policy: "empty" } | { policy: "drop" } | { policy: "word"; word: string };
export type RuleScope = { type: "offer"; offer: string } | { type: "partner"; partner: string; offer: string | null };
export type ConversionStatus = "pending" | "approved" | "rejected";

export interface Rule {
  id: string;
  name: string;
  enabled: boolean;
  scope: RuleScope;
  kinds: string[];
  event: string | null;
  statuses: ConversionStatus[];
  text: string;
  method: Method;
  body: { type: "form" | "json"; template: string } | null;
  headers: { name: string; value: string }[];
  no_data: NoData;
  signing_secret: string | Secret | null;
  include_bots: boolean;
  updated_at_ms: number;
  /** Set by the server when the stored text no longer compiles. */
  broken?: string | null;
}

export interface Finding {
  severity: "error" | "warning";
  code: string;
  /** Which field of the rule: `text`, `body`, `headers.0.value`. */
  field: string;
  /** Offsets in UTF-16 units, as strings count here. */
  start_utf16: number;
  end_utf16: number;
  message: string;
  remedy: string;
  message_ja: string;
  remedy_ja: string;
  replacement: string | null;
}

export interface Placeholder {
  name: string;
  group: string;
  meaning_en: string;
  meaning_ja: string;
  format_en: string;
  format_ja: string;
  sample: string;
  kinds: string[];
}

export interface Bilingual {
  en: string;
  ja: string;
}

export interface Preset {
  id: string;
  name: Bilingual;
  kind: "asp" | "ad_network" | "reward" | "tracker" | "mmp";
  region: string;
  for_apps: boolean;
  click: { name: string; para: number | null; role: string; macro: string | null; is_appended: boolean }[];
  method: Method;
  /** Rule text with `<BLANK>`s; `null`: see `no_rule`. */
  rule: string | null;
  blanks: { name: string; label: Bilingual; is_secret: boolean; is_host: boolean }[];
  no_rule: { code: string; text: Bilingual } | null;
  /** What to put on the destination when the partner measures. */
  handover: { name: string; value: string }[];
  /** Path and query of our address that the partner is to call, when it measures. */
  notify: string | null;
  note: Bilingual;
  confidence: "verified" | "unverified";
  source: string | null;
}

export interface SessionRow {
  id: string;
  kind: "click" | "impression" | "direct";
  at_ms: number;
  link: string;
  offer: string;
  partner: string | null;
  tracker_name: string;
  tuid: string;
  ip: string;
  user_agent: string;
  referer: string;
  os_name: string;
  os_version: string;
  device_type: string;
  device_name: string;
  browser: string;
  country: string;
  para: string[];
  label: string;
  parameters: [string, string][];
  destination: string;
  is_bot: boolean;
  is_prefetch: boolean;
  is_repeat: boolean;
  is_test: boolean;
  is_unique: boolean;
}

export interface Candidate {
  session: string;
  matched_by: string;
  is_winner: boolean;
  lost_because: string | null;
}

/** What made a postback: a rule, a parameter of the click URL, or a test send. */
export interface Origin {
  type: "rule" | "link" | "test";
  id: string;
}

export interface RuleOutcome {
  origin: Origin;
  entry: number;
  condition: string | null;
  holds: boolean;
  postback: string | null;
  skipped: string | null;
}

export interface ActivityRow {
  id: string;
  kind: string;
  at_ms: number;
  received_at_ms: number;
  offer: string | null;
  partner: string | null;
  link: string | null;
  tracker_name: string | null;
  para1: string | null;
  event: string | null;
  verdict: "accepted" | "duplicate" | "refused";
  reason: string | null;
  duplicate_of: string | null;
  note: string;
  status: ConversionStatus | null;
  outdated_status: ConversionStatus | null;
  of: string | null;
  money: Money | null;
  payout: Money | null;
  uids: string[];
  custom: [string, string][];
  fields: [string, string][];
  ip: string;
  user_agent: string;
  session: string | null;
  match_type: string | null;
  candidates: Candidate[];
  tuid: string;
  is_test: boolean;
  rules: RuleOutcome[];
  history: { at_ms: number; status: ConversionStatus; by: string }[];
  facts: [string, string][];
}

export interface Attempt {
  number: number;
  at_ms: number;
  duration_ms: number;
  url: string;
  status: number | null;
  retry_after_s: number | null;
  error: string | null;
  message: string | null;
  headers: [string, string][];
  excerpt: string;
  remote_addr: string | null;
  is_manual: boolean;
}

export interface PostbackRow {
  id: string;
  activity: string;
  offer: string;
  partner: string | null;
  origin: Origin;
  entry: number;
  lane: string;
  request: OutgoingRequest;
  created_at_ms: number;
  state: "waiting" | "delivered" | "failed";
  due_at_ms: number | null;
  settled_at_ms: number | null;
  fail_reason: string | null;
  attempts: number;
  is_test: boolean;
  last: Attempt | null;
}

export interface OutgoingRequest {
  method: Method;
  url: string;
  headers: [string, string][];
  body: string | null;
}

export interface PostbackDetail {
  postback: PostbackRow;
  attempts: Attempt[];
}

export interface Counters {
  clicks: number;
  unique_clicks: number;
  impressions: number;
  automated: number;
  repeats: number;
  conversions: number;
  pending: number;
  approved: number;
  rejected: number;
  duplicates: number;
  refused: number;
  installs: number;
  revenue: Money[];
  payout: Money[];
  cost: Money[];
}

export interface StatRow extends Counters {
  key: string;
  /** The name of the offer, partner, link or event. */
  label: string;
  /** Beginning of the day, hour or month. */
  at_ms: number | null;
}

export interface Stats {
  rows: StatRow[];
  total: Counters;
  previous_total: Counters | null;
}
