/**
 * The output port on the process's own streams. What is said may quote anybody (a file, a repository, an
 * agent), so on standard error it is made visible; results and answers go out as they are.
 */
import type { Output, Progress, Screen } from "../commands/output.ts";
import { errors, type KugetsuError } from "../errors.ts";
import { isClosed, isTerminal, STDERR, STDIN, STDOUT, writeAll } from "./streams.ts";
import { fitLines, makeVisible, renderTable } from "./table.ts";

export interface TerminalOptions {
  json: boolean;
  quiet: boolean;
  debug: boolean;
}

type Environment = Record<string, string | undefined>;

export function terminalOutput(options: TerminalOptions, env: Environment): Output {
  const began = performance.now();
  const say = (text: string) => writeAll(STDERR, `${text}\n`);
  const paint = painter(env);
  return {
    json: options.json,
    debugs: options.debug,
    get interactive() {
      return isTerminal(STDIN) && isTerminal(STDOUT);
    },
    get colour() {
      return isColoured(STDOUT, env);
    },
    get isClosed() {
      return isClosed(STDOUT);
    },
    write: (text) => writeAll(STDOUT, text),
    screen: () => isTerminal(STDOUT) ? liveScreen() : undefined,
    visible: makeVisible,
    result(value, text) {
      if (options.json) writeAll(STDOUT, `${JSON.stringify(value, null, 2)}\n`);
      else if (text) writeAll(STDOUT, text);
    },
    note(text) {
      if (!options.quiet && !options.json) say(makeVisible(text));
    },
    warn: (text) => say(`${paint("yellow", "warning:")} ${makeVisible(text)}`),
    debug(text) {
      if (!options.debug) return;
      const seconds = ((performance.now() - began) / 1000).toFixed(3);
      say(paint("gray", `debug ${seconds}s ${makeVisible(text)}`));
    },
    async confirm(question) {
      const { createInterface } = await import("node:readline/promises");
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      let isInterrupted = false;
      lines.once("SIGINT", () => {
        isInterrupted = true;
        lines.close();
      });
      // At the end of the input it closes too, and the question is never answered.
      const closed = new Promise<undefined>((resolve) =>
        lines.once("close", () => resolve(undefined))
      );
      const answered = lines.question(`${makeVisible(question)} [y/N] `).catch(() => undefined);
      const answer = await Promise.race([answered, closed]);
      lines.close();
      if (answer === undefined) say("");
      if (isInterrupted) throw errors.stopped("go on without an answer", "SIGINT");
      return /^\s*y(es)?\s*$/i.test(answer ?? "");
    },
    progress() {
      const wanted = !options.quiet && !options.json && !options.debug;
      return wanted && isTerminal(STDERR) && env["TERM"] !== "dumb" ? liveProgress() : SILENT;
    },
    table(header, rows) {
      const columns = isTerminal(STDOUT) ? process.stdout.columns || 80 : undefined;
      return renderTable(header, rows, columns);
    },
  };
}

/** Writes an error for people, or as JSON. */
export function printError(error: KugetsuError, json: boolean, env: Environment): void {
  const { code, exit, message, next, hint, details } = error;
  if (json) {
    const value = { error: { code, exit, message, next, hint, details } };
    return writeAll(STDERR, `${JSON.stringify(value)}\n`);
  }
  const advice = [next && `try: ${next}`, hint && (next ? `(${hint})` : hint)]
    .filter((it) => it !== undefined).map((it) => `  ${makeVisible(it)}\n`).join("");
  const listed = listOf(details ?? []).map((it) => `    ${makeVisible(it)}\n`).join("");
  writeAll(STDERR, `${painter(env)("red", "error:")} ${makeVisible(message)}\n${listed}${advice}`);
}

const MOST_DETAILS = 20;

function listOf(details: readonly string[]): string[] {
  const more = details.length - MOST_DETAILS;
  return more > 0 ? [...details.slice(0, MOST_DETAILS), `… and ${more} more`] : [...details];
}

type Colour = "red" | "yellow" | "gray";

/** Colours what goes to standard error, where that is wanted. */
function painter(env: Environment): (colour: Colour, text: string) => string {
  const wanted = () => isColoured(STDERR, env);
  return (colour, text) => {
    if (!wanted()) return text;
    const { styleText } = process.getBuiltinModule("node:util");
    return styleText(colour, text, { validateStream: false });
  };
}

function isColoured(stream: number, env: Environment): boolean {
  const forced = env["FORCE_COLOR"];
  if (env["NO_COLOR"]) return false;
  if (forced !== undefined) return !["0", "false"].includes(forced);
  return isTerminal(stream) && env["TERM"] !== "dumb";
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
      what = makeVisible(next.replaceAll(/\s+/g, " ").trim());
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

/** Goes back over what it drew before, however much that was. */
function liveScreen(): Screen {
  let drawn = 0;
  return {
    async show(lines) {
      // A terminal that does not know its size says 0.
      const { columns, rows } = process.stdout;
      const fitted = await fitLines(lines, columns || 80, (rows || 24) - 1);
      const back = drawn > 0 ? `\x1b[${drawn}A` : "";
      writeAll(STDOUT, `${back}\r\x1b[J${fitted.map((line) => `${line}\n`).join("")}`);
      drawn = fitted.length;
    },
  };
}
