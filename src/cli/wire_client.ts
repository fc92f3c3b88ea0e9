/** What reaches the supervisor, put together: without what the supervisor itself is made of, so that it is quick. */
import { join } from "node:path";
import { environmentDigest } from "../platform/environment.ts";
import { fingerprintOf } from "../platform/executables.ts";
import { once } from "../platform/once.ts";
import { isMark } from "../platform/processes.ts";
import { selfCommand } from "../platform/self.ts";
import { serversIn } from "../runner/server_files.ts";
import { layoutOf, prepareFolder } from "../store/layout.ts";
import { SupervisorClient } from "../supervisor/client.ts";
import type { Supervisor, Traces } from "../supervisor/mod.ts";
import { VERSION } from "./program.ts";

type Environment = Record<string, string | undefined>;

export const socketIn = (folder: string) => join(folder, "run", "supervisor.sock");

/** The command line of a supervisor. */
export const supervisorCommand = () => [...selfCommand(), "__supervisor"];

/** Changes whenever the executable is replaced. */
export const build = () => fingerprintOf(process.execPath);

interface ClientParts {
  env: Environment;
  folder: string;
  warn(text: string): void;
  debug(text: string): void;
  traces: Traces;
}

export function makeClient({ env, folder, warn, debug, traces }: ClientParts): Supervisor {
  return new SupervisorClient({
    socket: socketIn(folder),
    log: join(folder, "logs", "supervisor.log"),
    traces,
    version: VERSION,
    build: build(),
    environment: once(() => environmentDigest(env)),
    hasLeft: () => serversIn(join(folder, "run")).length > 0,
    warn,
    command: supervisorCommand(),
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
