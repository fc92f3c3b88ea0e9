import { describe, test } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { run } from "../../scripts/_run.ts";

interface Scene {
  options?: { json?: boolean; quiet?: boolean; debug?: boolean };
  env?: Record<string, string>;
  input?: string;
}

const HERE = new URL("../../src/", import.meta.url).href;

/** Runs a piece of code with an output as `out`, in a process whose streams are pipes. */
async function play(code: string, { options = {}, env = {}, input = "" }: Scene = {}) {
  const settings = { json: false, quiet: false, debug: false, ...options };
  const script = `
    import { printError, terminalOutput } from "${HERE}cli/terminal.ts";
    import { errors } from "${HERE}errors.ts";
    const env = ${JSON.stringify(env)};
    const out = terminalOutput(${JSON.stringify(settings)}, env);
    ${code}`;
  const { stdout, stderr, code: exit } = await run(process.execPath, ["eval", "--quiet", script], {
    input,
  });
  assert.equal(exit, 0, stderr);
  return { stdout, stderr };
}

const SAY_ALL = `
  out.write("answer\\n");
  out.result({ a: 1 }, "result\\n");
  out.note("note");
  out.warn("warning");
  out.debug("detail");`;

describe("what is said", () => {
  test("goes to standard output if it is a result, and else to standard error", async () => {
    assert.deepEqual(await play(SAY_ALL), {
      stdout: "answer\nresult\n",
      stderr: "note\nwarning: warning\n",
    });
  });

  test("is without notes if that was asked for, but not without warnings", async () => {
    const { stderr } = await play(SAY_ALL, { options: { quiet: true } });
    assert.equal(stderr, "warning: warning\n");
  });

  test("has the result as one JSON value if that was asked for", async () => {
    const { stdout, stderr } = await play(`out.result({ a: [1] }, "x"); out.note("note");`, {
      options: { json: true },
    });
    assert.deepEqual(JSON.parse(stdout), { a: [1] });
    assert.equal(stderr, "");
  });

  test("has the details with their time if that was asked for", async () => {
    const { stderr } = await play(SAY_ALL, { options: { debug: true } });
    assert.match(stderr, /^note\nwarning: warning\ndebug \d+\.\d{3}s detail\n$/);
  });

  test("leaves nothing behind of what it is doing where nobody watches", async () => {
    const code = `
      const progress = out.progress();
      progress.show("thinking");
      progress.around(() => out.write("answer\\n"));
      progress.stop();`;
    assert.deepEqual(await play(code), { stdout: "answer\n", stderr: "" });
  });

  test("is not interactive in pipes", async () => {
    assert.equal((await play("out.write(String(out.interactive));")).stdout, "false");
  });

  test("shows a table in full where there is no terminal", async () => {
    const long = "x".repeat(300);
    const { stdout } = await play(`out.write(await out.table(["A"], [["${long}"]]));`);
    assert.equal(stdout, `A\n${"─".repeat(300)}\n${long}\n`);
  });

  test("on standard error cannot drive a terminal, whoever it quotes", async () => {
    const hostile = String.raw`"\x1b]0;title\x07\x9b2J\u202egnp.exe\r"`;
    const { stderr } = await play(
      `out.note(${hostile}); out.warn(${hostile}); out.debug(${hostile});
       printError(errors.opencodeFailed("x", ${hostile}), false, env);
       printError(errors.usage("Cannot", { next: ${hostile}, hint: ${hostile} }), false, env);`,
      { options: { debug: true } },
    );
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stderr), JSON.stringify(stderr));
    assert.equal(stderr.split("\\u{001b}]0;title").length, 7);
  });

  test("as a result or an answer goes out byte for byte", async () => {
    const { stdout } = await play(String.raw`out.write("\x1b[1m日本\r\n"); out.result(0, "\x07");`);
    assert.equal(stdout, "\x1b[1m日本\r\n\x07");
  });
});

describe("colours", () => {
  const CASES: [env: Record<string, string>, isColoured: boolean][] = [
    [{}, false],
    [{ TERM: "xterm" }, false],
    [{ FORCE_COLOR: "1" }, true],
    [{ FORCE_COLOR: "1", TERM: "dumb" }, true],
    [{ FORCE_COLOR: "" }, true],
    [{ FORCE_COLOR: "0" }, false],
    [{ FORCE_COLOR: "false" }, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "" }, true],
  ];
  for (const [env, isColoured] of CASES) {
    test(`are ${isColoured ? "there" : "left out"} in a pipe with ${JSON.stringify(env)}`, async () => {
      const { stderr } = await play(`out.warn("x"); printError(errors.noBase(), false, env);`, {
        env,
      });
      assert.equal(stderr.includes("\x1b[33mwarning:\x1b["), isColoured);
      assert.equal(stderr.includes("\x1b[31merror:\x1b["), isColoured);
      assert.equal(stderr.includes("\x1b"), isColoured);
    });
  }
});

describe("an error", () => {
  test("is told with what to do next, and what else there is to say", async () => {
    const { stdout, stderr } = await play(`
      printError(errors.noBase(), false, env);
      printError(errors.opencodeTooOld("1.0", "1.18"), false, env);
      printError(errors.storeLocked("pid 7", 30), false, env);`);
    assert.equal(stdout, "");
    assert.equal(
      stderr,
      [
        "error: Cannot start: there is no base session yet",
        "  try: kugetsu init",
        "  (without a terminal: kugetsu init --headless)",
        "error: Cannot work with opencode 1.0: 1.18 or newer is needed",
        "  try: opencode upgrade",
        "error: Cannot lock the state folder within 30 s: it is held by pid 7",
        "  run the command again",
        "",
      ].join("\n"),
    );
  });

  test("lists what it speaks of, the first of it, and all of it in JSON", async () => {
    const code = (json: boolean) => `
      const lines = Array.from({ length: 22 }, (_, at) => "untracked: " + at + "\\n");
      printError(errors.worktreeUnsaved("destroy it", lines, "kugetsu list"), ${json}, env);`;
    const lines = (await play(code(false))).stderr.split("\n");
    assert.equal(lines[1], "    untracked: 0\\u{000a}");
    assert.deepEqual(lines.slice(20, 23), [
      "    untracked: 19\\u{000a}",
      "    … and 2 more",
      "  try: kugetsu list",
    ]);
    assert.equal(JSON.parse((await play(code(true))).stderr).error.details.length, 22);
  });

  test("is one line of JSON if that was asked for", async () => {
    const { stdout, stderr } = await play("printError(errors.noBase(), true, env);");
    assert.equal(stdout, "");
    assert.match(stderr, /^[^\n]+\n$/);
    assert.deepEqual(JSON.parse(stderr), {
      error: {
        code: "no-base",
        exit: 3,
        message: "Cannot start: there is no base session yet",
        next: "kugetsu init",
        hint: "without a terminal: kugetsu init --headless",
      },
    });
  });
});

test("a question is answered with y or yes, and anything else means no", async () => {
  const answers: [input: string, isYes: boolean][] = [
    ["y\n", true],
    ["YES\n", true],
    [" yes \n", true],
    ["n\n", false],
    ["\n", false],
    ["yep\n", false],
    ["no\ny\n", false],
    ["", false],
  ];
  const code = 'out.write(String(await out.confirm("Really?")));';
  for (const [input, isYes] of answers) {
    const { stdout, stderr } = await play(code, { input });
    assert.equal(stdout, String(isYes), JSON.stringify(input));
    assert.equal(stderr, `Really? [y/N] ${input === "" ? "\n" : ""}`);
  }
});
