/**
 * A server of opencode's for a question or two, which is ended right after. It takes a second or two to come up.
 */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { readLines } from "../platform/lines.ts";
import { endTurnProcesses, identify, turnMark } from "../platform/processes.ts";
import type { ServerDoor } from "./mod.ts";
import {
  addressIn,
  type Call,
  causeIn,
  credentials,
  LISTENS,
  LOCKED,
  MOST_TRIES,
  NEUTRAL,
} from "./opencode_call.ts";

/** The first start on a new machine migrates the database, which takes its time on a slow disk. */
const START_MS = 90_000;

/**
 * Starts it, and ends it when `use` is over. Where several opencodes met on a new database it is started again.
 *
 * @throws what `use` throws, `signal.reason`, Error with opencode's last words
 */
export async function withServer<T>(
  call: Call,
  signal: AbortSignal,
  use: (door: ServerDoor) => Promise<T>,
): Promise<T> {
  for (let tries = 1;; tries++) {
    const server = start(call);
    try {
      const url = await server.address(signal);
      return await use({ url, password: server.password });
    } catch (error) {
      const isLocked = error instanceof NotUp && LOCKED.test(error.printed);
      if (!isLocked || tries === MOST_TRIES) throw error;
    } finally {
      await server.end();
    }
    await pause(tries * 500 * (0.5 + Math.random()));
  }
}

/** It ended, or did not say where it listens. */
class NotUp extends Error {
  readonly printed: string;

  constructor(why: string, printed = "") {
    super(why);
    this.printed = printed;
  }
}

function start({ file, args, env }: Call) {
  const [mark, password] = [randomUUID(), randomBytes(24).toString("base64url")];
  const child = spawn(file, [...args, ...LISTENS], {
    cwd: NEUTRAL,
    env: {
      ...env,
      PWD: NEUTRAL,
      ...credentials(password),
      [turnMark(mark)]: "1",
    } as NodeJS.ProcessEnv,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  return {
    password,
    end: () => endTurnProcesses(mark, identity, 2000),
    /** Where it listens, once it says so. */
    address: (signal: AbortSignal) =>
      new Promise<string>((resolve, reject) => {
        const late = () => reject(new NotUp(`its server did not come up in ${START_MS / 1000} s`));
        const timer = setTimeout(late, START_MS);
        const printed: string[] = [];
        const settle = (then: () => void) => {
          clearTimeout(timer);
          then();
        };
        readLines(child.stdout, (line) => {
          const url = addressIn(line);
          if (url) settle(() => resolve(url));
        });
        readLines(child.stderr, (line) => printed.push(line));
        signal.addEventListener("abort", () => settle(() => reject(signal.reason)), { once: true });
        child.once("error", (error) => settle(() => reject(new NotUp(error.message))));
        child.once("exit", (code) => {
          const said = printed.join("\n");
          const why = causeIn(said) || `its server exited with ${code}`;
          settle(() => reject(new NotUp(why, said)));
        });
      }),
  };
}
