/**
 * The runner that drives opencode's server: many turns on one warm process, each in its own folder.
 *
 * A turn forks the base, moves the fork to its folder, reads it back and compares, and only then sends the message,
 * under an id of its own (server_turn.ts).
 */
import { endProcesses } from "../platform/processes.ts";
import type { Answer, Leftovers, Runner, TurnRequest, TurnResult, TurnWatch } from "./mod.ts";
import type { Connection } from "./opencode_server.ts";
import { ServerTurn } from "./server_turn.ts";
import { folderMarks } from "./shell_wrapper.ts";

const GRACE_MS = 3000;

/** The servers, by what they have to be started with. */
export interface Servers {
  /** The one that applies the permissions of this turn, for as long as it takes. @throws opencode-failed */
  forTurn(request: TurnRequest): Promise<Lease>;
}

/** A server that a turn uses. */
export interface Lease {
  connection: Connection;
  /** It may have read other settings in the turn's folder than there are now. */
  isOutdated: boolean;
  release(): void;
}

export class ServerRunner implements Runner {
  readonly movesForks = true;
  readonly #servers: Servers;
  readonly #turns = new Map<string, ServerTurn>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async turn(request: TurnRequest, watch: TurnWatch, signal: AbortSignal): Promise<TurnResult> {
    const alone = () =>
      [...this.#turns.values()].filter((it) => it.directory === request.directory).length <= 1;
    const turn = new ServerTurn(this.#servers, request, watch, alone);
    this.#turns.set(request.id, turn);
    try {
      return await turn.run(signal);
    } finally {
      this.#turns.delete(request.id);
    }
  }

  async endLeftovers({ directory }: Leftovers): Promise<number> {
    if (directory === undefined) return 0;
    return (await endProcesses({ marks: folderMarks(directory) }, GRACE_MS)).length;
  }

  answer(turnId: string, askId: string, answer: Answer): Promise<boolean> {
    return this.#turns.get(turnId)?.answer(askId, answer) ?? Promise.resolve(false);
  }
}
