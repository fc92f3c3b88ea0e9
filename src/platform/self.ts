/** Running kugetsu itself once more, as the process of a plugin. */

/**
 * The program and the arguments that come before kugetsu's own: none for an executable. Deno gets no configuration
 * of ours: a plugin's imports are found in its own node_modules, and what loads it needs no package.
 */
export function selfCommand(): string[] {
  const main = process.argv[1] ?? "";
  if (isExecutable(main)) return [process.execPath];
  if (process.versions.bun) return [process.execPath, main];
  const flags = [
    "--allow-all",
    "--quiet",
    "--no-check",
    "--no-config",
    "--node-modules-dir=manual",
  ];
  return [process.execPath, "run", ...flags, main];
}

/** Whether it is compiled: Bun's executables run from a file system of their own, Deno's say so. */
function isExecutable(main: string): boolean {
  const { Deno } = globalThis as { Deno?: { build?: { standalone?: boolean } } };
  return main.startsWith("/$bunfs/") || Deno?.build?.standalone === true;
}
