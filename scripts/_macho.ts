/**
 * Ad hoc signatures of macOS executables: what `codesign --sign -` writes, for machines that have no codesign.
 *
 * Bun signs what it makes for arm64, and leaves the signature of its own base executable, which no longer fits, in
 * what it makes for x64. A signature is a "code directory" at the end of the file: a hash of each page of 4 kB
 * before it. Numbers in the file's header are little-endian, those in a signature big-endian.
 */
import { createHash } from "node:crypto";

const MAGIC_64 = 0xfeedfacf;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const VERSION_WITH_EXEC_SEGMENT = 0x20400;
const FLAGS_ADHOC_LINKER_SIGNED = 0x20002;
const HASH_SHA256 = 2;
const HASH_SIZE = 32;
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const DIRECTORY_HEADER = 88;
const BLOB_HEADER = 20;
const EXEC_SEGMENT_MAIN_BINARY = 1n;

interface Layout {
  /** Where in the header the load command of the signature stands, and of __LINKEDIT, which ends with it. */
  signatureCommand: number;
  linkeditCommand: number;
  signatureAt: number;
  textAt: bigint;
  textSize: bigint;
}

/** The same executable with an ad hoc signature in place of the one that it has. */
export function signAdHoc(executable: Uint8Array, identifier: string): Uint8Array {
  const { signatureAt } = layoutOf(executable);
  const pages = Math.ceil(signatureAt / PAGE);
  const hashesAt = DIRECTORY_HEADER + identifier.length + 1;
  const size = BLOB_HEADER + hashesAt + pages * HASH_SIZE;
  const signed = new Uint8Array(signatureAt + size);
  signed.set(executable.subarray(0, signatureAt));
  // The header is part of what is hashed, so it comes first.
  resize(signed, size);
  signed.set(directoryOf(signed, identifier, hashesAt, size), signatureAt);
  return signed;
}

/** What is wrong with the signature; undefined if it fits. */
export function whyNotSigned(executable: Uint8Array): string | undefined {
  const { signatureAt } = layoutOf(executable);
  const view = viewOf(executable, signatureAt);
  if (view.getUint32(0) !== SUPER_BLOB) return "there is no signature";
  const directoryAt = view.getUint32(16);
  const directory = viewOf(executable, signatureAt + directoryAt);
  if (directory.getUint32(0) !== CODE_DIRECTORY) return "it has no code directory";
  const [hashesAt, pages, limit] = [16, 28, 32].map((at) => directory.getUint32(at));
  if (limit !== signatureAt) return `it covers ${limit} bytes of ${signatureAt}`;
  const size = 1 << directory.getUint8(39);
  if (pages !== Math.ceil(limit / size)) return `it has ${pages} pages`;
  const hashes = signatureAt + directoryAt + hashesAt!;
  for (let page = 0; page < pages; page++) {
    const at = hashes + page * HASH_SIZE;
    const found = hashOf(executable.subarray(page * size, Math.min(limit, (page + 1) * size)));
    if (!found.equals(executable.subarray(at, at + HASH_SIZE))) return `page ${page} was changed`;
  }
  return undefined;
}

function resize(executable: Uint8Array, size: number): void {
  const { signatureCommand, linkeditCommand, signatureAt } = layoutOf(executable);
  viewOf(executable, signatureCommand).setUint32(12, size, true);
  const linkedit = viewOf(executable, linkeditCommand);
  const fileSize = BigInt(signatureAt + size) - linkedit.getBigUint64(40, true);
  linkedit.setBigUint64(48, fileSize, true);
  // In memory it takes whole pages; those of Apple's own processors have 16 kB.
  linkedit.setBigUint64(32, (fileSize + 0x3fffn) & ~0x3fffn, true);
}

function directoryOf(
  executable: Uint8Array,
  identifier: string,
  hashesAt: number,
  size: number,
): Uint8Array {
  const { signatureAt, textAt, textSize } = layoutOf(executable);
  const pages = Math.ceil(signatureAt / PAGE);
  const blob = new Uint8Array(size);
  const outer = viewOf(blob, 0);
  [SUPER_BLOB, size, 1, 0, BLOB_HEADER].forEach((it, index) => outer.setUint32(index * 4, it));
  const inner = viewOf(blob, BLOB_HEADER);
  [
    CODE_DIRECTORY,
    size - BLOB_HEADER,
    VERSION_WITH_EXEC_SEGMENT,
    FLAGS_ADHOC_LINKER_SIGNED,
    hashesAt,
    DIRECTORY_HEADER,
    0,
    pages,
    signatureAt,
  ].forEach((it, index) => inner.setUint32(index * 4, it));
  [HASH_SIZE, HASH_SHA256, 0, PAGE_BITS].forEach((it, index) => inner.setUint8(36 + index, it));
  [textAt, textSize, EXEC_SEGMENT_MAIN_BINARY].forEach((it, index) =>
    inner.setBigUint64(64 + index * 8, it)
  );
  blob.set(new TextEncoder().encode(identifier), BLOB_HEADER + DIRECTORY_HEADER);
  for (let page = 0; page < pages; page++) {
    const bytes = executable.subarray(page * PAGE, Math.min(signatureAt, (page + 1) * PAGE));
    blob.set(hashOf(bytes), BLOB_HEADER + hashesAt + page * HASH_SIZE);
  }
  return blob;
}

function layoutOf(executable: Uint8Array): Layout {
  const header = viewOf(executable, 0);
  if (header.getUint32(0, true) !== MAGIC_64) throw new Error("It is no 64-bit Mach-O executable");
  const found: Partial<Layout> = {};
  let at = 32;
  for (let left = header.getUint32(16, true); left > 0; left--) {
    const command = viewOf(executable, at);
    const kind = command.getUint32(0, true);
    if (kind === LC_CODE_SIGNATURE) {
      Object.assign(found, { signatureCommand: at, signatureAt: command.getUint32(8, true) });
    }
    const name = kind === LC_SEGMENT_64 ? nameOf(executable.subarray(at + 8, at + 24)) : "";
    if (name === "__LINKEDIT") found.linkeditCommand = at;
    if (name === "__TEXT") {
      found.textAt = command.getBigUint64(40, true);
      found.textSize = command.getBigUint64(48, true);
    }
    at += command.getUint32(4, true);
  }
  const missing = ["signatureAt", "linkeditCommand", "textAt"].filter((it) => !(it in found));
  if (missing.length > 0) throw new Error(`The executable has no ${missing.join(", ")}`);
  return found as Layout;
}

function nameOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\0+$/, "");
}

function viewOf(bytes: Uint8Array, at: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + at);
}

function hashOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
