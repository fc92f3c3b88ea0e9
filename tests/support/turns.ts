/** Turns as they are handed in, for tests. */
import type { TurnEvent } from "../../src/runner/mod.ts";
import type { JobHost, Submission, TurnEnd } from "../../src/supervisor/mod.ts";

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

export interface FakeHost extends JobHost {
  events: TurnEvent[];
  ends: TurnEnd[];
}

/** A host that notes what a job tells it, and gives a turn its place at once unless `admit` does something else. */
export function fakeHost(
  did: (effect: string) => void,
  { signal = new AbortController().signal, admit = () => Promise.resolve() }: {
    signal?: AbortSignal;
    admit?: () => Promise<void>;
  } = {},
): FakeHost {
  const [events, ends]: [TurnEvent[], TurnEnd[]] = [[], []];
  return {
    signal,
    events,
    ends,
    admit({ key, name }) {
      did(`admit ${key} as ${name}`);
      return admit();
    },
    begun: (directory) => did(`begun in ${directory}`),
    named: (session) => did(`named ${session}`),
    event: (event) => void events.push(event),
    heard: () => did("heard"),
    used: () => ({ tokens: 0, cost: 0 }),
    say: (level, text) => did(`say ${level} ${text}`),
    ended(end) {
      did(`ended ${end.outcome.kind}`);
      ends.push(end);
    },
  };
}
