/** `config.jsonc` in the state folder, with environment variables and flags on top of it. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { applyEdits, findNodeAtLocation, getNodeValue, modify, type Node } from "jsonc-parser";
import { errors } from "../errors.ts";
import { nearest } from "../platform/nearest.ts";
import { writeDurably } from "../platform/durable_write.ts";
import { once } from "../platform/once.ts";
import { readIfThere } from "../platform/read_if_there.ts";
import { lineAt, parseObject } from "./jsonc.ts";
import type { Config, SettingValue } from "./mod.ts";
import { withoutSetting } from "./without_setting.ts";
import { type Structure, STRUCTURES } from "./plugin_settings.ts";
import { SCHEMA_ADDRESS, type Setting, settingNamed, SETTINGS } from "./setting_list.ts";
import {
  clearingAgeFrom,
  pluginSettingsFrom,
  settingsFrom,
  supervisorSettingsFrom,
} from "./settings.ts";

type Environment = Record<string, string | undefined>;

const NEW_FILE = `// Settings of kugetsu: "kugetsu config list" shows them all.
{
  "$schema": "${SCHEMA_ADDRESS}"
}
`;

/** `warn` is told of keys that mean nothing, with their line. */
export function configFile(path: string, env: Environment, warn: (text: string) => void): Config {
  /** Read when something in it is asked for: its path is told even if it is broken. */
  const file = once(() => {
    const text = readIfThere(path);
    if (text === undefined) return undefined;
    const root = parseObject(path, text);
    nameUnknownKeys(root, text, path, warn);
    return { text, root };
  });
  const nodeAt = (...names: string[]) => {
    const root = file()?.root;
    return root && findNodeAtLocation(root, names);
  };
  const inFile = (setting: Setting): unknown => {
    const node = nodeAt(...setting.name.split("."));
    return node && getNodeValue(node);
  };
  const readAs = (setting: Setting, value: unknown, what: string) => {
    try {
      return setting.read(value);
    } catch (error) {
      throw errors.badSetting(what, asText(value), (error as Error).message);
    }
  };
  const resolved = (flags: Record<string, string | undefined>) => (setting: Setting) => {
    const flag = flags[setting.name];
    if (flag !== undefined) return readAs(setting, flag, flagOf(setting));
    const variable = env[setting.variable];
    if (variable) return readAs(setting, variable, `${setting.name} (${setting.variable})`);
    const value = inFile(setting);
    return value === undefined ? undefined : readAs(setting, value, `${setting.name} (${path})`);
  };
  const structure = (name: Structure["name"]) => {
    const node = nodeAt(name);
    const value = node && getNodeValue(node);
    const problem = value === undefined
      ? undefined
      : STRUCTURES.find((it) => it.name === name)!.problem(value);
    if (problem === undefined) return value;
    throw errors.badConfig(path, `line ${lineAt(file()!.text, node!.offset)}: ${name}: ${problem}`);
  };
  const takeOut = (property: Node | undefined) => {
    if (property) writeDurably(path, withoutSetting(file()!.text, property));
    return property !== undefined;
  };
  return {
    path,
    settings: (flags) => settingsFrom(resolved(flags)),
    supervisor: () => supervisorSettingsFrom(resolved({})),
    clearingAge: () => clearingAgeFrom(resolved({})),
    plugins: () => ({
      ...pluginSettingsFrom(resolved({})),
      order: structure("plugins") ?? [],
      instances: structure("instances") ?? {},
    }),
    get: (name) => {
      const setting = known(name);
      return originOf(setting, env, inFile(setting));
    },
    list: () => SETTINGS.map((setting) => originOf(setting, env, inFile(setting))),
    set(name, value) {
      const setting = known(name);
      if (value === undefined) return takeOut(nodeAt(...name.split("."))?.parent);
      const read = readAs(setting, value, setting.name);
      const [group] = name.split(".");
      const parent = name !== group && nodeAt(group!);
      if (parent && parent.type !== "object") {
        throw errors.badConfig(path, `"${group}" is not an object, so it cannot hold "${name}"`);
      }
      const before = file()?.text ?? NEW_FILE;
      // Text stays as the user wrote it; a list is one in the file too.
      const stored = Array.isArray(read) ? read : value;
      const edits = modify(before, name.split("."), stored, {
        formattingOptions: { insertSpaces: true, tabSize: 2 },
      });
      makeFolder(dirname(path));
      writeDurably(path, applyEdits(before, edits));
      return true;
    },
  };
}

function known(name: string): Setting {
  const setting = settingNamed(name);
  if (!setting) throw errors.unknownSetting(name, nearest(name, SETTINGS.map((it) => it.name)));
  return setting;
}

function originOf(setting: Setting, env: Environment, inFile: unknown): SettingValue {
  const variable = env[setting.variable];
  if (variable) return { setting, value: variable, origin: "environment" };
  if (inFile !== undefined) return { setting, value: asText(inFile), origin: "file" };
  return { setting, value: setting.fallback, origin: "default" };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function nameUnknownKeys(root: Node, text: string, path: string, warn: (text: string) => void) {
  const names = SETTINGS.map((it) => it.name);
  for (const { name, offset } of keysOf(root, "")) {
    const isRead = names.includes(name) && findNodeAtLocation(root, name.split("."));
    if (name === "$schema" || isRead || STRUCTURES.some((it) => it.name === name)) continue;
    const close = nearest(name, names);
    const [group, ...rest] = name.split(".");
    const hint = close === name
      ? `; write it as "${group}": { "${rest.join(".")}": … }`
      : close
      ? `; did you mean "${close}"?`
      : "";
    warn(`${path}, line ${lineAt(text, offset)}: there is no setting "${name}"${hint}`);
  }
}

/** The keys that hold values, dotted; a group that exists is gone into. */
function keysOf(node: Node, prefix: string): { name: string; offset: number }[] {
  return (node.children ?? []).flatMap((property) => {
    const [key, value] = property.children ?? [];
    const name = `${prefix}${key?.value}`;
    const group = SETTINGS.some((it) => it.name.startsWith(`${name}.`));
    if (group && value?.type === "object") return keysOf(value, `${name}.`);
    return [{ name, offset: property.offset }];
  });
}

/** @throws unwritable */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw errors.unwritable(path, cause);
  }
}

function flagOf({ variable }: Setting): string {
  return `--${variable.replace("KUGETSU_", "").toLowerCase().replaceAll("_", "-")}`;
}
