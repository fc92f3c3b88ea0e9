/**
 * One `opencode serve` for many turns: started when it is first needed, found again by a later process of ours,
 * and watched, so that one which died or hangs is replaced.
 *
 * It listens on loopback with a password made by chance. Where it is and the password lie in a 0600 file, which
 * is all that another process needs to talk to it. It outlives the process that started it: turns that it runs go
 * on, and are taken up again from that file.
 */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import { errors } from "../errors.ts";
import { removeDurably, writeDurably } from "../platform/durable_write.ts";
import { endProcesses, identify, isAlive, turnMark } from "../platform/processes.ts";
import type { ProcessIdentity } from "../session/record.ts";
import { EventHub } from "./event_hub.ts";
import { addressIn, type Call, causeIn, credentials, LISTENS, NEUTRAL } from "./opencode_call.ts";
import {
  answers,
  clientOf,
  headersFor,
  readAddress,
  type ServerAddress,
} from "./server_address.ts";

/** The first start on a new machine migrates the database, which takes its time on a slow disk. */
const START_MS = 90_000;
const HEALTH_MS = 10_000;
const GRACE_MS = 3000;
/** A server that dies again and again is started again after pauses that grow to this. */
const LONGEST_PAUSE_MS = 60_000;
/** One that lived longer than this was no failed start. */
const SETTLED_MS = 60_000;

export interface ServerFiles {
  /** Where the server is, and its password. */
  state: string;
  /** What it prints. */
  log: string;
}

/** A server that answered. It is used until `events` says that it is gone. */
export interface Connection {
  readonly process: ProcessIdentity;
  readonly url: string;
  readonly password: string;
  readonly events: EventHub;
  /** Asks about sessions of a folder. Every request has a time limit. */
  client(directory: string): OpencodeClient;
}

export interface Opened {
  connection: Connection;
  /** An earlier process of ours has started it. */
  isFound: boolean;
}

export class OpencodeServer {
  readonly #files: ServerFiles;
  readonly #debug: (text: string) => void;
  #opened: Promise<Opened> | undefined;
  #reaching: Promise<Connection | undefined> | undefined;
  /** What it was when this process last made or found it. */
  #known: ServerAddress | undefined;
  #stopping: Promise<void> | undefined;
  #failures = 0;
  #startedAt = 0;

  constructor(files: ServerFiles, debug: (text: string) => void = () => {}) {
    this.#files = files;
    this.#debug = debug;
  }

  /**
   * The server, found or started if need be. `call` is its command line and environment, without address and password.
   *
   * @throws opencode-failed
   */
  open(call: () => Promise<Call>): Promise<Opened> {
    this.#opened ??= this.#open(call).catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** The server if it runs. */
  async find(): Promise<Connection | undefined> {
    if (this.#opened) return (await this.#opened.catch(() => undefined))?.connection;
    const connection = await this.#reach();
    if (connection) this.#opened ??= Promise.resolve({ connection, isFound: true });
    return connection;
  }

  /** The one that an earlier process of ours has left; one connection, whoever asks for it meanwhile. */
  #reach(): Promise<Connection | undefined> {
    return this.#reaching ??= this.#reachLeft().finally(() => this.#reaching = undefined);
  }

  async #reachLeft(): Promise<Connection | undefined> {
    const left = this.#read();
    return left && await this.#connect(left, HEALTH_MS);
  }

  /** Ends the server and everything that it started; fine if there is none. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => this.#stopping = undefined);
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const reached = await this.#reaching;
    const open = await this.#opened?.catch(() => undefined);
    for (const connection of [reached, open?.connection]) connection?.events.close();
    this.#opened = undefined;
    // Also where the folder with the file is gone.
    const state = this.#known ?? this.#read();
    if (state) await this.#end(state);
  }

  async #open(call: () => Promise<Call>): Promise<Opened> {
    await this.#stopping;
    const found = await this.#reach();
    if (found) return { connection: found, isFound: true };
    const left = this.#read();
    if (left) await this.#end(left);
    if (Date.now() - this.#startedAt > SETTLED_MS) this.#failures = 0;
    if (this.#failures > 0) {
      const ms = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** this.#failures);
      this.#debug(`opencode's server has ended ${this.#failures} times; the next one in ${ms} ms`);
      await pause(ms);
    }
    this.#failures++;
    this.#startedAt = Date.now();
    const state = await this.#start(await call());
    const made = await this.#connect(state, START_MS);
    if (made) return { connection: made, isFound: false };
    await this.#end(state);
    throw errors.opencodeFailed("start opencode's server", "it does not answer");
  }

  /** Starts one and waits for it to say where it listens. */
  async #start({ file, args, env }: Call): Promise<ServerAddress> {
    const [id, password] = [randomUUID(), randomBytes(24).toString("base64url")];
    mkdirSync(dirname(this.#files.log), { recursive: true, mode: 0o700 });
    // A file and not a pipe: it must go on when the process that started it is gone.
    writeFileSync(this.#files.log, "", { mode: 0o600 });
    const log = openSync(this.#files.log, "a");
    const child = spawn(file, [...args, ...LISTENS], {
      cwd: NEUTRAL,
      env: {
        ...env,
        PWD: NEUTRAL,
        ...credentials(password),
        [turnMark(id)]: "1",
      } as NodeJS.ProcessEnv,
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const failure = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(`it ended with ${signal ?? code}`));
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    const url = await Promise.race([this.#address(), failure.then(() => undefined)]);
    if (url === undefined || !identity) {
      if (identity) await endProcesses({ marks: [`${turnMark(id)}=`], root: identity }, GRACE_MS);
      const why = causeIn(readText(this.#files.log)) || await Promise.race([failure, pause(0, "")]);
      throw errors.opencodeFailed("start opencode's server", why || "it gave no address");
    }
    const state = { url, password, id, process: identity };
    writeDurably(this.#files.state, JSON.stringify(state));
    this.#debug(`opencode's server runs as ${identity.pid}`);
    return state;
  }

  /** Where the server says that it listens; undefined when it takes too long. */
  async #address(): Promise<string | undefined> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      const said = readText(this.#files.log);
      const url = addressIn(said);
      if (url) return url;
      await pause(25);
    }
    return undefined;
  }

  /** Undefined when it does not answer. */
  async #connect(state: ServerAddress, waitMs: number): Promise<Connection | undefined> {
    if (!isAlive(state.process)) return undefined;
    const { url, password } = state;
    const headers = headersFor(state);
    const client = (directory: string) => clientOf(state, directory);
    const deadline = Date.now() + waitMs;
    while (!await answers(state, HEALTH_MS)) {
      if (Date.now() > deadline || !isAlive(state.process)) return undefined;
      await pause(100);
    }
    this.#known = state;
    const events = new EventHub({
      source: (signal) =>
        fetch(`${url}/global/event`, { headers, signal }).then((reply) => {
          if (!reply.ok || !reply.body) throw new Error(`it answered ${reply.status}`);
          return reply.body;
        }),
      isServing: () => answers(state, HEALTH_MS),
      onGone: () => this.#gone(state),
    });
    await events.ready();
    // It may have died since it answered.
    return events.isOver ? undefined : { process: state.process, url, password, events, client };
  }

  /** The server died, or hangs: what is left of it is ended, and the next turn gets a new one. */
  async #gone(state: ServerAddress): Promise<void> {
    this.#debug(`opencode's server ${state.process.pid} is gone`);
    if (this.#known?.id === state.id) this.#opened = undefined;
    await this.#end(state);
  }

  async #end(state: ServerAddress): Promise<void> {
    await endProcesses({ marks: [`${turnMark(state.id)}=`], root: state.process }, GRACE_MS);
    if (this.#known?.id === state.id) this.#known = undefined;
    if (this.#read()?.id === state.id) removeDurably(this.#files.state);
  }

  #read(): ServerAddress | undefined {
    return readAddress(this.#files.state);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
