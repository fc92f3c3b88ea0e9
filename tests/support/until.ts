/** Waits for a condition, so that no test has to guess how long something takes. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!await isSo()) {
    if (Date.now() > deadline) throw new Error(`It took too long until ${what}`);
    await new Promise((later) => setTimeout(later, 20));
  }
}
