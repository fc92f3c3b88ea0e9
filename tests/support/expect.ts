/** What end-to-end tests ask again and again: how a call ended, and what kugetsu says it has. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import type { RunResult } from "../../scripts/_run.ts";
import type { World } from "./opencode_home.ts";

/** The result, if it ended with this status; otherwise an error that shows what was printed. */
export function exits(status: number, result: RunResult): RunResult {
  if (statusOf(result) === status) return result;
  const { stdout, stderr } = result;
  const found = `It ended with ${statusOf(result)} and not with ${status}`;
  throw new assert.AssertionError({
    message: `${found}\n${stdout.slice(-4000)}\nstderr:\n${stderr.slice(-4000)}`,
    actual: statusOf(result),
    expected: status,
  });
}

/** The status as a shell gives it: a program that a signal ended has 128 and its number. */
export function statusOf({ code, signal }: RunResult): number {
  return code ?? 128 + constants.signals[signal!];
}

/** A session as `kugetsu list --json` shows it. */
export interface ListedSession {
  issue_ref: string;
  type: string;
  opencode_session_id: string;
  state: string;
  created_at: string;
  directory?: string;
  reason?: string;
  origin?: string;
  commit?: string;
  opencode_version?: string;
  holder?: string;
  last_turn?: { id: string; outcome: string; started_at: string; ended_at: string };
}

export interface Listing {
  base: ListedSession | null;
  sessions: ListedSession[];
}

export async function listing(world: Pick<World, "kugetsu">): Promise<Listing> {
  return JSON.parse(exits(0, await world.kugetsu(["list", "--json"])).stdout);
}

/** The session of an issue of the world's repository. */
export async function sessionOf(
  world: Pick<World, "kugetsu">,
  number: number | string,
): Promise<ListedSession> {
  const ref = refOf(number);
  const found = (await listing(world)).sessions.find((it) => it.issue_ref === ref);
  assert.ok(found, `There is no session of ${ref}`);
  return found;
}

/** An issue of the world's repository, in full. */
export function refOf(number: number | string): string {
  return `github.com/shoko/kugetsu#${number}`;
}
