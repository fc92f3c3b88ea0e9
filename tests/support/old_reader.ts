/**
 * Reads a state folder as the tool before this one does, with none of our code: what it stumbles over, an old
 * script, or an old kugetsu on the same folder, stumbles over too.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What the old tool's `list` prints of one issue. */
export interface OldRow {
  ref: string;
  session: string | null;
  createdAt: string;
  state: string;
}

export interface OldListing {
  base: string | null;
  rows: OldRow[];
}

/** Rejects where the old tool would fail. */
export async function readAsOldTool(folder: string): Promise<OldListing> {
  const index = await jsonIn(folder, "index.json");
  assert.ok("base" in index, "index.json has no base");
  if (index.base !== null) {
    const base = await jsonIn(folder, "sessions", "base.json");
    assert.equal(base.type, "base");
    assert.equal(base.opencode_session_id, index.base, "base.json is another session's");
  }
  const rows: OldRow[] = [];
  for (const [ref, name] of Object.entries(index.issues as Record<string, string>)) {
    assert.match(name, /^[^/]+\.json$/, "it reads files of sessions/ only");
    const record = await jsonIn(folder, "sessions", name);
    assert.equal(record.type, "forked", `${name} is no fork`);
    assert.equal(record.issue_ref, ref, `${name} is another issue's`);
    for (const field of ["opencode_session_id", "created_at", "state"]) {
      assert.ok(field in record, `${name} has no ${field}`);
    }
    const { opencode_session_id: session, created_at: createdAt, state } = record;
    rows.push({ ref, session, createdAt, state });
  }
  return { base: index.base, rows };
}

// deno-lint-ignore no-explicit-any -- the old tool takes what it finds
async function jsonIn(...path: string[]): Promise<any> {
  return JSON.parse(await readFile(join(...path), "utf8"));
}
