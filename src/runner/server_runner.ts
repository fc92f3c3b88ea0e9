/**
 * The runner that drives opencode's server: many turns on one warm process, each in its own folder.
 *
 * A turn forks the base, moves the fork to its folder, reads it back and compares, and only then sends the message,
 * under an id of its own (server_turn.ts).
 */
import { endProcesses } from "../platform/processes.ts";
import type { Answer, Leftovers, Runner, TurnRequest, TurnResult, TurnWatch } from "./mod.ts";
import type { Connection } from "./opencode_server.ts";
import { clientOf, type ServerAddress } from "./server_address.ts";
import { abortSession, newMessageId } from "./server_session.ts";
import { ServerTurn } from "./server_turn.ts";
import { folderMarks } from "./shell_wrapper.ts";

const GRACE_MS = 3000;

/** The servers, by what they have to be started with. */
export interface Servers {
  /** The one that applies the permissions of this turn, for as long as it takes. @throws opencode-failed */
  forTurn(request: ServerUse): Promise<Lease>;
  /** All that run and answer, whoever started them. */
  answering(): Promise<ServerAddress[]>;
}

/** What a server is wanted for: a turn, or somebody who works in a folder by hand. */
export type ServerUse =
  & Pick<TurnRequest, "directory" | "agent">
  & Partial<Pick<TurnRequest, "session" | "isAgain">>;

/** A server that is used. */
export interface Lease {
  connection: Connection;
  /** It may have read other settings in the folder than there are now. */
  isOutdated: boolean;
  release(): void;
}

export class ServerRunner implements Runner {
  readonly movesForks = true;
  readonly newMessageId = newMessageId;
  readonly #servers: Servers;
  readonly #turns = new Map<string, ServerTurn>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async turn(request: TurnRequest, watch: TurnWatch, signal: AbortSignal): Promise<TurnResult> {
    const alone = () => this.#turnsIn(request.directory) <= 1;
    const turn = new ServerTurn(this.#servers, request, watch, alone);
    this.#turns.set(request.id, turn);
    try {
      return await turn.run(signal);
    } finally {
      this.#turns.delete(request.id);
    }
  }

  /** The server that ran it may run still, and go on with it: it is told first, then processes are ended. */
  async endLeftovers({ session, directory, alone }: Leftovers): Promise<number> {
    if (directory === undefined) return 0;
    if (session !== undefined) {
      const servers = await this.#servers.answering();
      await Promise.all(servers.map((it) => abortSession(clientOf(it, directory), session)));
    }
    if (!alone || this.#turnsIn(directory) > 0) return 0;
    return (await endProcesses({ marks: folderMarks(directory) }, GRACE_MS)).length;
  }

  #turnsIn(directory: string): number {
    return [...this.#turns.values()].filter((it) => it.directory === directory).length;
  }

  answer(turnId: string, askId: string, answer: Answer): Promise<boolean> {
    return this.#turns.get(turnId)?.answer(askId, answer) ?? Promise.resolve(false);
  }
}
