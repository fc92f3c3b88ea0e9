/** The output port on the process's own streams. */
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";
import type { Output, Progress } from "../commands/output.ts";
import type { KugetsuError } from "../errors.ts";
import { renderTable } from "./table.ts";

export interface TerminalOptions {
  json: boolean;
  quiet: boolean;
  debug: boolean;
}

type Environment = Record<string, string | undefined>;

/** A reader that went away must not end a turn: what it would have read is dropped. */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

export function terminalOutput(options: TerminalOptions, env: Environment): Output {
  const { stdin, stdout, stderr } = process;
  const began = performance.now();
  const say = (text: string) => void stderr.write(`${text}\n`);
  const paint = painter(stderr.isTTY === true, env);
  return {
    json: options.json,
    interactive: stdin.isTTY === true && stdout.isTTY === true,
    write: (text) => void stdout.write(text),
    result(value, text) {
      if (options.json) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
      else if (text) stdout.write(text);
    },
    note(text) {
      if (!options.quiet && !options.json) say(text);
    },
    warn: (text) => say(`${paint("yellow", "warning:")} ${text}`),
    debug(text) {
      if (!options.debug) return;
      const seconds = ((performance.now() - began) / 1000).toFixed(3);
      say(paint("gray", `debug ${seconds}s ${text}`));
    },
    async confirm(question) {
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return /^\s*y(es)?\s*$/i.test(await lines.question(`${question} [y/N] `));
      } catch {
        return false; // Ctrl-C or the end of input
      } finally {
        lines.close();
      }
    },
    progress: () =>
      stderr.isTTY && !options.quiet && !options.json && !options.debug && env["TERM"] !== "dumb"
        ? liveProgress()
        : SILENT,
    table: (header, rows) =>
      renderTable(header, rows, stdout.isTTY ? stdout.columns || 80 : undefined),
  };
}

/** Writes an error for people, or as JSON. */
export function printError(error: KugetsuError, json: boolean, env: Environment): void {
  const { code, exit, message, next } = error;
  if (json) {
    const value = { error: { code, exit, message, ...(next ? { next } : {}) } };
    process.stderr.write(`${JSON.stringify(value)}\n`);
    return;
  }
  const paint = painter(process.stderr.isTTY === true, env);
  process.stderr.write(`${paint("red", "error:")} ${message}\n`);
  if (next) process.stderr.write(`  try: ${next}\n`);
}

type Colour = "red" | "yellow" | "gray";

function painter(isTerminal: boolean, env: Environment): (colour: Colour, text: string) => string {
  const forced = env["FORCE_COLOR"];
  const wanted = forced !== undefined
    ? !["0", "false"].includes(forced)
    : isTerminal && env["TERM"] !== "dumb";
  const on = wanted && !env["NO_COLOR"];
  return (colour, text) => on ? styleText(colour, text, { validateStream: false }) : text;
}

const SILENT: Progress = { show() {}, around: (write) => write(), stop() {} };

/** A line that says what is being done and for how long. */
function liveProgress(): Progress {
  const began = Date.now();
  let what = "";
  let spinner: { text: string; clear(): unknown; stop(): unknown } | undefined;
  let stopped = false;
  const text = () => `${what} (${Math.round((Date.now() - began) / 1000)} s)`.slice(0, room());
  const timer = setInterval(() => {
    if (spinner) spinner.text = text();
  }, 1000);
  timer.unref();
  import("yocto-spinner").then(({ default: yoctoSpinner }) => {
    if (!stopped) spinner = yoctoSpinner({ text: text(), stream: process.stderr }).start();
  });
  return {
    show(next) {
      what = next.replaceAll(/\s+/g, " ").trim();
      if (spinner) spinner.text = text();
    },
    around(write) {
      spinner?.clear();
      write();
    },
    stop() {
      stopped = true;
      clearInterval(timer);
      spinner?.stop();
      spinner = undefined;
    },
  };
}

function room(): number {
  return Math.max(20, (process.stderr.columns || 80) - 4);
}
