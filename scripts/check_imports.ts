/**
 * `deno run -A scripts/check_imports.ts`: checks that imports point one way, as the table in
 * _import_rules.ts says. Prints `file:line: a may not import b: why` for each that does not, and exits 1.
 */
import { readdir, readFile } from "node:fs/promises";
import { join, posix, relative, sep } from "node:path";
import process from "node:process";
import { ROOT } from "./_checkout.ts";
import { isPort, partOf, whyNotBehindPort, whyNotFile, whyNotModule } from "./_import_rules.ts";
import { findImports, type Import } from "./_imports.ts";

/** A checkout's modules: what each file (a path relative to the checkout) imports. */
type Modules = Map<string, Import[]>;

/** Every import that points the wrong way, as lines to print. */
export async function checkImports(root: string): Promise<string[]> {
  const modules = await readModules(root);
  return [...directions(modules), ...portSides(modules)];
}

function* directions(modules: Modules): Generator<string> {
  for (const [file, imports] of modules) {
    for (const found of imports) {
      const target = resolveImport(file, found.specifier);
      const why = isFile(found) ? whyNotFile(file, target) : whyNotModule(file, target);
      if (why) yield violation(file, found, target, why);
    }
  }
}

function* portSides(modules: Modules): Generator<string> {
  for (const port of [...modules.keys()].filter(isPort)) {
    for (const file of loadedWith(port, modules)) {
      for (const found of modules.get(file)!.filter((one) => !one.typeOnly)) {
        const target = resolveImport(file, found.specifier);
        const why = whyNotBehindPort(target);
        if (why) yield violation(file, found, target, why);
      }
    }
  }
}

/** The files of a port's own folder that running its mod.ts loads, itself among them. */
function loadedWith(port: string, modules: Modules): Set<string> {
  const loaded = new Set([port]);
  for (const file of loaded) {
    for (const found of modules.get(file)!) {
      const target = resolveImport(file, found.specifier);
      const ours = modules.has(target) && partOf(target) === partOf(port);
      if (ours && !found.typeOnly) loaded.add(target);
    }
  }
  return loaded;
}

function violation(file: string, found: Import, target: string, why: string): string {
  return `${file}:${found.line}: ${file} may not import ${target}: ${why}`;
}

function isFile(found: Import): boolean {
  return found.specifier.startsWith(".");
}

function resolveImport(file: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : specifier;
}

async function readModules(root: string): Promise<Modules> {
  const folders = await Promise.all([modulesIn(root, "src"), modulesIn(root, "plugins")]);
  const files = ["main.ts", ...folders.flat()].sort();
  const read = async (file: string) => findImports(await readFile(join(root, file), "utf8"));
  return new Map(await Promise.all(files.map(async (file) => [file, await read(file)] as const)));
}

async function modulesIn(root: string, folder: string): Promise<string[]> {
  const options = { recursive: true, withFileTypes: true } as const;
  const entries = await readdir(join(root, folder), options).catch(absent);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));
}

/** A checkout may be without first-party plugins. */
function absent(error: NodeJS.ErrnoException): never[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

if (import.meta.main) {
  const violations = await checkImports(ROOT);
  for (const line of violations) process.stdout.write(`${line}\n`);
  if (violations.length > 0) process.exitCode = 1;
}
