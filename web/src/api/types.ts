/**
 * Shapes of the admin API under the words of the screens. They are made of `schema.d.ts`, which the server's code
 * writes, so that a field that is renamed there does not pass the type check here.
 */
import type * as Api from "./schema";

/** An answer: every field is there, also those that a request may leave out. */
export type Shown<T> = { [K in keyof T]-?: Shown<T[K]> };
/** What is saved has what the server gives it. */
type Saved<T, K extends keyof T> = Shown<Omit<T, K>> & { [P in K]-?: NonNullable<T[P]> };

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  /** The server stopped at its scan budget; the cursor goes on from there. */
  is_partial?: boolean;
}

export type Role = Api.Role;
export type SetupStatus = Shown<Api.SetupStatus>;
export type Me = Shown<Api.Me>;
export type Settings = Shown<Api.SettingsDto>;
export type AlertSettings = Shown<Api.AlertsDto>;
export type AddressChecked = Shown<Api.AddressChecked>;
export type Secret = Api.Secret;
export type AlertChannel = Api.AlertChannel;
export type LastSent = Shown<Api.LastSent>;
export type Alerts = Shown<Api.AlertsView>;

export type Approval = Api.Approval;
export type Payout = Api.Payout;
export type Destinations = Shown<Api.Destinations>;
export type OfferEvent = Omit<Shown<Api.EventDto>, "token"> & { token?: string };
export type TrustPolicy = Shown<Api.TrustDto>;
export type TrustScope = Api.TrustScope;
export type AttributionPolicy = Api.AttributionPolicy;
export type AttributionKey = Exclude<
  keyof AttributionPolicy,
  "probabilistic" | "temporary_to_organic" | "anonymous_networks"
>;
export type Offer = Omit<Saved<Api.OfferDto, "id" | "currency" | "updated_at_ms">, "events" | "attribution"> & {
  events: OfferEvent[];
  attribution: AttributionPolicy;
};
export type IssuedBearer = Omit<Shown<Api.IssuedBearer>, "offer"> & { offer: Offer };

export type ClickParameter = Shown<Api.ClickParameter>;
export type Partner = Omit<Saved<Api.PartnerDto, "id" | "updated_at_ms">, "attribution"> & {
  attribution?: AttributionPolicy;
};

export type LinkUrls = Api.LinkUrls;
export type Link = Omit<Saved<Api.LinkDto, "token" | "updated_at_ms" | "urls">, "attribution"> & {
  attribution: AttributionPolicy;
};

export type Method = Api.Method;
export type NoData = Api.NoData;
export type RuleScope = Shown<Api.RuleScope>;
export type ConversionStatus = Api.ConversionStatus;
export type Rule = Omit<Saved<Api.RuleDto, "id" | "updated_at_ms">, "broken"> & Pick<Api.RuleDto, "broken">;
export type Finding = Shown<Api.Finding>;
export type Evaluation = Shown<Api.Evaluation>;
export type Preview = Shown<Api.Preview>;
export type Placeholder = Shown<Api.PlaceholderDto>;
export type Bilingual = Api.Bilingual;
export type Preset = Shown<Api.Preset>;

export type ActivityKind = Api.ActivityKind;
export type SessionRow = Shown<Api.SessionDto>;
export type Candidate = Shown<Api.Candidate>;
export type Origin = Api.OriginDto;
export type RuleOutcome = Shown<Api.RuleOutcomeDto>;
export type ActivityRow = Shown<Api.ActivityDto>;
export type StatusResults = Shown<Api.StatusResults>;

export type Attempt = Shown<Api.AttemptDto>;
export type OutgoingRequest = Shown<Api.Request>;
export type PostbackRow = Shown<Api.PostbackDto>;
export type PostbackDetail = Shown<Api.PostbackDetail>;
export type Job = Shown<Api.JobDto>;
export type TestSends = Shown<Api.TestSends>;
export type EchoList = Shown<Api.EchoList>;

export type Counters = Shown<Api.CountersDto>;
export type StatRow = Shown<Api.StatRow>;
export type Stats = Shown<Api.Report>;
export type PayoutRow = Shown<Api.PayoutRow>;

export type Trace = Shown<Api.Trace>;
export type Step = Shown<Api.Step>;

export type Lane = Shown<Api.LaneDto>;
export type Queue = Shown<Api.QueueDto>;
export type System = Shown<Api.SystemDto>;

export type UploadResult = Shown<Api.UploadResult>;
export type Token = Shown<Api.TokenDto>;
export type Login = Shown<Api.LoginDto>;
export type AuditEntry = Api.AuditEntry;
/** What an import would change or has changed. */
export type Difference = Shown<Api.Summary>;
