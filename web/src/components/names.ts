/** Names of what a click came from, as people write them. */

/** `network::campaign::adgroup::creative` for reading, without the levels that nobody named. */
export function trackerName(name: string): string {
  return name
    .split("::")
    .filter((level) => level && level !== "unknown")
    .join(" › ");
}

const SYSTEMS: Record<string, string> = {
  android: "Android",
  ios: "iOS",
  linux: "Linux",
  macos: "macOS",
  windows: "Windows",
};
// What browsers send in place of the version that people know.
const VERSIONS: Record<string, string> = { "NT 10.0": "10/11", "NT 6.3": "8.1", "NT 6.2": "8", "NT 6.1": "7" };

/** `Windows 10/11`, `iOS 17.4`. */
export function systemName(os: string, version = ""): string {
  const name = SYSTEMS[os] ?? os;
  return [name, VERSIONS[version] ?? version].filter(Boolean).join(" ");
}
