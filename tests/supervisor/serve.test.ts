/** The supervisor's process and its client, over a real socket; what it keeps is a job that the test brings forward. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { errors, type KugetsuError } from "../../src/errors.ts";
import type { Outcome } from "../../src/session/outcome.ts";
import { type ClientOptions, SupervisorClient } from "../../src/supervisor/client.ts";
import { Keeper } from "../../src/supervisor/keeper.ts";
import { Mailbox } from "../../src/supervisor/mailbox.ts";
import type { Job, Line } from "../../src/supervisor/mod.ts";
import { serve } from "../../src/supervisor/serve.ts";
import { connect } from "../../src/supervisor/socket.ts";
import { readTranscript } from "../../src/supervisor/transcript_reader.ts";
import { Transcripts } from "../../src/supervisor/transcripts.ts";
import { needs } from "../support/needs.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { submission } from "../support/turns.ts";
import { until } from "../support/until.ts";

const NAME = "github.com-shoko-kugetsu-1";

/** Says three words, waits to be ended, and tells how it was. */
const talk: Job = async (turn, host) => {
  if (turn.message === "refuse") throw errors.noBase();
  await host.admit({ key: turn.ref, name: NAME });
  host.begun("/somewhere");
  for (const text of ["one", "two", "three"]) host.event({ kind: "text", text });
  if (turn.message === "wait") {
    await new Promise<void>((stop) => host.signal.addEventListener("abort", () => stop()));
    const outcome: Outcome = { kind: "cancelled", signal: host.signal.reason };
    return host.ended({ outcome, session: "ses_1", text: "" });
  }
  host.ended({ outcome: { kind: "done" }, session: "ses_1", text: "three" });
};

/** One that can start no supervisor by itself. */
function makeClient(folder: string, changes: Partial<ClientOptions> = {}): SupervisorClient {
  return new SupervisorClient({
    socket: join(folder, "none.sock"),
    log: join(folder, "log"),
    traces: {
      hasAccepted: () => new Mailbox(folder).hasAccepted(),
      transcript: (_, after) =>
        Promise.resolve(readTranscript(join(folder, `${NAME}.jsonl`), { after })),
    },
    ...{
      version: "9.9.9",
      build: "b",
      environment: () => Promise.resolve({ PATH: "1", A_KEY: "2" }),
      hasLeft: () => false,
    },
    ...{ command: ["/bin/false"], env: {}, prepare() {}, warn() {}, debug() {} },
    ...changes,
  });
}

async function makeLab(folder: string, idleSeconds = 60, build = "b") {
  await mkdir(folder, { recursive: true });
  const socket = join(folder, "supervisor.sock");
  const keeper = new Keeper({
    job: talk,
    mailbox: new Mailbox(folder),
    transcripts: new Transcripts(
      (name) => join(folder, `${name}.jsonl`),
      { maxBytes: 1_000_000, now: () => "now" },
    ),
    caps: { host: 2, repository: 2 },
    answer: () => Promise.resolve(true),
    nameOf: () => Promise.resolve(NAME),
    now: () => "now",
    debug: () => {},
  });
  const end = new AbortController();
  const released: string[] = [];
  const kept: (string | undefined)[] = [];
  const facts = { pid: 1, version: "9.9.9", started_at: "now", max_parallel: 2 };
  const over = serve(
    {
      ...{
        socket,
        keeper,
        idleSeconds,
        build,
        environment: { PATH: "1", A_KEY: "2" },
        status: () => facts,
        debug: () => {},
      },
      server: ({ directory }, lent) => {
        kept.push(lent);
        return Promise.resolve({
          ...{ url: "http://127.0.0.1:1", password: "p" },
          release: () => void released.push(directory),
        });
      },
    },
    end.signal,
  );
  const client = makeClient(folder, { socket });
  await until("it listens", async () => {
    const channel = await connect(socket);
    channel?.destroy();
    return channel !== undefined;
  });
  return {
    client,
    socket,
    over,
    released,
    kept,
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await over;
    },
  };
}

const REF = "github.com/shoko/kugetsu#1";

async function follow(
  client: SupervisorClient,
  what: { key: string; turn: string },
): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of client.follow(what, new AbortController().signal)) lines.push(line);
  return lines;
}

test("a turn is handed in, followed to its end, and stopped, over the socket", async () => {
  await using scratch = await makeScratch("serve");
  await using lab = await makeLab(scratch.join("run"));
  const { client } = lab;
  assert.equal((await stat(lab.socket)).mode & 0o777, 0o600);
  const turn = submission();
  assert.equal((await client.submit(turn)).again, false);
  // As when its answer is lost: to whoever asks, it is still the first time.
  assert.deepEqual(await client.submit(turn), { key: REF, turn: turn.id, ahead: 0, again: false });
  const keyed = submission({ ref: "github.com/shoko/kugetsu#2", key: "once", message: "wait" });
  await client.submit(keyed);
  const repeated = await client.submit({ ...keyed, id: "another-id" });
  assert.deepEqual([repeated.turn, repeated.again], [keyed.id, true]);
  await client.stop([keyed.ref], "SIGINT");
  const kinds = (await follow(client, { key: REF, turn: turn.id })).map((it) => it.kind);
  assert.deepEqual(kinds, ["accepted", "begun", "text", "text", "text", "ended"]);

  const waiting = submission({ message: "wait", kind: "continue" });
  await client.submit(waiting);
  assert.equal((await client.status())?.turns[0]?.turn, waiting.id);
  const ended = follow(client, { key: REF, turn: waiting.id });
  assert.deepEqual(await client.stop([REF], "SIGINT"), [{ key: REF, left: [], dropped: 0 }]);
  assert.equal((await ended).at(-1)?.kind, "ended");
});

test("one that has another environment is told so while there are turns, and replaced when there are none", async () => {
  await using scratch = await makeScratch("serve");
  const lab = await makeLab(scratch.join("run"));
  const warnings: string[] = [];
  const other = makeClient(scratch.join("run"), {
    socket: lab.socket,
    environment: () => Promise.resolve({ PATH: "9", A_KEY: "2", B_KEY: "3" }),
    warn: (text) => warnings.push(text),
  });
  await lab.client.submit(submission({ message: "wait" }));
  const second = submission({ ref: "github.com/shoko/kugetsu#2", message: "wait" });
  assert.equal((await other.submit(second)).again, false);
  assert.match(warnings.join(), /other values of B_KEY, PATH; .*kugetsu supervisor restart/);
  await lab.client.stop("all", "SIGTERM");
  // The next one would be started by this client's command, which can start none.
  await assert.rejects(other.submit(submission({ message: "wait" })), {
    code: "supervisor-failed",
  });
  assert.equal(await lab.over, "again");
});

test("an error crosses over whole", async () => {
  await using scratch = await makeScratch("serve");
  await using lab = await makeLab(scratch.join("run"));
  const expected = errors.noBase();
  await assert.rejects(
    lab.client.submit(submission({ message: "refuse" })),
    (error: KugetsuError) => {
      const { code, exit, message, next, hint } = expected;
      assert.deepEqual([error.code, error.exit, error.message, error.next, error.hint], [
        code,
        exit,
        message,
        next,
        hint,
      ]);
      return true;
    },
  );
});

test("one that speaks another language is told what to do, and one that leaves harms nobody", async () => {
  await using scratch = await makeScratch("serve");
  await using lab = await makeLab(scratch.join("run"));
  for (const said of [{}, { protocol: 99, version: "x", ask: "dance" }, [1]]) {
    const channel = (await connect(lab.socket))!;
    channel.send(said);
    assert.match(
      JSON.stringify(await channel.receive()),
      /supervisor-older.*kugetsu supervisor restart/,
    );
    channel.destroy();
  }
  const turn = submission({ message: "wait" });
  await lab.client.submit(turn);
  for await (
    const line of lab.client.follow({ key: REF, turn: turn.id }, new AbortController().signal)
  ) {
    if (line.kind === "text") break;
  }
  assert.equal((await lab.client.status())?.turns.length, 1);
  await lab.client.stop("all", "SIGTERM");
});

test("it ends by itself when nothing is to be done, and not while a turn runs or somebody listens", async () => {
  await using scratch = await makeScratch("serve");
  const lab = await makeLab(scratch.join("run"), 0.2);
  const turn = submission({ message: "wait" });
  await lab.client.submit(turn);
  const early = await Promise.race([
    lab.over.then(() => "over"),
    new Promise((late) => setTimeout(late, 1500)),
  ]);
  assert.notEqual(early, "over");
  await lab.client.stop("all", "SIGTERM");
  await lab.over;
  assert.equal(await lab.client.status(), undefined);
});

test("it is not ended while turns run, unless they are to end too", async () => {
  await using scratch = await makeScratch("serve");
  await using lab = await makeLab(scratch.join("run"));
  await lab.client.submit(submission({ message: "wait" }));
  await assert.rejects(lab.client.shutdown({ turns: "refuse" }), /a turn is not over/);
  assert.equal(await lab.client.shutdown({ turns: "stop" }), true);
  await lab.over;
  assert.equal(await lab.client.shutdown({ turns: "refuse" }), false);
});

test("a state folder that lies deep has a socket too", { skip: needs("linux") }, async () => {
  await using scratch = await makeScratch("serve");
  await using lab = await makeLab(scratch.join("deep/".repeat(30), "run"));
  assert.ok(lab.socket.length > 150);
  assert.deepEqual((await lab.client.status())?.turns, []);
});

test(
  "where there is no folder for a socket, nobody listens",
  { skip: needs("linux") },
  async () => {
    await using scratch = await makeScratch("serve");
    for (const folder of ["run", join("deep/".repeat(30), "run")]) {
      assert.equal(await connect(scratch.join(folder, "supervisor.sock")), undefined);
    }
  },
);

function clientOf(scratch: Scratch, command: string[], prepare = () => {}): SupervisorClient {
  return makeClient(scratch.path, { log: scratch.join("log"), command, prepare });
}

test("one that cannot be started is told, with where to look", async () => {
  await using scratch = await makeScratch("serve");
  const client = clientOf(scratch, ["/bin/false"]);
  await assert.rejects(client.submit(submission()), (error: KugetsuError) => {
    assert.deepEqual([error.code, error.exit], ["supervisor-failed", 5]);
    assert.ok(error.hint?.includes(scratch.join("log")));
    return true;
  });
});

test("what kept one from coming up is told, and nothing of what others have said", async () => {
  await using scratch = await makeScratch("serve");
  await scratch.write("log", "2026-11-24T11:00:00.000Z earlier\n");
  const script = "echo '2026-11-24T12:00:00.000Z Cannot write it' >&2; exit 5";
  const says = clientOf(scratch, ["/bin/sh", "-c", script]);
  await assert.rejects(says.submit(submission()), {
    message: "Cannot reach the supervisor: Cannot write it",
  });
  const silent = clientOf(scratch, ["/bin/sh", "-c", "exit 5"]);
  await assert.rejects(silent.submit(submission()), {
    message: "Cannot reach the supervisor: it ended with 5",
  });
});

test("where one ends for another that never comes up, the next is started", async () => {
  await using scratch = await makeScratch("serve");
  const script = 'if mkdir "$0" 2>/dev/null; then exit 0; fi; exit 5';
  const client = clientOf(scratch, ["/bin/sh", "-c", script, scratch.join("first")]);
  await assert.rejects(client.submit(submission()), {
    message: "Cannot reach the supervisor: it ended with 5",
  });
});

test("one that is killed before it has come up is started again, a few times", async () => {
  await using scratch = await makeScratch("serve");
  const tries = async () => (await readFile(scratch.join("tries"), "utf8")).length;
  const killed = 'printf . >>"$0"; echo "2026-11-24T12:00:00.000Z on its way" >&2; kill -9 $$';
  const never = clientOf(scratch, ["/bin/sh", "-c", killed, scratch.join("tries")]);
  await assert.rejects(never.submit(submission()), {
    message: "Cannot reach the supervisor: it was ended by SIGKILL",
  });
  assert.equal(await tries(), 3);
  const once = `if [ -s "$0" ]; then exit 5; fi; ${killed}`;
  await scratch.write("tries", "");
  const then = clientOf(scratch, ["/bin/sh", "-c", once, scratch.join("tries")]);
  await assert.rejects(then.submit(submission()), {
    message: "Cannot reach the supervisor: it ended with 5",
  });
  assert.equal(await tries(), 1);
});

test("a log that cannot be opened is named", async () => {
  await using scratch = await makeScratch("serve");
  await mkdir(scratch.join("log"));
  const client = clientOf(scratch, ["/bin/false"]);
  await assert.rejects(client.submit(submission()), { code: "unwritable", exit: 5 });
});

test("none is started in a folder that is not fit for it, which is what is said", async () => {
  await using scratch = await makeScratch("serve");
  const client = clientOf(scratch, ["/bin/false"], () => {
    throw errors.networkFolder(scratch.path, "NFS");
  });
  await assert.rejects(client.submit(submission()), { code: "network-folder", exit: 5 });
});

test("a server is lent until it is given back: it shows on which issue, and nothing ends meanwhile", async () => {
  await using scratch = await makeScratch("serve");
  await using lab = await makeLab(scratch.path);
  const { client, released } = lab;
  const where = { key: REF, directory: "/somewhere" };
  const [one, two] = [await client.server(where), await client.server(where)];
  assert.deepEqual([one.url, one.password], ["http://127.0.0.1:1", "p"]);
  assert.deepEqual((await client.status())?.attached, [REF]);
  await assert.rejects(client.shutdown({ turns: "refuse" }), { code: "supervisor-busy" });
  one.giveBack();
  await until("one is given back", () => Promise.resolve(released.length === 1));
  assert.deepEqual((await client.status())?.attached, [REF]);
  two.giveBack();
  await until("both are given back", async () => (await client.status())?.attached?.length === 0);
  assert.deepEqual(released, ["/somewhere", "/somewhere"]);
});

test("whoever is attached is known to the next supervisor too, and only as long as he is", async () => {
  await using scratch = await makeScratch("serve");
  const first = await makeLab(scratch.path);
  const { client } = first;
  const lent = await client.server({ key: REF, directory: "/somewhere" });
  await assert.rejects(client.shutdown({ turns: "leave", again: true }), {
    code: "supervisor-busy",
    message: /somebody is attached to github.com\/shoko\/kugetsu#1$/,
  });
  await first[Symbol.asyncDispose]();
  // One of another build, which has nothing to do, does not end for that.
  await using next = await makeLab(scratch.path, 60, "another build");
  const attached = async () => (await next.client.status())?.attached?.length;
  await until("it is told", async () => await attached() === 1);
  lent.giveBack();
  await until("it is given back", async () => await attached() === 0);
  assert.deepEqual(next.released, ["/somewhere"]);
  // The very one that is used, and not whichever the next one would take for that folder.
  assert.deepEqual([first.kept, next.kept], [[undefined], ["http://127.0.0.1:1"]]);
});
