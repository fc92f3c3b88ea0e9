/** Finding a server that an earlier process has left; the server is the test's, its process one that only waits. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { OpencodeServer } from "../../src/runner/opencode_server.ts";
import { identify } from "../../src/platform/processes.ts";
import { needs } from "../support/needs.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const skip = needs("linux");

/** `dies` lets it answer once that it serves, and nothing more. */
async function leaveServer(scratch: Scratch, { dies = false } = {}) {
  const asked: string[] = [];
  let served = 0;
  const http = createServer((request, response) => {
    asked.push(request.url!);
    if (dies && served++ > 0) return void response.destroy();
    if (request.url === "/global/event") return void response.writeHead(200).write(": hello\n\n");
    response.end("{}");
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  const waits = spawn("/bin/sleep", ["60"], { stdio: "ignore" });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const state = { url, password: "p", id: "left", process: identify(waits.pid!) };
  const files = {
    state: await scratch.write("server.json", JSON.stringify(state)),
    log: scratch.join("server.log"),
  };
  return {
    url,
    asked,
    server: new OpencodeServer(files),
    [Symbol.asyncDispose]: async () => {
      waits.kill("SIGKILL");
      http.closeAllConnections();
      await new Promise((closed) => http.close(closed));
    },
  };
}

test("one that was left is reached once, whoever asks for it meanwhile", { skip }, async () => {
  await using scratch = await makeScratch("server");
  await using left = await leaveServer(scratch);
  const call = () => Promise.reject(new Error("it must not be started"));
  const [one, two, opened] = await Promise.all([
    left.server.find(),
    left.server.find(),
    left.server.open(call),
  ]);
  assert.equal(one?.url, left.url);
  assert.deepEqual([two, opened], [one, { connection: one, isFound: true }]);
  assert.equal(await left.server.find(), one);
  assert.deepEqual(left.asked.toSorted(), ["/global/event", "/global/health"]);
  one!.events.close();
});

test("one that dies while it is reached is none", { skip }, async () => {
  await using scratch = await makeScratch("server");
  await using left = await leaveServer(scratch, { dies: true });
  assert.equal(await left.server.find(), undefined);
  assert.equal(await left.server.find(), undefined, "it was kept");
});
