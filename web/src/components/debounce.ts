/** A value that follows another once that has been quiet: what is asked of the server is not asked with each key. */
import { useEffect, useState } from "react";

const QUIET_MS = 300;

export function useDebounced<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), QUIET_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
