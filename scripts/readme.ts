/**
 * `deno task readme`: runs the commands of README's "Get it" as they are written, in a scratch home. Only the address
 * of releases is another one: that of the release which the last of them makes, and which therefore goes first.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./_checkout.ts";
import { run } from "./_run.ts";

/** The blocks for a shell between "Get it" and "Keeping it". */
export function blocksOf(readme: string): string[] {
  const [, part = ""] = /^## Get it\n([^]*?)^### Keeping it$/m.exec(readme) ?? [];
  return [...part.matchAll(/^```sh\n([^]*?)^```$/gm)].map((found) => found[1]!);
}

async function main(): Promise<number> {
  const blocks = blocksOf(await readFile(join(ROOT, "README.md"), "utf8"));
  const script = await readFile(join(ROOT, "install.sh"), "utf8");
  const [, address = ""] = /^RELEASES=(.*)$/m.exec(script) ?? [];
  const mirror = `file://${join(ROOT, "dist", "release")}`;
  const home = await mkdtemp(join(tmpdir(), "kugetsu-readme-"));
  const cache = {
    npm_config_cache: join(homedir(), ".npm"),
    XDG_CACHE_HOME: join(homedir(), ".cache"),
  };
  const env = { ...process.env, ...cache, HOME: home, KUGETSU_BASE_URL: mirror };
  try {
    for (const block of blocks.reverse()) {
      const commands = block.replaceAll(address, mirror);
      process.stdout.write(commands.replace(/^/gm, "$ ").replace(/\$ $/, ""));
      const { code } = await run("sh", ["-ec", commands], { cwd: ROOT, env, output: "show" });
      if (code !== 0) return code ?? 1;
      const works = await run(join(home, ".local", "bin", "kugetsu"), ["list"], { env });
      if (works.code !== 0) throw new Error(`kugetsu does not run afterwards: ${works.stderr}`);
    }
    return 0;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  process.exitCode = await main().catch((error: Error) => {
    process.stderr.write(`readme: ${error.message}\n`);
    return 1;
  });
}
