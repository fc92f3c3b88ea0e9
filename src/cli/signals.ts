/** What signals mean while opencode works for us: Ctrl-C and SIGTERM stop it; losing the terminal does not. */

/**
 * Runs `work` with a signal that is aborted by SIGINT or SIGTERM, with the name as its reason. SIGHUP is ignored
 * meanwhile: a lost login must not cost a turn.
 */
export async function untilStopped<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onStop: () => void,
): Promise<T> {
  const controller = new AbortController();
  const handlers = (["SIGINT", "SIGTERM"] as const).map((name) => {
    const stop = () => {
      if (controller.signal.aborted) return;
      onStop();
      controller.abort(name);
    };
    process.on(name, stop);
    return () => process.off(name, stop);
  });
  const ignore = () => {};
  process.on("SIGHUP", ignore);
  try {
    return await work(controller.signal);
  } finally {
    for (const remove of handlers) remove();
    process.off("SIGHUP", ignore);
  }
}
