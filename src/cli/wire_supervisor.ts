/** The supervisor's process, put together, and the client that reaches it. */
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import type { Output } from "../commands/output.ts";
import { turnJob } from "../commands/turn_job.ts";
import { EXIT, type ExitStatus, partsOf } from "../errors.ts";
import { selfCommand } from "../platform/self.ts";
import { isMark } from "../platform/processes.ts";
import { ServerRunner } from "../runner/server_runner.ts";
import { timestamp } from "../session/record.ts";
import { parseRef } from "../session/ref.ts";
import { layoutOf, prepareFolder } from "../store/layout.ts";
import { tryLock } from "../store/lock.ts";
import { SupervisorClient } from "../supervisor/client.ts";
import { Keeper } from "../supervisor/keeper.ts";
import { Mailbox } from "../supervisor/mailbox.ts";
import type { Job, JobHost, Supervisor } from "../supervisor/mod.ts";
import { defaultParallel } from "../supervisor/queue.ts";
import { serve } from "../supervisor/serve.ts";
import { Transcripts } from "../supervisor/transcripts.ts";
import { VERSION } from "./program.ts";
import { STDERR, writeAll } from "./streams.ts";
import { stateFolder, wire, type Wired } from "./wire.ts";
import { makeOpencode, makeServers } from "./wire_opencode.ts";

type Environment = Record<string, string | undefined>;

const socketIn = (folder: string) => join(folder, "run", "supervisor.sock");

export function makeClient(
  { env, folder, debug }: { env: Environment; folder: string; debug(text: string): void },
): Supervisor {
  return new SupervisorClient({
    socket: socketIn(folder),
    log: join(folder, "logs", "supervisor.log"),
    mailbox: new Mailbox(folder),
    version: VERSION,
    command: [...selfCommand(), "__supervisor"],
    env: environmentOf(env, folder),
    prepare: () => prepareFolder(layoutOf(folder)),
    debug,
  });
}

/** It outlives the turn that it may have been started in, so it bears none of that one's marks. */
function environmentOf(env: Environment, folder: string): Environment {
  const own = Object.entries(env).filter(([name]) => !isMark(name));
  return { ...Object.fromEntries(own), KUGETSU_HOME: folder };
}

/** Returns the exit status: when another one runs already as well, 0. What it fails with is in its log. */
export async function supervise(env: Environment): Promise<ExitStatus> {
  const { output, debug } = logOutput();
  try {
    await keepTurns(env, output, debug);
    return EXIT.ok;
  } catch (error) {
    const { message, exit } = partsOf(error);
    debug(message);
    return exit;
  }
}

/** Returns when the supervisor is to end: idle, told to, or by a signal. */
async function keepTurns(
  env: Environment,
  output: Output,
  debug: (text: string) => void,
): Promise<void> {
  const folder = stateFolder(env, "/");
  const layout = layoutOf(folder);
  prepareFolder(layout);
  const lock = await tryLock(
    join(folder, "locks", "supervisor.lock"),
    `pid ${process.pid} (kugetsu supervisor)`,
  );
  if (!lock) return;
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
      output: jobOutput(host, (text) => debug(`${submission.ref}: ${text}`)),
    });
    const own: Wired = {
      ...wired,
      runner: async (kind) => kind === "server" ? runner : await wired.runner(kind),
    };
    try {
      await turnJob(own, submission, host, recovered);
    } finally {
      await wired.close();
    }
  };
  const now = () => timestamp(new Date());
  const keeper = new Keeper({
    job,
    mailbox: new Mailbox(folder),
    transcripts: new Transcripts(
      (name) => join(folder, "logs", "issues", `${name}.jsonl`),
      { maxBytes: transcriptBytes, now },
    ),
    caps: { host: defaultParallel(availableParallelism(), totalmem()), repository: Infinity },
    answer: (turn, ask, answer) => runner.answer(turn, ask, answer),
    nameOf: async (key) => (await context.store()).nameOf(parseRef(key)),
    now,
    debug,
  });
  const started_at = now();
  debug(`kugetsu ${VERSION} keeps the turns of ${folder}, pid ${process.pid}`);
  await serve({
    socket: socketIn(folder),
    ...{ keeper, idleSeconds, debug },
    status: () => ({
      ...{ pid: process.pid, version: VERSION, started_at },
      max_parallel: keeper.maxParallel,
    }),
  }, endSignal());
  if (keeper.turns().length === 0) await servers.stop();
  debug("ended");
  lock.release();
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
    ...{ json: false, interactive: false, colour: false, reaches: false },
    write() {},
    result() {},
    confirm: () => Promise.resolve(false),
    progress: () => ({ show() {}, around: (write) => write(), stop() {} }),
    table: () => Promise.resolve(""),
  };
}
