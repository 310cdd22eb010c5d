/** What a link is called: its levels, without the empty ones. */
export const linkName = (link: {
  network: string;
  campaign: string | null;
  adgroup: string | null;
  creative: string | null;
}): string => [link.network, link.campaign, link.adgroup, link.creative].filter(Boolean).join(" › ");
