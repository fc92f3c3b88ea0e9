/** Every command. Each is loaded when it is used, so that none slows another down. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Host } from "../commands/define.ts";

type Commands = Record<string, (host: Host) => Promise<CommandUnknownOpts>>;

/** In the order of the help. */
export const COMMANDS: Commands = {
  init: async (host) => any((await import("../commands/init.ts")).initCommand(host)),
  start: async (host) => any((await import("../commands/start.ts")).startCommand(host)),
  continue: async (host) => any((await import("../commands/continue.ts")).continueCommand(host)),
  status: async (host) => any((await import("../commands/status.ts")).statusCommand(host)),
  logs: async (host) => any((await import("../commands/logs.ts")).logsCommand(host)),
  wait: async (host) => any((await import("../commands/wait.ts")).waitCommand(host)),
  stop: async (host) => any((await import("../commands/stop.ts")).stopCommand(host)),
  answer: async (host) => any((await import("../commands/answer.ts")).answerCommand(host)),
  retry: async (host) => any((await import("../commands/retry.ts")).retryCommand(host)),
  attach: async (host) => any((await import("../commands/attach.ts")).attachCommand(host)),
  list: async (host) => any((await import("../commands/list.ts")).listCommand(host)),
  events: async (host) => any((await import("../commands/events.ts")).eventsCommand(host)),
  path: async (host) => any((await import("../commands/path.ts")).pathCommand(host)),
  diff: async (host) => any((await import("../commands/diff.ts")).diffCommand(host)),
  prune: async (host) => any((await import("../commands/prune.ts")).pruneCommand(host)),
  destroy: async (host) => any((await import("../commands/destroy.ts")).destroyCommand(host)),
  gc: async (host) => any((await import("../commands/gc.ts")).gcCommand(host)),
  doctor: async (host) => any((await import("../commands/doctor.ts")).doctorCommand(host)),
  issue: async (host) => any((await import("../commands/issue.ts")).issueCommand(host)),
  open: async (host) => any((await import("../commands/issue.ts")).openCommand(host)),
  plugin: async (host) => any((await import("../commands/plugin.ts")).pluginCommand(host)),
  supervisor: async (host) =>
    any((await import("../commands/supervisor.ts")).supervisorCommand(host)),
  service: async (host) => any((await import("../commands/service.ts")).serviceCommand(host)),
  config: async (host) => any((await import("../commands/config.ts")).configCommand(host)),
  skill: async (host) => any((await import("../commands/skill.ts")).skillCommand(host)),
  upgrade: async (host) => any((await import("../commands/upgrade.ts")).upgradeCommand(host)),
  uninstall: async (host) => any((await import("../commands/uninstall.ts")).uninstallCommand(host)),
  completions: async (host) => {
    const { completionsCommand } = await import("../commands/completions.ts");
    const { makeProgram } = await import("./program.ts");
    return any(completionsCommand(host, () => makeProgram(Object.keys(COMMANDS), host)));
  },
};

/** What kugetsu's own scripts call: in no help and no suggestion. */
export const HIDDEN_COMMANDS: Commands = {
  __refs: async (host) => any((await import("../commands/refs.ts")).refsCommand(host)),
};

/** The types of a definition's own arguments matter only where it is made. */
function any(command: unknown): CommandUnknownOpts {
  return command as CommandUnknownOpts;
}
