/** `deno task packages`: installs the Debian packages that the tests need, where there is apt and something is missing. */
import process from "node:process";
import { run } from "./_run.ts";

export const PACKAGES: readonly string[] = [
  ..."busybox curl dash debootstrap e2fsprogs faketime fish git ksh mksh".split(" "),
  ..."openssh-client openssl procps python3 shellcheck ssh-audit strace".split(" "),
  ..."systemd-container tmux util-linux wget zsh".split(" "),
];

async function main(): Promise<number> {
  const missing = [];
  for (const name of PACKAGES) if (!await isInstalled(name)) missing.push(name);
  if (missing.length === 0) return 0;
  const root = process.getuid?.() === 0 ? ["env"] : ["sudo", "-n"];
  const install = "apt-get install -q -y --no-install-recommends".split(" ");
  for (const command of [["apt-get", "update", "-q"], [...install, ...missing]]) {
    const [program, ...args] = [...root, "DEBIAN_FRONTEND=noninteractive", ...command];
    const { code } = await run(program!, args, { output: "show" });
    if (code !== 0) return code ?? 1;
  }
  return 0;
}

async function isInstalled(name: string): Promise<boolean> {
  const args = ["--show", "--showformat=${db:Status-Status}", name];
  const { stdout } = await run("dpkg-query", args);
  return stdout === "installed";
}

if (import.meta.main) process.exitCode = await main();
