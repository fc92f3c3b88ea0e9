/**
 * One turn on opencode's server.
 *
 * The stream of events shows it as it goes; whatever it missed is found in the messages that the server has stored.
 * Both are turned into what `opencode run` would have printed, for the one reducer.
 */
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import { realpathSync } from "node:fs";
import { KugetsuError, reasonOf } from "../errors.ts";
import { endProcesses } from "../platform/processes.ts";
import { within } from "../platform/within.ts";
import type { Answer, StopReason, TurnEvent, TurnRequest, TurnResult, TurnWatch } from "./mod.ts";
import { tellable, usageOf } from "./opencode_events.ts";
import { NOTHING_SEEN, outcomeOf, type Progress, reduce, type Sight } from "./reducer.ts";
import {
  eventOfError,
  eventOfPart,
  type MessageInfo,
  type Part,
  runningTool,
  type ServerEvent,
} from "./server_events.ts";
import type { Lease, Servers } from "./server_runner.ts";
import type { Connection } from "./opencode_server.ts";
import { Asks } from "./server_asks.ts";
import { Reconciler } from "./server_reconciler.ts";
import {
  abortSession,
  folderOf,
  forkSession,
  knowsAgent,
  moveSession,
  newMessageId,
  NO_SESSION,
  type Placed,
  sendMessage,
  ServerSaid,
} from "./server_session.ts";
import { folderMarks } from "./shell_wrapper.ts";
import { Telling } from "./telling.ts";
import { Watchdog } from "./watchdog.ts";

/** How long opencode gets to end a turn by itself, and then its processes. */
const GRACE_MS = 3000;
/** How long a turn that is to end waits for its session, which may be on its way. */
const PLACING_MS = 10_000;

/** One turn under way. */
export class ServerTurn {
  readonly directory: string;
  readonly #servers: Servers;
  readonly #request: TurnRequest;
  readonly #watch: TurnWatch;
  /** Whether no other turn runs in this folder, so that all that was started in it is this one's. */
  readonly #alone: () => boolean;
  readonly #over = Promise.withResolvers<void>();
  readonly #dog: Watchdog;
  readonly #told = new Set<string>();
  readonly #messages = new Set<string>();
  readonly #asks: Asks;
  readonly #telling = new Telling(() => this.#stop({ see: "stop", reason: "SIGTERM" }));
  #progress: Progress = NOTHING_SEEN;
  #client: OpencodeClient | undefined;
  #connection: Connection | undefined;
  #session: string | undefined;
  #placing: Promise<string | undefined> | undefined;
  #messageId: string | undefined;
  /** Whether the server has the message, as far as is known. */
  #wasHeard = false;
  /** Once the message was sent. */
  #reconciler: Reconciler | undefined;
  #stopping: Promise<void> | undefined;

  constructor(servers: Servers, request: TurnRequest, watch: TurnWatch, alone: () => boolean) {
    this.directory = request.directory;
    this.#servers = servers;
    this.#request = request;
    this.#watch = watch;
    this.#alone = alone;
    this.#dog = new Watchdog(request.limits, (limit, seconds) => {
      this.#stop({ see: "limit", limit, seconds });
    });
    this.#asks = new Asks({
      policy: request.permissions,
      seconds: request.limits.answer,
      client: () => this.#client,
      denied: (denied) => {
        this.#see({ see: "remark", remark: denied });
        this.#show(denied);
      },
      opened: (ask) => {
        this.#dog.pause();
        this.#show({ kind: "asks", ask });
      },
      answered: (id, answer) => {
        this.#show({ kind: "answered", id, ...(answer ? { answer } : {}) });
        this.#dog.resume();
      },
      unanswered: ({ what }) => {
        this.#stop({ see: "blocked", detail: `nobody answered in time: it wanted ${what}` });
      },
    });
  }

  async run(signal: AbortSignal): Promise<TurnResult> {
    const cancel = () => this.#stop({ see: "stop", reason: signal.reason as StopReason });
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) cancel();
      else await Promise.race([this.#live(), this.#over.promise]);
    } finally {
      this.#dog.stop();
      this.#asks.close();
      signal.removeEventListener("abort", cancel);
    }
    await this.#stopping;
    await this.#telling.over();
    return {
      outcome: outcomeOf(this.#progress),
      session: this.#session,
      text: this.#progress.text,
    };
  }

  async #live(): Promise<void> {
    this.#dog.start();
    let lease: Lease;
    try {
      lease = await this.#servers.forTurn(this.#request);
    } catch (error) {
      // A server that does not come up may do so the next time; what else is wrong will be wrong then, too.
      const mayPass = error instanceof KugetsuError && error.code === "opencode-failed";
      if (!mayPass) throw error;
      return this.#see({ see: "spawn-failed", why: reasonOf(error) });
    }
    try {
      await this.#on(lease);
    } catch {
      // It could not be reached: the turn is over, wherever it was.
      this.#see({ see: "server-gone", sent: this.#wasHeard });
    } finally {
      lease.release();
    }
  }

  async #on({ connection, isOutdated }: Lease): Promise<void> {
    if (this.#stopping) return;
    const client = connection.client(this.directory);
    this.#client = client;
    this.#connection = connection;
    await this.#telling.tell(() => this.#watch.started(undefined));
    // So that it reads them again; but not under a turn that is under way.
    if (isOutdated && this.#request.messageId === undefined && this.#alone()) {
      await client.instance.dispose();
    }
    const session = await (this.#placing = this.#place(client));
    if (session === undefined || this.#stopping) return;
    const silence = connection.events.listen(session, {
      event: (event) => this.#onEvent(event),
      missed: () => this.#reconciler?.missed(),
      gone: () => {
        this.#see({ see: "server-gone", sent: this.#wasHeard });
        this.#over.resolve();
      },
    });
    try {
      await this.#send(client, session);
      await this.#over.promise;
    } finally {
      this.#reconciler?.stop();
      silence();
    }
  }

  /** The session in its folder, read back and compared; undefined if there is none, which is then seen. */
  async #place(client: OpencodeClient): Promise<string | undefined> {
    const { kind, session: given, title, agent } = this.#request;
    const { events } = this.#connection!;
    try {
      const found = kind === "fork"
        ? await this.#fork(client, given)
        : { id: given, directory: events.folderOf(given) ?? await folderOf(client, given) };
      if (!found) return undefined;
      const session = this.#session = found.id;
      if (kind === "fork") await this.#telling.tell(() => this.#watch.named(session));
      if (this.#telling.hasFailed) return undefined;
      const isThere = found.directory === this.directory;
      if (!isThere) await moveSession(client, session, this.directory);
      // The first requests in a folder wait until opencode has set itself up there: one wait for both.
      const [directory] = await Promise.all([
        isThere ? this.directory : folderOf(client, session),
        title !== undefined && client.session.update({ sessionID: session, title }),
      ]);
      if (directory !== this.directory) return void this.#see({ see: "misplaced", directory });
      events.wasIn(session, directory);
      if (agent === undefined || await knowsAgent(client, agent)) return session;
      this.#see({ see: "remark", remark: { kind: "agent-unknown", agent } });
    } catch (error) {
      if (!(error instanceof ServerSaid)) throw error;
      this.#say(error);
    }
    return undefined;
  }

  /** One that comes when the turn is to end already is nobody's, and is deleted. */
  async #fork(client: OpencodeClient, base: string): Promise<Placed | undefined> {
    const fork = await forkSession(client, base);
    if (!this.#stopping) return fork;
    await client.session.delete({ sessionID: fork.id });
    return undefined;
  }

  /** Sends the message, unless an earlier attempt at this turn has. */
  async #send(client: OpencodeClient, session: string): Promise<void> {
    const { messageId: before } = this.#request;
    if (before !== undefined) {
      const { data } = await client.session.message({ sessionID: session, messageID: before });
      if (data) {
        this.#wasHeard = true;
        return this.#wasSent(client, session, before).look();
      }
    }
    const messageID = before ?? newMessageId();
    await this.#telling.tell(() => this.#watch.sending?.(messageID));
    if (this.#telling.hasFailed || this.#stopping) return;
    this.#wasSent(client, session, messageID);
    await this.#prompt(client, session, messageID);
  }

  #wasSent(client: OpencodeClient, session: string, messageID: string): Reconciler {
    this.#messageId = messageID;
    return this.#reconciler = new Reconciler({
      ...{ client, session, messageID, hearsAll: this.#request.messageId === undefined },
      asked: (request) => this.#asks.asked(request),
      heard: () => void this.#telling.tell(() => this.#watch.heard?.()),
      message: (info) => this.#onMessage(info),
      part: (part) => this.#onPart(part, true),
      hasFailed: () => this.#progress.error !== undefined,
      repeat: () => this.#prompt(client, session, messageID),
      over: () => {
        this.#see({ see: "exit", code: 0, signal: null });
        this.#over.resolve();
      },
    });
  }

  async #prompt(client: OpencodeClient, session: string, messageID: string): Promise<void> {
    try {
      await sendMessage(client, session, messageID, this.#request);
      this.#wasHeard = true;
    } catch (error) {
      if (!(error instanceof ServerSaid)) throw error;
      if (error.message === NO_SESSION) this.#say(error);
      else this.#see({ see: "event", event: eventOfError(session, { name: error.message }) });
      this.#over.resolve();
    }
  }

  #onEvent(event: ServerEvent): void {
    const own = event.session === this.#session;
    if (this.#isSignOfLife(event, own)) this.#dog.sign();
    switch (event.kind) {
      case "message":
        if (own) {
          this.#onMessage(event.message);
          this.#reconciler?.toldMessage(event.message);
        }
        return;
      case "part":
        if (own) this.#reconciler?.toldPart(event.part);
        return this.#onPart(event.part, own);
      case "retry":
        return this.#onTrouble(event.why);
      case "error":
        if (own && event.error.name !== "MessageAbortedError") {
          this.#see({ see: "event", event: eventOfError(event.session, event.error) });
        }
        return;
      case "asked":
        return this.#asks.asked(event.request);
      case "answered":
        return this.#asks.settled(event.id);
      case "idle":
        if (own) this.#reconciler?.idle();
        return;
      case "created":
      case "placed":
      case "delta":
      case "other":
        return;
    }
  }

  /** What an agent says or does; that opencode tries again, or has taken the message in, is none. */
  #isSignOfLife(event: ServerEvent, own: boolean): boolean {
    if (event.kind === "part") return !own || this.#messages.has(event.part.messageID);
    return event.kind === "delta";
  }

  /** Only what came after the message belongs to the turn; ids of messages are in order. */
  #onMessage(info: MessageInfo): void {
    if (info.role !== "assistant" || this.#messageId === undefined) return;
    if (info.id <= this.#messageId) return;
    this.#wasHeard = true;
    this.#messages.add(info.id);
    const cwd = info.path?.cwd;
    // Another opencode of the user's has moved the session: its agent must not go on there.
    if (cwd !== undefined && !isSame(cwd, this.directory)) {
      this.#connection?.events.forget(info.sessionID);
      this.#client = this.#connection?.client(cwd);
      return this.#stop({ see: "misplaced", directory: cwd });
    }
    if (
      info.error && info.error.name !== "MessageAbortedError" && this.#isNew(`error ${info.id}`)
    ) {
      this.#see({ see: "event", event: eventOfError(info.sessionID, info.error) });
    }
  }

  #say({ message: text }: ServerSaid): void {
    this.#see({ see: "remark", remark: { kind: "other", text } });
  }

  #onPart(part: Part, own: boolean): void {
    if (own && !this.#messages.has(part.messageID)) return;
    const running = runningTool(part);
    if (running) {
      if (this.#isNew(`running ${part.id} ${running.title}`)) {
        this.#show({ kind: "tool", ...running, state: "running" });
      }
      return;
    }
    const event = eventOfPart(part);
    if (!event || !this.#isNew(part.id)) return;
    const usage = usageOf(event);
    if (usage) this.#show({ kind: "usage", ...usage });
    // What a sub-session says is for its parent; what it does is shown.
    if (!own && event.type !== "tool_use") return;
    if (own) this.#see({ see: "event", event });
    const told = tellable(event);
    if (told) this.#show(told);
  }

  #onTrouble(text: string): void {
    this.#see({ see: "remark", remark: { kind: "trouble", text } });
    this.#show({ kind: "trouble", text });
  }

  /** Answers what the turn asks; false when it asks no such thing. */
  answer(askId: string, answer: Answer): Promise<boolean> {
    return this.#asks.answer(askId, answer);
  }

  /** The turn is to end: opencode is told, then its processes are ended. */
  #stop(sight: Sight): void {
    if (this.#stopping) return;
    this.#see(sight);
    this.#stopping = this.#end().finally(() => this.#over.resolve());
  }

  async #end(): Promise<void> {
    if (this.#placing) await within(this.#placing.catch(() => {}), PLACING_MS);
    const [client, session] = [this.#client, this.#session];
    if (client && session !== undefined) await abortSession(client, session);
    if (!this.#alone()) return;
    const left = await endProcesses({ marks: folderMarks(this.directory) }, GRACE_MS);
    if (left.length > 0) this.#show({ kind: "left", pids: left.map((it) => it.pid) });
  }

  #isNew(id: string): boolean {
    if (this.#told.has(id)) return false;
    this.#told.add(id);
    return true;
  }

  #see(sight: Sight): void {
    this.#progress = reduce(this.#progress, sight);
  }

  #show(event: TurnEvent): void {
    void this.#telling.tell(() => this.#watch.event(event));
  }
}

/** A folder may be spelled by way of a symbolic link. */
function isSame(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}
