/** `kugetsu config`: the settings, and where each comes from. */
import { type Host, newCommand, newGroup } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import { settingNamed } from "../config/mod.ts";
import type { Context } from "./context.ts";

export async function configGet(context: Context, name: string): Promise<ExitStatus> {
  const found = (await context.config()).get(name);
  context.output.result(
    { name, value: found.value ?? null, origin: found.origin },
    found.value === undefined ? "" : `${found.value}\n`,
  );
  return EXIT.ok;
}

/** Without a value the setting is taken out of the file. */
export async function configSet(
  context: Context,
  name: string,
  value: string | undefined,
): Promise<ExitStatus> {
  const config = await context.config();
  const changed = config.set(name, value);
  const variable = settingNamed(name)?.variable;
  const hidden = config.list().some((it) =>
    it.setting.name === name && it.origin === "environment"
  );
  context.output.result({ name, value: value ?? null, path: config.path }, "");
  const done = value === undefined ? `Took ${name} out of the file.` : `Set ${name}.`;
  context.output.note(changed ? done : `${name} is not in the file.`);
  if (hidden) context.output.warn(`${variable} is set, and wins over the file`);
  return EXIT.ok;
}

export async function configList(context: Context): Promise<ExitStatus> {
  const { output } = context;
  const values = (await context.config()).list();
  const rows = values.map(({ setting, value, origin }) => [
    setting.name,
    value ?? "-",
    origin,
    setting.variable,
    setting.summary,
  ]);
  output.result(
    Object.fromEntries(
      values.map((it) => [it.setting.name, { value: it.value ?? null, origin: it.origin }]),
    ),
    await output.table(["SETTING", "VALUE", "FROM", "VARIABLE", "MEANING"], rows),
  );
  return EXIT.ok;
}

export async function configPath(context: Context): Promise<ExitStatus> {
  const { path } = await context.config();
  context.output.result({ path }, `${path}\n`);
  return EXIT.ok;
}

export function configCommand(host: Host) {
  const config = newGroup("config", "show or change the settings", [
    "kugetsu config list",
    "kugetsu config set limits.total 2h",
    "kugetsu config set model            # takes the setting out of the file",
  ]);
  config.addCommand(
    newCommand("get", "print one setting", ["kugetsu config get permissions"])
      .argument("<setting>", "its name, as config list shows it")
      .action((name, options) => host.run("config", options, (it) => configGet(it, name))),
  );
  config.addCommand(
    newCommand("set", "change a setting in the file", ["kugetsu config set permissions allow"])
      .argument("<setting>", "its name, as config list shows it")
      .argument("[value]", "its value; without one the setting is taken out of the file")
      .action((name, value, options) =>
        host.run("config", options, (it) => configSet(it, name, value))
      ),
  );
  config.addCommand(
    newCommand("list", "list all settings and where each comes from", ["kugetsu config list"])
      .action((options) => host.run("config", options, configList)),
  );
  config.addCommand(
    newCommand("path", "print the path of the file", ["kugetsu config path"])
      .action((options) => host.run("config", options, configPath)),
  );
  return config;
}
