/**
 * Run by Bun, not by Deno: `bun scripts/_bun_compile.ts ENTRY OUTFILE [TARGET]`, as compile.ts does.
 *
 * What two packages do as they are loaded took a third of a short command's time, for what kugetsu never asks of them
 * or hardly ever. Here it is done when it is used.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";

// deno-lint-ignore no-explicit-any
declare const Bun: any;

interface Eager {
  file: RegExp;
  changes: [eager: string | RegExp, lazy: string][];
}

const EAGER: Eager[] = [
  // Programs as sub-commands.
  {
    file: /commander[/\\]lib[/\\]command\.js$/,
    changes: [[
      "import childProcess from 'node:child_process';",
      "const childProcess = { spawn: (...all) => process.getBuiltinModule('node:child_process').spawn(...all) };",
    ]],
  },
  // Colours in the help.
  {
    file: /commander[/\\]lib[/\\](?:command|help)\.js$/,
    changes: [[
      "import { stripVTControlCharacters } from 'node:util';",
      "const stripVTControlCharacters = (text) => process.getBuiltinModule('node:util').stripVTControlCharacters(text);",
    ]],
  },
  // Twelve hundred pieces of indentation, for changing a file.
  {
    file: /jsonc-parser[/\\]lib[/\\]\w+[/\\]impl[/\\]string-intern\.js$/,
    changes: [[
      /('[\\rn]+'): (new Array\(maxCachedValues\)[^]*?\}\)),/g,
      "get $1() { return $2; },",
    ]],
  },
];

const FILES = new RegExp(EAGER.map(({ file }) => file.source).join("|"));
const found = new Set<RegExp>();

async function lazily({ path }: { path: string }) {
  let contents = await readFile(path, "utf8");
  const here = EAGER.filter(({ file }) => file.test(path));
  here.forEach(({ file }) => found.add(file));
  for (const [eager, lazy] of here.flatMap(({ changes }) => changes)) {
    const changed = contents.replace(eager, lazy);
    if (changed === contents) {
      throw new Error(
        `${path} is not as scripts/_bun_compile.ts expects it: ${eager} is not there`,
      );
    }
    contents = changed;
  }
  return { contents, loader: "js" };
}

const [entry, outfile, target] = process.argv.slice(2);

/**
 * The four `autoload` settings matter: without them an executable runs `preload` of a bunfig.toml, and loads
 * the .env, that somebody put into the current folder, before any code of ours. The last two are off by
 * default today; we depend on them being off. An executable with an argument of its own also starts in a folder
 * that was deleted, where Bun otherwise ends it before any code of ours; this one forbids what we never want anyway,
 * fetching packages that a plugin names.
 */
const made = await Bun.build({
  entrypoints: [entry],
  minify: true,
  bytecode: true,
  format: "esm",
  splitting: true,
  sourcemap: "linked",
  target: "bun",
  plugins: [{
    name: "lazy",
    // deno-lint-ignore no-explicit-any
    setup: (build: any) => build.onLoad({ filter: FILES }, lazily),
  }],
  compile: {
    outfile,
    execArgv: ["--no-install"],
    ...(target ? { target } : {}),
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
});
const missing = EAGER.filter(({ file }) => !found.has(file));
if (!made.success || missing.length > 0) {
  console.error(...made.logs, ...missing.map(({ file }) => `No file is ${file}`));
  process.exitCode = 1;
}
