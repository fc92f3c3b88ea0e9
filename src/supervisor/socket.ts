/**
 * The supervisor's unix socket, inside the state folder: JSON, one message a line.
 *
 * The path of a socket has about 100 bytes. Where the state folder lies deeper, the folder is opened and the socket
 * reached through the open descriptor, which Linux offers as a short path.
 *
 * That somebody can connect does not say that somebody listens: what deno starts has the listening socket too, and keeps
 * it when the supervisor is killed. So whose socket it is stands beside it.
 */
import { closeSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { basename, dirname } from "node:path";
import { errors } from "../errors.ts";
import { writeWhole } from "../platform/durable_write.ts";
import { readLines } from "../platform/lines.ts";
import { identify, isAlive } from "../platform/processes.ts";

const LONGEST_PATH = 100;
/** In bytes: the longest text of a turn (cli/input.ts), in JSON, where a character may have six. */
const LONGEST_MESSAGE = 64 * 1024 * 1024;

/** Runs `use` with a path that fits. @throws path-too-long */
function withShortPath<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= LONGEST_PATH) return use(path);
  if (process.platform !== "linux") throw errors.pathTooLong(path, LONGEST_PATH);
  const folder = openSync(dirname(path), "r");
  return use(`/proc/self/fd/${folder}/${basename(path)}`).finally(() => closeSync(folder));
}

/** What a connection fails with where nobody listens, or somebody did who has died this moment. */
const NOBODY = ["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE"];

const ownerOf = (path: string) => `${path}.owner`;

/** Whether the process that listened there is gone; only where that is told at once. */
function isLeft(path: string): boolean {
  if (process.platform !== "linux") return false;
  try {
    return !isAlive(JSON.parse(readFileSync(ownerOf(path), "utf8")));
  } catch {
    return false;
  }
}

/** Undefined when nobody listens there. */
export async function connect(path: string): Promise<Channel | undefined> {
  if (isLeft(path)) return undefined;
  try {
    return await withShortPath(path, async (short) => {
      // Whoever only looks, where no supervisor runs, does not wait for what sockets are made of.
      if (!statSync(short, { throwIfNoEntry: false })) return undefined;
      const { createConnection } = await import("node:net");
      return await new Promise<Channel>((resolve, reject) => {
        const socket = createConnection(short);
        socket.once("connect", () => resolve(new Channel(socket)));
        socket.once("error", reject);
      });
    });
  } catch (error) {
    if (NOBODY.includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** On a full disk it does without; then nobody is to take it for the one that has left. */
function noteOwner(path: string): void {
  try {
    rmSync(ownerOf(path), { force: true });
    writeWhole(ownerOf(path), JSON.stringify(identify(process.pid)));
  } catch { /* a supervisor without it works as well */ }
}

/** @throws path-too-long */
export function listen(path: string, onChannel: (channel: Channel) => void): Promise<Server> {
  noteOwner(path);
  return withShortPath(path, async (short) => {
    const { createServer } = await import("node:net");
    return await new Promise((resolve, reject) => {
      const server = createServer((socket) => onChannel(new Channel(socket)));
      server.once("error", reject);
      server.listen(short, () => {
        server.off("error", reject);
        resolve(server);
      });
    });
  });
}

/** Messages over a socket, in order. */
export class Channel {
  readonly #socket: Socket;
  readonly #waiting: unknown[] = [];
  #wake: () => void = () => {};
  #isOver = false;
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {}); // its end says enough
    this.closed = readLines(socket, (line) => {
      try {
        this.#waiting.push(JSON.parse(line));
      } catch {
        socket.destroy();
      }
      this.#wake();
    }, { longest: LONGEST_MESSAGE, onDropped: () => socket.destroy() }).then(() => {
      this.#isOver = true;
      this.#wake();
    });
  }

  send(message: unknown): void {
    if (!this.#socket.destroyed) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** The next message; undefined when there will be none. */
  async receive(): Promise<unknown | undefined> {
    while (this.#waiting.length === 0 && !this.#isOver) {
      await new Promise<void>((wake) => this.#wake = wake);
    }
    return this.#waiting.shift();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
