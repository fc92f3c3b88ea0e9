/**
 * The events of opencode's server, one stream for all turns, handed out by session. Also where a session is, as it
 * was last read or told: what another opencode of the user's does to it is told here by nobody.
 *
 * A stream can break while the server lives: it is opened again, and everybody is told to look for what was missed.
 * The server beats every few seconds; when it is silent for longer, it is asked whether it serves at all. One that
 * does not is gone, and everybody is told.
 */
import { setTimeout as pause } from "node:timers/promises";
import { createParser } from "eventsource-parser";
import { parseServerEvent, type ServerEvent } from "./server_events.ts";

/** The server sends a heartbeat every 10 s. */
const SILENT_MS = 25_000;
const RETRY_MS = 250;
/** How often a server may fail to answer in a row before it counts as gone. */
const CHANCES = 3;

export interface EventSource {
  /** Opens the stream. Aborting `signal` closes it. */
  source(signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  isServing(): Promise<boolean>;
  /** The server is gone; to be awaited before anybody is told. */
  onGone(): Promise<void>;
}

export interface Listener {
  event(event: ServerEvent): void;
  /** The stream was broken for a while: something may have been missed. */
  missed(): void;
  /** The server is gone, and what it ran with it. */
  gone(): void;
}

export class EventHub {
  readonly #source: EventSource;
  readonly #listeners = new Map<string, Listener>();
  /** The session that each sub-session works for. */
  readonly #roots = new Map<string, string>();
  /** The folders of sessions; only while the stream is open. */
  #folders: Map<string, string> | undefined;
  readonly #closing = new AbortController();
  readonly #ready: Promise<void>;
  #isReady: () => void = () => {};
  #lastSign = Date.now();

  constructor(source: EventSource) {
    this.#source = source;
    this.#ready = new Promise((ready) => this.#isReady = ready);
    this.#live().catch(() => {});
  }

  /** Resolves when the stream is open: nothing that happens after it is missed. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** Whether nothing will come any more: the server is gone, or the hub was closed. */
  get isOver(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Hears of a session and its sub-sessions until the returned function is called. */
  listen(session: string, listener: Listener): () => void {
    this.#listeners.set(session, listener);
    return () => {
      this.#listeners.delete(session);
      for (const [child, root] of this.#roots) if (root === session) this.#roots.delete(child);
    };
  }

  /** Undefined where that was not read, or something may have been missed since. */
  folderOf(session: string): string | undefined {
    return this.#folders?.get(session);
  }

  /** The session was read, and was in this folder. */
  wasIn(session: string, folder: string): void {
    this.#folders?.set(session, folder);
  }

  /** The session may be anywhere. */
  forget(session: string): void {
    this.#folders?.delete(session);
  }

  close(): void {
    this.#closing.abort();
  }

  async #live(): Promise<void> {
    let opened = false;
    while (!this.#closing.signal.aborted) {
      const attempt = new AbortController();
      const stop = () => attempt.abort();
      this.#closing.signal.addEventListener("abort", stop, { once: true });
      const watch = setInterval(() => {
        if (Date.now() - this.#lastSign > SILENT_MS) attempt.abort();
      }, 1000);
      try {
        const stream = await this.#source.source(attempt.signal);
        this.#lastSign = Date.now();
        this.#folders = new Map();
        this.#isReady();
        if (opened) { for (const listener of [...this.#listeners.values()]) listener.missed(); }
        opened = true;
        await this.#read(stream, attempt.signal);
      } catch {
        /* opened again below, if the server is there */
      } finally {
        this.#folders = undefined;
        clearInterval(watch);
        this.#closing.signal.removeEventListener("abort", stop);
      }
      if (this.#closing.signal.aborted) return;
      if (!await this.#serves()) return await this.#gone();
      await pause(RETRY_MS);
    }
  }

  async #read(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
    const reader = stream.getReader();
    // deno was seen to go on reading what a request brings that is aborted.
    signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
    const parser = createParser({
      onEvent: ({ data }) => {
        const event = parseServerEvent(data);
        if (event) this.#hand(event);
      },
    });
    const decoder = new TextDecoder();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.#lastSign = Date.now();
      parser.feed(decoder.decode(part.value, { stream: true }));
    }
  }

  #hand(event: ServerEvent): void {
    if (event.kind === "placed" && this.folderOf(event.session) !== undefined) {
      if (event.directory === undefined) this.forget(event.session);
      else this.wasIn(event.session, event.directory);
    }
    if (event.kind === "created") {
      const root = this.#roots.get(event.parent) ?? event.parent;
      if (this.#listeners.has(root)) this.#roots.set(event.session, root);
    }
    const root = this.#roots.get(event.session) ?? event.session;
    this.#listeners.get(root)?.event(event);
  }

  async #serves(): Promise<boolean> {
    for (let chance = 0; chance < CHANCES; chance++) {
      if (await this.#source.isServing()) return true;
    }
    return false;
  }

  async #gone(): Promise<void> {
    this.#closing.abort();
    await this.#source.onGone();
    this.#isReady();
    for (const listener of [...this.#listeners.values()]) listener.gone();
  }
}
