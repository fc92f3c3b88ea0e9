/**
 * The servers of opencode that are needed: one for all, and one more for each set of permissions that a repository's
 * own settings make necessary, since a server has one environment for all its turns (see project_guard.ts).
 */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { TurnRequest } from "./mod.ts";
import type { OpencodeCommand } from "./opencode_command.ts";
import { OpencodeServer } from "./opencode_server.ts";
import { type Guard, NO_GUARD } from "./project_guard.ts";
import type { Servers } from "./server_runner.ts";
import { wrapShell } from "./shell_wrapper.ts";

export interface ServersOptions {
  opencode: OpencodeCommand;
  /** For what is known of running servers. */
  runFolder: string;
  /** For what they print. */
  logFolder: string;
  /** The user's shell, which tools get. */
  shell: string | undefined;
  debug(text: string): void;
}

export class OpencodeServers implements Servers {
  readonly #options: ServersOptions;
  readonly #servers = new Map<string, OpencodeServer>();

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  async forTurn(request: TurnRequest): Promise<OpencodeServer> {
    return this.#server(await this.#options.opencode.guard(request));
  }

  /** The one that most turns run on. */
  common(): OpencodeServer {
    return this.#server(NO_GUARD);
  }

  /** Ends all that run, also those which an earlier process of ours has left. */
  async stop(): Promise<void> {
    const left = runningIn(this.#options.runFolder).map((name) => this.#named(name, NO_GUARD));
    await Promise.all(left.map((server) => server.stop()));
  }

  /** Ends those alone that this process has made or found; what lies in the folder may be another's by now. */
  async stopOwn(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
  }

  /** The pid of the one that most turns run on, while it runs. */
  pid(): number | undefined {
    return this.common().pid();
  }

  #server(guard: Guard): OpencodeServer {
    const isCommon = Object.values(guard).every((its) => Object.keys(its).length === 0);
    const digest = createHash("sha256").update(JSON.stringify(guard)).digest("hex").slice(0, 12);
    return this.#named(isCommon ? NAME : `${NAME}-${digest}`, guard);
  }

  #named(name: string, guard: Guard): OpencodeServer {
    const known = this.#servers.get(name);
    if (known) return known;
    const { opencode, runFolder, logFolder, shell, debug } = this.#options;
    const server = new OpencodeServer(
      { state: join(runFolder, `${name}.json`), log: join(logFolder, `${name}.log`) },
      () => opencode.serve(guard, wrapShell(runFolder, shell)),
      debug,
    );
    this.#servers.set(name, server);
    return server;
  }
}

const NAME = "server";

function runningIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((it) => /^server(?:-[0-9a-f]{12})?\.json$/.test(it))
      .map((it) => it.replace(/\.json$/, ""));
  } catch {
    return [];
  }
}
