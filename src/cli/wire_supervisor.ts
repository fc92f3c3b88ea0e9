/** The supervisor's process, put together. */
import { statSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Output } from "../commands/output.ts";
import { turnJob } from "../commands/turn_job.ts";
import { clearWaste } from "../commands/worktree_checks.ts";
import { partsOf, reasonOf } from "../errors.ts";
import { environmentDigest } from "../platform/environment.ts";
import { limitSize } from "../platform/logs.ts";
import { ServerRunner } from "../runner/server_runner.ts";
import { timestamp } from "../session/record.ts";
import { layoutOf, prepareFolder } from "../store/layout.ts";
import { type HeldLock, tryLock } from "../store/lock.ts";
import { Keeper } from "../supervisor/keeper.ts";
import { Mailbox } from "../supervisor/mailbox.ts";
import type { Job, JobHost } from "../supervisor/mod.ts";
import { defaultParallel } from "../supervisor/queue.ts";
import { serve } from "../supervisor/serve.ts";
import { connect } from "../supervisor/socket.ts";
import { transcriptIn } from "../supervisor/transcript.ts";
import { Transcripts } from "../supervisor/transcripts.ts";
import { VERSION } from "./program.ts";
import { STDERR, writeAll } from "./streams.ts";
import { stateFolder, STAYS, wire, type Wired } from "./wire.ts";
import { build, socketIn } from "./wire_client.ts";
import { makeOpencode, makeServers } from "./wire_opencode.ts";

type Environment = Record<string, string | undefined>;

const lockIn = (folder: string) => join(folder, "locks", "supervisor.lock");

/** How the process ends: `again` for whoever started it to start the next one, as systemd does. */
const ENDED = { over: 0, again: 75 } as const;

/** Returns the exit status. What it fails with is in its log. */
export async function supervise(env: Environment, args: string[]): Promise<number> {
  const { output, debug } = logOutput();
  try {
    return ENDED[await keepTurns({ env, output, debug }, args.includes(STAYS))];
  } catch (error) {
    const { message, exit } = partsOf(error);
    debug(message);
    return exit;
  }
}

/**
 * Returns when the supervisor is to end: idle, told to, or by a signal. Also when another one runs already; one that
 * stays takes over from it.
 */
async function keepTurns(
  { env, output, debug }: { env: Environment; output: Output; debug(text: string): void },
  stays: boolean,
): Promise<keyof typeof ENDED> {
  const folder = stateFolder(env, "/");
  const own = build();
  prepareFolder(layoutOf(folder));
  const ended = endSignal();
  const lock = await takeLock(folder, stays, ended);
  if (!lock) return "over";
  const { ino } = statSync(lockIn(folder));
  const context = wire({ env, cwd: "/", output, command: "supervisor" });
  const { config } = context;
  const servers = makeServers({
    opencode: await makeOpencode({ env, folder, config, debug }),
    ...{ env, folder, debug },
  });
  const runner = new ServerRunner(servers);
  const { idleSeconds, transcriptBytes } = (await config()).supervisor();
  const job: Job = async (submission, host, recovered) => {
    const wired = wire({
      ...{ env, cwd: "/", command: submission.kind },
      output: jobOutput(host, (text) => {
        debug(`${submission.ref}: ${text}`);
        if (submission.debug) host.say("debug", text);
      }),
    });
    const own: Wired = {
      ...wired,
      runner: async (kind) => kind === "server" ? runner : await wired.runner(kind),
      untilStopped: (work) => work(host.signal),
    };
    let isAdmitted = false;
    const admit: JobHost["admit"] = (issue) => {
      isAdmitted = true;
      return host.admit(issue);
    };
    // Before that there may be a plugin to wait for, which nobody will.
    host.signal.addEventListener("abort", () => isAdmitted || void wired.close());
    try {
      await turnJob(own, submission, { ...host, admit }, recovered);
    } finally {
      await wired.close();
    }
  };
  const now = () => timestamp(new Date());
  const keeper = new Keeper({
    job,
    mailbox: new Mailbox(folder),
    transcripts: new Transcripts(
      (name) => transcriptIn(folder, name),
      { maxBytes: transcriptBytes, now },
    ),
    caps: { host: defaultParallel(availableParallelism(), totalmem()), repository: Infinity },
    answer: (turn, ask, answer) => runner.answer(turn, ask, answer),
    nameOf: async (key) => (await context.store()).nameOf(key),
    now,
    debug,
  });
  const started_at = now();
  debug(`kugetsu ${VERSION} keeps the turns of ${folder}, pid ${process.pid}`);
  void clearWaste(context).catch((error) => debug(`waste stays: ${reasonOf(error)}`));
  const logs = setInterval(() => limitLogs(folder), LOGS_EVERY_MS);
  const ending = await serve({
    socket: socketIn(folder),
    ...{ keeper, idleSeconds, build: own, environment: await environmentDigest(env), debug },
    rest: stays ? () => servers.stop() : undefined,
    server: async (where, lent) => {
      const lease = lent === undefined ? servers.forTurn(where) : servers.keep(lent);
      const { connection: { url, password }, release } = await lease;
      return { url, password, release };
    },
    status: () => ({
      ...{ pid: process.pid, version: VERSION, started_at },
      ...{ server: servers.pid(), max_parallel: keeper.maxParallel },
    }),
  }, ended);
  clearInterval(logs);
  if (statSync(lockIn(folder), { throwIfNoEntry: false })?.ino !== ino) {
    debug("the state folder was taken away");
    await servers.stopOwn();
  } else if (keeper.hasNothing) await servers.stop();
  debug("ended");
  lock.release();
  return ending;
}

const LOOK_MS = 50;
/** An opencode that does not want to end takes this long. */
const ENDING_MS = 30_000;

/** Undefined when another one serves already. One that is about to end, or to begin, is waited for. */
async function takeLock(
  folder: string,
  stays: boolean,
  ended: AbortSignal,
): Promise<HeldLock | undefined> {
  const deadline = Date.now() + ENDING_MS;
  while (!ended.aborted) {
    const lock = await tryLock(lockIn(folder), `pid ${process.pid} (kugetsu supervisor)`);
    if (lock) return lock;
    if (!stays) {
      const other = await connect(socketIn(folder));
      other?.destroy();
      if (other || Date.now() > deadline) return undefined;
    }
    await pause(stays ? STANDBY_MS : LOOK_MS);
  }
  return undefined;
}

const STANDBY_MS = 1000;
const LOGS_EVERY_MS = 30_000;
/** For each log, and once more for its older part. */
const LOG_BYTES = 4 * 1024 * 1024;

function limitLogs(folder: string): void {
  limitSize(join(folder, "logs"), LOG_BYTES);
}

/** Aborted by what ends the supervisor from outside. A lost terminal does not. */
function endSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => controller.abort(name));
  process.on("SIGHUP", () => {});
  return controller.signal;
}

/** Standard error is the supervisor's log. */
function logOutput(): { output: Output; debug(text: string): void } {
  const debug = (text: string) => writeAll(STDERR, `${new Date().toISOString()} ${text}\n`);
  return { output: quietOutput({ note: debug, warn: debug, debug }), debug };
}

/** What a job says reaches those who follow its turn. */
function jobOutput(host: JobHost, debug: (text: string) => void): Output {
  return quietOutput({
    note: (text) => host.say("note", text),
    warn: (text) => host.say("warning", text),
    debug,
  });
}

/** For those who have nobody at the other end to answer or to watch. */
function quietOutput(said: Pick<Output, "note" | "warn" | "debug">): Output {
  return {
    ...said,
    ...{ json: false, interactive: false, colour: false, isClosed: false, debugs: true },
    screen: () => undefined,
    visible: (text) => text,
    write() {},
    result() {},
    confirm: () => Promise.resolve(false),
    progress: () => ({ show() {}, around: (write) => write(), stop() {} }),
    table: () => Promise.resolve(""),
  };
}
