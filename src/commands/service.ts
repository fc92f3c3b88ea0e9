/** `kugetsu service`: a supervisor that is there from the login on, kept running by the user's systemd. */
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { InstalledService, Service } from "../installation/mod.ts";
import type { Context } from "./context.ts";
import { type Host, newCommand, newGroup } from "./define.ts";

export async function serviceInstall(context: Context): Promise<ExitStatus> {
  const { output } = context;
  const service = await context.service();
  const found = service.found();
  if (found === "foreign") throw errors.serviceForeign(service.path, "write");
  const installed = await service.install();
  const { changed, unreached, lingers } = installed;
  output.note(changed ? `Wrote ${service.path}` : `${service.path} is up to date.`);
  for (const text of shortcomings(service, installed)) output.warn(text);
  if (found === "ours" && changed && unreached === undefined) {
    output.note("A supervisor that runs is as it was until: kugetsu supervisor restart");
  }
  const enabled = unreached === undefined;
  output.result({ unit: service.path, changed, enabled, lingers: lingers ?? null }, "");
  return EXIT.ok;
}

function shortcomings({ user }: Service, { unreached, lingers }: InstalledService): string[] {
  const unknown = unreached === undefined ? [] : [
    `Your systemd does not answer (${unreached}), so nothing is started yet; from a login of your own, run: ` +
    "systemctl --user daemon-reload && systemctl --user enable --now kugetsu.service",
  ];
  const ends = lingers !== false ? [] : [
    "Lingering is off: what you have running may end with your last login. To keep it, and to start it with the " +
    `machine, run: sudo loginctl enable-linger ${user}`,
  ];
  return [...unknown, ...ends];
}

/** Turns go on: those that the next command would take up are taken up at once. */
export async function serviceUninstall(context: Context): Promise<ExitStatus> {
  const { output } = context;
  const service = await context.service();
  const found = service.found();
  if (found === "foreign") throw errors.serviceForeign(service.path, "remove");
  if (found === "none") {
    output.note(`There is no ${service.path}`);
    output.result({ unit: service.path, removed: false }, "");
    return EXIT.ok;
  }
  const supervisor = await context.supervisor();
  // Refuses where a turn would be lost with it.
  await supervisor.shutdown({ turns: "leave" });
  const unreached = await service.uninstall();
  if (unreached !== undefined) output.warn(`Your systemd could not be told: ${unreached}`);
  await supervisor.wake();
  output.note(`Removed ${service.path}`);
  output.result({ unit: service.path, removed: true }, "");
  return EXIT.ok;
}

export function serviceCommand(host: Host) {
  const group = newGroup("service", "keep the supervisor running with systemd", [
    "kugetsu service install",
    "kugetsu service uninstall",
  ]);
  group.addCommand(
    newCommand("install", "write and start a unit of your systemd that keeps it running", [
      "kugetsu service install",
    ])
      .action((options) => host.run("service install", options, serviceInstall)),
  );
  group.addCommand(
    newCommand("uninstall", "remove that unit; turns go on", ["kugetsu service uninstall"])
      .action((options) => host.run("service uninstall", options, serviceUninstall)),
  );
  return group;
}
