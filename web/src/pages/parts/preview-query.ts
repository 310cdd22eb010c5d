/** The preview of a rule, which the server renders with the code that delivers. */
import { useQuery } from "@tanstack/react-query";
import { post } from "../../api/client";
import type { Rule } from "../../api/types";
import { ruleBody } from "./partner-fields";

/** Whether it is said whom the rule speaks for; without that the server cannot judge it. */
export function isAddressed({ scope }: Rule): boolean {
  return (scope.type === "partner" ? scope.partner : scope.offer) !== "";
}

export function usePreview<T>(rule: Rule, activity: string | null, kind: string) {
  return useQuery({
    queryKey: ["rule-preview", rule, activity, kind],
    queryFn: () => post<T>("/rules/preview", { rule: ruleBody(rule), ...(activity ? { activity } : { kind }) }),
    enabled: rule.text.trim() !== "" && isAddressed(rule),
    placeholderData: (old) => old,
    retry: false,
  });
}
