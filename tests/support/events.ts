/** What `kugetsu events` tells, and whether that can be true. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredEvent } from "../../src/store/mod.ts";
import type { StateFolder } from "./state_folder.ts";

export async function eventsOf(lab: StateFolder, since?: string): Promise<StoredEvent[]> {
  const after = since === undefined ? [] : ["--since", since];
  const { code, stdout, stderr } = await lab.kugetsu(["events", ...after]);
  assert.equal(code, 0, stderr);
  return parseEvents(stdout);
}

export function parseEvents(text: string): StoredEvent[] {
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** What can be read at a glance, and compared between two runs. */
export function glance({ event, from, to, outcome }: StoredEvent): string {
  return `${event} ${from}>${to}${outcome ? ` ${outcome}` : ""}`;
}

/**
 * Every event goes on where the one before it of that session left off, no turn ends twice, or begins twice unless it
 * was taken up again, and the last one says what the folder says. To be called when no turn is under way.
 */
export async function assertTrue(events: StoredEvent[], state: string): Promise<void> {
  const states = new Map<string, string | null>();
  const turns = new Set<string>();
  for (const it of events) {
    const told = JSON.stringify(it);
    assert.equal(it.from, states.get(it.file) ?? null, told);
    states.set(it.file, it.to);
    if (it.event === "queued") turns.delete(`begun ${it.turn}`);
    if (it.event !== "begun" && it.event !== "ended") continue;
    assert.ok(!turns.has(`${it.event} ${it.turn}`), `twice: ${told}`);
    turns.add(`${it.event} ${it.turn}`);
  }
  const now = Object.fromEntries([...states].filter(([, to]) => to !== null));
  assert.deepEqual(now, await statesIn(state));
}

/** By file. Whoever ran a turn that seems to be under way is gone. */
async function statesIn(state: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const folder of ["sessions", "bases"].filter((it) => existsSync(join(state, it)))) {
    for (const name of (await readdir(join(state, folder))).filter((it) => /^[^.].*n$/.test(it))) {
      const { state: says } = JSON.parse(await readFile(join(state, folder, name), "utf8"));
      found[`${folder}/${name}`] = ["starting", "running"].includes(says) ? "failed" : says;
    }
  }
  return found;
}
