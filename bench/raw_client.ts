/**
 * What somebody would write to use opencode's server without kugetsu, compiled by many.ts with kugetsu's own flags:
 * `raw_client FOLDER BASE` forks the base, moves the fork to a folder, runs a turn there and prints the fork's id;
 * `raw_client FOLDER "" SESSION` runs the next turn. The message comes on standard input, the server by `RAW_SERVER`.
 */
import { createOpencodeClient } from "@opencode-ai/sdk/v2/client";
import { readFileSync } from "node:fs";
import process from "node:process";

const [directory, base, known] = process.argv.slice(2);
const text = readFileSync(0, "utf8");
const server: { baseUrl: string; headers: Record<string, string> } = JSON.parse(
  process.env["RAW_SERVER"]!,
);
const client = createOpencodeClient({ ...server, directory: directory! });

async function fork(): Promise<string> {
  const { data } = await client.session.fork({ sessionID: base! }, { throwOnError: true });
  const sessionID = data.id;
  const destination = { directory: directory! };
  await client.experimental.controlPlane.moveSession(
    { sessionID, destination },
    { throwOnError: true },
  );
  await client.session.get({ sessionID }, { throwOnError: true });
  await client.session.update({ sessionID, title: "raw" }, { throwOnError: true });
  return sessionID;
}

const sessionID = known ?? await fork();
await client.session.prompt(
  { sessionID, parts: [{ type: "text", text }] },
  { throwOnError: true },
);
console.log(sessionID);
