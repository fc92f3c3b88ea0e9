/** Every shell times every state that a host can be in: a release is got from a mirror and put in place. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import type { RunResult } from "../../scripts/_run.ts";
import {
  environmentOf,
  type Host,
  makeHost,
  OLD_TOOL,
  pathWith,
  payload,
  serve,
  SHELLS,
  treeOf,
  versionOf,
} from "../support/installer.ts";
import { needs } from "../support/needs.ts";

type Install = (args?: string[], env?: Record<string, string>) => Promise<RunResult>;

/** What is done on a fresh host, and what has to be so afterwards. */
const CASES: Record<string, (host: Host, install: Install) => Promise<void>> = {
  "a fresh host, and a file that a redirection feeds": async (host, install) => {
    succeeded(await install(), /Installed kugetsu 1\.0\.0 as /);
    assert.equal(await versionOf(host.target), "kugetsu 1.0.0\n");
    assert.deepEqual(await treeOf(host.bin), [`kugetsu 755 ${payload("1.0.0")}`]);
    assert.deepEqual(await treeOf(host.scratch.join("tmp")), []);
  },
  "the same version three times": async (host, install) => {
    await writeFile(join(host.home, ".bashrc"), "alias ll='ls -l'");
    succeeded(await install());
    const first = await treeOf(host.home);
    assert.match(first.join("\n"), /\.bashrc.*\n# >>> kugetsu >>>/);
    for (let time = 2; time <= 3; time++) {
      succeeded(await install(), /kugetsu 1\.0\.0 is in .* already/);
      assert.deepEqual(await treeOf(host.home), first);
    }
  },
  "an upgrade, and back, and forth": async (host, install) => {
    succeeded(await install());
    await host.publish("1.1.0");
    succeeded(await install(), /Installed kugetsu 1\.1\.0 as .* \(before: 1\.0\.0\)/);
    for (const version of ["1.0.0", "1.1.0"]) {
      succeeded(await install(["--rollback"]), new RegExp(`Went back to kugetsu ${version}`));
      assert.equal(await versionOf(host.target), `kugetsu ${version}\n`);
    }
    const names = (await treeOf(host.bin)).map((line) => line.split(" ")[0]);
    assert.deepEqual(names, ["kugetsu", "kugetsu.previous"]);
  },
  "over the bash version, and away again": async (host, install) => {
    await host.scratch.write("h/.local/bin/kugetsu", OLD_TOOL, 0o755);
    await host.scratch.write("h/.kugetsu/index.json", '{"base": null, "issues": {}}\n', 0o600);
    const before = await treeOf(host.home);
    succeeded(await install(), /Kept the script .*bash-backup[^]*state in .*\.kugetsu is read/);
    assert.deepEqual((await treeOf(host.bin))[1], `kugetsu.bash-backup 755 ${OLD_TOOL}`);
    succeeded(await install(["--uninstall", "--yes"]), /Put the script back/);
    assert.deepEqual(await treeOf(host.home), before);
  },
  "uninstalling leaves only the state": async (host, install) => {
    await writeFile(join(host.home, ".bashrc"), "no end");
    await writeFile(join(host.home, ".profile"), "one\n\n");
    await mkdir(join(host.home, ".config/fish"), { recursive: true });
    await host.scratch.write("h/.kugetsu/index.json", "{}");
    const before = await treeOf(host.home);
    succeeded(await install(["--completions"]));
    await host.publish("1.1.0");
    succeeded(await install());
    assert.equal((await treeOf(host.home)).length, before.length + 6);
    succeeded(await install(["--uninstall", "--yes"]), /Uninstalled kugetsu/);
    assert.deepEqual(await treeOf(host.home), before);
    succeeded(await install(["--uninstall", "--purge", "--yes"]));
    assert.deepEqual(await treeOf(host.home), before.slice(0, 1).concat(before.slice(2)));
  },
  "a home that cannot be written, and a prefix": async (host, install) => {
    // Root may write everywhere: a home that is a file can be written by nobody.
    const env = { HOME: await host.scratch.write("no-home", "") };
    const prefix = host.scratch.join("prefix");
    succeeded(await install(["--prefix", prefix], env), /Put this line where/);
    assert.equal(await versionOf(join(prefix, "bin", "kugetsu")), "kugetsu 1.0.0\n");
  },
  "wget only": async (host, install) => {
    // From files nothing is fetched by either, so that is what the test of loopback is for; here nothing may need curl.
    const PATH = await pathWith(host, { without: ["curl", "shasum", "openssl"] });
    succeeded(await install([], { PATH }));
    assert.equal(await versionOf(host.target), "kugetsu 1.0.0\n");
  },
  "no checksum tool": async (host, install) => {
    const PATH = await pathWith(host, { without: ["sha256sum", "shasum", "openssl"] });
    const { code, stderr } = await install([], { PATH });
    assert.equal(code, 5);
    assert.match(stderr, /Cannot verify a release: there is no sha256sum, shasum or openssl/);
    assert.deepEqual(await treeOf(host.home), []);
  },
  "an entry of PATH that is there": async (host, install) => {
    const PATH = `${host.bin}:/usr/local/bin:/usr/bin:/bin`;
    const { stdout } = await install([], { PATH });
    assert.match(stdout, /Next: kugetsu doctor\n$/);
    assert.deepEqual((await treeOf(host.home)).length, 1);
  },
};

for (const [shell, program] of SHELLS) {
  for (const [what, check] of Object.entries(CASES)) {
    test(`${shell.join(" ")}: ${what}`, { skip: needs(program) }, async () => {
      await using host = await makeHost("h");
      await host.publish("1.0.0");
      await check(host, (args, env = {}) => host.install(args, { shell, env }));
    });
  }

  test(`${shell.join(" ")}: spaces, quotes and other scripts in HOME`, {
    skip: needs(program, "bash"),
  }, async () => {
    for (const name of ["a home", "Ünï 家", 'it\'s $HOME `x` "q"', "-dash"]) {
      await using host = await makeHost(name);
      await host.publish("1.0.0");
      succeeded(await host.install([], { shell }));
      const bashrc = join(host.home, ".bashrc");
      const first = await readFile(bashrc, "utf8");
      // The line does what it is there for, in the shells that read it.
      const env = { HOME: host.home, PATH: "/usr/bin:/bin" };
      for (const reader of ["bash", "dash"]) {
        const command = '. "$HOME/.bashrc"; . "$HOME/.bashrc"; printf %s "$PATH"';
        const found = await host.install([], { shell: [reader], command, env });
        assert.equal(found.stdout, `${host.bin}:/usr/bin:/bin`);
      }
      succeeded(await host.install([], { shell }), /already/);
      assert.equal(await readFile(bashrc, "utf8"), first);
      succeeded(await host.install(["--uninstall", "--yes"], { shell }));
      assert.deepEqual(await treeOf(host.home), []);
    }
  });

  test(`${shell.join(" ")}: fed to the shell, and sourced`, { skip: needs(program) }, async () => {
    await using host = await makeHost("h");
    await host.publish("1.0.0");
    const input = await readFile(host.scratch.join("install.sh"), "utf8");
    succeeded(await host.install(["--no-modify-path"], { shell, input }), /Installed/);
    await host.publish("1.1.0");
    await chmod(host.scratch.join("install.sh"), 0o644);
    const caller = "set -- --prefix /nowhere; trap 'echo the caller ended' EXIT; " +
      '. ./install.sh; echo "rc $?, $*, ${VERSION-none}, ${TEMP-none}"';
    const { stdout } = await host.install([], { shell, command: caller });
    assert.match(
      stdout,
      /Installed kugetsu 1\.1\.0[^]*\nrc 0, --prefix \/nowhere, none, none\nthe caller ended\n$/,
    );
  });
}

for (const [shell, program] of SHELLS) {
  test(`${shell.join(" ")}: Ctrl-C, TERM and HUP end it while it gets a file, and leave nothing`, {
    skip: needs(program, "curl"),
  }, async () => {
    await using host = await makeHost("h");
    const script = host.scratch.join("install.sh");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
      await using server = await serve(() => isAsked());
      const [program, ...args] = [...shell, script, "--base-url", server.url];
      // In a process group of its own, all of which a terminal would tell.
      const child = spawn(program!, args, { env: environmentOf(host), detached: true });
      // The shell that was called may end before its subshell, which holds these two.
      child.stdout.resume();
      child.stderr.resume();
      const ended = once(child, "close");
      await asked;
      // Twice, as somebody does who cannot wait: the second one must not cut off the clearing away.
      process.kill(-child.pid!, signal);
      await pause(2);
      signalGroup(child.pid!, signal);
      const [code, by] = await ended;
      assert.ok(code !== 0, `${signal}: ${code} ${by}`);
      assert.deepEqual(await readdir(host.scratch.join("tmp")), []);
      assert.deepEqual(await treeOf(host.home), []);
    }
  });

  test(`${shell.join(" ")}: when nobody reads what it says, it still leaves nothing behind`, {
    skip: needs(program, "bash"),
  }, async () => {
    await using host = await makeHost("h");
    await host.publish("1.0.0");
    const F = host.scratch.join("install.sh");
    const command = `${shell.join(" ")} "$F" | true`;
    await host.install([], { shell: ["bash"], command, env: { F } });
    assert.deepEqual(await readdir(host.scratch.join("tmp")), []);
  });
}

/** How a shell is given the text, with options behind it; "$F" is the file, and $TRIED the shell that is tried. */
const IDIOMS = [
  '$TRIED -c "$(cat "$F")" x --dry-run',
  '$TRIED <(cat "$F") --dry-run',
  'cat "$F" | $TRIED -s -- --dry-run',
  '$TRIED -s -- --dry-run <"$F"',
  '$TRIED "$F" --dry-run',
];

/** What lies in the folder that somebody happens to be in. */
const FOREIGN = "MARK='this is the installer of kugetsu'\necho foreign >\"$HOME/foreign\"\n";

for (const [shell, program] of SHELLS) {
  test(`${shell.join(" ")}: options are heeded however the text comes, and no other file is run`, {
    skip: needs(program, "bash"),
  }, async () => {
    await using host = await makeHost("h");
    await host.publish("1.0.0");
    const F = host.scratch.join("install.sh");
    await host.scratch.write("foreign/install.sh", FOREIGN);
    const bash = (command: string) =>
      host.install([], {
        shell: ["bash"],
        command: `cd foreign && ${command}`,
        env: { F, TRIED: shell.join(" ") },
      });
    for (const idiom of IDIOMS) {
      succeeded(await bash(idiom), /Would install kugetsu 1\.0\.0 as /);
      assert.deepEqual(await treeOf(host.home), [], idiom);
    }
    const lost = await bash('$TRIED -c "$(cat "$F")" --dry-run');
    assert.equal(lost.code, 2, lost.stdout);
    assert.match(lost.stderr, /Cannot tell what "--dry-run" is for[^]*try: sh -c .* sh --dry-run/);
    assert.deepEqual(await treeOf(host.home), []);
    for (const [options, IFS] of [["-C", "."], ["-eufa", "/"]]) {
      const sourced = `set ${options}; IFS=${IFS}; set -- --dry-run; . "${F}"; echo "rc $?"`;
      succeeded(await bash(`$TRIED -c '${sourced}'`), /Installed kugetsu[^]*\nrc 0\n$/);
      assert.ok(!(await treeOf(host.home)).some((line) => line.startsWith("foreign")));
      await rm(host.bin, { recursive: true });
    }
  });
}

/** All of it may be gone. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
  }
}

function succeeded({ code, stdout, stderr }: RunResult, said = /./): void {
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, "");
  assert.match(stdout, said);
}
