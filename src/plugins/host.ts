/**
 * The process of a plugin that is a file in TypeScript or JavaScript: kugetsu itself, executed once more. It loads
 * the file, says what the file declares, and answers until its standard input ends.
 *
 * The plugin shares this process and may do anything to it, so what the protocol needs is taken before the file is
 * loaded; everything that it prints goes to standard error.
 */
import { read, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { KeyValues, Plugin } from "../api/mod.ts";
import { answer, helloOf } from "./serve.ts";

const { parse, stringify } = JSON;
const { exit } = process;

/** Where a plugin's own store lies in its working folder. */
export const STORE_FOLDER = "store";

export async function hostPlugin(file: string): Promise<void> {
  const env = { ...process.env };
  keepFromStandardOutput();
  endOnWhatNobodyCatches();
  const lines = inputLines();
  await lines.next(); // kugetsu says hello first
  const { default: plugin } = await import(pathToFileURL(file).href) as { default?: Plugin };
  if (typeof plugin !== "object" || plugin === null) {
    throw new Error("it has no default export that is a plugin");
  }
  say(helloOf(plugin));
  const means = {
    env,
    log: {
      info: (text: string) => say({ type: "log", level: "info", text: `${text}` }),
      warn: (text: string) => say({ type: "log", level: "warn", text: `${text}` }),
    },
    store: lazyStore(join(process.cwd(), STORE_FOLDER)),
  };
  for await (const line of lines) {
    const { id, ...question } = parse(line);
    try {
      say({ type: "result", id, value: await answer(plugin, question, means) });
    } catch (error) {
      const { message, kind } = error as { message?: string; kind?: string };
      say({ type: "result", id, error: { message: message ?? String(error), kind } });
    }
  }
  exit(0); // the plugin may have left timers or servers behind, for which nobody should wait
}

/** Most calls keep nothing, and what writes files takes its time to load. */
function lazyStore(folder: string): KeyValues {
  const store = async () => (await import("./key_values.ts")).keyValuesIn(folder);
  return {
    get: async (key) => (await store()).get(key),
    set: async (key, value) => (await store()).set(key, value),
    delete: async (key) => (await store()).delete(key),
  };
}

/** A plugin that prints would otherwise break the protocol. */
function keepFromStandardOutput(): void {
  const { error } = console;
  Object.assign(console, { log: error, info: error, debug: error, dir: error, table: error });
}

/** What a plugin throws beside a call would otherwise be noticed only when its time is over. */
function endOnWhatNobodyCatches(): void {
  const { error } = console;
  const end = (thrown: unknown) => {
    error(thrown);
    exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

function say(message: unknown): void {
  const bytes = Buffer.from(`${stringify(message)}\n`);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Read without the runtime's streams, which take longer to load than all the rest. */
async function* inputLines(): AsyncGenerator<string> {
  let held = Buffer.alloc(0);
  while (true) {
    const end = held.indexOf(10);
    if (end >= 0) {
      yield held.subarray(0, end).toString("utf8");
      held = held.subarray(end + 1);
      continue;
    }
    const more = await readSome();
    if (more.length === 0) return;
    held = Buffer.concat([held, more]);
  }
}

function readSome(): Promise<Uint8Array> {
  const chunk = Buffer.alloc(65_536);
  return new Promise((resolve, reject) => {
    const tryOn = () =>
      read(0, chunk, 0, chunk.length, null, (error, count) => {
        if (!error) resolve(chunk.subarray(0, count));
        else if (error.code === "EAGAIN") setTimeout(tryOn, 2);
        else if (error.code === "EOF") resolve(chunk.subarray(0, 0));
        else reject(error);
      });
    tryOn();
  });
}
