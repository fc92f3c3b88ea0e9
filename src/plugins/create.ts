/** `kugetsu plugin new`: the beginning of a plugin, with types that need nothing to be installed. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import types from "../api/mod.ts" with { type: "text" };
import { errors } from "../errors.ts";
import type { Kind } from "./mod.ts";
import { PLUGIN_NAME, WHAT_A_NAME_IS } from "./protocol.ts";
import execProgram from "./templates/exec.py.txt" with { type: "text" };
import execTest from "./templates/exec_test.py.txt" with { type: "text" };
import forgePlugin from "./templates/forge.ts.txt" with { type: "text" };
import forgeReply from "./templates/forge.issue.json.txt" with { type: "text" };
import forgeTest from "./templates/forge.test.js.txt" with { type: "text" };
import hookPlugin from "./templates/hook.ts.txt" with { type: "text" };
import hookTest from "./templates/hook.test.js.txt" with { type: "text" };

/** @throws bad-plugin, folder-exists, unwritable */
// deno-lint-ignore require-await
export async function createPlugin(name: string, kind: Kind, folder: string): Promise<string[]> {
  if (!PLUGIN_NAME.test(name)) throw errors.badPlugin(name, WHAT_A_NAME_IS);
  if (existsSync(folder)) throw errors.folderExists(folder);
  const files = kind === "exec"
    ? named({ "plugin": execProgram, "test_plugin.py": execTest }, name)
    : { ...named(SCRIPTS[kind], name), ...scriptFiles(name) };
  for (const [file, text] of Object.entries(files)) {
    const path = join(folder, file);
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode: file === "plugin" ? 0o755 : 0o644 });
    } catch (cause) {
      throw errors.unwritable(path, cause);
    }
  }
  return Object.keys(files);
}

function named(files: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([file, text]) => [file, text.replaceAll("NAME", name)]),
  );
}

const SCRIPTS = {
  forge: {
    "plugin.ts": forgePlugin,
    "plugin.test.js": forgeTest,
    "replies/issue.json": forgeReply,
  },
  hook: { "plugin.ts": hookPlugin, "plugin.test.js": hookTest },
};

/** What Deno, Bun, tsc and editors need to find the types of `kugetsu`. */
function scriptFiles(name: string): Record<string, string> {
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const version = "1.0.0";
  return {
    "package.json": json({
      name: `kugetsu-plugin-${name}`,
      private: true,
      type: "module",
      dependencies: { kugetsu: version },
    }),
    "tsconfig.json": json({
      compilerOptions: {
        strict: true,
        noEmit: true,
        target: "esnext",
        module: "preserve",
        lib: ["esnext", "dom"],
        types: [],
      },
      include: ["*.ts"],
    }),
    "node_modules/kugetsu/package.json": json({
      name: "kugetsu",
      version,
      type: "module",
      exports: { ".": { types: "./plugin.d.ts", default: "./plugin.js" } },
    }),
    "node_modules/kugetsu/plugin.js": "export {};\n",
    "node_modules/kugetsu/plugin.d.ts": types,
  };
}
