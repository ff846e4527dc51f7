package dev.nestwalk;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Requests;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.TreeMap;

/**
 * Random walks over random machines, hot walker against reference walker. The long run: {@code
 * RandomWalks FORMAT WALKS [FIRST-SEED]}, see CONTRIBUTING.
 */
final class RandomWalks {
  private static final int WALKS_PER_MACHINE = 250;

  /** Memories are compared after so many walks: comparing them costs more than a walk. */
  private static final int WALKS_PER_COMPARISON = 50;

  /** How often each answer came, by fault code; code -1 stands for success. */
  final Map<Integer, Long> answers = new TreeMap<>();

  private final Formats format;

  private RandomWalks(Formats format) {
    this.format = format;
  }

  /** Runs {@code machines} machines from {@code seed} on; throws at the first disagreement. */
  static RandomWalks run(Formats format, long seed, int machines) {
    RandomWalks walks = new RandomWalks(format);
    for (long current = seed; current < seed + machines; current++) {
      walks.machine(current);
    }
    return walks;
  }

  private void machine(long seed) {
    try (Arena arena = Arena.ofConfined()) {
      Formats.Sample sample = format.random(seed, arena);
      Requests request = sample.requests();
      for (int i = 1; i <= WALKS_PER_MACHINE; i++) {
        request.next();
        long answer =
            sample
                .translator()
                .translate(
                    request.sourceId(), request.pasid(), request.address(), request.access());
        Trace trace =
            sample
                .reference()
                .translate(
                    request.sourceId(), request.pasid(), request.address(), request.access());
        String difference = Comparison.difference(answer, sample.translator().lastFault(), trace);
        if (i % WALKS_PER_COMPARISON == 0) {
          long at = sample.memory().firstDifference(sample.copy());
          difference += at < 0 ? "" : " memory differs at 0x%x".formatted(at);
        }
        if (!difference.isEmpty()) {
          throw new AssertionError(
              "%s, seed %d, request %d (source %x pasid %x address %x access %x): %s%n%s"
                  .formatted(
                      format,
                      seed,
                      i,
                      request.sourceId(),
                      request.pasid(),
                      request.address(),
                      request.access(),
                      difference,
                      trace.steps()));
        }
        int code = Translation.isFault(answer) ? Translation.code(answer) : -1;
        answers.merge(code, 1L, Long::sum);
      }
    }
  }

  public static void main(String[] args) {
    Formats format = Formats.valueOf(args[0]);
    long walks = args.length > 1 ? Long.parseLong(args[1]) : 20_000_000;
    long seed = args.length > 2 ? Long.parseLong(args[2]) : 1_000_000;
    int machines = (int) (walks / WALKS_PER_MACHINE);
    Map<Integer, Long> all = new TreeMap<>();
    for (int done = 0; done < machines; done += 1000) {
      int batch = Math.min(1000, machines - done);
      run(format, seed + done, batch).answers.forEach((code, n) -> all.merge(code, n, Long::sum));
      System.err.printf("%d of %d machines%n", done + batch, machines);
    }
    all.forEach(
        (code, n) -> System.out.printf("%s %d%n", code < 0 ? "ok" : "0x%x".formatted(code), n));
    System.out.printf("%d walks, hot and reference agree%n", (long) machines * WALKS_PER_MACHINE);
  }
}
