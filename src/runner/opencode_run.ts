/**
 * The runner that drives `opencode run`, one process for each turn.
 *
 * opencode learns its folder from PWD before it looks at the real working folder, waits for the end of its
 * standard input before anything else, and keeps its shell tools in sessions of their own. So: both say the
 * session's folder, the message goes in by standard input and the pipe is closed, and the end of a turn is
 * the end of everything that carries the turn's mark.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { endTurnProcesses, identify, turnMark } from "../platform/processes.ts";
import { readLines } from "../platform/lines.ts";
import { within } from "../platform/within.ts";
import type {
  Leftovers,
  Runner,
  StopReason,
  TurnEvent,
  TurnRequest,
  TurnResult,
  TurnWatch,
} from "./mod.ts";
import { NEUTRAL } from "./opencode_call.ts";
import type { OpencodeCommand } from "./opencode_command.ts";
import {
  type OpencodeEvent,
  parseEvent,
  parseRemark,
  type Remark,
  tellable,
  usageOf,
} from "./opencode_events.ts";
import { NOTHING_SEEN, outcomeOf, type Progress, reduce, type Sight, wanted } from "./reducer.ts";
import { Telling } from "./telling.ts";
import { Watchdog } from "./watchdog.ts";

/** How long a turn's processes get to end by themselves. */
const GRACE_MS = 3000;
/** How long opencode gets to end a turn by itself that is blocked. */
const BLOCKED_MS = 1500;
/** How long output may still come after opencode itself has ended. */
const DRAIN_MS = 1000;

export class OpencodeRunRunner implements Runner {
  /** `opencode run --fork` in another folder prints nothing, never ends, and works in the base's folder. */
  readonly movesForks = false;
  readonly #opencode: OpencodeCommand;

  constructor(opencode: OpencodeCommand) {
    this.#opencode = opencode;
  }

  newMessageId(): undefined {}

  turn(request: TurnRequest, watch: TurnWatch, signal: AbortSignal): Promise<TurnResult> {
    return new Turn(this.#opencode, request, watch).run(signal);
  }

  async endLeftovers(turn: Leftovers): Promise<number> {
    return (await endTurnProcesses(turn.id, turn.opencode, GRACE_MS)).length;
  }

  /** `opencode run` rejects what it would ask by itself. */
  answer(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

/** One turn under way. */
class Turn {
  readonly #opencode: OpencodeCommand;
  readonly #request: TurnRequest;
  readonly #watch: TurnWatch;
  #progress: Progress = NOTHING_SEEN;
  #process: ReturnType<typeof identify>;
  readonly #telling = new Telling(() => this.#end());
  #ending: Promise<unknown> | undefined;

  constructor(opencode: OpencodeCommand, request: TurnRequest, watch: TurnWatch) {
    this.#opencode = opencode;
    this.#request = request;
    this.#watch = watch;
  }

  async run(signal: AbortSignal): Promise<TurnResult> {
    const dog = new Watchdog(this.#request.limits, (limit, seconds) => {
      this.#see({ see: "limit", limit, seconds });
      this.#end();
    });
    const cancel = () => {
      this.#see({ see: "stop", reason: signal.reason as StopReason });
      this.#end();
    };
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (!signal.aborted) await this.#live(dog);
      else cancel();
    } finally {
      dog.stop();
      signal.removeEventListener("abort", cancel);
    }
    await this.#ending;
    await this.#telling.over();
    const { session, text } = this.#progress;
    return { outcome: outcomeOf(this.#progress), session, text };
  }

  async #live(dog: Watchdog): Promise<void> {
    const child = await this.#spawn();
    if (!child) return;
    const reading = Promise.all([
      readLines(child.stdout!, (line) => {
        dog.sign();
        const event = parseEvent(line);
        if (event) this.#onEvent(event);
      }),
      readLines(child.stderr!, (line) => this.#onRemark(line)),
    ]);
    const exited = new Promise<void>((resolve) => {
      child.once("exit", (code, signal) => {
        this.#see({ see: "exit", code, signal });
        resolve();
      });
    });
    this.#process = identify(child.pid!);
    await this.#telling.tell(() => this.#watch.started(this.#process));
    dog.start();
    if (!this.#ending) child.stdin!.end(asInput(this.#request.message));
    await exited;
    await within(reading, DRAIN_MS);
    child.stdout!.destroy();
    child.stderr!.destroy();
  }

  /** The process, once it runs; undefined when it could not be started or no longer should be, which is seen. */
  async #spawn(): Promise<ChildProcess | undefined> {
    const { directory, id } = this.#request;
    const { file, args, env } = await this.#opencode.run(this.#request);
    if (this.#ending) return undefined; // it was stopped while opencode was asked for its rules
    const child = spawn(file, args, {
      cwd: NEUTRAL,
      env: { ...env, PWD: directory, [turnMark(id)]: "1" },
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.on("error", () => {}); // it ended without reading: its exit tells more
    const failure = await new Promise<Error | undefined>((resolve) => {
      child.once("spawn", () => resolve(undefined));
      child.once("error", resolve);
    });
    if (!failure) return child;
    this.#see({ see: "spawn-failed", why: failure.message });
    return undefined;
  }

  #onEvent(event: OpencodeEvent): void {
    this.#seeNaming({ see: "event", event });
    const usage = usageOf(event);
    if (usage) this.#show({ kind: "usage", ...usage });
    const told = tellable(event);
    if (told) this.#show(told);
  }

  #onRemark(line: string): void {
    const remark = parseRemark(line);
    switch (remark.kind) {
      case "created":
        return this.#onCreated(remark);
      case "permission":
        this.#show(remark);
        if (this.#request.permissions === "wait") this.#block(remark);
        break;
      case "agent-unknown":
        this.#end(); // it would go on with another agent
        break;
      case "trouble":
        this.#show(remark);
        break;
      case "other":
        if (remark.text) this.#show({ kind: "notice", text: remark.text });
        break;
      case "log":
        if (this.#request.debug) this.#show({ kind: "notice", text: line.trim() });
    }
    this.#see({ see: "remark", remark });
  }

  /** A rejection ends a turn by itself, but that of a sub-agent does not end the turn that it works for. */
  #block({ permission, patterns }: Extract<Remark, { kind: "permission" }>): void {
    this.#see({ see: "blocked", detail: wanted(permission, patterns) });
    setTimeout(() => this.#progress.exit || this.#end(), BLOCKED_MS).unref();
  }

  /** The fork exists. In the wrong folder it must not go on: nothing has been asked of a model yet. */
  #onCreated(remark: Extract<Remark, { kind: "created" }>): void {
    if (this.#request.kind !== "fork" || this.#progress.session !== undefined) return;
    this.#seeNaming({ see: "remark", remark });
    if (remark.directory === this.#request.directory) return;
    this.#see({ see: "misplaced", directory: remark.directory });
    this.#end();
  }

  /** Sees something that may tell the session's id, and tells it on the first time. */
  #seeNaming(sight: Sight): void {
    const known = this.#progress.session;
    this.#see(sight);
    const { session } = this.#progress;
    if (known === undefined && session !== undefined) {
      this.#telling.tell(() => this.#watch.named(session));
    }
  }

  #see(sight: Sight): void {
    this.#progress = reduce(this.#progress, sight);
  }

  #end(): void {
    this.#ending ??= endTurnProcesses(this.#request.id, this.#process, GRACE_MS).then((left) => {
      const pids = left.map((it) => it.pid);
      if (pids.length > 0) this.#show({ kind: "left", pids });
    });
  }

  #show(event: TurnEvent): void {
    void this.#telling.tell(() => this.#watch.event(event));
  }
}

/** opencode drops one byte order mark from what it reads, so one is put in front of one that is meant. */
function asInput(message: string): string {
  return message.startsWith("\ufeff") ? `\ufeff${message}` : message;
}
