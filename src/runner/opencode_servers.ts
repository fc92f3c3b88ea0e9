/**
 * The servers of opencode that are needed. A server has one environment for all its turns, and reads the user's
 * settings once: so there is one for all turns, one more for each set of permissions that a repository's own settings
 * make necessary (see project_guard.ts), one for repositories that bring providers of models (see catalogue.ts), and a
 * new one when the user has changed something. One that nobody will need again is ended with its last turn.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { errors } from "../errors.ts";
import { isAlive } from "../platform/processes.ts";
import { projectStamp, userStamp } from "./config_stamp.ts";
import type { Environment } from "./opencode_call.ts";
import type { OpencodeCommand, ServerNeeds } from "./opencode_command.ts";
import { OpencodeServer, type ServerFiles } from "./opencode_server.ts";
import { answeringServers, readAddress, type ServerAddress } from "./server_address.ts";
import { serversIn } from "./server_files.ts";
import type { Lease, Servers, ServerUse } from "./server_runner.ts";
import { wrapShell } from "./shell_wrapper.ts";

export interface ServersOptions {
  opencode: OpencodeCommand;
  /** kugetsu's own environment. */
  env: Environment;
  /** For what is known of running servers. */
  runFolder: string;
  /** For what they print. */
  logFolder: string;
  debug(text: string): void;
}

/** A server, with what it has read of settings, and how many turns it has. */
interface Kept {
  server: OpencodeServer;
  /** Unknown of one that an earlier process of ours has left, which stays until this process rests. */
  stamp: string | undefined;
  turns: number;
  /** The stamp of a folder's settings when a turn last began there. */
  folders: Map<string, string>;
}

export class OpencodeServers implements Servers {
  readonly #options: ServersOptions;
  readonly #servers = new Map<string, Kept>();
  #stamp = "";

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  async forTurn(request: ServerUse): Promise<Lease> {
    const { opencode, env, runFolder } = this.#options;
    const needs = await opencode.needsOf(request);
    this.#stamp = userStamp(opencode, env);
    const busy = await this.#busyWith(request);
    const kept = busy?.kept ?? this.#kept(nameOf(needs, this.#stamp));
    if (!busy) kept.stamp = this.#stamp;
    const release = this.#use(kept);
    this.#endStale();
    const { directory, isAgain } = request;
    const stamp = projectStamp(directory, env);
    try {
      // Started with what this turn needs, whoever has looked for it before.
      const call = () => opencode.serve(needs, wrapShell(runFolder, env["SHELL"]));
      const { connection, isFound } = busy ?? await kept.server.open(call);
      // One that runs for days gets new models by its own hourly look at the file.
      void opencode.models(needs);
      // What one that was found has read is not known.
      const before = kept.folders.get(directory);
      const isOutdated = before === undefined ? isFound : before !== stamp;
      // A turn that may be under way there goes on with what was read; the next one has it read again.
      if (isAgain && isOutdated) return { connection, isOutdated: false, release };
      kept.folders.set(directory, stamp);
      return { connection, isOutdated, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Keeps the one of this address that an earlier process of ours has left, as long as somebody uses it. @throws opencode-failed */
  async keep(url: string): Promise<Omit<Lease, "isOutdated">> {
    const name = this.#names().find((it) => this.#addressOf(it)?.url === url);
    if (name !== undefined) {
      const kept = this.#kept(name);
      const release = this.#use(kept);
      const connection = await kept.server.find();
      if (connection) return { connection, release };
      release();
    }
    throw errors.opencodeFailed("keep opencode's server", "it is gone");
  }

  answering(): Promise<ServerAddress[]> {
    return answeringServers(this.#options.runFolder);
  }

  /** Ends all that run, also those which an earlier process of ours has left. */
  async stop(): Promise<void> {
    await Promise.all(this.#names().map((name) => this.#kept(name).server.stop()));
  }

  /** Ends those alone that this process has made or found; what lies in the folder may be another's by now. */
  async stopOwn(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(({ server }) => server.stop()));
  }

  /** The pid of one that runs, also of one that an earlier process of ours has left. */
  pid(): number | undefined {
    const addresses = this.#names().map((name) => this.#addressOf(name));
    return addresses.find((it) => it && isAlive(it.process))?.process.pid;
  }

  #addressOf(name: string): ServerAddress | undefined {
    return readAddress(this.#filesOf(name).state);
  }

  #filesOf(name: string): ServerFiles {
    const { runFolder, logFolder } = this.#options;
    return { state: join(runFolder, `${name}.json`), log: join(logFolder, `${name}.log`) };
  }

  #names(): string[] {
    return [...new Set([...this.#servers.keys(), ...serversIn(this.#options.runFolder)])];
  }

  /** The server on which an earlier process of ours has begun this very turn. */
  async #busyWith({ isAgain, session, directory }: ServerUse) {
    if (!isAgain || session === undefined) return undefined;
    for (const name of this.#names()) {
      const kept = this.#kept(name);
      const connection = await kept.server.find();
      const status = await connection?.client(directory).session.status().catch(() => undefined);
      if (connection && status?.data?.[session]) return { kept, connection, isFound: true };
    }
    return undefined;
  }

  /** One that is used is not ended. Returns how to give it back. */
  #use(kept: Kept): () => void {
    kept.turns++;
    return () => {
      kept.turns--;
      this.#endStale();
    };
  }

  #endStale(): void {
    for (const [name, { server, stamp, turns }] of this.#servers) {
      if (turns > 0 || stamp === undefined || stamp === this.#stamp) continue;
      this.#servers.delete(name);
      this.#options.debug(`${name} is ended: it has read settings that were changed since`);
      void server.stop();
    }
  }

  #kept(name: string): Kept {
    const known = this.#servers.get(name);
    if (known) return known;
    const server = new OpencodeServer(this.#filesOf(name), this.#options.debug);
    const kept = { server, stamp: undefined, turns: 0, folders: new Map() };
    this.#servers.set(name, kept);
    return kept;
  }
}

function nameOf(needs: ServerNeeds, stamp: string): string {
  const digest = createHash("sha256").update(JSON.stringify([needs, stamp])).digest("hex");
  return `server-${digest.slice(0, 12)}`;
}
