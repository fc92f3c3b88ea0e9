/** A finding with its repair, and what the checks have in common. */
import { readFileSync, renameSync, statSync } from "node:fs";
import { errors } from "../errors.ts";
import { writeDurably } from "../platform/durable_write.ts";
import type { SessionRecord } from "../session/record.ts";
import type { Finding } from "./mod.ts";

export interface Problem extends Finding {
  fix(): void | Promise<void>;
}

export function isMade(record: SessionRecord): boolean {
  return record.type === "forked" && record.issue_ref !== null &&
    record.opencode_session_id !== null;
}

/**
 * Copies a file to `NAME.damaged-TIME` beside it; nothing to copy is fine. What is no regular file cannot be copied, and
 * is moved there.
 */
export function copyAside(path: string): void {
  const time = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const aside = `${path}.damaged-${time}`;
  let content: Uint8Array | undefined;
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile()) content = readFileSync(path);
    else if (stats) renameSync(path, aside);
  } catch (error) {
    throw errors.unreadable(path, error);
  }
  if (content) writeDurably(aside, content);
}
