/** `kugetsu events`, as a program that watches would use it. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { eventSchema } from "../../scripts/event_schema.ts";
import { assertTrue, eventsOf, glance, parseEvents } from "../support/events.ts";
import { violations } from "../support/json_schema.ts";
import { needs } from "../support/needs.ts";
import { killBackground, makeStateFolder } from "../support/state_folder.ts";
import { until } from "../support/until.ts";

const REF = "github.com/shoko/kugetsu#14";
const OTHER = "github.com/shoko/kugetsu#15";
const SECRET = "a message that nobody else may see";

test("it tells of every command's work, in the form of its schema, and nothing that was said", async () => {
  await using lab = await makeStateFolder();
  assert.deepEqual((await eventsOf(lab)).map(glance), ["standing null>idle"]);
  await lab.kugetsu(["start", REF, SECRET]);
  await lab.standIn.does("refuse 401", { once: true });
  await lab.kugetsu(["continue", REF, SECRET]);
  await lab.kugetsu(["destroy", REF, "-y", "--keep-session"]);
  await lab.kugetsu(["destroy", "--base", "-y"]);
  const events = await eventsOf(lab);
  assert.deepEqual(events.map(glance), [
    "standing null>idle",
    "added null>queued",
    "begun queued>starting",
    "session starting>running",
    "ended running>idle done",
    "queued idle>queued",
    "begun queued>running",
    "ended running>failed failed",
    "removed failed>null",
    "removed idle>null",
  ]);
  const schema = JSON.parse(await eventSchema());
  for (const event of events) assert.deepEqual(violations(schema, event), []);
  assert.doesNotMatch(JSON.stringify(events), new RegExp(SECRET));
  await assertTrue(events, lab.state);
});

test("any number of followers see what happens while it happens, and end by Ctrl-C", async () => {
  await using lab = await makeStateFolder();
  const since = (await eventsOf(lab)).at(-1)!.cursor;
  const followers = [1, 2, 3].map(() => lab.spawn(["events", "-f", "--since", since]));
  await lab.standIn.does("stall");
  const turn = lab.spawn(["start", REF, "do it"]);
  for (const follower of followers) await follower.sees(/"event":"session"/);
  turn.kill("SIGINT");
  for (const follower of followers) await follower.sees(/"outcome":"cancelled"/);
  const all = await eventsOf(lab, since);
  assert.equal(all.length, 4);
  for (const follower of followers) {
    follower.kill("SIGINT");
    const { code, signal, stdout, stderr } = await follower.ended;
    assert.deepEqual([code, signal, stderr], [null, "SIGINT", ""]);
    assert.deepEqual(parseEvents(stdout), all);
  }
});

test("a follower of a folder that is not there yet waits for it", async () => {
  await using lab = await makeStateFolder({ base: false });
  const follower = lab.spawn(["events", "-f"]);
  await lab.standIn.addSession("ses_1", lab.scratch.path);
  assert.equal((await lab.kugetsu(["init", "--session", "ses_1"])).code, 0);
  await follower.sees(/"event":"added".*"session":"ses_1"/);
});

test("a follower whose reader has gone ends well", async () => {
  await using lab = await makeStateFolder();
  const call = lab.spawn(["events", "-f"], { under: ["sh", "-c", '"$0" "$@" | head -n 1'] });
  await call.sees(/standing/);
  await lab.kugetsu(["start", REF, "do it"]);
  const { code, stderr } = await call.ended;
  assert.deepEqual([code, stderr], [0, ""]);
});

test("a full disk behind it is an error, and ends it", { skip: needs("linux") }, async () => {
  await using lab = await makeStateFolder();
  const call = lab.spawn(["events", "-f"], { under: ["sh", "-c", '"$0" "$@" >/dev/full'] });
  const { code, stderr } = await call.ended;
  assert.equal(code, 5);
  assert.match(stderr, /Cannot write "standard output"/);
});

test("a turn that was killed is told as interrupted to those who follow", async () => {
  await using lab = await makeStateFolder();
  await lab.standIn.does("stall");
  const turn = lab.spawn(["start", REF, "do it"]);
  await until("it runs", async () => (await eventsOf(lab)).some((it) => it.to === "running"));
  await killBackground(lab);
  const follower = lab.spawn(["events", "-f"]);
  await follower.sees(/"event":"interrupted".*"from":"running","to":"failed"/);
  await lab.standIn.does("say ok");
  assert.equal((await lab.kugetsu(["continue", REF])).code, 0);
  await follower.sees(/"from":"failed","to":"queued".*\n.*"to":"running".*\n.*"outcome":"done"/);
  await turn.ended;
});

test("bad cursors are refused with what to do", async () => {
  await using lab = await makeStateFolder();
  const bad = await lab.kugetsu(["events", "--since", "yesterday"]);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /"yesterday": it is no cursor of an event\n {2}try: kugetsu events\n/);
  const gone = await lab.kugetsu(["events", "--since", "000001-000000-7", "--json"]);
  assert.equal(gone.code, 3);
  assert.equal(JSON.parse(gone.stderr).error.code, "no-cursor");
});

test("list neither reads the journal nor begins one", { skip: needs("strace") }, async () => {
  await using lab = await makeStateFolder();
  await lab.kugetsu(["start", OTHER, "do it"]);
  const log = lab.scratch.join("calls.log");
  const under = ["strace", "-f", "-e", "trace=file", "-o", log, "--"];
  for (const args of [["list"], ["list", "--json"], ["__refs", "continue"]]) {
    assert.equal((await lab.kugetsu(args, { under })).code, 0);
    const calls = await readFile(log, "utf8");
    assert.match(calls, /index\.json/);
    assert.ok(!calls.includes(join(lab.state, "journal")));
  }
});
