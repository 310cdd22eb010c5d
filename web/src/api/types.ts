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
export type SignInState = Shown<Api.SignInState>;
export type SetupStatus = Shown<Api.SetupStatus>;
export type Me = Shown<Api.Me>;
export type Settings = Shown<Api.SettingsDto>;
export type AlertSettings = Shown<Api.AlertsDto>;
export type AddressChecked = Shown<Api.AddressChecked>;
export type Secret = Api.Secret;
export type AlertChannel = Api.AlertChannel;
export type Rates = Shown<Api.RatesDto>;
export type SummarySent = Shown<Api.SummarySent>;
export type LastSent = Shown<Api.LastSent>;
export type Alerts = Shown<Api.AlertsView>;

export type RawData = Shown<Api.RawDataDto>;
export type RawDataTest = Shown<Api.RawDataTest>;

export type Erasure = Shown<Api.ErasureDto>;
export type ErasureList = Shown<Api.ErasureList>;

export type Approval = Api.Approval;
export type Payout = Api.Payout;
export type InstallTerms = Shown<Api.InstallTerms>;
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

export type PartnerSecret = Shown<Api.SecretDto>;
export type SecretList = Shown<Api.SecretList>;
export type TokenSource = Shown<Api.TokenSource>;
export type Hold = Shown<Api.HoldDto>;
export type Archive = Shown<Api.ArchiveDto>;
export type ArchiveTest = Shown<Api.ArchiveTestDto>;
export type Delivery = Shown<Api.DeliveryDto>;
export type EventWord = Shown<Api.EventWord>;
export type AnswerCase = Shown<Api.AnswerCase>;
export type TakenTable = Shown<Api.Taken>;
export type TakenRow = Shown<Api.TakenRow>;
export type ReasonCount = Shown<Api.ReasonCount>;
export type AnswerPolicy = Shown<Api.AnswerPolicy>;
export type SecondLook = Shown<Api.SecondLook>;

export type ClickParameter = Shown<Api.ClickParameter>;
export type Partner = Omit<Saved<Api.PartnerDto, "id" | "updated_at_ms">, "attribution"> & {
  attribution?: AttributionPolicy;
};

export type StatusUrl = Shown<Api.StatusUrl>;
export type StatusUrls = Record<ConversionStatus, StatusUrl>;
export type PartnerWithUrls = { partner: Partner; status_urls: StatusUrls };

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
export type Backtest = Shown<Api.Backtest>;
export type BackfillLook = Shown<Api.BackfillLook>;
export type Placeholder = Shown<Api.PlaceholderDto>;
export type Bilingual = Api.Bilingual;
export type Preset = Shown<Api.Preset>;
export type Platform = Shown<Api.Platform>;
export type PlatformBlank = Shown<Api.PlatformBlank>;
export type Connected = Omit<Shown<Api.Connected>, "partner" | "rules" | "requests"> & {
  partner: Partner;
  rules: Rule[];
  requests: { rule: string; request: OutgoingRequest }[];
};

export type ActivityKind = Api.ActivityKind;
export type NoteCode = Api.NoteCode;
/** A note on what came in; `Note` is the box that says something. */
export type Oddity = Api.Note;
export type NoteCount = Api.NoteCount;
export type NotesOf = Api.NotesOf;
export type NotesReport = Shown<Api.NotesReport>;
export type Unproven = Shown<Api.Unproven>;
export type SessionRow = Shown<Api.SessionDto>;
export type Candidate = Shown<Api.Candidate>;
export type Origin = Api.OriginDto;
export type RuleOutcome = Shown<Api.RuleOutcomeDto>;
export type ActivityRow = Shown<Api.ActivityDto>;
export type AcceptResults = Shown<Api.AcceptResults>;
export type DeleteResult = Shown<Api.DeleteResult>;
export type StatusResults = Shown<Api.StatusResults>;

export type Stop = Shown<Api.Stop>;
export type DeliveryState = Shown<Api.DeliveryDto>;
export type PostbackLook = Shown<Api.PostbackLook>;
export type StatementTable = Shown<Api.Statements>;
export type StatementRow = Shown<Api.StatementRow>;
export type StatementSender = Shown<Api.StatementSender>;
export type MailSent = Shown<Api.MailSent>;
export type Recipients = Shown<Api.Recipients>;
export type Statement = Shown<Api.StatementDto>;
export type StatementDraft = Shown<Api.StatementDraft>;
export type StatementAdjustment = Shown<Api.StatementAdjustment>;
export type Look = Shown<Api.Look>;
export type LookLine = Shown<Api.LookLine>;
export type Deciding = Shown<Api.Deciding>;
export type Decision = Shown<Api.DecisionDto>;
export type DecisionRequest = Api.DecisionRequest;
export type DecisionWord = Api.Word;
export type OrderColumns = Shown<Api.Mapping>;

export type Attempt = Shown<Api.AttemptDto>;
export type OutgoingRequest = Shown<Api.Request>;
export type PostbackRow = Shown<Api.PostbackDto>;
export type PostbackDetail = Shown<Api.PostbackDetail>;
export type Job = Shown<Api.JobDto>;
export type TestSends = Shown<Api.TestSends>;
export type EchoList = Shown<Api.EchoList>;
export type TagSeen = Shown<Api.TagSeen>;

export type Counters = Shown<Api.CountersDto>;
export type StatRow = Shown<Api.StatRow>;
export type Stats = Shown<Api.Report>;
export type SheetResult = Shown<Api.SheetResult>;
export type Delays = Shown<Api.Delays>;
export type PayoutRow = Shown<Api.PayoutRow>;
export type PayoutTable = Shown<Api.Payouts>;

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
