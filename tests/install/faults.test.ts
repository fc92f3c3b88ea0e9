/** What can come from a server, a disk or a machine in place of what should: the old executable stays, and works. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { run } from "../../scripts/_run.ts";
import { makeSmallDisk } from "../support/disk.ts";
import {
  type Host,
  type InstallOptions,
  makeHost,
  OLD_TOOL,
  pathWith,
  payload,
  serve,
  serveMirror,
  treeOf,
  versionOf,
} from "../support/installer.ts";
import { needs } from "../support/needs.ts";
import { until } from "../support/until.ts";

const HTML = "<!DOCTYPE html><html><body>Sign in</body></html>";
const OTHER_MACHINE = Uint8Array.from([
  0x7f,
  0x45,
  0x4c,
  0x46,
  2,
  1,
  1,
  ...Array(9).fill(0),
  2,
  0,
  0xf3,
]);

interface Fault {
  message: RegExp;
  code: number;
  /** What of the newest release is not as it should be. */
  files?: { archive?: string | Uint8Array; executable?: string | Uint8Array };
  prepare?: (host: Host) => Promise<void>;
  args?: string[];
  options?: (host: Host) => Promise<InstallOptions>;
}

const tools = (own: Record<string, string>, without: string[] = []) => async (host: Host) => ({
  env: { PATH: await pathWith(host, { own, without }) },
});

const FAULTS: Record<string, Fault> = {
  "a wrong hash": {
    code: 9,
    message: /Refused to install what came from ".*1\.1\.0-.*": its sha256 is "[0-9a-f]{64}"/,
    files: { archive: gzipSync(payload("1.1.0") + "# more") },
  },
  "a web page": { code: 9, message: /it is a web page/, files: { archive: HTML } },
  "an empty file": { code: 9, message: /it is empty/, files: { archive: "" } },
  "a right hash of what is not compressed": {
    code: 5,
    message: /Cannot unpack what came from ".*": it is not compressed by gzip/,
    files: { archive: HTML },
    prepare: async ({ mirror }) => {
      const file = join(mirror, "latest/download/SHA256SUMS");
      const digest = createHash("sha256").update(HTML).digest("hex");
      await writeFile(file, (await readFile(file, "utf8")).replaceAll(/^[0-9a-f]{64}/gm, digest));
    },
  },
  "half a file": {
    code: 9,
    message: /its sha256 is/,
    files: { archive: gzipSync(payload("1.1.0")).subarray(0, 40) },
  },
  "an executable for another processor": {
    code: 5,
    message: /Cannot run programs in ".*bin": ".*" is not for this machine/,
    files: { executable: OTHER_MACHINE },
  },
  "an executable that does not run": {
    code: 5,
    message: /Cannot run programs in ".*": it broke \(status 3\)/,
    files: { executable: "echo it broke >&2; exit 3\n" },
  },
  "an executable of another version": {
    code: 5,
    message: /it says "kugetsu 3\.0\.0", not "kugetsu 1\.1\.0"/,
    files: { executable: payload("3.0.0") },
  },
  "an executable that lacks the C++ library": {
    code: 5,
    message: /the C\+\+ library libstdc\+\+ is missing[^]*try: apk add libstdc\+\+/,
    files: {
      executable:
        "echo 'Error loading shared library libstdc++.so.6: No such file' >&2; exit 127\n",
    },
  },
  "instructions that the processor lacks": {
    code: 5,
    message: /this processor lacks instructions/,
    files: { executable: "exit 132\n" },
  },
  "a web page in place of the checksums": {
    code: 5,
    message: /Cannot tell the newest version/,
    prepare: ({ mirror }) => writeFile(join(mirror, "latest/download/SHA256SUMS"), HTML),
  },
  "checksums that do not name the file": {
    code: 5,
    message: /its checksums name nothing for/,
    args: ["--version", "1.1.0"],
    prepare: ({ mirror }) => writeFile(join(mirror, "download/v1.1.0/SHA256SUMS"), ""),
  },
  "checksums that are none": {
    code: 5,
    message: /its checksums name nothing for/,
    prepare: async ({ mirror }) => {
      const file = join(mirror, "latest/download/SHA256SUMS");
      const text = await readFile(file, "utf8");
      await writeFile(file, text.replaceAll(/^[0-9a-f]{64}/gm, "0".repeat(63)));
    },
  },
  "a version that is not there": {
    code: 5,
    message: /Cannot get "file:.*v7\.7\.7\/SHA256SUMS": .*No such file/,
    args: ["--version", "7.7.7"],
  },
  "no tool that can verify": {
    code: 5,
    message: /Cannot verify a release/,
    options: tools({}, ["sha256sum", "shasum", "openssl"]),
  },
  "a tool that cannot verify": {
    code: 5,
    message: /Cannot verify the release: sha256sum failed/,
    options: tools({ sha256sum: "exit 1" }),
  },
  "a tool that says nothing": {
    code: 9,
    message: /its sha256 is "", not/,
    options: tools({ sha256sum: "exit 0" }),
  },
  "no gzip": { code: 5, message: /there is no gzip/, options: tools({}, ["gzip"]) },
  "neither curl nor wget": {
    code: 5,
    message: /there is no curl and no wget/,
    args: ["--base-url", "http://127.0.0.1:9"],
    options: tools({}, ["curl", "wget"]),
  },
  "a server that is not there": {
    code: 5,
    message: /Cannot get "http:\/\/127\.0\.0\.1:9\/latest/,
    args: ["--base-url", "http://127.0.0.1:9"],
    options: tools({ curl: "echo 'curl: (7) refused' >&2; exit 7" }),
  },
  "a processor that there is nothing for": {
    code: 5,
    message: /on a riscv64 processor/,
    options: tools({ uname: "case $1 in -s) echo Linux ;; *) echo riscv64 ;; esac" }),
  },
  "a system of 32 bits": {
    code: 5,
    message: /on a 32-bit x86_64 processor/,
    options: tools({
      getconf: "echo 32",
      uname: "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac",
    }),
  },
  "a system that there is nothing for": {
    code: 5,
    message: /on FreeBSD/,
    options: tools({ uname: "echo FreeBSD" }),
  },
  "a temporary folder that cannot be made": {
    code: 5,
    message: /Cannot make a folder in "\/dev\/null"/,
    options: () => Promise.resolve({ env: { TMPDIR: "/dev/null" } }),
  },
};

for (const [what, { code, message, files, prepare, args, options }] of Object.entries(FAULTS)) {
  test(`${what}: an error, and the old executable stays`, async () => {
    await using host = await hostWithOld();
    await host.publish("1.1.0", files);
    await prepare?.(host);
    const before = await treeOf(host.home);
    const result = await host.install(args, await options?.(host));
    assert.match(result.stderr, message);
    assert.match(result.stderr, /\n {2}try: .+\n$/);
    assert.equal(result.code, code, result.stderr);
    assert.deepEqual(await treeOf(host.home), before);
    assert.deepEqual(await treeOf(host.scratch.join("tmp")), []);
    assert.equal(await versionOf(host.target), "kugetsu 1.0.0\n");
  });
}

test("a full disk, at any size: the old executable stays, or the new one works", {
  skip: needs("root", "tmpfs"),
}, async () => {
  await using host = await makeHost();
  const big = `${payload("1.1.0")}${"# filler\n".repeat(8000)}`;
  await using disk = await makeSmallDisk(host.scratch, 1024);
  const prefix = join(disk.path, "prefix");
  const target = join(prefix, "bin", "kugetsu");
  const args = ["--prefix", prefix];
  await host.publish("1.0.0");
  assert.equal((await host.install(args)).code, 0);
  await host.publish("1.1.0", { executable: big });
  const refused: number[] = [];
  for (const room of [0, 4, 32, 68, 72, 76, 200]) {
    await disk.leave(room);
    const { code, stderr } = await host.install(args);
    if (code !== 0) {
      refused.push(room);
      assert.match(stderr, /Cannot write in ".*bin"[^]*unchanged/);
      assert.deepEqual(await treeOf(join(prefix, "bin")), [`kugetsu 755 ${payload("1.0.0")}`]);
    }
    assert.equal(await versionOf(target), `kugetsu ${code === 0 ? "1.1.0" : "1.0.0"}\n`);
  }
  assert.deepEqual(refused.slice(0, 2), [0, 4]);
  assert.ok(!refused.includes(200));
});

test("a full disk leaves start-up files whole", { skip: needs("root", "tmpfs") }, async () => {
  await using host = await makeHost();
  await using disk = await makeSmallDisk(host.scratch, 256);
  await host.publish("1.0.0");
  const bashrc = join(disk.path, ".bashrc");
  const mine = `${"# mine\n".repeat(3000)}`;
  await writeFile(bashrc, mine);
  await disk.leave(8);
  const { code, stdout } = await host.install(["--prefix", host.scratch.join("prefix")], {
    env: { HOME: disk.path },
  });
  assert.equal(code, 0);
  assert.match(stdout, /Note: ".*\.bashrc" cannot be changed/);
  assert.equal(await readFile(bashrc, "utf8"), mine);
});

test("a folder from which nothing may be run: an error; a temporary one like it does not matter", {
  skip: needs("root", "tmpfs"),
}, async () => {
  await using host = await hostWithOld();
  await host.publish("1.1.0");
  const noexec = host.scratch.join("noexec");
  await mkdir(noexec);
  const under = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    `mount -t tmpfs -o noexec none ${noexec} && exec "$@"`,
    "sh",
  ];
  const refused = await host.install(["--prefix", noexec], { under });
  assert.equal(refused.code, 5, refused.stderr);
  assert.match(refused.stderr, /Cannot run programs in ".*noexec\/bin": .*[Pp]ermission denied/);
  const done = await host.install([], { under, env: { TMPDIR: noexec } });
  assert.equal(done.code, 0, done.stderr);
  assert.equal(await versionOf(host.target), "kugetsu 1.1.0\n");
});

for (const tool of ["curl", "wget"] as const) {
  test(`a server on loopback serves a mirror to ${tool}`, { skip: needs(tool) }, async () => {
    await using host = await makeHost();
    await host.publish("1.0.0");
    const asked: string[] = [];
    await using server = await serveMirror(host, asked);
    const PATH = await pathWith(host, { without: [tool === "curl" ? "wget" : "curl"] });
    const options = { env: { PATH } };
    const { code, stderr } = await host.install(["--base-url", server.url], options);
    assert.equal(code, 0, stderr);
    assert.equal(await versionOf(host.target), "kugetsu 1.0.0\n");
    assert.deepEqual(asked.map((it) => it.split("/").at(-1)!.replace(/-linux.*/, "")), [
      "SHA256SUMS",
      "kugetsu-1.0.0",
    ]);
    const missing = await host.install(["--base-url", `${server.url}/no`], options);
    assert.equal(missing.code, 5);
    assert.match(missing.stderr, /Cannot get ".*\/no\/latest\/download\/SHA256SUMS": .*404/);
  });

  test(`${tool} is not led away from https, nor off this machine`, {
    skip: needs(tool),
  }, async () => {
    await using host = await makeHost();
    await host.publish("1.0.0");
    const asked: string[] = [];
    await using elsewhere = await serveMirror(host, asked);
    await using server = await serve((request, response) => {
      response.writeHead(302, { location: `${elsewhere.url}${request.url}` }).end();
    });
    const PATH = await pathWith(host, { without: [tool === "curl" ? "wget" : "curl"] });
    const { code } = await host.install(["--base-url", server.url], { env: { PATH } });
    assert.equal(code, 5);
    assert.deepEqual(asked, []);
    assert.deepEqual(await treeOf(host.home), []);
  });
}

/** How a server names the place that it leads to, for what was asked of it: `/…/NAME` is served as `/…/there-NAME`. */
const LEADS: Record<string, (path: string, server: string) => string> = {
  "to an address": (path, server) => `${server}${path}`,
  "to a path": (path) => path,
  "to its neighbour": (path) => basename(path),
};

for (const tool of ["curl", "wget"] as const) {
  for (const [where, lead] of Object.entries(LEADS)) {
    test(
      `${tool} follows https that leads ${where}`,
      { skip: needs(tool, "openssl") },
      async () => {
        await using host = await makeHost();
        await host.publish("1.0.0");
        const { path: trusted, ...certificate } = await makeCertificate(host);
        await using server = await serve(async (request, response) => {
          const [folder, name] = [dirname(request.url!), basename(request.url!)];
          if (name.startsWith("there-")) {
            response.end(await readFile(join(host.mirror, folder, name.replace("there-", ""))));
          } else {
            const location = lead(`${folder}/there-${name}`, server.url);
            response.writeHead(302, { location }).end();
          }
        }, certificate);
        const real = `PATH=/usr/local/bin:/usr/bin:/bin CURL_CA_BUNDLE='${trusted}' exec ${tool}`;
        const trust = tool === "wget" ? `--ca-certificate='${trusted}'` : "";
        const PATH = await pathWith(host, {
          own: { [tool]: `${real} ${trust} "$@"` },
          without: [tool === "curl" ? "wget" : "curl"],
        });
        const { code, stderr } = await host.install(["--base-url", server.url], { env: { PATH } });
        assert.equal(code, 0, stderr);
        assert.equal(await versionOf(host.target), "kugetsu 1.0.0\n");
      },
    );
  }
}

test("busybox's wget gets a mirror on loopback", { skip: needs("busybox") }, async () => {
  await using host = await makeHost();
  await host.publish("1.0.0");
  await using server = await serveMirror(host);
  const own = { wget: 'PATH=/usr/local/bin:/usr/bin:/bin exec busybox wget "$@"' };
  const PATH = await pathWith(host, { own, without: ["curl"] });
  const { code, stderr } = await host.install(["--base-url", server.url], { env: { PATH } });
  assert.equal(code, 0, stderr);
  assert.equal(await versionOf(host.target), "kugetsu 1.0.0\n");
});

test("many at once: one installs it, the version before is kept, and nothing is there twice", {
  skip: needs("dash", "bash", "busybox"),
}, async () => {
  await using host = await hostWithOld();
  await host.publish("1.1.0");
  await writeFile(join(host.home, ".bashrc"), "mine\n");
  // What a run that was killed held is in nobody's way.
  await symlink("99999999", join(host.bin, ".kugetsu.lock"));
  const shells = [["dash"], ["bash"], ["busybox", "ash"], ["dash"], ["bash"], ["busybox", "ash"]];
  const results = await Promise.all(shells.map((shell) => host.install([], { shell })));
  for (const { code, stderr } of results) assert.equal(code, 0, stderr);
  assert.deepEqual(await treeOf(host.bin), [
    `kugetsu 755 ${payload("1.1.0")}`,
    `kugetsu.previous 755 ${payload("1.0.0")}`,
  ]);
  const bashrc = await readFile(join(host.home, ".bashrc"), "utf8");
  assert.equal(bashrc.split(">>> kugetsu").length, 2);
});

test("while another run puts something in place, it waits", async () => {
  await using host = await hostWithOld();
  await host.publish("1.1.0");
  const lock = join(host.bin, ".kugetsu.lock");
  await symlink(String(process.pid), lock);
  const waiting = host.install();
  await until(
    "it has a copy to put there",
    async () => (await readdir(host.bin)).some((it) => it.endsWith(".tmp")),
  );
  assert.equal(await versionOf(host.target), "kugetsu 1.0.0\n");
  await rm(lock);
  assert.equal((await waiting).code, 0);
  assert.equal(await versionOf(host.target), "kugetsu 1.1.0\n");
});

test("addresses: https, files, and http on this machine; no name or password", async () => {
  await using host = await makeHost();
  const refused = [
    "http://example.org",
    "http://127.0.0.1.example.org/x",
    "http://localhost@example.org/",
    "http://127.0.0.1:80x/",
    "https://me:secret@example.org/",
    "ftp://example.org",
    "file://host/x",
    "/a/path",
    "https://",
  ];
  for (const url of refused) {
    const { code, stderr } = await host.install(["--base-url", url]);
    assert.equal(code, 2, url);
    assert.match(stderr, /only https:\/\/, file:\/\/\//, url);
  }
});

test("a busybox wget, which checks no certificates, gets no checksums to trust", async () => {
  await using host = await makeHost();
  const PATH = await pathWith(host, {
    without: ["curl"],
    own: { wget: "echo 'BusyBox v1.36' >&2; exit 1" },
  });
  const options = { env: { PATH } };
  const { code, stderr } = await host.install(["--base-url", "https://example.org/r"], options);
  assert.equal(code, 5);
  assert.match(stderr, /Cannot trust checksums that this wget gets/);
});

const MACHINES: [what: string, own: Record<string, string>, kind: string][] = [
  [
    "an old processor",
    { grep: 'case "$*" in *avx2*) exit 1 ;; *) exec /bin/grep "$@" ;; esac' },
    "linux-x64-baseline",
  ],
  [
    "a new processor",
    { grep: 'case "$*" in *avx2*) exit 0 ;; *) exec /bin/grep "$@" ;; esac' },
    "linux-x64",
  ],
  ["musl", { ldd: "echo 'musl libc (x86_64)'" }, "linux-x64-musl"],
  ["arm64", { uname: "case $1 in -s) echo Linux ;; *) echo aarch64 ;; esac" }, "linux-arm64"],
  ["a Mac", { uname: "case $1 in -s) echo Darwin ;; *) echo arm64 ;; esac" }, "darwin-arm64"],
  ["an older Mac", {
    uname: "case $1 in -s) echo Darwin ;; *) echo x86_64 ;; esac",
    sysctl: "echo 0",
  }, "darwin-x64"],
  [
    "Rosetta",
    { uname: "case $1 in -s) echo Darwin ;; *) echo x86_64 ;; esac", sysctl: "echo 1" },
    "darwin-arm64",
  ],
];

const LINUX_X64 = {
  uname: "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac",
  ldd: "echo 'ldd (GNU libc) 2.36'",
  getconf: "echo 64",
};

for (const [what, own, kind] of MACHINES) {
  test(`${what} gets ${kind}; --dry-run changes nothing`, async () => {
    await using host = await makeHost();
    await host.publish("1.0.0");
    const PATH = await pathWith(host, { own: { ...LINUX_X64, ...own } });
    const { code, stdout, stderr } = await host.install(["--dry-run"], { env: { PATH } });
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`Would get file:.*/kugetsu-1\\.0\\.0-${kind}\\.gz\n`));
    assert.deepEqual(await treeOf(host.home), []);
  });
}

test("a release's own installer brings its checksums, and asks for nothing else", async () => {
  await using host = await makeHost();
  await host.publish("1.0.0");
  const script = join(host.mirror, "latest/download/install.sh");
  await rm(join(host.mirror, "latest/download/SHA256SUMS"));
  await rm(join(host.mirror, "download/v1.0.0/SHA256SUMS"));
  const { code, stderr } = await host.install([], { script });
  assert.equal(code, 0, stderr);
  // A later release in the same place does not go past it.
  const archive = join(host.mirror, "download/v1.0.0");
  const kind =
    (await host.install(["--dry-run"], { script, env: { HOME: host.scratch.join("x") } }))
      .stdout.match(/kugetsu-1\.0\.0-(\S+)\.gz/)![1];
  await writeFile(join(archive, `kugetsu-1.0.0-${kind}.gz`), gzipSync(payload("1.0.0") + "#"));
  await rm(host.target);
  assert.equal((await host.install([], { script })).code, 9);
});

test("what it is asked for has to make sense", async () => {
  await using host = await makeHost();
  const wrong = [
    ["--version", "../../etc"],
    ["--version", "latest"],
    ["--version="],
    ["--base-url"],
    ["--rollback", "--uninstall"],
    ["--check", "--rollback"],
    ["--rollback", "--version", "1.0.0"],
    ["--purge"],
    ["--from-checkout", "--version", "1.0.0"],
    ["--yes=1"],
    ["extra"],
  ];
  for (const args of wrong) {
    const { code, stderr } = await host.install(args);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, /^error: .*\n {2}try: sh install\.sh/);
  }
});

test("--check prints the newest version; --rollback without a version before is an error", async () => {
  await using host = await hostWithOld();
  await host.publish("1.2.0");
  assert.equal((await host.install(["--check"])).stdout, "1.2.0\n");
  const { code, stderr } = await host.install(["--rollback"]);
  assert.equal(code, 5);
  assert.match(stderr, /Cannot go back: there is no ".*kugetsu\.previous"/);
});

test("going back over a script keeps that, as installing does", async () => {
  await using host = await hostWithOld();
  await host.publish("1.1.0");
  await host.install();
  await host.scratch.write("home/.local/bin/kugetsu", OLD_TOOL, 0o755);
  const { code, stdout } = await host.install(["--rollback"]);
  assert.equal(code, 0);
  assert.match(stdout, /Kept the script[^]*Went back to kugetsu 1\.0\.0/);
  assert.equal(await readFile(join(host.bin, "kugetsu.bash-backup"), "utf8"), OLD_TOOL);
});

test("uninstalling is confirmed, and refused while a turn is running", async () => {
  await using host = await hostWithOld();
  const before = await treeOf(host.home);
  // setsid: no terminal to ask on.
  const asked = await host.install(["--uninstall"], { under: ["setsid", "--wait"] });
  assert.equal(asked.code, 9);
  assert.match(asked.stderr, /Refused to uninstall: it was not confirmed/);
  assert.deepEqual(await treeOf(host.home), before);
  const busy =
    'case $1 in --version) echo "kugetsu 1.0.0" ;; *) echo \'  "state": "running",\' ;; esac\n';
  await host.scratch.write("home/.local/bin/kugetsu", busy, 0o755);
  const refused = await host.install(["--uninstall", "--yes"]);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /Cannot uninstall: turns are running \(1\)/);
  await host.publish("1.1.0");
  assert.match((await host.install()).stdout, /Installed/);
});

test("--purge deletes what is kugetsu's and leaves the rest; it refuses where it cannot ask", async () => {
  await using host = await hostWithOld();
  await host.scratch.write("home/.kugetsu/index.json", "{}");
  await host.scratch.write("home/.kugetsu/sessions/base.json", "{}");
  for (const folder of ["bases", "turns", "journal", "plugins/.trusted"]) {
    await host.scratch.write(`home/.kugetsu/${folder}/x.json`, "{}");
  }
  await host.scratch.write("home/.kugetsu/worktrees/work", "unpushed");
  await host.scratch.write("home/.local/bin/kugetsu", "exit 9\n", 0o755);
  const refused = await host.install(["--uninstall", "--purge", "--yes"]);
  assert.equal(refused.code, 9);
  await host.scratch.write("home/.local/bin/kugetsu", payload("1.0.0"), 0o755);
  const { code, stdout } = await host.install(["--uninstall", "--purge", "--yes"]);
  assert.equal(code, 0);
  assert.match(stdout, /still holds/);
  assert.deepEqual(await treeOf(host.home), [".kugetsu/worktrees/work 644 unpushed"]);
});

test("uninstalling ends what stays behind, and is refused while that has turns", async () => {
  await using host = await hostWithOld();
  const unit = "home/.config/systemd/user/kugetsu.service";
  const lines = [
    "# Written by kugetsu service install: …",
    'Environment="KUGETSU_HOME=/data/k"',
    `ExecStart="${join(host.bin, "kugetsu")}" "__supervisor"`,
  ];
  await host.scratch.write(unit, `${lines.join("\n")}\n`);
  const wants = host.scratch.join("home/.config/systemd/user/default.target.wants");
  await mkdir(wants);
  await symlink("../kugetsu.service", join(wants, "kugetsu.service"));
  const calls = host.scratch.join("calls");
  const answering = (status: number) =>
    `echo "$KUGETSU_HOME $*" >>'${calls}'\n` +
    `case "$1 $KUGETSU_HOME" in "supervisor /data/k") exit ${status} ;; esac\n`;
  await host.scratch.write("home/.local/bin/kugetsu", answering(4), 0o755);
  const refused = await host.install(["--uninstall", "--yes"]);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /Cannot uninstall: turns are not over in \/data\/k/);
  await host.scratch.write("home/.local/bin/kugetsu", answering(0), 0o755);
  assert.equal((await host.install(["--uninstall", "--yes"])).code, 0);
  assert.match(
    await readFile(calls, "utf8"),
    /\/\.kugetsu supervisor stop\n\/data\/k supervisor stop\n.*service uninstall\n/,
  );
  const left = (await treeOf(host.home)).filter((it) => it.includes("kugetsu.service"));
  assert.deepEqual(left, []);
});

for (
  const [whose, unit] of [
    ["somebody else", "[Unit]\n"],
    ["another executable", '# Written by kugetsu service install\nExecStart="/opt/kugetsu"\n'],
  ]
) {
  test(`the unit of ${whose} stays`, async () => {
    await using host = await hostWithOld();
    await host.scratch.write("home/.config/systemd/user/kugetsu.service", unit!);
    assert.equal((await host.install(["--uninstall", "--yes"])).code, 0);
    assert.match((await treeOf(host.home)).join("\n"), /kugetsu\.service/);
  });
}

test("start-up files: a link stays one, a mode stays, changed lines are left alone", async () => {
  await using host = await makeHost();
  await host.publish("1.0.0");
  await host.scratch.write("dotfiles/bashrc", "mine\n", 0o600);
  await symlink("../dotfiles/bashrc", join(host.home, ".bashrc"));
  await host.scratch.write("home/.profile", "# >>> kugetsu >>>\nby hand, without an end\n");
  await host.install();
  const dotfiles = await treeOf(host.scratch.join("dotfiles"));
  assert.match(dotfiles[0]!, /^bashrc 600 mine\n# >>> kugetsu >>>/);
  assert.ok((await treeOf(host.home)).includes(".bashrc -> ../dotfiles/bashrc"));
  const { stdout } = await host.install(["--uninstall", "--yes"]);
  assert.match(stdout, /Note: the lines of kugetsu in ".*\.profile" were changed/);
  assert.deepEqual(await treeOf(host.scratch.join("dotfiles")), ["bashrc 600 mine\n"]);
  assert.equal((await treeOf(host.home)).length, 2);
});

async function hostWithOld(): Promise<Host> {
  const host = await makeHost();
  await host.publish("1.0.0");
  const { code, stderr } = await host.install(["--no-modify-path"]);
  assert.equal(code, 0, stderr);
  return host;
}

/** One that this machine vouches for itself by; and the file of it. */
async function makeCertificate({ scratch }: Host) {
  const [keyout, out] = [scratch.join("key.pem"), scratch.join("cert.pem")];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  await run("openssl", ["req", ...kind, "-keyout", keyout, "-out", out, ...names]);
  const [key, cert] = await Promise.all([keyout, out].map((it) => readFile(it, "utf8")));
  return { key: key!, cert: cert!, path: out };
}
