/**
 * install.sh in a scratch checkout and a scratch home whose name has spaces. `npx` is a stand-in that notes how it
 * was called and does what the test says; one test installs the real executable.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { declaredVersion, EXECUTABLE, ROOT } from "../../scripts/_checkout.ts";
import { run, type RunResult } from "../../scripts/_run.ts";
import { OLD_TOOL, treeOf } from "../support/installer.ts";
import { needs } from "../support/needs.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const SCRIPT = join(ROOT, "install.sh");
/** What a build leaves. Without a first line that names a shell it is no script, and a shell runs it all the same. */
const BUILT = `echo "kugetsu ${await declaredVersion()}"\n`;

interface Machine extends AsyncDisposable {
  readonly scratch: Scratch;
  readonly checkout: string;
  readonly home: string;
  /** ~/.local/bin */
  readonly bin: string;
  readonly target: string;
  /** How npx was called: its folder and arguments, one line a call. */
  builds(): Promise<string[]>;
  install(args?: string[], options?: InstallOptions): Promise<RunResult>;
}

interface InstallOptions {
  shell?: string[];
  /** What the stand-in for npx does after it noted the call. */
  build?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** In place of install.sh as a file. */
  command?: string;
}

const GOOD_BUILD = 'mkdir -p dist; cp "$FRESH" dist/kugetsu; chmod +x dist/kugetsu';

async function makeMachine(): Promise<Machine> {
  const scratch = await makeScratch("install");
  const checkout = scratch.join("the checkout");
  const home = scratch.join("a home");
  const bin = join(home, ".local", "bin");
  await mkdir(home);
  for (const file of ["install.sh", "deno.json", "deno.lock", "main.ts", "scripts/compile.ts"]) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await copyFile(join(ROOT, file), join(checkout, file));
  }
  await scratch.write("fresh", BUILT, 0o755);
  await scratch.write("tools/node", "#!/bin/sh\n", 0o755);
  await scratch.write(
    "tools/npx",
    '#!/bin/sh\necho "$PWD: $*" >>"$CALLS"\n[ -z "$(cat)" ] || exit 9\neval "$BUILD"\n',
    0o755,
  );
  const calls = scratch.join("calls");
  const environment = (build: string) => ({
    HOME: home,
    PATH: `${scratch.join("tools")}:/usr/bin:/bin`,
    CALLS: calls,
    FRESH: scratch.join("fresh"),
    BUILD: build,
  });
  return {
    scratch,
    checkout,
    home,
    bin,
    target: join(bin, "kugetsu"),
    builds: () => readFile(calls, "utf8").then((text) => text.trim().split("\n"), () => []),
    install(args = [], { shell = ["sh"], build = GOOD_BUILD, env = {}, cwd, command } = {}) {
      const what = command ? ["-c", command] : [join(checkout, "install.sh"), ...args];
      return run(shell[0]!, [...shell.slice(1), ...what], {
        cwd: cwd ?? scratch.path,
        env: { ...environment(build), ...env },
        timeoutMs: 60_000,
      });
    },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

for (const shell of ["sh", "dash", "bash", "zsh", "busybox"] as const) {
  const skip = shell === "sh" ? false : needs(shell);
  test(`a fresh install under ${shell} builds and puts one file in place`, { skip }, async () => {
    await using machine = await makeMachine();
    const { checkout, home, target } = machine;
    const command = shell === "busybox" ? ["busybox", "ash"] : [shell];
    const options = { shell: command };
    assertDone(
      await machine.install(["--no-modify-path"], options),
      /Installed kugetsu \d.*bin\/kugetsu/,
    );
    assert.deepEqual(await treeOf(home), [`.local/bin/kugetsu 755 ${BUILT}`]);
    assert.deepEqual(await machine.builds(), [`${checkout}: -y deno@2.9.6 task compile`]);
    assert.equal((await run("sh", ["-c", '"$0"', target])).stdout, BUILT.slice(6, -2) + "\n");
  });

  test(
    `sourced under ${shell}, it installs and the shell goes on as it was`,
    { skip },
    async () => {
      await using machine = await makeMachine();
      const caller = [
        "set -- --prefix /nowhere",
        'main() { echo "the caller\'s own main"; }',
        "trap 'echo the caller ended' EXIT",
        ". ./install.sh",
        'echo "status $?, arguments $*"; main; command -v say usage fail; echo "${CHECKOUT-none}"',
        "HOME=; . ./install.sh",
        'echo "status $?"',
      ].join("\n");
      const command = shell === "busybox" ? ["busybox", "ash"] : [shell];
      const options = { shell: command, command: caller, cwd: machine.checkout };
      const { stdout, stderr, code } = await machine.install([], options);
      const own = stdout.slice(stdout.indexOf("status 0"));
      assert.equal(
        own,
        "status 0, arguments --prefix /nowhere\nthe caller's own main\nnone\nstatus 5\nthe caller ended\n",
      );
      assert.match(stderr, /HOME is not set/);
      assert.equal(code, 0);
      assert.ok(existsSync(machine.target));
    },
  );
}

test("installing again changes nothing and does not build", async () => {
  await using machine = await makeMachine();
  await machine.install();
  const before = await stat(machine.target);
  assertDone(await machine.install(), /is in .* already/);
  const after = await stat(machine.target);
  assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs]);
  assert.equal((await machine.builds()).length, 1);
});

for (const changed of ["main.ts", "src/cli/run.ts", "deno.lock"]) {
  test(`a change of ${changed} is built and installed`, async () => {
    await using machine = await makeMachine();
    await machine.install();
    const next = `${BUILT}# and more\n`;
    await machine.scratch.write("fresh", next, 0o755);
    await machine.scratch.write(`the checkout/${changed}`, "// changed\n");
    await utimes(join(machine.checkout, changed), Date.now(), Date.now() / 1000 + 5);
    assertDone(await machine.install(), /Installed/);
    assert.equal(await readFile(machine.target, "utf8"), next);
    assert.deepEqual(await readdir(machine.bin), ["kugetsu", "kugetsu.previous"]);
  });
}

test("what was built before is installed without Node", async () => {
  await using machine = await makeMachine();
  await machine.install();
  const env = { PATH: "/usr/bin:/bin" };
  assertDone(await machine.install(["--prefix", machine.scratch.join("second")], { env }));
  assert.ok(existsSync(machine.scratch.join("second", "bin", "kugetsu")));
});

test("an old bash kugetsu is kept, and the state folder left alone", async () => {
  await using machine = await makeMachine();
  const { scratch, home } = machine;
  await scratch.write("a home/.local/bin/kugetsu", OLD_TOOL, 0o755);
  await scratch.write("a home/.kugetsu/index.json", '{"base": null, "issues": {}}\n', 0o640);
  const state = await treeOf(join(home, ".kugetsu"));
  assertDone(await machine.install(), /Kept the script .*kugetsu\.bash-backup/);
  assert.deepEqual(await treeOf(machine.bin), [
    `kugetsu 755 ${BUILT}`,
    `kugetsu.bash-backup 755 ${OLD_TOOL}`,
  ]);
  assert.deepEqual(await treeOf(join(home, ".kugetsu")), state);

  // The same one again needs no second copy; another one does not take the first one's place.
  await scratch.write("a home/.local/bin/kugetsu", OLD_TOOL, 0o755);
  assertDone(await machine.install());
  await scratch.write("a home/.local/bin/kugetsu", `${OLD_TOOL}# changed\n`, 0o755);
  assertDone(await machine.install());
  assert.deepEqual((await treeOf(machine.bin)).slice(1), [
    `kugetsu.bash-backup 755 ${OLD_TOOL}`,
    `kugetsu.bash-backup.2 755 ${OLD_TOOL}# changed\n`,
  ]);
});

test("--no-modify-path edits nothing, and says what is missing", async () => {
  await using machine = await makeMachine();
  await machine.scratch.write("a home/.bashrc", "# mine\n");
  const { stdout } = await machine.install(["--no-modify-path"]);
  assert.match(stdout, /Note: .*a home\/\.local\/bin is not on your PATH/);
  assert.equal(await readFile(join(machine.home, ".bashrc"), "utf8"), "# mine\n");
});

test("with PATH in order it says nothing about it, unless another kugetsu comes first", async () => {
  await using machine = await makeMachine();
  const { bin, scratch } = machine;
  const path = `${scratch.join("tools")}:/usr/bin:/bin`;
  assert.doesNotMatch(
    (await machine.install([], { env: { PATH: `${bin}:${path}` } })).stdout,
    /PATH/,
  );
  await scratch.write("tools/kugetsu", OLD_TOOL, 0o755);
  const { stdout } = await machine.install([], { env: { PATH: `${path}:${bin}` } });
  assert.match(stdout, /another kugetsu comes first on your PATH: .*tools\/kugetsu/);
});

test("--prefix says where, however the folder is written", async () => {
  await using machine = await makeMachine();
  for (
    const [args, folder] of [
      [["--prefix", "relative one"], "relative one"],
      [[`--prefix=${machine.scratch.join("it's $here")}`], "it's $here"],
    ] as const
  ) {
    assertDone(await machine.install([...args], { env: { HOME: "" } }));
    assert.ok(existsSync(machine.scratch.join(folder, "bin", "kugetsu")), folder);
  }
  assert.deepEqual(await treeOf(machine.home), []);
});

test("fed to a shell it takes arguments too", async () => {
  await using machine = await makeMachine();
  const command = 'sh -s -- --from-checkout --prefix "../fed here" <install.sh';
  assertDone(await machine.install([], { command, cwd: machine.checkout }));
  assert.ok(existsSync(machine.scratch.join("fed here", "bin", "kugetsu")));
});

const DEFECTS: [string, RegExp, Parameters<Machine["install"]>[1]?, string[]?][] = [
  ["a build that fails", /Cannot build: see above/, { build: "echo bad code >&2; exit 1" }],
  ["a build that leaves nothing", /the build left no/, { build: "rm -rf dist" }],
  ["an executable that does not run", /Cannot run programs/, {
    build: 'mkdir -p dist; echo "exit 3" >dist/kugetsu; chmod +x dist/kugetsu',
  }],
  ["an executable of another version", /it says "kugetsu 9\.9\.9"/, {
    build: 'mkdir -p dist; echo "echo kugetsu 9.9.9" >dist/kugetsu; chmod +x dist/kugetsu',
  }],
  ["no npx on PATH", /no npx on PATH/, { env: { PATH: "NO_NPX" } }],
  ["a folder that cannot be made", /Cannot make ".*file\/bin"/, undefined, ["--prefix", "file"]],
  ["a folder called kugetsu", /it is a folder/, undefined, ["--prefix", "odd"]],
  ["an unknown option", /Cannot understand "--bogus"/, undefined, ["--bogus"]],
  ["an option without its value", /--prefix needs a value/, undefined, ["--prefix"]],
];

for (const [what, message, options, args] of DEFECTS) {
  test(`${what} leaves the old executable as it was, and is explained`, async () => {
    await using machine = await makeMachine();
    const { scratch, home } = machine;
    await scratch.write("a home/.local/bin/kugetsu", OLD_TOOL, 0o755);
    await scratch.write("file", "");
    await scratch.write("odd/bin/kugetsu/x", "");
    const before = await treeOf(home);
    const found = { ...options, env: await withoutNpx(machine, options?.env) };
    const { code, stderr } = await machine.install(args, found);
    assert.match(stderr, message);
    assert.match(stderr, /\n {2}try: /);
    assert.equal(code, args?.[0] === "--bogus" || args?.length === 1 ? 2 : 5, stderr);
    assert.deepEqual(await treeOf(home), before);
  });
}

test("no room for the new executable leaves the old one as it was", async () => {
  await using machine = await makeMachine();
  const { scratch, home } = machine;
  await scratch.write("the checkout/dist/kugetsu", `${BUILT}${"#".repeat(4_000_000)}`, 0o755);
  await scratch.write("a home/.local/bin/kugetsu", OLD_TOOL, 0o755);
  const before = await treeOf(home);
  const shell = ["sh", "-c", 'trap "" XFSZ; ulimit -f 1000; exec sh "$0" "$@"'];
  const { code, stderr } = await machine.install([], { shell });
  assert.equal(code, 5);
  assert.match(stderr, /Cannot write in ".*": see above\. What was there is unchanged/);
  assert.deepEqual(await treeOf(home), before);
});

test("outside a checkout it says so", async () => {
  await using machine = await makeMachine();
  await copyFile(SCRIPT, machine.scratch.join("install.sh"));
  const { code, stderr } = await machine.install([], {
    command: "sh ./install.sh --from-checkout",
  });
  assert.equal(code, 5);
  assert.match(stderr, /Cannot find kugetsu's source in ".*": it has no main\.ts/);
  assert.deepEqual(await treeOf(machine.home), []);
});

test("a copy that a killed run left behind is cleared away, one of a running one is not", async () => {
  await using machine = await makeMachine();
  await machine.scratch.write("a home/.local/bin/.kugetsu.99999999.tmp", "half");
  await machine.scratch.write(`a home/.local/bin/.kugetsu.${process.pid}.tmp`, "half");
  assertDone(await machine.install());
  assert.deepEqual(await readdir(machine.bin), [`.kugetsu.${process.pid}.tmp`, "kugetsu"]);
});

test("--help says what it does", async () => {
  await using machine = await makeMachine();
  assertDone(await machine.install(["--help"]), /Usage: sh install\.sh/);
  assert.deepEqual(await treeOf(machine.home), []);
});

test("the real executable is installed and runs", async () => {
  await using machine = await makeMachine();
  // With the home of whoever runs the test: npx would fetch everything anew in another, if it has to build.
  const { code, stdout, stderr } = await run("sh", [
    SCRIPT,
    "--no-modify-path",
    "--prefix",
    machine.home,
  ]);
  assert.equal(code, 0, stdout + stderr);
  const installed = join(machine.home, "bin", "kugetsu");
  const { stdout: version } = await run(installed, ["--version"]);
  assert.equal(version, `kugetsu ${await declaredVersion()}\n`);
  assert.equal((await stat(installed)).size, (await stat(EXECUTABLE)).size);
});

test("shellcheck finds nothing", { skip: needs("shellcheck") }, async () => {
  const { code, stdout } = await run("shellcheck", [SCRIPT]);
  assert.equal(code, 0, stdout);
});

function assertDone({ code, stdout, stderr }: RunResult, said = /./): void {
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, said);
}

/** A PATH with everything that the script uses but npx. */
async function withoutNpx({ scratch }: Machine, env: Record<string, string> = {}) {
  if (env["PATH"] !== "NO_NPX") return env;
  await scratch.write("few/node", "#!/bin/sh\n", 0o755);
  const tools = "dirname sed mkdir cmp cp rm find grep head tr mktemp chmod tail".split(" ");
  for (const tool of tools) {
    await scratch.write(`few/${tool}`, `#!/bin/sh\nPATH=/usr/bin:/bin exec ${tool} "$@"\n`, 0o755);
  }
  await scratch.write("few/sh", '#!/bin/sh\nexec /bin/sh "$@"\n', 0o755);
  return { PATH: scratch.join("few") };
}
