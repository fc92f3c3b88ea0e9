/** Turns as they are handed in, for tests. */
import type { Submission } from "../../src/supervisor/mod.ts";

export function submission(changes: Partial<Submission> = {}): Submission {
  return {
    id: crypto.randomUUID(),
    kind: "start",
    ref: "github.com/shoko/kugetsu#1",
    started_at: "2026-01-02T03:04:05+00:00",
    message: "hello",
    permissions: "deny",
    limits: { firstEvent: 1, silence: 1, total: 1, answer: 1 },
    runner: "server",
    place: { mode: "shared", demanded: false, copy: [], setupSeconds: 1 },
    ...changes,
  };
}
