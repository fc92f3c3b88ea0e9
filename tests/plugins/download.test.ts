import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { KugetsuError } from "../../src/errors.ts";
import { download } from "../../src/plugins/download.ts";
import { closed, listening } from "../support/forge_servers.ts";
import { makeScratch } from "../support/scratch.ts";

const PAGES: Record<string, RequestListener> = {
  "/good.ts": (_, response) => response.end("export default {};"),
  "/moved.ts": (_, response) => response.writeHead(302, { location: "/good.ts" }).end(),
  "/away.ts": (_, response) =>
    response.writeHead(302, { location: "http://git.example.org/good.ts" }).end(),
  "/file.ts": (_, response) => response.writeHead(302, { location: "file:///etc/hostname" }).end(),
  "/loop.ts": (_, response) => response.writeHead(302, { location: "/loop.ts" }).end(),
  "/large.ts": (_, response) => response.end(Buffer.alloc(4 * 1024 * 1024 + 1, " ")),
};

async function get(page: string): Promise<string | undefined> {
  await using scratch = await makeScratch("download");
  const server = await listening((request, response) => {
    const answer = PAGES[request.url!];
    if (answer) answer(request, response);
    else response.writeHead(404).end("not here");
  });
  const file = scratch.join("got.ts");
  try {
    await download(`http://127.0.0.1:${(server.address() as AddressInfo).port}${page}`, file);
    return await readFile(file, "utf8");
  } catch (error) {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit, existsSync(file)], ["bad-plugin", 2, false]);
    throw error;
  } finally {
    await closed(server);
  }
}

test("a file is got, also from where it has moved to", async () => {
  assert.equal(await get("/good.ts"), "export default {};");
  assert.equal(await get("/moved.ts"), "export default {};");
});

test("what leads away from https, without end, to nothing or to too much is refused", async () => {
  await assert.rejects(get("/away.ts"), /leads to an address that is not https/);
  await assert.rejects(get("/file.ts"), /leads to an address that is not https/);
  await assert.rejects(get("/loop.ts"), /redirects without end/);
  await assert.rejects(get("/missing.ts"), /the server answered 404/);
  await assert.rejects(get("/large.ts"), /more than 4 MB/);
});
