/**
 * A context in memory, for tests of what a command decides and in which order it does things.
 *
 * A test hands in the methods that it expects to be called; each other one, and each port that it says nothing
 * about, throws when it is used. What is done is kept in `effects`, one line each, in order.
 */
import { makeVisible } from "../../src/cli/table.ts";
import type { Context } from "../../src/commands/context.ts";
import type { Config, Settings } from "../../src/config/mod.ts";
import type { Installation, Service } from "../../src/installation/mod.ts";
import { errors } from "../../src/errors.ts";
import type { AgentSession, AgentSessions, Runner, TurnResult } from "../../src/runner/mod.ts";
import type { MadeSession, RunningTurn, SessionRecord } from "../../src/session/record.ts";
import type { Plugins, Shelf } from "../../src/plugins/mod.ts";
import { formatRef } from "../../src/session/ref.ts";
import type { Hold, Named, Store } from "../../src/store/mod.ts";
import type { Supervisor } from "../../src/supervisor/mod.ts";
import type { Traces } from "../../src/supervisor/mod.ts";
import type { Workspace } from "../../src/workspace/mod.ts";

export interface Parts {
  store?: Partial<Store>;
  runner?: Partial<Runner>;
  supervisor?: Partial<Supervisor>;
  traces?: Partial<Traces>;
  sessions?: Partial<AgentSessions>;
  config?: Partial<Config>;
  workspace?: Partial<Workspace>;
  plugins?: Partial<Plugins>;
  shelf?: Partial<Shelf>;
  installation?: Partial<Installation>;
  service?: Partial<Service>;
  context?: Partial<Context>;
  json?: boolean;
  /** What is answered to a question; without it, there is nobody to ask. */
  answer?: boolean;
}

export interface Stage {
  context: Context;
  effects: string[];
  /** Standard output, and what was said on standard error, one line each with its kind in front. */
  stdout: string[];
  stderr: string[];
  results: unknown[];
}

/** The parts are made with `did`, which notes an effect. */
export function makeStage(make: (did: (effect: string) => void) => Parts): Stage {
  const effects: string[] = [];
  const parts = make((effect) => effects.push(effect));
  const [stdout, stderr, results]: [string[], string[], unknown[]] = [[], [], []];
  const port = <T extends object>(name: string, methods: Partial<T> | undefined) => () => {
    if (methods) return Promise.resolve(strict<T>(name, methods));
    throw new Error(`Nobody expected the ${name} to be used`);
  };
  const unexpected = (what: string) => () => {
    throw new Error(`Nobody expected ${what}`);
  };
  const context: Context = {
    output: {
      json: parts.json ?? false,
      debugs: false,
      interactive: parts.answer !== undefined,
      colour: false,
      isClosed: false,
      screen: () => undefined,
      visible: makeVisible,
      write: (text) => void stdout.push(text),
      result(value, text) {
        results.push(value);
        if (!parts.json && text) stdout.push(text);
      },
      note: (text) => void stderr.push(`note ${text}`),
      warn: (text) => void stderr.push(`warn ${text}`),
      debug: () => {},
      confirm(question) {
        effects.push(`ask ${question}`);
        return Promise.resolve(parts.answer!);
      },
      progress: () => ({ show() {}, around: (write) => write(), stop() {} }),
      table: (header, rows) =>
        Promise.resolve([header, ...rows].map((row) => `${row.join("|")}\n`).join("")),
    },
    cwd: "/cwd",
    store: port<Store>("store", parts.store && { folder: "/state", ...parts.store }),
    runner: port<Runner>("runner", { newMessageId: () => undefined, ...parts.runner }),
    // Every turn asks for opencode's version, and doctor wakes a supervisor.
    supervisor: port<Supervisor>("supervisor", {
      wake: () => Promise.resolve(false),
      ...parts.supervisor,
    }),
    sessions: port<AgentSessions>("sessions", {
      version: () => Promise.resolve("1.18.33"),
      ...parts.sessions,
    }),
    traces: port<Traces>("traces", parts.traces ?? NO_TRACES),
    config: port<Config>(
      "config",
      parts.config ?? { settings: () => SETTINGS, clearingAge: () => 30 * 24 * 3600 },
    ),
    workspace: port<Workspace>("workspace", parts.workspace),
    plugins: port<Plugins>("plugins", parts.plugins),
    hasPlugins: () => parts.plugins !== undefined,
    shelf: port<Shelf>("shelf", parts.shelf),
    installation: port<Installation>("installation", parts.installation),
    service: port<Service>("service", { found: () => "none", ...parts.service }),
    pathOf: (path) => path.startsWith("/") ? path : `/cwd/${path}`,
    issueKeys: () => Promise.resolve([]),
    overSsh: (words) => `ssh -t host '${"kugetsu "}${words}'`,
    readInput: unexpected("standard input to be read"),
    argumentsAreText: unexpected("the arguments to be looked at"),
    readFile: unexpected("a file to be read"),
    owner: () => Promise.resolve(OWNER),
    untilStopped: (work) => work(new AbortController().signal),
    now: () => NOW,
    clock: () => Date.parse(NOW),
    newId: () => "turn-1",
    ...parts.context,
  };
  return { context, effects, stdout, stderr, results };
}

/** The methods that were given; any other throws when it is called. */
function strict<T extends object>(name: string, methods: Partial<T>): T {
  return new Proxy(methods as T, {
    get(target, key, receiver) {
      if (key === "then" || Reflect.has(target, key)) return Reflect.get(target, key, receiver);
      return () => {
        throw new Error(`Nobody expected ${name}.${String(key)} to be called`);
      };
    },
  });
}

const NO_TRACES: Partial<Traces> = {
  issues: () => [],
  logs: () => [],
  remove() {},
  removeLog() {},
};

export const NOW = "2026-01-02T03:04:05+00:00";
export const OWNER = { pid: 7, started: "70", boot: "b" };
export const OPENCODE = { pid: 8, started: "80", boot: "b" };
export const REF = "github.com/shoko/kugetsu#14";
/** What it is called in files. */
export const NAME = "github.com-shoko-kugetsu-14";

export const SETTINGS: Settings = {
  model: undefined,
  agent: undefined,
  permissions: "deny",
  limits: { firstEvent: 180, silence: 1200, total: 14_400, answer: 86_400 },
  budget: {},
  caps: {},
  runner: "server",
  worktree: { mode: "shared", copy: [], setupSeconds: 600 },
};

export const BASE: MadeSession = {
  type: "base",
  issue_ref: null,
  opencode_session_id: "ses_base",
  created_at: "2026-01-01T00:00:00+00:00",
  state: "idle",
  directory: "/repository",
  origin: "created",
};

export const SESSION: MadeSession = {
  type: "forked",
  issue_ref: REF,
  opencode_session_id: "ses_1",
  created_at: "2026-01-01T00:00:00+00:00",
  state: "idle",
  directory: "/repository",
  origin: "forked",
};

/** A turn whose owner was cut off. */
export const CUT_OFF: RunningTurn = {
  id: "turn-0",
  kind: "continue",
  started_at: "2026-01-01T00:00:00+00:00",
  owner: { pid: 5, started: "50", boot: "b" },
};

/** A hold that notes what is done with it. Once it is given back, nothing more can be done. */
export function fakeHold(
  did: (effect: string) => void,
  stored: SessionRecord | undefined,
  onSave: (record: SessionRecord) => void = () => {},
): Hold & { readonly record: SessionRecord } {
  let record = stored;
  let isHeld = true;
  const demandHeld = () => {
    if (!isHeld) throw new Error("The hold was given back already");
  };
  return {
    key: REF,
    name: NAME,
    get record() {
      return record as SessionRecord;
    },
    // deno-lint-ignore require-await
    async save(next) {
      demandHeld();
      const { state, opencode_session_id: session, reason } = next;
      did(`save ${state} ${session ?? "-"}${reason ? ` (${reason})` : ""}`);
      onSave(next);
      record = next;
    },
    // deno-lint-ignore require-await
    async remove() {
      demandHeld();
      did("remove");
      isHeld = false;
    },
    // deno-lint-ignore require-await
    async release() {
      if (isHeld) did("release");
      isHeld = false;
    },
  };
}

/** A store with a base in which an issue can be begun or gone on with. */
export function storeWith(
  did: (effect: string) => void,
  { base = BASE, stored, onSave }: {
    base?: MadeSession | null;
    stored?: SessionRecord;
    onSave?: (record: SessionRecord) => void;
  } = {},
): Partial<Store> {
  return {
    base: () => Promise.resolve(base ?? undefined),
    bases: () => Promise.resolve(base ? [base] : []),
    baseOf: (repository) => Promise.resolve(base?.repository === repository ? base : undefined),
    claim(ref) {
      did(`claim ${formatRef(ref)}`);
      return Promise.resolve(fakeHold(did, stored, onSave));
    },
    hold(issue) {
      did(`hold ${keyOf(issue)}`);
      if (stored) return Promise.resolve(fakeHold(did, stored, onSave));
      return Promise.reject(errors.noSession(keyOf(issue)));
    },
    resume(issue) {
      did(`resume ${keyOf(issue)}`);
      return Promise.resolve(fakeHold(did, stored, onSave));
    },
  };
}

function keyOf(issue: Named): string {
  return typeof issue === "string" ? issue : formatRef(issue);
}

/** Folders that are all there, and in no repository. */
export function anyFolder(did: (effect: string) => void): Partial<Workspace> {
  return {
    git: () => "/bin/git",
    folder(path) {
      did(`folder ${path}`);
      return path;
    },
    head: () => Promise.resolve(undefined),
    branch: () => Promise.resolve(undefined),
    remote: () => Promise.resolve(undefined),
    remotes: () => Promise.resolve([]),
    strays: () => Promise.resolve([]),
  };
}

/** A runner whose turns go well, and end as they are told to. */
export function runnerThat(
  did: (effect: string) => void,
  result: Partial<TurnResult> = {},
  onTurn: (...call: Parameters<Runner["turn"]>) => void = () => {},
): Partial<Runner> {
  return {
    async turn(request, watch, signal) {
      did(`turn ${request.kind} ${request.session}`);
      onTurn(request, watch, signal);
      const session = request.kind === "fork" ? "ses_new" : request.session;
      const whole = { outcome: { kind: "done" }, session, text: "ok", ...result } as TurnResult;
      await watch.started(OPENCODE);
      if (whole.session !== undefined) await watch.named(whole.session);
      if (whole.text) watch.event({ kind: "text", text: whole.text });
      return whole;
    },
    endLeftovers({ id, directory }) {
      did(`end leftovers of ${id}${directory ? ` in ${directory}` : ""}`);
      return Promise.resolve(0);
    },
  };
}

/** An opencode that has these sessions. */
export function opencodeWith(
  did: (effect: string) => void,
  ...has: AgentSession[]
): Partial<AgentSessions> {
  return {
    find(ids) {
      did(`find ${ids.join(" ")}`);
      return Promise.resolve(
        new Map(has.filter(({ id }) => ids.includes(id)).map((it) => [it.id, it])),
      );
    },
    remove(ids) {
      did(`delete ${ids.join(" ")} in opencode`);
      return Promise.resolve();
    },
    version: () => Promise.resolve("1.18.33"),
    executable: () => "/bin/opencode",
  };
}
