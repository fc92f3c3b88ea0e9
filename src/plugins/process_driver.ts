/**
 * The driver of a plugin in a process of its own. Whatever the plugin does, a call ends within its limit, and nothing
 * that the plugin started outlives it.
 */
import type { ChildProcess, ChildProcessWithoutNullStreams } from "node:child_process";
import { endTurnProcesses, identify, memoryOf, turnMark } from "../platform/processes.ts";
import { readLines } from "../platform/lines.ts";
import { within } from "../platform/within.ts";
import type { Driver } from "./driver.ts";
import { tookTooLong } from "./in_process.ts";
import {
  API_VERSION,
  type FromPlugin,
  type Hello,
  parseLine,
  PluginFailure,
  type Question,
} from "./protocol.ts";
import { killGroup, release, spawnGroup } from "./process_groups.ts";
import { withoutSecrets } from "./secrets.ts";

/** Looked at each time that it is started: what runs is what was trusted. */
export interface Trusted {
  /** @throws PluginFailure if its bytes are not those that were trusted */
  demandUnchanged(): void;
  /** @throws PluginFailure if it declares something else than what was trusted */
  demandDeclared(hello: Hello): void;
}

export interface ProcessOptions {
  /** The program and its arguments. */
  command: string[];
  /** Whether it does nothing more once it has answered, so that it need not be given time to end. */
  endsAtOnce: boolean;
  /** The working folder, its own. */
  folder: string;
  /** All that it sees of the environment. */
  env: Record<string, string>;
  /** Marks it and all that it starts, with others: whoever gave it looks for what is left of them in the end. */
  mark?: string | undefined;
  trusted?: Trusted | undefined;
  /** What nobody else is to be told. */
  secrets: readonly [name: string, value: string][];
  /** How long it may take to say hello. */
  limitMs: number;
  log(level: "info" | "warn" | "debug", text: string): void;
}

const MOST_OUTPUT = 4 * 1024 * 1024;
const MOST_MEMORY_KB = 512 * 1024;
const LOOK_AT_MEMORY_MS = 50;
/** How long it may be idle before it is ended; it is started again when it is needed. */
const IDLE_MS = 10_000;
/** How long it may take to end by itself once there is nothing more to ask. */
const GRACE_MS = 300;

interface Waiting {
  wants(message: FromPlugin): boolean;
  resolve(message: FromPlugin): void;
  reject(failure: PluginFailure): void;
}

export class PluginProcess implements Driver {
  readonly #options: ProcessOptions;
  readonly #id = crypto.randomUUID();
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #identity: ReturnType<typeof identify>;
  #hello: Promise<Hello> | undefined;
  #waiting: Waiting | undefined;
  #output = 0;
  #lastWords = "";
  #calls = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #ending: Promise<void> | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  hello(): Promise<Hello> {
    return this.#hello ??= this.#begin();
  }

  async ask(question: Question): Promise<unknown> {
    await this.hello();
    clearTimeout(this.#idle);
    const id = ++this.#calls;
    const answer = await this.#exchange(
      { type: "call", id, ...question },
      (message) => message.type === "result" && message.id === id,
      question.limitMs,
    );
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
    this.#idle.unref?.();
    const { value, error } = answer as Extract<FromPlugin, { type: "result" }>;
    if (error) throw new PluginFailure(this.#tellable(error.message), error.kind);
    return value;
  }

  /** Lets it end by itself, for a moment, and then ends it and all that it started. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const child = this.#child;
    if (!child) return;
    child.stdin!.end();
    if (!this.#options.endsAtOnce) await within(this.#exited, GRACE_MS);
    await this.#end({ sweeps: this.#options.mark === undefined });
  }

  async #begin(): Promise<Hello> {
    const { trusted, limitMs } = this.#options;
    trusted?.demandUnchanged();
    this.#start();
    const hello = await this.#exchange(
      { type: "hello", apiVersion: API_VERSION },
      (message) => message.type === "hello",
      limitMs,
    ) as Hello;
    try {
      trusted?.demandDeclared(hello);
    } catch (failure) {
      await this.#end();
      throw failure;
    }
    return hello;
  }

  #start(): void {
    const { command: [program, ...args], folder, env, mark = this.#id } = this.#options;
    this.#ending = undefined;
    this.#lastWords = "";
    const child = spawnGroup(program!, args, {
      cwd: folder,
      env: { ...env, [turnMark(this.#id)]: "1", [turnMark(mark)]: "1" },
      stdio: ["pipe", "pipe", "pipe"],
    }) as ChildProcessWithoutNullStreams;
    this.#child = child;
    this.#identity = child.pid === undefined ? undefined : identify(child.pid);
    child.stdin.on("error", () => {}); // it ended without reading: its exit tells more
    const isCurrent = () => this.#child === child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Uint8Array) => {
        this.#output += chunk.length;
        if (isCurrent() && this.#output > MOST_OUTPUT) this.#fail("it printed more than 4 MB");
      });
    }
    const read = readLines(child.stdout, (line) => isCurrent() && this.#hear(line));
    const overheard = readLines(child.stderr, (line) => {
      if (line.trim() && isCurrent()) this.#overhear(line);
    });
    child.once("error", (error) => isCurrent() && this.#fail(`it cannot be run: ${error.message}`));
    this.#exited = new Promise((exited) => {
      child.once("exit", (code, signal) => {
        exited();
        release(child.pid);
        // What it said before it ended may still be in the pipes.
        void within(Promise.all([read, overheard]), 200).then(() => {
          const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
          if (isCurrent()) this.#fail(`it ${how}${this.#lastWords && `: ${this.#lastWords}`}`);
        });
      });
    });
  }

  /** Says something and waits for what is wanted, no longer than that. */
  async #exchange(
    message: unknown,
    wants: Waiting["wants"],
    limitMs: number,
  ): Promise<FromPlugin> {
    this.#output = 0;
    const timer = setTimeout(() => this.#fail(tookTooLong(limitMs)), limitMs);
    const memory = setInterval(() => this.#lookAtMemory(), LOOK_AT_MEMORY_MS);
    try {
      return await new Promise<FromPlugin>((resolve, reject) => {
        this.#waiting = { wants, resolve, reject };
        this.#child!.stdin!.write(`${JSON.stringify(message)}\n`);
      });
    } catch (failure) {
      await this.#end();
      throw failure;
    } finally {
      clearTimeout(timer);
      clearInterval(memory);
      this.#waiting = undefined;
    }
  }

  #hear(line: string): void {
    if (line.trim() === "") return;
    try {
      const message = parseLine(line, (text) => this.#tellable(text));
      if (message.type === "log") this.#options.log(message.level, this.#tellable(message.text));
      else if (this.#waiting?.wants(message)) this.#waiting.resolve(message);
      else this.#fail("it answered something that was not asked");
    } catch (failure) {
      this.#fail((failure as PluginFailure).message);
    }
  }

  #overhear(printed: string): void {
    const line = this.#tellable(printed);
    this.#options.log("debug", line);
    // Of a stack trace the line that names the error is what helps.
    if (/error/i.test(line) || !this.#lastWords) this.#lastWords = line.trim().slice(0, 300);
  }

  #tellable(text: string): string {
    return withoutSecrets(text, this.#options.secrets);
  }

  #lookAtMemory(): void {
    const pid = this.#child?.pid;
    if (pid === undefined || memoryOf(pid) <= MOST_MEMORY_KB) return;
    this.#fail("it used more than 512 MB of memory");
  }

  #fail(why: string): void {
    const wasAsked = this.#waiting !== undefined;
    this.#waiting?.reject(new PluginFailure(why));
    this.#waiting = undefined;
    void this.#end({ sweeps: wasAsked || this.#options.mark === undefined });
  }

  #end({ sweeps } = { sweeps: true }): Promise<void> {
    return this.#ending ??= this.#endNow(sweeps);
  }

  async #endNow(sweeps: boolean): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#hello = undefined;
    if (child?.pid === undefined) return;
    killGroup(child.pid);
    if (sweeps) await endTurnProcesses(this.#id, this.#identity, 0);
    child.stdin!.destroy();
    child.stdout!.destroy();
    child.stderr!.destroy();
    release(child.pid);
  }
}
