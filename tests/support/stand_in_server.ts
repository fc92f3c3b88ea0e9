/**
 * `opencode serve` of the stand-in: sessions can be made, asked for and deleted. A session is a file in
 * ROOT/sessions that holds its folder. Started by stand_in.sh with ROOT as its argument.
 */
import { randomUUID } from "node:crypto";
import { readFile, unlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";

const [root = "."] = process.argv.slice(2);
const password = process.env.OPENCODE_SERVER_PASSWORD;
const fileOf = (id: string) => join(root, "sessions", id);

const server = createServer((request, response) => {
  answer(request, response).catch((error) => reply(response, 500, { message: String(error) }));
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`opencode server listening on http://127.0.0.1:${port}\n`);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!mayCome(request)) return reply(response, 401, { message: "Unauthorized" });
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname === "/global/health") return reply(response, 200, { healthy: true });
  const [, id] = /^\/session(?:\/([\w-]+))?$/.exec(url.pathname) ?? [];
  if (request.method === "POST" && url.pathname === "/session") {
    const { title = "" } = JSON.parse(await bodyOf(request) || "{}");
    const made = `ses_${randomUUID().replaceAll("-", "")}`;
    const header = request.headers["x-opencode-directory"];
    const asked = url.searchParams.get("directory") ?? (header && decodeURIComponent(`${header}`));
    await writeFile(fileOf(made), asked ?? process.cwd());
    return reply(response, 200, { id: made, directory: asked ?? process.cwd(), title });
  }
  const directory = id && await readFile(fileOf(id), "utf8").catch(() => undefined);
  if (directory === undefined) {
    return reply(response, 404, { name: "NotFoundError", data: { message: "Session not found" } });
  }
  if (request.method === "GET") return reply(response, 200, { id, directory, title: "" });
  if (request.method !== "DELETE") return reply(response, 405, { message: "Not known here" });
  await unlink(fileOf(id!));
  return reply(response, 200, true);
}

function mayCome(request: IncomingMessage): boolean {
  const expected = `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}`;
  return !password || request.headers.authorization === expected;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
