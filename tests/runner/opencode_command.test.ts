import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { isAbsolute, relative } from "node:path";
import process from "node:process";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import type { TurnRequest } from "../../src/runner/mod.ts";
import type { Environment } from "../../src/runner/opencode_call.ts";
import { OpencodeCommand } from "../../src/runner/opencode_command.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const PATH = "/usr/bin:/bin";

/** A program that answers `--version`, and keeps how it was called. */
async function fakeOpencode(scratch: Scratch, name: string, says = "1.18.33"): Promise<string> {
  const log = scratch.join("calls");
  const script = `#!/bin/sh\necho "$PWD $*" >>'${log}'\n${says === "" ? "" : `echo "${says}"`}\n`;
  return await scratch.write(name, script, 0o755);
}

const callsOf = (scratch: Scratch) =>
  readFile(scratch.join("calls"), "utf8").then((text) => text.trim().split("\n"), () => []);

function commandIn(scratch: Scratch, env: Environment, debug: string[] = []): OpencodeCommand {
  return new OpencodeCommand({
    env: { PATH, HOME: scratch.join("home"), ...env },
    cacheFolder: scratch.join("cache"),
    debug: (text) => debug.push(text),
  });
}

/** An error's code and what it says, for comparing. */
function refusal(code: string, pattern: RegExp) {
  return (error: unknown) => {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit], [code, EXIT.environment]);
    assert.match(error.message, pattern);
    return true;
  };
}

describe("opencode is found", () => {
  test("where KUGETSU_OPENCODE says, before anything else", async () => {
    await using scratch = await makeScratch();
    const chosen = await fakeOpencode(scratch, "chosen/tool");
    await fakeOpencode(scratch, "bin/opencode");
    const env = { KUGETSU_OPENCODE: chosen, PATH: scratch.join("bin") };
    assert.equal(commandIn(scratch, env).executable(), chosen);
  });

  test("by an absolute path, wherever a turn then runs", async () => {
    await using scratch = await makeScratch();
    const chosen = await fakeOpencode(scratch, "chosen/tool");
    const here = relative(process.cwd(), chosen);
    assert(!isAbsolute(here));
    assert.equal(commandIn(scratch, { KUGETSU_OPENCODE: here }).executable(), chosen);
  });

  test("on PATH, and then where its own installer puts it", async () => {
    await using scratch = await makeScratch();
    const installed = await fakeOpencode(scratch, "home/.opencode/bin/opencode");
    assert.equal(commandIn(scratch, {}).executable(), installed);
    const onPath = await fakeOpencode(scratch, "bin/opencode");
    assert.equal(commandIn(scratch, { PATH: scratch.join("bin") }).executable(), onPath);
  });

  test("nowhere else, and what to do is said", async () => {
    await using scratch = await makeScratch();
    await scratch.write("bin/opencode", "no program", 0o644);
    for (const env of [{ PATH: scratch.join("bin") }, { PATH: undefined, HOME: undefined }]) {
      assert.throws(
        () => commandIn(scratch, env).executable(),
        refusal("no-opencode", /neither on PATH nor in ~\/\.opencode\/bin/),
      );
    }
    assert.throws(
      () => commandIn(scratch, { KUGETSU_OPENCODE: scratch.join("missing") }).executable(),
      refusal("no-opencode", /KUGETSU_OPENCODE names ".*missing", which cannot be run/),
    );
  });
});

describe("opencode's version", () => {
  test("is asked once for each program, and again when the program changes", async () => {
    await using scratch = await makeScratch();
    const file = await fakeOpencode(scratch, "opencode", "1.18.33");
    const ask = () => commandIn(scratch, { KUGETSU_OPENCODE: file }).version();
    assert.equal(await ask(), "1.18.33");
    assert.equal(await ask(), "1.18.33");
    assert.deepEqual(await callsOf(scratch), ["/ --version"]);
    await fakeOpencode(scratch, "opencode", "1.19.0-beta.1");
    assert.equal(await ask(), "1.19.0-beta.1");
    assert.equal((await callsOf(scratch)).length, 2);
  });

  test("has to be new enough", async () => {
    await using scratch = await makeScratch();
    for (
      const [said, isEnough] of [
        ["1.18.0", true],
        ["1.18.0-rc.1", true],
        ["1.100.2", true],
        ["2.0.0", true],
        ["1.17.99", false],
        ["1.9.0", false],
        ["0.99.0", false],
      ] as const
    ) {
      const file = await fakeOpencode(scratch, `opencode-${said}`, said);
      const version = commandIn(scratch, { KUGETSU_OPENCODE: file }).version();
      if (isEnough) assert.equal(await version, said);
      else {
        await assert.rejects(
          version,
          refusal("opencode-too-old", new RegExp(`${said}: 1\\.18\\.0 or newer`)),
        );
      }
    }
  });

  test("that is none is an error, and not remembered", async () => {
    await using scratch = await makeScratch();
    const file = await fakeOpencode(scratch, "opencode", "");
    const ask = () => commandIn(scratch, { KUGETSU_OPENCODE: file }).version();
    await assert.rejects(ask(), refusal("opencode-failed", /ask opencode for its version/));
    await assert.rejects(ask(), refusal("opencode-failed", /ask opencode for its version/));
    assert.equal((await callsOf(scratch)).length, 2);
  });

  test("cannot be asked of a program that fails, whose last words are told", async () => {
    await using scratch = await makeScratch();
    const script = "#!/bin/sh\necho first >&2\necho 'no disk left' >&2\nexit 3\n";
    const file = await scratch.write("opencode", script, 0o755);
    await assert.rejects(
      commandIn(scratch, { KUGETSU_OPENCODE: file }).version(),
      refusal("opencode-failed", /ask opencode for its version: no disk left$/),
    );
  });

  test("that its runtime could not even start is told with the cause, not with the runtime's version", async () => {
    await using scratch = await makeScratch();
    const crashes = [
      "ENOTDIR: not a directory, mkdir '/x'\n    path: \"/x\",\n errno: -20,\n\n\n\nBun v1.3.14 (Linux x64)",
      "7 | boom()\n    ^\nTypeError: boom is not a function\n      at x.js:7\n\nBun v1.3.14 (Linux x64)",
    ];
    const causes = [
      /: ENOTDIR: not a directory, mkdir '\/x'$/,
      /: TypeError: boom is not a function$/,
    ];
    for (const [at, crash] of crashes.entries()) {
      const script = `#!/bin/sh\ncat >&2 <<'END'\n${crash}\nEND\nexit 1\n`;
      const file = await scratch.write(`opencode${at}`, script, 0o755);
      await assert.rejects(
        commandIn(scratch, { KUGETSU_OPENCODE: file }).version(),
        refusal("opencode-failed", causes[at]!),
      );
    }
  });
});

const REQUEST: TurnRequest = {
  id: "t1",
  kind: "fork",
  session: "ses_base",
  directory: "/",
  message: "a secret prompt",
  permissions: "deny",
  limits: { firstEvent: 1, silence: 1, total: 1, answer: 1 },
};

/** The call for a turn, with what is the same in every one left out. */
async function callFor(request: Partial<TurnRequest>, env: Environment = {}) {
  await using scratch = await makeScratch();
  const file = await fakeOpencode(scratch, "opencode");
  const debug: string[] = [];
  const directory = scratch.join("repository");
  await scratch.write("repository/.git/HEAD", "");
  const call = await commandIn(scratch, { ...env, KUGETSU_OPENCODE: file }, debug)
    .run({ ...REQUEST, directory, ...request });
  assert.equal(call.file, file);
  const json = (name: string) => JSON.parse(call.env[name]!);
  return {
    args: call.args,
    directory,
    env: call.env,
    permission: json("OPENCODE_PERMISSION") as Record<string, unknown>,
    config: json("OPENCODE_CONFIG_CONTENT") as Record<string, unknown>,
    everything: JSON.stringify([call, debug]),
  };
}

describe("the call for a turn", () => {
  const LOGS = ["--print-logs", "--log-level", "INFO"];
  const CASES: [what: string, request: Partial<TurnRequest>, args: string[]][] = [
    ["forks", {}, ["--fork", "--session", "ses_base"]],
    ["continues", { kind: "continue", session: "ses_1" }, ["--continue", "--session", "ses_1"]],
    [
      "names the model and the agent",
      { model: "local/scripted", agent: "plan" },
      ["--fork", "--session", "ses_base", "--model", "local/scripted", "--agent", "plan"],
    ],
    ["allows", { permissions: "allow" }, ["--fork", "--session", "ses_base", "--auto"]],
    ["waits", { permissions: "wait" }, ["--fork", "--session", "ses_base"]],
  ];
  for (const [what, request, args] of CASES) {
    test(`${what} as it was asked to`, async () => {
      const call = await callFor(request);
      const [fork, session, id, ...more] = args;
      const all = [fork, session, id, "--dir", call.directory, ...more, ...LOGS];
      assert.deepEqual(call.args, ["run", "--format", "json", ...all]);
    });
  }

  test("holds the message nowhere, nor does what is said about it", async () => {
    for (const permissions of ["deny", "allow", "wait"] as const) {
      const { everything } = await callFor({ permissions });
      assert(!everything.includes("secret prompt"), everything);
    }
  });

  test("goes on after what is denied, unless it is to wait for an answer", async () => {
    const goesOn = async (permissions: TurnRequest["permissions"]) =>
      (await callFor({ permissions })).config["experimental"];
    assert.deepEqual(await goesOn("deny"), { continue_loop_on_deny: true });
    assert.deepEqual(await goesOn("wait"), { continue_loop_on_deny: false });
  });

  test("always denies what only a human in front of opencode could answer", async () => {
    for (const permissions of ["deny", "allow", "wait"] as const) {
      const { permission } = await callFor({ permissions });
      assert.deepEqual(permission, { question: "deny", plan_enter: "deny", plan_exit: "deny" });
    }
  });
});

describe("the environment of a turn", () => {
  test("is the user's, without kugetsu's own settings, but with the marks of turns around it", async () => {
    const { env } = await callFor({}, {
      LANG: "C.UTF-8",
      SOME_API_KEY: "k",
      KUGETSU_HOME: "/state",
      KUGETSU_TIMEOUT: "1h",
      KUGETSU_TURN_outer: "1",
    });
    const { OPENCODE_PERMISSION: _, OPENCODE_CONFIG_CONTENT: __, HOME: ___, ...rest } = env;
    assert.deepEqual(rest, { PATH, LANG: "C.UTF-8", SOME_API_KEY: "k", KUGETSU_TURN_outer: "1" });
  });

  test("keeps what the user set in OPENCODE_PERMISSION, with kugetsu's rules behind it", async () => {
    const user = { question: "allow", bash: { "*": "ask", "git *": "allow" }, "*": "allow" };
    const { permission } = await callFor({}, { OPENCODE_PERMISSION: JSON.stringify(user) });
    assert.deepEqual(permission["bash"], user.bash);
    assert.equal(permission["*"], "allow");
    // The last rule that matches wins, so the order counts.
    assert.deepEqual(Object.entries(permission).slice(-3), [
      ["question", "deny"],
      ["plan_enter", "deny"],
      ["plan_exit", "deny"],
    ]);
  });

  test("keeps what the user set in OPENCODE_CONFIG_CONTENT, comments allowed as opencode allows them", async () => {
    const user = `{
      // Mine
      "model": "local/mine", /* and */ "experimental": { "batch_tool": true },
    }`;
    const { config } = await callFor({}, { OPENCODE_CONFIG_CONTENT: user });
    assert.deepEqual({ ...config, agent: undefined }, {
      model: "local/mine",
      experimental: { batch_tool: true, continue_loop_on_deny: true },
      agent: undefined,
    });
  });

  test("is made all the same when the user's settings there cannot be read", async () => {
    for (const odd of ["", "no json", "[]", "null", "7"]) {
      const { config, permission } = await callFor({}, {
        OPENCODE_CONFIG_CONTENT: odd,
        OPENCODE_PERMISSION: odd,
      });
      assert.deepEqual(config["experimental"], { continue_loop_on_deny: true });
      assert.equal(permission["question"], "deny");
    }
  });

  test("denies each agent of opencode's the tools that only a human can answer, behind what the user set for it", async () => {
    const user = { agent: { plan: { permission: { question: "allow" }, prompt: "Be kind." } } };
    const env = { OPENCODE_CONFIG_CONTENT: JSON.stringify(user) };
    const { config } = await callFor({ agent: "nonesuch" }, env);
    const agents = config["agent"] as Record<string, { permission: object; prompt?: string }>;
    assert.deepEqual(Object.keys(agents).sort(), ["build", "explore", "general", "plan"]);
    const denied = { "question *": "deny", "plan_enter *": "deny", "plan_exit *": "deny" };
    assert.deepEqual(agents["build"]?.permission, denied);
    assert.deepEqual(Object.entries(agents["plan"]!.permission), [
      ["question", "allow"],
      ...Object.entries(denied),
    ]);
    assert.equal(agents["plan"]?.prompt, "Be kind.");
  });
});

test("a call runs in no repository, whose files its runtime would read", async () => {
  await using scratch = await makeScratch();
  const script = '#!/bin/sh\necho "$(pwd -P)|$PWD|$EXTRA|$KUGETSU_HOME|$*"\n';
  const file = await scratch.write("opencode", script, 0o755);
  const command = commandIn(scratch, { KUGETSU_OPENCODE: file, KUGETSU_HOME: "/state" });
  const { stdout } = await command.ask(["a", "b c"], "try", { EXTRA: "x" });
  assert.equal(stdout, "/|/|x||a b c\n");
});

test("a call that finds the database locked is made again, and not for ever", async () => {
  await using scratch = await makeScratch();
  const busy = (times: number) =>
    `#!/bin/sh\ncd "$(dirname "$0")"\necho >> calls\n` +
    `[ $(wc -l < calls) -gt ${times} ] && exec echo free\necho "Error: database is locked" >&2\nexit 1\n`;
  const ask = async (times: number) => {
    await rm(scratch.join("calls"), { force: true });
    const file = await scratch.write("opencode", busy(times), 0o755);
    return await commandIn(scratch, { KUGETSU_OPENCODE: file }).ask([], "try");
  };
  assert.equal((await ask(2)).stdout, "free\n");
  await assert.rejects(ask(99), refusal("opencode-failed", /database is locked/));
  assert.equal((await readFile(scratch.join("calls"), "utf8")).length, 5);
});

test("a turn without a repository's settings asks opencode for nothing but its version", async () => {
  await using scratch = await makeScratch();
  const file = await fakeOpencode(scratch, "opencode");
  await scratch.write("repository/.git/HEAD", "");
  // Above the repository's root, so none of its settings.
  await writeFile(scratch.join("opencode.json"), "{}");
  await commandIn(scratch, { KUGETSU_OPENCODE: file })
    .run({ ...REQUEST, directory: scratch.join("repository") });
  assert.deepEqual(await callsOf(scratch), ["/ --version"]);
});
