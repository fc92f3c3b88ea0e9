/** A finding with its repair, and what the checks have in common. */
import { readFileSync } from "node:fs";
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

/** Copies a file to `NAME.damaged-TIME` beside it; nothing to copy is fine. */
export function copyAside(path: string): void {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return;
    throw errors.unreadable(path, error);
  }
  const time = new Date().toISOString().replaceAll(/[:.]/g, "-");
  writeDurably(`${path}.damaged-${time}`, content);
}
