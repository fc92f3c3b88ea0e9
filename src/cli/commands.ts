/** Every command, in the order of the help. Each is loaded when it is used, so that none slows another down. */
import type { Command } from "@commander-js/extra-typings";
import type { Host } from "../commands/define.ts";

/** A definition with any arguments and options. */
export type AnyCommand = Command<unknown[], Record<string, unknown>, Record<string, unknown>>;

export const COMMANDS: Record<string, (host: Host) => Promise<AnyCommand>> = {
  init: async (host) => any((await import("../commands/init.ts")).initCommand(host)),
  start: async (host) => any((await import("../commands/start.ts")).startCommand(host)),
  continue: async (host) => any((await import("../commands/continue.ts")).continueCommand(host)),
  list: async (host) => any((await import("../commands/list.ts")).listCommand(host)),
  prune: async (host) => any((await import("../commands/prune.ts")).pruneCommand(host)),
  destroy: async (host) => any((await import("../commands/destroy.ts")).destroyCommand(host)),
  doctor: async (host) => any((await import("../commands/doctor.ts")).doctorCommand(host)),
  config: async (host) => any((await import("../commands/config.ts")).configCommand(host)),
};

/** The types of a definition's own arguments matter only where it is made. */
function any(command: unknown): AnyCommand {
  return command as AnyCommand;
}
