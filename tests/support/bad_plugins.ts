/**
 * Plugins that do what no plugin should, each as a file for kugetsu's host and as a program of its own (Python).
 * `expects` is what becomes of a start: `refused` (exit 9), `left out` (it goes on without), or `fine`.
 */
import process from "node:process";

export interface BadPlugin {
  what: string;
  expects: "refused" | "left out" | "fine";
  /** Where it needs more time than usual to do its worst. */
  limitMs?: number;
  /** In the message. */
  says: RegExp;
  /** The file in place of the usual one, or the body of its pre-start. */
  script: { whole: string } | { body: string };
  program: { whole: string } | { body: string };
}

/** The limit that tests set for it: slow by a hair is relative to that. From source a host takes a second to come up. */
export const LIMIT_MS = process.env.KUGETSU_TEST_ENGINE === "deno" ? 6000 : 1500;
const TOO_LONG = new RegExp(`longer than ${LIMIT_MS / 1000} s`);

export const BAD_PLUGINS: BadPlugin[] = [
  {
    what: "throws when it is loaded",
    expects: "left out",
    says: /error: at load/i,
    script: { whole: 'throw new Error("at load");' },
    program: { whole: 'raise Exception("Error: at load")' },
  },
  {
    what: "throws late, beside the call",
    expects: "refused",
    says: /too late/,
    script: {
      body:
        'setTimeout(() => { throw new Error("too late"); }, 50); return new Promise(() => setInterval(() => {}, 1000));',
    },
    program: {
      body:
        'threading.Timer(0.05, lambda: (sys.stderr.write("Error: too late\\n"), sys.stderr.flush(), os._exit(1))).start(); time.sleep(60)',
    },
  },
  {
    what: "exits",
    expects: "refused",
    says: /exit code 0/,
    script: { body: "process.exit(0);" },
    program: { body: "os._exit(0)" },
  },
  {
    what: "loops without end",
    expects: "refused",
    says: TOO_LONG,
    script: { body: "for (;;);" },
    program: { body: "while True: pass" },
  },
  {
    what: "never settles",
    expects: "refused",
    says: TOO_LONG,
    script: { body: "return new Promise(() => {});" },
    program: { body: "time.sleep(60)" },
  },
  {
    what: "has a syntax error",
    expects: "left out",
    says: /left out/,
    script: { whole: "export default {{{" },
    program: { whole: "def (" },
  },
  {
    what: "is for another version",
    expects: "left out",
    says: /version 2; this kugetsu has 1/,
    script: { whole: 'export default { name: "bad", apiVersion: 2, hooks: {} };' },
    program: {
      whole:
        'print(\'{"type":"hello","name":"bad","apiVersion":2,"hooks":{}}\', flush=True)\ninput()',
    },
  },
  {
    what: "prints a gigabyte",
    expects: "refused",
    says: /more than 4 MB/,
    script: {
      body:
        'const { writeSync } = await import("node:fs"); const much = "x".repeat(1 << 20); for (let i = 0; i < 1024; i++) writeSync(1, much);',
    },
    program: {
      body: 'for _ in range(1024): os.write(1, b"x" * (1 << 20))',
    },
  },
  {
    what: "patches what everybody uses",
    expects: "fine",
    says: /^/,
    script: {
      body:
        'JSON.parse = JSON.stringify = () => "nonsense"; console.log = process.exit = process.kill = () => {}; Array.prototype.map = () => [];',
    },
    program: {
      body: "import builtins; builtins.open = builtins.exec = os.kill = None",
    },
  },
  {
    what: "leaves children behind",
    expects: "fine",
    says: /^/,
    script: {
      body: `const { spawn } = await import("node:child_process");
        for (let i = 0; i < 5; i++) spawn("sleep", ["300"], { detached: true, stdio: i % 2 ? "ignore" : "inherit" }).unref();
        spawn("sh", ["-c", "(setsid sleep 300 &) ; sleep 300"], { detached: true, stdio: "ignore" }).unref();`,
    },
    program: {
      body: `[subprocess.Popen(["sleep", "300"], start_new_session=True) for _ in range(5)]
    subprocess.Popen(["sh", "-c", "(setsid sleep 300 &) ; sleep 300"], start_new_session=True)`,
    },
  },
  {
    what: "answers nonsense",
    expects: "refused",
    says: /its answer is not as it should be/,
    script: { body: 'return { mesage: 3, also: ["this"] };' },
    program: { body: 'return {"mesage": 3, "also": ["this"]}' },
  },
  {
    what: "closes its pipes",
    expects: "refused",
    says: /longer than|ended/,
    script: {
      body:
        'const { closeSync } = await import("node:fs"); for (const it of [0, 1, 2]) { try { closeSync(it); } catch {} } await new Promise((later) => setTimeout(later, 60000));',
    },
    program: { body: "[os.close(it) for it in (0, 1, 2)]; time.sleep(60)" },
  },
  {
    what: "ignores SIGTERM",
    expects: "refused",
    says: TOO_LONG,
    script: {
      body:
        'for (const it of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(it, () => {}); await new Promise((later) => setTimeout(later, 60000));',
    },
    program: {
      body:
        "[signal.signal(it, signal.SIG_IGN) for it in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]; time.sleep(60)",
    },
  },
  {
    what: "eats memory",
    expects: "refused",
    limitMs: 8000,
    says: /more than 512 MB/,
    script: {
      body:
        "const all = []; while (true) { all.push(new Uint8Array(16 << 20).fill(1)); await new Promise((later) => setTimeout(later, 2)); }",
    },
    program: {
      body: `everything = []
    while True:
        everything.append(bytearray(os.urandom(1)) * (16 << 20))
        time.sleep(0.002)`,
    },
  },
  {
    what: "is late by a hair",
    expects: "refused",
    says: TOO_LONG,
    script: {
      body: `await new Promise((later) => setTimeout(later, ${LIMIT_MS + 60})); return {};`,
    },
    program: { body: `time.sleep(${(LIMIT_MS + 60) / 1000})` },
  },
];

/** The plugin "bad" in TypeScript. */
export function scriptOf({ script }: BadPlugin): string {
  if ("whole" in script) return script.whole;
  return `export default {
  name: "bad",
  apiVersion: 1,
  hooks: { "pre-start": async () => { ${script.body} } },
};
`;
}

/** The same as a program. */
export function programOf({ program }: BadPlugin): string {
  const head =
    "#!/usr/bin/env python3\nimport json, os, signal, subprocess, sys, threading, time\n";
  if ("whole" in program) return `${head}${program.whole}\n`;
  return `${head}
def hook():
    ${program.body}

for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "hello":
        print(json.dumps({"type": "hello", "name": "bad", "apiVersion": 1, "hooks": {"pre-start": {}}}), flush=True)
    else:
        print(json.dumps({"type": "result", "id": message["id"], "value": hook()}), flush=True)
`;
}
